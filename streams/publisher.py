"""Feed files into the feed topics: each line as it is, keyed by its customer, none lost and none invented."""

import asyncio
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from streams.feed_address import Addressed, partition_of
from streams.feed_reader import FeedError
from streams.feed_source import FeedSource
from streams.kafka_producer import BatchProducer, Outgoing
from streams.pace import Pace

_MOST_WAITING = 32_768
_LINGER_S = 0.05
_LOOK_AGAIN_S = 0.002
_LONGEST_NAP_S = 0.2


class DeliveryFailed(RuntimeError):
    """The brokers did not take a batch; what was confirmed before it is safe, the batch itself may be there or not."""


class Published(Struct):
    """What the brokers have confirmed so far; `without_customer` lines will become dead letters."""

    lines: int = 0
    without_customer: int = 0
    by_topic: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False
    clock_ms: int = 0
    seconds: float = 0.0


class Publisher:
    """Sends the lines of a source at a pace; `report` grows only by what the brokers have confirmed."""

    def __init__(
        self, options: Mapping[str, Any], partitions: Mapping[str, int], pace: Pace, limit: int | None = None
    ) -> None:
        """Connect as `options` say; `partitions` is the partition count of each feed topic."""
        self._partitions = partitions
        self._pace = pace
        self._limit = sys.maxsize if limit is None else limit
        self._producer = BatchProducer(options, _give_up)
        self._waiting: dict[str, dict[int, list[Outgoing]]] = defaultdict(lambda: defaultdict(list))
        self._count = 0
        self._without = 0
        self._stopping = False
        self.report = Published()

    def stop(self) -> None:
        """Send what is under way, and no more."""
        self._stopping = True

    async def run(self, source: FeedSource, confirmed: Callable[[], None] = lambda: None) -> Published:
        """Send until the source ends, the limit is reached or `stop` is called; raises `DeliveryFailed`, `FeedError`.

        `confirmed` is called after each delivery.
        """
        started_s = time.monotonic()
        await self._producer.start()
        try:
            try:
                await self._send_all(source, confirmed)
            except FeedError:
                await self._send(confirmed)  # what was read before the damage is good
                raise
        finally:
            self.report.seconds = time.monotonic() - started_s
            self.report.interrupted = self._stopping
            source.close()
            await self._producer.stop()
        return self.report

    async def _send_all(self, source: FeedSource, confirmed: Callable[[], None]) -> None:
        start_s = 0.0
        taken = 0
        quiet_since_s: float | None = None
        while self._goes_on(taken):
            line = source.take()
            now_s = time.monotonic()
            if line is None:
                quiet_since_s = quiet_since_s or now_s
                ended = source.ended
                if self._count and (ended or now_s - quiet_since_s >= _LINGER_S):
                    await self._send(confirmed)
                elif ended:
                    break
                await asyncio.sleep(_LOOK_AGAIN_S)
                continue
            quiet_since_s = None
            start_s = start_s or now_s
            due_s = start_s + self._pace.due_s(line.at_ms)
            if due_s > now_s:
                await self._send(confirmed)
                await self._nap_until(due_s)
                if not self._goes_on(taken):
                    break
            taken += 1
            self._add(line)
            if self._count >= _MOST_WAITING:
                await self._send(confirmed)
        await self._send(confirmed)

    def _goes_on(self, taken: int) -> bool:
        return not self._stopping and taken < self._limit

    def _add(self, line: Addressed) -> None:
        partition = partition_of(line, self._partitions[line.topic])
        self._waiting[line.topic][partition].append(Outgoing(line.key, line.line))
        self._count += 1
        self._without += line.key is None

    async def _send(self, confirmed: Callable[[], None]) -> None:
        if not self._count:
            return
        waiting, self._waiting = self._waiting, defaultdict(lambda: defaultdict(list))
        without, self._count, self._without = self._without, 0, 0
        await asyncio.gather(*(self._deliver(topic, partitions) for topic, partitions in waiting.items()))
        self.report.without_customer += without
        self.report.clock_ms = self._pace.clock_ms
        confirmed()

    async def _deliver(self, topic: str, partitions: dict[int, list[Outgoing]]) -> None:
        await self._producer.append(topic, partitions)
        lines = sum(map(len, partitions.values()))
        self.report.lines += lines
        self.report.by_topic[topic] += lines

    async def _nap_until(self, due_s: float) -> None:
        while not self._stopping and (left_s := due_s - time.monotonic()) > 0:
            await asyncio.sleep(min(left_s, _LONGEST_NAP_S))


def _give_up() -> None:
    """A command line that went on trying would hide what is wrong; a worker, whose producer this is, must."""
    error = sys.exception()
    raise DeliveryFailed(f"the brokers did not take a batch ({type(error).__name__})") from None
