"""The first record of each shard of the live ledger: the policies, without which the fold refuses to begin."""

from kafka import KafkaProducer
from kafka.errors import KafkaError

from config.policies import Policies
from config.settings import KafkaSettings
from streams.codecs import encode_policies_record
from streams.kafka_connection import BrokerError, kafka_python_options, open_admin
from streams.names import EVENTS_TOPIC
from streams.offsets import end_offsets, partitions_of

_DELIVERY_S = 60


def seed_ledger(kafka: KafkaSettings, policies: Policies) -> int:
    """Begin every shard that has never held a record with `policies`; how many that were. Raises `BrokerError`.

    It may be done again, and by several at once: a shard that has begun is left alone, and the same policies twice
    are no change.
    """
    admin = open_admin(kafka)
    try:
        ends = end_offsets(admin, partitions_of(admin, EVENTS_TOPIC))
        empty = sorted(place.partition for place, end in ends.items() if end == 0)
        if empty:
            _append(kafka, empty, policies)
        return len(empty)
    except KafkaError as error:
        raise BrokerError(f"{EVENTS_TOPIC}: its shards cannot be begun ({type(error).__name__})") from None
    finally:
        admin.close()


def _append(kafka: KafkaSettings, partitions: list[int], policies: Policies) -> None:
    body = encode_policies_record(policies, 0)
    with KafkaProducer(**kafka_python_options(kafka), acks="all", allow_auto_create_topics=False) as producer:
        for delivery in [producer.send(EVENTS_TOPIC, body, partition=partition) for partition in partitions]:
            delivery.get(_DELIVERY_S)
