"""Those that learn in the champion's shadow: two other logistic regressions, and a forest.

The regressions learn from the champion's own z, so that one of them can take its place and be published as curves.
The forest cannot: it is there to say what a model without that limit would reach. It is never written down, since it
could only be pickled; what it has learnt is learnt again from the journal.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

from river import forest, linear_model, optim
from river.utils import VectorDict

from models.churn_curves import SnapshotMismatch, probability
from models.churn_model import Cells, Features, basis_of
from models.regression_snapshot import HAT_ADAM, LINEAR, RegressionSnapshot

INTERCEPT_LR: Final = 0.01

_OPTIMIZERS: Final[Mapping[str, Callable[[], Any]]] = {
    HAT_ADAM: lambda: optim.Adam(3e-4),
    LINEAR: lambda: optim.AdaGrad(0.03),
}


class Challenger:
    """A logistic regression of River's on the stored z, over the hat basis or over z itself."""

    def __init__(self, name: str) -> None:
        """`name` is `HAT_ADAM` or `LINEAR`."""
        self.name = name
        self._regression = linear_model.LogisticRegression(optimizer=_OPTIMIZERS[name](), intercept_lr=INTERCEPT_LR)

    def basis(self, cells: Cells, z: Features) -> dict[str, float]:
        """What it scores, and learns from, of a standardised example."""
        return basis_of(cells) if self.name == HAT_ADAM else {name: value for name, value in z.items() if value != 0.0}

    def logit(self, basis: Features) -> float:
        """The logit of an example."""
        return float(self._regression._raw_dot_one(basis))

    def predict(self, basis: Features) -> float:
        """Probability for an example."""
        return probability(self.logit(basis))

    def learn(self, basis: Features, label: bool) -> None:
        """Learn a label."""
        self._regression.learn_one(basis, label)

    @property
    def learnt(self) -> int:
        """How many labels it has learnt from."""
        return int(self._regression.optimizer.n_iterations)

    def snapshot(self) -> RegressionSnapshot:
        """It as it is now."""
        optimizer = self._regression.optimizer
        moments = {name: _numbers(getattr(optimizer, name)) for name in _moments(self.name)}
        return RegressionSnapshot(
            name=self.name,
            weights=_numbers(self._regression.weights),
            intercept=float(self._regression.intercept),
            learnt=self.learnt,
            moments=moments,
        )

    @classmethod
    def restore(cls, snapshot: RegressionSnapshot) -> "Challenger":
        """Inverse of `snapshot`, to the bit; raises `SnapshotMismatch`."""
        if snapshot.name not in _OPTIMIZERS or set(snapshot.moments) != set(_moments(snapshot.name)):
            raise SnapshotMismatch(f"{snapshot.name} is no challenger that this program knows")
        tables = (snapshot.weights, *snapshot.moments.values())
        if not isfinite(snapshot.intercept) or not all(isfinite(one) for table in tables for one in table.values()):
            raise SnapshotMismatch("the snapshot of a challenger holds a number that is not finite")
        challenger = cls(snapshot.name)
        regression = challenger._regression
        regression._weights = VectorDict(dict(snapshot.weights))
        regression.intercept = snapshot.intercept
        regression.optimizer.n_iterations = snapshot.learnt
        if snapshot.learnt:
            if snapshot.name == HAT_ADAM:
                regression.optimizer.m = VectorDict(dict(snapshot.moments["m"]))
                regression.optimizer.v = VectorDict(dict(snapshot.moments["v"]))
            else:
                regression.optimizer.g2.update(snapshot.moments["g2"])
        return challenger


class Forest:
    """River's adaptive random forest, tuned; trees need no scale, so it learns from the features themselves."""

    def __init__(self) -> None:
        """Ten trees, seeded."""
        self._forest = forest.ARFClassifier(
            n_models=10, lambda_value=1, grace_period=50, delta=0.05, max_depth=10, leaf_prediction="mc", seed=1
        )
        self.learnt = 0

    def predict(self, x: Features) -> float:
        """Probability for an example; before it has seen a positive label, zero."""
        return float(self._forest.predict_proba_one(_known(x)).get(True, 0.0))

    def learn(self, x: Features, label: bool) -> None:
        """Learn a label."""
        self._forest.learn_one(_known(x), label)
        self.learnt += 1


def _known(x: Features) -> dict[str, float]:
    return {name: value if isfinite(value) else 0.0 for name, value in x.items()}


def _moments(name: str) -> tuple[str, ...]:
    return ("m", "v") if name == HAT_ADAM else ("g2",)


def _numbers(table: Any) -> dict[str, float]:
    """A table of River's as plain numbers; an optimizer that has not begun has none."""
    if table is None:
        return {}
    return {cell: float(number) for cell, number in (table.to_dict() if hasattr(table, "to_dict") else table).items()}
