"""How what is observed is spread, lately and before: the population stability index of features and of scores.

Two histograms forget at different speeds, the one after some hundred observations, the other after tens of thousands.
So nobody has to choose a reference period, and a bank that has changed for good is at rest again after a while.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from models.churn_curves import KNOTS
from models.score_metrics import Floats

LATELY: Final = 500
BEFORE: Final = 20_000
"""Observations after which one counts half."""
LEAST: Final = 4_000
"""Observations before anything is said: of a few, every spread looks new."""
SCORE_EDGES: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""Where one bin of scores ends and the next begins."""
_KEEP_LATELY: Final = 0.5 ** (1.0 / LATELY)
_KEEP_BEFORE: Final = 0.5 ** (1.0 / BEFORE)
_LEAST_SHARE: Final = 1e-4
"""An empty bin counts as if it held this share: the index of none would be infinite."""
_Z_EDGES: Final = np.array(KNOTS, np.float64)
_SCORE_EDGES: Final = np.array(SCORE_EDGES, np.float64)


class PopulationState(Struct, frozen=True, kw_only=True):
    """The histograms as they are stored: a row of bins for each feature, one row for scores."""

    seen: int
    z_lately: list[list[float]]
    z_before: list[list[float]]
    scores_lately: list[float]
    scores_before: list[float]


class Population:
    """Both histograms of z and of scores."""

    def __init__(self, features: int) -> None:
        """Nothing seen; z of zero, which is what is missing or has never varied, has a bin of its own."""
        bins = len(KNOTS) + 2
        self.seen = 0
        self._rows = np.arange(features)
        self._z_lately = np.zeros((features, bins))
        self._z_before = np.zeros((features, bins))
        self._scores_lately = np.zeros(len(SCORE_EDGES) + 1)
        self._scores_before = np.zeros(len(SCORE_EDGES) + 1)

    def add(self, z: Sequence[float], score: float) -> None:
        """One more observation."""
        self.seen += 1
        values = np.array(z, np.float64)
        bins = np.where(values == 0.0, len(KNOTS) + 1, np.searchsorted(_Z_EDGES, values))
        place = int(np.searchsorted(_SCORE_EDGES, score))
        for histogram, scores, keep in (
            (self._z_lately, self._scores_lately, _KEEP_LATELY),
            (self._z_before, self._scores_before, _KEEP_BEFORE),
        ):
            histogram *= keep
            histogram[self._rows, bins] += 1.0
            scores *= keep
            scores[place] += 1.0

    def feature_psi(self) -> list[float]:
        """The index of each feature: below 0.1 nothing has changed, above 0.25 much has."""
        if self.seen < LEAST:
            return [0.0] * len(self._rows)
        return [_psi(lately, before) for lately, before in zip(self._z_lately, self._z_before, strict=True)]

    def score_psi(self) -> float:
        """The index of scores."""
        return _psi(self._scores_lately, self._scores_before) if self.seen >= LEAST else 0.0

    def state(self) -> PopulationState:
        """Both histograms, exactly."""
        return PopulationState(
            seen=self.seen,
            z_lately=self._z_lately.tolist(),
            z_before=self._z_before.tolist(),
            scores_lately=self._scores_lately.tolist(),
            scores_before=self._scores_before.tolist(),
        )

    @classmethod
    def restore(cls, state: PopulationState) -> "Population":
        """Inverse of `state`."""
        population = cls(len(state.z_lately))
        population.seen = state.seen
        population._z_lately = np.array(state.z_lately, np.float64)
        population._z_before = np.array(state.z_before, np.float64)
        population._scores_lately = np.array(state.scores_lately, np.float64)
        population._scores_before = np.array(state.scores_before, np.float64)
        return population


def _psi(lately: Floats, before: Floats) -> float:
    now = np.maximum(lately / lately.sum(), _LEAST_SHARE)
    then = np.maximum(before / before.sum(), _LEAST_SHARE)
    return float(np.sum((now - then) * np.log(now / then)))
