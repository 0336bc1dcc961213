"""A shard of the live ledger: the store's position decides, whatever Kafka hands over."""

import asyncio
import logging
from collections.abc import Sequence
from random import Random
from types import SimpleNamespace

import pytest

from config.policies import load_policies, policies_from_document, policy_document
from streams.codecs import decode_ledger_run
from streams.live_metrics import LiveMetrics
from streams.live_shard import LiveShard, Reading
from streams.metrics import Metrics
from streams.names import EVENTS_TOPIC
from streams.processor import ShardProcessor
from streams.stores.base import Commit, StoredShard, StoreUnavailable
from streams.stores.memory import MemoryStore
from streams.ticking import EventClock
from streams.transport import Run
from streams.turns import Turns
from tests.support.histories import History


class Ledger:
    """What Kafka holds of a shard, and what the consumer was asked."""

    def __init__(self, bodies: Sequence[bytes], first: int = 0, holes: Sequence[int] = ()) -> None:
        self.offsets = [offset for offset in range(first, first + len(bodies) + len(holes)) if offset not in holes]
        self.records = [
            SimpleNamespace(offset=offset, value=body) for offset, body in zip(self.offsets, bodies, strict=True)
        ]
        self.first = first
        self.rewound: list[int] = []

    def run(self, start: int, end: int) -> Run:
        """The records from offset `start` to before `end`."""
        return Run(EVENTS_TOPIC, 0, [record for record in self.records if start <= record.offset < end], start, end)

    @property
    def reading(self) -> Reading:
        async def rewind(offset: int) -> None:
            self.rewound.append(offset)

        async def earliest() -> int:
            return self.first

        return Reading(rewind, earliest)


class Fixture:
    """One live shard over a store."""

    def __init__(
        self,
        ledger: Ledger,
        store: MemoryStore | None = None,
        clock: EventClock | None = None,
        *,
        turns: Turns | None = None,
        reading: Reading | None = None,
        cache: int = 100,
    ) -> None:
        self.store = store or MemoryStore()
        self.metrics = Metrics()
        self.live = LiveMetrics(self.metrics.registry)
        self.shard = LiveShard(
            0,
            self.store,
            load_policies(),
            self.metrics,
            self.live,
            reading or ledger.reading,
            cache,
            clock,
            turns,
        )

    def count(self, name: str) -> float:
        """A counter's value."""
        value = self.metrics.registry.get_sample_value(f"ebbwatch_live_{name}_total")
        assert value is not None, name
        return value


def bodies(count: int = 120, seed: int = 5) -> list[bytes]:
    """A history of one shard."""
    return History(Random(seed), count).bodies


async def straight(records: list[bytes]) -> object:
    """What the store holds after a straight line."""
    store = MemoryStore()
    processor = ShardProcessor(store, 0)
    await processor.open()
    await processor.process(0, records)
    return await picture(store)


async def picture(store: MemoryStore) -> object:
    """All that a store holds of the shard but its position."""
    return (
        (await store.open_shard(0)).state,
        (await store.open_shard(0)).documents,
        store.customers_of(0),
        await store.due(0, "due", 1e18),
        [entry.output_id for entry in await store.outbox(0, 10**6)],
    )


async def test_folds_what_comes_and_skips_what_was_folded() -> None:
    """Runs that overlap what was folded leave the same as a straight line."""
    records = bodies()
    ledger = Ledger(records)
    it = Fixture(ledger)

    for start, end in ((0, 40), (20, 60), (0, 30), (60, 120)):
        await it.shard.take(ledger.run(start, end))

    assert await picture(it.store) == await straight(records)
    assert it.count("records_skipped") == 30
    assert ledger.rewound == []


async def test_a_store_that_lost_its_tail_rewinds() -> None:
    """A run behind the position is not folded: the consumer is sent back, and all is well when it comes from there."""
    records = bodies()
    ledger = Ledger(records)
    it = Fixture(ledger)
    await it.shard.take(ledger.run(0, 50))

    assert await it.shard.take(ledger.run(80, 120)) == []
    assert ledger.rewound == [50]
    await it.shard.take(ledger.run(50, 120))

    assert await picture(it.store) == await straight(records)
    assert it.count("rewinds") == 1


async def test_a_store_rolled_back_under_a_worker_rewinds() -> None:
    """The worker believes in a position that the store has lost: the commit is refused, and it goes back."""
    records = bodies()
    ledger = Ledger(records)
    it = Fixture(ledger)
    await it.shard.take(ledger.run(0, 30))
    held = it.store._shards[0]
    it.store._shards[0] = type(held)()  # everything is lost
    it.store._shards[0].sequence = 0

    await it.shard.take(ledger.run(30, 60))
    assert it.count("position_conflicts") == 1
    assert ledger.rewound == [0]
    await it.shard.take(ledger.run(0, 120))

    assert await picture(it.store) == await straight(records)


