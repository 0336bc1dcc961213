"""What the process that holds the servers is told, and what it says: a line of JSON each."""

from typing import TypeAlias

from msgspec import Struct


class Plan(Struct, frozen=True, kw_only=True):
    """What to start: a simulated bank that ends yesterday, fed at so many of its days a second."""

    customers: int
    days: int
    seed: int
    days_a_second: float
    workers: int = 2
    partitions: int = 4


class Say(Struct, frozen=True, tag=True):
    """Something to show whoever waits."""

    text: str


class Ready(Struct, frozen=True, tag=True):
    """All of it runs, and the events begin to come."""

    brokers: str
    ports: list[int]


class Fed(Struct, frozen=True, tag=True):
    """The simulated time is over; the servers stay."""


class Failed(Struct, frozen=True, tag=True):
    """Something did not start, or has ended by itself."""

    text: str


class Stopped(Struct, frozen=True, tag=True):
    """Everything has ended; the last message."""


Message: TypeAlias = Say | Ready | Fed | Failed | Stopped
