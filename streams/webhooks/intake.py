"""Takes alerts from Kafka into the queue, in batches, each durable before the next is asked for.

All partitions are assigned by hand, and the queue's positions are where reading goes on: one transaction holds alerts
and positions, which no consumer group's offsets could promise. The offsets are still committed to a group, for lag
tools, and for a notifier whose directory was lost: it begins where the group has come to.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from config.endpoints import Endpoint
from models.context import Stream
from streams.names import STREAM_TOPICS
from streams.notifier_metrics import NotifierMetrics
from streams.webhooks.gate import Gate
from streams.webhooks.payload import AlertEvent, Renderer, Unreadable, decode_alert_event, facts_of, wants
from streams.webhooks.queue import DeliveryQueue
from streams.webhooks.records import PRESSING, Taken

logger = logging.getLogger("ebbwatch.notifier")

ALERTS_TOPIC = STREAM_TOPICS[Stream.ALERTS]
_BATCH = 500
_POLL_MS = 500
_COMMIT_S = 1.0
_COMMIT_LIMIT_S = 5.0


class Intake:
    """Reads until it is cancelled."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        partitions: int,
        queue: DeliveryQueue,
        gate: Gate,
        endpoints: Sequence[Endpoint],
        renderer: Renderer,
        metrics: NotifierMetrics,
        disabled: Callable[[], set[str]],
        wake: Callable[[], None],
        begin_at_end: bool,
    ) -> None:
        """`consumer` is started, and has nothing assigned; `begin_at_end` counts where nobody has read before."""
        self._consumer = consumer
        self._places = [TopicPartition(ALERTS_TOPIC, number) for number in range(partitions)]
        self._queue = queue
        self._gate = gate
        self._endpoints = endpoints
        self._renderer = renderer
        self._metrics = metrics
        self._disabled = disabled
        self._wake = wake
        self._begin_at_end = begin_at_end
        self._committed_s = 0.0
        self.assigned = 0
        self.lag = 0
        self.caught_up = False
        """Whether everything that Kafka holds, as far as it has said by now, has been taken."""

    async def run(self) -> None:
        """Take alerts for ever; raises what goes wrong with the queue."""
        self._consumer.assign(self._places)
        placed = False
        while True:
            try:
                if not placed:
                    await self._place()
                    placed, self.assigned = True, len(self._places)
                found = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_BATCH)
            except OffsetOutOfRangeError:
                placed = self.caught_up = False
                continue
            except KafkaError as error:
                logger.warning("alerts cannot be read", extra={"fields": {"error": type(error).__name__}})
                await asyncio.sleep(1)
                continue
            if found:
                self._take([record for records in found.values() for record in records])
            self._look_at_lag()
            await self._tell_the_group()

    async def _place(self) -> None:
        """Seek every partition to what is to be read next."""
        known = self._queue.positions()
        first = await self._consumer.beginning_offsets(self._places)
        end = await self._consumer.end_offsets(self._places)
        positions = {}
        for place in self._places:
            position = known.get(place.partition)
            if position is None:
                committed = await self._consumer.committed(place)
                fresh = end[place] if self._begin_at_end else first[place]
                position = min(max(fresh if committed is None else committed, first[place]), end[place])
            elif position < first[place]:
                self._say_gap("retention has deleted alerts that were not taken", place, position, first[place])
                self._metrics.gap_records.inc(first[place] - position)
                position = first[place]
            elif position > end[place]:
                self._say_gap("the topic ends before what was taken: made anew?", place, position, end[place])
                position = first[place]
            positions[place.partition] = position
            self._consumer.seek(place, position)
        self._queue.take([], positions, 0, set())

    @staticmethod
    def _say_gap(what: str, place: TopicPartition, position: int, there: int) -> None:
        fields = {"partition": place.partition, "position": position, "there": there}
        logger.critical("alerts gap: %s", what, extra={"fields": fields})

    def _take(self, records: Sequence[Any]) -> None:
        fates: Counter[str] = Counter()
        taken: list[Taken] = []
        for record in records:
            try:
                event = decode_alert_event(record.value or b"")
            except Unreadable as error:
                fates["unreadable"] += 1
                fields = {"partition": record.partition, "offset": record.offset, "reason": str(error)}
                logger.error("a record of the alerts topic is no alert", extra={"fields": fields})
                continue
            alert = self._taken(event)
            fates["queued" if alert.bodies else "unwanted"] += 1
            if alert.bodies or alert.revised:
                taken.append(alert)
        positions = {record.partition: record.offset + 1 for record in records}
        done = self._queue.take(taken, positions, round(time.time() * 1000), self._disabled(), self._gate.passed)
        fates["queued"] -= done.repeated
        fates["repeated"] += done.repeated
        for fate, count in fates.items():
            self._metrics.alerts.labels(fate).inc(count)
        for endpoint, count in done.parked.items():
            self._metrics.parked.labels(endpoint, "disabled").inc(count)
        if taken:
            self._wake()

    def _taken(self, event: AlertEvent) -> Taken:
        bodies: dict[str, bytes] = {}
        revised: dict[str, bytes | None] = {}
        for endpoint in self._endpoints:
            if wants(endpoint, event.alert):
                bodies[endpoint.name] = self._renderer.body(endpoint, event)
            elif endpoint.daily_top is not None:
                still = event.alert.state in PRESSING and wants(endpoint, event.alert, whatever_state=True)
                revised[endpoint.name] = self._renderer.body(endpoint, event) if still else None
        return Taken(event.id, event.alert.customer_id, bodies, facts_of(event.alert), revised)

    def _look_at_lag(self) -> None:
        positions = self._queue.positions()
        ends = {place: self._consumer.highwater(place) for place in self._places}
        self.caught_up = all(
            end is not None and positions.get(place.partition, 0) >= end for place, end in ends.items()
        )
        self.lag = sum(max((end or 0) - positions.get(place.partition, 0), 0) for place, end in ends.items() if end)
        self._metrics.lag.set(self.lag)

    async def _tell_the_group(self) -> None:
        if time.monotonic() - self._committed_s < _COMMIT_S:
            return
        positions = self._queue.positions()
        with contextlib.suppress(KafkaError, TimeoutError):  # it says no more than how far we are
            async with asyncio.timeout(_COMMIT_LIMIT_S):
                await self._consumer.commit({place: positions[place.partition] for place in self._places})
        self._committed_s = time.monotonic()
