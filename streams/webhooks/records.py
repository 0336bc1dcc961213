"""What goes into the queue, and what it tells of what it holds."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

from msgspec import Struct

PRESSING = ("raised", "updated")
"""States in which an alert asks for something; in every other one somebody has answered it, or it is over."""


class AlertFacts(Struct, frozen=True, kw_only=True):
    """What decides how soon an endpoint hears of an alert; `at_ms` is when what this revision says happened."""

    alert_id: str
    revision: int
    rule: str
    state: str
    severity: str
    at_ms: int
    score: float = 0.0
    value: float = 0.0

    @property
    def urgency(self) -> str:
        """The severity, if there is something to do; nobody is woken because an alert is over."""
        return self.severity if self.state in PRESSING else ""


class Taken(Struct, frozen=True):
    """An alert on its way in: its id, whose it is, and the body for each endpoint that wants it.

    `revised` are endpoints that do not want this revision, and may have an earlier one waiting for a list: the body
    that replaces it, or None, which takes it away.
    """

    webhook_id: str
    customer_id: str
    bodies: Mapping[str, bytes]
    facts: AlertFacts | None = None
    revised: Mapping[str, bytes | None] = {}

    @property
    def chain(self) -> bytes:
        """What stands for the customer in the file."""
        return blake2b(self.customer_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()


class Listed(NamedTuple):
    """An alert that waits for a daily list."""

    alert_id: str
    webhook_id: str
    rule: str
    chain: bytes
    severity: str
    body: bytes
    score: float
    value: float
    at_ms: int


class TakenIn(NamedTuple):
    """How many alerts had been taken before, and how many deliveries were parked at once, by endpoint."""

    repeated: int
    parked: Mapping[str, int]


class Delivery(NamedTuple):
    """One alert for one endpoint; `attempts` were begun so far."""

    number: int
    webhook_id: str
    body: bytes
    attempts: int
    queued_ms: int


class Parked(NamedTuple):
    """A delivery that was given up, and what the last attempt came to."""

    webhook_id: str
    attempts: int
    queued_ms: int
    parked_ms: int
    last: str


class Depth(NamedTuple):
    """How much of an endpoint waits, since when (Unix time in ms, 0 for nothing waiting), and how much is parked."""

    waiting: int
    oldest_ms: int
    parked: int
