"""The learner's process on a real Kafka: examples in, models out into every shard, whatever is killed."""

import random
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
from kafka import KafkaProducer

from config.policies import load_policies
from models.churn_records import LEFT, STAYED, Observed
from models.events import ModelActivated
from models.feature_list import STANDARD_SET
from models.learner_state import encode_state
from models.scoring_model import model_digest, model_from_document, ready
from streams.codecs import decode_ledger_run
from streams.learner_feed import EXAMPLES_TOPIC
from streams.learner_run import Arrived, LearnerRun
from streams.learner_store import LearnerStore
from streams.names import EVENTS_TOPIC, LEARNER_FILE, SEQUENCE_HEADER, SHARD_HEADER
from tests.support.churn_stream import BEGIN, HORIZON, TIERS, Example, body, placed, settled
from tests.support.command_line import command
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import fresh_topics, read_topic
from tests.support.live_commands import invoke
from tests.support.workers import WorkerProcess

SHARDS = 2
COUNT = 400
LONGEST_S = 60.0


def until(reached: Callable[[], bool]) -> None:
    give_up = time.monotonic() + LONGEST_S
    while not reached():
        assert time.monotonic() < give_up, "it takes too long"
        time.sleep(0.02)


def real_stream() -> list[Example]:
    """Examples of the features that the service uses; who is high in the first one leaves more often."""
    draw, schema = random.Random(5), STANDARD_SET.schema
    examples: list[Example] = []
    for number in range(COUNT):
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


def publish(bootstrap: str, examples: list[Arrived]) -> None:
    """Append to the one partition."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
    try:
        for one in examples:
            headers = [(SHARD_HEADER, str(one.shard).encode()), (SEQUENCE_HEADER, str(one.sequence).encode())]
            producer.send(EXAMPLES_TOPIC, one.body, headers=headers, partition=0)
        producer.flush()
    finally:
        producer.close()


def announced(kafka: KafkaServer) -> list[list[ModelActivated]]:
    """The models in each shard of the ledger, in order."""
    found = read_topic(kafka.bootstrap, EVENTS_TOPIC)
    runs = [decode_ledger_run([record.value for record in found[shard]]) for shard in range(SHARDS)]
    return [[record.event for record in run if isinstance(record.event, ModelActivated)] for run in runs]


def test_a_learner_learns_announces_and_survives(kafka: KafkaServer, tmp_path: Path) -> None:
    """Killed in the middle, with repeats and rubbish in between, it comes to what a straight run does, to the bit."""
    fresh_topics(kafka.bootstrap, SHARDS)
    arrived = [Arrived(one.shard, one.sequence, body(one.example)) for one in placed(real_stream(), SHARDS)]
    data, log = tmp_path / "learner", tmp_path / "learner.log"
    words = command("learn", "--data", data, "--no-forest")
    settings = {"EBBWATCH_KAFKA_BROKERS": kafka.bootstrap}

    arrived.insert(500, Arrived(SHARDS, 1, b"rubbish"))
    publish(kafka.bootstrap, [*arrived[:600], *arrived[350:600]])
    first = WorkerProcess(log, words, **settings)
    until(lambda: (data / LEARNER_FILE).exists() and any(announced(kafka)))
    first.kill()
    second = WorkerProcess(log, words, **settings).wait_ready()
    publish(kafka.bootstrap, arrived[600:])
    until(lambda: second.metric("ebbwatch_model_learnt") == COUNT)
    until(lambda: second.metric("ebbwatch_model_lag_records") == 0)
    assert second.metric('ebbwatch_model_quality{learner="hat_adagrad",measure="examples"}') == COUNT
    assert second.metric("ebbwatch_model_matured_fraction") == 1.0

    straight = LearnerRun(tmp_path, load_policies().churn.base_rate)  # type: ignore[union-attr]
    models = straight.take("a straight run", len(arrived), arrived)
    shards = announced(kafka)
    assert [model.version for model in shards[0]] == [model.version for model in shards[1]]
    assert shards[0][-1].version == models[-1].version
    for activated in shards[1]:
        model = model_from_document(activated.document)
        assert model in models
        assert (ready(model).version, model_digest(model)) == (activated.version, activated.digest)

    store = LearnerStore(data / LEARNER_FILE)  # an operator rolls back while it runs
    with store.change():
        store.versions.pin(models[0].version)
    until(lambda: announced(kafka)[1][-1].version == models[0].version)
    assert invoke(kafka, "learn", "--data", data, code=1).output.startswith("Error: ")
    assert second.stop() == 0, second.last_lines()
    state = store.state()
    assert state is not None
    assert encode_state(state) == encode_state(straight.learner.state())
    assert state.counts["unreadable"] == 1
    assert list(store.journal()) == list(straight.store.journal())
    store.close()
    text = log.read_text()
    assert "rubbish" not in text
    assert "o00001" not in text
