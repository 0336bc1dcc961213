"""How what is observed is spread, lately and before: the population stability index of features and of scores.

Two histograms forget at different speeds, the one after some hundred observations, the other after tens of thousands.
So nobody has to choose a reference period, and a bank that has changed for good is at rest again after a while.

Features are counted as they are, in bins that never move. Standardised, everybody would change bins when the scale
does: one customer who makes a feature vary would pass for a change of the whole bank.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from models.churn_curves import KNOTS
from models.nominal_scale import NOMINAL_SCALE
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
SMOOTHING: Final = 1e-3
"""Added to the share of every bin, lately and before alike: about one of the observations that count lately.

So a bin in which few are, or none, cannot make the index large; the index of an empty one would be infinite.
"""
_UNNAMED: Final = (0.0, 1.0)
_SCORE_EDGES: Final = np.array(SCORE_EDGES, np.float64)


class PopulationState(Struct, frozen=True, kw_only=True):
    """The histograms as they are stored: a row of bins for each feature, one row for scores.

    `edges` are those of the features' bins: what was counted between them stays there, whatever another release would
    take for usual.
    """

    seen: int
    edges: list[list[float]]
    features_lately: list[list[float]]
    features_before: list[list[float]]
    scores_lately: list[float]
    scores_before: list[float]


class Population:
    """Both histograms of features and of scores."""

    def __init__(self, names: Sequence[str]) -> None:
        """Nothing seen of the features `names`; one without a nominal scale is taken to be standardised."""
        self._use(np.array(nominal_edges(names), np.float64).reshape(len(names), len(KNOTS)))

    def _use(self, edges: Floats) -> None:
        """Empty histograms: bins between `edges`, then one of exact zeros, then one of what is no finite number.

        Zero is where nothing is there: nothing has been counted, no ratio can be told, a fact is not so, an age is not
        known. However close something comes to it, it is something else.
        """
        features, count = edges.shape
        self.seen = 0
        self._edges = edges
        self._zero, self._not_finite, bins = count + 1, count + 2, count + 3
        self._offsets = np.arange(features) * bins
        self._features_lately = np.zeros((features, bins))
        self._features_before = np.zeros((features, bins))
        self._scores_lately = np.zeros(len(SCORE_EDGES) + 1)
        self._scores_before = np.zeros(len(SCORE_EDGES) + 1)

    def add(self, x: Sequence[float] | Floats, score: float) -> None:
        """One more observation: its features as they are, in order."""
        self.seen += 1
        values = np.asarray(x, np.float64)
        bins = (values[:, None] > self._edges).sum(axis=1)
        bins[values == 0.0] = self._zero
        bins[~np.isfinite(values)] = self._not_finite
        bins += self._offsets
        place = int(np.searchsorted(_SCORE_EDGES, score))
        for histogram, scores, keep in (
            (self._features_lately, self._scores_lately, _KEEP_LATELY),
            (self._features_before, self._scores_before, _KEEP_BEFORE),
        ):
            histogram *= keep
            histogram.reshape(-1)[bins] += 1.0  # in place; each feature has one bin of its own row
            scores *= keep
            scores[place] += 1.0

    def feature_psi(self) -> list[float]:
        """The index of each feature: below 0.1 nothing has changed, above 0.25 much has."""
        if self.seen < LEAST:
            return [0.0] * len(self._edges)
        found: list[float] = _psi(self._features_lately, self._features_before).tolist()
        return found

    def score_psi(self) -> float:
        """The index of scores."""
        return float(_psi(self._scores_lately, self._scores_before)) if self.seen >= LEAST else 0.0

    def state(self) -> PopulationState:
        """Both histograms, exactly."""
        return PopulationState(
            seen=self.seen,
            edges=self._edges.tolist(),
            features_lately=self._features_lately.tolist(),
            features_before=self._features_before.tolist(),
            scores_lately=self._scores_lately.tolist(),
            scores_before=self._scores_before.tolist(),
        )

    @classmethod
    def restore(cls, state: PopulationState) -> "Population":
        """Inverse of `state`."""
        population = cls(())
        population._use(np.array(state.edges, np.float64))
        population.seen = state.seen
        population._features_lately = np.array(state.features_lately, np.float64)
        population._features_before = np.array(state.features_before, np.float64)
        population._scores_lately = np.array(state.scores_lately, np.float64)
        population._scores_before = np.array(state.scores_before, np.float64)
        return population


def nominal_edges(names: Sequence[str]) -> list[list[float]]:
    """Where bins of each feature end: the knots of the curves, on the nominal scale."""
    scales = [NOMINAL_SCALE.get(name, _UNNAMED) for name in names]
    return [[mean + knot * deviation for knot in KNOTS] for mean, deviation in scales]


def _psi(lately: Floats, before: Floats) -> Floats:
    now, then = _smoothed(lately), _smoothed(before)
    index: Floats = np.sum((now - then) * np.log(now / then), axis=-1)
    return index


def _smoothed(histogram: Floats) -> Floats:
    shares = histogram / histogram.sum(axis=-1, keepdims=True)
    smoothed: Floats = (shares + SMOOTHING) / (1.0 + SMOOTHING * histogram.shape[-1])
    return smoothed
