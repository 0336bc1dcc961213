"""What goes into the queue, and what it tells of what it holds."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct


class Taken(Struct, frozen=True):
    """An alert on its way in: its id, whose it is, and the body for each endpoint that wants it."""

    webhook_id: str
    customer_id: str
    bodies: Mapping[str, bytes]


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
