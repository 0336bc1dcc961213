"""A store in memory, for tests and for back-tests that keep nothing."""

from collections.abc import Sequence

from msgspec import Struct, field

from streams.stores.base import Commit, OutboxEntry, PositionConflict, StoredShard


class _Shard(Struct):
    position: int = 0
    state: bytes = b""
    documents: bytes = b""
    customers: dict[str, bytes] = field(default_factory=dict)
    indexes: dict[str, dict[str, float]] = field(default_factory=dict)
    outbox: list[OutboxEntry] = field(default_factory=list)
    sequence: int = 0


class MemoryStore:
    """Implements `streams.stores.base.Store` for one process and its lifetime."""

    def __init__(self) -> None:
        """Start empty."""
        self._shards: dict[int, _Shard] = {}

    def _shard(self, shard: int) -> _Shard:
        return self._shards.setdefault(shard, _Shard())

    async def check(self) -> list[str]:
        """See `Store.check`: nothing can be wrong with it."""
        return []

    async def open_shard(self, shard: int) -> StoredShard:
        """See `Store.open_shard`."""
        held = self._shard(shard)
        return StoredShard(held.position, held.state, held.documents)

    async def load(self, shard: int, customer_ids: Sequence[str]) -> list[bytes | None]:
        """See `Store.load`."""
        customers = self._shard(shard).customers
        return [customers.get(customer_id) for customer_id in customer_ids]

    async def due(self, shard: int, index: str, until: float) -> list[tuple[float, str]]:
        """See `Store.due`."""
        members = self._shard(shard).indexes.get(index, {})
        return sorted((score, member) for member, score in members.items() if score <= until)

    async def count(self, shard: int, index: str, until: float) -> int:
        """See `Store.count`."""
        members = self._shard(shard).indexes.get(index, {})
        return sum(score <= until for score in members.values())

    async def counts(self, shard: int, asked: Sequence[tuple[str, float]]) -> list[int]:
        """See `Store.counts`."""
        return [await self.count(shard, index, until) for index, until in asked]

    async def top(self, shard: int, index: str, n: int) -> list[tuple[float, str]]:
        """See `Store.top`."""
        members = self._shard(shard).indexes.get(index, {})
        ranked = sorted((-score, member) for member, score in members.items())
        return [(-negated, member) for negated, member in ranked[:n]]

    async def commit(self, shard: int, commit: Commit) -> None:
        """See `Store.commit`."""
        held = self._shard(shard)
        if held.position != commit.expected_position:
            raise PositionConflict(shard, commit.expected_position, held.position)
        # Whatever can fail comes first: all or nothing.
        customers = dict(commit.customers)
        indexes = {index: dict(changes) for index, changes in commit.indexes.items()}
        entries = [
            OutboxEntry(number, output.topic, output.key, output.output_id, output.body)
            for number, output in enumerate(commit.outputs, held.sequence + 1)
        ]
        held.position = commit.position
        held.state = commit.state
        if commit.documents is not None:
            held.documents = commit.documents
        held.customers.update(customers)
        for index, moves in indexes.items():
            members = held.indexes.setdefault(index, {})
            for member, score in moves.items():
                if score is None:
                    members.pop(member, None)
                else:
                    members[member] = score
        held.sequence += len(entries)
        held.outbox += entries

    def customers_of(self, shard: int) -> dict[str, bytes]:
        """Every customer of a shard, encoded, by id."""
        return dict(self._shard(shard).customers)

    async def outbox(self, shard: int, limit: int) -> list[OutboxEntry]:
        """See `Store.outbox`."""
        return self._shard(shard).outbox[:limit]

    async def outbox_depth(self, shard: int) -> int:
        """See `Store.outbox_depth`."""
        return len(self._shard(shard).outbox)

    async def clear_outbox(self, shard: int, through_sequence: int) -> None:
        """See `Store.clear_outbox`."""
        held = self._shard(shard)
        held.outbox = [entry for entry in held.outbox if entry.sequence > through_sequence]

    async def close(self) -> None:
        """Nothing to release."""
