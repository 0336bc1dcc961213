"""One worker of the live service, wired in the order in which an event passes through it."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Mapping
from traceback import extract_tb
from typing import Any

from faust.types import TP
from msgspec import Struct

from agents import clock, customers, feeds
from agents.deps import Deps
from config.policies import Policies
from config.settings import Settings
from streams.app import WorkerApp
from streams.backlog_gauges import BacklogGauges
from streams.complaint_gauges import ComplaintGauges
from streams.kafka_producer import BatchProducer
from streams.kafka_sink import KafkaSink
from streams.lanes import Lanes
from streams.live_ingest import Feeds, LiveIngest
from streams.live_metrics import LiveMetrics
from streams.live_relay import LiveRelay
from streams.live_shard import LiveShard, Reading
from streams.live_ticker import Ticker
from streams.metrics import Metrics
from streams.names import EVENTS_TOPIC
from streams.owned_shards import OwnedShards
from streams.promises import Watched
from streams.pseudonyms import Pseudonymiser
from streams.relay import Relay
from streams.standings import Standings
from streams.stores.base import Store, StoreError
from streams.ticking import EventClock
from streams.transport import Run, RunConsumer
from streams.turns import Turns
from streams.watchdog import Watchdog
from streams.web import WebServer

logger = logging.getLogger("ebbwatch.worker")

EXIT_BROKEN = 70
"""The process ended itself, because going on could have lost or made up something."""
_EVENT_TICK_MS = 60_000
_STOP_S = 30.0
_STORE_ANSWERS_S = 5.0


class NotStopped(RuntimeError):
    """The worker was told to stop, and something under way does not end."""


class Parts(Struct, frozen=True):
    """What a worker is made of."""

    settings: Settings
    policies: Policies
    shards: int
    store: Store
    client_options: Mapping[str, Any]
    pseudonymiser: Pseudonymiser | None


class Worker:
    """Consumes, folds, commits and relays until it is told to stop, or until it had better."""

    def __init__(self, parts: Parts) -> None:
        """Wire everything; nothing is connected yet."""
        settings, store = parts.settings, parts.store
        self._store = store
        self.metrics = Metrics()
        self.live = live = LiveMetrics(self.metrics.registry)
        self._producer = BatchProducer(parts.client_options, live.delivery_failures.inc)
        self.app = WorkerApp(settings, parts.client_options)

        # feeds -> ledger
        reading = Feeds(self._rewind, self._earliest)
        turns = Turns()
        ingest = LiveIngest(self._producer, parts.shards, reading, self.metrics, live, parts.pseudonymiser, turns)
        self._feed_lanes = Lanes(ingest.take, self.fail, turns)

        # ledger -> state and outbox
        cache = max(settings.cache_customers // parts.shards, 1)

        def make(shard: int, reading: Reading) -> LiveShard:
            by_events = EventClock(_EVENT_TICK_MS, 0) if settings.clock == "event" else None
            return LiveShard(shard, store, parts.policies, self.metrics, live, reading, cache, by_events, turns)

        # outbox -> outputs
        self._relay = LiveRelay(Relay(store, KafkaSink(self._producer, live)), live, self.fail)
        self._shards = OwnedShards(make, self._consumer, live, self._relay.wake, self.metrics.forget)
        self._gauges = ComplaintGauges(store, self.metrics.complaints)
        self._backlog = BacklogGauges(store, self.metrics)
        self._ledger_lanes = Lanes(self._fold, self.fail, turns)

        async def positions(committed: Mapping[TP, int | None]) -> Mapping[TP, int]:
            found = await self._shards.positions(committed)
            ingest.begin({(tp.topic, tp.partition): at for tp, at in found.items() if tp.topic != EVENTS_TOPIC})
            return found

        self.app.positions = positions
        standings = Standings(self._shards, self._consumer, ingest.next_offsets, lambda: self.app.rebalancing)
        self._watchdog = Watchdog(standings.now, self._store_answers, live, settings.stall_limit_s)
        deps = Deps(
            feed_lanes=self._feed_lanes,
            ledger_lanes=self._ledger_lanes,
            ticker=Ticker(self._producer, lambda: self._shards.owned),
            watchdog=self._watchdog,
            count_open=self._count_open,
            fail=self.fail,
        )
        for agent in (feeds, customers, clock):
            agent.register(self.app, deps)
        self._web = WebServer(
            settings.web_host, settings.web_port, self.metrics.registry, lambda: self._watchdog.health
        )

    def _consumer(self) -> RunConsumer:
        consumer = self.app.consumer
        assert isinstance(consumer, RunConsumer)  # noqa: S101 - our transport makes no other
        return consumer

    async def _rewind(self, topic: str, partition: int, offset: int) -> None:
        await self._consumer().rewind(TP(topic, partition), offset)

    async def _earliest(self, topic: str, partition: int) -> int:
        return await self._shards.earliest(TP(topic, partition))

    async def _fold(self, run: Run) -> bool:
        reports = await self._shards[run.partition].take(run)
        if any(report.outputs for report in reports):
            self._relay.wake(run.partition)
        if reports:
            self.live.saw_commit(run.records[-1].timestamp)
        return True

    async def _store_answers(self) -> bool:
        try:
            await asyncio.wait_for(self._store.outbox_depth(0), _STORE_ANSWERS_S)
        except (StoreError, TimeoutError):
            return False
        return True

    async def _count_open(self) -> None:
        def owned() -> dict[int, Watched]:
            return {shard.shard: shard.watched for shard in self._shards.owned}

        try:
            await self._gauges.refresh(owned)
            await self._backlog.refresh(owned)
        except StoreError as error:  # gauges that stand still are no reason to end
            self.live.store_errors.inc()
            logger.warning("open cases and alerts not counted", extra={"fields": {"error": str(error)}})

    def fail(self, error: BaseException) -> None:
        """End the process at once: what is not committed is not acknowledged, and whoever is next does it again."""
        frames = [
            f"{frame.filename.rsplit('/', 1)[-1]}:{frame.name}:{frame.lineno}"
            for frame in extract_tb(error.__traceback__)
        ]
        logger.critical(
            "worker ends itself",
            extra={"fields": {"error": type(error).__name__, "stack": frames, "reason": _reason(error)}},
        )
        sys.stderr.flush()
        os._exit(EXIT_BROKEN)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT, then finish the runs under way, commit, and leave the group."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        await self._web.start()
        try:
            await self._producer.start()
            self.app.finalize()
            await self.app.start()
            logger.info("worker started", extra={"fields": {"shards": len(self._shards.assigned)}})
            await self._until(stopping)
            logger.info("worker stops")
            await self._stop()
        finally:
            with contextlib.suppress(Exception):
                await self._end()
        logger.info("worker stopped")

    async def _stop(self) -> None:
        try:
            await asyncio.wait_for(self.app.stop(), _STOP_S)
        except TimeoutError:
            self.fail(
                NotStopped(f"what is under way has not ended within {_STOP_S:.0f} s; whoever is next does it again")
            )

    async def _until(self, stopping: asyncio.Event) -> None:
        told = asyncio.create_task(stopping.wait())
        gone = asyncio.create_task(self.app.wait_until_stopped())
        await asyncio.wait({told, gone}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        gone.cancel()
        if self.app.crash_reason is not None:
            self.fail(self.app.crash_reason)

    async def _end(self) -> None:
        await self._feed_lanes.stop()
        await self._ledger_lanes.stop()
        await self._relay.stop()
        await self._producer.stop()
        await self._store.close()
        await self._web.stop()


def _reason(error: BaseException) -> str:
    """The text of an error that is ours; that of another may quote a customer's data."""
    return str(error) if type(error).__module__.partition(".")[0] in {"streams", "agents", "config", "models"} else ""
