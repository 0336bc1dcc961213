"""The reduced work on our own machinery: run transport, lanes, guarded commits, outbox and relay of the live worker.

What is left out is what only the full work has: the ledger's event types, ticks, dead letters, metrics pages.
"""

import asyncio
import signal
import sys
from collections.abc import Mapping
from typing import Any

from faust.types import TP
from prometheus_client import CollectorRegistry

from benchmarks.peers.reduced_work import Slots, add, decode_run, opened
from config.settings import Settings
from streams.app import WorkerApp
from streams.garbage import tune_garbage_collection
from streams.kafka_connection import aiokafka_options
from streams.kafka_producer import BatchProducer
from streams.kafka_sink import KafkaSink
from streams.lanes import Lanes
from streams.live_metrics import LiveMetrics
from streams.live_relay import LiveRelay
from streams.relay import Relay
from streams.stores.base import Commit, NewOutput, PositionConflict, Store
from streams.stores.opening import open_store
from streams.transport import Run
from streams.turns import Turns


class ReducedShard:
    """The sums of one partition's customers, committed run by run."""

    def __init__(self, store: Store, shard: int, output_topic: str, cache: int, turns: Turns) -> None:
        """Keep at most about `cache` customers decoded; shards of one worker share `turns`."""
        self._store = store
        self._shard = shard
        self._output_topic = output_topic
        self._bound = cache
        self._turns = turns
        self._cache: dict[str, Slots] = {}
        self._position = 0

    async def open(self) -> int:
        """Take the shard over; where to read on."""
        self._cache.clear()
        self._position = (await self._store.open_shard(self._shard)).position
        return self._position

    async def take(self, run: Run) -> bool:
        """Work on one run and commit; whether it has outputs. What is below the position is skipped."""
        if run.first_offset > self._position:
            raise LookupError("records between the position and this run are missing")
        bodies = [record.value for record in run.records][self._position - run.first_offset :]
        if not bodies:
            return False
        async with self._turns:
            commit = await self._computed(bodies, run.next_offset)
        try:
            await self._store.commit(self._shard, commit)
        except BaseException:
            self._cache.clear()
            raise
        self._position = run.next_offset
        return bool(commit.outputs)

    async def _computed(self, bodies: list[bytes], position: int) -> Commit:
        moves = decode_run(bodies)
        cache = self._cache
        named = dict.fromkeys(moved.customer_id for moved in moves)
        missing = [customer_id for customer_id in named if customer_id not in cache]
        if missing:
            if len(cache) > self._bound:
                cache.clear()
                missing = list(named)
            async with self._turns.away():
                states = await self._store.load(self._shard, missing)
            for customer_id, state in zip(missing, states, strict=True):
                cache[customer_id] = opened(state)
        outputs = []
        for moved in moves:
            output = add(cache[moved.customer_id], moved)
            if output is not None:
                outputs.append(NewOutput(self._output_topic, moved.customer_id, moved.event_id, output))
        return Commit(
            expected_position=self._position,
            position=position,
            state=b"{}",
            customers=[(customer_id, cache[customer_id].tobytes()) for customer_id in named],
            outputs=outputs,
        )


async def run(input_topic: str, output_topic: str) -> None:
    """Work until SIGTERM; any error ends the process."""
    settings = Settings()
    options = aiokafka_options(settings.kafka)
    store, producer, app = open_store(settings.store), BatchProducer(options), WorkerApp(settings, options)
    live = LiveMetrics(CollectorRegistry())
    broken = asyncio.get_running_loop().create_future()

    def fail(error: BaseException) -> None:
        if not broken.done():
            broken.set_exception(error)

    turns = Turns()
    relay = LiveRelay(Relay(store, KafkaSink(producer, live)), live, fail)
    shards: dict[int, ReducedShard] = {}

    async def positions(assigned: Mapping[TP, int | None]) -> Mapping[TP, int]:
        found = {}
        for tp in assigned:
            shard = shards.setdefault(
                tp.partition,
                ReducedShard(store, tp.partition, output_topic, settings.cache_customers // 4, turns),
            )
            found[tp] = await shard.open()
            relay.wake(tp.partition)
        return found

    async def work(run_: Run) -> bool:
        shard = shards[run_.partition]
        try:
            if await shard.take(run_):
                relay.wake(run_.partition)
        except PositionConflict:
            await shard.open()
        return True

    lanes = Lanes(work, fail, turns)
    app.positions = positions

    async def customers(stream: Any) -> None:
        async for event in stream.noack().events():
            await lanes.put(event)

    app.agent(app.topic(input_topic), name="customers")(customers)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await producer.start()
    app.finalize()
    await app.start()
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait({told, broken}, return_when=asyncio.FIRST_COMPLETED)
    if broken.done():
        broken.result()
    await app.stop()
    await lanes.stop()
    await relay.stop()
    await producer.stop()
    await store.close()


if __name__ == "__main__":
    tune_garbage_collection()
    asyncio.run(run(sys.argv[1], sys.argv[2]))
