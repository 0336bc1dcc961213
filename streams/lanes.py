"""One lane for each partition: its runs are worked on in order, those of different partitions side by side.

While one partition waits for the store or the broker, another one computes. A lane holds so many records, however many
runs they came in, so that memory is bounded and a rebalance is not held up; when it is full, whoever fills it waits.

What has gathered in a lane is worked on as one run: each costs a commit and a delivery, and a lane that paid for them
one by one would stay behind once it is. What waits in front of a full lane cannot be joined: hence records, not runs.
A lane takes what has gathered once it is its turn to compute, and not before: what comes until then would have to wait
for the next time.

All lanes together work on so many records at a time, however many partitions a worker has, since what is worked on is
decoded, and so are its customers.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from streams.transport import Run, joined
from streams.turns import Turns
from streams.work_limit import WorkLimit

_ENOUGH_RECORDS = 4_096
"""A lane has room until so many wait, and joins runs up to so many: more would save nothing and keep others waiting."""
_MOST_AT_WORK = 65_536
"""Records that all lanes work on at a time: 41 MB of events, and at worst as many customers."""


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

    def __init__(
        self, work: Callable[[Run], Awaitable[bool]], failed: Callable[[BaseException], None], turns: Turns
    ) -> None:
        """Start with no lane; a partition gets its own at its first run.

        `work` begins with its turn, and must leave it before it waits for anything.
        """
        self._work = work
        self._failed = failed
        self._turns = turns
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._at_work = WorkLimit(_MOST_AT_WORK)

    async def put(self, event: RunEvent) -> None:
        """Queue a run behind the earlier ones of its partition."""
        run = event.value
        lane = self._lanes.get((run.topic, run.partition))
        if lane is None:
            lane = self._lanes[run.topic, run.partition] = _Lane()
            self._tasks.append(asyncio.create_task(self._serve(lane), name=f"lane {run.topic}/{run.partition}"))
        await lane.put(event)

    async def _serve(self, lane: "_Lane") -> None:
        while True:
            await lane.some()
            await self._turns.begin()
            try:
                events, run = await lane.take()
                # Whoever makes room may need a turn for it.
                async with self._at_work.room(len(run.records), self._turns.leave):
                    done = await self._work(run)
            except Exception as error:  # whatever it is, the run must not count as done
                self._failed(error)
                return
            finally:
                self._turns.leave()
            if done:
                while events:
                    events.pop(0).ack()
            del events, run  # a rebalance waits for what is not acked, for as long as anything holds it

    async def stop(self) -> None:
        """End the lanes; what waits in them is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Lane:
    """The runs of one partition that wait."""

    def __init__(self) -> None:
        self._events: deque[RunEvent] = deque()
        self._records = 0
        self._changed = asyncio.Condition()

    async def put(self, event: RunEvent) -> None:
        """Add a run once there is room."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._records < _ENOUGH_RECORDS)
            self._events.append(event)
            self._records += len(event.value.records)
            self._changed.notify_all()

    async def some(self) -> None:
        """Wait until there is a run."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._events)

    async def take(self) -> tuple[list[RunEvent], Run]:
        """The first runs that follow on one another, as the events that they are and as one run; there must be one."""
        async with self._changed:
            events = [self._events.popleft()]
            count = len(events[0].value.records)
            while self._events and count < _ENOUGH_RECORDS and self._events[0].value.follows(events[-1].value):
                events.append(self._events.popleft())
                count += len(events[-1].value.records)
            self._records -= count
            self._changed.notify_all()
        return events, joined([event.value for event in events])
