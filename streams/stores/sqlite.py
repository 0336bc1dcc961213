"""The embedded store: every shard in one SQLite file, durable at each commit.

What a commit costs with many customers is the random pages that a checkpoint of the write-ahead log must force to the
disk, and the look-ups. So checkpoints are rare, when the log has grown to `CHECKPOINT_WAL_BYTES`; pages are small; and
an aggregate's place is a keyed 64-bit hash of its shard and id, which spares an index of ids. The documents of a shard
have a table of their own, for a row is written whole. Should two customers
ever meet in one place (at ten million customers, once in 300,000 banks), the store says so and stops; a store made
anew has another key.
"""

import secrets
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import msgspec

from streams.sqlite import BUSY_TIMEOUT_MS, open_database, transaction
from streams.stores.base import Commit, OutboxEntry, PositionConflict, StoredShard, StoreError

FORMAT = 2
CHECKPOINT_WAL_BYTES = 512 << 20

_SCHEMA = """
CREATE TABLE IF NOT EXISTS shards (
    shard INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    state BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS documents (
    shard INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS customers (
    place INTEGER PRIMARY KEY,
    shard INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS salt (
    salt BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS sorted_indexes (
    shard INTEGER NOT NULL,
    name TEXT NOT NULL,
    member TEXT NOT NULL,
    score REAL NOT NULL,
    PRIMARY KEY (shard, name, member)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_score ON sorted_indexes (shard, name, score, member);
CREATE TABLE IF NOT EXISTS delivered (
    shard INTEGER NOT NULL,
    topic TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (shard, topic)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    shard INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    output_id TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (shard, sequence)
) WITHOUT ROWID;
"""


