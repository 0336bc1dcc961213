"""Straight lines: one oracle for each shard, folded on over the ledger, against what the service holds and has sent."""

import hashlib
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from models.alerts import Alert, open_alerts_index
from models.complaints import deadlines_index, open_cases_index
from models.context import Fate, Output
from models.customer import encode_customer
from models.events import LedgerRecord
from models.fold import RULES
from models.shard import encode_documents, encode_state
from streams.cloud_events import cloud_event
from streams.codecs import decode_ledger_run
from streams.names import DUE_INDEX, SEQUENCE_HEADER, STREAM_TOPICS
from streams.stores.base import OutboxEntry, StoredShard
from streams.stores.redis import RedisStore
from tests.support.oracle import Oracle

INDEXES = (
    DUE_INDEX,
    "asset_outflow",
    *(open_alerts_index(rule) for rule in RULES),
    open_cases_index("care"),
    deadlines_index("care", "responded"),
    deadlines_index("crm", "closed"),
)
_ALL = 1_000_000


class Picture(Struct, frozen=True):
    """All that the store holds of one shard at one moment."""

    stored: StoredShard
    customers: dict[str, bytes]
    indexes: list[list[tuple[float, str]]]
    outbox: list[OutboxEntry]


async def picture_of(store: RedisStore, shard: int) -> Picture:
    """Take it; nobody may write meanwhile, and it fails when somebody did."""
    stored = await store.open_shard(shard)
    picture = Picture(
        stored,
        {name: body async for name, body in store.customers_of(shard)},
        [await store.due(shard, index, math.inf) for index in INDEXES],
        await store.outbox(shard, _ALL),
    )
    assert await store.open_shard(shard) == stored, "the store moved while nobody should have moved it"
    return picture


class StraightLine:
    """One shard: `read` what the ledger holds, `advance` to where the store stands, and `compare`."""

    def __init__(self, shard: int, folded: Callable[[int, LedgerRecord, Fate], None]) -> None:
        """`folded` is told of each record and what became of it."""
        self.shard = shard
        self.position = 0
        self.counts: Counter[str] = Counter()
        self._folded = folded
        self._oracle = Oracle()
        self._unfolded: list[LedgerRecord] = []
        self._outputs: list[bytes] = []
        self._topics: list[str] = []
        self._ids: set[str] = set()
        self._delivered: Counter[str] = Counter()

    def read(self, bodies: list[bytes]) -> list[LedgerRecord]:
        """The next records of the ledger."""
        records = decode_ledger_run(bodies) if bodies else []
        self._unfolded += records
        return records

    def advance(self, position: int) -> None:
        """Fold up to `position` of the ledger."""
        count = position - self.position
        assert 0 <= count <= len(self._unfolded), f"shard {self.shard} stands at {position}, where no ledger is"
        for record in self._unfolded[:count]:
            self._folded(self.shard, record, self._oracle.apply(record))
        del self._unfolded[:count]
        self.position = position
        outputs, self._oracle.outputs = self._oracle.outputs, []
        for output in outputs:
            kind = _kind_of(output)
            assert output.output_id not in self._ids, f"shard {self.shard}: two outputs are {kind} {output.output_id}"
            self._ids.add(output.output_id)
            self._outputs.append(_print_of(output.output_id, output.key, msgspec.json.encode(cloud_event(output))))
            self._topics.append(STREAM_TOPICS[output.stream])
            self.counts[kind] += 1

    def compare(self, picture: Picture) -> None:
        """The store holds what the straight line has come to, byte for byte."""
        oracle, shard = self._oracle, self.shard
        assert picture.stored.state == encode_state(oracle.state), f"shard {shard}: another state"
        documents = encode_documents(oracle.documents) if oracle.documents.policy else b""
        assert picture.stored.documents == documents, f"shard {shard}: other documents"
        kept = {name: encode_customer(one) for name, one in oracle.customers.items()}
        differ = [name for name in kept.keys() | picture.customers if kept.get(name) != picture.customers.get(name)]
        assert not differ, f"shard {shard}: {len(differ)} of {len(kept)} customers differ"
        for index, found in zip(INDEXES, picture.indexes, strict=True):
            expected = oracle.due if index == DUE_INDEX else oracle.rankings.get(index, {})
            assert found == sorted((score, name) for name, score in expected.items()), f"shard {shard}: index {index}"

    def compare_outbox(self, outbox: list[OutboxEntry]) -> None:
        """What has not been delivered waits, in order and whole."""
        for entry in outbox:
            assert entry.sequence <= len(self._outputs), f"shard {self.shard}: an output too many waits"
            printed = _print_of(entry.output_id, entry.key, entry.body)
            assert printed == self._outputs[entry.sequence - 1], f"shard {self.shard}: another output waits"
        waiting = [entry.sequence for entry in outbox]
        first = waiting[0] if waiting else len(self._outputs) + 1
        assert waiting == list(range(first, len(self._outputs) + 1)), f"shard {self.shard}: a hole in the outbox"
        lost = [
            sequence for sequence, topic in enumerate(self._topics[: first - 1], 1) if sequence > self._delivered[topic]
        ]
        assert not lost, f"shard {self.shard}: {len(lost)} outputs are lost"

    def deliver(self, topic: str, records: list[Any]) -> None:
        """What has come out of a topic: in order, whole, and a repeat is the same again."""
        for record in records:
            headers = dict(record.headers)
            sequence = int(headers[SEQUENCE_HEADER])
            assert sequence <= len(self._outputs), f"shard {self.shard}: delivered before it was committed"
            assert self._topics[sequence - 1] == topic, f"shard {self.shard}: output {sequence} is in another topic"
            between = self._topics[self._delivered[topic] : sequence - 1]
            assert topic not in between, f"shard {self.shard}: an output is missing before {sequence}"
            event = msgspec.json.decode(record.value)
            printed = _print_of(event["id"], record.key.decode(), record.value)
            assert printed == self._outputs[sequence - 1], f"shard {self.shard}: output {sequence} is another one"
            if sequence <= self._delivered[topic]:
                self.counts["deliveries repeated"] += 1
            else:
                self._delivered[topic] = sequence
                self.counts["deliveries"] += 1


def _print_of(output_id: str, key: str, body: bytes) -> bytes:
    return hashlib.blake2b(b"\x1f".join((output_id.encode(), key.encode(), body)), digest_size=16).digest()


def _kind_of(output: Output) -> str:
    body = output.body
    return f"{body.rule} {body.state}" if isinstance(body, Alert) else type(body).__name__
