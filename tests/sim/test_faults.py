"""Crashes, zombies, repeats and any batches: what is kept and sent equals one fold, record after record.

`make sim SEED=7 ROUNDS=500` goes through more histories; a failure names the seed and the round.
"""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest

from models.alerts import OPEN_STATES, Alert, open_alerts_index
from models.complaints import deadlines_index, open_cases_index
from models.customer import encode_customer
from models.fold import RULES
from models.shard import encode_documents, encode_state
from streams.cloud_events import cloud_event
from streams.codecs import decode_ledger_run
from streams.names import DUE_INDEX
from streams.processor import ShardProcessor
from streams.relay import Relay
from streams.stores.base import Commit, OutboxEntry, PositionConflict, Store, StoredShard
from streams.stores.memory import MemoryStore
from streams.stores.redis import RedisStore
from streams.stores.sqlite import SqliteStore
from tests.support import settings
from tests.support.figures import counted, show
from tests.support.histories import History
from tests.support.oracle import Oracle
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.proof

INDEXES = (
    DUE_INDEX,
    "asset_outflow",
    *(open_alerts_index(rule) for rule in RULES),
    open_cases_index("care"),
    deadlines_index("care", "responded"),
    deadlines_index("crm", "closed"),
    deadlines_index("cn-2020", "decision"),
)


class Crash(Exception):
    """The process is gone, as far as the store can tell."""


class FaultyStore:
    """Passes everything on to a store, and now and then crashes before or after a call."""

    def __init__(self, store: Store, draw: Random, counts: Counter[str]) -> None:
        self._store = store
        self._draw = draw
        self._counts = counts
        self.calm = False

    def _maybe(self, when: str, chance: float) -> None:
        if not self.calm and self._draw.random() < chance:
            self._counts[f"crashes {when}"] += 1
            raise Crash(when)

    async def check(self) -> list[str]:
        return await self._store.check()

    async def open_shard(self, shard: int) -> StoredShard:
        return await self._store.open_shard(shard)

    async def load(self, shard: int, customer_ids: Sequence[str]) -> list[bytes | None]:
        self._maybe("before load", 0.03)
        return await self._store.load(shard, customer_ids)

    async def due(self, shard: int, index: str, until: float) -> list[tuple[float, str]]:
        return await self._store.due(shard, index, until)

    async def count(self, shard: int, index: str, until: float) -> int:
        return await self._store.count(shard, index, until)

    async def counts(self, shard: int, asked: Sequence[tuple[str, float]]) -> list[int]:
        return await self._store.counts(shard, asked)

    async def top(self, shard: int, index: str, n: int) -> list[tuple[float, str]]:
        return await self._store.top(shard, index, n)

    async def commit(self, shard: int, commit: Commit) -> None:
        self._maybe("before commit", 0.06)
        await self._store.commit(shard, commit)
        self._maybe("after commit", 0.06)

    async def outbox(self, shard: int, limit: int) -> list[OutboxEntry]:
        return await self._store.outbox(shard, min(limit, self._draw.choice([1, 3, 1000])))

    async def outbox_depth(self, shard: int) -> int:
        return await self._store.outbox_depth(shard)

    async def clear_outbox(self, shard: int, through_sequence: int) -> None:
        self._maybe("between delivery and clearing", 0.15)
        await self._store.clear_outbox(shard, through_sequence)
        self._maybe("after clearing", 0.05)

    async def close(self) -> None:
        await self._store.close()


class Consumer:
    """What stands behind the relay: drops repeats by the highest sequence seen, and minds that they are repeats."""

    def __init__(self, counts: Counter[str]) -> None:
        self.taken: list[OutboxEntry] = []
        self._counts = counts

    async def deliver(self, shard: int, entries: Sequence[OutboxEntry]) -> None:
        for entry in entries:
            if entry.sequence <= len(self.taken):
                assert self.taken[entry.sequence - 1] == entry, "a repeated delivery has another identity"
                self._counts["deliveries repeated"] += 1
            else:
                assert entry.sequence == len(self.taken) + 1, "a delivery is missing"
                self.taken.append(entry)


AnyStore = MemoryStore | SqliteStore | RedisStore


async def customers_of(store: AnyStore, shard: int) -> dict[str, bytes]:
    """Every customer that a store holds of a shard."""
    if isinstance(store, RedisStore):
        return {customer_id: body async for customer_id, body in store.customers_of(shard)}
    return dict(store.customers_of(shard))


async def everything(store: AnyStore, shard: int) -> tuple[object, ...]:
    """All that a store holds of a shard."""
    return (
        await store.open_shard(shard),
        await customers_of(store, shard),
        [await store.due(shard, name, math.inf) for name in INDEXES],
        await store.outbox(shard, 1_000_000),
    )


