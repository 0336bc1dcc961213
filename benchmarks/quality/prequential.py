"""One pass over the examples: each is scored when it arrives, and learnt when its label is known and not before."""

from collections.abc import Callable
from heapq import heappop, heappush

import numpy as np

from benchmarks.quality.labelled import Floats, Labelled
from benchmarks.quality.learners import Learner


def prequential(examples: Labelled, make: Callable[[], Learner]) -> Floats:
    """The score of each example on its arrival, by a new learner."""
    learner = make()
    scores = np.empty(len(examples.labels))
    pending: list[tuple[int, int, object]] = []
    rows = examples.matrix.tolist()
    for place, at in enumerate(examples.at.tolist()):
        while pending and pending[0][0] <= at:
            _, which, kept = heappop(pending)
            learner.learn(kept, bool(examples.labels[which]))
        scores[place], kept = learner.arrive(dict(zip(examples.features, rows[place], strict=True)))
        heappush(pending, (int(examples.known[place]), place, kept))
    return scores
