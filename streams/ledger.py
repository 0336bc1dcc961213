"""The ledger of an embedded run: what the topic `ebbwatch.events` is on Kafka, in one SQLite file.

One transaction appends records to the shards, moves the positions of the feeds that they came from and files dead
letters, so that an interrupted run goes on exactly where it was.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from streams.feed_reader import Progress
from streams.ingest import DeadLetter
from streams.sqlite import open_database, transaction

FORMAT = "1"
_RUN_RECORDS = 256
"""Most records in one row: canonical JSON holds no newline, so a row is a run of lines. A row for each record costs
five times as much."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger (
    shard INTEGER NOT NULL,
    first_position INTEGER NOT NULL,
    records INTEGER NOT NULL,
    bodies BLOB NOT NULL,
    PRIMARY KEY (shard, first_position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (
    source TEXT PRIMARY KEY,
    lines INTEGER NOT NULL,
    crc INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letters (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    dead_letter_id TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS about (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
"""


class LedgerMismatch(ValueError):
    """The data directory was made in another way than it is now asked to be used."""


class EmbeddedLedger:
    """Appends to and reads from the shards of one data directory; `shards` is fixed when the directory is made."""

    def __init__(self, path: Path, shards: int | None = None) -> None:
        """Open or create the ledger at `path`; raises `LedgerMismatch` if it has another number of shards."""
        self._db = open_database(path)
        self._db.executescript(_SCHEMA)
        made_with = self._about("shards")
        if made_with is None:
            made_with = str(shards or 1)
            with transaction(self._db):
                self._set_about("format", FORMAT)
                self._set_about("shards", made_with)
        if self._about("format") != FORMAT:
            raise LedgerMismatch(f"{path}: written by another version of ebbwatch")
        if shards is not None and str(shards) != made_with:
            raise LedgerMismatch(f"{path}: was made with {made_with} shards, not {shards}")
        self.shards = int(made_with)
        self.ends = [self._end(shard) for shard in range(self.shards)]

    def expect_pseudonyms(self, fingerprint: str) -> None:
        """Hold the ledger to one pseudonym key, or to none; another would make two customers of each one."""
        made_with = self._about("pseudonyms")
        if made_with is None:
            with transaction(self._db):
                self._set_about("pseudonyms", fingerprint)
        elif made_with != fingerprint:
            raise LedgerMismatch("the data directory was made with another pseudonym key, or with none")

    def append(
        self,
        records: Mapping[int, Sequence[bytes]],
        progress: Mapping[str, Progress] | None = None,
        dead_letters: Sequence[DeadLetter] = (),
        clock_ms: int | None = None,
        witnesses: tuple[int, ...] = (),
        policy_digest: str | None = None,
    ) -> None:
        """Append `records` to each shard and move everything that goes with them, in one durable transaction."""
        with transaction(self._db):
            for shard, bodies in records.items():
                end = self.ends[shard]
                self._db.executemany(
                    "INSERT INTO ledger (shard, first_position, records, bodies) VALUES (?, ?, ?, ?)",
                    [
                        (shard, end + start, len(run), b"\n".join(run))
                        for start in range(0, len(bodies), _RUN_RECORDS)
                        if (run := bodies[start : start + _RUN_RECORDS])
                    ],
                )
            self._db.executemany(
                "INSERT OR REPLACE INTO sources (source, lines, crc) VALUES (?, ?, ?)",
                [(source, at.lines, at.crc) for source, at in (progress or {}).items()],
            )
            self._db.executemany(
                "INSERT INTO dead_letters (dead_letter_id, body) VALUES (?, ?)",
                [(letter.dead_letter_id, msgspec.json.encode(letter)) for letter in dead_letters],
            )
            if clock_ms is not None:
                self._set_about("clock_ms", str(clock_ms))
                self._set_about("witnesses", ",".join(map(str, witnesses)))
            if policy_digest is not None:
                self._set_about("policy_digest", policy_digest)
        for shard, bodies in records.items():
            self.ends[shard] += len(bodies)

    def read(self, shard: int, from_position: int, limit: int) -> list[bytes]:
        """Records of a shard from a position on, at most `limit`, in order and without gaps."""
        rows = self._db.execute(
            "SELECT first_position, bodies FROM ledger"
            " WHERE shard = ? AND first_position > ? AND first_position + records > ? ORDER BY first_position",
            (shard, from_position - _RUN_RECORDS, from_position),
        )
        found: list[bytes] = []
        for first_position, bodies in rows:
            run = bodies.split(b"\n")
            found += run[max(from_position - first_position, 0) :]
            if len(found) >= limit:
                break
        return found[:limit]

    def progress(self) -> dict[str, Progress]:
        """How far each source has been taken into the ledger."""
        rows = self._db.execute("SELECT source, lines, crc FROM sources ORDER BY source")
        return {source: Progress(lines, crc) for source, lines, crc in rows}

    def dead_letters(self, limit: int) -> list[tuple[int, bytes]]:
        """Dead letters that wait to be delivered, as (sequence, body), oldest first."""
        rows = self._db.execute("SELECT sequence, body FROM dead_letters ORDER BY sequence LIMIT ?", (limit,))
        return rows.fetchall()

    def clear_dead_letters(self, through_sequence: int) -> None:
        """Forget the dead letters that have been delivered."""
        with transaction(self._db):
            self._db.execute("DELETE FROM dead_letters WHERE sequence <= ?", (through_sequence,))

    @property
    def clock_ms(self) -> int:
        """The time of the latest tick in the ledger; 0 before the first."""
        return int(self._about("clock_ms") or 0)

    @property
    def witnesses(self) -> tuple[int, ...]:
        """Event times beyond a jump of time that is not believed yet, see `streams.ticking`."""
        return tuple(int(at_ms) for at_ms in (self._about("witnesses") or "").split(",") if at_ms)

    @property
    def dead_letters_filed(self) -> int:
        """How many dead letters there have been, delivered ones included."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'dead_letters'").fetchone()
        return int(row[0]) if row else 0

    @property
    def policy_digest(self) -> str:
        """The policies that the ledger activated last; empty before the first."""
        return self._about("policy_digest") or ""

    def close(self) -> None:
        """Close the file; nothing appended is lost by not calling it."""
        self._db.close()

    def _end(self, shard: int) -> int:
        row = self._db.execute(
            "SELECT first_position + records FROM ledger WHERE shard = ? ORDER BY first_position DESC LIMIT 1", (shard,)
        ).fetchone()
        return int(row[0]) if row else 0

    def _about(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _set_about(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO about (name, value) VALUES (?, ?)", (name, value))
