"""Scenarios `cmb_silence_7` and `cmb_silence_21`: will a customer of the CMB set do nothing for so many days?

The recorded events are folded as in a run, and each customer is observed once a week, at an hour of the week of their
own, by the features of their aggregate at that hour. The label is known when the days are over.

- Interest (the set's code 0204) is posted by the bank: it breaks no silence.
- Who has been silent for the days already is gone, and is not observed.
- The set's customer attributes are as of two months later (docs/recorded-data.md), so no profile is folded.
"""

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.quality.labelled import Floats, Labelled
from config.policies import load_policies
from models.context import FoldContext
from models.customer import Customer
from models.decay import DAY_MS
from models.events import Event, ProfileChanged, Transaction, epoch_ms
from models.feature_list import STANDARD_SET
from models.features import feature_matrix
from models.fold import fold
from models.rules import Rules
from streams.recorded.cmb2020 import read_cmb2020
from streams.recorded.tally import Tally

HOUR_MS = 3_600_000
WEEK_HOURS = 168
FIRST_AFTER_MS = 7 * DAY_MS
"""No one is observed in the first week of the set, when nobody has a past."""
WARM_UP = 1_000
"""Labels known before scores are measured."""


class Observed(NamedTuple):
    """All observations of the set, in order of time, and when each customer was active by their own doing."""

    customers: list[str]
    at_ms: list[int]
    matrix: Floats
    own_ms: dict[str, list[int]]
    last_ms: int


def observe_cmb(directory: Path) -> Observed:
    """Fold the recorded events, and look at the customers of each hour."""
    rules = Rules(load_policies())
    ctx = FoldContext(rules)
    events = list(_events(directory))
    first_ms, last_ms = epoch_ms(events[0].occurred_at), epoch_ms(events[-1].occurred_at)
    slots: dict[int, list[str]] = defaultdict(list)
    known: dict[str, Customer] = {}
    own_ms: dict[str, list[int]] = defaultdict(list)
    who: list[str] = []
    when: list[int] = []
    rows: list[Floats] = []
    hour = -(-(first_ms + FIRST_AFTER_MS) // HOUR_MS)
    for event in events:
        at_ms = epoch_ms(event.occurred_at)
        while hour * HOUR_MS <= at_ms:
            present = slots[hour % WEEK_HOURS]
            if present:
                rows.append(feature_matrix([known[customer] for customer in present], hour * HOUR_MS, rules))
                who += present
                when += [hour * HOUR_MS] * len(present)
            ctx.take()
            hour += 1
        before = known.get(event.customer_id)
        customer = fold(before, event, at_ms, ctx)
        if before is None and customer is not None:
            known[event.customer_id] = customer
            slots[_slot(event.customer_id)].append(event.customer_id)
        if customer is not None and isinstance(event, Transaction) and event.kind != "interest":
            own_ms[event.customer_id].append(at_ms)
    return Observed(who, when, np.concatenate(rows), own_ms, last_ms)


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
    return Labelled(STANDARD_SET.schema.features, observed.matrix[chosen], np.array(labels), at, known, judged)


def _events(directory: Path) -> Iterator[Event]:
    for event in read_cmb2020(directory, Tally()):
        if not isinstance(event, ProfileChanged):
            yield event  # type: ignore[misc]


def _slot(customer: str) -> int:
    return int.from_bytes(hashlib.blake2b(customer.encode(), digest_size=8).digest()) % WEEK_HOURS
