"""What operators decide about published models: written into the learner's file, while the learner may be at work."""

import fcntl
from enum import Enum
from pathlib import Path

from models.scoring_model import ready
from streams.learner_store import LearnerStore
from streams.learner_versions import ANNOUNCED, VersionRow
from streams.model_reading import feature_set, find_version
from streams.names import LEDGER_FILE


class CannotChange(RuntimeError):
    """What was asked for makes no sense as things stand; the message says how they stand."""


class Effect(Enum):
    """Who makes a change take effect, and when."""

    LEARNER = "the learner announces it within seconds"
    RUN = "the run that is at work announces it at the next midnight (UTC) of its events' time"
    NEXT_LEARNER = "nothing is at work on it: the next `ebbwatch learn` announces it"
    NEXT_RUN = "nothing is at work on it: the next `ebbwatch run` announces it"


def effect(directory: Path) -> Effect:
    """When a change in a directory takes effect."""
    is_run = (directory / LEDGER_FILE).exists()
    if _is_at_work(directory / "lock"):
        return Effect.RUN if is_run else Effect.LEARNER
    return Effect.NEXT_RUN if is_run else Effect.NEXT_LEARNER


def _is_at_work(lock: Path) -> bool:
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def promote(store: LearnerStore, wanted: str) -> VersionRow:
    """Hold scoring to a version from now on; raises `UnknownVersion`, and `SnapshotMismatch` for what cannot score."""
    with store.change():
        row = find_version(store.versions.rows(), wanted)
        _pin(store, row)
    return row


def follow_latest(store: LearnerStore) -> str | None:
    """Hold scoring to no version any more; the one that was pinned. Raises `CannotChange` where none was."""
    with store.change():
        pinned = store.versions.pinned()
        if pinned is None:
            raise CannotChange("no version is pinned: the latest one is announced as it comes")
        store.versions.unpin()
    return pinned


def roll_back(store: LearnerStore, wanted: str | None) -> tuple[VersionRow, VersionRow]:
    """Hold scoring to an earlier version, or to the one that was announced last before; what scored, and what will.

    Raises `CannotChange`, `UnknownVersion`, `SnapshotMismatch`.
    """
    with store.change():
        versions = store.versions
        rows = versions.rows()
        scoring = versions.pinned() or versions.in_force()
        if scoring is None:
            raise CannotChange("no version has been announced yet: there is nothing to go back from")
        now = find_version(rows, scoring)
        if wanted is None:
            before = [row for row in rows if row.number < now.number and row.state == ANNOUNCED]
            if not before:
                raise CannotChange(f"no version before {now.version} has been announced: name the one to go back to")
            row = before[-1]
        else:
            row = find_version(rows, wanted)
            if row.number >= now.number:
                raise CannotChange(f"{row.version} is not earlier than {now.version}: see `ebbwatch model promote`")
        _pin(store, row)
    return now, row


def _pin(store: LearnerStore, row: VersionRow) -> None:
    model = store.versions.model(row.version)
    ready(model, feature_set(model.schema))
    store.versions.pin(row.version)


def ask_for(store: LearnerStore, learner: str) -> None:
    """Have a challenger published from the next version on."""
    with store.change():
        store.versions.ask_for(learner)
