"""Topics for tests: the durable names, empty, whatever the test before left in them."""

import time
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer
from kafka.admin import MemberToRemove

from streams.offsets import end_offsets, partitions_of
from streams.topics import Plan, TopicsRefused, create_topics

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


def read_topic(bootstrap: str, topic: str) -> dict[int, list[Any]]:
    """All records of a topic up to its present end, by partition; records have `key`, `value`, `headers`, `offset`."""
    records: dict[int, list[Any]] = {}
    with (
        KafkaAdminClient(bootstrap_servers=bootstrap) as admin,
        KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer,
    ):
        ends = end_offsets(admin, partitions_of(admin, topic))
        consumer.assign(list(ends))
        give_up = time.monotonic() + _LONGEST_S
        while any(consumer.position(place) < end for place, end in ends.items()):
            assert time.monotonic() < give_up, f"{topic} cannot be read to its end"
            for place, run in consumer.poll(200).items():
                records.setdefault(place.partition, []).extend(run)
    return {place.partition: records.get(place.partition, []) for place in ends}


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
