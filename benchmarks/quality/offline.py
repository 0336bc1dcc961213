"""LightGBM, which may see everything at once: what an online learner is measured against.

Each setting is tried on the examples that are judged, and the best is reported: a favour to LightGBM.
"""

from typing import TypeAlias

import lightgbm
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.labelled import Floats, Labelled

Setting: TypeAlias = tuple[int, float, int, int]
SETTINGS: tuple[Setting, ...] = (
    (31, 0.03, 200, 40),
    (15, 0.03, 300, 40),
    (7, 0.03, 150, 40),
    (4, 0.03, 150, 40),
)
"""Leaves, learning rate, trees, and the least number of examples in a leaf."""
FOLDS = 5


def _train(setting: Setting, matrix: Floats, labels: NDArray[np.bool_]) -> lightgbm.Booster:
    leaves, rate, trees, least = setting
    parameters = {
        "objective": "binary",
        "num_leaves": leaves,
        "learning_rate": rate,
        "min_data_in_leaf": least,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "feature_fraction": 0.6,
        "num_threads": 1,
        "deterministic": True,
        "seed": 1,
        "verbosity": -1,
    }
    return lightgbm.train(parameters, lightgbm.Dataset(matrix, label=labels.astype(float)), num_boost_round=trees)


def cross_fitted(examples: Labelled) -> list[Floats]:
    """For each setting, scores of each example by a model trained on four fifths of all others, whenever they came."""
    fold = np.random.default_rng(0).permutation(len(examples.labels)) % FOLDS

    def scores_of(setting: Setting) -> Floats:
        scores = np.empty(len(fold))
        for number in range(FOLDS):
            seen = fold != number
            booster = _train(setting, examples.matrix[seen], examples.labels[seen])
            scores[~seen] = booster.predict(examples.matrix[~seen], num_threads=1)
        return scores

    return [scores_of(setting) for setting in SETTINGS]


def rolling(examples: Labelled, every: int) -> list[Floats]:
    """For each setting, scores of each example by a model trained on all labels known when its period began."""
    return [rolling_one(examples, every, setting) for setting in SETTINGS]


def rolling_one(examples: Labelled, every: int, setting: Setting, back: int | None = None) -> Floats:
    """For one setting; from only what was observed in the last `back`, where given.

    `every` is the length of a period; both are in the unit of `examples.at`.
    """
    period = (examples.at - examples.at[0]) // every
    scores = np.full(len(period), 0.5)
    for number in np.unique(period[examples.judged]).tolist():
        begins = examples.at[0] + number * every
        known = examples.known <= begins
        if back is not None:
            known &= examples.at > begins - back
        now = period == number
        booster = _train(setting, examples.matrix[known], examples.labels[known])
        scores[now] = booster.predict(examples.matrix[now], num_threads=1)
    return scores
