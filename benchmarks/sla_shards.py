"""The shards of one worker on one store, over which time passes and events come; what each of that takes."""

import math
import time

from msgspec import Struct

from benchmarks.open_cases import SHARDS, tick_record
from models.events import Complaint, Transaction, epoch_ms
from streams.codecs import encode_event_record
from streams.names import DUE_INDEX
from streams.processor import ShardProcessor
from streams.sharding import shard_of
from streams.stores.base import Store


class Cost(Struct):
    """What one tick of all shards, or one round of events, took; `due` customers changed."""

    due: int = 0
    seconds: float = 0.0
    due_s: float = 0.0
    load_s: float = 0.0
    fold_s: float = 0.0
    commit_s: float = 0.0


class Bench:
    """The shards of one worker on one store, over which time passes."""

    def __init__(self, store: Store) -> None:
        """Nobody is in memory yet."""
        self.store = store
        self.processors = [ShardProcessor(store, shard, 12_500) for shard in range(SHARDS)]

    async def open(self) -> None:
        """Take the shards over."""
        for processor in self.processors:
            await processor.open()

    async def tick(self, at_ms: int) -> Cost:
        """Let time reach `at_ms`, shard after shard as the worker does; the look-up of what is due is timed apart."""
        due_s = 0.0
        for shard in range(SHARDS):
            started_s = time.perf_counter()
            await self.store.due(shard, DUE_INDEX, at_ms)
            due_s += time.perf_counter() - started_s
        cost = await self._process({shard: [tick_record(at_ms)] for shard in range(SHARDS)})
        cost.due_s = due_s
        cost.fold_s -= due_s
        return cost

    async def events(self, events: list[Complaint | Transaction], first_offset: int) -> Cost:
        """Fold events of customers who are in the store."""
        bodies: dict[int, list[bytes]] = {shard: [] for shard in range(SHARDS)}
        for offset, event in enumerate(events, first_offset):
            at_ms = epoch_ms(event.occurred_at)
            bodies[shard_of(event.customer_id, SHARDS)].append(encode_event_record(event, at_ms, "feed:more", offset))
        return await self._process(bodies)

    async def _process(self, bodies: dict[int, list[bytes]]) -> Cost:
        cost = Cost()
        for shard, records in bodies.items():
            processor = self.processors[shard]
            started_s = time.perf_counter()
            report = await processor.process(processor.position, records)
            cost.seconds += time.perf_counter() - started_s
            cost.due += report.customers_changed
            cost.load_s += report.load_s
            cost.fold_s += report.fold_s
            cost.commit_s += report.commit_s
            await self.store.clear_outbox(shard, 1 << 62)
        return cost

    async def dues(self) -> list[int]:
        """When each customer needs a tick, ascending."""
        found = [await self.store.due(shard, DUE_INDEX, math.inf) for shard in range(SHARDS)]
        return sorted(int(due_ms) for shard in found for due_ms, _ in shard)
