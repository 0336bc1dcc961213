"""What ends a worker, what it must not lose by that, and what the next one makes of what it finds."""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition
from msgspec import Struct

from config.policies import load_policies
from models.customer import decode_customer
from streams.codecs import decode_feed_event, encode_event_record
from streams.names import EVENTS_TOPIC
from streams.offsets import committed_offsets, end_offsets
from streams.replay import Replayed
from tests.support import feeds
from tests.support.buggy_worker import BUG
from tests.support.command_line import ROOT
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import read_topic
from tests.support.live_service import GROUP, LiveService, differences
from tests.support.redis_server import RedisServer
from tests.support.workers import WorkerProcess

CUSTOMER = "customer-of-the-bug"
LOST = 5
"""Ledger records that are deleted before they are folded."""
STALL_LIMIT_S = "6"


class Healed(Struct):
    """A worker that met a bug, and what was there when it had ended; then a healthy one that has done the rest."""

    service: LiveService
    buggy: WorkerProcess
    exit_code: int
    positions: list[int]
    committed: dict[TopicPartition, int]
    held: dict[int, Replayed]


@pytest.fixture(scope="module")
def healed(
    kafka: KafkaServer, redis_of_session: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Healed]:
    """A buggy worker ends itself, a healthy one takes over, and is stopped."""
    # A worker that ends itself does not leave the group: the next one waits until its session is over.
    settings: dict[str, str] = {"EBBWATCH_CLOCK": "event", "EBBWATCH_SESSION_TIMEOUT_S": "6"}
    service = LiveService(kafka, redis_of_session, tmp_path_factory.mktemp("faults"), 2, **settings)
    try:
        (buggy,) = service.start(words=[sys.executable, "-m", "tests.support.buggy_worker"])
        buggy.wait_ready()
        service.publish(feeds.login(number, customer=f"before-{number}") for number in range(20))
        service.wait_folded()
        bug = feeds.line("login", event_id=BUG, customer_id=CUSTOMER, occurred_at="2026-01-05T01:00:00Z")
        around = [feeds.login(number, customer=CUSTOMER) for number in range(20, 60)]
        service.publish([*around[:20], bug, *around[20:]])
        code = buggy.wait_end()
        with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
            committed = committed_offsets(admin, GROUP)
        positions = service.positions()
        service.start()
        service.wait_folded()
        held = service.held()
        service.stop()
        yield Healed(service, buggy, code, positions, committed, held)
    finally:
        service.stop()


def test_a_bug_in_the_fold_ends_the_process(healed: Healed) -> None:
    """The process says which kind of error and where, and nothing of the customer, whose id is in the error's text."""
    assert healed.exit_code == 70
    (why,) = [line for line in healed.buggy.log_lines() if line["level"] == "critical"]
    assert (why["message"], why["error"], why["reason"]) == ("worker ends itself", "ZeroDivisionError", "")
    assert any(place.startswith("buggy_worker.py:_buggy_fold:") for place in why["stack"])
    assert any(place.startswith("shard.py:steps:") for place in why["stack"])
    assert CUSTOMER not in healed.buggy.log.read_text()
    assert BUG not in healed.buggy.log.read_text()


def test_what_met_the_bug_is_not_acknowledged(healed: Healed) -> None:
    """Neither the store nor the group has passed the event that could not be folded."""
    shard = healed.service.shard(CUSTOMER)
    ledger = read_topic(healed.service.kafka.bootstrap, EVENTS_TOPIC)[shard]
    offset = min(record.offset for record in ledger if BUG.encode() in record.value)
    assert 0 < healed.positions[shard] <= offset
    assert healed.committed[TopicPartition(EVENTS_TOPIC, shard)] <= offset


def test_the_next_worker_folds_everything_once(healed: Healed) -> None:
    """When the bug is gone, nothing of what it met is missing, and nothing counts twice."""
    assert differences(healed.held, healed.service.straight(healed.held)) == []
    customers = {name: body for shard in healed.held.values() for name, body in shard.customers.items()}
    assert decode_customer(customers[CUSTOMER]).events == 41
    assert len(customers) == 21


