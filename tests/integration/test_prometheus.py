"""A real Prometheus over a real worker, notifier and learner: rules evaluate, and no panel of a dashboard is empty.

Prometheus looks twice a second, so that a few seconds hold what minutes hold in a bank; panels are asked with a window
of ten seconds where Grafana takes one of its own.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.context import Stream
from streams.names import STREAM_TOPICS
from tests.deploy.monitoring import DASHBOARDS, expressions, rules
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import read_topic
from tests.support.live_service import until
from tests.support.redis_server import RedisServer
from tests.support.watched_service import JOBS, REFUSED, Scene, watched

WINDOW = "10s"


@pytest.fixture(scope="module")
def scene(
    kafka: KafkaServer, redis_of_session: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """What all tests of this module look at."""
    with watched(kafka, redis_of_session, tmp_path_factory.mktemp("prometheus")) as scene:
        yield scene


def test_everything_is_scraped(scene: Scene) -> None:
    """The jobs that we ship are those that answer."""
    targets = scene.prometheus.ask("targets")["activeTargets"]
    assert {(target["labels"]["job"], target["health"]) for target in targets} == {(job, "up") for job in JOBS}


def test_every_rule_evaluates(scene: Scene) -> None:
    """Each that we ship, without an error."""
    prometheus = scene.prometheus

    def evaluated() -> list[dict[str, Any]]:
        return [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]

    until(lambda: all(rule["health"] != "unknown" for rule in evaluated()), "rules are not evaluated")
    found = evaluated()
    assert [(rule["name"], rule["lastError"]) for rule in found if rule["health"] != "ok"] == []
    assert sorted(rule["name"] for rule in found) == sorted(rule.get("alert") or rule["record"] for rule in rules())


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_every_query_of_a_dashboard_returns_data(scene: Scene, file: Path) -> None:
    """Numbers, not only series: what divides nothing by nothing would be an empty panel."""
    left = expressions(file, WINDOW)

    def shown() -> bool:
        left[:] = [expression for expression in left if not scene.prometheus.points(expression)]
        return not left

    until(shown, lambda: "no data for\n" + "\n".join(left))


def test_what_is_shown_is_what_happened(scene: Scene) -> None:
    """Alerts as the topic has them, dead letters as they were sent, deliveries as the receiver counted them."""
    records = read_topic(scene.service.kafka.bootstrap, STREAM_TOPICS[Stream.ALERTS])
    alerts = [json.loads(record.value)["data"] for run in records.values() for record in run]
    assert alerts
    for rule in {alert["rule"] for alert in alerts}:
        expression = f'sum(ebbwatch_alerts_total{{rule="{rule}",state="raised"}})'
        raised = sum((alert["rule"], alert["state"]) == (rule, "raised") for alert in alerts)
        scene.wait_for(expression, raised)
    scene.wait_for('ebbwatch_dead_letters_total{reason="not_json"}', REFUSED)
    scene.wait_for('ebbwatch_webhook_attempts_total{endpoint="crm",outcome="delivered"}', len(alerts))
    assert len(scene.receiver.accepted("/crm")) == len(alerts)


def test_an_alert_fires_of_what_is_wrong_and_none_of_what_is_not(scene: Scene) -> None:
    """An endpoint is gone, one refuses, most promises are broken; but nothing is lost."""
    wanted = {"EbbwatchWebhookDisabled", "EbbwatchWebhookParked", "EbbwatchSlaBurnFast"}
    until(lambda: wanted <= scene.prometheus.firing(), lambda: f"only {scene.prometheus.firing()}")
    assert not {"EbbwatchLedgerGap", "EbbwatchFeedGap", "EbbwatchNotifierGap"} & scene.prometheus.firing()


def test_nobody_is_in_a_label(scene: Scene) -> None:
    """No value of any label of any series is, or holds, an id of a customer, an account, a case or an event."""
    published = [json.loads(line) for line in scene.published]
    ids = {event[name] for event in published for name in event if name.endswith("_id")}
    assert len(ids) > 1000
    for label in scene.prometheus.ask("labels"):
        for value in scene.prometheus.ask(f"label/{label}/values"):
            assert not ids & {value, *re.split(r"[^\w-]+", value)}, label
