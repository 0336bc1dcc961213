"""The learners by name, and a challenger as numbers: what can be read, and published, without the learner's library."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from models.churn_curves import FeatureSchema
from models.churn_scorer import Shapes
from models.churn_snapshot import curves

HAT_ADAGRAD: Final = "hat_adagrad"
"""What the champion is at first (`models.churn_model`)."""
HAT_ADAM: Final = "hat_adam"
LINEAR: Final = "linear_adagrad"
FOREST: Final = "forest"
EXPORTABLE: Final = (HAT_ADAGRAD, HAT_ADAM, LINEAR)
"""Learners that can be published."""
LEARNERS: Final = (*EXPORTABLE, FOREST)
"""All of them; metric labels, so the set stays small and closed."""


class RegressionSnapshot(Struct, frozen=True, kw_only=True):
    """A challenger at one moment; `moments` are its optimizer's own sums, by name and cell."""

    name: str
    weights: dict[str, float]
    intercept: float
    learnt: int
    moments: dict[str, dict[str, float]]


def challenger_shapes(
    snapshot: RegressionSnapshot, schema: FeatureSchema, means: Mapping[str, float], variances: Mapping[str, float]
) -> Shapes:
    """The curves of a challenger, on the champion's scale."""
    return curves(schema.features, means, variances, snapshot.weights, snapshot.intercept)
