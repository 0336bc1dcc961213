"""Watches an output topic: what came, when, and how far into the input its cause lies.

Progress is read off the outputs alone, so that it means the same for everybody: the work up to there is done, its
outputs are there to be read (committed, where a contender writes in transactions).
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.peers.stream import PARTITIONS, Expected

_ONE_COMMIT_S = 0.25
_QUIET_S = 10.0


class ContenderFailed(RuntimeError):
    """A contender did not do its work; its figures are void."""


class OutputProbe:
    """Reads one output topic from its beginning; `arrivals` holds the time of each expected output's first arrival."""

    def __init__(self, bootstrap: str, topic: str, expected: Expected) -> None:
        """Watch `topic` for what is `expected`."""
        self._topic = topic
        self._expected = expected
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=100,
        )
        self._reached = [0] * PARTITIONS
        self.arrivals: dict[bytes, float] = {}
        self.timed: set[bytes] = set()
        self.unexpected: list[bytes] = []
        self.repeats = 0
        self.timeline: list[tuple[float, int]] = []

    async def run(self) -> None:
        """Read until cancelled."""
        await self._consumer.start()
        try:
            self._consumer.assign([TopicPartition(self._topic, partition) for partition in range(PARTITIONS)])
            while True:
                for records in (await self._consumer.getmany(timeout_ms=100)).values():
                    now_s = time.time()
                    for record in records:
                        self._saw(record.value, now_s)
                    reached = sum(self._reached)
                    if not self.timeline or reached > self.timeline[-1][1]:
                        self.timeline.append((now_s, reached))
        finally:
            await self._consumer.stop()

    def _saw(self, body: bytes, now_s: float) -> None:
        cause = self._expected.outputs.get(body)
        if cause is None:
            if body in self._expected.timed:
                self.timed.add(body)
            else:
                self.unexpected.append(body)
        elif body in self.arrivals:
            self.repeats += 1
        else:
            self.arrivals[body] = now_s
            partition, offset = cause
            self._reached[partition] = max(self._reached[partition], offset + 1)

    def missing(self, ends: Sequence[int]) -> int:
        """How many outputs of the records before `ends` have not come yet."""
        return self._expected.within(ends) - len(self.arrivals)

    async def wait(self, ends: Sequence[int], longest_s: float, still_runs: Callable[[], None]) -> None:
        """Return when every output of the records before `ends` has come."""
        due = self._expected.within(ends)
        give_up = time.monotonic() + longest_s
        while len(self.arrivals) < due:
            still_runs()
            if time.monotonic() > give_up:
                raise ContenderFailed(
                    f"{due - len(self.arrivals)} of {due} outputs are missing after {longest_s:.0f} s, "
                    f"{len(self.unexpected)} unexpected"
                )
            await asyncio.sleep(0.02)

    async def settle(self, ends: Sequence[int], still_runs: Callable[[], None]) -> None:
        """Return when every output of the records before `ends` has come, or when nothing has come for a while."""
        due, quiet_since_s, arrived = self._expected.within(ends), time.monotonic(), len(self.arrivals)
        while len(self.arrivals) < due and time.monotonic() < quiet_since_s + _QUIET_S:
            still_runs()
            if len(self.arrivals) > arrived:
                quiet_since_s, arrived = time.monotonic(), len(self.arrivals)
            await asyncio.sleep(0.02)


def window(timeline: Sequence[tuple[float, int]], total: int, begin: float, end: float) -> tuple[float, float, int]:
    """From about the moment at which `begin` (a share of `total`) was done to that of `end`: start, end, records.

    `end` stops short of everything, so that what is under way at either moment evens out.
    """
    start_s, done = _moment(timeline, begin * total)
    end_s, reached = _moment(timeline, end * total)
    return start_s, end_s, reached - done


def _moment(timeline: Sequence[tuple[float, int]], wanted: float) -> tuple[float, int]:
    """When `wanted` was reached, and what was done then.

    Outputs that are committed together are read in several pieces: the moment is behind all pieces of its commit, or
    work that was done before it would be counted as done after it.
    """
    first_s = next((at_s for at_s, done in timeline if done >= wanted), timeline[-1][0])
    return next(moment for moment in reversed(timeline) if moment[0] <= first_s + _ONE_COMMIT_S)
