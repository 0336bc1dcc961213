"""What must be nowhere: customers' ids and amounts, through a live worker and a notifier, in good times and bad."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest
from msgspec import Struct

from models.alerts import OPEN_STATES, Alert
from models.fold import RULES
from streams.names import DEAD_LETTERS_TOPIC
from tests.support import feeds
from tests.support.alerts import webhook_id
from tests.support.buggy_worker import BUG
from tests.support.canary import AMOUNT, CANARY, poison, traces
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import read_topic
from tests.support.live_service import LiveService, until
from tests.support.metric_labels import silent, unbounded
from tests.support.notifier import SECRETS, Notifier, webhook, write_endpoints
from tests.support.redis_server import RedisServer
from tests.support.webhook_receiver import Arrival, Manners, WebhookReceiver
from tests.support.workers import WorkerProcess

PARTITIONS = 2
RAISED = {"asset_outflow", "repeated_inquiry", "complaint_sla"}


class Said(Struct):
    """What there was to hide, and all that was said while it was worked on."""

    alerts: list[Alert]
    letters: Counter[str]
    arrivals: list[Arrival]
    pages: dict[str, str]
    worker_log: str
    notifier_log: str


def story(customer: str, day: int) -> Iterator[bytes]:
    """Money that leaves, contacts without end and a promise that is broken: an alert of each rule."""

    def line(kind: str, hours: float, **fields: object) -> bytes:
        at = (feeds.START + timedelta(days=day, hours=hours)).isoformat()
        number = f"{CANARY}-{customer}-{kind}-{day}-{hours}"
        named = {name: f"{CANARY}-{name}-{customer}" for name in _NAMED if name in feeds.record(kind)}
        return feeds.line(
            kind, **{"event_id": number, "occurred_at": at, "customer_id": f"{CANARY}-{customer}", **named, **fields}
        )

    yield line("profile", 0, aum=AMOUNT, tier="core")
    yield line("complaint", 1, step="received")
    for hours in (2, 3, 4, 5):
        yield line("contact", hours)
    yield line("transaction", 6, amount=AMOUNT, balance_after=AMOUNT, direction="out", counterparty="own_elsewhere")
    yield line("login", 30)


_NAMED = ("account_id", "call_id", "case_id", "adviser")


@pytest.fixture(scope="module")
def said(kafka: KafkaServer, redis_of_session: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    """Good and bad records, a Redis that goes away, a bug in the fold of one worker, and a receiver that fails."""
    directory = tmp_path_factory.mktemp("canary")
    settings: dict[str, str] = {
        "EBBWATCH_CLOCK": "event",
        "EBBWATCH_LOG_LEVEL": "DEBUG",
        "EBBWATCH_SESSION_TIMEOUT_S": "6",
    }
    service = LiveService(kafka, redis_of_session, directory, PARTITIONS, **settings)
    with WebhookReceiver(SECRETS["TEST_WEBHOOK_SECRET"]) as receiver:
        receiver.manners["/crm"] = Manners(fails=0.4)
        quick = {"backoff_first_s": 0.1, "backoff_most_s": 0.5, "circuit_failures": 1000, "attempts": 100}
        endpoints = write_endpoints(directory / "endpoints.toml", webhook("crm", receiver.url("/crm"), **quick))
        notifier = Notifier(kafka, directory, endpoints, EBBWATCH_LOG_LEVEL="DEBUG")
        pages: dict[str, str] = {}
        try:
            (buggy,) = service.start(words=[sys.executable, "-m", "tests.support.buggy_worker"])
            (healthy,) = service.start()
            told = notifier.start()
            service.wait_all_assigned()
            service.publish(line for customer in ("ann", "bob") for line in story(customer, 0))
            service.send((topic, 0, value) for topic, value, _ in poison())
            service.wait_folded()
            go_without_redis(service)
            pages["buggy worker"] = buggy.ask("/metrics")[1].decode()
            service.publish(bugs(service))
            assert buggy.wait_end() == 70
            service.publish(story("eve", 20))
            service.wait_folded()
            service.held()
            until(lambda: open_alerts(healthy) == len(still_open(published(kafka))), "not every alert is counted")
            pages["worker"] = healthy.ask("/metrics")[1].decode()
            service.stop()  # the last tick of event time may have added some meanwhile
            every = set(map(webhook_id, published(kafka)))
            until(lambda: receiver.accepted("/crm") == every, "not every alert is delivered")
            pages["notifier"] = told.ask("/metrics")[1].decode()
        finally:
            service.stop()
            notifier.stop()
        parts = read_topic(kafka.bootstrap, DEAD_LETTERS_TOPIC).values()
        letters = Counter(json.loads(record.value)["reason"] for part in parts for record in part)
        log = notifier.log.read_text(errors="replace")
        yield Said(published(kafka), letters, receiver.at("/crm"), pages, service.log(), log)


def bugs(service: LiveService) -> list[bytes]:
    """An event that the buggy worker cannot fold, in every shard: one of them is its own."""
    names = [f"{CANARY}-bug-{number}" for number in range(100)]
    customers = {service.shard(name): name for name in names}
    assert len(customers) == PARTITIONS
    at = "2026-01-16T01:00:00Z"
    return [feeds.line("login", event_id=BUG, customer_id=name, occurred_at=at) for name in customers.values()]


def open_alerts(worker: WorkerProcess) -> float:
    """What the only worker that is left says of all that were raised, most of them by another."""
    return sum(worker.metric(f'ebbwatch_open_alerts{{rule="{rule}"}}') for rule in RULES)


def still_open(alerts: list[Alert]) -> set[str]:
    """What the last revision of each says."""
    last = {alert.alert_id: alert for alert in sorted(alerts, key=lambda alert: alert.revision)}
    return {name for name, alert in last.items() if alert.state in OPEN_STATES}


def go_without_redis(service: LiveService) -> None:
    """Events come while the store is away, for long enough that somebody complains, and are folded when it is back."""
    service.redis.stop()
    try:
        service.publish(story("dan", 10))
        errors = "ebbwatch_live_store_errors_total"
        until(lambda: any(worker.metric(errors) for worker in service.running), "nobody misses the store")
    finally:
        service.redis.start()
    service.wait_folded()


def published(kafka: KafkaServer) -> list[Alert]:
    """Every alert in the topic, in full."""
    records = [record for part in read_topic(kafka.bootstrap, "ebbwatch.alerts").values() for record in part]
    return [msgspec.convert(json.loads(record.value)["data"], Alert) for record in records]


def test_there_is_something_to_hide(said: Said) -> None:
    """Alerts name customers and the amount, bad records were kept, and everything went wrong that should."""
    whole = [msgspec.json.encode(alert).decode() for alert in said.alerts]
    assert {alert.rule for alert in said.alerts} >= RAISED
    assert all(CANARY in text for text in whole)
    assert any("7391548.37" in text for text in whole)
    assert said.letters == Counter(reason for _, _, reason in poison())
    for happened in ("worker started", "cannot be reached", "worker ends itself", "ZeroDivisionError"):
        assert happened in said.worker_log
    assert '"aiokafka' in said.worker_log, "the libraries' own words are in it too"
    assert "notifier started" in said.notifier_log
    failed = sum(arrival.status != 204 for arrival in said.arrivals)
    assert 0 < failed < len(said.arrivals)
    assert still_open(said.alerts)


def test_it_is_nowhere(said: Said) -> None:
    """Not in a line of either log, not on a page of metrics, not in the body or a header of an attempt."""
    for lines in (said.worker_log, said.notifier_log, *said.pages.values()):
        assert [(line, found) for line in lines.splitlines() if (found := traces(line))] == []
    for arrival in said.arrivals:
        assert arrival.verified
        assert traces(arrival.body.decode()) == []
        assert traces(json.dumps(arrival.headers)) == []
    taken = {arrival.webhook_id for arrival in said.arrivals if arrival.status == 204}
    assert taken == set(map(webhook_id, said.alerts))


def test_labels_are_bounded(said: Said) -> None:
    """All that workers and a notifier export, after all this, comes from the allow-list, and nothing shows no label."""
    for name, page in said.pages.items():
        assert unbounded(page, shards=PARTITIONS, endpoints=["crm"]) == [], name
    assert silent(said.pages["worker"] + said.pages["notifier"]) == []
