"""What a learner is made of, in one SQLite file: it is the authority on what has been learnt.

A batch of records is one transaction: how far their source has been read, the observations and outcomes that they
brought, the learner as it is after them, and what it published. So a learner that is killed at any moment goes on from
the record after the last one it learnt, with the very numbers that it would have had.

What a shard sent twice is told by its sequence numbers, of which the highest is kept.
"""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from models.learner_records import CORRECTION, LABEL, JournalEntry, Kept
from models.learner_state import LearnerState, decode_state, encode_state
from streams.learner_history import LearnerHistory
from streams.learner_versions import VERSIONS_SCHEMA, LearnerVersions
from streams.sqlite import open_database, transaction

FORMAT = 1
EXAMPLES_FILE = "file"
"""The source of what is read from a file, whose position is in bytes."""
FOREST_EXAMPLES = 20_000
"""Outcomes that a forest is made again from."""
_FREED = "freed"
"""The position up to which the journal's examples have been stripped of their features."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS positions (
    source TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequences (
    shard INTEGER PRIMARY KEY,
    sequence INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS held (
    at_ms INTEGER NOT NULL,
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (at_ms, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS observations (
    id TEXT NOT NULL UNIQUE,
    at_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    z BLOB NOT NULL,
    x BLOB NOT NULL,
    score REAL NOT NULL,
    version TEXT NOT NULL,
    tier TEXT NOT NULL,
    outcome TEXT NOT NULL,
    revision INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS by_age ON observations (at_ms);
CREATE INDEX IF NOT EXISTS pending ON observations (due_ms) WHERE outcome = '';
CREATE TABLE IF NOT EXISTS journal (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    observation TEXT NOT NULL,
    observed_ms INTEGER NOT NULL,
    settled_ms INTEGER NOT NULL,
    tier TEXT NOT NULL,
    outcome TEXT NOT NULL,
    revision INTEGER NOT NULL,
    label INTEGER,
    times INTEGER NOT NULL,
    score REAL NOT NULL,
    scores BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS learner (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    state BLOB NOT NULL
);
"""


class LearnerMismatch(RuntimeError):
    """The file was made by another version of ebbwatch."""


