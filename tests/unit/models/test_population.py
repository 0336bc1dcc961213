"""The stability of what is observed, and whether a forest is worth recalibrating."""

import numpy as np

from models.population import LATELY, LEAST, Population
from models.recalibration import platt, recalibrated

FEATURES = 3


def filled(shift: float, count: int = 2 * LATELY, seed: int = 1) -> Population:
    """A population that was at rest, and whose first feature and scores have then moved by `shift`."""
    draw = np.random.default_rng(seed)
    population = Population(FEATURES)
    for place in range(2 * LEAST + count):
        moved = shift if place >= 2 * LEAST else 0.0
        z = draw.normal(size=FEATURES)
        z[0] += moved
        population.add(z.tolist(), float(np.clip(draw.beta(2, 8) + 0.3 * moved, 0, 1)))
    return population


def test_a_change_is_noticed_and_rest_is_not() -> None:
    """By the usual bounds: below 0.1 nothing, above 0.25 much; only the feature that has moved."""
    still, moved = filled(0.0), filled(1.5)
    assert max(*still.feature_psi(), still.score_psi()) < 0.03
    assert moved.feature_psi()[0] > 0.25
    assert max(moved.feature_psi()[1:]) < 0.03
    assert moved.score_psi() > 0.25


def test_a_few_say_nothing() -> None:
    """Of few observations, every spread looks new."""
    population = Population(FEATURES)
    for place in range(LEAST - 1):
        population.add([float(place % 5)] * FEATURES, 0.001 * (place % 900))
    assert [*population.feature_psi(), population.score_psi()] == [0.0] * (FEATURES + 1)


def test_a_restored_population_is_the_same() -> None:
    """Both histograms, to the bit, and so whatever comes after."""
    population = filled(0.5, 10)
    restored = Population.restore(population.state())
    for one in (population, restored):
        one.add([0.3, -5.0, 0.0], 0.77)
    assert restored.state() == population.state()


def test_platt_finds_the_curve_that_the_scores_went_through() -> None:
    """Scores that were squeezed are stretched again, and those that are right are left alone."""
    draw = np.random.default_rng(2)
    logits = draw.normal(-1.0, 1.5, 20_000)
    truth = 1.0 / (1.0 + np.exp(-logits))
    labels = (draw.random(len(truth)) < truth).astype(float)
    squeezed = 1.0 / (1.0 + np.exp(-(0.5 * logits + 0.4)))
    slope, intercept = platt(labels, squeezed)
    assert abs(slope - 2.0) < 0.1
    assert abs(intercept + 0.8) < 0.1
    found, left_alone = recalibrated(labels, squeezed), recalibrated(labels, truth)
    assert found is not None
    assert left_alone is not None
    assert found.wins
    assert found.ece_recalibrated < 0.02 < found.ece
    assert abs(left_alone.slope - 1.0) < 0.1
    assert recalibrated(labels * 0.0, truth) is None
