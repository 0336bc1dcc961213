"""Feeds records at a steady rate and remembers when each was sent."""

import asyncio
import time

from benchmarks.peers.broker import Broker
from benchmarks.peers.stream import PARTITIONS, Stream

_STEP_S = 0.005


class Pacer:
    """Feeds a stream to a topic from `at` on; `sent` holds, by partition, (first offset, time) of each small batch."""

    def __init__(self, broker: Broker, topic: str, stream: Stream, at: int) -> None:
        """Nothing is sent yet."""
        self._broker = broker
        self._topic = topic
        self._stream = stream
        self._offsets = stream.ends(at)
        self.at = at
        self._sent: list[dict[int, float]] = [{} for _ in range(PARTITIONS)]

    async def run(self, rate: float, until: int) -> None:
        """Send `rate` records a second until the stream's `until`-th is sent."""
        started_s, first = time.monotonic(), self.at
        while self.at < until:
            due = min(until, first + int((time.monotonic() - started_s) * rate) + 1)
            if due > self.at:
                await self._send(due)
            await asyncio.sleep(_STEP_S)

    async def _send(self, until: int) -> None:
        batch: dict[int, list[tuple[bytes, bytes]]] = {}
        now_s = time.time()
        for partition in self._stream.places[self.at : until]:
            offset = self._offsets[partition]
            batch.setdefault(partition, []).append(self._stream.partitions[partition][offset])
            self._sent[partition][offset] = now_s
            self._offsets[partition] = offset + 1
        self.at = until
        await self._broker.append(self._topic, batch)

    def sent_s(self, partition: int, offset: int) -> float | None:
        """When the record was handed to the broker; None when it was not sent from here."""
        return self._sent[partition].get(offset)
