"""Examples of the features that the service uses, as a learner reads them from Kafka."""

import random
from collections.abc import Iterable
from datetime import timedelta

import numpy as np
from kafka import KafkaProducer

from models.churn_records import LEFT, STAYED, Observed
from models.feature_list import STANDARD_SET
from streams.learner_feed import EXAMPLES_TOPIC
from streams.learner_run import Arrived
from streams.names import SEQUENCE_HEADER, SHARD_HEADER
from tests.support.churn_stream import BEGIN, HORIZON, TIERS, Example, settled


def real_stream(count: int) -> list[Example]:
    """`count` observations and outcomes, by time; who is high in the first feature leaves more often."""
    draw, schema = random.Random(5), STANDARD_SET.schema
    examples: list[Example] = []
    for number in range(count):
        x = [draw.gauss(1.0, 1.0) for _ in schema.features]
        at = BEGIN + timedelta(minutes=14.4 * number)
        seen = Observed(
            observation_id=f"o{number:05d}",
            at=at,
            due=at + HORIZON,
            schema=schema.name,
            schema_version=schema.version,
            features=np.array(x, "<f4").tobytes(),
            score=0.1,
            model_version="cold",
            tier=TIERS[number % 3],
        )
        outcome = LEFT if draw.random() < (0.5 if x[0] > 1.5 else 0.1) else STAYED
        examples += [seen, settled(seen, outcome)]
    return sorted(examples, key=lambda example: (example.at, example.observation_id))


def publish_examples(bootstrap: str, examples: Iterable[Arrived]) -> None:
    """Append to the one partition."""
    with KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5) as producer:
        for one in examples:
            headers = [(SHARD_HEADER, b"%d" % one.shard), (SEQUENCE_HEADER, b"%d" % one.sequence)]
            producer.send(EXAMPLES_TOPIC, one.body, headers=headers, partition=0)
        producer.flush()
