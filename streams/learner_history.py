"""What a learner's file holds of the past, in the order in which it was taken; it may be written meanwhile."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from msgspec import Struct

from models.learner_records import JournalEntry

_PAGE: Final = 2_000


class Whole(Struct, frozen=True):
    """From where on nothing is missing: what a learner has taken before that is forgotten, in part at least.

    `journal` is the number of the first entry, `features` the row number of the first observation whose features are
    still there, `last` that of the latest; the first is one beyond the last where there is none.
    """

    journal: int
    features: int
    last: int


class ObservationRow(Struct, frozen=True):
    """What was learnt the scale from: z as it was kept, the features, and what was told."""

    z: bytes
    x: bytes
    score: float


class LearnerHistory:
    """Part of `streams.learner_store.LearnerStore`; reads alone."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Read `database`."""
        self._database = database

    @contextmanager
    def moment(self) -> Iterator[None]:
        """What is read inside is as of one moment, whatever the learner writes meanwhile."""
        self._database.execute("BEGIN")
        try:
            yield
        finally:
            self._database.execute("ROLLBACK")

    def whole(self, journal: int) -> Whole:
        """What is still there of everything; `journal` is the number of the latest entry."""
        first = self._number(
            "SELECT max(number) FROM journal AS one"
            " WHERE NOT EXISTS (SELECT 1 FROM journal WHERE number = one.number - 1)"
        )
        orphan = self._number("SELECT max(number) FROM journal WHERE observation NOT IN (SELECT id FROM observations)")
        last = self._number("SELECT max(rowid) FROM observations") or 0
        observed = self._number(
            "SELECT max(rowid) FROM observations AS one"
            " WHERE NOT EXISTS (SELECT 1 FROM observations WHERE rowid = one.rowid - 1)"
        )
        freed = self._number("SELECT max(rowid) FROM observations WHERE x = x''") or 0
        start = observed or last + 1
        return Whole(max(first or journal + 1, (orphan or 0) + 1), max(start, freed + 1), last)

    def journal(self, since: int, until: int) -> Iterator[tuple[JournalEntry, bytes]]:
        """Entries of these numbers, both included, each with z of its observation; in pages, so it holds nothing up."""
        question = (
            "SELECT journal.*, z FROM journal JOIN observations ON id = observation"
            " WHERE number >= ? AND number <= ? ORDER BY number LIMIT ?"
        )
        while rows := self._database.execute(question, (since, until, _PAGE)).fetchall():
            for row in rows:
                label = None if row[8] is None else bool(row[8])
                values = (*row[:8], label, *row[9:11], msgspec.json.decode(row[11], type=dict[str, float]))
                yield JournalEntry(**dict(zip(JournalEntry.__struct_fields__, values, strict=True))), row[12]
            since = rows[-1][0] + 1

    def observations(self, since: int, until: int) -> Iterator[ObservationRow]:
        """Observations of these row numbers, both included, in the order in which they were made."""
        question = "SELECT rowid, z, x, score FROM observations WHERE rowid >= ? AND rowid <= ? ORDER BY rowid LIMIT ?"
        while rows := self._database.execute(question, (since, until, _PAGE)).fetchall():
            for _, z, x, score in rows:
                yield ObservationRow(z, x, score)
            since = rows[-1][0] + 1

    def latest_features(self, limit: int) -> list[bytes]:
        """Features of the latest observations, as they came."""
        question = "SELECT x FROM observations WHERE x != x'' ORDER BY rowid DESC LIMIT ?"
        return [x for (x,) in self._database.execute(question, (limit,))]

    def _number(self, question: str) -> int | None:
        found = self._database.execute(question).fetchone()[0]
        return None if found is None else int(found)
