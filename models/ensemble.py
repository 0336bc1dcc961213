"""The learners side by side: the hat model, its challengers and the forest, each told the same labels in one order."""

from typing import NamedTuple

from models.challengers import Challenger, Forest
from models.churn_curves import FeatureSchema, SnapshotMismatch, probability
from models.churn_drift import LossWatch, learn_watchfully
from models.churn_model import Cells, ChurnClassifier, Features, basis_of, cells_of
from models.churn_restore import restore, take_snapshot
from models.churn_snapshot import ChurnSnapshot
from models.head_start import between
from models.regression_snapshot import FOREST, HAT_ADAGRAD, HAT_ADAM, LINEAR, RegressionSnapshot


class Prepared(NamedTuple):
    """An example on its way through the learners."""

    cells: Cells
    basis: Features
    bases: dict[str, dict[str, float]]
    x: Features | None


class Ensemble:
    """All regressions see the hat model's z; the forest, where there is one, the features themselves.

    What counts as the hat model is it and the linear one together (`models.head_start`).
    """

    def __init__(self) -> None:
        """Know nothing."""
        self.hat = ChurnClassifier()
        self.challengers = {name: Challenger(name) for name in (HAT_ADAM, LINEAR)}
        self.losses = LossWatch()
        self.alarms = 0
        self.forest: Forest | None = None

    @classmethod
    def restore(
        cls,
        hat: ChurnSnapshot,
        challengers: list[RegressionSnapshot],
        losses: LossWatch,
        alarms: int,
        schema: FeatureSchema,
    ) -> "Ensemble":
        """Go on from snapshots, without a forest; raises `SnapshotMismatch`."""
        ensemble = cls()
        ensemble.hat = restore(hat, schema)
        restored = {one.name: Challenger.restore(one) for one in challengers}
        if list(restored) != list(ensemble.challengers):
            raise SnapshotMismatch("the learner has other challengers than this program")
        ensemble.challengers = restored
        ensemble.losses, ensemble.alarms = losses.copy(), alarms
        return ensemble

    def snapshot(self, schema: FeatureSchema, journal: int) -> ChurnSnapshot:
        """The hat model as it is after so many entries of the journal."""
        return take_snapshot(self.hat, schema, {"journal": journal})

    def prepare(self, z: Features, x: Features | None) -> Prepared:
        """An example as its learners take it, worked out once; `x` is for a forest."""
        cells = cells_of(z)
        bases = {name: one.basis(cells, z) for name, one in self.challengers.items()}
        return Prepared(cells, basis_of(cells), bases, x)

    def scores(self, example: Prepared) -> dict[str, float]:
        """What each of them says of an example now, before it learns it."""
        logits = {name: one.logit(example.bases[name]) for name, one in self.challengers.items()}
        curves = self.hat.logit_of_cells(example.cells)
        scores = {HAT_ADAGRAD: probability(between(curves, logits[LINEAR], self.losses.rarer))}
        scores |= {name: probability(logit) for name, logit in logits.items()}
        if self.forest is not None and example.x is not None:
            scores[FOREST] = self.forest.predict(example.x)
        return scores

    def learn(self, example: Prepared, label: bool, is_correction: bool) -> None:
        """Learn a label; what turns out to have been wrong is no sign that losses rise now."""
        if is_correction:
            self.hat.learn_basis(example.basis, label)
        else:
            p = self.hat.predict_cells(example.cells)
            self.alarms += learn_watchfully(self.hat, self.losses, example.basis, p, label)
        for name, challenger in self.challengers.items():
            challenger.learn(example.bases[name], label)
        if self.forest is not None and example.x is not None:
            self.forest.learn(example.x, label)
