"""The simulated bank as feed lines, for proofs that need a lifelike input."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from streams.simulator import SimulationParameters, simulate


@cache
def lines(customers: int, days: int, seed: int) -> tuple[bytes, ...]:
    """The bank's events in time order, one line each, without newlines."""
    with simulate(SimulationParameters(customers=customers, days=days, seed=seed)) as bank:
        return tuple(msgspec.json.encode(event) for event in bank.events())


def write(path: Path, feed: Iterable[bytes]) -> Path:
    """Write a feed file."""
    path.write_bytes(b"".join(line + b"\n" for line in feed))
    return path
