"""A tick's customers are scored as the learner scores each of them, whatever the batch."""

import numpy as np
import pytest
from numpy.typing import NDArray
from river.utils import VectorDict

from models.churn_model import ChurnClassifier, spread
from models.churn_restore import take_snapshot
from models.churn_scorer import ChurnScorer
from models.churn_snapshot import shapes_of
from tests.unit.models.churn_examples import FEATURES, SCHEMA, examples, learnt_model


def _matrix(count: int, seed: int) -> NDArray[np.float64]:
    return np.array([[x[name] for name in FEATURES] for x, _ in examples(count, seed)])


def _scorer(model: ChurnClassifier) -> ChurnScorer:
    return ChurnScorer(shapes_of(take_snapshot(model, SCHEMA, {})))


def test_scores_are_those_of_the_learner() -> None:
    """Logit, probability and every contribution of 10,000 customers, to the bit."""
    model = learnt_model()
    scores = _scorer(model).score(_matrix(10_000, seed=11))
    for place, (x, _) in enumerate(examples(10_000, seed=11)):
        z = model.standardise(x)
        assert scores.logits[place] == model.logit(z)
        assert scores.probabilities[place] == model.predict_z(z)
        assert scores.contributions[:, place].tolist() == list(model.contributions(z).values())


def test_scores_are_those_of_river() -> None:
    """River's own logistic regression, given the weights that are scored with, says the same within 1e-12."""
    model = learnt_model()
    scores = _scorer(model).score(_matrix(2_000, seed=12))
    river = model.regression
    river._weights = VectorDict(dict(model.mean_weights))
    river.intercept = model.mean_intercept
    for place, (x, _) in enumerate(examples(2_000, seed=12)):
        p = river.predict_proba_one(spread(model.standardise(x)))[True]
        assert scores.probabilities[place] == pytest.approx(p, abs=1e-12)


def test_contributions_sum_to_the_logit() -> None:
    """Summed in the order of the features they are the logit to the bit."""
    model = learnt_model()
    scores = _scorer(model).score(_matrix(1_000, seed=13))
    for place in range(1_000):
        total = model.mean_intercept
        for contribution in scores.contributions[:, place].tolist():
            total += contribution
        assert total == scores.logits[place]


@pytest.mark.parametrize("size", [1, 7, 64, 999])
def test_the_batch_does_not_matter(size: int) -> None:
    """A customer alone, or among any others, gets the same bits."""
    scorer = _scorer(learnt_model())
    matrix = _matrix(2_000, seed=14)
    whole = scorer.score(matrix)
    for start in range(0, len(matrix), size):
        part = scorer.score(matrix[start : start + size])
        end = start + len(part.logits)
        assert part.probabilities == whole.probabilities[start:end]
        assert part.contributions.tobytes() == np.ascontiguousarray(whole.contributions[:, start:end]).tobytes()


def test_nobody_is_no_error() -> None:
    """A tick at which nobody changed."""
    scores = _scorer(learnt_model(50)).score(np.empty((0, len(FEATURES))))
    assert scores.probabilities == []
    assert scores.contributions.shape == (len(FEATURES), 0)


def test_a_model_that_has_learnt_nothing_scores() -> None:
    """Before the first label everybody gets one half."""
    scores = _scorer(ChurnClassifier()).score(_matrix(3, seed=15))
    assert scores.probabilities == [0.5, 0.5, 0.5]
