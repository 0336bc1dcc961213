"""Curves of how good scores are: exact, and the same figures as the metrics."""

import random
from math import sqrt

import numpy as np
import pytest

from models.learner_window import IN_FORCE, Settlement
from models.score_curves import auc_over_time, lift_curve, reliability, wilson
from models.score_metrics import calibration_error, precision_at, roc_auc


def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    draw = random.Random(3)
    scores = [round(draw.betavariate(1, 12), 2) for _ in range(count)]  # many ties
    return np.array([float(draw.random() < score) for score in scores]), np.array(scores)


def test_reliability_is_what_the_calibration_error_sums() -> None:
    """Weighted by mass, the distances of the bins from the diagonal are the ECE; every interval holds its rate."""
    labels, scores = drawn(2_000)
    bins = reliability(labels, scores)
    assert sum(one.examples for one in bins) == 2_000
    assert [one.mean_score for one in bins] == sorted(one.mean_score for one in bins)
    error = sum(one.examples * abs(one.rate - one.mean_score) for one in bins) / 2_000
    assert error == pytest.approx(calibration_error(labels, scores), abs=1e-15)
    assert all(0.0 <= one.low <= one.rate <= one.high <= 1.0 for one in bins)


def test_an_interval_solves_its_equation() -> None:
    """Wilson's bounds are the rates from which what was seen is 1.96 standard deviations away."""
    for positives, count in ((0, 20), (3, 50), (50, 50)):
        rate = positives / count
        for bound in wilson(positives, count):
            if 1e-9 < bound < 1.0 - 1e-9:
                assert abs(rate - bound) == pytest.approx(1.959964 * sqrt(bound * (1 - bound) / count), abs=1e-12)


def test_lift_is_precision_over_the_base_rate() -> None:
    """At every point, ties included; everybody is no better than by lot."""
    labels, scores = drawn(700)
    points = lift_curve(labels, scores)
    assert len(points) > 40
    for point in points:
        assert point.lift == pytest.approx(precision_at(labels, scores, point.customers) / labels.mean(), abs=1e-12)
        assert point.found == pytest.approx(point.lift * point.customers / 700, abs=1e-12)
    assert points[-1].lift == pytest.approx(1.0)
    assert lift_curve(np.zeros(5), np.ones(5)) == []


def test_areas_over_time_are_those_of_their_slices() -> None:
    """Each slice is measured alone, in the order of outcomes; what has no label, or no score, is left out."""
    labels, scores = drawn(1_500)
    settlements = [
        Settlement(
            number=n, observation_id=str(n), observed_ms=n, settled_ms=10 * n, tier="core",
            label=None if n % 10 == 3 else bool(label), score=float(score), scores={} if n < 500 else {"x": 0.5},
        )
        for n, (label, score) in enumerate(zip(labels, scores, strict=True))
    ]  # fmt: skip
    points = auc_over_time(settlements, IN_FORCE)
    assert len(points) >= 4
    assert sum(point.examples for point in points) == 1_350
    for point in points:
        inside = [n for n in range(1_500) if point.from_ms <= 10 * n <= point.to_ms and n % 10 != 3]
        assert point.auc == roc_auc(labels[inside], scores[inside])
        assert point.positives == labels[inside].sum()
    assert {point.auc for point in auc_over_time(settlements, "x")} == {0.5}
    assert auc_over_time(settlements, "y") == []
