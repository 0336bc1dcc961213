"""SQLite as the embedded run uses it: write-ahead log, every commit on the disk before it returns."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE_BYTES = 64 << 20
BUSY_TIMEOUT_MS = 10_000


def open_database(path: Path, page_bytes: int = 4096) -> sqlite3.Connection:
    """Open or create a database; `page_bytes` counts only when it is created. Transactions are explicit.

    The file is readable by its owner alone: it holds customers' data.
    """
    path.touch(mode=0o600)
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute(f"PRAGMA page_size = {page_bytes}")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(f"PRAGMA cache_size = -{CACHE_BYTES >> 10}")
    database.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and durable once the block is left; takes the write lock at once."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # a full disk, for one, has rolled back already
            database.execute("ROLLBACK")
        raise


def is_sound(path: Path) -> bool:
    """Whether a database can be read from end to end."""
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return bool(database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        finally:
            database.close()
    except sqlite3.Error:
        return False
