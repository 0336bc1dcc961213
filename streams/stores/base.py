"""The store: where the state of the shards is, and the one atomic write that moves it.

A store promises (tests/contract/test_store.py holds every implementation to it):

- `commit` applies all of a `Commit` or nothing, and survives the loss of the process once it has returned;
- a commit whose `expected_position` is not the shard's position is refused with `PositionConflict` and changes nothing;
- outbox entries get consecutive sequence numbers for each shard, from 1, in the order given;
- shards know nothing of each other.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct, field


class PositionConflict(Exception):
    """Another worker has moved the shard: drop what is cached of it, open it again and carry on from there."""

    def __init__(self, shard: int, expected: int, actual: int) -> None:
        """Name the shard and both positions."""
        super().__init__(f"shard {shard} stands at position {actual}, not at {expected}")
        self.shard = shard
        self.expected = expected
        self.actual = actual


class StoreError(RuntimeError):
    """The store cannot be used as it is; the message says what to do."""


class StoreUnavailable(StoreError):
    """The store could not be reached. Of a commit that ended so nobody but the store knows the outcome."""


class StoredShard(Struct, frozen=True):
    """A shard as it was opened: the ledger offset to read next, its encoded `ShardState` and `ShardDocuments`.

    Both are of `models.shard`, and empty as long as none has been committed.
    """

    position: int
    state: bytes
    documents: bytes


class OutboxEntry(Struct, frozen=True):
    """One output that waits for the relay; `sequence` counts from 1 in each shard."""

    sequence: int
    topic: str
    key: str
    output_id: str
    body: bytes


class NewOutput(Struct, frozen=True):
    """An output on its way into the outbox."""

    topic: str
    key: str
    output_id: str
    body: bytes


class Commit(Struct, kw_only=True):
    """Everything that one micro-batch of one shard changed.

    `documents` of None stay as they are. `customers` are (id, encoded aggregate), `indexes` map an index's name, which
    may be any, to (member, score), where a score of None removes the member; of what is given twice the last counts.
    """

    expected_position: int
    position: int
    state: bytes
    documents: bytes | None = None
    customers: Sequence[tuple[str, bytes]] = ()
    indexes: dict[str, Sequence[tuple[str, float | None]]] = field(default_factory=dict)
    outputs: Sequence[NewOutput] = ()


class Store(Protocol):
    """See the module for what an implementation promises."""

    async def check(self) -> list[str]:
        """Raise `StoreError` where the store would break a promise; what else an operator should know."""
        ...

    async def open_shard(self, shard: int) -> StoredShard:
        """The shard as it stands; position 0 and nothing else when it has never been committed."""
        ...

    async def load(self, shard: int, customer_ids: Sequence[str]) -> list[bytes | None]:
        """The encoded aggregates, in the order asked for; None for a customer that is not known."""
        ...

    async def due(self, shard: int, index: str, until: float) -> list[tuple[float, str]]:
        """Members of a sorted index with a score of at most `until`, as (score, member), ascending."""
        ...

    async def count(self, shard: int, index: str, until: float) -> int:
        """How many members `due` would give, without fetching them; all there are when `until` is infinite."""
        ...

    async def counts(self, shard: int, asked: Sequence[tuple[str, float]]) -> list[int]:
        """What `count` gives for each (index, until), in the order asked for, in one round trip."""
        ...

    async def top(self, shard: int, index: str, n: int) -> list[tuple[float, str]]:
        """The `n` members with the highest scores, as (score, member), descending; ties by member, ascending."""
        ...

    async def commit(self, shard: int, commit: Commit) -> None:
        """Apply `commit` at once and durably; raises `PositionConflict` when the shard has moved."""
        ...

    async def outbox(self, shard: int, limit: int) -> list[OutboxEntry]:
        """The oldest waiting outputs, at most `limit`, in order."""
        ...

    async def outbox_depth(self, shard: int) -> int:
        """How many outputs wait, without fetching them; cheap, so it also shows whether the store answers."""
        ...

    async def clear_outbox(self, shard: int, through_sequence: int) -> None:
        """Forget the outputs up to and including `through_sequence`; they have been delivered."""
        ...

    async def close(self) -> None:
        """Release what the store holds; nothing committed is lost by not calling it."""
        ...
