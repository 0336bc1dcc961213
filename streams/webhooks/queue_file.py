"""The file of a notifier: its tables, and how a file of an earlier version is brought up to this one."""

import sqlite3
from pathlib import Path

from streams.sqlite import open_database, transaction
from streams.webhooks.alert_memory import SCHEMA as MEMORY_SCHEMA

FORMAT = 2
"""Files of format 1, which knew neither lists nor cooldowns nor quiet hours, are brought up to it."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS positions (
    partition INTEGER PRIMARY KEY,
    position INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS taken (
    id TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    chain BLOB NOT NULL,
    body BLOB NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_ms INTEGER NOT NULL,
    queued_ms INTEGER NOT NULL,
    parked_ms INTEGER NOT NULL,
    last TEXT NOT NULL,
    urgency TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX IF NOT EXISTS by_id ON deliveries (endpoint, webhook_id);
CREATE INDEX IF NOT EXISTS by_chain ON deliveries (endpoint, chain, number) WHERE state != 'parked';
CREATE INDEX IF NOT EXISTS by_time ON deliveries (endpoint, state, next_ms, number);
CREATE INDEX IF NOT EXISTS by_age ON deliveries (endpoint, queued_ms) WHERE state != 'parked';
CREATE TABLE IF NOT EXISTS standings (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;
"""
_TO_FORMAT_2 = "ALTER TABLE deliveries ADD COLUMN urgency TEXT NOT NULL DEFAULT ''"


class QueueMismatch(RuntimeError):
    """The file was made by another version of ebbwatch."""


def open_queue_file(path: Path) -> sqlite3.Connection:
    """Open or create; raises `QueueMismatch`."""
    database = open_database(path)
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if not 0 <= version <= FORMAT:
        database.close()
        raise QueueMismatch(f"{path}: has format {version}, this version of ebbwatch reads {FORMAT}")
    if version < FORMAT:
        with transaction(database):
            if version == 1:
                database.execute(_TO_FORMAT_2)
            for statement in (_SCHEMA + MEMORY_SCHEMA).split(";\n"):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {FORMAT}")
    return database
