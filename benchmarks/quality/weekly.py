"""Customers looked at once a week, each at an hour of the week of their own, by the features of that hour.

Events are folded as in a run: deadlines fire before what comes after them, and a customer's features are those of the
aggregate at that hour, so that no later event can reach them.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple, cast

import numpy as np

from benchmarks.policies import policies_of
from benchmarks.quality.labelled import Floats
from models.context import FoldContext
from models.customer import Customer
from models.decay import DAY_MS
from models.events import Event, FeedEvent, epoch_ms
from models.feature_list import STANDARD_SET
from models.features import feature_matrix
from models.fold import fold, fold_due
from models.rules import Rules

HOUR_MS = 3_600_000
WEEK_HOURS = 168
FIRST_AFTER_MS = 7 * DAY_MS
"""No one is observed in the first week, when nobody has a past."""
FEATURE_NAMES = STANDARD_SET.schema.features


class Observed(NamedTuple):
    """All observations, in order of time, and when each customer was active by their own doing."""

    customers: list[str]
    at_ms: list[int]
    matrix: Floats
    own_ms: dict[str, list[int]]
    first_ms: int
    last_ms: int


def observe_weekly(events: Iterable[FeedEvent], is_own_act: Callable[[FeedEvent], bool]) -> Observed:
    """Fold events that come in order of time, and look at the customers of each hour."""
    # The score is what is measured here: none is given on the way.
    rules = Rules(policies_of(scores=False))
    ctx = FoldContext(rules)
    slots: dict[int, list[str]] = defaultdict(list)
    known: dict[str, Customer] = {}
    own_ms: dict[str, list[int]] = defaultdict(list)
    who: list[str] = []
    when: list[int] = []
    rows: list[Floats] = []
    first_ms = last_ms = hour = 0
    for event in events:
        at_ms = last_ms = epoch_ms(event.occurred_at)
        if not hour:
            first_ms = at_ms
            hour = -(-(at_ms + FIRST_AFTER_MS) // HOUR_MS)
        while hour * HOUR_MS <= at_ms:
            present = slots[hour % WEEK_HOURS]
            if present:
                for name in present:
                    fold_due(known[name], hour * HOUR_MS, ctx)
                rows.append(feature_matrix([known[name] for name in present], hour * HOUR_MS, rules))
                who += present
                when += [hour * HOUR_MS] * len(present)
            ctx.take()
            hour += 1
        before = known.get(event.customer_id)
        if before is not None:
            fold_due(before, at_ms, ctx)
        customer = fold(before, cast(Event, event), at_ms, ctx)
        if before is None and customer is not None:
            known[event.customer_id] = customer
            slots[_slot(event.customer_id)].append(event.customer_id)
        if customer is not None and is_own_act(event):
            own_ms[event.customer_id].append(at_ms)
    matrix = np.concatenate(rows) if rows else np.empty((0, len(FEATURE_NAMES)))
    return Observed(who, when, matrix, own_ms, first_ms, last_ms)


def _slot(customer: str) -> int:
    return int.from_bytes(hashlib.blake2b(customer.encode(), digest_size=8).digest()) % WEEK_HOURS
