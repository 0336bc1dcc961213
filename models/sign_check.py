"""Where the labels contradict the signs that the standards give: a reason to look at the data, or at the standard."""

from collections.abc import Mapping
from math import sqrt
from typing import NamedTuple

from models.churn_curves import KNOTS
from models.churn_snapshot import ChurnSnapshot, shapes_of

LEAST_LABELS = 200
LEAST_DEVIATIONS = 4.0
"""A sign is contradicted only by a slope that is so many of its standard errors away from none."""


class SignConflict(NamedTuple):
    """A feature that counts the other way than the standard says, and how sure that is.

    `slope` is the change of the logit for each deviation of the feature between one below and one above its mean, with
    all other features as they are; `deviations` is how many standard errors that is; `labels` how many were learnt.
    """

    feature: str
    expected: int
    slope: float
    deviations: float
    labels: int


def sign_conflicts(snapshot: ChurnSnapshot, signs: Mapping[str, int]) -> list[SignConflict]:
    """Features whose learnt slope contradicts `signs` beyond chance, the surest first; none before `LEAST_LABELS`.

    The standard error is that of a logistic regression: AdaGrad's sum of squared gradients of a weight estimates the
    information that the labels hold about it. Features that say nearly the same share it, and each seems surer than it
    is: a conflict is a reason to look, and the learner goes on by what it has learnt.
    """
    if snapshot.learnt < LEAST_LABELS:
        return []
    shapes = shapes_of(snapshot)
    below, above = KNOTS.index(-1.0), KNOTS.index(1.0)
    conflicts = []
    for place, name in enumerate(snapshot.schema.features):
        expected = signs.get(name, 0)
        rise = shapes.heights[place, above] - shapes.heights[place, below]
        slope = float(shapes.linear[place] + rise / 2.0)
        deviations = abs(slope) * sqrt(snapshot.g2.get(name, 0.0))
        if expected * slope < 0.0 and deviations >= LEAST_DEVIATIONS:
            conflicts.append(SignConflict(name, expected, slope, deviations, snapshot.learnt))
    return sorted(conflicts, key=lambda conflict: (-conflict.deviations, conflict.feature))
