"""Two workers on a real Kafka and a real Redis: what comes in, what goes out, and what is said on the way."""

import asyncio
import base64
import json
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from streams.codecs import Refusal
from streams.names import DEAD_LETTERS_TOPIC, FEED_TOPICS, SEQUENCE_HEADER
from streams.offsets import end_offsets
from tests.support import bank, embedded, feeds
from tests.support.canary import CANARY, poison, traces
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import read_topic
from tests.support.kept import lines_of
from tests.support.live_service import LiveService, assigned, differences, until
from tests.support.redis_server import RedisServer

SESSION_S = 30


@pytest.fixture(scope="module")
def running(
    kafka: KafkaServer, redis_of_session: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveService]:
    """The service that the tests of this module share; tests take `service`."""
    settings: dict[str, str] = {"EBBWATCH_CLOCK": "event", "EBBWATCH_SESSION_TIMEOUT_S": str(SESSION_S)}
    live = LiveService(kafka, redis_of_session, tmp_path_factory.mktemp("live"), 2, **settings)
    yield live
    live.stop()


@pytest.fixture
def service(running: LiveService) -> LiveService:
    """Two workers that are ready, whatever the test before has done to them."""
    running.start(2 - len(running.running))
    running.wait_all_assigned()
    return running


def _first_alerts() -> tuple[list[bytes], list[bytes]]:
    """Profiles of some customers; then what raises two alerts for each of them, over two feeds."""
    profiles, rest = [], []
    for number in range(6):
        ids: dict[str, Any] = {"customer_id": f"first-{number}"}
        profiles.append(feeds.line("profile", event_id=f"P{number}", **ids))
        for contact in range(3):
            at = f"2026-01-05T1{contact}:0{number}:00+08:00"
            rest.append(feeds.line("contact", event_id=f"K{number}-{contact}", occurred_at=at, **ids))
        outflow = {"amount": 900_000.0, "balance_after": 1000.0, "occurred_at": f"2026-01-05T13:0{number}:00+08:00"}
        rest.append(feeds.line("transaction", event_id=f"T{number}", **outflow, **ids))
    return profiles, rest


def _embedded_alerts(directory: Path, lines: list[bytes]) -> dict[str, Any]:
    asyncio.run(embedded.run(directory / "run", bank.write(directory / "feed.ndjson", lines)))
    return _by_id([json.loads(line) for line in lines_of(directory / "run" / "out" / "alerts.ndjson")])


def _by_id(alerts: list[dict[str, Any]]) -> dict[str, Any]:
    """What does not depend on how the feeds interleave: an alert's time is that of the shard when it is raised."""
    kept = ("rule", "state", "customer_id", "severity", "triggers", "figures", "evidence", "summary", "policy_digest")
    return {alert["id"]: {name: alert["data"][name] for name in kept} for alert in alerts}


def test_alerts_as_the_embedded_run_gives_them(service: LiveService, tmp_path: Path) -> None:
    """Events through five topics raise what the same events raise in one file, in envelopes that say so."""
    profiles, rest = _first_alerts()
    service.publish(profiles)
    service.wait_folded()
    service.publish(rest)
    service.wait_folded()
    service.held()

    records = read_topic(service.kafka.bootstrap, "ebbwatch.alerts")
    delivered = [json.loads(record.value) for run in records.values() for record in run]
    expected = _embedded_alerts(tmp_path, profiles + rest)
    assert len(expected) == 12
    assert _by_id(delivered) == expected
    assert {alert["specversion"] for alert in delivered} == {"1.0"}
    assert {alert["type"] for alert in delivered} == {"ebbwatch.alert.raised"}
    assert {dict(record.headers)["content-type"] for run in records.values() for record in run} == {
        b"application/cloudevents+json"
    }
    for shard, run in records.items():
        assert {service.shard(record.key.decode()) for record in run} == {shard}
        assert [dict(record.headers)[SEQUENCE_HEADER] for record in run] == [b"%d" % (n + 1) for n in range(len(run))]


def test_states_and_alerts_as_a_straight_line_gives_them(service: LiveService) -> None:
    """Whatever the batches and the workers, the ledger replays to what Redis and the alerts topic hold."""
    service.publish(bank.lines(60, 60, 7))
    service.wait_folded()
    held = service.held()

    assert differences(held, service.straight(held)) == []
    assert sum(len(shard.customers) for shard in held.values()) >= 60
    assert sum(len(shard.outputs) for shard in held.values()) > 12


def _dead_letter_counts(service: LiveService) -> Counter[str]:
    return Counter(
        {
            reason.value: int(
                sum(worker.metric(f'ebbwatch_dead_letters_total{{reason="{reason}"}}') for worker in service.running)
            )
            for reason in Refusal
        }
    )


