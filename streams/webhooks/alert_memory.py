"""What an endpoint has been told, and what waits to be chosen: kept with the deliveries, in the same transactions."""

import sqlite3

from streams.webhooks.records import AlertFacts, Listed, Taken

SCHEMA = """
CREATE TABLE IF NOT EXISTS listed (
    endpoint TEXT NOT NULL,
    alert_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    webhook_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    chain BLOB NOT NULL,
    severity TEXT NOT NULL,
    body BLOB NOT NULL,
    score REAL NOT NULL,
    value REAL NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (endpoint, alert_id)
);
CREATE TABLE IF NOT EXISTS lists (
    endpoint TEXT PRIMARY KEY,
    due_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heard (
    endpoint TEXT NOT NULL,
    alert_id TEXT NOT NULL,
    told INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (endpoint, alert_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS heard_by_age ON heard (at_ms);
CREATE TABLE IF NOT EXISTS cooling (
    endpoint TEXT NOT NULL,
    rule TEXT NOT NULL,
    chain BLOB NOT NULL,
    severity TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    kept_ms INTEGER NOT NULL,
    PRIMARY KEY (endpoint, rule, chain)
) WITHOUT ROWID;
"""


class AlertMemory:
    """The tables of one queue; whoever calls has begun a transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Over an open file that has the tables."""
        self._database = database

    # --- what an endpoint has heard of -----------------------------------------------------------

    def heard(self, endpoint: str, alert_id: str) -> bool | None:
        """Whether an endpoint was told of an alert (True), or kept from it (False); None: nobody knows of it."""
        question = "SELECT told FROM heard WHERE endpoint = ? AND alert_id = ?"
        found = self._database.execute(question, (endpoint, alert_id)).fetchone()
        return None if found is None else bool(found[0])

    def remember(self, endpoint: str, alert_id: str, told: bool, now_ms: int) -> None:
        """Keep whether it was told; once told, it stays told."""
        self._database.execute(
            "INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET told = max(told, excluded.told), at_ms = excluded.at_ms",
            (endpoint, alert_id, int(told), now_ms),
        )

    def last_told(self, endpoint: str, rule: str, chain: bytes) -> tuple[str, int] | None:
        """How bad the latest alert of a rule and customer was that an endpoint was told of, and when it happened."""
        found: tuple[str, int] | None = self._database.execute(
            "SELECT severity, at_ms FROM cooling WHERE endpoint = ? AND rule = ? AND chain = ?", (endpoint, rule, chain)
        ).fetchone()
        return found

    def tell(self, endpoint: str, rule: str, chain: bytes, severity: str, at_ms: int, now_ms: int) -> None:
        """An alert of a rule and customer goes to an endpoint: the cooldown begins."""
        self._database.execute(
            "INSERT OR REPLACE INTO cooling VALUES (?, ?, ?, ?, ?, ?)", (endpoint, rule, chain, severity, at_ms, now_ms)
        )

    # --- what waits for a list -------------------------------------------------------------------

    def wait_for_list(self, endpoint: str, alert: Taken, facts: AlertFacts, body: bytes) -> None:
        """Let a revision wait, in the place of an earlier one."""
        self._database.execute(
            "INSERT INTO listed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " revision = excluded.revision, webhook_id = excluded.webhook_id, severity = excluded.severity,"
            " body = excluded.body, score = excluded.score, value = excluded.value, at_ms = excluded.at_ms"
            " WHERE excluded.revision > revision",
            (
                endpoint,
                facts.alert_id,
                facts.revision,
                alert.webhook_id,
                facts.rule,
                alert.chain,
                facts.severity,
                body,
                facts.score,
                facts.value,
                facts.at_ms,
            ),
        )

    def is_listed(self, endpoint: str, alert_id: str) -> bool:
        """Whether an alert waits."""
        question = "SELECT 1 FROM listed WHERE endpoint = ? AND alert_id = ?"
        return self._database.execute(question, (endpoint, alert_id)).fetchone() is not None

    def unlist(self, endpoint: str, alert_id: str) -> bool:
        """It waits no longer; whether it did."""
        gone = self._database.execute("DELETE FROM listed WHERE endpoint = ? AND alert_id = ?", (endpoint, alert_id))
        return gone.rowcount > 0

    def listed(self, endpoint: str) -> list[Listed]:
        """All that waits."""
        found = self._database.execute(
            "SELECT alert_id, webhook_id, rule, chain, severity, body, score, value, at_ms FROM listed"
            " WHERE endpoint = ?",
            (endpoint,),
        )
        return [Listed(*row) for row in found]

    def listed_count(self, endpoint: str) -> int:
        """How many wait."""
        question = "SELECT count(*) FROM listed WHERE endpoint = ?"
        found: int = self._database.execute(question, (endpoint,)).fetchone()[0]
        return found

    def last_list_ms(self, endpoint: str) -> int | None:
        """When the last list that was made had been due; None: there has been none."""
        found = self._database.execute("SELECT due_ms FROM lists WHERE endpoint = ?", (endpoint,)).fetchone()
        return None if found is None else int(found[0])

    def list_made(self, endpoint: str, due_ms: int) -> None:
        """The list that was due at `due_ms` is made; it is not made again."""
        self._database.execute("INSERT OR REPLACE INTO lists VALUES (?, ?)", (endpoint, due_ms))

    # --- in the end ------------------------------------------------------------------------------

    def prune(self, before_ms: int) -> None:
        """Forget what was kept before that time."""
        self._database.execute("DELETE FROM heard WHERE at_ms < ?", (before_ms,))
        self._database.execute("DELETE FROM cooling WHERE kept_ms < ?", (before_ms,))
