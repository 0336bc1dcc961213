"""The live service under test: topics, a Redis and workers; what they hold, and what a straight line makes of it."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from kafka import KafkaAdminClient, KafkaProducer

from models.events import EVENT_TYPES, FEED_TYPES
from streams.names import EVENTS_TOPIC, FEED_TOPICS, SEQUENCE_HEADER, STREAM_TOPICS
from streams.offsets import committed_offsets, end_offsets, partitions_of
from streams.processor import ShardProcessor
from streams.replay import Replayed
from streams.sharding import shard_of
from streams.stores.memory import MemoryStore
from streams.stores.redis import RedisStore
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import by_shard, fresh_topics, read_topic
from tests.support.redis_server import RedisServer
from tests.support.workers import WorkerProcess

LONGEST_S = 60.0
GROUP = "ebbwatch"
_OUTBOX_AT_ONCE = 1_000_000
_TOPIC_OF_TYPE = {
    event_type: FEED_TOPICS[feed]
    for event_type, struct in EVENT_TYPES.items()
    for feed, structs in FEED_TYPES.items()
    if struct in structs
}


class Known(msgspec.Struct):
    """What has to be known of a feed line to send it."""

    type: str
    customer_id: str


class LiveService:
    """Workers over empty topics and an empty Redis, all of which belong to one test or module."""

    def __init__(
        self, kafka: KafkaServer, redis: RedisServer, directory: Path, partitions: int = 2, **settings: str
    ) -> None:
        """Empty the topics and Redis; `settings` are those of every worker."""
        self.kafka = kafka
        self.redis = redis
        self.partitions = partitions
        self.store = redis.settings()
        """How the test itself reaches Redis."""
        self.workers: list[WorkerProcess] = []
        self._directory = directory
        self._settings = {
            "EBBWATCH_KAFKA_BROKERS": kafka.bootstrap,
            "EBBWATCH_SESSION_TIMEOUT_S": "30",
            **redis.environment(),
            **settings,
        }
        fresh_topics(kafka.bootstrap, partitions)
        redis.flush()

    # --- workers ---------------------------------------------------------------------------------

    def start(self, count: int = 1, words: list[str] | None = None, **settings: str) -> list[WorkerProcess]:
        """Start workers side by side, without waiting for them."""
        started = [
            WorkerProcess(
                self._directory / f"worker-{len(self.workers) + number}.log", words, **self._settings, **settings
            )
            for number in range(count)
        ]
        self.workers += started
        return started

    @property
    def running(self) -> list[WorkerProcess]:
        """Those that have not ended."""
        return [worker for worker in self.workers if worker.exit_code is None]

    def wait_all_assigned(self) -> None:
        """Until every worker that runs is ready, and has its share."""
        until(lambda: all(worker.is_ready() and assigned(worker) for worker in self.running), "workers get no share")

    def stop(self) -> None:
        """Stop whatever still runs."""
        for worker in self.running:
            worker.stop()

    def log(self) -> str:
        """All that the workers have written."""
        return "".join(worker.log.read_text(errors="replace") for worker in self.workers)

    # --- what goes in ----------------------------------------------------------------------------

    def publish(self, lines: Iterable[bytes]) -> None:
        """Send feed lines to the topic of their type, in order for each customer."""
        self.send((_TOPIC_OF_TYPE[known.type], self.shard(known.customer_id), line) for known, line in _known(lines))

    def send(self, records: Iterable[tuple[str, int, bytes | None]]) -> None:
        """Send (topic, partition, value) as they are; returns when the broker has them."""
        with KafkaProducer(
            bootstrap_servers=self.kafka.bootstrap, acks="all", linger_ms=5, max_request_size=2_000_000
        ) as producer:
            for sent in [
                producer.send(topic, value, b"gone" if value is None else None, partition=place)
                for topic, place, value in records
            ]:
                sent.get(30)

    def shard(self, customer_id: str) -> int:
        """The shard of a customer."""
        return shard_of(customer_id, self.partitions)

    # --- what comes out --------------------------------------------------------------------------

    def wait_folded(self) -> None:
        """Until all that was published is committed to Kafka as taken in, and all of the ledger is folded."""
        with KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap) as admin:
            feeds = end_offsets(
                admin, [place for topic in FEED_TOPICS.values() for place in partitions_of(admin, topic)]
            )
            wanted = {place: end for place, end in feeds.items() if end}
            until(
                lambda: wanted.items() <= committed_offsets(admin, GROUP).items(),
                lambda: f"feeds are not taken in: {wanted} {committed_offsets(admin, GROUP)}",
            )
            ends = end_offsets(admin, partitions_of(admin, EVENTS_TOPIC))
        until(
            lambda: all(self.positions()[place.partition] >= end for place, end in ends.items()),
            "the ledger is not folded",
        )

    def positions(self) -> list[int]:
        """Where the store says that each shard stands."""
        return asyncio.run(self._positions())

    def held(self) -> dict[int, Replayed]:
        """What Redis holds of each shard, and what has been delivered of its alerts; waits until nothing moves."""
        give_up = time.monotonic() + LONGEST_S
        while True:
            assert time.monotonic() < give_up, "the shards do not come to rest"
            delivered = self.delivered()
            found = asyncio.run(self._held(delivered))
            if found is not None and delivered == self.delivered():
                return found
            time.sleep(0.2)

    def straight(self, held: dict[int, Replayed]) -> dict[int, Replayed]:
        """What a straight fold over the ledger topic, up to where each shard stands, makes of it."""
        ledger = read_topic(self.kafka.bootstrap, EVENTS_TOPIC)
        return {
            shard: asyncio.run(fold_straight(shard, [record.value for record in ledger[shard]][: one.position]))
            for shard, one in held.items()
        }

    def delivered(self) -> dict[int, dict[tuple[str, int], bytes]]:
        """Of each shard, the alerts by topic and sequence number; a repeat must be the same, byte for byte."""
        found: dict[int, dict[tuple[str, int], bytes]] = {}
        for topic in STREAM_TOPICS.values():
            for shard, records in by_shard(topic, read_topic(self.kafka.bootstrap, topic)).items():
                outputs = found.setdefault(shard, {})
                for record in records:
                    place = (topic, int(dict(record.headers)[SEQUENCE_HEADER]))
                    assert outputs.setdefault(place, record.value) == record.value, f"{place} is not what it was"
        return found

    def ledger(self) -> list[Any]:
        """Every ledger record, decoded to plain JSON, shard after shard."""
        found = read_topic(self.kafka.bootstrap, EVENTS_TOPIC)
        return [msgspec.json.decode(record.value) for records in found.values() for record in records]

    def taken_in(self) -> Counter[tuple[str, int]]:
        """How often each place of the feeds stands in the ledger, by source and offset."""
        return Counter((record["source"], record["source_offset"]) for record in self.ledger() if "source" in record)

    async def _positions(self) -> list[int]:
        store = RedisStore(self.store)
        try:
            return [(await store.open_shard(shard)).position for shard in range(self.partitions)]
        finally:
            await store.close()

    async def _held(self, delivered: dict[int, dict[tuple[str, int], bytes]]) -> dict[int, Replayed] | None:
        store = RedisStore(self.store)
        found = {}
        try:
            for shard in range(self.partitions):
                before = await store.open_shard(shard)
                customers = {name: body async for name, body in store.customers_of(shard)}
                if before != await store.open_shard(shard) or await store.outbox(shard, 1):
                    return None
                found[shard] = Replayed(before.position, before.state, before.documents, customers, delivered[shard])
        finally:
            await store.close()
        return found


async def fold_straight(shard: int, bodies: Sequence[bytes]) -> Replayed:
    """Fold a shard's ledger from its beginning, all at once."""
    store = MemoryStore()
    processor = ShardProcessor(store, shard)
    await processor.open()
    if bodies:
        await processor.process(0, bodies)
    stored = await store.open_shard(shard)
    outputs = {(entry.topic, entry.sequence): entry.body for entry in await store.outbox(shard, _OUTBOX_AT_ONCE)}
    return Replayed(stored.position, stored.state, stored.documents, store.customers_of(shard), outputs)


def differences(held: dict[int, Replayed], straight: dict[int, Replayed]) -> list[str]:
    """What is not the same, by name: the values may be long."""
    return [
        f"shard {shard}: {name}"
        for shard, one in held.items()
        for name in Replayed.__struct_fields__
        if getattr(one, name) != getattr(straight[shard], name)
    ]


def assigned(worker: WorkerProcess) -> int:
    """How many partitions the worker says it has."""
    return int(msgspec.json.decode(worker.ask("/readyz")[1])["assigned"])


def until(reached: Any, otherwise: Any, longest_s: float = LONGEST_S) -> None:
    """Wait until `reached()`; fails saying `otherwise`, which may be a function that tells more."""
    give_up = time.monotonic() + longest_s
    while not reached():
        assert time.monotonic() < give_up, otherwise() if callable(otherwise) else otherwise
        time.sleep(0.1)


def _known(lines: Iterable[bytes]) -> Iterable[tuple[Known, bytes]]:
    decoder = msgspec.json.Decoder(Known)
    for line in lines:
        yield decoder.decode(line), line
