"""A learner's file looked at from outside, by commands; the learner, or a run, may be writing it meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from models.churn_curves import FeatureSchema
from models.feature_list import SENSITIVE_SET, STANDARD_SET
from models.feature_schema import FeatureSet
from models.learner_window import WINDOW, LearnerWindow, remember
from models.quality_report import QualityReport, Standing, quality_report
from models.relearning import feature_set_of
from models.score_metrics import Floats
from models.scoring_model import ScoringModel, ready
from streams.learner_store import LearnerStore
from streams.learner_versions import UnknownVersion, VersionRow
from streams.names import LEARNER_FILE

KNOWN_SETS: Final = (STANDARD_SET, SENSITIVE_SET)
HISTORY: Final = 100_000
"""Settled examples that curves over time reach back."""
_LOOKED_AT: Final = 2_000
"""Observations on which it is shown what a curve adds."""


class NothingLearnt(RuntimeError):
    """There is no learner's file, or nothing is in it yet."""


@contextmanager
def opened(directory: Path) -> Iterator[LearnerStore]:
    """The file of a directory; raises `NothingLearnt` where there is none, `LearnerMismatch`."""
    path = directory / LEARNER_FILE
    if not path.is_file():
        raise NothingLearnt(f"{directory} holds no {LEARNER_FILE}: no learner has worked there")
    store = LearnerStore(path)
    try:
        yield store
    finally:
        store.close()


def find_version(rows: list[VersionRow], wanted: str) -> VersionRow:
    """The version of that name or number; raises `UnknownVersion`."""
    for row in rows:
        if wanted == row.version or (wanted.isdecimal() and int(wanted) == row.number):
            return row
    raise UnknownVersion(wanted)


def feature_set(schema: FeatureSchema) -> FeatureSet:
    """The features of a model; raises `SnapshotMismatch` where this version of ebbwatch does not have them."""
    return feature_set_of(schema, KNOWN_SETS)


def read_report(store: LearnerStore) -> QualityReport:
    """How good the scores are, as of one moment; raises `NothingLearnt`, `SnapshotMismatch`."""
    with store.history.moment():
        state = store.state()
        if state is None:
            raise NothingLearnt("the learner has taken no example yet")
        window, longer = LearnerWindow(WINDOW), LearnerWindow(HISTORY)
        for entry in store.journal(store.window_start(HISTORY)):
            remember(window, entry)
            remember(longer, entry)
        standing = Standing(
            in_force=store.versions.in_force(),
            pinned=store.versions.pinned(),
            overdue=store.overdue(state.clock_ms),
            promotions=store.versions.promotions(),
        )
    return quality_report(state, standing, window, longer, feature_set(state.hat.schema))


def latest_contributions(store: LearnerStore, model: ScoringModel, chosen: FeatureSet) -> Floats | None:
    """What each feature of a model adds to the logit of the latest customers observed, a row for each feature.

    None where the learner keeps no features of any; raises `SnapshotMismatch` where the model is of others.
    """
    packed = store.history.latest_features(_LOOKED_AT)
    if not packed:
        return None
    features = np.array([np.frombuffer(one, "<f4") for one in packed], np.float64)
    return ready(model, chosen).scorer.score(features).contributions
