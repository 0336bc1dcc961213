"""The store of the live service: Redis 7 or later, one server or a cluster, durable by its append-only file.

A shard is four kinds of keys with one hash tag, so that a cluster keeps them in one place and one Lua script
(commit.lua) can change them together. A commit is sent once: when its answer is lost, only Redis knows whether it was
applied, so `StoreUnavailable` is raised, and the position that the next `open_shard` reports is the answer.
"""

from collections.abc import AsyncIterator, Sequence
from hashlib import sha1
from importlib import resources
from itertools import chain
from typing import Any, Final

import msgspec

from config.settings import BATCH_RECORDS, StoreSettings
from streams.names import REDIS_CUSTOMERS_KEY, REDIS_INDEX_KEY, REDIS_OUTBOX_KEY, REDIS_SHARD_KEY
from streams.stores.base import Commit, OutboxEntry, PositionConflict, StoredShard, StoreError
from streams.stores.redis_check import check
from streams.stores.redis_connection import PATIENCE_S, ScriptMissing, again, connect, place_of, send

FORMAT: Final = "2"
LOADED_AT_ONCE: Final = 4096
"""Customers in one command: Redis serves nobody else while it answers."""
MOST_BYTES: Final = 512 << 20
"""A commit's customers: Redis closes the connection of a client that sends it 1 GB at once."""

_REFUSALS: Final = {
    "permission": "the user may not write: see docs/redis.md for its ACL rule",
    "score": "a score is not a number",
    "arguments": "streams/stores/commit.lua is not the one that belongs to this version",
}

_encode_output = msgspec.msgpack.Encoder().encode
_decode_output = msgspec.msgpack.Decoder(tuple[str, str, str, bytes]).decode


class _Script:
    """A Lua script, known to Redis by its digest once it has run there."""

    def __init__(self, name: str) -> None:
        self.text = resources.files("streams.stores").joinpath(name).read_bytes()
        self.digest = sha1(self.text, usedforsecurity=False).hexdigest()


_COMMIT, _COUNTS, _TOP = _Script("commit.lua"), _Script("counts.lua"), _Script("top.lua")


def open_redis_store(settings: StoreSettings) -> "RedisStore":
    """A store in the Redis of `settings`; `check` it before use. Raises `StoreError` for an address it cannot read."""
    return RedisStore(settings)


