"""The champion is a River classifier whose reasons add up, and one bad number does it no harm."""

from collections.abc import Callable
from math import inf, isfinite, nan
from typing import Any

import numpy as np
import pytest
from river import base
from river.checks import yield_checks

from models.churn_curves import CLIP, KNOTS, STEPS, probability
from models.churn_model import MEAN_EVERY, ChurnClassifier, pack, spread, unpack
from models.ensemble import Ensemble
from models.regression_snapshot import HAT_ADAGRAD
from tests.unit.models.churn_examples import FEATURES, examples, learnt_model

CHECKS: list[Callable[[Any], None]] = list(yield_checks(ChurnClassifier()))


class WithHeadStart(base.Classifier):  # type: ignore[misc]
    """What the champion publishes, lines and curves together, observing and learning at once."""

    def __init__(self) -> None:
        """Know nothing."""
        self.ensemble = Ensemble()

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        """Observe and learn."""
        z = self.ensemble.hat.observe(x)
        self.ensemble.learn(self.ensemble.prepare(z, None), bool(y), is_correction=False)

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        """Probabilities of False and True."""
        p = self.ensemble.scores(self.ensemble.prepare(self.ensemble.hat.standardise(x), None))[HAT_ADAGRAD]
        return {False: 1.0 - p, True: p}


@pytest.mark.parametrize("champion", [ChurnClassifier, WithHeadStart])
@pytest.mark.parametrize("check", CHECKS, ids=[f"{number}-{check.__name__}" for number, check in enumerate(CHECKS)])
def test_river_accepts_it(check: Callable[[Any], None], champion: Callable[[], base.Classifier]) -> None:
    """Each of River's own checks of a classifier passes."""
    check(champion())


def test_river_has_checks() -> None:
    """The checks above are those of a classifier, not an empty list."""
    names = {check.__name__ for check in CHECKS}
    assert len(CHECKS) >= 40
    assert {"check_pickling", "check_predict_proba_one_binary", "check_disappearing_features"} <= names


def test_contributions_add_up() -> None:
    """On 10,000 customers what the features add is the logit, and the probability belongs to it."""
    model = learnt_model()
    off = 0.0
    for x, _ in examples(10_000, seed=2):
        z = model.standardise(x)
        logit = model.mean_intercept + sum(model.contributions(z).values())
        off = max(off, abs(logit - model.logit(z)))
        assert model.predict_proba_one(x)[True] == probability(model.logit(z))
    assert off <= 1e-9
    assert max(abs(value) for value in model.contributions(z).values()) > 0.1


def test_it_learns_what_raises_the_risk() -> None:
    """Who is high in the features that decide gets a much higher probability, and others a low one."""
    model = learnt_model(6_000)
    low, high = dict.fromkeys(FEATURES, nan), dict.fromkeys(FEATURES, nan)
    low |= {FEATURES[0]: -0.1, FEATURES[1]: 0.0}
    high |= {FEATURES[0]: 0.2, FEATURES[1]: 2.0}
    assert model.predict_proba_one(high)[True] > 0.5
    assert model.predict_proba_one(low)[True] < 0.2


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_a_number_that_is_none_is_no_evidence(bad: float) -> None:
    """It counts as the mean, and what has been learnt stays finite."""
    model = learnt_model(500)
    x, _ = next(iter(examples(1, seed=3)))
    means = dict(model.scaler.means)
    z = model.observe({**x, FEATURES[0]: bad})
    model.learn_z(z, True)
    assert z[FEATURES[0]] == 0.0
    assert model.scaler.means[FEATURES[0]] == means[FEATURES[0]]
    assert model.scaler.means[FEATURES[1]] != means[FEATURES[1]]
    assert all(isfinite(weight) for weight in model.regression.weights.values())


def test_what_is_observed_is_standardised_by_what_was_seen_until_then() -> None:
    """A label that comes late is learnt with the z of its observation, whatever the scaler has seen since."""
    early, late = ChurnClassifier(), ChurnClassifier()
    stream = list(examples(50, seed=4))
    for x, _ in stream:
        early.observe(x)
    seen = [late.observe(x) for x, _ in stream]
    assert late.standardise(stream[0][0]) != seen[0]
    for z, (_, y) in zip(seen, stream, strict=True):
        late.learn_z(z, y)
    straight = ChurnClassifier()
    for x, y in stream:
        straight.learn_one(x, y)
    assert late.regression.weights == straight.regression.weights
    assert late.scaler.means == straight.scaler.means


