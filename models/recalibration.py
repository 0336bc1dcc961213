"""Whether a forest would be better calibrated by Platt's curve: measured on examples that the curve has not seen."""

from typing import NamedTuple

import numpy as np

from models.score_metrics import LEAST, Floats, calibration_error, log_loss

_STEPS = 50
_ENOUGH = 1e-10
_CLEAR = 1e-4
"""A forest says 0 and 1, whose logits are infinite."""


class Recalibrated(NamedTuple):
    """The newer half of a window, as it was scored and by the curve of the older half."""

    slope: float
    intercept: float
    examples: int
    ece: float
    ece_recalibrated: float
    log_loss: float
    log_loss_recalibrated: float

    @property
    def wins(self) -> bool:
        """Whether the curve is worth having: both figures get better by it."""
        return self.ece_recalibrated < self.ece and self.log_loss_recalibrated < self.log_loss


def platt(labels: Floats, scores: Floats) -> tuple[float, float]:
    """Slope and intercept that make the logits of `scores` most likely (by Newton's method)."""
    logits = _logits(scores)
    slope, intercept = 1.0, 0.0
    for _ in range(_STEPS):
        p = 1.0 / (1.0 + np.exp(-(slope * logits + intercept)))
        weight = np.maximum(p * (1.0 - p), LEAST)
        gradient = np.array([np.sum((labels - p) * logits), np.sum(labels - p)])
        mixed = np.sum(weight * logits)
        hessian = np.array([[np.sum(weight * logits**2), mixed], [mixed, np.sum(weight)]]) + 1e-9 * np.eye(2)
        step = np.clip(np.linalg.solve(hessian, gradient), -1.0, 1.0)
        slope, intercept = slope + float(step[0]), intercept + float(step[1])
        if float(np.abs(step).max()) < _ENOUGH:
            break
    return slope, intercept


def recalibrated(labels: Floats, scores: Floats) -> Recalibrated | None:
    """Fit on the older half, measure on the newer; None while either half holds labels of one kind only."""
    half = len(labels) // 2
    older, newer = labels[:half], labels[half:]
    if not (0.0 < older.sum() < len(older) and 0.0 < newer.sum() < len(newer)):
        return None
    slope, intercept = platt(older, scores[:half])
    before = scores[half:]
    after = 1.0 / (1.0 + np.exp(-(slope * _logits(before) + intercept)))
    return Recalibrated(
        slope,
        intercept,
        len(newer),
        calibration_error(newer, before),
        calibration_error(newer, after),
        log_loss(newer, np.clip(before, _CLEAR, 1.0 - _CLEAR)),
        log_loss(newer, after),
    )


def _logits(scores: Floats) -> Floats:
    p = np.clip(scores, _CLEAR, 1.0 - _CLEAR)
    return np.log(p / (1.0 - p))
