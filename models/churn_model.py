"""The champion: logistic regression on a hat basis, learnt online with River, exactly explainable.

The shape of each feature is piecewise linear: its standardised value z is spread over the two knots around it, and
counts linearly as well. So the logit is a sum of one term for each feature, which `contributions` gives, and the
whole model is a few numbers (`models.churn_snapshot`).

Labels come late. So an example is standardised when it is observed, by the scaler as it is then, and the same z is
learnt from when the label is known: standardising it again would let everything that grew in between (tenure, a feed
that is new) pass for a change of risk.

What it says is the mean of its latest weights, not the last ones: AdaGrad keeps circling around the best ones, in steps
that the latest few labels decide.
"""

from collections.abc import Mapping, Sequence
from math import isfinite, sqrt

import numpy as np
from river import base, linear_model, optim, preprocessing

from models.churn_curves import CLIP, KNOTS, STEPS, probability

MEAN_EVERY = 16
"""Labels between two looks at the weights for their mean."""
MEAN_OVER = 1_000
"""Labels that the mean of the weights reaches back over, once there are so many."""
WARM_UP = 8
"""How fast the mean leaves the first, worst weights behind: after n looks it reaches back over an eighth of them."""
EPS = 10.0
"""AdaGrad starts as if it had seen so much of every gradient squared: what is rare moves little while it is rare."""
Features = Mapping[str, float]
Cells = Sequence[Sequence[tuple[str, float]]]
"""An example in the basis: of each feature the cells that it falls into, and its share of each."""


class ChurnClassifier(base.Classifier):  # type: ignore[misc]
    """Probability that a customer is gone within the horizon.

    Used as any River classifier, `learn_one` observes and learns at once. Where labels are late, `observe` when the
    example comes, `predict_z` at once, keep `pack(z)`, and `learn_z` with what `unpack` gives when the label is known.
    """

    def __init__(self, lr: float = 0.05, intercept_lr: float = 0.01) -> None:
        """`lr` is AdaGrad's learning rate for the shapes, `intercept_lr` that of the base rate."""
        self.lr = lr
        self.intercept_lr = intercept_lr
        self.scaler = preprocessing.StandardScaler()
        self.regression = linear_model.LogisticRegression(optimizer=optim.AdaGrad(lr, EPS), intercept_lr=intercept_lr)
        self.mean_weights: dict[str, float] = {}
        self.mean_intercept = 0.0
        self.looks = 0

    def observe(self, x: Features) -> dict[str, float]:
        """Let the scaler see an example, and standardise it; what is no finite number does not reach the scaler."""
        self.scaler.learn_one({name: value for name, value in x.items() if isfinite(value)})
        return self.standardise(x)

    def standardise(self, x: Features) -> dict[str, float]:
        """z of each feature, within +-`CLIP`; 0 for one that has never varied, or that is no finite number."""
        z: dict[str, float] = {}
        means, variances = self.scaler.means, self.scaler.vars
        for name, value in x.items():
            variance = variances.get(name, 0.0)
            known = variance > 0.0 and isfinite(value)
            z[name] = min(max((value - means[name]) / sqrt(variance), -CLIP), CLIP) if known else 0.0
        return z

    def logit(self, z: Features) -> float:
        """The sum of the intercept and the contributions, in the order of the features."""
        return self.logit_of_cells(cells_of(z))

    def logit_of_cells(self, cells: Cells) -> float:
        """`logit` of an example whose place in the basis is known already."""
        get = self.mean_weights.get
        total = self.mean_intercept
        for of_feature in cells:
            contribution = 0.0
            for cell, share in of_feature:
                contribution += get(cell, 0.0) * share
            total += contribution
        return total

    def contributions(self, z: Features) -> dict[str, float]:
        """What each feature adds to the logit."""
        weights = self.mean_weights
        return {
            name: sum((weights.get(cell, 0.0) * share for cell, share in _cells(name, value)), 0.0)
            for name, value in z.items()
        }

    def predict_z(self, z: Features) -> float:
        """Probability for an example that is standardised already."""
        return self.predict_cells(cells_of(z))

    def predict_cells(self, cells: Cells) -> float:
        """Probability for an example whose place in the basis is known already."""
        return probability(self.logit_of_cells(cells))

    def learn_z(self, z: Features, y: bool) -> None:
        """Learn the label of an example that was standardised when it was observed."""
        self.learn_basis(spread(z), y)

    def learn_basis(self, basis: Features, y: bool) -> None:
        """Learn the label of an example that is spread already."""
        self.regression.learn_one(basis, y)
        if self.learnt % MEAN_EVERY == 1:
            self._look()

    def _look(self) -> None:
        """Draw the mean towards the weights as they are."""
        share = max(MEAN_EVERY / MEAN_OVER, WARM_UP / (WARM_UP + self.looks))
        mean = self.mean_weights
        for cell, weight in self.regression.weights.items():
            before = mean.get(cell, 0.0)
            mean[cell] = before + share * (weight - before)
        self.mean_intercept += share * (self.regression.intercept - self.mean_intercept)
        self.looks += 1

    def learn_one(self, x: Features, y: bool) -> None:
        """Observe and learn at once."""
        self.learn_z(self.observe(x), bool(y))

    def predict_proba_one(self, x: Features) -> dict[bool, float]:
        """Probabilities of False and True."""
        p = self.predict_z(self.standardise(x))
        return {False: 1.0 - p, True: p}

    @property
    def learnt(self) -> int:
        """How many labels it has learnt from."""
        return int(self.regression.optimizer.n_iterations)

    def loosen(self, factor: float = 0.1) -> None:
        """Learn fast again after a drift: AdaGrad forgets a part of its gradients, and the mean its past."""
        g2 = self.regression.optimizer.g2
        for name in g2:
            g2[name] *= factor
        self.looks = 0