class RedisStore:
    """Implements `streams.stores.base.Store` for many workers; only reads, and what may happen twice, are repeated."""

    def __init__(self, settings: StoreSettings, patience_s: float = PATIENCE_S) -> None:
        """Connect when first used; against a server that is gone, try for `patience_s`, then say so."""
        self._client = connect(settings)
        self._place = place_of(settings)
        self._patience_s = patience_s

    async def check(self) -> list[str]:
        """Refuse a Redis that would lose data (`StoreError`), and return what else an operator should know."""
        return await check(self._client, self._place, self._patience_s)

    async def open_shard(self, shard: int) -> StoredShard:
        """See `Store.open_shard`."""
        fields = ("position", "format", "state", "documents")
        position, written, state, documents = await self._read("HMGET", REDIS_SHARD_KEY % shard, *fields)
        if position is None:
            return StoredShard(0, b"", b"")
        if written.decode() != FORMAT:
            raise StoreError(_other_format(self._place, written))
        return StoredShard(int(position), state, documents or b"")

    async def load(self, shard: int, customer_ids: Sequence[str]) -> list[bytes | None]:
        """See `Store.load`."""
        found: list[bytes | None] = []
        for first in range(0, len(customer_ids), LOADED_AT_ONCE):
            some = customer_ids[first : first + LOADED_AT_ONCE]
            found += await self._read("HMGET", REDIS_CUSTOMERS_KEY % shard, *some)
        return found

    async def due(self, shard: int, index: str, until: float) -> list[tuple[float, str]]:
        """See `Store.due`; members of one score come by their bytes, which in UTF-8 is by their characters."""
        return _scored(
            await self._read("ZRANGE", REDIS_INDEX_KEY % (shard, index), "-inf", until, "BYSCORE", "WITHSCORES")
        )

    async def count(self, shard: int, index: str, until: float) -> int:
        """See `Store.count`."""
        return int(await self._read("ZCOUNT", REDIS_INDEX_KEY % (shard, index), "-inf", until))

    async def counts(self, shard: int, asked: Sequence[tuple[str, float]]) -> list[int]:
        """See `Store.counts`; in a script, so that all are of one moment, and of a cluster's one node."""
        numbers = {index: number for number, index in enumerate(dict.fromkeys(index for index, _ in asked), 1)}
        if not numbers:
            return []
        keys = [REDIS_INDEX_KEY % (shard, index) for index in numbers]
        arguments = list(chain.from_iterable((numbers[index], until) for index, until in asked))
        return list(await again(lambda: self._run(_COUNTS, keys, arguments), self._patience_s))

    async def top(self, shard: int, index: str, n: int) -> list[tuple[float, str]]:
        """See `Store.top`."""
        if n <= 0:
            return []
        keys = [REDIS_INDEX_KEY % (shard, index)]
        found = _scored(await again(lambda: self._run(_TOP, keys, [n]), self._patience_s))
        return sorted(found, key=lambda scored: (-scored[0], scored[1]))[:n]

    async def commit(self, shard: int, commit: Commit) -> None:
        """See `Store.commit`; sent once, so `StoreUnavailable` leaves open whether it was applied."""
        customers: list[str | memoryview] = []
        for customer_id, body in commit.customers:
            customers += (customer_id, memoryview(body))  # the client copies bytes several times, and a view once
        if sum(map(len, customers)) > MOST_BYTES:
            raise StoreError(f"a commit is larger than {MOST_BYTES:,} bytes: lower {BATCH_RECORDS}")
        outputs = [
            _encode_output((output.topic, output.key, output.output_id, output.body)) for output in commit.outputs
        ]
        keys = [REDIS_SHARD_KEY % shard, REDIS_CUSTOMERS_KEY % shard, REDIS_OUTBOX_KEY % shard]
        counts: list[int] = []
        moved: list[float | str] = []
        for name, changes in commit.indexes.items():
            last = dict(changes)
            moves = [(score, member) for member, score in last.items() if score is not None]
            gone = [member for member, score in last.items() if score is None]
            keys.append(REDIS_INDEX_KEY % (shard, name))
            counts += (len(moves), len(gone))
            moved += chain.from_iterable(moves)
            moved += gone
        documents = [] if commit.documents is None else [commit.documents]
        head = (FORMAT, commit.expected_position, commit.position, commit.state)
        counts = [len(documents), len(customers) // 2, len(outputs), *counts]
        outcome, *details = await self._run(_COMMIT, keys, [*head, *counts, *documents, *customers, *outputs, *moved])
        if outcome == b"conflict":
            raise PositionConflict(shard, commit.expected_position, int(details[0]))
        if outcome == b"refused":
            why = details[0].decode()
            if why == "format":
                raise StoreError(_other_format(self._place, details[1]))
            raise StoreError(f"{self._place}: {_REFUSALS[why]}")

    async def outbox(self, shard: int, limit: int) -> list[OutboxEntry]:
        """See `Store.outbox`."""
        if limit <= 0:
            return []
        entries = []
        for member in await self._read("ZRANGE", REDIS_OUTBOX_KEY % shard, 0, limit - 1):
            number, _, packed = member.partition(b" ")
            topic, key, output_id, body = _decode_output(packed)
            entries.append(OutboxEntry(int(number), topic, key, output_id, body))
        return entries

    async def outbox_depth(self, shard: int) -> int:
        """See `Store.outbox_depth`."""
        return int(await self._read("ZCARD", REDIS_OUTBOX_KEY % shard))

    async def clear_outbox(self, shard: int, through_sequence: int) -> None:
        """See `Store.clear_outbox`."""
        await self._read("ZREMRANGEBYSCORE", REDIS_OUTBOX_KEY % shard, "-inf", through_sequence)

    async def customers_of(self, shard: int) -> AsyncIterator[tuple[str, bytes]]:
        """Every customer of a shard, as (id, encoded aggregate); one that changes meanwhile may come twice."""
        cursor = 0
        while True:
            cursor, found = await self._read("HSCAN", REDIS_CUSTOMERS_KEY % shard, cursor, "COUNT", 1000)
            for customer_id, body in found.items():
                yield customer_id.decode(), body
            if not cursor:
                return

    async def customer_count(self, shard: int) -> int:
        """How many customers a shard has."""
        return int(await self._read("HLEN", REDIS_CUSTOMERS_KEY % shard))

    async def delivered(self, shard: int) -> int:
        """The highest sequence number that has been cleared from a shard's outbox; 0 when none has."""
        # In this order: what is committed in between then waits, and is not taken for delivered.
        (sequence,) = await self._read("HMGET", REDIS_SHARD_KEY % shard, "sequence")
        waiting = await self.outbox(shard, 1)
        return waiting[0].sequence - 1 if waiting else int(sequence or 0)

    async def close(self) -> None:
        """See `Store.close`."""
        await self._client.aclose()

    async def _read(self, *command: Any) -> Any:
        return await again(lambda: send(self._client, self._place, *command), self._patience_s)

    async def _run(self, script: _Script, keys: list[str], arguments: list[Any]) -> Any:
        try:
            return await send(self._client, self._place, "EVALSHA", script.digest, len(keys), *keys, *arguments)
        except ScriptMissing:  # first use, or Redis has been restarted: nothing was run
            return await send(self._client, self._place, "EVAL", script.text, len(keys), *keys, *arguments)


def _scored(flat: list[bytes]) -> list[tuple[float, str]]:
    return [(float(score), member.decode()) for member, score in zip(flat[::2], flat[1::2], strict=True)]


def _other_format(place: str, written: bytes) -> str:
    return f"{place}: store format {written.decode()}, this version reads {FORMAT}: delete ebbwatch:* to rebuild it"
