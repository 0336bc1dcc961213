"""The stability of what is observed, and whether a forest is worth recalibrating."""

from collections.abc import Iterator
from math import inf, nan

import msgspec
import numpy as np
import pytest

from models.churn_curves import KNOTS
from models.nominal_scale import NOMINAL_SCALE
from models.population import LATELY, LEAST, SCORE_EDGES, SMOOTHING, Population
from models.recalibration import platt, recalibrated

NAMES = ("assets", "logins_30d", "stage_growth", "investments_30d")
ASSETS, LOGINS, GROWTH, INVESTMENTS = range(len(NAMES))
MEANS, DEVIATIONS = (np.array(column) for column in zip(*(NOMINAL_SCALE[name] for name in NAMES), strict=True))
Row = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def usual(count: int, seed: int = 1) -> Iterator[Row]:
    """Customers of a bank at rest: as spread as the nominal scale has it; nobody grows, one in ten invests."""
    draw = np.random.default_rng(seed)
    for _ in range(count):
        x = draw.normal(MEANS, DEVIATIONS)
        x[GROWTH] = 0.0
        x[INVESTMENTS] = abs(x[INVESTMENTS]) if draw.random() < 0.1 else 0.0
        yield x


def at_rest(count: int = 2 * LEAST) -> Population:
    """A population that has seen so many of them."""
    population = Population(NAMES)
    for x in usual(count):
        population.add(x.tolist(), 0.1)
    return population


def moved(feature: int, to: float, times: int = 2 * LATELY, by: float = 0.0) -> list[float]:
    """The indices after the value of one feature has become `to` for everybody, or has moved `by` something."""
    population = at_rest()
    for x in usual(times, seed=2):
        x[feature] = x[feature] + by if by else to
        population.add(x, 0.1)
    return population.feature_psi()


def test_a_change_is_noticed_and_rest_is_not() -> None:
    """By the usual bounds: a shift by one deviation is above 0.25, in that feature alone; rest is far below 0.1."""
    assert max(at_rest().feature_psi()) < 0.03
    for feature in (ASSETS, LOGINS):
        psi = moved(feature, nan, by=float(DEVIATIONS[feature]))
        assert psi.pop(feature) > 0.25
        assert max(psi) < 0.03


def test_scores_that_move_are_noticed() -> None:
    """They have bins of their own; scores at rest read next to nothing."""
    draw = np.random.default_rng(3)
    population, row = Population(NAMES), MEANS.tolist()
    for score in draw.beta(2, 8, 2 * LEAST):
        population.add(row, float(score))
    assert population.score_psi() < 0.03
    for score in draw.beta(2, 8, 2 * LATELY):
        population.add(row, min(float(score) + 0.3, 1.0))
    assert population.score_psi() > 0.25


def test_what_is_new_for_one_customer_is_no_change() -> None:
    """Of 5,000, one grows: no zero leaves its bin, so nothing is to be seen, at that moment or later."""
    population = Population(NAMES)
    for x in usual(5_000):
        population.add(x, 0.1)
    for place, x in enumerate(usual(5_000, seed=2)):
        x[GROWTH] = float(place == 0)
        population.add(x, 0.1)
        if place % 500 == 0:
            assert population.feature_psi()[GROWTH] < 0.005
    assert population.feature_psi()[INVESTMENTS] < 0.03


def test_a_bin_that_few_are_in_cannot_say_much() -> None:
    """Five of 4,000 who are seen no more, or five who are seen in a row: both are smoothed to next to nothing."""
    gone, come = Population(NAMES), at_rest(LEAST)
    for place, x in enumerate(usual(LEAST)):
        x[GROWTH] = float(place < 5)
        gone.add(x, 0.1)
    assert 0.0 < gone.feature_psi()[GROWTH] < SMOOTHING
    for x in usual(5, seed=2):
        x[GROWTH] = 1.0
        come.add(x, 0.1)
    assert 0.005 < come.feature_psi()[GROWTH] < 0.05


def test_bins_are_those_of_the_nominal_scale() -> None:
    """One observation at a time: where each value is counted, zeros and what is no finite number apart."""
    mean, deviation = NOMINAL_SCALE["assets"]
    bins = [mean + knot * deviation for knot in KNOTS]
    for x, place in [
        (-1e30, 0),
        (bins[0] + 1e-3, 1),
        (mean - 1e-3, 3),
        (mean + 1e-3, 4),
        (bins[-1] + 1e-3, len(KNOTS)),
        (0.0, len(KNOTS) + 1),
        (-0.0, len(KNOTS) + 1),
        (nan, len(KNOTS) + 2),
        (inf, len(KNOTS) + 2),
        (-inf, len(KNOTS) + 2),
    ]:
        population = Population(("assets", "of no known scale"))
        population.add([x, 0.75], 0.1)
        lately = population.state().features_lately
        assert (lately[0].index(1.0), sum(lately[0])) == (place, 1.0)
        assert lately[1].index(1.0) == KNOTS.index(1.0)


@pytest.mark.parametrize("to", [nan, 1e-9], ids=["no number", "next to nothing"])
def test_what_is_no_longer_there_is_noticed(to: float) -> None:
    """A feature that breaks, and one that is no longer exactly nothing, change for everybody."""
    assert moved(INVESTMENTS, to)[INVESTMENTS] > 0.25


def test_a_few_say_nothing() -> None:
    """Of few observations, every spread looks new."""
    population = Population(NAMES)
    for place in range(LEAST - 1):
        population.add([float(place % 5)] * len(NAMES), 0.001 * (place % 900))
    assert [*population.feature_psi(), population.score_psi()] == [0.0] * (len(NAMES) + 1)


def test_a_restored_population_is_the_same() -> None:
    """Both histograms, to the bit, and so whatever comes after; where bins end is stored with them, and stays."""
    population = at_rest(10)
    restored = Population.restore(population.state())
    for one in (population, restored):
        one.add([0.3, -5.0, 0.0, nan], 0.77)
    assert restored.state() == population.state()
    assert len(restored.state().scores_lately) == len(SCORE_EDGES) + 1
    elsewhere = msgspec.structs.replace(population.state(), edges=[[100.0 + knot for knot in KNOTS]] * len(NAMES))
    other = Population.restore(elsewhere)
    other.add([99.6, 0.0, 0.0, 0.0], 0.1)
    assert other.state().features_lately[0][KNOTS.index(-0.5) + 1] > 1.0
    assert other.state().edges == elsewhere.edges


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
