"""Feeds records at a steady rate, from a process of its own: neither it nor whoever looks at outputs delays the other.

A record counts as sent when it is due, not when the pacer got round to it: were it held up by a slow broker, the wait
would otherwise vanish from every latency.
"""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from benchmarks.peers.broker import Broker
from benchmarks.peers.stream import Stream
from tests.support.command_line import ROOT, environment


class Feed(Struct, frozen=True):
    """What the pacer's process is told: (partition, key, body) in order, and how many of them a second."""

    brokers: str
    topic: str
    rate: float
    records: Sequence[tuple[int, bytes, bytes]]


class Pacer:
    """Feeds a stream to a topic from `at` on, and knows when each record was due."""

    def __init__(self, broker: Broker, topic: str, stream: Stream, at: int) -> None:
        """Nothing is sent yet."""
        self._broker = broker
        self._topic = topic
        self._stream = stream
        self._first = at
        self._numbers: dict[tuple[int, int], int] = {}
        self._rate = 1.0
        self._started_s: float | None = None
        self.late_ms = 0.0
        """The worst one in a hundred of its batches left so much after its first record was due."""

    async def run(self, rate: float, until: int) -> None:
        """Send `rate` records a second until the stream's `until`-th is sent and acknowledged."""
        records = self.records(until)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.peers.pacer_process", cwd=ROOT, env=environment(), stdin=PIPE, stdout=PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.msgpack.encode(Feed(self._broker.bootstrap, self._topic, rate, records)))
            process.stdin.close()
            self.started(float(await process.stdout.readline()), rate)
            self.late_ms = float(await process.stdout.readline())
            code = await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code:
            raise RuntimeError(f"the pacer ended with {code}")

    def records(self, until: int) -> list[tuple[int, bytes, bytes]]:
        """What is to be sent, as (partition, key, body), up to the stream's `until`-th."""
        offsets = self._stream.ends(self._first)
        records = []
        for number, partition in enumerate(self._stream.places[self._first : until]):
            offset = offsets[partition]
            offsets[partition] = offset + 1
            self._numbers[partition, offset] = number
            records.append((partition, *self._stream.partitions[partition][offset]))
        return records

    def started(self, at_s: float, rate: float) -> None:
        """The first record was due at `at_s`, and `rate` of them in each second."""
        self._started_s, self._rate = at_s, rate

    def sent_s(self, partition: int, offset: int) -> float | None:
        """When the record was due; None when it was not sent from here."""
        number = self._numbers.get((partition, offset))
        if number is None or self._started_s is None:
            return None
        return self._started_s + number / self._rate
