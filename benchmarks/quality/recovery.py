"""How long a learner needs after a drift until it ranks customers as well as before it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from benchmarks.quality.labelled import Floats, Labelled
from models.decay import DAY_MS
from models.score_metrics import roc_auc

WINDOW_DAYS = 28
BEFORE_DAYS = 90
WITHIN = 0.98
"""Back means: at least so much of the AUC before the drift."""
HELD_DAYS = 7
"""On so many days in a row, so that one lucky window is no recovery."""


class WindowAuc(NamedTuple):
    """The AUC over the judged observations of the `WINDOW_DAYS` before the end of a day."""

    day: int
    auc: float


def auc_before(examples: Labelled, scores: Floats, drift_ms: int) -> float:
    """The AUC over the judged observations of the `BEFORE_DAYS` before the drift."""
    return _auc(examples, scores, drift_ms - BEFORE_DAYS * DAY_MS, drift_ms)


def windows(examples: Labelled, scores: Floats, drift_ms: int) -> list[WindowAuc]:
    """One for each whole day since the drift until the last example."""
    days = int((examples.at[-1] - drift_ms) // DAY_MS)
    ends = ((day, drift_ms + day * DAY_MS) for day in range(1, days + 1))
    return [WindowAuc(day, _auc(examples, scores, end - WINDOW_DAYS * DAY_MS, end)) for day, end in ends]


def days_to_recover(course: Sequence[WindowAuc], before: float) -> int | None:
    """Days from the drift to the first of `HELD_DAYS` good days after the last fall; None: not until the end.

    0 when the drift has done no harm.
    """
    good = [window.auc >= WITHIN * before for window in course]
    falls = [place + 1 for place, (now, then) in enumerate(pairwise([True, *good])) if now and not then]
    if not falls:
        return 0
    for place in range(falls[0], len(course) - HELD_DAYS + 1):
        if all(good[place : place + HELD_DAYS]):
            return course[place].day
    return None


def _auc(examples: Labelled, scores: Floats, from_ms: int, until_ms: int) -> float:
    inside = examples.judged & (examples.at >= from_ms) & (examples.at < until_ms)
    return roc_auc(examples.labels[inside].astype(float), np.asarray(scores)[inside])
