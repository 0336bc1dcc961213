"""How many cases are open and how many promises are due, asked of the store for the shards that this process owns.

Each process exports its own shards alone, so that the sum over processes is right: a shard that is handed over while
it is being asked about is left out. One round trip for each shard.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping

from models.complaints import deadlines_index, open_cases_index
from streams.calendar_horizon import HorizonWatch
from streams.complaint_metrics import ALL, DUE_WITHIN_H, OVERDUE, CaseCounts, ComplaintMetrics
from streams.promises import Horizon, Watched
from streams.stores.base import Store

REFRESH_EVERY_S = 15.0
_HOUR_MS = 3_600_000


class ComplaintGauges:
    """Keeps the gauges of complaint clocks up to date, and looks how far the calendars reach."""

    def __init__(self, store: Store, metrics: ComplaintMetrics) -> None:
        """Ask `store`; tell `metrics`."""
        self._store = store
        self._metrics = metrics
        self._horizons = HorizonWatch()
        self._refreshed_s = time.monotonic()

    async def refresh(self, owned: Callable[[], Mapping[int, Watched]]) -> None:
        """Ask about the shards that are `owned`, before and after; raises `StoreError` when the store does not tell."""
        for shard, watched in owned().items():
            counts = await self._count(shard, watched)
            if shard in owned():
                self._metrics.saw_counts(shard, counts)
        self._metrics.show()
        self._look(owned().values())
        self._refreshed_s = time.monotonic()

    @property
    def are_old(self) -> bool:
        """Whether it is time to refresh them."""
        return time.monotonic() - self._refreshed_s >= REFRESH_EVERY_S

    async def _count(self, shard: int, watched: Watched) -> CaseCounts:
        promises, now_ms = watched.promises, watched.clock_ms
        profiles, clocks = sorted(promises.profiles), sorted(promises.clocks)
        limits = [now_ms - 1.0, *(now_ms + hours * _HOUR_MS for hours in DUE_WITHIN_H.values()), math.inf]
        asked = [(open_cases_index(profile), math.inf) for profile in profiles]
        asked += [(deadlines_index(*clock), limit) for clock in clocks for limit in limits]
        answers = iter(await self._store.counts(shard, asked) if asked else ())
        counts = CaseCounts()
        for profile in profiles:
            counts.open_cases[profile] = next(answers)
        for clock in clocks:
            overdue, *ahead, running = (next(answers) for _ in limits)
            counts.due[*clock, OVERDUE] = overdue
            for within, count in zip(DUE_WITHIN_H, ahead, strict=True):
                # Where a store counts one after another, a commit may come between.
                counts.due[*clock, within] = max(count - overdue, 0)
            counts.due[*clock, ALL] = running
        return counts

    def _look(self, shards: Iterable[Watched]) -> None:
        horizons: dict[str, Horizon] = {}
        clock_ms = 0
        for watched in shards:
            clock_ms = max(clock_ms, watched.clock_ms)
            for name, horizon in watched.promises.horizons.items():
                # Policies come into force shard by shard: the shorter horizon is the one to care for.
                horizons[name] = min(horizons.get(name, horizon), horizon, key=lambda one: one.until_ms)
        self._metrics.show_horizons(horizons)
        self._horizons.look(horizons, clock_ms)
