"""The benchmark of the churn score measures what a running score could have known, and nothing of the future."""

import random

import numpy as np

from benchmarks.quality.labelled import Labelled
from benchmarks.quality.learners import LEARNERS
from benchmarks.quality.prequential import prequential

COUNT = 400
DELAY = 50


def made_up(seed: int = 1) -> Labelled:
    draw = np.random.default_rng(seed)
    matrix = draw.normal(size=(COUNT, 5))
    labels = matrix[:, 0] + draw.normal(size=COUNT) > 0.8
    at = np.arange(COUNT, dtype=np.int64)
    return Labelled(("a", "b", "c", "d", "e"), matrix, labels, at, at + DELAY, at >= 100)


class Witness:
    """Notes when each label was learnt."""

    def __init__(self) -> None:
        self.arrived = 0
        self.learnt: list[tuple[int, int]] = []

    def arrive(self, x: dict[str, float]) -> tuple[float, object]:
        self.arrived += 1
        return 0.5, self.arrived - 1

    def learn(self, kept: object, label: bool) -> None:
        assert isinstance(kept, int)
        self.learnt.append((kept, self.arrived))


def test_labels_are_learnt_when_they_are_known() -> None:
    """Each label in its turn, before the first arrival at or after the time at which it is known, and not earlier."""
    witness = Witness()
    prequential(made_up(), lambda: witness)
    assert witness.learnt == [(place, place + DELAY) for place in range(COUNT - DELAY)]


def test_the_future_does_not_reach_a_score() -> None:
    """Whatever comes after, and whatever labels are not known yet, no score before it changes."""
    examples = made_up()
    half = COUNT // 2
    draw = random.Random(2)
    later = list(range(half, COUNT))
    draw.shuffle(later)
    matrix, labels = examples.matrix.copy(), examples.labels.copy()
    matrix[half:] = examples.matrix[later]
    labels[half - DELAY + 1 :] = ~labels[half - DELAY + 1 :]
    other = examples._replace(matrix=matrix, labels=labels)
    for make in LEARNERS.values():
        before, after = prequential(examples, make), prequential(other, make)
        assert before[:half].tolist() == after[:half].tolist()
        assert before[half:].tolist() != after[half:].tolist()


def test_a_leak_would_be_noticed() -> None:
    """Labels that are known at once do change the scores that the test above compares."""
    examples = made_up()
    leaking = examples._replace(known=examples.at)
    for make in LEARNERS.values():
        scores = [prequential(one, make)[: COUNT // 2].tolist() for one in (examples, leaking)]
        assert scores[0] != scores[1]
