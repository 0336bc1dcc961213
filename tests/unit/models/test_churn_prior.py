"""The cold score follows the standards, fades as labels come, and says where they contradict it."""

import random
from math import exp

import numpy as np
import pytest

from models.churn_curves import FeatureSchema, probability
from models.churn_model import ChurnClassifier
from models.churn_restore import take_snapshot
from models.churn_scorer import ChurnScorer
from models.churn_snapshot import shapes_of
from models.expert_prior import LABELS_OF_THE_PRIOR, STRENGTH, SignedFeature, blend, expert_prior, prior_share
from models.score_metrics import roc_auc
from models.sign_check import LEAST_LABELS, sign_conflicts

SIGNED = (
    SignedFeature("outflow", "outflow", 1),
    SignedFeature("payments_7d", "inactivity", -1),
    SignedFeature("payments_30d", "inactivity", -1),
    SignedFeature("tenure", "life_stage", 0),
)
SCHEMA = FeatureSchema("prior", 1, tuple(feature.name for feature in SIGNED))
SIGNS = {feature.name: feature.sign for feature in SIGNED}
PRIOR = expert_prior(SIGNED, base_rate=0.1)


def _customers(count: int, seed: int, outflow: float = 1.0) -> list[tuple[dict[str, float], bool]]:
    draw = random.Random(seed)
    customers = []
    for _ in range(count):
        x = {name: draw.gauss(0.0, 1.0) for name in SCHEMA.features}
        logit = -2.0 + outflow * x["outflow"] - 0.8 * x["payments_30d"] + 0.5 * x["tenure"]
        customers.append((x, draw.random() < 1.0 / (1.0 + exp(-logit))))
    return customers


def _learnt(labels: int, outflow: float = 1.0) -> ChurnClassifier:
    """A model that has observed 2,000 customers, and knows the first labels."""
    model = ChurnClassifier()
    customers = _customers(2_000, seed=1, outflow=outflow)
    seen = [model.observe(x) for x, _ in customers]
    for z, (_, y) in list(zip(seen, customers, strict=True))[:labels]:
        model.learn_z(z, y)
    return model


def _auc(model: ChurnClassifier, blended: bool) -> float:
    shapes = shapes_of(take_snapshot(model, SCHEMA, {}))
    scorer = ChurnScorer(blend(shapes, PRIOR, model.learnt) if blended else shapes)
    customers = _customers(4_000, seed=2)
    scores = scorer.score(np.array([list(x.values()) for x, _ in customers])).probabilities
    return roc_auc([y for _, y in customers], scores)


def test_groups_share_their_strength() -> None:
    """Two features that say the same count as one, and of which nothing is said does not count."""
    assert PRIOR.slopes.tolist() == [STRENGTH, -STRENGTH / 2, -STRENGTH / 2, 0.0]
    assert probability(PRIOR.intercept) == pytest.approx(0.1)


def test_before_any_label_the_standards_rank() -> None:
    """Scores are useful at once, and an average customer gets the base rate."""
    model = _learnt(0)
    assert _auc(model, blended=True) > 0.72
    assert _auc(model, blended=False) == 0.5
    shapes = blend(shapes_of(take_snapshot(model, SCHEMA, {})), PRIOR, 0)
    average = np.array([[model.scaler.means[name] for name in SCHEMA.features]])
    assert ChurnScorer(shapes).score(average).probabilities == pytest.approx([0.1])


def test_with_few_labels_the_blend_is_better() -> None:
    """After thirty labels; and after two thousand it costs nothing."""
    few, many = _learnt(30), _learnt(2_000)
    assert _auc(few, blended=True) > _auc(few, blended=False) + 0.02
    assert _auc(many, blended=True) == pytest.approx(_auc(many, blended=False), abs=0.002)


def test_the_blend_is_the_sum_of_both_by_their_shares() -> None:
    """Logit and every contribution, so that the reasons of a blended score add up as well."""
    model = _learnt(70)
    shapes = shapes_of(take_snapshot(model, SCHEMA, {}))
    matrix = np.array([list(x.values()) for x, _ in _customers(500, seed=3)])
    scorer = ChurnScorer(blend(shapes, PRIOR, 70))
    blended, learnt = scorer.score(matrix), ChurnScorer(shapes).score(matrix)
    share = LABELS_OF_THE_PRIOR / (LABELS_OF_THE_PRIOR + 70)
    expert = scorer.standardise(matrix) * PRIOR.slopes[:, None]
    assert np.abs(blended.contributions - share * expert - (1 - share) * learnt.contributions).max() < 1e-12
    logits = share * (PRIOR.intercept + expert.sum(axis=0)) + (1 - share) * learnt.logits
    assert np.abs(blended.logits - logits).max() < 1e-12


def test_the_prior_fades() -> None:
    """Half after its labels, and less with each more."""
    assert prior_share(0) == 1.0
    assert prior_share(LABELS_OF_THE_PRIOR) == 0.5
    assert prior_share(10_000) < 0.005


def test_a_learnt_sign_against_the_standard_is_told() -> None:
    """With its evidence; those that agree, and those of which nothing is said, are not."""
    conflicts = sign_conflicts(take_snapshot(_learnt(2_000, outflow=-1.0), SCHEMA, {}), SIGNS)
    assert [conflict.feature for conflict in conflicts] == ["outflow"]
    (conflict,) = conflicts
    assert (conflict.expected, conflict.labels) == (1, 2_000)
    assert -1.5 < conflict.slope < -0.3
    assert conflict.deviations > 5


def test_signs_that_agree_raise_no_conflict() -> None:
    """Nor does chance: what has no influence is not told either way."""
    assert sign_conflicts(take_snapshot(_learnt(2_000), SCHEMA, {}), SIGNS) == []
    without = {**SIGNS, "outflow": 1}
    assert sign_conflicts(take_snapshot(_learnt(2_000, outflow=0.0), SCHEMA, {}), without) == []


def test_a_few_labels_contradict_nobody() -> None:
    """Below `LEAST_LABELS` no slope is believed."""
    snapshot = take_snapshot(_learnt(LEAST_LABELS - 1, outflow=-4.0), SCHEMA, {})
    assert sign_conflicts(snapshot, SIGNS) == []
    assert sign_conflicts(take_snapshot(_learnt(LEAST_LABELS + 100, outflow=-4.0), SCHEMA, {}), SIGNS) != []


def test_what_does_not_fit_is_refused() -> None:
    """A base rate that is none, and a prior of other features."""
    for rate in (0.0, 1.0, -0.1):
        with pytest.raises(ValueError, match="base rate"):
            expert_prior(SIGNED, rate)
    shapes = shapes_of(take_snapshot(_learnt(10), SCHEMA, {}))
    with pytest.raises(ValueError, match="features"):
        blend(shapes, expert_prior(SIGNED[:2], 0.1), 10)
