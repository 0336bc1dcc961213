"""What scoring a tick's customers costs, features not included: microseconds a customer."""

import statistics
import time

import numpy as np

from models.churn_curves import FeatureSchema
from models.churn_model import ChurnClassifier
from models.churn_restore import take_snapshot
from models.churn_scorer import ChurnScorer
from models.churn_snapshot import shapes_of

FEATURES = 40
LEARNT = 500
ROUNDS = 101


def scoring_us(customers: int) -> float:
    """Median of many rounds, probabilities and contributions of each customer included."""
    draw = np.random.default_rng(1)
    names = tuple(f"feature {number}" for number in range(FEATURES))
    model = ChurnClassifier()
    for row in draw.normal(size=(LEARNT, FEATURES)).tolist():
        model.learn_one(dict(zip(names, row, strict=True)), row[0] > 1.0)
    scorer = ChurnScorer(shapes_of(take_snapshot(model, FeatureSchema("made up", 1, names), {})))
    matrix = draw.normal(size=(customers, FEATURES))
    taken_s = []
    for _ in range(ROUNDS):
        started_s = time.perf_counter()
        scorer.score(matrix)
        taken_s.append(time.perf_counter() - started_s)
    return statistics.median(taken_s) / customers * 1e6