class Life:
    """One shard under faults, from its first record to its last."""

    def __init__(self, store: AnyStore, shard: int, bodies: list[bytes], draw: Random, counts: Counter[str]) -> None:
        self.store = store
        self.shard = shard
        self.bodies = bodies
        self.draw = draw
        self.counts = counts
        self.consumer = Consumer(counts)
        self.faulty = FaultyStore(store, draw, counts)
        self.zombies: list[ShardProcessor] = []

    def _worker(self, store: Store) -> ShardProcessor:
        return ShardProcessor(store, self.shard, self.draw.choice([1, 4, 100]))

    async def live(self) -> None:
        """Until every record is folded and every output delivered."""
        worker = self._worker(self.faulty)
        await worker.open()
        while worker.position < len(self.bodies):
            try:
                await self._batch(worker)
                if self.draw.random() < 0.7:
                    await Relay(self.faulty, self.consumer).drain(self.shard)
            except Crash:
                if self.draw.random() < 0.7:  # the process is gone; else it merely lost the store for a moment
                    worker = self._worker(self.faulty)
                await worker.open()
            except PositionConflict:  # a zombie has taken over meanwhile, and this one takes back
                self.counts["conflicts of the worker"] += 1
                await worker.open()
            if self.draw.random() < 0.1:  # a worker that will wake up when another one has taken over
                sleeper = self._worker(self.store)
                await sleeper.open()
                self.zombies.append(sleeper)
            if self.zombies and self.draw.random() < 0.2:
                self.faulty.calm = True
                await self._wake(self.zombies.pop(self.draw.randrange(len(self.zombies))))
                self.faulty.calm = False
            if self.draw.random() < 0.03:
                self.zombies.append(worker)
                worker = self._worker(self.faulty)
                await worker.open()
        while await self.store.outbox(self.shard, 1):
            try:
                await Relay(self.faulty, self.consumer).drain(self.shard)
            except Crash:
                continue

    async def _batch(self, worker: ShardProcessor) -> None:
        position = worker.position
        first = max(position - self.draw.choice([0, 0, 0, 5]), 0)  # Kafka may hand out again what was committed
        most = self.draw.choice([1, 2, 7, 50])
        await worker.process(first, self.bodies[first : position + most])
        self.counts["batches"] += 1

    async def _wake(self, zombie: ShardProcessor) -> None:
        before = await everything(self.store, self.shard)
        stale = zombie.position < (await self.store.open_shard(self.shard)).position
        if not stale:
            return
        self.counts["zombies"] += 1
        with pytest.raises(PositionConflict):
            await zombie.process(zombie.position, self.bodies[zombie.position : zombie.position + 9])
        assert await everything(self.store, self.shard) == before, "a zombie has changed something"
        if self.draw.random() < 0.5:  # it opens the shard again, and takes over
            await zombie.open()
            with_luck = self.bodies[zombie.position : zombie.position + 9]
            if with_luck:
                await zombie.process(zombie.position, with_luck)
                self.counts["takeovers by a zombie"] += 1

    async def compare(self) -> Oracle:
        """Hold everything against the straight line."""
        oracle = Oracle()
        for record in decode_ledger_run(self.bodies):
            oracle.apply(record)
        stored = await self.store.open_shard(self.shard)
        assert stored.position == len(self.bodies)
        assert stored.state == encode_state(oracle.state)
        assert stored.documents == encode_documents(oracle.documents)
        kept = await customers_of(self.store, self.shard)
        assert kept == {name: encode_customer(one) for name, one in oracle.customers.items()}
        for index in INDEXES:
            expected = oracle.due if index == DUE_INDEX else oracle.rankings.get(index, {})
            members = await self.store.due(self.shard, index, math.inf)
            assert members == sorted((score, name) for name, score in expected.items()), index
        last = {output.body.alert_id: output.body for output in oracle.outputs if isinstance(output.body, Alert)}
        for rule in RULES:
            open_now = {one.alert_id for one in last.values() if one.rule == rule and one.state in OPEN_STATES}
            counted_open = {name for _, name in await self.store.due(self.shard, open_alerts_index(rule), math.inf)}
            assert counted_open == open_now, f"open alerts of {rule}"
            self.counts[f"open alerts of {rule}"] += len(open_now)
        assert [(entry.sequence, entry.output_id, entry.key, entry.body) for entry in self.consumer.taken] == [
            (number, output.output_id, output.key, msgspec.json.encode(cloud_event(output)))
            for number, output in enumerate(oracle.outputs, 1)
        ]
        # The bank's own repeat of a step, long after, says the same again, under the same id.
        said = {entry.output_id: entry.body for entry in self.consumer.taken}
        assert all(said[entry.output_id] == entry.body for entry in self.consumer.taken), "two outputs share an id"
        return oracle


def store_of_round(number: int, directory: Path, redis_server: RedisServer) -> tuple[str, AnyStore]:
    """Every tenth round is on Redis, every third of the others on SQLite."""
    if number % 10 == 9:
        redis_server.flush()
        return "on Redis", RedisStore(redis_server.settings())
    if number % 3 == 0:
        return "on SQLite", SqliteStore(directory / f"{number}.sqlite3")
    return "in memory", MemoryStore()


async def test_histories_under_faults(tmp_path: Path, redis_server: RedisServer) -> None:
    """Whatever happens on the way, states, indexes and outputs equal the straight line's, byte for byte."""
    counts: Counter[str] = Counter()
    records: Counter[str] = Counter()
    alerts: Counter[str] = Counter()
    for number in range(settings.rounds()):
        draw = Random(f"{settings.seed()}/{number}")
        where, store = store_of_round(number, tmp_path, redis_server)
        try:
            histories = [History(draw, draw.choice([30, 200, 600])) for _ in range(draw.choice([1, 2]))]
            lives = [Life(store, shard, one.bodies, draw, counts) for shard, one in enumerate(histories)]
            for life in lives:
                await life.live()
            for life, history in zip(lives, histories, strict=True):
                oracle = await life.compare()
                records.update(history.counts)
                for output in oracle.outputs:
                    envelope = cloud_event(output)
                    alerts[f"{envelope.source.removeprefix('ebbwatch/')} {envelope.type.rpartition('.')[2]}"] += 1
            counts[f"rounds {where}"] += 1
        except BaseException as error:
            error.add_note(f"to see it again: make sim SEED={settings.seed()} ROUNDS={number + 1} (fails in the last)")
            raise
        finally:
            await store.close()
            for left in tmp_path.glob(f"{number}.sqlite3*"):
                left.unlink()
    show(
        "faults",
        seed=settings.seed(),
        records=records.total(),
        ledger=counted(records),
        happened=counted(counts),
        alert_revisions=counted(alerts),
        differences=0,
    )
