"""Tells whether a worker does its work: ready or not and why, and when it is better ended than kept.

A worker that hangs keeps its partitions: nobody else takes over what it does not do. So when records wait and no
position of theirs has moved for too long, the process is ended, and its partitions move on.
"""

import time
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from streams.live_metrics import LiveMetrics
from streams.owned_shards import Standing


class Stalled(RuntimeError):
    """Records wait, and nothing moves."""


class Health(Struct):
    """What `/readyz` says; `reasons` are empty when the worker is ready."""

    reasons: list[str]
    assigned: int
    lag: int


class Watchdog:
    """Looks at where every partition of this worker stands."""

    def __init__(
        self,
        standings: Callable[[], Awaitable[Sequence[Standing] | None]],
        store_answers: Callable[[], Awaitable[bool]],
        live_metrics: LiveMetrics,
        stall_limit_s: float,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`standings` is None while the worker has no assignment; the process may stand still for `stall_limit_s`."""
        self._standings = standings
        self._store_answers = store_answers
        self._live = live_metrics
        self._stall_limit_s = stall_limit_s
        self._now_s = now_s
        self._moved_s: dict[tuple[str, int], tuple[int, float]] = {}
        self.health = Health(["starting"], 0, 0)

    async def look(self) -> None:
        """Take stock; raises `Stalled` when the process should be ended."""
        now_s = self._now_s()
        standings = await self._standings()
        reasons = [] if await self._store_answers() else ["the store does not answer"]
        if standings is None:
            self.health = Health([*reasons, "no partitions assigned yet"], 0, 0)
            self._moved_s.clear()
            self._live.ready.set(0)
            return
        stalled: list[Standing] = []
        seen: dict[tuple[str, int], tuple[int, float]] = {}
        for standing in standings:
            place = (standing.topic, standing.partition)
            before = self._moved_s.get(place)
            waits_still = before is not None and before[0] == standing.position and standing.lag
            seen[place] = (standing.position, before[1] if waits_still and before is not None else now_s)
            if now_s - seen[place][1] >= self._stall_limit_s:
                stalled.append(standing)
            elif now_s - seen[place][1] >= self._stall_limit_s / 4:
                reasons.append(f"{standing.topic}/{standing.partition}: records wait, the position does not move")
        self._moved_s = seen
        lag = sum(standing.lag for standing in standings)
        self.health = Health(reasons, len(standings), lag)
        self._live.ready.set(not reasons)
        topics: dict[str, tuple[int, int]] = {}
        for standing in standings:
            waiting, partitions = topics.get(standing.topic, (0, 0))
            topics[standing.topic] = (waiting + standing.lag, partitions + 1)
        self._live.saw_standings(topics)
        if stalled:
            first = stalled[0]
            raise Stalled(
                f"{len(stalled)} partitions have records waiting and have not moved for {self._stall_limit_s:.0f} s;"
                f" the first is {first.topic}/{first.partition} at {first.position}, its end at {first.end}"
            )
