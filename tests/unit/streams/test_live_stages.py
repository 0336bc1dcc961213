"""Ingest, fetching, ticker and relay of the live service, against a producer that keeps what it is given."""

import asyncio
import base64
import logging
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from faust.types import TP

from models.context import Stream
from models.events import PolicyActivated, Tick
from streams.codecs import decode_ledger_run
from streams.fetched import RangedResult
from streams.ingest import DeadLetter
from streams.kafka_producer import BatchProducer, Outgoing
from streams.kafka_sink import KafkaSink
from streams.live_ingest import Feeds, LiveIngest
from streams.live_metrics import LiveMetrics
from streams.live_relay import LiveRelay
from streams.live_ticker import Ticker
from streams.metrics import Metrics
from streams.names import DEAD_LETTERS_TOPIC, EVENTS_TOPIC, STREAM_TOPICS
from streams.relay import Relay
from streams.sharding import shard_of
from streams.stores.base import Commit, NewOutput, OutboxEntry, StoreUnavailable
from streams.stores.memory import MemoryStore
from streams.ticking import EventClock
from streams.transport import Run, RunConsumer
from streams.turns import Turns
from tests.support.feeds import NOW_MS, line
from tests.unit.streams.test_live_shard import Fixture, Ledger, bodies


class Kept:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.topics: dict[str, dict[int, list[Outgoing]]] = {}

    async def append(self, topic: str, partitions: Mapping[int, Sequence[Outgoing]]) -> None:
        for partition, records in partitions.items():
            self.topics.setdefault(topic, {}).setdefault(partition, []).extend(records)

    @property
    def producer(self) -> BatchProducer:
        return cast(BatchProducer, self)


def metrics() -> tuple[Metrics, LiveMetrics]:
    found = Metrics()
    return found, LiveMetrics(found.registry)


async def nobody(topic: str, partition: int, offset: int) -> None:
    pytest.fail("nothing is to be read again here")


async def from_the_first(topic: str, partition: int) -> int:
    return 0


nowhere = Feeds(nobody, from_the_first)


def a_run(topic: str, *values: bytes | None, first: int = 7, partition: int = 1) -> Run:
    records = [SimpleNamespace(offset=first + n, value=value) for n, value in enumerate(values)]
    return Run(topic, partition, records, first, first + len(records))


# --- ingest ---------------------------------------------------------------------------------------


async def test_a_run_becomes_ledger_records_by_shard() -> None:
    """Each event goes to its customer's shard, keyed by the customer, with the place it came from."""
    kept = Kept()
    ingest = LiveIngest(kept.producer, 4, nowhere, *metrics(), wall_ms=lambda: NOW_MS)
    customers = [f"c{number}" for number in range(20)]

    await ingest.take(a_run("bank.calls", *(line("contact", event_id=f"e-{c}", customer_id=c) for c in customers)))

    found = 0
    for shard, records in kept.topics[EVENTS_TOPIC].items():
        for outgoing in records:
            (record,) = decode_ledger_run([outgoing.value])
            assert outgoing.key is not None
            assert shard_of(outgoing.key.decode(), 4) == shard
            assert record.source == "bank.calls/1"
            assert customers[record.source_offset - 7] == outgoing.key.decode()
            found += 1
    assert found == 20
    assert ingest.next_offsets == {("bank.calls", 1): 27}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"not json", "not_json"),
        (None, "not_json"),
        (b"\xff\xfe", "not_json"),
        (line("transaction"), "wrong_feed"),
        (b"x" * 70_000, "oversize"),
    ],
)
async def test_what_cannot_be_used_is_a_dead_letter(value: bytes | None, reason: str) -> None:
    """It says why and where it came from; what came with it is not lost."""
    kept = Kept()
    counted, live = metrics()
    ingest = LiveIngest(kept.producer, 2, nowhere, counted, live, wall_ms=lambda: NOW_MS)

    await ingest.take(a_run("bank.calls", line("contact", event_id="a"), value, line("contact", event_id="b")))

    ((_, (letter,)),) = kept.topics[DEAD_LETTERS_TOPIC].items()
    told = msgspec.json.decode(letter.value, type=DeadLetter)
    assert (told.reason.value, told.source, told.source_offset) == (reason, "bank.calls/1", 8)
    assert base64.b64decode(told.original) == (value or b"")[:65_536]
    assert sum(map(len, kept.topics[EVENTS_TOPIC].values())) == 2
    assert counted.registry.get_sample_value("ebbwatch_dead_letters_total", {"reason": reason}) == 1


