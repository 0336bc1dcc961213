"""What everything about the churn score agrees on: features by name and order, knots of the curves, the logistic.

It stands apart so that whoever only scores loads no learner: River takes a second and 80 MB.
"""

from math import exp

from msgspec import Struct

KNOTS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)
"""Most of what is rare, such as a month of silence, makes itself felt beyond 2."""
STEPS = 32
"""Steps of a stored z to one standard deviation: it fits into a byte."""
CLIP = 127 / STEPS


class FeatureSchema(Struct, frozen=True):
    """What the features mean: a name and version, and their order; a model fits one schema only."""

    name: str
    version: int
    features: tuple[str, ...]


class SnapshotMismatch(ValueError):
    """The document does not fit this program or its features: scoring with it would give numbers without meaning."""


def probability(logit: float) -> float:
    """The logistic function; by `math.exp`, whose results do not depend on how many are asked for at once."""
    return 1.0 / (1.0 + exp(-logit)) if logit > -700.0 else 0.0