async def test_a_zombie_is_refused_and_carries_on_behind_the_other() -> None:
    """Two workers on one shard: whatever the one has committed the other one does not fold again."""
    records = bodies()
    ledger = Ledger(records)
    first = Fixture(ledger)
    second = Fixture(ledger, first.store)
    await first.shard.take(ledger.run(0, 20))
    await second.shard.take(ledger.run(0, 60))

    await first.shard.take(ledger.run(20, 50))
    await first.shard.take(ledger.run(50, 90))
    await second.shard.take(ledger.run(60, 120))

    assert await picture(first.store) == await straight(records)
    assert first.count("position_conflicts") == 1
    assert second.count("position_conflicts") == 1


async def test_offsets_that_never_held_a_record_are_no_gap() -> None:
    """Where a fetch has covered them they are passed, within a run and between two, and nothing is asked for again."""
    records = bodies()
    ledger = Ledger(records, holes=(7, 8, 60, 61))
    it = Fixture(ledger)

    await it.shard.take(ledger.run(0, 61))
    await it.shard.take(ledger.run(61, 90))
    await it.shard.take(ledger.run(90, 124))

    assert await picture(it.store) == await straight(records)
    assert it.shard.position == 124
    assert it.count("ledger_gap_records") == 0
    assert ledger.rewound == []


async def test_what_is_missing_is_asked_for_however_often_the_same_run_comes() -> None:
    """A run that was fetched twice, before the store lost its tail, does not pass for proof that nothing is between."""
    records = bodies()
    ledger = Ledger(records)
    it = Fixture(ledger)
    await it.shard.take(ledger.run(0, 30))
    it.store._shards[0] = type(it.store._shards[0])()  # everything is lost
    it.store._shards[0].sequence = 0

    await it.shard.take(ledger.run(30, 60))
    await it.shard.take(ledger.run(30, 60))
    assert ledger.rewound == [0, 0]
    await it.shard.take(ledger.run(0, 120))

    assert await picture(it.store) == await straight(records)


async def test_a_hole_in_a_run_hides_nothing_that_is_missing_before_it() -> None:
    """The store loses its tail before a run with a hole: what is behind the hole waits as well."""
    records = bodies()
    ledger = Ledger(records, holes=(40,))
    it = Fixture(ledger)
    await it.shard.take(ledger.run(0, 30))
    it.store._shards[0] = type(it.store._shards[0])()  # everything is lost
    it.store._shards[0].sequence = 0

    assert await it.shard.take(ledger.run(30, 60)) == []
    assert ledger.rewound == [0]
    await it.shard.take(ledger.run(0, 121))

    assert await picture(it.store) == await straight(records)


async def test_a_ledger_gap_is_loud_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Records that retention has eaten are missing: said as critical, counted, and the rest is folded."""
    records = bodies()
    whole = Ledger(records)
    it = Fixture(whole)
    await it.shard.take(whole.run(0, 10))
    whole.first = 40

    with caplog.at_level(logging.CRITICAL):
        await it.shard.take(whole.run(40, 120))

    assert it.count("ledger_gap_records") == 30
    assert it.shard.position == 120
    assert [record.message for record in caplog.records] == [
        "ledger gap: retention has deleted records that were not folded"
    ]


async def test_a_gap_over_the_first_record_is_decided_by_the_worker_s_policies() -> None:
    """With an empty store and no beginning of the ledger, this worker's policies come into force."""
    records = bodies()
    ledger = Ledger(records)
    ledger.first = 40
    it = Fixture(ledger)

    await it.shard.take(ledger.run(40, 60))

    assert it.shard.policies is not None
    assert it.shard.position == 60


