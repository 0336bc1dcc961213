"""Curves that say how good scores are: reliability, lift, and the area under the ROC curve in the course of time."""

from collections.abc import Sequence
from math import isnan, sqrt
from typing import Final, NamedTuple

import numpy as np

from models.learner_window import IN_FORCE, Settlement
from models.score_metrics import Floats, calibration_bins, found_at_top, roc_auc

MOST_SLICES: Final = 24
LEAST_POSITIVES: Final = 20
"""Positives of a slice of time: with fewer, the area tells of chance."""
_LIFT_POINTS: Final = 80
_Z95: Final = 1.959964


class ReliabilityBin(NamedTuple):
    """So many examples, what they were given on average, how many were positive, and the interval (95 %) of that."""

    examples: int
    mean_score: float
    rate: float
    low: float
    high: float


class LiftPoint(NamedTuple):
    """The `customers` of the highest scores are `share` of all; among them is `found` of all who left."""

    share: float
    customers: int
    found: float
    lift: float


class AucPoint(NamedTuple):
    """One slice of time: the area, and its standard error (Hanley and McNeil 1982)."""

    from_ms: int
    to_ms: int
    examples: int
    positives: int
    auc: float
    error: float


def wilson(positives: float, count: int) -> tuple[float, float]:
    """The interval (95 %) of a share, which holds for few and for none as well."""
    rate, z2 = positives / count, _Z95 * _Z95
    middle = rate + z2 / (2 * count)
    half = _Z95 * sqrt(rate * (1.0 - rate) / count + z2 / (4 * count * count))
    return max((middle - half) / (1.0 + z2 / count), 0.0), min((middle + half) / (1.0 + z2 / count), 1.0)


def reliability(labels: Floats, scores: Floats) -> list[ReliabilityBin]:
    """The bins of the calibration error, the lowest scores first."""
    return [
        ReliabilityBin(one.examples, one.mean_score, one.rate, *wilson(one.rate * one.examples, one.examples))
        for one in reversed(calibration_bins(labels, scores))
    ]


def lift_curve(labels: Floats, scores: Floats) -> list[LiftPoint]:
    """From the few highest scores to everybody; empty without anybody who left."""
    found = found_at_top(labels, scores)
    if not len(found) or found[-1] <= 0.0:
        return []
    count, all_found = len(found), float(found[-1])
    sizes = np.unique(np.rint(np.geomspace(max(count / 1000, 1.0), count, _LIFT_POINTS)).astype(np.int64))
    return [lift_at(found, int(size), count, all_found) for size in sizes]


def lift_at(found: Floats, customers: int, count: int, all_found: float) -> LiftPoint:
    """The point of the curve at `customers`."""
    share, part = customers / count, float(found[customers - 1]) / all_found
    return LiftPoint(share, customers, part, part / share)


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Standard error of an area."""
    q1, q2 = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = auc * (1.0 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc)
    return sqrt(max(spread, 0.0) / (positives * negatives))


def auc_over_time(settlements: Sequence[Settlement], name: str) -> list[AucPoint]:
    """The area in slices of equally many outcomes, in the order in which those came, of `IN_FORCE` or a learner."""
    scored = [
        (one.label, score, one.settled_ms)
        for one in settlements
        if one.label is not None and (score := one.score if name == IN_FORCE else one.scores.get(name)) is not None
    ]
    positives = sum(label for label, _, _ in scored)
    slices = max(min(MOST_SLICES, positives // LEAST_POSITIVES, (len(scored) - positives) // LEAST_POSITIVES), 1)
    points = []
    for number in range(slices):
        part = scored[len(scored) * number // slices : len(scored) * (number + 1) // slices]
        labels = [label for label, _, _ in part]
        auc = roc_auc(labels, [score for _, score, _ in part])
        if isnan(auc):
            continue
        left = sum(labels)
        points.append(AucPoint(part[0][2], part[-1][2], len(part), left, auc, auc_error(auc, left, len(part) - left)))
    return points
