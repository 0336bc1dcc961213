"""How good scores are, computed exactly over what is given, ties included.

Streaming approximations of these figures go wrong where churn lives: with few positives and small scores, an area over
ten thresholds reads one half for a ranking that is nearly perfect. So these sort, and a window keeps what it needs.
All of them say the same in whatever order the examples come.
"""

from collections import deque
from collections.abc import Sequence
from math import isnan, nan
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Bins of equal mass of the calibration error."""
LEAST = 2.0**-52
"""A probability of zero that turns out wrong would cost infinitely much."""
Floats: TypeAlias = NDArray[np.float64]


class Quality(NamedTuple):
    """The figures of one set of scored and labelled examples; NaN where they do not exist (labels of one kind only)."""

    examples: int
    base_rate: float
    auc: float
    pr_auc: float
    precision_at_k: float
    log_loss: float
    brier: float
    ece: float


class _Ranked(NamedTuple):
    """Examples by falling score; `positives` of tied ones are shared equally among them."""

    scores: Floats
    positives: Floats
    group_ends: NDArray[np.int64]


def _ranked(labels: Sequence[bool] | Floats, scores: Sequence[float] | Floats) -> _Ranked:
    y, p = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if y.shape != p.shape or y.ndim != 1:
        raise ValueError(f"{y.size} labels and {p.size} scores")
    order = np.argsort(-p, kind="stable")
    y, p = y[order], p[order]
    ends = np.flatnonzero(np.append(p[1:] != p[:-1], len(p) > 0)).astype(np.int64) if len(p) else np.empty(0, np.int64)
    sizes = np.diff(ends, prepend=-1)
    sums = np.diff(np.concatenate(([0.0], np.cumsum(y)[ends])))
    return _Ranked(p, np.repeat(sums / sizes, sizes), ends)


def roc_auc(labels: Sequence[bool] | Floats, scores: Sequence[float] | Floats) -> float:
    """Chance that a positive example scores above a negative one, ties half; NaN without both kinds."""
    return _roc_auc(_ranked(labels, scores))


def _roc_auc(ranked: _Ranked) -> float:
    tops = np.cumsum(ranked.positives)
    positives = float(tops[-1]) if len(tops) else 0.0
    negatives = len(tops) - positives
    if positives < 0.5 or negatives < 0.5:
        return nan
    ends = ranked.group_ends
    sizes = np.diff(ends, prepend=-1)
    above = tops[ends]
    mine = np.diff(above, prepend=0.0)
    return float(np.sum((sizes - mine) * (above - mine / 2)) / (positives * negatives))


def pr_auc(labels: Sequence[bool] | Floats, scores: Sequence[float] | Floats) -> float:
    """Average precision: the precision at each threshold, weighted by the positives that it adds; NaN without any."""
    return _pr_auc(_ranked(labels, scores))


def _pr_auc(ranked: _Ranked) -> float:
    tops = np.cumsum(ranked.positives)
    if not len(tops) or tops[-1] < 0.5:
        return nan
    above = tops[ranked.group_ends]
    return float(np.sum(np.diff(above, prepend=0.0) * above / (ranked.group_ends + 1)) / above[-1])


def precision_at(labels: Sequence[bool] | Floats, scores: Sequence[float] | Floats, k: int) -> float:
    """Share of positives among the k highest scores, as expected when ties are broken by lot; NaN for nobody."""
    return _precision_at(_ranked(labels, scores), k)


def _precision_at(ranked: _Ranked, k: int) -> float:
    top = ranked.positives[: max(k, 0)]
    return float(np.mean(top)) if len(top) else nan


def log_loss(labels: Sequence[bool] | Floats, scores: Sequence[float] | Floats) -> float:
    """Mean of minus the logarithm of the probability that was given to what happened."""
    y, p = np.asarray(labels, np.float64), np.clip(np.asarray(scores, np.float64), LEAST, 1.0 - LEAST)
    return float(-np.mean(y * np.log(p) + (1.0 - y) * np.log1p(-p))) if len(y) else nan


def brier(labels: Sequence[bool] | Floats, scores: Sequence[float] | Floats) -> float:
    """Mean square of probability less outcome."""
    y, p = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    return float(np.mean((p - y) ** 2)) if len(y) else nan


def calibration_error(labels: Sequence[bool] | Floats, scores: Sequence[float] | Floats) -> float:
    """Expected calibration error over `BINS` bins of equal mass: mean of |rate - mean score|, weighted by mass."""
    return _calibration_error(_ranked(labels, scores))


def _calibration_error(ranked: _Ranked) -> float:
    count = len(ranked.scores)
    gaps = (
        abs(float(np.sum(y) - np.sum(p)))
        for y, p in zip(np.array_split(ranked.positives, BINS), np.array_split(ranked.scores, BINS), strict=True)
    )
    return sum(gaps) / count if count else nan


class Bin(NamedTuple):
    """One of the bins of the calibration error: how many examples, their mean score, and the share of positives."""

    examples: int
    mean_score: float
    rate: float


def calibration_bins(labels: Sequence[bool] | Floats, scores: Sequence[float] | Floats) -> list[Bin]:
    """What `calibration_error` is the mean of, from the highest scores to the lowest; without bins of nobody."""
    ranked = _ranked(labels, scores)
    halves = zip(np.array_split(ranked.positives, BINS), np.array_split(ranked.scores, BINS), strict=True)
    return [Bin(len(p), float(np.mean(p)), float(np.mean(y))) for y, p in halves if len(p)]


def found_at_top(labels: Sequence[bool] | Floats, scores: Sequence[float] | Floats) -> Floats:
    """How many positives are among the k highest scores, for each k from 1 on, as `precision_at` expects them."""
    found: Floats = np.cumsum(_ranked(labels, scores).positives)
    return found


def quality(labels: Sequence[bool] | Floats, scores: Sequence[float] | Floats, k: int = 100) -> Quality:
    """All figures at once; `k` is how many customers the team can call."""
    ranked = _ranked(labels, scores)
    count = len(ranked.scores)
    return Quality(
        examples=count,
        base_rate=float(np.mean(ranked.positives)) if count else nan,
        auc=_roc_auc(ranked),
        pr_auc=_pr_auc(ranked),
        precision_at_k=_precision_at(ranked, k),
        log_loss=log_loss(labels, scores),
        brier=brier(labels, scores),
        ece=_calibration_error(ranked),
    )


class ScoreWindow:
    """The latest `size` examples whose labels are known, and their exact figures."""

    def __init__(self, size: int) -> None:
        """Start empty."""
        self._kept: deque[tuple[bool, float]] = deque(maxlen=size)

    def add(self, label: bool, score: float) -> None:
        """One more label; the oldest leaves when the window is full."""
        if isnan(score):
            raise ValueError("a score that is no number")
        self._kept.append((label, score))

    def quality(self, k: int = 100) -> Quality:
        """The figures of what is in the window."""
        return quality([label for label, _ in self._kept], [score for _, score in self._kept], k)
