"""When a model is published, and what it is: decided by the times of examples alone, so a replay publishes the same."""

from collections.abc import Sequence
from typing import Final

from models.churn_snapshot import ChurnSnapshot, shapes_of
from models.expert_prior import blend, expert_prior
from models.feature_schema import FeatureSet
from models.head_start import shapes_between
from models.learner_state import Published
from models.regression_snapshot import HAT_ADAGRAD, LINEAR, RegressionSnapshot, challenger_shapes
from models.scoring_model import ScoringModel, scoring_model, signed_features

PUBLISH_EVERY_MS: Final = 86_400_000
FIRST_OBSERVATIONS: Final = 200
"""Observations whose spread is worth more than the nominal scale, even before any outcome is known."""


def is_due(last: Published, at_ms: int, first_ms: int, labels: int, observed: int, every_ms: int) -> bool:
    """Whether to publish before the record of `at_ms` is taken.

    At most once in `every_ms`, and only if there is news: labels, or, which moves the scale, twice as many observations
    as the last time. The first one comes as soon as there is a scale.
    """
    if not last.number and observed >= FIRST_OBSERVATIONS:
        return True
    since_ms = last.at_ms if last.number else first_ms
    grown = bool(last.number) and observed >= 2 * last.observed
    return at_ms >= since_ms + every_ms and (labels > last.labels or grown)


def published_model(
    number: int,
    champion: str,
    hat: ChurnSnapshot,
    challengers: Sequence[RegressionSnapshot],
    base_rate: float,
    rarer: int,
    until_ms: int,
    quality: dict[str, float],
    chosen: FeatureSet,
) -> ScoringModel:
    """Version `number`: the curves of `champion`, the hat model's after its head start, blended with the prior.

    `rarer` is how many labels of the rarer outcome have been learnt, by which head start and prior fade.
    """
    is_hat = champion == HAT_ADAGRAD
    challenger = next(one for one in challengers if one.name == (LINEAR if is_hat else champion))
    shapes = challenger_shapes(challenger, hat.schema, hat.means, hat.variances)
    if is_hat:
        shapes = shapes_between(shapes_of(hat), shapes, rarer)
    prior = expert_prior(signed_features(chosen), base_rate)
    return scoring_model(
        blend(shapes, prior, rarer),
        hat.schema,
        version=f"{number:06d}-{champion}",
        learner=champion,
        learnt=hat.learnt if is_hat else challenger.learnt,
        until_ms=until_ms,
        quality=quality,
    )
