"""Scores many customers at once from a snapshot, each as the learner itself would score it, whatever the batch.

Every operation is done element by element, in one order: no matrix product, whose sums depend on how many rows it gets.
So a customer's score is the same bits alone and in a tick of a thousand, and a replay with other batches repeats it.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.churn_curves import CLIP, KNOTS, probability

Floats: TypeAlias = NDArray[np.float64]


class Shapes(NamedTuple):
    """The curve of each feature: its scale, a slope, and a height at each knot. What is blended is blended here.

    `linear` has one row for each feature, `heights` one row of `KNOTS`; the logit is the intercept plus all curves.
    """

    intercept: float
    mean: Floats
    deviation: Floats
    linear: Floats
    heights: Floats


def mixed(share: float, one: Shapes, other: Shapes) -> Shapes:
    """The curves whose logit is `share` of one's and the rest of the other's; the scale is the other's."""
    rest = 1.0 - share
    return other._replace(
        intercept=share * one.intercept + rest * other.intercept,
        linear=share * one.linear + rest * other.linear,
        heights=share * one.heights + rest * other.heights,
    )


class Scores(NamedTuple):
    """For each of n customers: the probability, the logit, and in `contributions` what each feature adds to it.

    `contributions` has a row for each feature and a column for each customer; the intercept and a column, summed in
    the order of the rows, are the logit to the bit.
    """

    probabilities: list[float]
    logits: Floats
    contributions: Floats


class ChurnScorer:
    """Scores by fixed shapes; built once for each model version."""

    def __init__(self, shapes: Shapes) -> None:
        """Lay the curves out for looking up."""
        count = len(shapes.mean)
        varies = (shapes.deviation > 0.0)[:, None]
        self._mean = shapes.mean[:, None]
        self._deviation = np.where(varies, shapes.deviation[:, None], 1.0)
        self._varies = varies
        self._linear = shapes.linear[:, None]
        self._heights = np.ascontiguousarray(shapes.heights).reshape(-1)
        self._row = (np.arange(count) * len(KNOTS))[:, None]
        self._intercept = shapes.intercept

    def standardise(self, features: Floats) -> Floats:
        """z of a matrix with a row for each customer; the result has a row for each feature."""
        raw = np.ascontiguousarray(features.T)
        known = np.isfinite(raw) & self._varies
        z = (np.where(known, raw, self._mean) - self._mean) / self._deviation
        z = np.minimum(np.maximum(z, -CLIP), CLIP)
        z[~known] = 0.0
        return z

    def score(self, features: Floats) -> Scores:
        """Score a matrix with a row for each customer and a column for each feature, in the schema's order."""
        z = self.standardise(features)
        contributions = self._contributions(z)
        logits = np.full(len(features), self._intercept)
        for contribution in contributions:
            logits += contribution
        return Scores([probability(logit) for logit in logits.tolist()], logits, contributions)

    def _contributions(self, z: Floats) -> Floats:
        place = np.zeros(z.shape, np.int64)
        for knot in KNOTS[1:-1]:
            place += z > knot
        within = np.minimum(np.maximum(z, KNOTS[0]), KNOTS[-1])
        below = _KNOTS[place]
        share = (within - below) / (_KNOTS[place + 1] - below)
        place += self._row
        contributions: Floats = self._linear * z
        contributions += self._heights[place] * (1.0 - share)
        contributions += self._heights[place + 1] * share
        contributions[z == 0.0] = 0.0  # nothing is known of it
        return contributions


_KNOTS = np.array(KNOTS)