def test_poison_is_set_aside_and_said_nothing_of(service: LiveService) -> None:
    """What cannot be used is kept with reason and place, what stands between is folded, and the log is silent."""
    before, place = _dead_letter_counts(service), 1
    first = end_offsets_of(service, place)
    sent: Counter[str] = Counter()
    records: list[tuple[str, int, bytes | None]] = []
    expected = {}
    for number, (topic, value, reason) in enumerate(poison()):
        valid = (topic, place, _valid(topic, f"good-{number}"))
        records += [valid, (topic, place, value), valid]
        expected[f"{topic}/{place}", first[topic] + sent[topic] + 1] = (reason, value or b"")
        sent[topic] += 3
    service.send(records)
    service.wait_folded()

    letters = [
        json.loads(record.value)
        for run in read_topic(service.kafka.bootstrap, DEAD_LETTERS_TOPIC).values()
        for record in run
    ]
    found = {
        (letter["source"], letter["source_offset"]): (letter["reason"], base64.b64decode(letter["original"]))
        for letter in letters
    }
    assert found == {at: (reason, value[:65_536]) for at, (reason, value) in expected.items()}
    assert {letter["size_bytes"] for letter in letters} == {len(value) for _, value in expected.values()}
    counted = _dead_letter_counts(service)
    counted.subtract(before)
    assert +counted == Counter(reason for reason, _ in expected.values())
    customers = {name for shard in service.held().values() for name in shard.customers}
    assert {f"good-{number}" for number in range(len(expected))} <= customers
    assert CANARY not in customers
    assert traces(service.log()) == []
    for secret in ("good-3", "1889"):
        assert secret not in service.log()


def _valid(topic: str, customer: str) -> bytes:
    kinds = {
        "bank.transactions": "transaction",
        "bank.logins": "login",
        "bank.calls": "contact",
        "bank.complaints": "complaint",
        "bank.customers": "profile",
    }
    return feeds.line(kinds[topic], customer_id=customer, event_id=customer, occurred_at="2026-03-05T10:00:00Z")


def end_offsets_of(service: LiveService, partition: int) -> dict[str, int]:
    """Where each feed's partition ends."""
    places = [TopicPartition(topic, partition) for topic in FEED_TOPICS.values()]
    with KafkaAdminClient(bootstrap_servers=service.kafka.bootstrap) as admin:
        return {place.topic: end for place, end in end_offsets(admin, places).items()}


def test_pages(service: LiveService) -> None:
    """Metrics that Prometheus can read, health, and nothing else; on loopback alone."""
    worker = service.running[0]
    assert worker.ask("/healthz") == (200, b"ok\n")
    status, body = worker.ask("/readyz")
    ready = json.loads(body)
    assert (status, ready["ready"], ready["reasons"], ready["assigned"]) == (200, True, [], 6)
    families = {family.name for family in text_string_to_metric_families(worker.ask("/metrics")[1].decode())}
    assert {"ebbwatch_dead_letters", "ebbwatch_live_position", "ebbwatch_live_lag_records"} <= families
    for page in ("/", "/table", "/table/", "/router", "/router/x", "/stats", "/graph", "/static/x", "/metrics/x"):
        assert worker.ask(page)[0] == 404, page
    with pytest.raises(OSError, match=r"refused|timed out|unreachable|assign"):
        socket.create_connection(("127.0.0.2", worker.port), 2)


def test_readiness_tells_the_truth(service: LiveService) -> None:
    """While Redis is away a worker says so and stays; when it is back it goes on where it was."""
    service.redis.stop()
    try:
        service.publish(feeds.login(number, customer=f"away-{number}") for number in range(50))
        until(lambda: not any(worker.is_ready() for worker in service.running), "ready without a store")
        for worker in service.running:
            status, body = worker.ask("/readyz")
            assert (status, json.loads(body)["reasons"][0]) == (503, "the store does not answer")
            assert worker.ask("/healthz")[0] == 200
            assert worker.metric("ebbwatch_live_ready") == 0
    finally:
        service.redis.start()
    service.wait_all_assigned()
    service.wait_folded()

    customers = {name for shard in service.held().values() for name in shard.customers}
    assert {f"away-{number}" for number in range(50)} <= customers
    assert len(service.running) == 2


def test_sigterm_under_load(service: LiveService) -> None:
    """A worker that is told to end finishes, commits and leaves: nobody waits for its session, nothing comes twice."""
    stopping, staying = service.running
    seen = stopping.metric("ebbwatch_feed_records_accepted_total")
    lines = [feeds.login(number, 0, f"load-{number % 300}") for number in range(15_000)]
    with ThreadPoolExecutor(1) as pool:
        publishing = pool.submit(service.publish, lines)
        until(lambda: stopping.metric("ebbwatch_feed_records_accepted_total") > seen, "no load")
        assert stopping.stop() == 0
        until(lambda: assigned(staying) == 12, "the partitions are not taken over", SESSION_S * 2 / 3)
        publishing.result()
    service.wait_folded()

    assert set(service.taken_in().values()) == {1}
    held = service.held()
    assert differences(held, service.straight(held)) == []
    assert stopping.log_lines()[-1]["message"] == "worker stopped"
