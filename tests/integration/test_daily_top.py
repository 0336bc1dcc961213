"""A notifier that is killed at list time, on a real Kafka and a real receiver: each list once, and the rest later."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.alerts import Alert, alert_id, instant
from tests.support.alerts import made_alert, publish_alerts, webhook_id
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import fresh_topics
from tests.support.notifier import SECRET, Notifier, webhook, write_endpoints
from tests.support.webhook_receiver import Manners, WebhookReceiver

PARTITIONS = 2
LONGEST_S = 60.0
MOST = 3
CUSTOMERS = 8
SOON_S = 4.0
APART_S = 2.0
DESKS = ("first", "second")


def until(reached: Callable[[], bool]) -> None:
    give_up = time.monotonic() + LONGEST_S
    while not reached():
        assert time.monotonic() < give_up, "it takes too long"
        time.sleep(0.02)


def risk(customer: int, revision: int = 1, state: str = "raised") -> Alert:
    """The higher the customer's number, the higher the risk."""
    return made_alert(
        f"C{customer}",
        revision,
        rule="churn_risk",
        alert_id=alert_id("churn_risk", f"C{customer}", "", "tick:1"),
        at=instant(round(time.time() * 1000)),
        severity="warning",
        state=state,
        figures={"score": customer / 10},
    )


def desk(name: str, receiver: WebhookReceiver, at_s: float) -> dict[str, Any]:
    """An endpoint whose list is due at that time."""
    at = datetime.fromtimestamp(at_s, UTC).strftime("%H:%M:%S")
    top = {"rules": ["churn_risk"], "k": MOST, "at": at, "zone": "UTC"}
    quick = {"backoff_first_s": 0.2, "backoff_most_s": 0.5, "max_in_flight": 1, "attempts": 100, "timeout_s": 2.0}
    return webhook(name, receiver.url(f"/{name}"), daily_top=top, circuit_failures=1000, **quick)


def test_killed_at_list_time(kafka: KafkaServer, tmp_path: Path) -> None:
    """One list is made when the notifier dies and none of it delivered, the other is due while nobody runs.

    Both arrive once, with who matters most; who has been answered or was not chosen does not.
    """
    fresh_topics(kafka.bootstrap, PARTITIONS)
    with WebhookReceiver(SECRET) as receiver:
        path = tmp_path / "endpoints.toml"
        now_s = time.time()
        write_endpoints(path, *(desk(name, receiver, now_s - 3600) for name in DESKS))
        notifier = Notifier(kafka, tmp_path, path)
        process = notifier.start()

        def waiting(name: str) -> float:
            return process.metric(f'ebbwatch_webhook_daily_list_waiting{{endpoint="{name}"}}')

        alerts = [risk(customer) for customer in range(1, CUSTOMERS + 1)]
        publish_alerts(kafka.bootstrap, [*alerts, risk(CUSTOMERS, 2, "acknowledged")], PARTITIONS)
        until(lambda: all(waiting(name) == CUSTOMERS - 1 for name in DESKS))
        assert receiver.arrivals == []
        notifier.kill()

        receiver.manners["/first"] = Manners(fails=1.0)
        due_s = time.time() + SOON_S
        write_endpoints(path, desk("first", receiver, due_s), desk("second", receiver, due_s + APART_S))
        process = notifier.start()
        until(lambda: len(receiver.at("/first")) > 0)
        notifier.kill()
        assert receiver.accepted("/first") == set()
        until(lambda: time.time() > due_s + APART_S)
        receiver.manners["/first"] = Manners()
        process = notifier.start()
        expected = [webhook_id(alert) for alert in alerts[-2 : -2 - MOST : -1]]
        until(lambda: all(receiver.accepted(f"/{name}") == set(expected) for name in DESKS))
        until(lambda: all(waiting(name) == CUSTOMERS - 1 - MOST for name in DESKS))
        told = risk(CUSTOMERS - 1, 2, "resolved")
        publish_alerts(kafka.bootstrap, [told, risk(1, 2, "resolved")], PARTITIONS)
        until(lambda: all(webhook_id(told) in receiver.accepted(f"/{name}") for name in DESKS))
        until(lambda: all(waiting(name) == CUSTOMERS - 2 - MOST for name in DESKS))
        notifier.stop()
    for name in DESKS:
        accepted = [arrival.webhook_id for arrival in receiver.at(f"/{name}") if arrival.status == 204]
        assert accepted[-1] == webhook_id(told)
        assert sorted(accepted[:-1]) == sorted(expected)
        assert all(arrival.verified for arrival in receiver.at(f"/{name}"))
    assert [arrival.webhook_id for arrival in receiver.at("/second")][:MOST] == expected
