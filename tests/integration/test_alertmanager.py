"""A running Alertmanager with our configuration: who is told, and what is held back until it is news."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.monitoring import alerts
from tests.deploy.test_alertmanager import RECEIVERS
from tests.support.alertmanager_server import AlertmanagerServer, Labels
from tests.support.notifier import SECRET
from tests.support.webhook_receiver import WebhookReceiver

LONGEST_S = 30.0
SETTLED_S = 1.5
"""Five times as long as a group waits: what is wrongly told has been told by then."""


def labels(alertname: str, severity: str, **more: str) -> Labels:
    """An alert of ours as Prometheus sends it: the labels of its rule, and those of its series."""
    (team,) = {
        rule["labels"]["team"]
        for rule in alerts()
        if (rule["alert"], rule["labels"]["severity"]) == (alertname, severity)
    }
    return frozenset({"alertname": alertname, "severity": severity, "team": team, **more}.items())


CARE = {"profile": "care", "clock": "responded"}
STALLED = labels("EbbwatchDataStalled", "critical")
NO_WORKER = labels("EbbwatchNoWorker", "critical")
BUSINESS = {
    labels("EbbwatchSlaBurnFast", "critical", **CARE),
    labels("EbbwatchSlaBurnSlow", "warning", profile="crm", clock="closed"),
    labels("EbbwatchSlaBreaches", "warning", **CARE),
    labels("EbbwatchSlaUnknown", "critical", **CARE),
    labels("EbbwatchOutflowSurge", "critical"),
    labels("EbbwatchInquiryCluster", "warning"),
}
SAID_ALREADY = {
    labels("EbbwatchSlaBurnSlow", "warning", **CARE),  # it burns fast
    labels("EbbwatchDeadLetters", "warning"),  # it is critical
    labels("EbbwatchWebhookLate", "warning", endpoint="crm"),  # it is left alone
}
SERVICE = {
    STALLED,
    labels("EbbwatchDeadLetters", "critical"),
    labels("EbbwatchWebhookCircuitOpen", "warning", endpoint="crm"),
    labels("EbbwatchWebhookLate", "critical", endpoint="crm"),
    labels("EbbwatchWebhookLate", "warning", endpoint="audit"),
    labels("EbbwatchCalendarHorizon", "warning", calendar="cn"),
    labels("EbbwatchStoreErrors", "warning"),
}


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver(SECRET) as running:
        yield running


@pytest.fixture
def manager(tmp_path: Path, receiver: WebhookReceiver) -> Iterator[AlertmanagerServer]:
    with AlertmanagerServer(tmp_path, receiver.url("")) as running:
        yield running


def told(receiver: WebhookReceiver) -> dict[str, set[Labels]]:
    """Of which alerts that fire each receiver has been told."""
    found: dict[str, set[Labels]] = defaultdict(set)
    for arrival in list(receiver.arrivals):
        for alert in json.loads(arrival.body)["alerts"]:
            if alert["status"] == "firing":
                found[arrival.path.removeprefix("/")].add(frozenset(alert["labels"].items()))
    return found


def by_receiver(*groups: set[Labels]) -> dict[str, set[Labels]]:
    """Who is to be told of these alerts."""
    found: dict[str, set[Labels]] = defaultdict(set)
    for alert in set().union(*groups):
        named = dict(alert)
        found[RECEIVERS[named["team"], named["severity"]]].add(alert)
    return found


def until(reached: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + LONGEST_S
    while not reached():
        assert time.monotonic() < give_up, what
        time.sleep(0.05)


def test_business_alerts_wait_while_data_are_stalled(manager: AlertmanagerServer, receiver: WebhookReceiver) -> None:
    """Everything fires at once: the platform team is told, the business teams when data flow again, nobody twice."""
    manager.fire(SERVICE | BUSINESS | SAID_ALREADY)
    until(lambda: told(receiver) == by_receiver(SERVICE), "the platform team is not told")
    until(lambda: manager.suppressed() == BUSINESS | SAID_ALREADY, "not everything else is held back")
    time.sleep(SETTLED_S)
    assert told(receiver) == by_receiver(SERVICE)

    manager.resolve({STALLED})
    until(lambda: told(receiver) == by_receiver(SERVICE, BUSINESS), "the business teams are not told")
    time.sleep(SETTLED_S)
    assert told(receiver) == by_receiver(SERVICE, BUSINESS)
    assert manager.suppressed() == SAID_ALREADY


def test_without_a_worker_nothing_else_is_news(manager: AlertmanagerServer, receiver: WebhookReceiver) -> None:
    """What follows from it, and what is said of customers, is told only once there is a worker again."""
    follows = {
        labels("EbbwatchWorkerDown", "warning"),
        labels("EbbwatchLagGrows", "warning", topic="bank.calls"),
        STALLED,
    }
    manager.fire({NO_WORKER} | follows | BUSINESS)
    until(lambda: told(receiver) == by_receiver({NO_WORKER}), "nobody is told")
    until(lambda: manager.suppressed() == follows | BUSINESS, "not everything else is held back")
    time.sleep(SETTLED_S)
    assert told(receiver) == by_receiver({NO_WORKER})

    manager.resolve({NO_WORKER})
    until(lambda: told(receiver) == by_receiver({NO_WORKER}, follows), "what holds on is not told")
    assert manager.suppressed() == BUSINESS, "data are still stalled"