class AfterGap(Struct):
    """A worker with other policies that found records of the ledger deleted before they were folded."""

    service: LiveService
    worker: WorkerProcess
    shard: int
    position: int
    there_again: int


@pytest.fixture(scope="module")
def after_gap(healed: Healed, tmp_path_factory: pytest.TempPathFactory) -> AfterGap:
    """Retention eats records of a shard while nobody runs; then a worker comes, and events after it."""
    service, shard = healed.service, healed.service.shard(CUSTOMER)
    position = service.positions()[shard]
    event, at_ms = decode_feed_event(feeds.login(0, customer="lost"), feeds.NOW_MS)
    lost = [encode_event_record(event, at_ms, "lost/0", number) for number in range(LOST)]
    service.send((EVENTS_TOPIC, shard, record) for record in lost)
    place = TopicPartition(EVENTS_TOPIC, shard)
    with KafkaAdminClient(bootstrap_servers=service.kafka.bootstrap) as admin:
        end = end_offsets(admin, [place])[place]  # a tick that nobody has folded may stand before them
        admin.delete_records({place: end})

    policies = tmp_path_factory.mktemp("policies") / "policies.toml"
    shipped = (ROOT / "config" / "policies.toml").read_text()
    policies.write_text(shipped.replace(f'version = "{load_policies().version}"', 'version = "after-the-gap"'))
    (worker,) = service.start(EBBWATCH_POLICIES_FILE=str(policies), EBBWATCH_STALL_LIMIT_S=STALL_LIMIT_S)
    worker.wait_ready()
    service.publish(feeds.login(number, 300, f"after-{number}") for number in range(20))
    service.wait_folded()
    return AfterGap(service, worker, shard, position, end)


def test_a_ledger_gap_is_said_and_counted(after_gap: AfterGap) -> None:
    """What retention has eaten is gone: the worker says so at the loudest level, counts it, and goes on behind it."""
    (gap,) = [line for line in after_gap.worker.log_lines() if line["level"] == "critical"]
    assert gap["message"].startswith("ledger gap")
    assert (gap["shard"], gap["first_missing"]) == (after_gap.shard, after_gap.position)
    assert gap["first_there"] == after_gap.there_again >= after_gap.position + LOST
    gone = after_gap.there_again - after_gap.position
    assert after_gap.worker.metric("ebbwatch_live_ledger_gap_records_total") == gone
    customers = {name for shard in after_gap.service.held().values() for name in shard.customers}
    assert {f"after-{number}" for number in range(20)} <= customers
    assert "lost" not in customers


def test_changed_policies_are_announced_once(after_gap: AfterGap) -> None:
    """Each shard of the ledger is told once from where on other policies decide, and by which."""
    announced: Counter[tuple[int, str]] = Counter()
    for shard, records in read_topic(after_gap.service.kafka.bootstrap, EVENTS_TOPIC).items():
        for record in map(json.loads, [record.value for record in records]):
            if record["event"]["type"] == "policy_activated":
                announced[shard, record["event"]["document"]["version"]] += 1
    assert {place: n for place, n in announced.items() if place[1] == "after-the-gap"} == {
        (shard, "after-the-gap"): 1 for shard in range(after_gap.service.partitions)
    }
    for held in after_gap.service.held().values():
        assert json.loads(held.documents)["policy"]["version"] == "after-the-gap"


def test_a_stalled_worker_ends_itself(after_gap: AfterGap) -> None:
    """A worker whose Redis hangs while records wait would keep its partitions for ever: it goes, and says why."""
    service = after_gap.service
    os.kill(service.redis.pid, signal.SIGSTOP)
    try:
        service.publish(feeds.login(number, 400, f"stalled-{number}") for number in range(20))
        assert after_gap.worker.wait_end() == 70
    finally:
        os.kill(service.redis.pid, signal.SIGCONT)
    why: dict[str, Any] = [line for line in after_gap.worker.log_lines() if line["level"] == "critical"][-1]
    assert (why["message"], why["error"]) == ("worker ends itself", "Stalled")
    assert (
        f"have records waiting and have not moved for {STALL_LIMIT_S} s; the first is ebbwatch.events/" in why["reason"]
    )
