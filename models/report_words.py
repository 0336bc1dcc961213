"""Names of those who score, and of the figures, as a report for people says them."""

from math import isnan
from typing import Final

from models.learner_window import IN_FORCE
from models.regression_snapshot import FOREST, HAT_ADAGRAD, HAT_ADAM, LINEAR

NAMES: Final = {
    IN_FORCE: "scores as told",
    HAT_ADAGRAD: "hat curves, AdaGrad",
    HAT_ADAM: "hat curves, Adam",
    LINEAR: "linear, AdaGrad",
    FOREST: "random forest",
}
MEASURES: Final = {
    "examples": "outcomes",
    "base_rate": "base rate",
    "auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "precision_at_k": "precision@100",
    "log_loss": "log loss",
    "brier": "Brier",
    "ece": "ECE",
}
"""Figures of `models.score_metrics.Quality`, in its order."""
_SHARES: Final = ("base_rate", "precision_at_k")


def figure_words(measure: str, value: float) -> str:
    """A figure as it is printed; - for one that does not exist."""
    if isnan(value):
        return "-"
    if measure == "examples":
        return f"{value:,.0f}"
    return f"{100 * value:.1f} %" if measure in _SHARES else f"{value:.4f}"


def psi_words(value: float) -> str:
    """What an index of stability is commonly taken to say."""
    return "stable" if value < 0.1 else "shifting" if value < 0.25 else "shifted"
