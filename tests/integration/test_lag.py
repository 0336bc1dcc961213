"""How far the workers are behind, from the command line."""

import asyncio
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.structs import OffsetAndMetadata

from config.policies import load_policies
from config.settings import Settings
from streams.feed_address import address, partition_of
from streams.ledger_seed import seed_ledger
from streams.names import EVENTS_TOPIC
from streams.offsets import committed_offsets
from streams.stores.base import Commit
from streams.stores.opening import open_store
from tests.support.feeds import login, write
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import delete_topics, fresh_topics
from tests.support.live_commands import invoke
from tests.support.redis_server import RedisServer


def rows(output: str) -> dict[tuple[str, int], list[str]]:
    """The table's rows by topic and partition: end, committed, position, lag."""
    words = [line.split() for line in output.splitlines()]
    return {(word[0], int(word[1])): word[2:] for word in words if len(word) == 6 and word[1].isdigit()}


def commit(kafka: KafkaServer, group: str, topic: str, partition: int, offset: int) -> None:
    """Say for a group that it will go on at an offset."""
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        committed_offsets(admin, group)  # waits until the broker knows who coordinates the group
        admin.alter_group_offsets(group, {TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)})


async def stand_at(settings: Settings, shard: int, position: int) -> None:
    """Commit a shard up to a position."""
    store = open_store(settings.store)
    await store.commit(shard, Commit(expected_position=0, position=position, state=b"{}"))
    await store.close()


@pytest.fixture
def behind(kafka: KafkaServer, tmp_path: Path) -> int:
    """The partition of `bank.logins` that holds 30 records, of which the group `night` has done 12."""
    fresh_topics(kafka.bootstrap, 2)
    lines = [login(number, customer="c-1") for number in range(30)]
    invoke(kafka, "publish", write(tmp_path / "feed.ndjson", lines))
    seed_ledger(Settings({"EBBWATCH_KAFKA_BROKERS": kafka.bootstrap}).kafka, load_policies(None))
    partition = partition_of(address(lines[0]), 2)
    commit(kafka, "night", "bank.logins", partition, 12)
    commit(kafka, "night", EVENTS_TOPIC, 0, 1)
    return partition


def test_the_stores_position_counts_for_the_ledger(kafka: KafkaServer, redis_server: RedisServer, behind: int) -> None:
    """Feeds are done as far as the group has committed; the ledger as far as the store stands."""
    asyncio.run(stand_at(Settings({"EBBWATCH_STORE_URL": redis_server.url}), 1, 1))
    output = invoke(kafka, "lag", settings={"EBBWATCH_STORE_URL": redis_server.url, "EBBWATCH_GROUP": "night"}).output
    found = rows(output)
    assert len(found) == 6 * 2
    assert found["bank.logins", behind] == ["30", "12", "-", "18"]
    assert found["bank.logins", 1 - behind] == ["0", "-", "-", "0"]
    assert found[EVENTS_TOPIC, 0] == ["1", "1", "0", "1"]  # the store lost its tail: what Kafka believes does not count
    assert found[EVENTS_TOPIC, 1] == ["1", "-", "1", "0"]
    assert "19 records behind, by the group night" in output


def test_without_a_store_the_group_counts(kafka: KafkaServer, behind: int) -> None:
    """A store that cannot be asked is said, and the table is still there."""
    output = invoke(
        kafka, "lag", settings={"EBBWATCH_STORE_URL": "redis://127.0.0.1:1/0", "EBBWATCH_GROUP": "night"}
    ).output
    assert rows(output)[EVENTS_TOPIC, 0] == ["1", "1", "-", "0"]
    assert "warning: the store's positions are unknown, so the committed offsets count" in output


def test_a_group_that_never_was_is_behind_with_everything(kafka: KafkaServer, behind: int) -> None:
    """Nothing committed means that all of it is still to be done."""
    output = invoke(kafka, "lag", settings={"EBBWATCH_STORE_URL": "sqlite:no-such-file"}).output
    assert rows(output)["bank.logins", behind] == ["30", "-", "-", "30"]
    assert "32 records behind" in output


def test_without_topics_the_command_to_run_is_named(kafka: KafkaServer) -> None:
    """There is nothing to be behind with."""
    delete_topics(kafka.bootstrap)
    assert "run `ebbwatch topics create`" in invoke(kafka, "lag", code=1).output
