"""Lanes, ingest, ticker and relay of the live service, against a producer that keeps what it is given."""

import asyncio
import base64
import logging
from collections.abc import Mapping, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from faust.types import TP

from models.context import Stream
from models.events import PolicyActivated, Tick
from streams import lanes as lanes_module
from streams.codecs import decode_ledger_run
from streams.fetched import RangedResult
from streams.ingest import DeadLetter
from streams.kafka_producer import BatchProducer, Outgoing
from streams.kafka_sink import KafkaSink
from streams.lanes import Lanes
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


# --- lanes ----------------------------------------------------------------------------------------


class Event:
    """A run on its way through an agent."""

    def __init__(self, run: Run) -> None:
        self.value = run
        self.acked = False

    def ack(self) -> bool:
        self.acked = True
        return True


class HeldBack:
    """Work that waits at `gate`; what begins at `undone` does not get done."""

    def __init__(self, undone: int = -1) -> None:
        self.gate = asyncio.Event()
        self.turns = Turns()
        self.worked: list[Run] = []
        self._undone = undone

    async def work(self, run: Run) -> bool:
        self.worked.append(run)
        self.turns.leave()
        await self.gate.wait()
        return run.begins != self._undone


async def test_lanes_keep_the_order_of_a_partition_and_let_others_pass() -> None:
    """A partition that waits holds up nobody else, and its runs stay in order."""
    gate = asyncio.Event()
    turns = Turns()
    done: list[tuple[int, int]] = []

    async def work(run: Run) -> bool:
        if run.partition == 0:
            turns.leave()
            await gate.wait()
        done.append((run.partition, run.first_offset))
        return True

    lanes = Lanes(work, lambda error: pytest.fail(repr(error)), turns)
    events = [Event(a_run("t", b"", first=n, partition=p)) for n in range(2) for p in (0, 1)]
    for event in events:
        await lanes.put(event)
        await asyncio.sleep(0.01)
    assert done == [(1, 0), (1, 1)]
    assert [event.acked for event in events] == [False, True, False, True]

    gate.set()
    await asyncio.sleep(0.01)
    assert done == [(1, 0), (1, 1), (0, 0), (0, 1)]
    assert all(event.acked for event in events)
    await lanes.stop()


async def test_a_run_whose_work_fails_is_not_acknowledged() -> None:
    """The error is passed on, and nothing behind it in its partition is worked on."""
    failures: list[BaseException] = []
    worked: list[int] = []

    async def work(run: Run) -> bool:
        worked.append(run.first_offset)
        raise ZeroDivisionError

    lanes = Lanes(work, failures.append, Turns())
    events = [Event(a_run("t", b"", first=n)) for n in range(2)]
    for event in events:
        await lanes.put(event)
    await asyncio.sleep(0.01)

    assert [type(failure) for failure in failures] == [ZeroDivisionError]
    assert worked == [0]
    assert not any(event.acked for event in events)
    await lanes.stop()


async def test_what_has_gathered_in_a_lane_is_one_run() -> None:
    """Runs that follow on one another while the first is worked on are joined, and all of them acked with it."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    events = [Event(a_run("t", b"", b"", first=n)) for n in (0, 2, 4)]
    for event in events:
        await lanes.put(event)
        await asyncio.sleep(0)
    assert [event.acked for event in events] == [False, False, False]
    held.gate.set()
    await asyncio.sleep(0.01)

    assert [(run.begins, run.ends, len(run.records)) for run in held.worked] == [(0, 2, 2), (2, 6, 4)]
    assert [record.offset for record in held.worked[1].records] == [2, 3, 4, 5]
    assert all(event.acked for event in events)
    await lanes.stop()


async def test_what_comes_before_a_lane_may_compute_is_in_its_run() -> None:
    """Taken any earlier, a run would wait for its turn, and what came meanwhile for the next one."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    held.gate.set()
    async with held.turns:
        for first in range(3):
            await lanes.put(Event(a_run("t", b"", first=first)))
            await asyncio.sleep(0.01)
        assert not held.worked
    await asyncio.sleep(0.01)

    assert [(run.begins, run.ends) for run in held.worked] == [(0, 3)]
    await lanes.stop()


