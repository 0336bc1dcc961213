"""The figures of a score are exact: counted by hand, equal to scikit-learn's, and independent of any order."""

import random
from math import isnan, log

import numpy as np
import pytest
from sklearn import metrics as oracle

from models.score_metrics import (
    ScoreWindow,
    brier,
    calibration_error,
    log_loss,
    pr_auc,
    precision_at,
    quality,
    roc_auc,
)


def _scored(count: int, seed: int, steps: int, rate: float = 0.2) -> tuple[list[bool], list[float]]:
    """Labels and scores on `steps` values, so that few steps mean many ties."""
    draw = random.Random(seed)
    labels = [draw.random() < rate for _ in range(count)]
    scores = [round(min(max(draw.gauss(0.3 + 0.2 * label, 0.2), 0.0), 1.0) * steps) / steps for label in labels]
    return labels, scores


@pytest.mark.parametrize("steps", [4, 50, 10**9])
@pytest.mark.parametrize(("count", "rate"), [(40, 0.5), (2_000, 0.2), (5_000, 0.01)])
def test_figures_are_those_of_scikit_learn(count: int, rate: float, steps: int) -> None:
    """Areas and losses agree with an independent implementation, with and without ties."""
    labels, scores = _scored(count, seed=count, steps=steps, rate=rate)
    assert roc_auc(labels, scores) == pytest.approx(oracle.roc_auc_score(labels, scores), abs=1e-12)
    assert pr_auc(labels, scores) == pytest.approx(oracle.average_precision_score(labels, scores), abs=1e-12)
    assert brier(labels, scores) == pytest.approx(oracle.brier_score_loss(labels, scores), abs=1e-12)
    assert log_loss(labels, scores) == pytest.approx(oracle.log_loss(labels, scores), rel=1e-9)


def test_a_small_set_by_hand() -> None:
    """Five examples, two of them tied, each figure counted on paper."""
    labels, scores = [True, False, True, False, False], [0.9, 0.6, 0.6, 0.4, 0.1]
    figures = quality(labels, scores, k=2)
    assert (figures.examples, figures.base_rate) == (5, 0.4)
    assert figures.auc == pytest.approx(5.5 / 6)
    assert figures.pr_auc == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert figures.precision_at_k == pytest.approx((1 + 0.5) / 2)
    assert figures.brier == pytest.approx((0.01 + 0.36 + 0.16 + 0.16 + 0.01) / 5)
    assert figures.log_loss == pytest.approx(-(log(0.9) + log(0.4) + log(0.6) + log(0.6) + log(0.9)) / 5)
    # Five bins of one example; the tied ones have half a positive each, and ten bins are empty.
    assert figures.ece == pytest.approx((0.1 + 0.1 + 0.1 + 0.4 + 0.1) / 5)


def test_the_order_of_examples_does_not_matter() -> None:
    """Not even among ties, which any order would break in its own way."""
    labels, scores = _scored(3_000, seed=1, steps=20)
    shuffled = list(zip(labels, scores, strict=True))
    random.Random(2).shuffle(shuffled)
    first = quality(labels, scores, k=777)
    assert quality([label for label, _ in shuffled], [score for _, score in shuffled], k=777) == pytest.approx(first)


def test_a_calibrated_score_has_a_small_error_and_a_shifted_one_that_shift() -> None:
    """The calibration error measures by how much the probabilities are off."""
    draw = np.random.default_rng(3)
    scores = draw.uniform(0.1, 0.6, 100_000)
    labels = (draw.uniform(size=100_000) < scores).astype(float)
    assert calibration_error(labels, scores) < 0.01
    assert calibration_error(labels, scores + 0.2) == pytest.approx(0.2, abs=0.01)


def test_figures_that_do_not_exist() -> None:
    """Without both kinds of labels there is no area, and without examples there is nothing."""
    assert isnan(roc_auc([True, True], [0.1, 0.2]))
    assert isnan(roc_auc([False], [0.1]))
    assert isnan(pr_auc([False], [0.1]))
    assert isnan(precision_at([True], [0.1], 0))
    assert all(isnan(figure) for figure in quality([], [])[1:])
    with pytest.raises(ValueError, match="2 labels and 1 scores"):
        roc_auc([True, False], [0.5])


def test_a_sure_mistake_costs_much_and_not_everything() -> None:
    """A probability of zero for what happened leaves the mean loss finite."""
    assert 30 < log_loss([True], [0.0]) < 40
    assert log_loss([True], [1.0]) == pytest.approx(0.0, abs=1e-12)


def test_a_window_forgets() -> None:
    """The figures are those of the latest examples alone."""
    labels, scores = _scored(500, seed=4, steps=10**6)
    window = ScoreWindow(200)
    for label, score in zip(labels, scores, strict=True):
        window.add(label, score)
    assert window.quality(k=20) == quality(labels[-200:], scores[-200:], k=20)
    with pytest.raises(ValueError, match="no number"):
        window.add(True, float("nan"))
