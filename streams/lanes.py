"""One lane for each partition: its runs are worked on in order, those of different partitions side by side.

While one partition waits for the store or the broker, another one computes. A lane holds few runs, so that memory is
bounded and a rebalance is not held up; when one is full, whoever fills it waits.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from streams.transport import Run

_WAITING_RUNS = 2


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
        while True:
            event = await lane.get()
            try:
                if await self._work(event.value):
                    event.ack()
            except Exception as error:  # whatever it is, the run must not count as done
                self._failed(error)
                return
            del event  # a rebalance waits for runs that are not acked, for as long as anything holds them

    async def stop(self) -> None:
        """End the lanes; what waits in them is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
