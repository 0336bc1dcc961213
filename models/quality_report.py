"""What is to be said of how good the scores are, worked out once for the terminal, the picture and the page."""

from typing import Final

import numpy as np
from msgspec import Struct

from models.alerts import TIERS
from models.churn_records import OUTCOMES
from models.feature_schema import FeatureSet
from models.learner_records import Fate
from models.learner_state import LearnerState
from models.learner_window import IN_FORCE, LearnerWindow
from models.population import Population, PopulationState
from models.promotion import Promotion
from models.recalibration import Recalibrated, recalibrated
from models.regression_snapshot import FOREST, LEARNERS
from models.score_curves import AucPoint, LiftPoint, ReliabilityBin, auc_over_time, lift_curve, reliability
from models.score_metrics import Floats, Quality
from models.sign_check import SignConflict, sign_conflicts

SCORE_BINS: Final = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Where scores are counted: finer where most of them are."""


class Curves(Struct, frozen=True, kw_only=True):
    """What is drawn of one scorer; `stayed` and `left` count scores between each two of `SCORE_BINS`."""

    name: str
    reliability: list[ReliabilityBin]
    lift: list[LiftPoint]
    stayed: list[int]
    left: list[int]


class QualityReport(Struct, frozen=True, kw_only=True):
    """See the module.

    `learners` and `tiers` hold the figures of the window by who scored and, of the scores that were told, by tier;
    `auc` reaches back further than the window. `feature_psi` names every feature, the most changed one first; it says
    nothing while `observed` is below `models.population.LEAST`. `from_ms` and `to_ms` are the first and last outcome in
    the window.
    """

    clock_ms: int
    from_ms: int
    to_ms: int
    in_force: str | None
    pinned: str | None
    versions: int
    published_ms: int
    champion: str
    learnt: int
    learners: dict[str, Quality]
    tiers: dict[str, Quality]
    forest: Recalibrated | None
    settled: int
    corrected: int
    pending: int
    overdue: int
    matured_fraction: float
    label_age_ms: float
    alarms: int
    observed: int
    score_psi: float
    feature_psi: list[tuple[str, float]]
    population: PopulationState
    conflicts: list[SignConflict]
    promotions: list[Promotion]
    curves: list[Curves]
    auc: dict[str, list[AucPoint]]


class Standing(Struct, frozen=True, kw_only=True):
    """What is not in a learner's state: what has been announced and decided, and how many outcomes are overdue."""

    in_force: str | None
    pinned: str | None
    overdue: int
    promotions: list[Promotion]


def quality_report(
    state: LearnerState, standing: Standing, window: LearnerWindow, longer: LearnerWindow, chosen: FeatureSet
) -> QualityReport:
    """The report on a learner; `longer` is a window that reaches back further, for what changes in time."""
    settlements = window.settlements()
    population = Population.restore(state.population)
    counts = state.counts
    settled = sum(counts.get(outcome, 0) for outcome in OUTCOMES)
    due = settled + standing.overdue
    names = chosen.schema.features
    learners = {name: window.quality(name) for name in (IN_FORCE, *LEARNERS)}
    told = longer.settlements()
    return QualityReport(
        clock_ms=state.clock_ms,
        from_ms=settlements[0].settled_ms if settlements else 0,
        to_ms=settlements[-1].settled_ms if settlements else 0,
        in_force=standing.in_force,
        pinned=standing.pinned,
        versions=state.published.number,
        published_ms=state.published.at_ms,
        champion=state.champion,
        learnt=state.labels,
        learners={name: one for name, one in learners.items() if one.examples},
        tiers={tier: one for tier in TIERS if (one := window.quality(IN_FORCE, tier)).examples},
        forest=recalibrated(*window.scored(FOREST)),
        settled=settled,
        corrected=counts.get(Fate.CORRECTED, 0),
        pending=counts.get(Fate.OBSERVED, 0) - settled,
        overdue=standing.overdue,
        matured_fraction=settled / due if due else 1.0,
        label_age_ms=window.label_age_ms(),
        alarms=state.alarms,
        observed=population.seen,
        score_psi=population.score_psi(),
        feature_psi=sorted(zip(names, population.feature_psi(), strict=True), key=lambda one: (-one[1], one[0])),
        population=state.population,
        conflicts=sign_conflicts(state.hat, {feature.name: feature.sign for feature in chosen.features}),
        promotions=list(standing.promotions),
        curves=[_curves(window, name) for name in (IN_FORCE, state.champion)],
        auc={name: found for name in (IN_FORCE, *LEARNERS) if (found := auc_over_time(told, name))},
    )


def _curves(window: LearnerWindow, name: str) -> Curves:
    labels, scores = window.scored(name)
    return Curves(
        name=name,
        reliability=reliability(labels, scores),
        lift=lift_curve(labels, scores),
        stayed=_counted(scores[labels == 0.0]),
        left=_counted(scores[labels == 1.0]),
    )


def _counted(scores: Floats) -> list[int]:
    counts, _ = np.histogram(scores, SCORE_BINS)
    return [int(count) for count in counts]
