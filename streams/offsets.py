"""Where topics begin and end, and how far a group has come, by the brokers."""

import time
from collections.abc import Iterable

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError

_NO_COORDINATOR_YET = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)
_COORDINATOR_S = 15.0


def partitions_of(admin: KafkaAdminClient, topic: str) -> list[TopicPartition]:
    """The partitions of `topic` in order; none where it does not exist. Never creates it."""
    for found in admin.describe_topics([topic]):
        return sorted(TopicPartition(topic, each["partition_index"]) for each in found["partitions"])
    return []


def first_offsets(admin: KafkaAdminClient, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """The offset of the first record that is still there."""
    return _offsets(admin, partitions, OffsetSpec.EARLIEST)


def end_offsets(admin: KafkaAdminClient, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """The offset that the next record will have."""
    return _offsets(admin, partitions, OffsetSpec.LATEST)


def committed_offsets(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """Where the consumer group has said that it will go on; partitions of which it has said nothing are left out."""
    give_up_s = time.monotonic() + _COORDINATOR_S
    while True:
        try:
            committed = admin.list_group_offsets({group: None})[group]
        except _NO_COORDINATOR_YET:  # on brokers that have never seen a group: asking makes them look for one
            if time.monotonic() > give_up_s:
                raise
            time.sleep(0.1)
        else:
            return {partition: found.offset for partition, found in committed.items() if found.offset >= 0}


def _offsets(
    admin: KafkaAdminClient, partitions: Iterable[TopicPartition], spec: OffsetSpec
) -> dict[TopicPartition, int]:
    wanted = dict.fromkeys(partitions, spec)
    if not wanted:
        return {}
    return {partition: found.offset for partition, found in admin.list_partition_offsets(wanted).items()}
