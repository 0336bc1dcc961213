"""What is still to be delivered, kept in one SQLite file: it is the authority on what a notifier has done.

Three promises, each by one transaction, on the disk before it returns:

- *Nothing is lost.* Alerts enter together with the offsets behind them, so what Kafka is asked for next is exactly
  what is not here yet. Ids that were taken are remembered, so what comes again under a new offset (a relay that
  repeats itself, a store made again from the ledger) is dropped.
- *Nothing storms.* An attempt is counted, and the time before which there is no other one is set, before it is made.
  A notifier that dies in the middle of it, and is started again and again, waits like any other.
- *Order.* Of a customer's deliveries to an endpoint (a chain) one is `ready`, those after it are `behind`, and the next
  gets ready when that one has been delivered or parked.

One notifier works on a file; commands may look into it, and change parked deliveries and how endpoints stand.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from streams.sqlite import transaction
from streams.webhooks.alert_memory import AlertMemory
from streams.webhooks.circuit import Standing
from streams.webhooks.queue_file import open_queue_file
from streams.webhooks.records import Delivery, Depth, Parked, Taken, TakenIn

KEEP_PARKED_MS = 30 * 86_400_000
KEEP_IDS_MS = 400 * 86_400_000
"""How long parked deliveries, and the ids that were taken, are kept."""


_PRESSING = (
    "SELECT 1 FROM deliveries AS pressing WHERE pressing.endpoint = deliveries.endpoint"
    " AND pressing.chain = deliveries.chain AND pressing.state != 'parked'"
)


class DeliveryQueue:
    """The file, opened."""

    def __init__(self, path: Path) -> None:
        """Open or create; raises `QueueMismatch`."""
        self._database = open_queue_file(path)
        self.memory = AlertMemory(self._database)

    def close(self) -> None:
        """Close; nothing is lost by not calling it."""
        self._database.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """What is changed inside is changed together, and durable afterwards."""
        with transaction(self._database):
            yield

    # --- coming in -------------------------------------------------------------------------------

    def positions(self) -> dict[int, int]:
        """The offset to read next, by partition."""
        return dict(self._database.execute("SELECT partition, position FROM positions"))

    def take(
        self,
        alerts: Sequence[Taken],
        positions: Mapping[int, int],
        now_ms: int,
        disabled: Collection[str],
        passed: Callable[[Taken, int], Mapping[str, bytes]] = lambda alert, now_ms: alert.bodies,
    ) -> TakenIn:
        """Keep `alerts` and the positions behind them; for endpoints that are `disabled` they are parked at once.

        `passed` says to which endpoints an alert goes (`streams.webhooks.gate`).
        """
        repeated = 0
        parked: Counter[str] = Counter()
        with self.change():
            for alert in alerts:
                done = self._database.execute("INSERT OR IGNORE INTO taken VALUES (?, ?)", (alert.webhook_id, now_ms))
                if not done.rowcount:
                    repeated += bool(alert.bodies)
                    continue
                urgency = alert.facts.urgency if alert.facts else ""
                for endpoint, body in passed(alert, now_ms).items():
                    self.add(endpoint, alert.webhook_id, alert.chain, urgency, body, now_ms, endpoint in disabled)
                    parked[endpoint] += endpoint in disabled
            self._database.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", positions.items())
        return TakenIn(repeated, +parked)

    def add(
        self, endpoint: str, webhook_id: str, chain: bytes, urgency: str, body: bytes, now_ms: int, parked: bool
    ) -> None:
        """Queue a delivery, inside `change`: `urgency` is a severity, or empty where nothing is asked for."""
        state = "parked" if parked else "behind" if self._is_live(endpoint, chain) else "ready"
        parked_ms, last = (now_ms, "disabled") if parked else (0, "")
        self._database.execute(
            "INSERT INTO deliveries"
            " (endpoint, webhook_id, chain, body, state, attempts, next_ms, queued_ms, parked_ms, last, urgency)"
            " VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
            (endpoint, webhook_id, chain, body, state, now_ms, now_ms, parked_ms, last, urgency),
        )

    def _is_live(self, endpoint: str, chain: bytes) -> bool:
        question = "SELECT 1 FROM deliveries WHERE endpoint = ? AND chain = ? AND state != 'parked' LIMIT 1"
        return self._database.execute(question, (endpoint, chain)).fetchone() is not None

    # --- going out, inside `change` --------------------------------------------------------------

    def due(self, endpoint: str, now_ms: int, limit: int, only: Collection[str] | None = None) -> list[Delivery]:
        """Deliveries that may be tried now, those that have waited longest first.

        `only` are the urgencies that may be: with a delivery goes what has to go before it, so that order is kept.
        """
        pressing, values = _only(only)
        found = self._database.execute(
            "SELECT number, webhook_id, body, attempts, queued_ms FROM deliveries"  # noqa: S608 - ours
            f" WHERE endpoint = ? AND state = 'ready' AND next_ms <= ?{pressing} ORDER BY next_ms, number LIMIT ?",
            (endpoint, now_ms, *values, limit),
        )
        return [Delivery(*row) for row in found]

    def next_due_ms(self, endpoint: str, only: Collection[str] | None = None) -> int | None:
        """When the first delivery is due; None where none waits. `only` as for `due`."""
        pressing, values = _only(only)
        question = f"SELECT min(next_ms) FROM deliveries WHERE endpoint = ? AND state = 'ready'{pressing}"  # noqa: S608 - ours
        found: int | None = self._database.execute(question, (endpoint, *values)).fetchone()[0]
        return found

    def begin(self, number: int, next_ms: int) -> None:
        """Count an attempt that is about to be made; before `next_ms` there is no other one."""
        self._database.execute(
            "UPDATE deliveries SET attempts = attempts + 1, next_ms = ? WHERE number = ?", (next_ms, number)
        )

    def delivered(self, number: int) -> None:
        """It is done; the next of its chain gets ready."""
        chain = self._database.execute("SELECT endpoint, chain FROM deliveries WHERE number = ?", (number,)).fetchone()
        self._database.execute("DELETE FROM deliveries WHERE number = ?", (number,))
        self._promote(*chain)

    def retry(self, number: int, next_ms: int, last: str) -> None:
        """The attempt came to `last`; the next one is due at `next_ms`."""
        self._database.execute("UPDATE deliveries SET next_ms = ?, last = ? WHERE number = ?", (next_ms, last, number))

    def park(self, number: int, now_ms: int, last: str | None = None) -> None:
        """Give a delivery up until somebody asks for it; the next of its chain gets ready. None: `last` stays."""
        self._database.execute(
            "UPDATE deliveries SET state = 'parked', parked_ms = ?, last = coalesce(?, last) WHERE number = ?",
            (now_ms, last, number),
        )
        chain = self._database.execute("SELECT endpoint, chain FROM deliveries WHERE number = ?", (number,)).fetchone()
        self._promote(*chain)

    def park_all(self, endpoint: str, now_ms: int, last: str) -> int:
        """Give up all that waits for an endpoint; how many those were."""
        return self._database.execute(
            "UPDATE deliveries SET state = 'parked', parked_ms = ?, last = ? WHERE endpoint = ? AND state != 'parked'",
            (now_ms, last, endpoint),
        ).rowcount

    def park_older(self, endpoint: str, before_ms: int, now_ms: int, last: str) -> int:
        """Give up what has waited since before `before_ms`; how many those were."""
        older = "endpoint = ? AND state != 'parked' AND queued_ms < ?"
        chains = self._database.execute(
            f"SELECT DISTINCT chain FROM deliveries WHERE {older}",  # noqa: S608 - ours
            (endpoint, before_ms),
        ).fetchall()
        parked = self._database.execute(
            f"UPDATE deliveries SET state = 'parked', parked_ms = ?, last = ? WHERE {older}",  # noqa: S608 - ours
            (now_ms, last, endpoint, before_ms),
        ).rowcount
        for (chain,) in chains:
            self._promote(endpoint, chain)
        return parked

    def _promote(self, endpoint: str, chain: bytes) -> None:
        question = "SELECT min(number) FROM deliveries WHERE endpoint = ? AND chain = ? AND state != 'parked'"
        (number,) = self._database.execute(question, (endpoint, chain)).fetchone()
        if number is not None:
            self._database.execute("UPDATE deliveries SET state = 'ready' WHERE number = ?", (number,))

    # --- endpoints -------------------------------------------------------------------------------

    def standing(self, name: str) -> Standing:
        """How an endpoint stands; one that nobody has heard of stands well."""
        found = self._database.execute("SELECT body FROM standings WHERE name = ?", (name,)).fetchone()
        return Standing(name=name) if found is None else msgspec.json.decode(found[0], type=Standing)

    def save(self, standing: Standing) -> None:
        """Keep how an endpoint stands."""
        body = msgspec.json.encode(standing)
        self._database.execute("INSERT OR REPLACE INTO standings VALUES (?, ?)", (standing.name, body))

    def endpoints(self) -> set[str]:
        """Every endpoint that something is kept for, whether or not it is still configured."""
        question = "SELECT endpoint FROM deliveries UNION SELECT endpoint FROM listed"
        return {name for (name,) in self._database.execute(question)}

    def depth(self, endpoint: str, only: Collection[str] | None = None) -> Depth:
        """How much there is for an endpoint; since when of what may be delivered now (`only` as for `due`)."""
        question = (
            "SELECT count(*), coalesce(min(queued_ms), 0) FROM deliveries WHERE endpoint = ? AND state != 'parked'"
        )
        waiting, oldest_ms = self._database.execute(question, (endpoint,)).fetchone()
        if only is not None:
            pressing, values = _only(only)
            (oldest_ms,) = self._database.execute(
                "SELECT coalesce(min(queued_ms), 0) FROM deliveries"  # noqa: S608 - ours
                f" WHERE endpoint = ? AND state != 'parked'{pressing}",
                (endpoint, *values),
            ).fetchone()
        (parked,) = self._database.execute(
            "SELECT count(*) FROM deliveries WHERE endpoint = ? AND state = 'parked'", (endpoint,)
        ).fetchone()
        return Depth(waiting, oldest_ms, parked)

    # --- parked ----------------------------------------------------------------------------------

    def parked(self, endpoint: str, limit: int) -> list[Parked]:
        """Deliveries that were given up, the latest first."""
        found = self._database.execute(
            "SELECT webhook_id, attempts, queued_ms, parked_ms, last FROM deliveries"
            " WHERE endpoint = ? AND state = 'parked' ORDER BY parked_ms DESC, number DESC LIMIT ?",
            (endpoint, limit),
        )
        return [Parked(*row) for row in found]

    def replay(self, endpoint: str, webhook_ids: Sequence[str] | None, now_ms: int) -> int:
        """Make parked deliveries due anew, all of them where `webhook_ids` is None; how many those were."""
        again = 0
        with self.change():
            rows = self._database.execute(
                "SELECT number, webhook_id, chain FROM deliveries WHERE endpoint = ? AND state = 'parked'"
                " ORDER BY number",
                (endpoint,),
            ).fetchall()
            for number, webhook_id, chain in rows:
                if webhook_ids is not None and webhook_id not in webhook_ids:
                    continue
                state = "behind" if self._is_live(endpoint, chain) else "ready"
                self._database.execute(
                    "UPDATE deliveries SET state = ?, attempts = 0, next_ms = ?, queued_ms = ?, parked_ms = 0"
                    " WHERE number = ?",
                    (state, now_ms, now_ms, number),
                )
                again += 1
        return again

    def prune(self, now_ms: int) -> int:
        """Forget what was parked, and ids that were taken, too long ago; how many parked deliveries those were."""
        with self.change():
            self._database.execute("DELETE FROM taken WHERE at_ms < ?", (now_ms - KEEP_IDS_MS,))
            self.memory.prune(now_ms - KEEP_IDS_MS)
            return self._database.execute(
                "DELETE FROM deliveries WHERE state = 'parked' AND parked_ms < ?", (now_ms - KEEP_PARKED_MS,)
            ).rowcount


def _only(urgencies: Collection[str] | None) -> tuple[str, list[str]]:
    """A further condition on deliveries: that of such an urgency there is one in the chain. And its values."""
    if urgencies is None:
        return "", []
    places = ", ".join("?" for _ in urgencies)
    return f" AND EXISTS ({_PRESSING} AND pressing.urgency IN ({places}))", sorted(urgencies)
