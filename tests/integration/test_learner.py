"""The learner's process on a real Kafka: examples in, models out into every shard, whatever is killed."""

import time
from collections.abc import Callable
from pathlib import Path

from config.policies import load_policies
from models.events import ModelActivated
from models.learner_state import encode_state
from models.scoring_model import model_digest, model_from_document, ready
from streams.codecs import decode_ledger_run
from streams.learner_run import Arrived, LearnerRun
from streams.learner_store import LearnerStore
from streams.names import EVENTS_TOPIC, LEARNER_FILE
from tests.support.churn_examples import publish_examples, real_stream
from tests.support.churn_stream import body, placed
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


def announced(kafka: KafkaServer) -> list[list[ModelActivated]]:
    """The models in each shard of the ledger, in order."""
    found = read_topic(kafka.bootstrap, EVENTS_TOPIC)
    runs = [decode_ledger_run([record.value for record in found[shard]]) for shard in range(SHARDS)]
    return [[record.event for record in run if isinstance(record.event, ModelActivated)] for run in runs]


def test_a_learner_learns_announces_and_survives(kafka: KafkaServer, tmp_path: Path) -> None:
    """Killed in the middle, with repeats and rubbish in between, it comes to what a straight run does, to the bit."""
    fresh_topics(kafka.bootstrap, SHARDS)
    arrived = [Arrived(one.shard, one.sequence, body(one.example)) for one in placed(real_stream(COUNT), SHARDS)]
    data, log = tmp_path / "learner", tmp_path / "learner.log"
    words = command("learn", "--data", data, "--no-forest")
    settings = {"EBBWATCH_KAFKA_BROKERS": kafka.bootstrap}

    arrived.insert(500, Arrived(SHARDS, 1, b"rubbish"))
    publish_examples(kafka.bootstrap, [*arrived[:600], *arrived[350:600]])
    first = WorkerProcess(log, words, **settings)
    until(lambda: (data / LEARNER_FILE).exists() and any(announced(kafka)))
    first.kill()
    second = WorkerProcess(log, words, **settings).wait_ready()
    publish_examples(kafka.bootstrap, arrived[600:])
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
