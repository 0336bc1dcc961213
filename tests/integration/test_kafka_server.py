"""The broker that other tests rest on: it keeps what it acknowledged, and its address."""

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from streams.names import ONE_PARTITION_TOPICS
from streams.topic_rules import ALL_TOPICS
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import fresh_topics

RECORD = TopicPartition("bank.calls", 0)


def _send(kafka: KafkaServer, value: bytes) -> None:
    with KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer:
        producer.send(RECORD.topic, value, partition=RECORD.partition).get(30)


def _values(kafka: KafkaServer) -> list[bytes]:
    with KafkaConsumer(bootstrap_servers=kafka.bootstrap) as consumer:
        consumer.assign([RECORD])
        consumer.seek_to_beginning(RECORD)
        (end,) = consumer.end_offsets([RECORD]).values()
        values: list[bytes] = []
        while len(values) < end:
            values += [record.value for run in consumer.poll(1000).values() for record in run]
        return values


def test_fresh_topics_are_ours_and_empty(kafka: KafkaServer) -> None:
    """What a test left behind, and its partition count, are gone for the next one."""
    fresh_topics(kafka.bootstrap, 3)
    _send(kafka, b"left behind")
    fresh_topics(kafka.bootstrap, 2)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    found = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics() if not topic["is_internal"]}
    admin.close()
    assert found == {name: 1 if name in ONE_PARTITION_TOPICS else 2 for name in ALL_TOPICS}
    assert _values(kafka) == []


def test_groups_of_members_that_vanished_are_gone(kafka: KafkaServer) -> None:
    """A consumer that was killed does not leave its group's offsets to the next test."""
    fresh_topics(kafka.bootstrap)
    consumer = KafkaConsumer(RECORD.topic, bootstrap_servers=kafka.bootstrap, group_id="vanished")
    while not consumer.assignment():
        consumer.poll(100)
    fresh_topics(kafka.bootstrap)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    assert "vanished" not in [group["group_id"] for group in admin.list_groups()]
    admin.close()
    consumer.close(autocommit=False)


def test_a_kill_and_a_restart_lose_nothing(kafka: KafkaServer) -> None:
    """A record that was acknowledged outlives kill -9, at the same address."""
    fresh_topics(kafka.bootstrap, 1)
    _send(kafka, b"one")
    kafka.kill()
    kafka.start()
    _send(kafka, b"two")
    kafka.restart()
    assert _values(kafka) == [b"one", b"two"]
