"""What the topics must be for the service to keep its promises, and what is wrong with those that were found."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from streams.names import DEAD_LETTERS_TOPIC, EVENTS_TOPIC, FEED_TOPICS, ONE_PARTITION_TOPICS, STREAM_TOPICS

ALL_TOPICS: Final = (*FEED_TOPICS.values(), EVENTS_TOPIC, *STREAM_TOPICS.values(), DEAD_LETTERS_TOPIC)
"""Every topic that the service reads or writes."""
LEAST_MESSAGE_BYTES: Final = 1_000_000
"""Batches of half a megabyte, and a dead letter that holds the largest record as base64, must fit."""
MAX_MESSAGE_BYTES: Final = 1_048_588
"""What topics are created with: Kafka's own default, said explicitly since a broker may have another."""
DAY_MS: Final = 86_400_000
FOREVER: Final = "-1"
CREATE: Final = "ebbwatch topics create"


class Topic(Struct, frozen=True):
    """A topic as it is; `config` is its effective configuration, empty where it may not be read."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


class TopicsCheck(Struct, frozen=True):
    """The partition count of the ledger, what forbids to run, and what is better changed; 0 without a ledger."""

    partitions: int
    problems: list[str]
    warnings: list[str]


def judge(found: Mapping[str, Topic]) -> TopicsCheck:
    """Judge the topics that were found; each problem names what to run or to change."""
    problems = [f"{name}: there is no such topic: run `{CREATE}`" for name in ALL_TOPICS if name not in found]
    warnings: list[str] = []
    ours = [found[name] for name in ALL_TOPICS if name in found]
    ledger = found.get(EVENTS_TOPIC)
    if ledger is not None:
        ledger_count = ledger.partitions
        problems += [
            _mismatch(topic, ledger) for topic in ours if topic.partitions != expected(topic.name, ledger_count)
        ]
    warnings += _copies(ours)
    for topic in ours:
        if not topic.config:
            warnings.append(f"{topic.name}: its configuration may not be read (DescribeConfigs), so it is not checked")
            continue
        problems += _sizes_and_times(topic)
    if ledger is not None and ledger.config:
        problems += _ledger_problems(ledger)
        warnings += _ledger_warnings(ledger)
    return TopicsCheck(ledger.partitions if ledger is not None else 0, problems, warnings)


def expected(name: str, ledger_partitions: int) -> int:
    """Partitions that a topic must have: as many as the ledger, but one where records have one order."""
    return 1 if name in ONE_PARTITION_TOPICS else ledger_partitions


def _mismatch(topic: Topic, ledger: Topic) -> str:
    if topic.name in ONE_PARTITION_TOPICS:
        return (
            f"{topic.name}: has {topic.partitions} partitions: it must have one, since what is learnt depends on the"
            f" order of its records; delete it and run `{CREATE}` (what it held is lost to learning)"
        )
    return (
        f"{topic.name}: has {topic.partitions} partitions, {ledger.name} has {ledger.partitions}: all topics but"
        f" {', '.join(sorted(ONE_PARTITION_TOPICS))} must have the same number; delete {topic.name} once it is empty"
        f" and run `{CREATE} --partitions {ledger.partitions}`"
    )


def _sizes_and_times(topic: Topic) -> list[str]:
    problems = []
    if _number(topic, "max.message.bytes") < LEAST_MESSAGE_BYTES:
        problems.append(
            f"{topic.name}: max.message.bytes is {topic.config['max.message.bytes']}, at least {LEAST_MESSAGE_BYTES} is"
            f" needed: {_alter(topic, f'max.message.bytes={MAX_MESSAGE_BYTES}')}"
        )
    retention_ms = _number(topic, "retention.ms")
    if 0 <= retention_ms < DAY_MS:
        problems.append(
            f"{topic.name}: retention.ms is {retention_ms}, which is less than a day: a worker that was down for longer"
            f" would lose records: {_alter(topic, f'retention.ms={7 * DAY_MS}')}"
        )
    return problems


def _copies(topics: list[Topic]) -> list[str]:
    warnings = []
    few = [f"{topic.name} ({topic.replication})" for topic in topics if topic.replication < 3]
    if few:
        warnings.append(
            f"fewer than 3 copies, so a broker that is lost may take data along: {', '.join(few)}:"
            f" `{CREATE} --replication 3` makes topics with 3"
        )
    warnings += [
        f"{topic.name}: min.insync.replicas is 1, so what is acknowledged may be on one broker only:"
        f" {_alter(topic, 'min.insync.replicas=2')}"
        for topic in topics
        if topic.replication >= 3 and topic.config and _number(topic, "min.insync.replicas") < 2
    ]
    return warnings


def _ledger_problems(ledger: Topic) -> list[str]:
    if "compact" in ledger.config.get("cleanup.policy", ""):
        return [
            f"{ledger.name}: is compacted, which removes events that state is made of:"
            f" {_alter(ledger, 'cleanup.policy=delete')}"
        ]
    return []


def _ledger_warnings(ledger: Topic) -> list[str]:
    if _number(ledger, "retention.bytes") >= 0:
        return [
            f"{ledger.name}: retention.bytes limits the ledger, whatever has been folded of it:"
            f" {_alter(ledger, 'retention.bytes=-1')}"
        ]
    return []


def _number(topic: Topic, key: str) -> int:
    return int(topic.config[key])


def _alter(topic: Topic, setting: str) -> str:
    return f"run `kafka-configs.sh --alter --entity-type topics --entity-name {topic.name} --add-config {setting}`"
