"""What a data directory holds after a run, read back whole, so that two of them can be compared."""

import json
import math
from pathlib import Path
from typing import Any

from msgspec import Struct

from models.shard import decode_state
from streams.embedded import OUTPUT_DIRECTORY
from streams.feed_reader import Progress
from streams.ledger import EmbeddedLedger
from streams.names import DUE_INDEX, LEDGER_FILE, STATE_FILE
from streams.stores.sqlite import SqliteStore

INDEXES = (DUE_INDEX, "asset_outflow")


class Kept(Struct):
    """Everything that a run keeps, by shard where it belongs to one.

    `alerts` and `dead_letters` are lines as they stand in the files, the latter without the time of refusal, which is
    the wall clock's.
    """

    positions: list[int]
    states: list[bytes]
    documents: list[bytes]
    customers: list[dict[str, bytes]]
    indexes: list[dict[str, list[tuple[float, str]]]]
    waiting: int
    ledger: list[list[bytes]]
    progress: dict[str, Progress]
    alerts: list[bytes]
    dead_letters: list[dict[str, Any]]

    @property
    def everyone(self) -> dict[str, bytes]:
        """Every customer's encoded aggregate, whatever the shard."""
        return {customer_id: body for shard in self.customers for customer_id, body in shard.items()}

    @property
    def alert_bodies(self) -> list[bytes]:
        """The alerts without their place in a shard, in an order of their own."""
        return sorted(line.split(b",", 2)[2] for line in self.alerts)

    @property
    def alert_ids(self) -> list[str]:
        """The id of each alert revision, in the order of the file."""
        return [json.loads(line)["id"] for line in self.alerts]

    @property
    def clocks_ms(self) -> list[int]:
        """The time of each shard's latest tick."""
        return [decode_state(state).clock_ms for state in self.states]


def same(one: Kept, other: Kept) -> dict[str, bool]:
    """What two directories have in common byte for byte; for a message that names what differs."""
    return {name: getattr(one, name) == getattr(other, name) for name in Kept.__struct_fields__}


async def kept(data: Path) -> Kept:
    """Read a data directory that no run is using."""
    ledger, store = EmbeddedLedger(data / LEDGER_FILE), SqliteStore(data / STATE_FILE)
    try:
        shards = range(ledger.shards)
        stored = [await store.open_shard(shard) for shard in shards]
        return Kept(
            positions=[shard.position for shard in stored],
            states=[shard.state for shard in stored],
            documents=[shard.documents for shard in stored],
            customers=[dict(store.customers_of(shard)) for shard in shards],
            indexes=[{name: await store.due(shard, name, math.inf) for name in INDEXES} for shard in shards],
            waiting=sum([len(await store.outbox(shard, 1_000_000)) for shard in shards])
            + len(ledger.dead_letters(1_000_000)),
            ledger=[ledger.read(shard, 0, 1 << 60) for shard in shards],
            progress=ledger.progress(),
            alerts=lines_of(data / OUTPUT_DIRECTORY / "alerts.ndjson"),
            dead_letters=[
                {name: value for name, value in json.loads(line).items() if name != "refused_at"}
                for line in lines_of(data / OUTPUT_DIRECTORY / "dead-letters.ndjson")
            ],
        )
    finally:
        await store.close()
        ledger.close()


def lines_of(path: Path) -> list[bytes]:
    """The lines of an output file, which may not exist."""
    return path.read_bytes().splitlines() if path.exists() else []
