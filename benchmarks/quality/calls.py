"""What the score is worth to those who call customers: how early it warns, and how many calls reach one who leaves."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.quality.labelled import Floats, Labelled
from models.decay import DAY_MS

HIGH = 0.3
"""The high band begins here."""
LOOK_BACK_DAYS = 90
"""A warning that came earlier before the leaving was about something else."""
REST_DAYS = 30
"""Nobody is called again so soon."""


class LeadTimes(NamedTuple):
    """Days from the first crossing of `HIGH` to the leaving: quartiles, over the `warned` of all `leavers`."""

    leavers: int
    warned: int
    lower: float
    median: float
    upper: float


def lead_times(
    examples: Labelled, customers: Sequence[str], scores: Floats, gone: Mapping[str, int], from_ms: int
) -> LeadTimes:
    """Of those who leave after `from_ms` and are observed before; a customer warned never has no lead."""
    first: dict[str, int] = {}
    seen: set[str] = set()
    last_ms = int(examples.at[-1])
    for customer, at_ms, score in zip(customers, examples.at.tolist(), scores.tolist(), strict=True):
        left_ms = gone.get(customer)
        if left_ms is None or not from_ms < left_ms <= last_ms or left_ms - at_ms > LOOK_BACK_DAYS * DAY_MS:
            continue
        seen.add(customer)
        if score >= HIGH:
            first.setdefault(customer, at_ms)
    leads = np.array([(gone[customer] - at_ms) / DAY_MS for customer, at_ms in first.items()])
    lower, median, upper = np.percentile(leads, (25, 50, 75)).tolist() if len(leads) else (np.nan,) * 3
    return LeadTimes(len(seen), len(leads), lower, median, upper)


def precision_of_calls(examples: Labelled, customers: Sequence[str], ranks: Floats, capacity: int) -> float:
    """Share of calls that reach a customer who leaves within the horizon.

    Each day the `capacity` highest ranked of those observed that day are called, each customer at most once in
    `REST_DAYS`. Only what is judged counts.
    """
    by_day: dict[int, list[int]] = {}
    for place in np.flatnonzero(examples.judged).tolist():
        by_day.setdefault(int(examples.at[place]) // DAY_MS, []).append(place)
    called: dict[str, int] = {}
    hits = calls = 0
    for day, places in sorted(by_day.items()):
        left = capacity
        for place in sorted(places, key=lambda place: (-ranks[place], place)):
            if left == 0:
                break
            if day - called.get(customers[place], -REST_DAYS) >= REST_DAYS:
                called[customers[place]] = day
                hits += bool(examples.labels[place])
                calls += 1
                left -= 1
    return hits / calls if calls else np.nan
