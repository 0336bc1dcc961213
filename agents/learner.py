"""The learner's process: examples in from Kafka, models out into every shard of the ledger.

A process of its own, so that learning holds up no scoring, and one at a time: what is learnt depends on one order. It
is no Faust agent for the reason that a notifier is none: where reading stands and what has been learnt must be one
durable state. Should it die, start it again, on this or another machine that has the directory; meanwhile the workers
score with the model that they have.

A model is announced until every shard has been told; a shard that is told twice finds the version that it has.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from msgspec import Struct

from config.settings import Settings
from streams.codecs import encode_model_record
from streams.embedded import lock_directory
from streams.kafka_producer import BatchProducer, Outgoing
from streams.learner_feed import LearnerFeed
from streams.learner_metrics import LearnerMetrics
from streams.learner_run import LearnerRun
from streams.logs import say_the_end
from streams.names import EVENTS_TOPIC
from streams.watchdog import Health
from streams.web import WebServer

logger = logging.getLogger("ebbwatch.learner")

_LOOK_S: Final = 10.0
"""Seconds between two looks at the figures."""
_NEAR: Final = 1_000
"""Examples that may wait when a model is announced: one who catches up passes by models of old."""
_STOP_S: Final = 20.0
"""Seconds that the batch and the announcement under way may take to end."""


class Broken(RuntimeError):
    """The learner ends itself: what it has learnt could not be kept."""


class Parts(Struct, frozen=True):
    """What a learner is made of; `shards` are the partitions of the ledger."""

    settings: Settings
    base_rate: float
    shards: int
    data: Path
    client_options: Mapping[str, Any]
    forest: bool


class LearnerProcess:
    """Learns and announces until it is told to stop."""

    def __init__(self, parts: Parts) -> None:
        """Open everything but connections; raises `DirectoryInUse`, `LearnerMismatch`, `SnapshotMismatch`."""
        self._parts = parts
        self._lock = lock_directory(parts.data)
        try:
            self._run = LearnerRun(parts.data, parts.base_rate, forest=parts.forest)
        except BaseException:
            self._lock.close()
            raise
        self.metrics = LearnerMetrics()
        self.metrics.began_at(self._run)
        self._feed: LearnerFeed | None = None
        self._waiting_for = "connecting"
        self._told = asyncio.Event()
        settings = parts.settings
        self._web = WebServer(settings.web_host, settings.web_port, self.metrics.registry, self.health)

    def health(self) -> Health:
        """What `/readyz` says."""
        if self._told.is_set():
            return Health(["stopping"], 0, 0)
        if self._feed is None or not self._feed.assigned:
            return Health([self._waiting_for], 0, 0)
        return Health([], self._feed.assigned, self._feed.lag)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT, then end the batch under way; raises what ends it otherwise."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._told.set)
        producer = BatchProducer({**self._parts.client_options, "client_id": "ebbwatch-learner"})
        consumer = AIOKafkaConsumer(
            **self._parts.client_options,
            group_id=None,
            client_id="ebbwatch-learner",
            enable_auto_commit=False,
            auto_offset_reset="none",
        )
        try:
            await self._web.start()
            await consumer.start()
            await producer.start()
            await self._until_told(asyncio.create_task(self._work(consumer, producer), name="learner"))
        finally:
            with contextlib.suppress(Exception):
                await consumer.stop()
            with contextlib.suppress(Exception):
                await producer.stop()
            await self._web.stop()
            self._run.close()
            self._lock.close()
        logger.info("learner stopped")

    async def _until_told(self, working: asyncio.Task[None]) -> None:
        stopped = asyncio.create_task(self._told.wait(), name="told to stop")
        try:
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await asyncio.wait({working}, timeout=_STOP_S)  # brokers that are away are not waited for
            if working.done() and (error := working.exception()):
                say_the_end(logger, "learner ends itself", error)
                raise Broken from None
        finally:
            for task in (working, stopped):
                task.cancel()
            await asyncio.gather(working, stopped, return_exceptions=True)

    async def _work(self, consumer: AIOKafkaConsumer, producer: BatchProducer) -> None:
        if self._parts.forest:
            self._waiting_for = "the forest grows again from the journal"
            await asyncio.to_thread(self._run.grow_forest)
        self._waiting_for = "no partition assigned yet"
        self._feed = LearnerFeed(consumer, self._run, self.metrics)
        logger.info("learner started", extra={"fields": {"labels": self._run.learner.labels}})
        looked_s, is_news = 0.0, True
        while not self._told.is_set():
            if self._feed.lag < _NEAR:
                await self._announce(producer)
            busy = await self._feed.take()
            is_news = is_news or busy
            if (is_news and not busy) or time.monotonic() - looked_s > _LOOK_S:
                self.metrics.saw(self._run)
                looked_s, is_news = time.monotonic(), False

    async def _announce(self, producer: BatchProducer) -> None:
        """Tell every shard of the latest model, or the pinned one; those before it have been overtaken."""
        waiting = self._run.unannounced()
        if not waiting:
            return
        model = waiting[-1]
        record = Outgoing(None, encode_model_record(model, time.time_ns() // 1_000_000))
        await producer.append(EVENTS_TOPIC, {shard: [record] for shard in range(self._parts.shards)})
        self._run.announced(model.version)
        logger.info("model announced", extra={"fields": {"version": model.version, "labels": model.learnt}})
