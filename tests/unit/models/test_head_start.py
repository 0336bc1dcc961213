import numpy as np
import pytest

from models.churn_curves import KNOTS
from models.churn_scorer import ChurnScorer, Shapes
from models.ensemble import Ensemble
from models.head_start import between, curve_share, shapes_between
from models.regression_snapshot import HAT_ADAGRAD, LINEAR

FEATURES = 5


def some_shapes(seed: int) -> Shapes:
    """Curves drawn by chance, on one scale."""
    draw = np.random.default_rng(seed)
    scale = np.random.default_rng(0)
    return Shapes(
        intercept=float(draw.normal()),
        mean=scale.normal(size=FEATURES),
        deviation=scale.uniform(0.5, 2.0, size=FEATURES),
        linear=draw.normal(size=FEATURES),
        heights=draw.normal(size=(FEATURES, len(KNOTS))),
    )


def test_curves_take_over_as_leavers_come_in() -> None:
    """Nothing at first, half at 200 of the rarer outcome, nearly all at thousands, and never less than before."""
    shares = [curve_share(rarer) for rarer in range(3_000)]
    assert (shares[0], shares[200]) == (0.0, 0.5)
    assert shares[1_500] > 0.98
    assert shares == sorted(shares)


@pytest.mark.parametrize("rarer", [0, 1, 150, 5_000])
def test_what_is_published_is_between_both(rarer: int) -> None:
    """The logit of the blended curves is the blend of the logits."""
    curves, lines = some_shapes(1), some_shapes(2)
    customers = np.random.default_rng(3).normal(size=(50, FEATURES)) * 3
    theirs = [ChurnScorer(shapes).score(customers).logits for shapes in (curves, lines)]
    blended = ChurnScorer(shapes_between(curves, lines, rarer)).score(customers).logits
    expected = [between(curved, straight, rarer) for curved, straight in zip(*theirs, strict=True)]
    assert blended == pytest.approx(expected, abs=1e-12)


def test_the_champion_follows_the_lines_while_few_have_left() -> None:
    """However many have stayed: those who left are what there is to learn from."""
    ensemble = Ensemble()
    draw = np.random.default_rng(5)
    probe = ensemble.prepare({"a": 1.5, "b": -0.5}, None)
    apart = []
    for number in range(2_000):
        label = number % 20 == 0 if number < 1_000 else bool(number % 2)
        z = {"a": float(draw.normal(1.5 * label)), "b": float(draw.normal())}
        ensemble.learn(ensemble.prepare(z, None), label, is_correction=False)
        if number in (999, 1_999):
            scores = ensemble.scores(probe)
            curves = ensemble.hat.predict_cells(probe.cells)
            apart.append((abs(scores[HAT_ADAGRAD] - scores[LINEAR]), abs(scores[HAT_ADAGRAD] - curves)))
    (lines_first, curves_first), (lines_later, curves_later) = apart
    assert lines_first < 0.1 * curves_first
    assert curves_later < lines_later
