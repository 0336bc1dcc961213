"""A worker that is told to stop while its group is rebalanced: it commits what is under way, and ends in good order."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from streams.names import EVENTS_TOPIC, FEED_TOPICS
from streams.offsets import committed_offsets
from tests.support import feeds
from tests.support.kafka_server import KafkaServer
from tests.support.live_service import GROUP, LiveService, differences, until
from tests.support.redis_server import RedisServer

REBALANCED = "Heartbeat failed for group ebbwatch because it is rebalancing"


@pytest.fixture
def service(
    request: pytest.FixtureRequest, kafka: KafkaServer, redis_of_session: RedisServer, tmp_path: Path
) -> Iterator[LiveService]:
    """Workers that are ready; the parameter is how many, and their session timeout in seconds."""
    workers, session_s = request.param
    settings: dict[str, str] = {"EBBWATCH_CLOCK": "event", "EBBWATCH_SESSION_TIMEOUT_S": str(session_s)}
    live = LiveService(kafka, redis_of_session, tmp_path, 2, **settings)
    live.start(workers)
    live.wait_all_assigned()
    try:
        yield live
    finally:
        live.stop()


@pytest.mark.parametrize("service", [(1, 6)], indirect=True)
def test_a_rebalance_begins_while_a_worker_stops(service: LiveService) -> None:
    """What it was at when it was told to stop is committed all the same, and it does not hang up before that."""
    (stopping,) = service.running
    service.publish(feeds.login(number, 0, f"before-{number}") for number in range(50))
    service.wait_folded()
    before = service.positions()
    os.kill(service.redis.pid, signal.SIGSTOP)
    newcomer = KafkaConsumer(
        *FEED_TOPICS.values(),
        bootstrap_servers=service.kafka.bootstrap,
        group_id=GROUP,
        partition_assignment_strategy=[RoundRobinPartitionAssignor],
        enable_auto_commit=False,
    )
    try:
        service.publish(feeds.login(number, 1, f"under-way-{number}") for number in range(50))
        time.sleep(1)  # for its commit to be under way
        os.kill(stopping.pid, signal.SIGTERM)
        until(lambda: "worker stops" in stopping.log.read_text(), "it is not told to stop")
        until(lambda: newcomer.poll(100) or REBALANCED in stopping.log.read_text(), "no rebalance begins")
        newcomer.poll(1000)  # for it to be told
    finally:
        os.kill(service.redis.pid, signal.SIGCONT)

    assert stopping.wait_end() == 0, stopping.last_lines()
    assert stopping.log_lines()[-1]["message"] == "worker stopped"
    newcomer.close()
    with KafkaAdminClient(bootstrap_servers=service.kafka.bootstrap) as admin:
        committed = committed_offsets(admin, GROUP)
    assert min(positions := service.positions()) > min(before)
    assert [committed[TopicPartition(EVENTS_TOPIC, shard)] for shard in range(2)] == positions
    service.start()
    service.wait_folded()
    held = service.held()
    assert differences(held, service.straight(held)) == []
    assert set(service.taken_in().values()) == {1}


@pytest.mark.parametrize("service", [(2, 15)], indirect=True)
def test_a_worker_stops_while_its_group_waits_for_one_that_sleeps(service: LiveService) -> None:
    """It does not wait until the sleeper's session is over."""
    stopping, sleeping = service.running
    sleeping.sleep()
    (joining,) = service.start()
    until(lambda: not stopping.is_ready(), "no rebalance begins")
    time.sleep(1)  # for it to be told, and to wait for the others

    os.kill(stopping.pid, signal.SIGTERM)
    assert stopping.wait_end() == 0, stopping.last_lines()
    assert stopping.log_lines()[-1]["message"] == "worker stopped"
    assert "left without a word" in stopping.log.read_text()
    assert not joining.is_ready(), "the sleeper's session is over"
    sleeping.wake()
    service.wait_all_assigned()
