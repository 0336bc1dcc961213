"""Topics from the command line, on a real broker."""

from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient

from config.policies import load_policies, policy_digest
from config.settings import Settings
from models.events import PolicyActivated
from streams.codecs import decode_ledger_run
from streams.ledger_seed import seed_ledger
from streams.names import EVENTS_TOPIC, ONE_PARTITION_TOPICS
from streams.offsets import end_offsets, partitions_of
from streams.topic_rules import ALL_TOPICS
from streams.topics import check_topics, find_topics
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import alter_topic, delete_topics, read_topic
from tests.support.live_commands import invoke


@pytest.fixture
def admin(kafka: KafkaServer) -> Iterator[KafkaAdminClient]:
    """A client of a broker without topics."""
    delete_topics(kafka.bootstrap)
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as client:
        yield client


def _settings(kafka: KafkaServer) -> Settings:
    return Settings({"EBBWATCH_KAFKA_BROKERS": kafka.bootstrap})


def test_create_makes_all_topics(kafka: KafkaServer, admin: KafkaAdminClient) -> None:
    """One command makes what the service needs, and the check agrees."""
    output = invoke(kafka, "topics", "create", "--partitions", 3, "--retention-days", 30).output
    assert "3 shards of the ledger begin with policies" in output
    found = find_topics(admin)
    counts = {name: 1 if name in ONE_PARTITION_TOPICS else 3 for name in ALL_TOPICS}
    assert {name: topic.partitions for name, topic in found.items()} == counts
    ledger = found[EVENTS_TOPIC].config
    assert (ledger["cleanup.policy"], ledger["retention.ms"], ledger["retention.bytes"]) == ("delete", "-1", "-1")
    assert found["bank.calls"].config["retention.ms"] == str(30 * 86_400_000)
    kept = {name for name, topic in found.items() if topic.config["retention.ms"] == "-1"}
    assert kept == {EVENTS_TOPIC, *ONE_PARTITION_TOPICS}
    assert "with 3 partitions each (ebbwatch.examples: one): ok" in invoke(kafka, "topics", "check").output


def test_each_shard_begins_with_the_policies(kafka: KafkaServer, admin: KafkaAdminClient) -> None:
    """The fold refuses a ledger that does not begin with policies; seeding again adds nothing."""
    invoke(kafka, "topics", "create", "--partitions", 2)
    policies = load_policies(None)
    assert seed_ledger(_settings(kafka).kafka, policies) == 0
    for records in read_topic(kafka.bootstrap, EVENTS_TOPIC).values():
        (record,) = decode_ledger_run([each.value for each in records])
        assert isinstance(record.event, PolicyActivated)
        assert record.event.digest == policy_digest(policies)
    assert set(end_offsets(admin, partitions_of(admin, EVENTS_TOPIC)).values()) == {1}


def test_create_again_changes_nothing(kafka: KafkaServer, admin: KafkaAdminClient) -> None:
    """What exists is left as it is, and what differs is said."""
    invoke(kafka, "topics", "create", "--partitions", 2)
    assert "nothing to do: all topics exist" in invoke(kafka, "topics", "create").output
    alter_topic(admin, "bank.calls", retention_ms="172800000")
    output = invoke(kafka, "topics", "create", "--retention-days", 7).output
    assert "bank.calls: retention.ms is 172800000, not 604800000 (exists, left as it is)" in output
    assert find_topics(admin)["bank.calls"].config["retention.ms"] == "172800000"


def test_create_completes_what_is_there(kafka: KafkaServer, admin: KafkaAdminClient) -> None:
    """A missing topic gets the partition count of the others, and another count is refused."""
    invoke(kafka, "topics", "create", "--partitions", 5)
    admin.delete_topics(["bank.logins", "ebbwatch.examples"])
    refused = invoke(kafka, "topics", "create", "--partitions", 4, code=1).output
    assert "the topics that exist have 5 partitions" in refused
    output = invoke(kafka, "topics", "create").output
    assert "bank.logins: created with 5 partitions" in output
    assert "ebbwatch.examples: created with 1 partition\n" in output


def test_more_copies_than_brokers_are_refused(kafka: KafkaServer, admin: KafkaAdminClient) -> None:
    """What the brokers cannot do is said in a sentence."""
    output = invoke(kafka, "topics", "create", "--replication", 3, code=1).output
    assert "the brokers refuse to create topics" in output
    assert find_topics(admin) == {}


def test_check_refuses_and_says_what_to_run(kafka: KafkaServer, admin: KafkaAdminClient) -> None:
    """Every problem of real topics is found, each with a command."""
    admin.create_topics({"bank.logins": {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True)
    admin.create_topics({EVENTS_TOPIC: {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True)
    alter_topic(admin, EVENTS_TOPIC, cleanup_policy="compact", max_message_bytes="600000", retention_ms="1000")
    output = invoke(kafka, "topics", "check", code=1).output
    for sentence in (
        "bank.calls: there is no such topic: run `ebbwatch topics create`",
        "bank.logins: has 3 partitions, ebbwatch.events has 2",
        "ebbwatch.events: is compacted",
        "ebbwatch.events: max.message.bytes is 600000",
        "ebbwatch.events: retention.ms is 1000",
    ):
        assert sentence in output
    found = check_topics(_settings(kafka).kafka)
    assert (found.partitions, len(found.problems)) == (2, len(ALL_TOPICS) - 2 + 4)


def test_a_check_creates_nothing(kafka: KafkaServer, admin: KafkaAdminClient) -> None:
    """Looking for topics by name would create them on a broker that creates topics by itself."""
    invoke(kafka, "topics", "check", code=1)
    assert find_topics(admin) == {}


def test_no_broker_is_said_at_once(kafka: KafkaServer) -> None:
    """A broker that is not there is named with the setting to look at."""
    output = invoke(kafka, "topics", "check", code=1, settings={"EBBWATCH_KAFKA_BROKERS": "127.0.0.1:1"}).output
    assert output.startswith("Error: 127.0.0.1:1: cannot be reached")
    assert "see EBBWATCH_KAFKA_BROKERS" in output
