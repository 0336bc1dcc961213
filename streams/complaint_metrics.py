"""The metrics of complaint clocks, beside those of every run (`streams.metrics`).

Labels are names of profiles, clocks and calendars that a shard's policies hold (`streams.promises`): what no policy in
force and no open case needs any more is exported no more. No case and no customer is ever in one.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping

from msgspec import Struct, field
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from models.context import ClockEvent
from streams.promises import Horizon, Promises

OVERDUE = "overdue"
ALL = "all"
DUE_WITHIN_H = {"1h": 1, "24h": 24, "72h": 72}
WITHIN = (OVERDUE, *DUE_WITHIN_H, ALL)
"""How near the deadline of a running clock is: past; ahead by at most so many hours; any."""
_USED_BUCKETS = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)


class CaseCounts(Struct):
    """What the sorted indexes of one shard, or of several, hold: cases by profile, running clocks by their deadline."""

    open_cases: Tally[str] = field(default_factory=Tally)
    due: Tally[tuple[str, str, str]] = field(default_factory=Tally)

    @property
    def overdue(self) -> dict[tuple[str, str], int]:
        """How many run past their deadline, by (profile, clock)."""
        return {(profile, clock): count for (profile, clock, within), count in self.due.items() if within == OVERDUE}


class ComplaintMetrics:
    """Registered with the registry of the process's `Metrics`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Nothing is exported before a policy is seen."""
        # What happened to SLA clocks, models.context.ClockEvent. A late stop is a breach counted before.
        self.events = Counter(
            "ebbwatch_sla_events",
            "What happened to SLA clocks",
            ["profile", "clock", "event"],
            registry=registry,
        )
        # The share of its target that a clock had used when it was stopped; above 1 it was late.
        self.used = Histogram(
            "ebbwatch_sla_used_ratio",
            "Share of its target that an SLA clock had used when it stopped",
            ["profile", "clock"],
            buckets=_USED_BUCKETS,
            registry=registry,
        )
        # Cases that are not closed, over the shards that this process owns.
        self.open_cases = Gauge(
            "ebbwatch_open_cases", "Open complaint cases, by profile", ["profile"], registry=registry
        )
        # Running clocks by how near their deadline is to the shard's clock; over the shards that this process owns.
        self.due = Gauge(
            "ebbwatch_sla_due", "Running SLA clocks, by deadline", ["profile", "clock", "within"], registry=registry
        )
        # When the last day ends that a calendar knows, for calendars that clocks use.
        self.horizon = Gauge(
            "ebbwatch_calendar_horizon_timestamp_seconds", "End of a calendar's days", ["calendar"], registry=registry
        )
        self.total = CaseCounts()
        """What the gauges say."""
        self._promises: dict[int, Promises] = {}
        self._counts: dict[int, CaseCounts] = {}
        self._counted: set[tuple[str, str]] = set()
        self._shown: set[tuple[str, ...]] = set()
        self._calendars: set[str] = set()

    def saw_promises(self, shard: int, promises: Promises) -> None:
        """Export at zero what can now happen, so that a rate exists before it does."""
        if self._promises.get(shard) is promises:
            return
        self._promises[shard] = promises
        for profile, clock in promises.clocks - self._counted:
            self._counted.add((profile, clock))
            for event in ClockEvent:
                self.events.labels(profile, clock, event.value)
            self.used.labels(profile, clock)

    def saw_clocks(
        self, clocks: Mapping[tuple[str, str, ClockEvent], int], used: Iterable[tuple[str, str, float]]
    ) -> None:
        """Count what one committed micro-batch did to clocks."""
        for (profile, clock, event), count in clocks.items():
            self._counted.add((profile, clock))
            self.events.labels(profile, clock, event.value).inc(count)
        for profile, clock, ratio in used:
            self._counted.add((profile, clock))
            self.used.labels(profile, clock).observe(ratio)

    def saw_counts(self, shard: int, counts: CaseCounts) -> None:
        """Take over what an owned shard's indexes hold; `show` makes the gauges say so."""
        self._counts[shard] = counts

    def forget(self, shard: int) -> None:
        """Stop speaking for a shard that another process speaks for now."""
        if self._counts.pop(shard, None) is not None:
            self.show()

    def show(self) -> None:
        """Set the gauges to the sums over shards, and drop the names that are no longer promised anywhere."""
        total = CaseCounts()
        for counts in self._counts.values():
            # Not `+`, which loses zeros.
            total.open_cases.update(counts.open_cases)
            total.due.update(counts.due)
        for profile, count in total.open_cases.items():
            self.open_cases.labels(profile).set(count)
        for labels, count in total.due.items():
            self.due.labels(*labels).set(count)
        shown: set[tuple[str, ...]] = {(profile,) for profile in total.open_cases} | set(total.due)
        for gone in self._shown - shown:
            (self.open_cases if len(gone) == 1 else self.due).remove(*gone)
        self._shown, self.total = shown, total
        promised = {name for promises in self._promises.values() for name in promises.clocks}
        for profile, clock in self._counted - promised:
            for event in ClockEvent:
                self.events.remove(profile, clock, event.value)
            self.used.remove(profile, clock)
        self._counted &= promised

    def show_horizons(self, horizons: Mapping[str, Horizon]) -> None:
        """Export how far the calendars in use reach."""
        for name, horizon in horizons.items():
            self.horizon.labels(name).set(horizon.until_ms / 1000)
        for name in self._calendars - set(horizons):
            self.horizon.remove(name)
        self._calendars = set(horizons)
