"""The gate: when a challenger takes the champion's place.

Both are measured on the same examples, each before it learnt them. A challenger has to be better by a margin in what
it says of each customer (log loss) and in whom it puts first (PR AUC), over enough examples, and it must not be
calibrated worse than is good.
"""

from typing import Final

from msgspec import Struct

from models.learner_window import LearnerWindow
from models.regression_snapshot import EXPORTABLE

LEAST_EXAMPLES: Final = 2_000
"""Examples that are compared, none of them from before the last change of champion."""
MARGIN: Final = 0.01
"""Share by which log loss has to be lower, and PR AUC higher."""
GOOD_ECE: Final = 0.02


class Evidence(Struct, frozen=True, kw_only=True):
    """One comparison: of how many examples, and the figures of both."""

    champion: str
    challenger: str
    examples: int
    log_loss: float
    challenger_log_loss: float
    pr_auc: float
    challenger_pr_auc: float
    ece: float
    challenger_ece: float

    @property
    def passes(self) -> bool:
        """Whether the challenger has earned it."""
        return (
            self.examples >= LEAST_EXAMPLES
            and self.challenger_log_loss <= self.log_loss * (1.0 - MARGIN)
            and self.challenger_pr_auc >= self.pr_auc * (1.0 + MARGIN)
            and self.challenger_ece <= max(GOOD_ECE, self.ece)
        )


class Promotion(Struct, frozen=True, kw_only=True):
    """A change of champion: when, and on what evidence; None where an operator wanted it."""

    at_ms: int
    before: str
    after: str
    evidence: Evidence | None = None


def comparisons(window: LearnerWindow, champion: str, since: int) -> list[Evidence]:
    """The champion beside each challenger that could be published, over examples from number `since` on."""
    mine = window.quality(champion, since=since)
    compared = []
    for name in EXPORTABLE:
        if name == champion:
            continue
        theirs = window.quality(name, since=since)
        compared.append(
            Evidence(
                champion=champion,
                challenger=name,
                examples=min(mine.examples, theirs.examples),
                log_loss=mine.log_loss,
                challenger_log_loss=theirs.log_loss,
                pr_auc=mine.pr_auc,
                challenger_pr_auc=theirs.pr_auc,
                ece=mine.ece,
                challenger_ece=theirs.ece,
            )
        )
    return compared


def winner(compared: list[Evidence]) -> Evidence | None:
    """The one that passes with the lowest log loss; None where none does."""
    passing = [one for one in compared if one.passes]
    return min(passing, key=lambda one: one.challenger_log_loss) if passing else None
