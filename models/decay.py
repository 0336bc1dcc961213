"""Exponentially decayed counters at half-lives of 7, 30 and 90 days, by forward decay.

A counter keeps ``sum(x_i * 2**((t_i - landmark) / half_life))``. What it is worth at time t is that sum times
``2**((landmark - t) / half_life)``. Because an event's weight depends only on its own business time and on the
landmark, a late event adds exactly what it would have added in time, and a counter that nothing touches costs
nothing (Cormode, Shkapenyuk, Srivastava, Xu: Forward Decay, ICDE 2009).

Weights grow with the distance from the landmark; `rebased` moves it long before a float could overflow.
"""

from math import exp2
from typing import TypeAlias

DAY_MS = 86_400_000
HALF_LIVES_DAYS = (7, 30, 90)

Weights: TypeAlias = tuple[float, float, float]
Cell: TypeAlias = list[float]
"""Three decayed sums, one for each half-life, relative to the customer's landmark."""

LN_2 = 0.6931471805599453

REBASE_AFTER_MS = 5 * 366 * DAY_MS
"""Distance from the landmark after which counters are rebased: 2**(1830 / 7) is far below the float range."""

_PER_MS_7 = 1.0 / (7 * DAY_MS)
_PER_MS_30 = 1.0 / (30 * DAY_MS)
_PER_MS_90 = 1.0 / (90 * DAY_MS)


def weights(at_ms: int, landmark_ms: int) -> Weights:
    """What one unit at `at_ms` adds to a cell whose landmark is `landmark_ms`."""
    age_ms = at_ms - landmark_ms
    return exp2(age_ms * _PER_MS_7), exp2(age_ms * _PER_MS_30), exp2(age_ms * _PER_MS_90)


def value(cell: Cell, at_ms: int, landmark_ms: int) -> Weights:
    """What a cell is worth at `at_ms`, one figure for each half-life; after decades of silence, nothing."""
    by_7, by_30, by_90 = weights(landmark_ms, at_ms)
    return cell[0] * by_7, cell[1] * by_30, cell[2] * by_90


def daily_rates(cell: Cell, at_ms: int, landmark_ms: int, observed_since_ms: int) -> Weights:
    """Mean amount a day at `at_ms`, weighted by recency, without bias for a history that is still short.

    A steady r a day, seen for T days, is worth ``r * h / ln 2 * (1 - 2**(-T / h))``; dividing by that gives r.
    """
    days = max(at_ms - observed_since_ms, DAY_MS) / DAY_MS
    worth = value(cell, at_ms, landmark_ms)
    return (
        worth[0] / _seen_days(7, days),
        worth[1] / _seen_days(30, days),
        worth[2] / _seen_days(90, days),
    )


def _seen_days(half_life_days: int, days: float) -> float:
    return half_life_days / LN_2 * (1.0 - exp2(-days / half_life_days))


def rebased(cell: Cell, landmark_ms: int, new_landmark_ms: int) -> Cell:
    """The same cell relative to a later landmark."""
    return list(value(cell, new_landmark_ms, landmark_ms))