class Flaky(MemoryStore):
    """A store that is away now and then; `applied` says whether a commit that fails was applied all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[bool] = []

    async def commit(self, shard: int, commit: Commit) -> None:
        if self.faults:
            applied = self.faults.pop()
            if applied:
                await super().commit(shard, commit)
            raise StoreUnavailable("away")
        await super().commit(shard, commit)


@pytest.mark.parametrize("applied", [True, False])
async def test_a_commit_of_unknown_outcome_is_settled_by_the_position(applied: bool) -> None:
    """Whether it was applied or not, nothing is folded twice and nothing is left out."""
    records = bodies()
    ledger = Ledger(records)
    store = Flaky()
    it = Fixture(ledger, store)
    await it.shard.take(ledger.run(0, 50))
    store.faults = [applied, applied]

    await it.shard.take(ledger.run(50, 120))

    assert await picture(store) == await straight(records)
    assert store.faults == [applied] if applied else store.faults == []


async def test_concurrent_runs_wait_for_each_other() -> None:
    """Opening and folding do not meet, whoever calls them."""
    records = bodies()
    ledger = Ledger(records)
    it = Fixture(ledger)

    await asyncio.gather(
        it.shard.take(ledger.run(0, 60)), it.shard.open(), it.shard.take(ledger.run(60, 120)), it.shard.open()
    )

    assert await picture(it.store) == await straight(records)


async def test_an_error_of_the_fold_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the fold comes out as itself, and nothing was committed."""
    records = bodies()
    ledger = Ledger(records)
    it = Fixture(ledger)
    await it.shard.take(ledger.run(0, 10))

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("models.shard.fold", broken)
    with pytest.raises(ZeroDivisionError):
        await it.shard.take(ledger.run(10, 120))
    assert (await it.store.open_shard(0)).position == 10


async def test_changed_policies_are_to_be_announced() -> None:
    """A worker with other policies than those in force has a record to write; with the same it has none."""
    records = bodies()
    ledger = Ledger(records)
    it = Fixture(ledger)
    assert it.shard.policy_record(1) is None  # nothing is in force: whoever creates the topics has seen to it

    await it.shard.take(ledger.run(0, 30))
    in_force = it.shard.policies
    assert in_force is not None
    assert it.shard.policy_record(1) is not None

    same = policies_from_document(policy_document(in_force))
    other = LiveShard(0, it.store, same, Metrics(), LiveMetrics(Metrics().registry), ledger.reading, 10)
    await other.open()
    assert other.policy_record(1) is None


async def test_events_bring_the_time_where_they_are_asked_to() -> None:
    """With an event clock the shard tells how far its events have come."""
    records = bodies()
    ledger = Ledger(records)
    it = Fixture(ledger, clock=EventClock(60_000, 0))

    await it.shard.take(ledger.run(0, 120))

    latest_ms = max(record.at_ms for record in decode_ledger_run(records[:120]) if record.source)
    assert it.shard.event_clock is not None
    assert it.shard.event_clock.clock_ms == latest_ms // 60_000 * 60_000 > 0


async def test_nobody_is_kept_from_computing_while_a_shard_waits() -> None:
    """A shard whose store or broker does not answer must not hold up those whose does."""
    turns = Turns()
    waits: list[str] = []

    async def others_compute(waits_for: str) -> None:
        async def compute() -> None:
            async with turns:
                waits.append(waits_for)

        await asyncio.wait_for(asyncio.create_task(compute()), 10)

    class Watched(MemoryStore):
        async def open_shard(self, shard: int) -> StoredShard:
            await others_compute("open_shard")
            return await super().open_shard(shard)

        async def load(self, shard: int, customer_ids: Sequence[str]) -> list[bytes | None]:
            await others_compute("load")
            return await super().load(shard, customer_ids)

        async def due(self, shard: int, index: str, until: float) -> list[tuple[float, str]]:
            await others_compute("due")
            return await super().due(shard, index, until)

        async def commit(self, shard: int, commit: Commit) -> None:
            await others_compute("commit")
            await super().commit(shard, commit)

    async def rewind(offset: int) -> None:
        await others_compute("rewind")

    async def earliest() -> int:
        await others_compute("earliest")
        return 0

    records = bodies()
    ledger = Ledger(records)
    it = Fixture(ledger, Watched(), turns=turns, reading=Reading(rewind, earliest), cache=1)
    for start, end in ((0, 50), (80, 120), (50, 120)):
        await turns.begin()  # as a lane does
        await it.shard.take(ledger.run(start, end))
        turns.leave()

    assert set(waits) == {"open_shard", "load", "due", "commit", "rewind", "earliest"}
    assert it.shard.position == 120


async def test_nobody_is_kept_from_computing_while_a_shard_is_being_opened() -> None:
    """Its runs wait for that without their turn."""
    turns, answers = Turns(), asyncio.Event()

    class Slow(MemoryStore):
        async def open_shard(self, shard: int) -> StoredShard:
            await answers.wait()
            return await super().open_shard(shard)

    async def take() -> None:
        await turns.begin()
        await it.shard.take(ledger.run(0, 120))

    ledger = Ledger(bodies())
    it = Fixture(ledger, Slow(), turns=turns)
    opening = asyncio.create_task(it.shard.open())
    await asyncio.sleep(0)
    taking = asyncio.create_task(take())
    await asyncio.sleep(0.01)
    async with asyncio.timeout(10), turns:
        answers.set()
    await asyncio.gather(opening, taking)
    assert it.shard.position == 120
