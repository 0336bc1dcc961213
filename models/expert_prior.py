"""What the standards say before any label is known, and how it fades.

The prior is not written into the learner's first weights, which would slow it down. It is blended into the curves that
are scored with, by a share that is gone after some hundred labels. Curves are additive, so the blend is explained as
exactly as the rest of the score.

What counts are labels of the rarer outcome: of two thousand labels, two in a hundred of them leavers, a learner knows
what some forty leavers can tell. Faded by all labels alike, in a simulated bank of that rate the prior (AUC 0.79) was
gone when the learner was still worse than a coin.
"""

from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np

from models.churn_scorer import Floats, Shapes, mixed

LABELS_OF_THE_PRIOR = 50
"""The prior weighs as much as so many labels of the rarer outcome."""
STRENGTH = 0.5
"""What a group of features adds to the logit when each of them is one deviation on the riskier side of its mean."""


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


def prior_share(rarer: int) -> float:
    """What the prior counts: all at first, half after `LABELS_OF_THE_PRIOR` labels of the rarer outcome, then less."""
    return LABELS_OF_THE_PRIOR / (LABELS_OF_THE_PRIOR + rarer)


def blend(shapes: Shapes, prior: ExpertPrior, rarer: int) -> Shapes:
    """Curves whose logit is the prior's and the learner's by their shares, after so many labels of the rarer outcome.

    Raises `ValueError` for other features.
    """
    if prior.slopes.shape != shapes.linear.shape:
        raise ValueError(f"a prior of {len(prior.slopes)} features and curves of {len(shapes.linear)}")
    straight = shapes._replace(intercept=prior.intercept, linear=prior.slopes, heights=np.zeros_like(shapes.heights))
    return mixed(prior_share(rarer), straight, shapes)