def spread(z: Features) -> dict[str, float]:
    """The basis of standardised features: the two knots around each, and the value itself; of a zero, nothing.

    Exactly zero is what has never varied, or is missing. Learnt from, it would be one more intercept, and one that is
    gone when a feed is launched and its features begin to vary.
    """
    return basis_of(cells_of(z))


def cells_of(z: Features) -> Cells:
    """Of each feature that is not zero its cells, in the order of the features."""
    return [_cells(name, value) for name, value in z.items() if value != 0.0]


def basis_of(cells: Cells) -> dict[str, float]:
    """Cells as what a regression takes."""
    return {cell: share for of_feature in cells for cell, share in of_feature}


def _cells(name: str, value: float) -> list[tuple[str, float]]:
    if value == 0.0:
        return []
    cells = _CELLS.get(name)
    if cells is None:
        cells = _CELLS[name] = tuple(f"{name}#{place}" for place in range(len(KNOTS)))
    if value <= KNOTS[0]:
        return [(name, value), (cells[0], 1.0)]
    if value >= KNOTS[-1]:
        return [(name, value), (cells[-1], 1.0)]
    place = 1
    while value > KNOTS[place]:
        place += 1
    share = (value - KNOTS[place - 1]) / (KNOTS[place] - KNOTS[place - 1])
    return [(name, value), (cells[place - 1], 1.0 - share), (cells[place], share)]


_CELLS: dict[str, tuple[str, ...]] = {}
"""The names of each feature's cells: putting them together anew is a good part of scoring."""


def pack(z: Features) -> bytes:
    """A standardised example as it is kept until its label is known: a byte for each feature, in their order."""
    return np.rint(np.fromiter(z.values(), np.float64, len(z)) * STEPS).astype(np.int8).tobytes()


def unpack(packed: bytes, features: tuple[str, ...]) -> dict[str, float]:
    """Inverse of `pack`, to half a step; raises `ValueError` when there is not one byte for each of `features`."""
    return dict(zip(features, (np.frombuffer(packed, np.int8) / STEPS).tolist(), strict=True))
