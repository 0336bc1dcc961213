"""After each round: wait until all that was published is through, look at everything at one moment, and compare."""

import asyncio
import time
from collections import Counter

from streams.names import DEAD_LETTERS_TOPIC, EVENTS_TOPIC, FEED_TOPICS, ONE_PARTITION_TOPICS, STREAM_TOPICS
from streams.stores.redis import RedisStore
from tests.chaos.accounts import Accounts
from tests.chaos.lines import Picture, StraightLine, picture_of
from tests.chaos.load import Load
from tests.chaos.stack import GIVE_UP_S, SHARDS, Stack
from tests.chaos.tails import Tail
from tests.support.kafka_topics import by_shard


class Verdict:
    """Follows the topics from the first record on; `check` raises at the first difference."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._accounts = Accounts(SHARDS)
        self._lines = [StraightLine(shard, self._accounts.folded) for shard in range(SHARDS)]
        self._feeds = {topic: Tail(topic, SHARDS) for topic in FEED_TOPICS.values()}
        self._ledger = Tail(EVENTS_TOPIC, SHARDS)
        self._letters = Tail(DEAD_LETTERS_TOPIC, SHARDS)
        self._outputs = {
            topic: Tail(topic, 1 if topic in ONE_PARTITION_TOPICS else SHARDS) for topic in STREAM_TOPICS.values()
        }

    @property
    def counts(self) -> Counter[str]:
        """Everything counted so far."""
        return sum((line.counts for line in self._lines), Counter(self._accounts.counts))

    def check(self, load: Load) -> None:
        """Compare; the load must hold still."""
        asyncio.run(self._check(load))

    async def _check(self, load: Load) -> None:
        await self._read_feeds()
        for (topic, partition), confirmed in load.confirmed.items():
            there = self._feeds[topic].next_offsets[partition]
            assert there >= confirmed, f"{topic}/{partition}: {confirmed - there} acknowledged records are gone"
        await self._until_accounted()
        ends = dict(self._ledger.next_offsets)
        store = RedisStore(self._stack.redis.settings())
        try:
            await self._until_folded(store, ends)
            with self._stack.standing_still():
                await asyncio.sleep(0.1)  # what had been sent is answered by now
                pictures = [await picture_of(store, shard) for shard in range(SHARDS)]
                outputs = {topic: await tail.read(self._stack.client_options) for topic, tail in self._outputs.items()}
        finally:
            await store.close()
        await self._read_ledger()
        self._compare(pictures)
        for topic, delivered in outputs.items():
            shards = by_shard(topic, delivered)
            for line in self._lines:
                line.deliver(topic, shards.get(line.shard, []))
        for line, picture in zip(self._lines, pictures, strict=True):
            line.compare_outbox(picture.outbox)
        self._accounts.close()

    def _compare(self, pictures: list[Picture]) -> None:
        for line, picture in zip(self._lines, pictures, strict=True):
            line.advance(picture.stored.position)
            line.compare(picture)

    async def _until_accounted(self) -> None:
        give_up_s = time.monotonic() + GIVE_UP_S
        while True:
            await self._read_ledger()
            for letters in (await self._letters.read(self._stack.client_options)).values():
                self._accounts.refused(letter.value for letter in letters)
            if not self._accounts.waiting:
                return
            self._stack.minding()
            assert time.monotonic() < give_up_s, f"{self._accounts.waiting} records of the feeds are not taken in"
            await asyncio.sleep(0.2)

    async def _until_folded(self, store: RedisStore, ends: dict[int, int]) -> None:
        give_up_s = time.monotonic() + GIVE_UP_S
        while True:
            behind = [shard for shard in ends if (await store.open_shard(shard)).position < ends[shard]]
            if not behind:
                return
            self._stack.minding()
            assert time.monotonic() < give_up_s, f"shards {behind} are not folded to the end of their ledger"
            await asyncio.sleep(0.1)

    async def _read_feeds(self) -> None:
        for topic, tail in self._feeds.items():
            for partition, records in (await tail.read(self._stack.client_options)).items():
                self._accounts.published(topic, partition, records)

    async def _read_ledger(self) -> None:
        for shard, records in (await self._ledger.read(self._stack.client_options)).items():
            self._accounts.appended(self._lines[shard].read([record.value for record in records]))