async def test_runs_that_do_not_follow_on_one_another_stay_apart() -> None:
    """A rewind brings back what was there before: the reducer must see where the second reading begins."""
    held = HeldBack(undone=9)
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    events = [Event(a_run("t", b"", first=n)) for n in (0, 9, 1)]
    for event in events:
        await lanes.put(event)
        await asyncio.sleep(0)
    held.gate.set()
    await asyncio.sleep(0.01)

    assert [run.begins for run in held.worked] == [0, 9, 1]
    assert [event.acked for event in events] == [True, False, True]
    await lanes.stop()


async def test_runs_that_are_large_already_are_not_joined() -> None:
    """Joined without end, one partition would keep the others waiting; and a lane with enough in it has no room."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    for first in (0, 5_000):
        await lanes.put(Event(a_run("t", *[b""] * 5_000, first=first)))
        await asyncio.sleep(0)
    third = asyncio.create_task(lanes.put(Event(a_run("t", *[b""] * 5_000, first=10_000))))
    await asyncio.sleep(0.01)
    assert not third.done()
    held.gate.set()
    await third
    await asyncio.sleep(0.01)

    assert [len(run.records) for run in held.worked] == [5_000, 5_000, 5_000]
    await lanes.stop()


async def test_however_small_runs_are_a_lane_takes_them_until_it_has_enough_records() -> None:
    """Whatever waited in front of a lane could not be joined, and small runs would be worked on one by one."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    events = [Event(a_run("t", b"", b"", first=2 * n)) for n in range(500)]
    for event in events:
        await asyncio.wait_for(lanes.put(event), 10)
        await asyncio.sleep(0)
    held.gate.set()
    await asyncio.sleep(0.05)

    assert [len(run.records) for run in held.worked] == [2, 998]
    assert all(event.acked for event in events)
    await lanes.stop()


async def test_lanes_together_work_on_no_more_records_than_fit_into_memory() -> None:
    """However many partitions a worker has; a small run does not overtake a large one that waits for room."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    for partition, count in enumerate((40_000, 30_000, 10)):
        await lanes.put(Event(a_run("t", *[b""] * count, partition=partition)))
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert [run.partition for run in held.worked] == [0]
    async with asyncio.timeout(10), held.turns:  # which those who wait for room have left
        held.gate.set()
    await asyncio.sleep(0.05)

    assert [run.partition for run in held.worked] == [0, 1, 2]
    await lanes.stop()


async def test_a_run_larger_than_what_lanes_may_work_on_goes_alone() -> None:
    """It could be no smaller, and nobody would ever fetch it again."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    for partition, count in enumerate((10, 70_000)):
        await lanes.put(Event(a_run("t", *[b""] * count, partition=partition)))
    await asyncio.sleep(0.01)
    assert [run.partition for run in held.worked] == [0]
    held.gate.set()
    await asyncio.sleep(0.05)

    assert [run.partition for run in held.worked] == [0, 1]
    await lanes.stop()


@pytest.mark.parametrize("seed", range(40))
async def test_lanes_never_wait_for_one_another(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the sizes of runs and the steps of the work, all of it is done, one computing at a time."""
    monkeypatch.setattr(lanes_module, "_MOST_AT_WORK", 64)
    monkeypatch.setattr(lanes_module, "_ENOUGH_RECORDS", 4)
    draw = Random(seed)
    turns = Turns()
    ends, done, computing = [0] * 4, [0] * 4, 0

    async def some_steps(most: int) -> None:
        for _ in range(draw.randrange(most)):
            await asyncio.sleep(0)

    async def work(run: Run) -> bool:
        nonlocal computing
        async with turns:
            computing += 1
            assert computing == 1
            await some_steps(4)
            computing -= 1
            async with turns.away():
                await some_steps(8)
        await some_steps(16)
        done[run.partition] = run.ends
        return True

    lanes = Lanes(work, lambda error: pytest.fail(repr(error)), turns)
    async with asyncio.timeout(10):
        for _ in range(100):
            partition, count = draw.randrange(4), draw.randrange(1, 37)
            await lanes.put(Event(a_run("t", *[b""] * count, first=ends[partition], partition=partition)))
            ends[partition] += count
            await some_steps(4)
        while done != ends:
            await asyncio.sleep(0.001)
    await lanes.stop()


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
