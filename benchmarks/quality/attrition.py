"""When customers of the simulated bank are gone, and whether those observed are so within the horizon.

Gone, by the ground truth or by the policy, whichever comes first: the last account closed, the balance collapsed, or
`SILENT_DAYS` without any own act, dated when they are over, for all customers whether or not they were planted to
leave. A collapse is recognised only when it has been held for `HELD_DAYS`, so that every label waits so much longer
than the horizon: no sooner is it sure that there was none.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from benchmarks.quality.labelled import Labelled
from benchmarks.quality.weekly import FEATURE_NAMES, Observed
from models.decay import DAY_MS
from models.events import epoch_ms
from streams.simulator import Truth

HORIZON_DAYS = 30
SILENT_DAYS = 60
HELD_DAYS = 7
JUDGED_AFTER_DAYS = 90
"""Scores are measured from here on: by then who is trained every 30 days has been trained on some thousand labels."""


def gone_ms(truth: Truth, own_ms: Mapping[str, Sequence[int]], last_ms: int) -> dict[str, int]:
    """When each customer who goes until `last_ms` is gone."""
    gone: dict[str, int] = {}
    for customer, own in own_ms.items():
        for act, following in pairwise([*own, last_ms + 1]):
            if following - act > SILENT_DAYS * DAY_MS:
                gone[customer] = act + SILENT_DAYS * DAY_MS
                break
    for attriter in truth.attriters:
        if attriter.ending != "silent" and attriter.attrited_at is not None:
            left_ms = epoch_ms(attriter.attrited_at)
            gone[attriter.customer_id] = min(gone.get(attriter.customer_id, left_ms), left_ms)
    return gone


def attrition(observed: Observed, gone: Mapping[str, int]) -> tuple[Labelled, list[int]]:
    """The observations of those not gone yet whose label is known before the end, and their places in `observed`."""
    wait_ms = (HORIZON_DAYS + HELD_DAYS) * DAY_MS
    places: list[int] = []
    labels: list[bool] = []
    for place, (customer, at_ms) in enumerate(zip(observed.customers, observed.at_ms, strict=True)):
        left_ms = gone.get(customer)
        if (left_ms is not None and left_ms <= at_ms) or at_ms + wait_ms > observed.last_ms:
            continue
        places.append(place)
        labels.append(left_ms is not None and left_ms <= at_ms + HORIZON_DAYS * DAY_MS)
    at = np.array(observed.at_ms, np.int64)[places]
    known = at + wait_ms
    judged = at >= observed.first_ms + JUDGED_AFTER_DAYS * DAY_MS
    return Labelled(FEATURE_NAMES, observed.matrix[places], np.array(labels, np.bool_), at, known, judged), places
