"""Topics for tests: the durable names, empty, whatever the test before left in them."""

import time

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove, NewTopic
from kafka.errors import TopicAlreadyExistsError

from streams.names import DEAD_LETTERS_TOPIC, EVENTS_TOPIC, FEED_TOPICS, STREAM_TOPICS

ALL_TOPICS = (*FEED_TOPICS.values(), EVENTS_TOPIC, *STREAM_TOPICS.values(), DEAD_LETTERS_TOPIC)
_LONGEST_S = 30.0


def fresh_topics(bootstrap: str, partitions: int = 2) -> None:
    """Delete all topics and consumer groups and make ours again, empty; returns when every partition has a leader."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        _delete(admin)
        _create(admin, partitions)
        admin.wait_for_topics(list(ALL_TOPICS))
    finally:
        admin.close()


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
            admin.create_topics([NewTopic(name, partitions, 1) for name in ALL_TOPICS])
        except TopicAlreadyExistsError:  # a deletion that is not through yet
            assert time.monotonic() < give_up, "a topic cannot be made again"
            time.sleep(0.1)
        else:
            return


def _names(admin: KafkaAdminClient) -> list[str]:
    names: list[str] = admin.list_topics()
    return names
