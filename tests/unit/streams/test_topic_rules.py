"""What is said of topics that the service cannot run on."""

import pytest

from streams.names import ONE_PARTITION_TOPICS
from streams.topic_rules import ALL_TOPICS, Topic, judge

GOOD = {
    "cleanup.policy": "delete",
    "max.message.bytes": "1048588",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "min.insync.replicas": "2",
}


def topic(name: str, partitions: int = 4, replication: int = 3, **changed: str) -> Topic:
    return Topic(name, partitions, replication, {**GOOD, **{key.replace("_", "."): to for key, to in changed.items()}})


def found(*changed: Topic) -> dict[str, Topic]:
    good = {name: topic(name, partitions=1 if name in ONE_PARTITION_TOPICS else 4) for name in ALL_TOPICS}
    return {**good, **{each.name: each for each in changed}}


def test_good_topics_are_good() -> None:
    """Topics as they are recommended raise neither problem nor warning."""
    check = judge(found())
    assert (check.partitions, check.problems, check.warnings) == (4, [], [])


def test_a_missing_topic_names_the_command() -> None:
    """Whoever reads the refusal knows what to run."""
    topics = found()
    del topics["bank.calls"]
    assert judge(topics).problems == ["bank.calls: there is no such topic: run `ebbwatch topics create`"]
    assert len(judge({}).problems) == len(ALL_TOPICS)
    assert judge({}).partitions == 0


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (topic("bank.calls", partitions=3), "bank.calls: has 3 partitions, ebbwatch.events has 4"),
        (topic("ebbwatch.examples", partitions=4), "ebbwatch.examples: has 4 partitions: it must have one"),
        (topic("ebbwatch.alerts", max_message_bytes="999999"), "ebbwatch.alerts: max.message.bytes is 999999"),
        (topic("bank.logins", retention_ms="86399999"), "bank.logins: retention.ms is 86399999"),
        (topic("ebbwatch.events", cleanup_policy="compact"), "ebbwatch.events: is compacted"),
        (topic("ebbwatch.events", cleanup_policy="delete,compact"), "ebbwatch.events: is compacted"),
    ],
)
def test_what_breaks_a_promise_is_a_problem(changed: Topic, sentence: str) -> None:
    """Each problem names the topic, what it is and what to run."""
    (problem,) = judge(found(changed)).problems
    assert problem.startswith(sentence)
    assert "run `" in problem


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (topic("ebbwatch.events", retention_bytes="1000000"), "ebbwatch.events: retention.bytes limits the ledger"),
        (topic("bank.calls", replication=1), "fewer than 3 copies"),
        (topic("bank.calls", min_insync_replicas="1"), "bank.calls: min.insync.replicas is 1"),
        (Topic("bank.calls", 4, 3, {}), "bank.calls: its configuration may not be read"),
    ],
)
def test_what_is_risky_is_a_warning(changed: Topic, sentence: str) -> None:
    """A warning does not keep the service from running."""
    check = judge(found(changed))
    assert check.problems == []
    (warning,) = check.warnings
    assert warning.startswith(sentence)


def test_a_compacted_output_is_no_problem() -> None:
    """Consumers upsert outputs by id, so an operator may compact those."""
    assert judge(found(topic("ebbwatch.alerts", cleanup_policy="compact"))).problems == []