class SqliteStore:
    """Implements `streams.stores.base.Store` in one file; many processes may read it while one writes."""

    def __init__(self, path: Path) -> None:
        """Open or create the store at `path`; raises `StoreError` when it was written by another format."""
        self._db = open_database(path, page_bytes=2048)
        self._db.execute("PRAGMA wal_autocheckpoint = 0")
        self._wal = path.with_name(path.name + "-wal")
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found not in (0, FORMAT):
            raise StoreError(f"{path}: store format {found}, this version reads {FORMAT}: delete it to rebuild it")
        self._db.executescript(_SCHEMA)
        if found == 0:
            with transaction(self._db):
                self._db.execute("INSERT INTO salt (salt) VALUES (?)", (secrets.token_bytes(16),))
                self._db.execute(f"PRAGMA user_version = {FORMAT}")
        (self._salt,) = self._db.execute("SELECT salt FROM salt").fetchone()

    def _place(self, shard: int, customer_id: str) -> int:
        digest = blake2b(b"%d:" % shard + customer_id.encode(), digest_size=8, key=self._salt).digest()
        return int.from_bytes(digest, "big", signed=True)

    async def check(self) -> list[str]:
        """See `Store.check`: what can be wrong with the file, opening it has told."""
        return []

    async def open_shard(self, shard: int) -> StoredShard:
        """See `Store.open_shard`."""
        row = self._db.execute(
            "SELECT position, state, COALESCE(body, x'') FROM shards LEFT JOIN documents USING (shard) WHERE shard = ?",
            (shard,),
        ).fetchone()
        return StoredShard(*row) if row else StoredShard(0, b"", b"")

    async def load(self, shard: int, customer_ids: Sequence[str]) -> list[bytes | None]:
        """See `Store.load`."""
        places = [self._place(shard, customer_id) for customer_id in customer_ids]
        rows = self._db.execute(
            "SELECT c.customer_id, c.body, c.shard FROM json_each(?) AS wanted"
            " CROSS JOIN customers AS c ON c.place = wanted.value",
            (msgspec.json.encode(places).decode(),),
        )
        found: dict[str, bytes] = {customer_id: body for customer_id, body, of in rows.fetchall() if of == shard}
        return [found.get(customer_id) for customer_id in customer_ids]

    async def due(self, shard: int, index: str, until: float) -> list[tuple[float, str]]:
        """See `Store.due`."""
        return self._db.execute(
            "SELECT score, member FROM sorted_indexes WHERE shard = ? AND name = ? AND score <= ?"
            " ORDER BY score, member",
            (shard, index, until),
        ).fetchall()

    async def count(self, shard: int, index: str, until: float) -> int:
        """See `Store.count`."""
        (count,) = self._db.execute(
            "SELECT COUNT(*) FROM sorted_indexes WHERE shard = ? AND name = ? AND score <= ?", (shard, index, until)
        ).fetchone()
        return int(count)

    async def counts(self, shard: int, asked: Sequence[tuple[str, float]]) -> list[int]:
        """See `Store.counts`; SQLite counts by looking at every row, so it looks at each but once."""
        limits: dict[str, set[float]] = {}
        for index, until in asked:
            limits.setdefault(index, set()).add(until)
        found: dict[tuple[str, float], int] = {}
        for index, untils in limits.items():
            first, *others = sorted(untils)
            total = found[index, first] = await self.count(shard, index, first)
            for after, until in pairwise((first, *others)):
                (more,) = self._db.execute(
                    "SELECT COUNT(*) FROM sorted_indexes WHERE shard = ? AND name = ? AND score > ? AND score <= ?",
                    (shard, index, after, until),
                ).fetchone()
                total = found[index, until] = total + int(more)
        return [found[one] for one in asked]

    async def top(self, shard: int, index: str, n: int) -> list[tuple[float, str]]:
        """See `Store.top`."""
        return self._db.execute(
            "SELECT score, member FROM sorted_indexes WHERE shard = ? AND name = ? ORDER BY score DESC, member LIMIT ?",
            (shard, index, n),
        ).fetchall()

    async def commit(self, shard: int, commit: Commit) -> None:
        """See `Store.commit`."""
        db = self._db
        with transaction(db):
            row = db.execute("SELECT position, sequence FROM shards WHERE shard = ?", (shard,)).fetchone()
            position, sequence = row or (0, 0)
            if position != commit.expected_position:
                raise PositionConflict(shard, commit.expected_position, position)
            db.execute(
                "INSERT OR REPLACE INTO shards (shard, position, sequence, state) VALUES (?, ?, ?, ?)",
                (shard, commit.position, sequence + len(commit.outputs), commit.state),
            )
            if commit.documents is not None:
                db.execute("INSERT OR REPLACE INTO documents (shard, body) VALUES (?, ?)", (shard, commit.documents))
            written = db.executemany(
                "INSERT INTO customers (place, shard, customer_id, body) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (place) DO UPDATE SET body = excluded.body"
                " WHERE shard = excluded.shard AND customer_id = excluded.customer_id",
                [(self._place(shard, customer_id), shard, customer_id, body) for customer_id, body in commit.customers],
            )
            if written.rowcount not in (-1, len(commit.customers)):
                raise StoreError("two customers' ids share one place: delete the store to rebuild it with another key")
            for name, changes in commit.indexes.items():
                last = dict(changes)
                db.executemany(
                    "DELETE FROM sorted_indexes WHERE shard = ? AND name = ? AND member = ?",
                    [(shard, name, member) for member in last],
                )
                db.executemany(
                    "INSERT INTO sorted_indexes (shard, name, member, score) VALUES (?, ?, ?, ?)",
                    [(shard, name, member, score) for member, score in last.items() if score is not None],
                )
            db.executemany(
                "INSERT INTO outbox (shard, sequence, topic, key, output_id, body) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (shard, number, output.topic, output.key, output.output_id, output.body)
                    for number, output in enumerate(commit.outputs, sequence + 1)
                ],
            )

        if self._wal.stat().st_size >= CHECKPOINT_WAL_BYTES:
            # Answers "busy" at once while someone reads, instead of waiting for them; the next commit tries again.
            db.execute("PRAGMA busy_timeout = 0")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")

    def customers_of(self, shard: int) -> Iterator[tuple[str, bytes]]:
        """Every customer of a shard, as (id, encoded aggregate)."""
        yield from self._db.execute("SELECT customer_id, body FROM customers WHERE shard = ?", (shard,))

    def customer_count(self, shard: int) -> int:
        """How many customers a shard has."""
        (count,) = self._db.execute("SELECT COUNT(*) FROM customers WHERE shard = ?", (shard,)).fetchone()
        return int(count)

    async def outbox(self, shard: int, limit: int) -> list[OutboxEntry]:
        """See `Store.outbox`."""
        rows = self._db.execute(
            "SELECT sequence, topic, key, output_id, body FROM outbox WHERE shard = ? ORDER BY sequence LIMIT ?",
            (shard, limit),
        )
        return [OutboxEntry(*row) for row in rows]

    async def outbox_depth(self, shard: int) -> int:
        """See `Store.outbox_depth`."""
        (count,) = self._db.execute("SELECT COUNT(*) FROM outbox WHERE shard = ?", (shard,)).fetchone()
        return int(count)

    async def clear_outbox(self, shard: int, through_sequence: int) -> None:
        """See `Store.clear_outbox`."""
        with transaction(self._db):
            self._db.execute(
                "INSERT OR REPLACE INTO delivered (shard, topic, sequence)"
                " SELECT shard, topic, MAX(sequence) FROM outbox WHERE shard = ? AND sequence <= ? GROUP BY topic",
                (shard, through_sequence),
            )
            self._db.execute("DELETE FROM outbox WHERE shard = ? AND sequence <= ?", (shard, through_sequence))

    def delivered_by_topic(self, shard: int) -> dict[str, int]:
        """The highest sequence number that has been delivered to each topic."""
        return dict(self._db.execute("SELECT topic, sequence FROM delivered WHERE shard = ?", (shard,)))

    async def close(self) -> None:
        """See `Store.close`."""
        self.close_now()

    def close_now(self) -> None:
        """Close the file, where nobody can wait."""
        self._db.close()
