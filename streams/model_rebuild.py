"""Learns again from a learner's file, and compares: with every version published on the way, and with what is now."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from msgspec import Struct

from models.feature_schema import FeatureSet
from models.learner_records import Fate
from models.learner_state import LearnerState
from models.relearning import ScaleAgain, WeightsAgain, document_differs
from streams.learner_history import LearnerHistory, Whole
from streams.learner_store import LearnerStore
from streams.model_reading import feature_set

NOW: Final = "now"
"""What stands for a version where the learner as it is now is meant."""
_MEANWHILE: Final = "the learner has forgotten meanwhile what was to be learnt again: try once more"


class Difference(Struct, frozen=True):
    """At a version, or `NOW`: what has come out otherwise."""

    where: str
    what: str


class Rebuilt(Struct, kw_only=True):
    """What was learnt again and compared; `*_from` name the version that it started from, empty for the very start."""

    labels: int = 0
    observations: int = 0
    weights_from: str = ""
    scale_from: str = ""
    versions: int = 0
    differences: list[Difference] = []
    scores_differ: int = 0
    z_differ: int = 0

    @property
    def is_equal(self) -> bool:
        """Whether everything is the same, to the bit."""
        return not (self.differences or self.scores_differ or self.z_differ)


class Forgotten(RuntimeError):
    """The learner has forgotten what was still to be read, or nothing is left to start from."""


class _Stage(Struct, frozen=True):
    """A learner that is stored: the version that it published, or `NOW`."""

    where: str
    state: LearnerState


def rebuild(store: LearnerStore, progress: Callable[[int, int], None] = lambda done, of: None) -> Rebuilt:
    """Learn everything again that is kept; `progress` hears how many records of how many.

    The learner may be at work meanwhile. Raises `Forgotten`, `SnapshotMismatch`.
    """
    with store.history.moment():
        state = store.state()
        if state is None:
            return Rebuilt()
        whole = store.history.whole(state.journal)
        versions = [row.version for row in store.versions.rows()]
    work = _Rebuilding(store, state, whole, versions, progress)
    work.weights()
    work.scale()
    work.documents()
    return work.rebuilt


class _Rebuilding:
    def __init__(
        self,
        store: LearnerStore,
        state: LearnerState,
        whole: Whole,
        versions: list[str],
        progress: Callable[[int, int], None],
    ) -> None:
        self._store, self._state, self._whole, self._versions = store, state, whole, versions
        self._chosen: FeatureSet = feature_set(state.hat.schema)
        self._progress, self._done = progress, 0
        self._of = 0
        self.rebuilt = Rebuilt(differences=[])

    @property
    def _history(self) -> LearnerHistory:
        return self._store.history

    def _start(self, least: int, reached: Callable[[LearnerState], int]) -> tuple[LearnerState | None, int]:
        """The learner to start from, None for the very start, and how many versions that passes over.

        `least` is what it must have reached, for nothing that is needed after it to be forgotten.
        """
        if least <= 0:
            return None, 0
        for passed, version in enumerate(self._versions, 1):
            state = self._store.versions.snapshot(version)
            if reached(state) >= least:
                return state, passed
        raise Forgotten("what came after the latest version is forgotten already: there is nothing to start from")

    def _stages(self, passed: int) -> Iterator[_Stage]:
        """What is stored, to be compared with, one after the other: each is some hundred kilobytes."""
        for version in self._versions[passed:]:
            yield _Stage(version, self._store.versions.snapshot(version))
        yield _Stage(NOW, self._state)

    def _say(self, where: str, what: list[str]) -> None:
        self.rebuilt.differences += [Difference(where, one) for one in what]

    def _step(self) -> None:
        self._done += 1
        self._progress(self._done, self._of)

    def weights(self) -> None:
        """From the journal."""
        start, passed = self._start(self._whole.journal - 1, lambda state: state.journal)
        again, at = WeightsAgain(self._chosen, start), start.journal if start else 0
        self.rebuilt.weights_from = self._versions[passed - 1] if passed else ""
        self._of = self._state.journal - at + _observed(self._state)
        for stage in self._stages(passed):
            for entry, z in self._history.journal(at + 1, stage.state.journal):
                self.rebuilt.scores_differ += not again.learn(entry, z)
                self.rebuilt.labels += entry.times
                at += 1
                self._step()
            if at != stage.state.journal:
                raise Forgotten(_MEANWHILE)
            self._say(stage.where, again.differs(stage.state))
            if stage.where != NOW and again.figures_differ(stage.state, self._store.versions.model(stage.where)):
                self._say(stage.where, ["the figures at publication"])
        self.rebuilt.versions = len(self._versions) - passed

    def scale(self) -> None:
        """From the observations."""
        before = self._whole.last - _observed(self._state)  # number of the row before the very first
        start, passed = self._start(self._whole.features - 1 - before, _observed)
        again, at = ScaleAgain(self._chosen, start), _observed(start) if start else 0
        self.rebuilt.scale_from = self._versions[passed - 1] if passed else ""
        for stage in self._stages(passed):
            for row in self._history.observations(before + at + 1, before + _observed(stage.state)):
                if not row.x:
                    raise Forgotten(_MEANWHILE)
                z = again.observe(_features(self._chosen, row.x), row.score)
                self.rebuilt.z_differ += z != row.z
                self.rebuilt.observations += 1
                at += 1
                self._step()
            if at != _observed(stage.state):
                raise Forgotten(_MEANWHILE)
            self._say(stage.where, again.differs(stage.state))

    def documents(self) -> None:
        """Of every version, from the learner that is stored with it."""
        for version in self._versions:
            stored = self._store.versions
            if document_differs(stored.snapshot(version), stored.model(version), self._chosen):
                self._say(version, ["the published curves"])


def _observed(state: LearnerState) -> int:
    return state.counts.get(Fate.OBSERVED, 0)


def _features(chosen: FeatureSet, packed: bytes) -> dict[str, float]:
    return dict(zip(chosen.schema.features, np.frombuffer(packed, "<f4").tolist(), strict=True))
