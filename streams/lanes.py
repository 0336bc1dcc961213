"""One lane for each partition: its runs are worked on in order, those of different partitions side by side.

While one partition waits for the store or the broker, another one computes. A lane holds few runs, so that memory is
bounded and a rebalance is not held up; when one is full, whoever fills it waits.

What has gathered in a lane is worked on as one run: each costs a commit and a delivery, and a lane that paid for them
one by one would stay behind once it is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from streams.transport import Run, joined

_WAITING_RUNS = 2
_MOST_RECORDS = 4_096
"""Runs are joined up to about so many records: more would save no more, and keep other partitions waiting."""


class RunEvent(Protocol):
    """What a Faust stream of runs yields."""

    @property
    def value(self) -> Run:
        """The run."""
        ...

    def ack(self) -> bool:
        """The run is done with."""
        ...


class Lanes:
    """Hands runs to `work` and acks those that it says are done; its errors are passed to `failed`."""

    def __init__(self, work: Callable[[Run], Awaitable[bool]], failed: Callable[[BaseException], None]) -> None:
        """Start with no lane; a partition gets its own at its first run."""
        self._work = work
        self._failed = failed
        self._lanes: dict[tuple[str, int], asyncio.Queue[RunEvent]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def put(self, event: RunEvent) -> None:
        """Queue a run behind the earlier ones of its partition."""
        run = event.value
        lane = self._lanes.get((run.topic, run.partition))
        if lane is None:
            lane = self._lanes[run.topic, run.partition] = asyncio.Queue(_WAITING_RUNS)
            self._tasks.append(asyncio.create_task(self._serve(lane), name=f"lane {run.topic}/{run.partition}"))
        await lane.put(event)

    async def _serve(self, lane: "asyncio.Queue[RunEvent]") -> None:
        events: list[RunEvent] = []
        while True:
            events.append(await lane.get())
            while events:
                run, count = _gathered(events, lane)
                try:
                    done = await self._work(run)
                except Exception as error:  # whatever it is, the run must not count as done
                    self._failed(error)
                    return
                if done:
                    for event in events[:count]:
                        event.ack()
                        del event
                del events[:count], run  # a rebalance waits for what is not acked, for as long as anything holds it

    async def stop(self) -> None:
        """End the lanes; what waits in them is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _gathered(events: list[RunEvent], lane: "asyncio.Queue[RunEvent]") -> tuple[Run, int]:
    """The first runs in `events` and `lane` as one, and how many of `events` they are; it moves what it joins."""
    run, count = events[0].value, 1
    while len(run.records) < _MOST_RECORDS:
        if count == len(events):
            if lane.empty():
                break
            events.append(lane.get_nowait())
        both = joined(run, events[count].value)
        if both is None:
            break
        run, count = both, count + 1
    return run, count
