"""What the learner keeps of each observation until its outcome is known, and notes of each outcome that it was told."""

from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

LABEL: Final = "label"
CORRECTION: Final = "correction"
UNLEARNT: Final = "unlearnt"
KINDS: Final = (LABEL, CORRECTION, UNLEARNT)
"""Kinds of journal entries: the first label of an observation, another one later, and what is no label."""


class Fate(StrEnum):
    """What becomes of a record; the values are metric labels, so the set stays small and closed.

    Unknown: its observation was never heard of, or is forgotten.
    """

    __hash__ = str.__hash__

    OBSERVED = "observed"
    STAYED = "stayed"
    LEFT = "left"
    CLOSED_BY_BANK = "closed_by_bank"
    CORRECTED = "corrected"
    UNCHANGED = "unchanged"
    REPEATED = "repeated"
    UNKNOWN = "unknown"
    FOREIGN_SCHEMA = "foreign_schema"
    UNREADABLE = "unreadable"


class Kept(Struct, frozen=True, kw_only=True):
    """An observation: `z` is what will be learnt (`models.churn_model.pack`), `x` its features as they came.

    `outcome` and `revision` are what was told last of it; empty and -1 before anything was.
    """

    observation_id: str
    at_ms: int
    due_ms: int
    z: bytes
    x: bytes
    score: float
    model_version: str
    tier: str
    outcome: str = ""
    revision: int = -1


class JournalEntry(Struct, frozen=True, kw_only=True):
    """One outcome, in the order in which they were told: what was learnt from it, and how often.

    `score` is what was told at the observation, `scores` what each learner said before it learnt the label.
    """

    number: int
    kind: str
    observation_id: str
    observed_ms: int
    settled_ms: int
    tier: str
    outcome: str
    revision: int
    label: bool | None
    times: int
    score: float
    scores: dict[str, float]


class Memory(Protocol):
    """Where all of it is kept; what a fold writes is there at once for the next."""

    def find(self, observation_id: str) -> Kept | None:
        """The observation, unless it was never heard of or is forgotten."""
        ...

    def keep(self, kept: Kept) -> None:
        """A new observation."""
        ...

    def note(self, entry: JournalEntry) -> None:
        """An outcome: it is written to the journal, and is from now on what was told last of its observation."""
        ...