async def test_a_run_that_comes_too_early_is_asked_for_again() -> None:
    """Taken in, its offsets would make what is missing look like a replay, however often it comes."""
    kept = Kept()
    asked: list[tuple[str, int, int]] = []

    async def rewind(topic: str, partition: int, offset: int) -> None:
        asked.append((topic, partition, offset))

    counted, live = metrics()
    ingest = LiveIngest(kept.producer, 1, Feeds(rewind, from_the_first), counted, live, wall_ms=lambda: NOW_MS)
    ingest.begin({("bank.calls", 1): 7})
    lines = [line("contact", event_id=f"e-{n}") for n in range(6)]

    assert await ingest.take(a_run("bank.calls", *lines[2:4], first=9)) is False
    assert await ingest.take(a_run("bank.calls", *lines[4:], first=11)) is False
    assert asked == [("bank.calls", 1, 7), ("bank.calls", 1, 7)]
    assert kept.topics == {}
    assert await ingest.take(a_run("bank.calls", *lines[:3], first=7)) is True
    assert await ingest.take(a_run("bank.calls", *lines[1:5], first=8)) is True  # comes again in part
    behind_a_hole = Run("bank.calls", 1, [SimpleNamespace(offset=20, value=lines[5])], 12, 21)
    assert await ingest.take(behind_a_hole) is True

    records = decode_ledger_run([outgoing.value for outgoing in kept.topics[EVENTS_TOPIC][0]])
    assert [record.source_offset for record in records] == [7, 8, 9, 10, 11, 20]
    assert len(asked) == 2


async def test_nobody_is_kept_from_computing_while_a_feed_waits() -> None:
    """What a run is sent back for is fetched, and what was taken in is delivered, in the turns of others."""
    kept, turns, waits = Kept(), Turns(), 0

    async def compute() -> None:
        nonlocal waits
        async with turns:
            waits += 1

    async def rewind(topic: str, partition: int, offset: int) -> None:
        await asyncio.wait_for(asyncio.create_task(compute()), 10)

    counted, live = metrics()
    reading = Feeds(rewind, from_the_first)
    ingest = LiveIngest(kept.producer, 1, reading, counted, live, turns=turns, wall_ms=lambda: NOW_MS)
    ingest.begin({("bank.calls", 1): 7})
    await turns.begin()  # as a lane does
    assert await ingest.take(a_run("bank.calls", line("contact"), first=9)) is False
    await turns.begin()
    assert await ingest.take(a_run("bank.calls", line("contact"), first=7)) is True
    await asyncio.wait_for(asyncio.create_task(compute()), 10)
    assert waits == 2


async def test_what_retention_has_deleted_of_a_feed_is_passed_loudly(caplog: pytest.LogCaptureFixture) -> None:
    """What is gone cannot be asked for: said as critical, and the rest is taken in."""
    kept = Kept()

    async def from_the_ninth(topic: str, partition: int) -> int:
        return 9

    counted, live = metrics()
    ingest = LiveIngest(kept.producer, 1, Feeds(nobody, from_the_ninth), counted, live, wall_ms=lambda: NOW_MS)
    ingest.begin({("bank.calls", 1): 7})

    with caplog.at_level(logging.CRITICAL):
        assert await ingest.take(a_run("bank.calls", line("contact"), first=9)) is True

    assert [record.message for record in caplog.records] == [
        "feed gap: retention has deleted records that were not taken in"
    ]
    assert counted.registry.get_sample_value("ebbwatch_live_feed_gap_records_total") == 2
    assert ingest.next_offsets == {("bank.calls", 1): 10}


# --- fetching -------------------------------------------------------------------------------------


