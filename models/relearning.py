"""Learning again from what was kept, to prove that what is stored is what the labels have led to.

The scale depends on observations alone, the weights on the stored z and the labels alone; so the two are learnt again
apart, each from as far back as nothing of it is missing.
"""

from typing import Final

import msgspec

from models.churn_curves import FeatureSchema, SnapshotMismatch
from models.churn_model import ChurnClassifier, Features, pack, unpack
from models.churn_restore import restore, take_snapshot
from models.ensemble import Ensemble
from models.feature_schema import FeatureSet
from models.learner_records import CORRECTION, JournalEntry
from models.learner_state import LearnerState
from models.learner_window import LearnerWindow, figures, remember
from models.population import Population
from models.publication import published_model
from models.scoring_model import ScoringModel, encode_model

_ANY_RATE: Final = 0.5


def _same(one: object, other: object) -> bool:
    """To the bit: numbers are written so that each is told from any other."""
    return msgspec.json.encode(one) == msgspec.json.encode(other)


class ScaleAgain:
    """The scaler and the spread of the population, from observations."""

    def __init__(self, chosen: FeatureSet, start: LearnerState | None) -> None:
        """Start from nothing, or from a learner of before; raises `SnapshotMismatch`."""
        self._schema = chosen.schema
        self._model = ChurnClassifier() if start is None else restore(start.hat, chosen.schema)
        self._population = Population(self._schema.features) if start is None else Population.restore(start.population)

    def observe(self, x: Features, score: float) -> bytes:
        """One observation; its z as it is kept."""
        z = self._model.observe(x)
        self._population.add(list(x.values()), score)
        return pack(z)

    def differs(self, state: LearnerState) -> list[str]:
        """Parts of `state` that have come out otherwise."""
        mine = take_snapshot(self._model, self._schema, {})
        wrong = []
        if not _same(
            (mine.counts, mine.means, mine.variances), (state.hat.counts, state.hat.means, state.hat.variances)
        ):
            wrong.append("the scale of the features")
        if not _same(self._population.state(), state.population):
            wrong.append("the spread of features and scores")
        return wrong


class WeightsAgain:
    """The weights of all regressions and the watch over their losses, from the journal."""

    def __init__(self, chosen: FeatureSet, start: LearnerState | None) -> None:
        """Start from nothing, or from a learner of before; raises `SnapshotMismatch`."""
        self._schema = chosen.schema
        self._ensemble = (
            Ensemble()
            if start is None
            else Ensemble.restore(start.hat, start.challengers, start.losses, start.alarms, chosen.schema)
        )
        self._window = LearnerWindow() if start is None else None

    def learn(self, entry: JournalEntry, z: bytes) -> bool:
        """One entry; whether every regression said of it what is written there."""
        if self._window is not None:
            remember(self._window, entry)
        if entry.label is None:
            return True
        example = self._ensemble.prepare(unpack(z, self._schema.features), None)
        scores = self._ensemble.scores(example)
        for _ in range(entry.times):
            self._ensemble.learn(example, entry.label, is_correction=entry.kind == CORRECTION)
        return _same(scores, {name: entry.scores.get(name) for name in scores})

    def differs(self, state: LearnerState) -> list[str]:
        """Parts of `state` that have come out otherwise."""
        ensemble, theirs = self._ensemble, state.hat
        mine = take_snapshot(ensemble.hat, self._schema, theirs.position)
        mine = msgspec.structs.replace(mine, counts=theirs.counts, means=theirs.means, variances=theirs.variances)
        wrong = [] if _same(mine, theirs) else ["the weights of the hat model"]
        for challenger in state.challengers:
            again = ensemble.challengers.get(challenger.name)
            if again is None or not _same(again.snapshot(), challenger):
                wrong.append(f"the weights of {challenger.name}")
        if not _same((ensemble.losses, ensemble.alarms), (state.losses, state.alarms)):
            wrong.append("the watch over losses")
        return wrong

    def figures_differ(self, state: LearnerState, model: ScoringModel) -> bool:
        """Whether the figures of a published model are others; those of one from before the start are not known."""
        return self._window is not None and not _same(figures(self._window.quality(state.champion)), model.quality)


def document_differs(state: LearnerState, model: ScoringModel, chosen: FeatureSet) -> bool:
    """Whether `model` is another than `state` publishes, but for the intercept, whose prior is the policies'."""
    again = published_model(
        state.published.number,
        state.champion,
        state.hat,
        state.challengers,
        _ANY_RATE,
        state.losses.rarer,
        state.until_ms,
        model.quality,
        chosen,
    )
    return encode_model(msgspec.structs.replace(again, intercept=model.intercept)) != encode_model(model)


def feature_set_of(theirs: FeatureSchema, known: tuple[FeatureSet, ...]) -> FeatureSet:
    """Which of the `known` features a model was learnt from; raises `SnapshotMismatch`."""
    for chosen in known:
        if chosen.schema == theirs:
            return chosen
    raise SnapshotMismatch(
        f"it was learnt from {len(theirs.features)} features, {theirs.name} version {theirs.version},"
        " which this version of ebbwatch does not have"
    )
