"""Outputs leave through here: read after the commit, delivered, and only then forgotten.

A crash between delivery and forgetting repeats a delivery, never an identity; the sequence number of each shard lets a
consumer drop the repeat exactly.
"""

from collections.abc import Sequence
from typing import Protocol

from streams.stores.base import OutboxEntry, Store

_AT_ONCE = 1000


class Sink(Protocol):
    """Where outputs go."""

    async def deliver(self, shard: int, entries: Sequence[OutboxEntry]) -> None:
        """Deliver `entries` in order; return only when none of them can be lost any more."""
        ...


class Relay:
    """Empties the outboxes of a store into a sink."""

    def __init__(self, store: Store, sink: Sink, at_once: int = _AT_ONCE) -> None:
        """Deliver what `store` holds to `sink`, at most `at_once` entries at a time."""
        self._store = store
        self._at_once = at_once
        self._sink = sink

    async def drain(self, shard: int) -> int:
        """Deliver all that waits in one shard's outbox; how many entries that were."""
        delivered = 0
        while True:
            entries = await self._store.outbox(shard, self._at_once)
            if entries:
                await self._sink.deliver(shard, entries)
                await self._store.clear_outbox(shard, entries[-1].sequence)
                delivered += len(entries)
            if len(entries) < self._at_once:
                return delivered