def test_a_full_buffer_takes_no_partition_out_of_what_is_fetched() -> None:
    """Faust would wait a second before it asks again for a partition whose buffer was full for a moment."""
    consumer = RunConsumer.__new__(RunConsumer)
    consumer.app = cast(Any, SimpleNamespace(in_recovery=False))
    full = TP("t", 1)
    consumer._active_partitions, consumer._buffered_partitions = {full}, set()
    consumer.on_buffer_full(full)
    assert consumer._get_active_partitions() == {full}


def test_no_fetch_is_sent_while_fetched_records_wait() -> None:
    """It would ask for nothing but idle partitions, and hold up those with records until the broker answers."""
    waiting = RangedResult(None, assignment=None, partition_records=None, backoff=60.0)
    assert waiting.calculate_backoff() > 0


# --- ticker ---------------------------------------------------------------------------------------


async def test_each_owned_shard_gets_a_tick_and_changed_policies_once() -> None:
    """The wall clock's time; the policies until they are folded, but written once."""
    ledger = Ledger(bodies())
    it = Fixture(ledger)
    await it.shard.take(ledger.run(0, 60))
    kept = Kept()
    ticker = Ticker(kept.producer, lambda: [it.shard], wall_ms=lambda: NOW_MS + 345)

    await ticker.tick()
    await ticker.tick()

    records = decode_ledger_run([outgoing.value for outgoing in kept.topics[EVENTS_TOPIC][0]])
    assert [type(record.event) for record in records] == [PolicyActivated, Tick, Tick]
    assert records[1].at_ms == NOW_MS + 345


async def test_the_ticker_follows_the_events_where_they_bring_the_time() -> None:
    """No tick before an event has come, then the time that the events have reached."""
    ledger = Ledger(bodies())
    it = Fixture(ledger, clock=EventClock(60_000, 0))
    kept = Kept()
    ticker = Ticker(kept.producer, lambda: [it.shard], wall_ms=lambda: NOW_MS)
    await ticker.tick()
    assert kept.topics.get(EVENTS_TOPIC, {}).get(0, []) == []

    await it.shard.take(ledger.run(0, 60))
    await ticker.tick()

    ticks = [
        record.at_ms
        for record in decode_ledger_run([outgoing.value for outgoing in kept.topics[EVENTS_TOPIC][0]])
        if isinstance(record.event, Tick)
    ]
    assert it.shard.event_clock is not None
    assert ticks == [it.shard.event_clock.clock_ms]


# --- relay ----------------------------------------------------------------------------------------


async def test_outputs_carry_their_number_and_leave_in_order() -> None:
    """The sink numbers them in a header; the outbox is empty afterwards; an absent store is waited for."""
    _, live = metrics()
    kept = Kept()
    topic = next(iter(STREAM_TOPICS.values()))

    class Away(MemoryStore):
        away = 1

        async def outbox(self, shard: int, limit: int) -> Any:
            if self.away:
                self.away -= 1
                raise StoreUnavailable("away")
            return await super().outbox(shard, limit)

    store = Away()
    outputs = [NewOutput(topic, f"k{n}", f"id{n}", b"{}") for n in range(5)]
    await store.commit(3, Commit(expected_position=0, position=1, state=b"", outputs=outputs))
    relay = LiveRelay(Relay(store, KafkaSink(kept.producer, live)), live, lambda error: pytest.fail(repr(error)))

    relay.wake(3)
    while not kept.topics:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)

    sent = kept.topics[topic][3]
    assert [dict(outgoing.headers)["ebbwatch-sequence"] for outgoing in sent] == [b"1", b"2", b"3", b"4", b"5"]
    assert [outgoing.key for outgoing in sent] == [b"k0", b"k1", b"k2", b"k3", b"k4"]
    assert await store.outbox(3, 10) == []
    await relay.stop()


async def test_examples_of_all_shards_go_to_one_partition() -> None:
    """What is learnt depends on one order; the shard, whose numbers tell repeats, travels in a header."""
    _, live = metrics()
    kept = Kept()
    topic = STREAM_TOPICS[Stream.EXAMPLES]
    await KafkaSink(kept.producer, live).deliver(3, [OutboxEntry(7, topic, "k", "id", b"{}")])
    (partition,) = kept.topics[topic].items()
    headers = dict(partition[1][0].headers)
    assert (partition[0], headers["ebbwatch-shard"], headers["ebbwatch-sequence"]) == (0, b"3", b"7")
