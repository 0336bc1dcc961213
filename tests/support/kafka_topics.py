"""Topics for tests: the durable names, empty, whatever the test before left in them."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, MemberToRemove

from streams.names import ONE_PARTITION_TOPICS, SHARD_HEADER
from streams.topics import Plan, TopicsRefused, create_topics, find_topics

_LONGEST_S = 30.0


def fresh_topics(bootstrap: str, partitions: int = 2) -> None:
    """Delete all topics and consumer groups and make ours again, empty; returns when every partition has a leader.

    The ledger is empty too: `streams.ledger_seed.seed_ledger` begins it, as a worker does when it starts.
    """
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        _delete(admin)
        _create(admin, partitions)


def delete_topics(bootstrap: str) -> None:
    """Delete all topics and consumer groups."""
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        _delete(admin)


def alter_topic(admin: KafkaAdminClient, topic: str, **config: str) -> None:
    """Change a topic's configuration (`max_message_bytes="300"`); returns when the broker goes by it."""
    wanted = {key.replace("_", "."): value for key, value in config.items()}
    admin.alter_configs([ConfigResource("TOPIC", topic, wanted)])
    give_up = time.monotonic() + _LONGEST_S
    while not wanted.items() <= find_topics(admin)[topic].config.items():
        assert time.monotonic() < give_up, f"the configuration of {topic} does not change"
        time.sleep(0.02)


def by_shard(topic: str, found: Mapping[int, list[Any]]) -> dict[int, list[Any]]:
    """Records of a topic of outputs by shard, given by partition: where there is one partition, a header tells."""
    if topic not in ONE_PARTITION_TOPICS:
        return dict(found)
    shards: dict[int, list[Any]] = defaultdict(list)
    for record in found[0]:
        shards[int(dict(record.headers)[SHARD_HEADER])].append(record)
    return shards


def read_topic(bootstrap: str, topic: str) -> dict[int, list[Any]]:
    """All records of a topic up to its present end, by partition; records have `key`, `value`, `headers`, `offset`.

    Not to be called where an event loop runs. The client is aiokafka's: workers compress, and kafka-python reads no
    lz4 without another library.
    """
    return asyncio.run(_read_topic(bootstrap, topic))


async def _read_topic(bootstrap: str, topic: str) -> dict[int, list[Any]]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=50)
    await consumer.start()
    try:
        async with asyncio.timeout(_LONGEST_S):
            while not (places := sorted(consumer.assignment())):  # without a group it takes all there are
                await asyncio.sleep(0.01)
            ends = await consumer.end_offsets(places)
            records: dict[int, list[Any]] = {place.partition: [] for place in places}
            for place, end in ends.items():
                while await consumer.position(place) < end:
                    for found, run in (await consumer.getmany(timeout_ms=200)).items():
                        records[found.partition] += run
            return records
    finally:
        await consumer.stop()


def _delete(admin: KafkaAdminClient) -> None:
    found = [name for name in _names(admin) if not name.startswith("__")]
    if found:
        admin.delete_topics(found)
    for group in [each["group_id"] for each in admin.list_groups()]:
        _delete_group(admin, group)
    give_up = time.monotonic() + _LONGEST_S
    while any(not name.startswith("__") for name in _names(admin)):
        assert time.monotonic() < give_up, "topics are still there after they were deleted"
        time.sleep(0.05)


def _delete_group(admin: KafkaAdminClient, group: str) -> None:
    """Members that were killed would keep the group, and its offsets, until their session is over."""
    give_up = time.monotonic() + _LONGEST_S
    while True:
        members = admin.describe_groups([group])[group]["members"]
        admin.remove_group_members(group, [MemberToRemove(member_id=member["member_id"]) for member in members])
        if admin.delete_groups([group])[group] == "OK":
            return
        assert time.monotonic() < give_up, f"the consumer group {group} cannot be deleted"
        time.sleep(0.1)


def _create(admin: KafkaAdminClient, partitions: int) -> None:
    give_up = time.monotonic() + _LONGEST_S
    while True:
        try:
            create_topics(admin, Plan(partitions=partitions))
        except TopicsRefused:  # a deletion that is not through yet
            assert time.monotonic() < give_up, "a topic cannot be made again"
            time.sleep(0.1)
        else:
            return


def _names(admin: KafkaAdminClient) -> list[str]:
    names: list[str] = admin.list_topics()
    return names
