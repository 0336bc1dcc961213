"""Customers made up for tests of the churn model, seeded."""

import random
from collections.abc import Iterator
from math import nan

from models.churn_curves import FeatureSchema
from models.churn_model import ChurnClassifier

FEATURES = tuple(f"feature_{number}" for number in range(12))
SCHEMA = FeatureSchema("made up", 1, FEATURES)
Example = tuple[dict[str, float], bool]


def examples(count: int, seed: int) -> Iterator[Example]:
    """Features of several scales, one of them constant, some missing; who is high in two of them leaves."""
    draw = random.Random(seed)
    for _ in range(count):
        x = {
            name: nan if draw.random() < 0.02 else draw.gauss(number, 10.0 ** (number % 4 - 1))
            for number, name in enumerate(FEATURES)
        }
        x[FEATURES[5]] = 7.5
        risk = 0.08 + 0.5 * (x[FEATURES[0]] > 0.1) * (x[FEATURES[1]] > 1.0)
        yield x, draw.random() < risk


def learnt_model(count: int = 3_000, seed: int = 1) -> ChurnClassifier:
    """A model that has learnt from `count` of them."""
    model = ChurnClassifier()
    for x, y in examples(count, seed):
        model.learn_one(x, y)
    return model
