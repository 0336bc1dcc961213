"""The notifier on a real Kafka and a real receiver: killed, refused, kept waiting, and what arrives all the same."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import pytest

from models.alerts import Alert
from tests.support import settings
from tests.support.alerts import made_alert, publish_alerts, webhook_id
from tests.support.attempts_picture import by_second, keep_attempts
from tests.support.figures import show, show_table
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import fresh_topics
from tests.support.notifier import SECRET, Notifier, webhook, write_endpoints
from tests.support.webhook_receiver import Arrival, Manners, WebhookReceiver

PARTITIONS = 4
CUSTOMERS_EACH = 20
"""Alerts of one customer."""
IN_FLIGHT = 32
MOST_EACH_S = 300
"""Attempts a second that the receiver takes."""
DAY_S = 86_400
LONGEST_S = 600.0


def until(reached: Callable[[], bool], what: str) -> None:
    """Wait; what takes far too long is a failure."""
    give_up = time.monotonic() + LONGEST_S
    while not reached():
        assert time.monotonic() < give_up, what
        time.sleep(0.02)


def made_alerts(count: int) -> list[Alert]:
    """Revision after revision of every customer's alert, side by side as they would come."""
    customers = count // CUSTOMERS_EACH
    return [
        made_alert(f"C{customer}", revision)
        for revision in range(1, CUSTOMERS_EACH + 1)
        for customer in range(customers)
    ]


def out_of_order(arrivals: Iterable[Arrival]) -> list[str]:
    """Ids that came although an earlier revision of the same alert had not been accepted."""
    accepted: dict[str, int] = defaultdict(int)
    wrong = []
    for arrival in arrivals:
        alert, _, revision = arrival.webhook_id.rpartition(".")
        if int(revision) > accepted[alert] + 1:
            wrong.append(arrival.webhook_id)
        if arrival.status == 204:
            accepted[alert] = max(accepted[alert], int(revision))
    return wrong


def show_attempts(arrivals: list[Arrival], kills_s: list[float]) -> None:
    """Attempts a second as a histogram for people, with the kills in it."""
    seconds = [second.total() for second in by_second(arrivals)]
    struck = Counter(int(at_s) - int(arrivals[0].at_s) for at_s in kills_s)
    rows = [
        (second, count, "#" * round(50 * count / max(seconds)) + " kill -9" * struck[second])
        for second, count in enumerate(seconds)
    ]
    width = max(len(bar) for *_, bar in rows)
    show_table("attempts a second", ["s", "attempts", ""], [(str(s), n, bar.ljust(width)) for s, n, bar in rows])


def prove(kafka: KafkaServer, directory: Path, count: int, kills: int) -> None:
    """Deliver `count` alerts to a receiver that misbehaves in every way, through `kills` kills -9."""
    alerts = made_alerts(count)
    expected = {webhook_id(alert) for alert in alerts}
    draw = Random(settings.seed())
    with WebhookReceiver(SECRET, settings.seed()) as receiver:
        receiver.manners = {
            "/flaky": Manners(fails=0.3, hangs=0.05, most_each_s=MOST_EACH_S),
            "/closing": Manners(gone_after=30),
            "/down": Manners(fails=1.0),
        }
        quick = {"backoff_first_s": 0.1, "backoff_most_s": 1.0, "timeout_s": 2.0, "attempts": 40}
        endpoints = write_endpoints(
            directory / "endpoints.toml",
            webhook("flaky", receiver.url("/flaky"), max_in_flight=IN_FLIGHT, circuit_failures=20, **quick),
            webhook("closing", receiver.url("/closing"), max_in_flight=1, **quick),
            webhook("down", receiver.url("/down"), circuit_failures=5, circuit_first_s=DAY_S, circuit_most_s=DAY_S),
        )
        fresh_topics(kafka.bootstrap, PARTITIONS)
        notifier = Notifier(kafka, directory, endpoints)
        process = notifier.start()
        publish_alerts(kafka.bootstrap, alerts, PARTITIONS)
        until(lambda: process.metric('ebbwatch_webhook_disabled{endpoint="closing"}') == 1, "no 410 was kept")
        until(lambda: process.metric('ebbwatch_webhook_circuit_open{endpoint="down"}') == 1, "no circuit opened")
        kills_s = []
        for kill in range(1, kills + 1):
            goal = len(expected) * kill // (kills + 2)
            until(lambda goal=goal: len(receiver.accepted("/flaky")) >= goal, "nothing is delivered")  # type: ignore[misc]
            time.sleep(draw.uniform(0, 0.2))
            notifier.kill()
            kills_s.append(time.time())
            process = notifier.start()
        until(lambda: receiver.accepted("/flaky") >= expected, "not everything is delivered")
        until(lambda: process.metric('ebbwatch_webhook_queue_deliveries{endpoint="flaky"}') == 0, "the queue is full")
        notifier.stop()

        flaky, closing, down = (receiver.at(path) for path in ("/flaky", "/closing", "/down"))
        accepted = Counter(arrival.webhook_id for arrival in flaky if arrival.status == 204)
        throttled = sum(arrival.status == 429 for arrival in flaky)
        show(
            "webhooks",
            alerts=count,
            kills=kills,
            attempts=len(flaky),
            failed=sum(arrival.status >= 500 or arrival.status == 404 for arrival in flaky),
            hung=sum(arrival.status == 0 for arrival in flaky),
            throttled=throttled,
            delivered_again=sum(accepted.values()) - len(expected),
            attempts_at_a_dead_endpoint=len(down),
        )
        show_attempts(flaky, kills_s)
        keep_attempts(settings.figures() or directory, f"webhooks-{count}", flaky, kills_s, MOST_EACH_S)
        assert set(accepted) == expected
        assert {arrival.webhook_id for arrival in flaky} == expected
        assert all(arrival.verified for arrival in receiver.arrivals)
        assert out_of_order(flaky) == []
        # After 410, nothing, through all the kills; what was not delivered is kept.
        assert [arrival.status for arrival in closing] == [204] * 30 + [410]
        # No storm. What is under way at a kill is the most that a kill can repeat; else nothing is tried again once
        # it was accepted, and each failure is followed by one more attempt.
        assert sum(accepted.values()) - len(expected) <= kills * IN_FLIGHT
        failures = len(flaky) - sum(accepted.values())
        assert failures - throttled <= len(flaky) * 0.45
        # Of an endpoint that only fails nobody wants more than what was under way when its circuit opened, and no
        # notifier that is started anew begins from the start.
        assert 5 <= len(down) <= 5 + 8


def test_killed_once_everything_arrives_in_order(kafka: KafkaServer, tmp_path: Path) -> None:
    """1,000 alerts, a receiver that fails, hangs, throttles and leaves, and one kill -9."""
    prove(kafka, tmp_path, 1000, 1)


@pytest.mark.proof
def test_killed_five_times_ten_thousand_alerts_arrive(kafka: KafkaServer, tmp_path: Path) -> None:
    """Every id arrives, each at least once, none after 410, in order for each customer, and without a storm."""
    prove(kafka, tmp_path, 10_000, 5)
