"""The champion and its challengers as the prequential run sees them: score on arrival, learn when the label comes.

They are those of the service (`models.challengers`); like there, what waits for its label is a byte for each feature.
"""

from collections.abc import Callable
from typing import Protocol

from models.challengers import Challenger, Forest
from models.churn_model import ChurnClassifier, cells_of, pack, unpack
from models.ensemble import Ensemble
from models.regression_snapshot import HAT_ADAGRAD, HAT_ADAM, LINEAR


class Learner(Protocol):
    """Scores an example, keeps of it what it needs, and is given that with the label."""

    def arrive(self, x: dict[str, float]) -> tuple[float, object]:
        """Its score, and what is kept of it until the label is known."""

    def learn(self, kept: object, label: bool) -> None:
        """Learn an example that has arrived before."""


class Champion:
    """As it runs: with its head start, and with an eye on its losses."""

    def __init__(self) -> None:
        """Know nothing, and suspect nothing."""
        self._ensemble = Ensemble()
        self._names: tuple[str, ...] = ()

    def arrive(self, x: dict[str, float]) -> tuple[float, object]:
        """Standardise by what was seen until now, score, pack."""
        self._names = tuple(x)
        z = self._ensemble.hat.observe(x)
        return self._ensemble.scores(self._ensemble.prepare(z, None))[HAT_ADAGRAD], pack(z)

    def learn(self, kept: object, label: bool) -> None:
        """Learn with the z of its arrival."""
        assert isinstance(kept, bytes)
        self._ensemble.learn(self._ensemble.prepare(unpack(kept, self._names), None), label, is_correction=False)


class Unwatched(Champion):
    """The champion that goes on as before, whatever its losses say."""

    def __init__(self) -> None:
        """Know nothing."""
        super().__init__()
        self._ensemble.hat = _Steady()


class _Steady(ChurnClassifier):
    def loosen(self, factor: float = 1.0) -> None:
        """Stay as it is."""


class InShadow:
    """A challenger, on the champion's scale."""

    def __init__(self, name: str) -> None:
        """`name` as in `models.challengers`."""
        self._scale = ChurnClassifier()
        self._challenger = Challenger(name)
        self._names: tuple[str, ...] = ()

    def arrive(self, x: dict[str, float]) -> tuple[float, object]:
        """Standardise by what was seen until now, score, pack."""
        self._names = tuple(x)
        z = self._scale.observe(x)
        return self._challenger.predict(self._challenger.basis(cells_of(z), z)), pack(z)

    def learn(self, kept: object, label: bool) -> None:
        """Learn with the z of its arrival."""
        assert isinstance(kept, bytes)
        z = unpack(kept, self._names)
        self._challenger.learn(self._challenger.basis(cells_of(z), z), label)


class Trees:
    """The forest; trees need no scale."""

    def __init__(self) -> None:
        """Know nothing."""
        self._forest = Forest()

    def arrive(self, x: dict[str, float]) -> tuple[float, object]:
        """Score; before it has seen a positive label, zero."""
        return self._forest.predict(x), x

    def learn(self, kept: object, label: bool) -> None:
        """Learn."""
        assert isinstance(kept, dict)
        self._forest.learn(kept, label)


LEARNERS: dict[str, Callable[[], Learner]] = {
    "champion": Champion,
    "hat basis, Adam 3e-4": lambda: InShadow(HAT_ADAM),
    "linear, AdaGrad .03": lambda: InShadow(LINEAR),
    "adaptive random forest": Trees,
}
"""By name; the champion is the one that is deployed."""