class LearnerStore:
    """The file, opened; implements `models.learner_records.Memory`. Everything that writes belongs into `change`."""

    def __init__(self, path: Path) -> None:
        """Open or create; raises `LearnerMismatch`."""
        self._database = database = open_database(path)
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, FORMAT):
            database.close()
            raise LearnerMismatch(f"{path}: has format {version}, this version of ebbwatch reads {FORMAT}")
        if version == 0:
            with transaction(database):
                for statement in (_SCHEMA + VERSIONS_SCHEMA).split(";\n"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {FORMAT}")
        self.versions = LearnerVersions(database)
        self.history = LearnerHistory(database)

    def close(self) -> None:
        """Close; nothing is lost by not calling it."""
        self._database.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """What is changed inside is changed together, and durable afterwards."""
        with transaction(self._database):
            yield

    # --- where reading stands --------------------------------------------------------------------

    def position(self, source: str) -> int | None:
        """What is to be read next of a source; None where it was never read."""
        found = self._database.execute("SELECT position FROM positions WHERE source = ?", (source,)).fetchone()
        return None if found is None else int(found[0])

    def move(self, source: str, position: int) -> None:
        """Go on from `position` next time."""
        self._database.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (source, position))

    def sequences(self) -> dict[int, int]:
        """The highest sequence number taken of each shard."""
        return dict(self._database.execute("SELECT shard, sequence FROM sequences"))

    def saw_sequences(self, highest: dict[int, int]) -> None:
        """Drop everything up to these from now on."""
        self._database.executemany("INSERT OR REPLACE INTO sequences VALUES (?, ?)", highest.items())

    def hold(self, rows: Sequence[tuple[int, str, bytes]]) -> None:
        """Keep records (time, name, body) until it is their turn."""
        self._database.executemany("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", rows)

    def held(self, until_ms: int, limit: int) -> list[tuple[int, str, bytes]]:
        """The first records from before `until_ms`, by time and name."""
        question = "SELECT at_ms, name, body FROM held WHERE at_ms < ? ORDER BY 1, 2 LIMIT ?"
        return list(self._database.execute(question, (until_ms, limit)))

    def release(self, rows: Sequence[tuple[int, str, bytes]]) -> None:
        """They have been taken."""
        self._database.executemany("DELETE FROM held WHERE at_ms = ? AND name = ?", [row[:2] for row in rows])

    # --- the learner -----------------------------------------------------------------------------

    def state(self) -> LearnerState | None:
        """The learner as it was left; None before the first batch. Raises `SnapshotMismatch`."""
        found = self._database.execute("SELECT state FROM learner").fetchone()
        return None if found is None else decode_state(zlib.decompress(found[0]))

    def save(self, state: LearnerState) -> None:
        """The learner as it is now."""
        body = zlib.compress(encode_state(state), 1)
        self._database.execute("INSERT OR REPLACE INTO learner VALUES (1, ?)", (body,))

    def find(self, observation_id: str) -> Kept | None:
        """See `Memory.find`."""
        question = "SELECT at_ms, due_ms, z, x, score, version, tier, outcome, revision FROM observations WHERE id = ?"
        found = self._database.execute(question, (observation_id,)).fetchone()
        if found is None:
            return None
        at_ms, due_ms, z, x, score, version, tier, outcome, revision = found
        return Kept(
            observation_id=observation_id,
            at_ms=at_ms,
            due_ms=due_ms,
            z=z,
            x=x,
            score=score,
            model_version=version,
            tier=tier,
            outcome=outcome,
            revision=revision,
        )

    def keep(self, kept: Kept) -> None:
        """See `Memory.keep`."""
        self._database.execute(
            "INSERT INTO observations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", msgspec.structs.astuple(kept)
        )

    def note(self, entry: JournalEntry) -> None:
        """See `Memory.note`."""
        row = (*msgspec.structs.astuple(entry)[:-1], msgspec.json.encode(entry.scores))
        self._database.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._database.execute(
            "UPDATE observations SET outcome = ?, revision = ? WHERE id = ?",
            (entry.outcome, entry.revision, entry.observation_id),
        )

    def forget(self, before_ms: int, journal: int) -> None:
        """Drop what was observed before `before_ms`, and features that no forest will be made from any more."""
        self._database.execute("DELETE FROM observations WHERE at_ms < ?", (before_ms,))
        self._database.execute("DELETE FROM journal WHERE observed_ms < ?", (before_ms,))
        freed, last = self.position(_FREED) or 0, journal - FOREST_EXAMPLES
        if last > freed:
            self._database.execute(
                "UPDATE observations SET x = x'' WHERE id IN"
                " (SELECT observation FROM journal WHERE number > ? AND number <= ?)",
                (freed, last),
            )
            self.move(_FREED, last)

    # --- looking back ----------------------------------------------------------------------------

    def overdue(self, clock_ms: int) -> int:
        """Observations whose outcome is due at `clock_ms` and is not known."""
        question = "SELECT count(*) FROM observations WHERE outcome = '' AND due_ms <= ?"
        return int(self._database.execute(question, (clock_ms,)).fetchone()[0])

    def journal(self, since: int = 0) -> Iterator[JournalEntry]:
        """Entries from number `since` on, in order."""
        for row in self._database.execute("SELECT * FROM journal WHERE number >= ? ORDER BY number", (since,)):
            label = None if row[8] is None else bool(row[8])
            values = (*row[:8], label, *row[9:11], msgspec.json.decode(row[11], type=dict[str, float]))
            yield JournalEntry(**dict(zip(JournalEntry.__struct_fields__, values, strict=True)))

    def window_start(self, size: int) -> int:
        """Number of the first of the latest `size` labels."""
        question = "SELECT min(number) FROM (SELECT number FROM journal WHERE kind = ? ORDER BY number DESC LIMIT ?)"
        found = self._database.execute(question, (LABEL, size)).fetchone()[0]
        return int(found or 0)

    def learnt(self, limit: int = FOREST_EXAMPLES) -> Iterator[tuple[bytes, bytes, bool, int]]:
        """z, features, label and times of the latest outcomes that were learnt, the oldest first."""
        question = (
            "SELECT z, x, label, times FROM (SELECT number, observation, label, times FROM journal"
            " WHERE times > 0 AND kind IN (?, ?) ORDER BY number DESC LIMIT ?) JOIN observations ON id = observation"
            " ORDER BY number"
        )
        for z, x, label, times in self._database.execute(question, (LABEL, CORRECTION, limit)):
            yield z, x, bool(label), times
