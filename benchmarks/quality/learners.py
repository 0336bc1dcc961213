"""The champion and its challengers as the prequential run sees them: score on arrival, learn when the label comes."""

from collections.abc import Callable, Mapping
from typing import Protocol

from river import forest, linear_model, optim, preprocessing

from models.churn_drift import LossWatch, learn_watchfully
from models.churn_model import ChurnClassifier, pack, spread, unpack


class Learner(Protocol):
    """Scores an example, keeps of it what it needs, and is given that with the label."""

    def arrive(self, x: dict[str, float]) -> tuple[float, object]:
        """Its score, and what is kept of it until the label is known."""

    def learn(self, kept: object, label: bool) -> None:
        """Learn an example that has arrived before."""


class Champion:
    """As it runs: pending examples are kept as a byte for each feature."""

    def __init__(self) -> None:
        """Know nothing."""
        self.model = ChurnClassifier()
        self._names: tuple[str, ...] = ()

    def arrive(self, x: dict[str, float]) -> tuple[float, object]:
        """Standardise by what was seen until now, score, pack."""
        self._names = tuple(x)
        z = self.model.observe(x)
        return self.model.predict_z(z), pack(z)

    def learn(self, kept: object, label: bool) -> None:
        """Learn with the z of its arrival."""
        assert isinstance(kept, bytes)
        self.model.learn_z(unpack(kept, self._names), label)


class WatchfulChampion(Champion):
    """Looks out for a drift as well, as it does in a run."""

    def __init__(self) -> None:
        """Know nothing, and suspect nothing."""
        super().__init__()
        self._losses = LossWatch()
        self.alarms = 0

    def learn(self, kept: object, label: bool) -> None:
        """Learn, and learn fast again when losses have risen."""
        assert isinstance(kept, bytes)
        self.alarms += learn_watchfully(self.model, self._losses, unpack(kept, self._names), label)


class OnStoredZ:
    """A logistic regression of River's on the stored z, over some basis of it."""

    def __init__(
        self, optimizer: optim.base.Optimizer, basis: Callable[[Mapping[str, float]], Mapping[str, float]] = dict
    ) -> None:
        """`basis` turns z into what the regression learns from."""
        self._scaler = preprocessing.StandardScaler()
        self._regression = linear_model.LogisticRegression(optimizer=optimizer, intercept_lr=0.01)
        self._basis = basis

    def arrive(self, x: dict[str, float]) -> tuple[float, object]:
        """Standardise, clip, score."""
        self._scaler.learn_one(x)
        z = {name: min(max(value, -4.0), 4.0) for name, value in self._scaler.transform_one(x).items()}
        spread_z = self._basis(z)
        return float(self._regression.predict_proba_one(spread_z)[True]), spread_z

    def learn(self, kept: object, label: bool) -> None:
        """Learn with the z of its arrival."""
        self._regression.learn_one(kept, label)


class Forest:
    """River's adaptive random forest, tuned as in the lab; trees need no scale."""

    def __init__(self) -> None:
        """Ten trees, seeded."""
        self._forest = forest.ARFClassifier(
            n_models=10, lambda_value=1, grace_period=50, delta=0.05, max_depth=10, leaf_prediction="mc", seed=1
        )

    def arrive(self, x: dict[str, float]) -> tuple[float, object]:
        """Score; before it has seen a positive label, zero."""
        return float(self._forest.predict_proba_one(x).get(True, 0.0)), x

    def learn(self, kept: object, label: bool) -> None:
        """Learn."""
        self._forest.learn_one(kept, label)


LEARNERS: dict[str, Callable[[], Learner]] = {
    "champion": Champion,
    "hat basis, Adam 3e-4": lambda: OnStoredZ(optim.Adam(3e-4), spread),
    "linear, AdaGrad .03": lambda: OnStoredZ(optim.AdaGrad(0.03)),
    "adaptive random forest": Forest,
}
"""By name; the champion is the one that is deployed."""
