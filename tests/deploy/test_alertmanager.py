"""Each alert reaches those whom it concerns, and what follows from another one reaches nobody."""

import json
import re
from typing import Any

import pytest

from tests.deploy.monitoring import ALERTMANAGER, alerts, read, run, unknown_names

CONFIGURATION: dict[str, Any] = read(ALERTMANAGER)
RECEIVERS = {
    ("platform", "critical"): "platform-page",
    ("platform", "warning"): "platform",
    ("complaints", "critical"): "complaints",
    ("complaints", "warning"): "complaints",
    ("retention", "critical"): "retention",
    ("retention", "warning"): "retention",
}
"""Who is to hear of what."""


def route(*labels: str, receiver: str) -> None:
    """`amtool config routes test`."""
    words = ("config", "routes", "test", f"--config.file={ALERTMANAGER}", f"--verify.receivers={receiver}")
    run("prometheus-alertmanager", "amtool", *words, *labels)


def test_alertmanager_reads_its_configuration() -> None:
    """`amtool check-config`."""
    run("prometheus-alertmanager", "amtool", "check-config", ALERTMANAGER)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_an_alert_goes_to_its_team(rule: dict[str, Any]) -> None:
    """By the labels that its rule gives it."""
    severity, team = rule["labels"]["severity"], rule["labels"]["team"]
    route(f"alertname={rule['alert']}", f"severity={severity}", f"team={team}", receiver=RECEIVERS[team, severity])


def test_what_nobody_owns_goes_to_the_platform_team() -> None:
    """An alert of somebody else's rule is not lost."""
    route("alertname=SomethingElse", receiver="platform")


def test_the_routing_test_bites() -> None:
    """amtool fails where the receiver is another one."""
    with pytest.raises(AssertionError):
        route("alertname=EbbwatchNoWorker", "severity=critical", "team=platform", receiver="platform")


def test_every_receiver_is_used_and_keeps_its_secret_in_a_file() -> None:
    """No address and no key stands in the configuration; each is in a file of its own beside it."""
    names = {receiver["name"] for receiver in CONFIGURATION["receivers"]}
    files = re.findall(r"\w+_file: ([^\s,}]+)", ALERTMANAGER.read_text())
    assert names == set(RECEIVERS.values())
    assert sorted(files) == sorted(f"/etc/alertmanager/receivers/{name.replace('-', '_')}" for name in names)
    keys = set(re.findall(r"\b\w*(?:url|key|token|password|secret)\w*(?=:)", ALERTMANAGER.read_text()))
    assert keys == {"api_url_file", "routing_key_file"}


def test_what_is_inhibited_exists() -> None:
    """Alerts that are named are there; labels to compare and to group by are those of metrics."""
    known = {rule["alert"] for rule in alerts()}
    assert set(re.findall(r"Ebbwatch[A-Z]\w+", json.dumps(CONFIGURATION["inhibit_rules"]))) <= known
    labels = {label for rule in CONFIGURATION["inhibit_rules"] for label in rule.get("equal", ())}
    routes = [CONFIGURATION["route"], *CONFIGURATION["route"]["routes"]]
    labels |= {label for each in routes for label in each.get("group_by", ())}
    series = "ebbwatch_sla_events_total + ebbwatch_webhook_disabled"
    assert unknown_names([f"sum by ({', '.join(sorted(labels))}) ({series})"]) == set()