def test_a_pending_example_is_a_byte_a_feature() -> None:
    """Packing moves no z by more than half a step, and what was packed packs to the same bytes again."""
    model = learnt_model(500)
    for x, _ in examples(200, seed=5):
        z = model.standardise({**x, FEATURES[2]: 1e12})
        packed = pack(z)
        again = unpack(packed, FEATURES)
        assert len(packed) == len(FEATURES)
        assert again[FEATURES[2]] == CLIP
        assert max(abs(again[name] - z[name]) for name in FEATURES) <= 0.5 / STEPS
        assert pack(again) == packed
    with pytest.raises(ValueError, match="zip"):
        unpack(packed, FEATURES[:-1])


def test_hats_share_a_value_between_two_knots() -> None:
    """The shares of the knots are the height of the curve: they add up to one, and the value comes back from them."""
    for value in np.linspace(-CLIP, CLIP, 400).tolist():
        basis = spread({"a": value})
        hats = {cell: share for cell, share in basis.items() if "#" in cell}
        assert basis["a"] == value
        assert len(hats) <= 2
        assert sum(hats.values()) == pytest.approx(1.0, abs=1e-15)
        inside = min(max(value, KNOTS[0]), KNOTS[-1])
        back = sum(share * KNOTS[int(cell.partition("#")[2])] for cell, share in hats.items())
        assert back == pytest.approx(inside, abs=1e-12)


def test_what_is_unknown_adds_nothing() -> None:
    """A feature that is missing, or has never varied, is learnt nothing from: its feed may be launched later."""
    model = learnt_model(500)
    z = model.standardise({**dict.fromkeys(FEATURES, 1.0), FEATURES[0]: nan})
    assert z[FEATURES[0]] == z[FEATURES[5]] == 0.0
    assert spread({FEATURES[0]: 0.0}) == {}
    assert model.contributions(z)[FEATURES[0]] == model.contributions(z)[FEATURES[5]] == 0.0
    assert not any(cell.startswith(FEATURES[5]) for cell in model.regression.weights)
    assert model.contributions({**z, FEATURES[0]: 0.01})[FEATURES[0]] != 0.0


def test_scores_change_by_the_mean_of_the_weights() -> None:
    """Between two looks at the weights a score stands still, though the weights move."""
    model = learnt_model(MEAN_EVERY * 20 + 1)
    x, _ = next(iter(examples(1, seed=6)))
    z = model.standardise(x)
    before, weights = model.predict_z(z), model.regression.weights
    for _ in range(MEAN_EVERY - 1):
        model.learn_z(z, True)
    assert model.predict_z(z) == before
    assert model.regression.weights != weights
    model.learn_z(z, True)
    assert model.predict_z(z) > before


def test_loosening_makes_it_learn_fast_again() -> None:
    """After it, the same label moves the weights further, and the mean starts from the weights as they are."""
    firm, loose = learnt_model(3_000), learnt_model(3_000)
    loose.loosen()
    x, _ = next(iter(examples(1, seed=7)))
    before = firm.regression.weights
    for model in (firm, loose):
        model.learn_z(model.standardise(x), True)
    cell = FEATURES[0]
    moved = [abs(model.regression.weights[cell] - before[cell]) for model in (firm, loose)]
    assert moved[1] > 1.5 * moved[0] > 0
    while loose.learnt % MEAN_EVERY != 1:
        loose.learn_z(loose.standardise(x), True)
    assert loose.mean_weights == pytest.approx(loose.regression.weights, rel=1e-12)
    assert firm.mean_weights != pytest.approx(firm.regression.weights, rel=1e-3)


def test_probability_of_any_logit() -> None:
    """The logistic function neither overflows nor leaves [0, 1]."""
    assert probability(0.0) == 0.5
    assert probability(-1e9) == 0.0
    assert probability(1e9) == 1.0
    assert probability(-709.0) >= 0.0
