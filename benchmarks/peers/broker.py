"""The one Kafka that everybody is measured on: fresh topics, fast loading, reading back."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import TopicAlreadyExistsError

from benchmarks.peers.stream import PARTITIONS
from streams.kafka_producer import BatchProducer, Outgoing
from tests.support.kafka_server import KafkaServer

_JAVA_OPTIONS = ("-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
"""As Kafka's own start script has them."""
_LONGEST_S = 30.0
_LOAD_AT_ONCE = 20_000
_WARM_UP_TOPIC = "warm-up"
_WARM_UP_S = 30.0
_WARM_UP_RECORDS = 60
"""In a batch, about what a pacer sends at a time."""


class Broker:
    """A running Kafka and the clients of the harness."""

    def __init__(self, directory: Path) -> None:
        """Start it; data in `directory`."""
        self.server = KafkaServer(directory, java_options=_JAVA_OPTIONS)
        self.bootstrap = self.server.bootstrap
        self._admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        self._producer = BatchProducer({"bootstrap_servers": self.bootstrap})

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()
        self._admin.close()
        self.server.stop()

    def create(self, *names: str, **configs: str) -> None:
        """Make empty topics; whatever had their names is gone."""
        self.delete(*names)
        settings = {name.replace("_", "."): value for name, value in configs.items()}
        give_up = time.monotonic() + _LONGEST_S
        for name in names:
            while True:
                try:
                    self._admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=settings)])
                    break
                except TopicAlreadyExistsError:  # a deletion that is not through yet
                    assert time.monotonic() < give_up, f"{name} cannot be made again"
                    time.sleep(0.1)
        if names:
            self._admin.wait_for_topics(list(names))

    def delete(self, *names: str) -> None:
        """Delete those of the topics that there are."""
        there = set(self._admin.list_topics())
        found = [name for name in names if name in there]
        if not found:
            return
        self._admin.delete_topics(found)
        give_up = time.monotonic() + _LONGEST_S
        while there & set(found):
            assert time.monotonic() < give_up, "topics are still there after they were deleted"
            time.sleep(0.05)
            there = set(self._admin.list_topics())

    def delete_like(self, part: str) -> None:
        """Delete every topic whose name holds `part`."""
        self.delete(*(name for name in self._admin.list_topics() if part in name and not name.startswith("__")))

    def shares(self, group: str, topic: str) -> list[int]:
        """How many partitions of `topic` each member of a consumer group has; empty while it rebalances."""
        found = self._admin.describe_groups([group])[group]
        if found["group_state"] != "Stable":
            return []
        return [_partitions(member, topic) for member in found["members"]]

    async def warm_up(self, seconds: float = _WARM_UP_S) -> None:
        """Append and read small batches, as fast as they are taken, until the JVM has compiled what serves them.

        A broker that has just been started compiles for half a minute, on a third of a core that whoever is measured
        first would lack; whoever comes later would not.
        """
        self.create(_WARM_UP_TOPIC)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False, fetch_max_wait_ms=5)
        await consumer.start()
        reading = asyncio.create_task(_read_on(consumer))
        try:
            consumer.assign([TopicPartition(_WARM_UP_TOPIC, partition) for partition in range(PARTITIONS)])
            batch = dict.fromkeys(range(PARTITIONS), [(b"key", bytes(500))] * _WARM_UP_RECORDS)
            give_up = time.monotonic() + seconds
            while time.monotonic() < give_up:
                await self.append(_WARM_UP_TOPIC, batch)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await consumer.stop()
            self.delete(_WARM_UP_TOPIC)

    async def load(self, topic: str, records: Mapping[int, Sequence[tuple[bytes, bytes]]]) -> None:
        """Append records, (key, value) by partition, as fast as the broker takes them."""
        longest = max((len(each) for each in records.values()), default=0)
        for start in range(0, longest, _LOAD_AT_ONCE):
            await self.append(topic, {p: each[start : start + _LOAD_AT_ONCE] for p, each in records.items()})

    async def append(
        self,
        topic: str,
        records: Mapping[int, Sequence[tuple[bytes, bytes]]],
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Append records and wait until they are acknowledged."""
        await self._producer.append(
            topic,
            {p: [Outgoing(key, value, list(headers)) for key, value in each] for p, each in records.items()},
        )

    async def read(self, topic: str) -> AsyncIterator[tuple[int, bytes | None, bytes | None]]:
        """Everything committed that is in a topic now, as (partition, key, value), each partition in its order."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=4 << 20,
        )
        await consumer.start()
        try:
            tps = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
            consumer.assign(tps)
            ends = await consumer.end_offsets(tps)
            waiting = {tp for tp in tps if ends[tp]}
            while waiting:
                for tp, records in (await consumer.getmany(*waiting, timeout_ms=500)).items():
                    for record in records:
                        if record.offset < ends[tp]:
                            yield tp.partition, record.key, record.value
                waiting = {tp for tp in waiting if await consumer.position(tp) < ends[tp]}
        finally:
            await consumer.stop()


async def _read_on(consumer: AIOKafkaConsumer) -> None:
    while True:
        await consumer.getmany(timeout_ms=100)


def _partitions(member: dict[str, Any], topic: str) -> int:
    assignment = member["member_assignment"]
    if not assignment:
        return 0
    return sum(len(each["partitions"]) for each in assignment["assigned_partitions"] if each["topic"] == topic)
