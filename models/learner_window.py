"""The latest examples whose outcome is known, with what each learner said of them before it learnt them.

A correction that comes later changes the label here, so the figures are always those of the truth as it is known now.
"""

from collections import deque
from collections.abc import Mapping
from math import isnan
from typing import Final

import numpy as np
from msgspec import Struct

from models.learner_records import CORRECTION, LABEL, JournalEntry
from models.score_metrics import Floats, Quality, quality

WINDOW: Final = 10_000
"""Settled examples that the figures are about."""
IN_FORCE: Final = "in_force"
"""The model that scored when the observation was made, whichever it was: what those who acted on it were told."""


class Settlement(Struct, kw_only=True):
    """One settled example: `score` was told at the observation, `scores` is what each learner says before it learns it.

    `label` is None when a correction has taken the outcome away.
    """

    number: int
    observation_id: str
    observed_ms: int
    settled_ms: int
    tier: str
    label: bool | None
    score: float
    scores: dict[str, float]


class LearnerWindow:
    """The latest `size` of them."""

    def __init__(self, size: int = WINDOW) -> None:
        """Start empty."""
        self._kept: deque[Settlement] = deque()
        self._by_id: dict[str, Settlement] = {}
        self._size = size

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, settlement: Settlement) -> None:
        """One more; the oldest leaves when the window is full."""
        if len(self._kept) >= self._size:
            gone = self._kept.popleft()
            if self._by_id.get(gone.observation_id) is gone:
                del self._by_id[gone.observation_id]
        self._kept.append(settlement)
        self._by_id[settlement.observation_id] = settlement

    def correct(self, observation_id: str, label: bool | None) -> None:
        """Another outcome of an example; nothing where it has left the window."""
        found = self._by_id.get(observation_id)
        if found is not None:
            found.label = label

    def scored(self, name: str, tier: str | None = None, since: int = 0) -> tuple[Floats, Floats]:
        """Labels and scores by `IN_FORCE` or a learner; of one tier, or of all; of numbers from `since` on."""
        labels, scores = [], []
        for one in self._kept:
            score = one.score if name == IN_FORCE else one.scores.get(name)
            if one.label is None or score is None or one.number < since or tier not in (None, one.tier):
                continue
            labels.append(one.label)
            scores.append(score)
        return np.array(labels, np.float64), np.array(scores, np.float64)

    def quality(self, name: str, tier: str | None = None, since: int = 0) -> Quality:
        """The exact figures of `scored`."""
        return quality(*self.scored(name, tier, since))

    def label_age_ms(self) -> float:
        """Mean time from an observation to its outcome; 0 for none."""
        ages = [one.settled_ms - one.observed_ms for one in self._kept]
        return sum(ages) / len(ages) if ages else 0.0

    def settlements(self) -> list[Settlement]:
        """What is in it, the oldest first."""
        return list(self._kept)


def figures(measured: Quality) -> dict[str, float]:
    """The figures that exist, by name, as documents and reports carry them."""
    named: Mapping[str, float] = measured._asdict()
    return {name: float(value) for name, value in named.items() if not isnan(value)}


def remember(window: LearnerWindow, entry: JournalEntry) -> None:
    """What an entry of the journal does to the window; so the window is made again from the journal's end."""
    if entry.kind == CORRECTION:
        window.correct(entry.observation_id, entry.label)
    elif entry.kind == LABEL:
        window.add(
            Settlement(
                number=entry.number,
                observation_id=entry.observation_id,
                observed_ms=entry.observed_ms,
                settled_ms=entry.settled_ms,
                tier=entry.tier,
                label=entry.label,
                score=entry.score,
                scores=entry.scores,
            )
        )
