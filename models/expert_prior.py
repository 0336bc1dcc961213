"""What the standards say before any label is known, how it fades, and where the labels come to contradict it.

The prior is not written into the learner's first weights, which would slow it down. It is blended into the curves that
are scored with, by a share that is gone after some hundred labels. Curves are additive, so the blend is explained as
exactly as the rest of the score.
"""

from collections.abc import Mapping, Sequence
from math import log, sqrt
from typing import NamedTuple

import numpy as np

from models.churn_model import KNOTS
from models.churn_scorer import Floats, Shapes, shapes_of
from models.churn_snapshot import ChurnSnapshot

LABELS_OF_THE_PRIOR = 50
"""The prior weighs as much as so many labels."""
STRENGTH = 0.5
"""What a group of features adds to the logit when each of them is one deviation on the riskier side of its mean."""
LEAST_LABELS = 200
LEAST_DEVIATIONS = 4.0
"""A sign is contradicted only by a slope that is so many of its standard errors away from none."""


class SignedFeature(NamedTuple):
    """What a standard says of a feature: `sign` is +1 where more is riskier, -1 where safer, 0 where nothing is said.

    Features of one `group` say the same thing several times, so they share its strength.
    """

    name: str
    group: str
    sign: int


class ExpertPrior(NamedTuple):
    """A logit that is linear in z: slopes in the order of the features."""

    intercept: float
    slopes: Floats


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


def expert_prior(features: Sequence[SignedFeature], base_rate: float) -> ExpertPrior:
    """The prior of features in the order of the schema; raises `ValueError` for a `base_rate` that is not in (0, 1)."""
    if not 0.0 < base_rate < 1.0:
        raise ValueError(f"a base rate of {base_rate} is no rate to start from")
    members: dict[str, int] = {}
    for feature in features:
        if feature.sign:
            members[feature.group] = members.get(feature.group, 0) + 1
    slopes = [feature.sign * STRENGTH / members.get(feature.group, 1) for feature in features]
    return ExpertPrior(log(base_rate / (1.0 - base_rate)), np.array(slopes, np.float64))


def prior_share(learnt: int) -> float:
    """What the prior counts after so many labels: all at first, half after `LABELS_OF_THE_PRIOR`, little later."""
    return LABELS_OF_THE_PRIOR / (LABELS_OF_THE_PRIOR + learnt)


def blend(shapes: Shapes, prior: ExpertPrior, learnt: int) -> Shapes:
    """Curves whose logit is the prior's and the learner's by their shares; raises `ValueError` for other features."""
    if prior.slopes.shape != shapes.linear.shape:
        raise ValueError(f"a prior of {len(prior.slopes)} features and curves of {len(shapes.linear)}")
    share = prior_share(learnt)
    return shapes._replace(
        intercept=share * prior.intercept + (1.0 - share) * shapes.intercept,
        linear=share * prior.slopes + (1.0 - share) * shapes.linear,
        heights=(1.0 - share) * shapes.heights,
    )


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
