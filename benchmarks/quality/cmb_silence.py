"""Scenarios `cmb_silence_7` and `cmb_silence_21`: will a customer of the CMB set do nothing for so many days?

The recorded events are folded as in a run, and each customer is observed once a week, at an hour of the week of their
own, by the features of their aggregate at that hour. The label is known when the days are over.

- Interest (the set's code 0204) is posted by the bank: it breaks no silence.
- Who has been silent for the days already is gone, and is not observed.
- The set's customer attributes are as of two months later (docs/recorded-data.md), so no profile is folded.
"""

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.quality.labelled import Labelled
from benchmarks.quality.weekly import FEATURE_NAMES, Observed, observe_weekly
from models.decay import DAY_MS
from models.events import FeedEvent, ProfileChanged, Transaction
from streams.recorded.cmb2020 import read_cmb2020
from streams.recorded.tally import Tally

WARM_UP = 1_000
"""Labels known before scores are measured."""


def observe_cmb(directory: Path) -> Observed:
    """Fold the recorded events, and look at the customers of each hour."""
    return observe_weekly(_events(directory), is_own_act)


def is_own_act(event: FeedEvent) -> bool:
    """Whether it breaks the customer's silence."""
    return isinstance(event, Transaction) and event.kind != "interest"


def silence(observed: Observed, days: int) -> Labelled:
    """The observations of those not gone yet whose label is known before the set ends."""
    chosen: list[int] = []
    labels: list[bool] = []
    for place, (customer, at_ms) in enumerate(zip(observed.customers, observed.at_ms, strict=True)):
        own = observed.own_ms[customer]
        past = bisect_right(own, at_ms)
        if past == 0 or own[past - 1] <= at_ms - days * DAY_MS or at_ms + days * DAY_MS > observed.last_ms:
            continue
        chosen.append(place)
        labels.append(bisect_right(own, at_ms + days * DAY_MS) == past)
    at = np.array(observed.at_ms, np.int64)[chosen]
    known = at + days * DAY_MS
    judged = np.searchsorted(known, at, side="right") >= WARM_UP
    return Labelled(FEATURE_NAMES, observed.matrix[chosen], np.array(labels), at, known, judged)


def _events(directory: Path) -> Iterator[FeedEvent]:
    for event in read_cmb2020(directory, Tally()):
        if not isinstance(event, ProfileChanged):
            yield event
