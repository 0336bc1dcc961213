"""Why a customer has the score that they have: what each feature adds to the logit, in figures that can be added up.

The score is an intercept and a sum of curves, so nothing here is an estimate: the parts are those that the score was
made of, to the bit, and `is_whole` says whether they still are.
"""

from math import expm1

import numpy as np
from msgspec import Struct

from models.churn_curves import probability
from models.churn_tick import band_of, grouped
from models.customer import Customer
from models.feature_list import STANDARD_SET
from models.feature_schema import Feature, Transform
from models.features import feature_matrix
from models.rules import ChurnRules, Rules
from models.scoring_model import Scoring, ScoringModel


class Share(Struct, frozen=True):
    """One feature: its value and what is usual where the model was learnt, both as plain figures; what it adds."""

    feature: Feature
    plain: float
    usual: float
    contribution: float


class GroupShare(Struct, frozen=True):
    """A group of features (`models.feature_schema.Group`): what it adds, and its features, the strongest first."""

    code: str
    contribution: float
    shares: list[Share]


class Explained(Struct, frozen=True):
    """The score at `at_ms`: `intercept` and what the groups add is `logit`; groups that raise it most come first."""

    at_ms: int
    score: float
    band: str
    logit: float
    intercept: float
    groups: list[GroupShare]
    is_whole: bool


def explain(
    customer: Customer, at_ms: int, rules: Rules, churn: ChurnRules, model: ScoringModel, by: Scoring
) -> Explained:
    """The score of a customer who is there, taken apart; `by` is `model`, ready to score. No aggregate is changed."""
    matrix = feature_matrix([customer], at_ms, rules)
    scores = by.scorer.score(matrix)
    contributions = scores.contributions[:, 0]
    whole = by.intercept
    shares: dict[str, list[Share]] = {}
    columns = zip(STANDARD_SET.features, matrix[0].tolist(), model.means, contributions.tolist(), strict=True)
    for feature, value, mean, contribution in columns:
        whole += contribution
        share = Share(feature, plain(feature, value), plain(feature, mean), contribution)
        shares.setdefault(feature.group.value, []).append(share)
    groups = [
        GroupShare(
            reason.code,
            reason.contribution,
            sorted(shares[reason.code], key=lambda share: -abs(share.contribution)),
        )
        for reason in grouped(contributions)
    ]
    score, logit = scores.probabilities[0], float(scores.logits[0])
    is_whole = whole == logit and probability(whole) == score
    return Explained(at_ms, score, band_of(score, churn), logit, by.intercept, groups, is_whole)


def score_at(customer: Customer, at_ms: int, rules: Rules, by: Scoring) -> float:
    """The score alone."""
    return by.scorer.score(feature_matrix([customer], at_ms, rules)).probabilities[0]


def plain(feature: Feature, value: float) -> float:
    """The figure that a value of a feature stands for, before it was transformed."""
    match feature.transform:
        case Transform.LOG1P:
            return expm1(value)
        case Transform.ASINH:
            return float(np.sinh(value))
        case Transform.LOG_RATIO:
            return float(np.exp(value))
    return value
