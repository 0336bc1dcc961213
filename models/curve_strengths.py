"""What the curves of a published model add to the score, of the customers that there are."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from models.feature_schema import Feature, FeatureSet
from models.score_metrics import Floats
from models.scoring_model import ScoringModel

SHOWN_AT: Final = (-2.0, -1.0, 1.0, 2.0)
"""Deviations from the mean at which a curve is shown."""
_SHAPE_AT: Final = np.linspace(-3.0, 3.0, 13)


class CurveStrength(Struct, frozen=True, kw_only=True):
    """One feature: `adds` is the mean distance of its contributions from their mean, in units of the logit.

    `at` are the contributions at `SHOWN_AT`, `shape` those from three deviations below the mean to three above.
    """

    feature: Feature
    adds: float
    at: list[float]
    shape: list[float]


class GroupStrength(Struct, frozen=True):
    """The features of one reason together."""

    group: str
    adds: float


def curve_strengths(model: ScoringModel, chosen: FeatureSet, contributions: Floats | None) -> list[CurveStrength]:
    """All curves, the strongest first; `contributions` has a row for each feature and a column for each customer.

    Without customers, a curve is as strong as it is at one deviation on either side.
    """
    found = []
    for place, feature in enumerate(chosen.features):
        at = _values(model, place, SHOWN_AT)
        row = np.array([at[1], at[2]]) if contributions is None else contributions[place]
        found.append(
            CurveStrength(feature=feature, adds=_adds(row), at=at, shape=_values(model, place, _SHAPE_AT.tolist()))
        )
    return sorted(found, key=lambda one: (-one.adds, one.feature.name))


def group_strengths(chosen: FeatureSet, contributions: Floats) -> list[GroupStrength]:
    """Reasons, the strongest first."""
    groups = [feature.group.value for feature in chosen.features]
    sums = {group: sum(row for row, of in zip(contributions, groups, strict=True) if of == group) for group in groups}
    found = [GroupStrength(group, _adds(np.asarray(row))) for group, row in sums.items()]
    return sorted(found, key=lambda one: (-one.adds, one.group))


def _adds(row: Floats) -> float:
    return float(np.mean(np.abs(row - np.mean(row))))


def _values(model: ScoringModel, place: int, deviations: Sequence[float]) -> list[float]:
    z = np.array(deviations, np.float64)
    curve = model.slopes[place] * z + np.interp(z, model.knots, model.heights[place])
    return [float(value) for value in curve]
