"""The topics, as they are and as they are made. What exists is never changed: a topic may hold a bank's only copy."""

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import KafkaError, TopicAlreadyExistsError
from msgspec import Struct

from config.settings import KafkaSettings
from streams.kafka_connection import BrokerError, open_admin
from streams.names import EVENTS_TOPIC, ONE_PARTITION_TOPICS
from streams.offsets import end_offsets, partitions_of
from streams.topic_rules import (
    ALL_TOPICS,
    CREATE,
    DAY_MS,
    FOREVER,
    MAX_MESSAGE_BYTES,
    Topic,
    TopicsCheck,
    expected,
    judge,
)

DEFAULT_PARTITIONS = 8
_KEPT = frozenset({EVENTS_TOPIC}) | ONE_PARTITION_TOPICS
"""Topics that others are made again from: the state from the ledger, what has been learnt from the examples."""


class TopicsRefused(RuntimeError):
    """Topics that cannot be made as asked; the message says what to ask for."""


class Plan(Struct, frozen=True, kw_only=True):
    """How topics are to be made.

    `partitions` None: as many as the topics have that exist already. The ledger and the examples are kept for ever
    unless `ledger_retention_days` says otherwise, the others as long as the brokers' default says.
    """

    partitions: int | None = None
    replication: int = 1
    retention_days: int | None = None
    ledger_retention_days: int | None = None

    def config(self, name: str) -> dict[str, str]:
        """The configuration of a topic that is made by this plan."""
        config = {
            "cleanup.policy": "delete",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "min.insync.replicas": str(min(max(self.replication - 1, 1), 2)),
        }
        days = self.ledger_retention_days if name in _KEPT else self.retention_days
        if days is not None:
            config["retention.ms"] = str(days * DAY_MS)
        elif name in _KEPT:
            config["retention.ms"] = FOREVER
        if name in _KEPT:
            config["retention.bytes"] = FOREVER
        return config


class Made(Struct, frozen=True):
    """What was created, and where what existed differs from the plan (it was left as it is)."""

    created: list[str]
    differences: list[str]
    partitions: int


def check_topics(kafka: KafkaSettings) -> TopicsCheck:
    """Whether the service can run on the topics as they are; raises `BrokerError`."""
    admin = open_admin(kafka)
    try:
        return judge(find_topics(admin))
    except KafkaError as error:
        raise BrokerError(f"the topics cannot be looked at ({type(error).__name__})") from None
    finally:
        admin.close()


def find_topics(admin: KafkaAdminClient) -> dict[str, Topic]:
    """Those of our topics that exist. All topics are listed, since asking for one by name could create it."""
    found = {
        topic["name"]: (len(topic["partitions"]), min(len(each["replica_nodes"]) for each in topic["partitions"]))
        for topic in admin.describe_topics()
        if topic["name"] in ALL_TOPICS and topic["partitions"]
    }
    if not found:
        return {}
    described = admin.describe_configs([ConfigResource("TOPIC", name) for name in found], config_filter="all")
    configs = described.get("topic", {})
    return {
        name: Topic(name, partitions, replication, {key: one["value"] for key, one in configs.get(name, {}).items()})
        for name, (partitions, replication) in found.items()
    }


def create_topics(admin: KafkaAdminClient, plan: Plan) -> Made:
    """Create what is missing, and wait until it can be used; raises `TopicsRefused`, `BrokerError`."""
    found = find_topics(admin)
    partitions = _partitions(found, plan)
    missing = [name for name in ALL_TOPICS if name not in found]
    if missing:
        wanted = {
            name: {
                "num_partitions": expected(name, partitions),
                "replication_factor": plan.replication,
                "configs": plan.config(name),
            }
            for name in missing
        }
        try:
            admin.create_topics(wanted)
            admin.wait_for_topics(missing)
            # Leaders are named before they serve; whoever produced at once would be sent away for a while.
            end_offsets(admin, [place for name in missing for place in partitions_of(admin, name)])
        except TopicAlreadyExistsError:
            raise TopicsRefused("a topic has been created meanwhile by somebody else: look, and try again") from None
        except KafkaError as error:
            raise TopicsRefused(f"the brokers refuse to create topics: {error}") from None
    return Made(missing, _differences(found, plan), partitions)


def _partitions(found: dict[str, Topic], plan: Plan) -> int:
    """The partition count to create with: never one that what exists forbids."""
    others = [topic for topic in found.values() if topic.name not in ONE_PARTITION_TOPICS]
    counts = {topic.partitions for topic in others}
    if EVENTS_TOPIC in found:
        counts = {found[EVENTS_TOPIC].partitions}
    if len(counts) > 1:
        have = ", ".join(f"{topic.name} {topic.partitions}" for topic in others)
        raise TopicsRefused(f"the topics that exist differ in their partitions ({have}): delete those that are wrong")
    wanted = plan.partitions
    if not counts:
        return wanted or DEFAULT_PARTITIONS
    (existing,) = counts
    if wanted not in (None, existing):
        raise TopicsRefused(
            f"the topics that exist have {existing} partitions: run `{CREATE}` without --partitions to match them."
            " The count cannot be changed later: it decides which customer is in which shard"
        )
    return existing


def _differences(found: dict[str, Topic], plan: Plan) -> list[str]:
    differences = []
    for topic in found.values():
        if topic.replication != plan.replication:
            differences.append(f"{topic.name}: replication is {topic.replication}, not {plan.replication}")
        for key, wanted in plan.config(topic.name).items():
            value = topic.config.get(key)
            if value is not None and value != wanted:
                differences.append(f"{topic.name}: {key} is {value}, not {wanted}")
    return differences
