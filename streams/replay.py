"""Replaying a ledger: the same records give the same states and the same outputs, and this is how to see it."""

from pathlib import Path

import msgspec
from msgspec import Struct

from streams.ledger import EmbeddedLedger, LedgerMismatch
from streams.names import STREAM_TOPICS
from streams.ndjson_sink import OutputFileError, Place, output_file
from streams.processor import ShardProcessor
from streams.stores.memory import MemoryStore
from streams.stores.sqlite import SqliteStore

_OUTBOX_AT_ONCE = 1_000_000_000


class Replayed(Struct):
    """What a shard is after a replay: position, state, documents, encoded customers, outputs by (topic, sequence)."""

    position: int
    state: bytes
    documents: bytes
    customers: dict[str, bytes]
    outputs: dict[tuple[str, int], bytes]


async def replay(ledger: EmbeddedLedger, shard: int, until: int, batch_records: int) -> Replayed:
    """Fold a shard's ledger up to position `until` into memory; outputs by (topic, sequence)."""
    store = MemoryStore()
    processor = ShardProcessor(store, shard)
    await processor.open()
    while processor.position < until:
        bodies = ledger.read(shard, processor.position, min(batch_records, until - processor.position))
        if not bodies:
            raise LedgerMismatch(f"shard {shard} was folded up to {until}, but its ledger ends at {processor.position}")
        await processor.process(processor.position, bodies)
    stored = await store.open_shard(shard)
    outputs = {(entry.topic, entry.sequence): entry.body for entry in await store.outbox(shard, _OUTBOX_AT_ONCE)}
    return Replayed(stored.position, stored.state, stored.documents, store.customers_of(shard), outputs)


async def compare(replayed: Replayed, store: SqliteStore, shard: int, output_directory: Path) -> list[str]:
    """Every difference between a replay and what is kept, in words without customers' data."""
    differences: list[str] = []
    stored = await store.open_shard(shard)
    if stored.state != replayed.state:
        differences.append(f"shard {shard}: the state of the shard differs")
    if stored.documents != replayed.documents:
        differences.append(f"shard {shard}: the documents of the shard differ")
    missing = dict(replayed.customers)
    for customer_id, body in store.customers_of(shard):
        if missing.pop(customer_id, None) != body:
            differences.append(f"shard {shard}: a customer's aggregate differs")
    differences += [f"shard {shard}: a customer is missing"] * len(missing)
    written = _written(shard, output_directory)
    waiting = {(entry.topic, entry.sequence): entry.body for entry in await store.outbox(shard, _OUTBOX_AT_ONCE)}
    for place, body in replayed.outputs.items():
        if (written.pop(place, None) or waiting.get(place)) != body:
            differences.append(f"shard {shard}: {place[0]} output {place[1]} differs or is missing")
    differences += [f"shard {shard}: {topic} output {number} should not be there" for topic, number in written]
    return differences


def _written(shard: int, directory: Path) -> dict[tuple[str, int], bytes]:
    written: dict[tuple[str, int], bytes] = {}
    for topic in STREAM_TOPICS.values():
        path = output_file(directory, topic)
        if not path.exists():
            continue
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    break  # cut short by a crash: the next run cuts it off, and writes it again
                try:
                    place = msgspec.json.decode(line, type=Place)
                except msgspec.MsgspecError:
                    raise OutputFileError(path, number) from None
                if place.shard == shard:
                    written[topic, place.sequence] = b"{" + line.split(b",", 2)[2].rstrip(b"\n")
    return written
