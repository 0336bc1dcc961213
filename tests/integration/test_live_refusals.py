"""A worker that could not keep its promises does not start, and says in a sentence what to run or to set."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from tests.support.command_line import ebbwatch
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import fresh_topics
from tests.support.live_service import LiveService, until
from tests.support.redis_server import RedisServer, free_port


def refused(kafka: KafkaServer, redis: RedisServer, **settings: str) -> str:
    """Start a worker that has to refuse; what it says, without its log lines."""
    environment = {
        "EBBWATCH_KAFKA_BROKERS": kafka.bootstrap,
        "EBBWATCH_WEB_PORT": str(free_port()),
        **redis.environment(),
        **settings,
    }
    return said(ebbwatch("worker", **environment))


def said(ended: subprocess.CompletedProcess[str]) -> str:
    """What a worker that has refused said."""
    output = ended.stdout + ended.stderr
    assert ended.returncode == 1, output
    assert "Traceback" not in output
    lines = [line for line in output.splitlines() if not line.startswith('{"at"')]
    assert lines, output
    assert lines[0].startswith("Error: "), output
    return "\n".join(lines)


@pytest.fixture
def broker(kafka: KafkaServer) -> Iterator[KafkaAdminClient]:
    """A client of the broker, on which the topics are as they should be."""
    fresh_topics(kafka.bootstrap)
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        yield admin


def test_topics_that_break_a_promise(kafka: KafkaServer, redis_server: RedisServer, broker: KafkaAdminClient) -> None:
    """A topic that is missing, one with another count and one that is too narrow are named, with what to run."""
    broker.delete_topics(["bank.calls", "bank.logins"])
    _create(broker, "bank.logins", 3)
    broker.alter_configs([ConfigResource("TOPIC", "ebbwatch.alerts", {"max.message.bytes": "600000"})])

    output = refused(kafka, redis_server)
    assert "the service cannot run on these topics" in output
    assert "bank.calls: there is no such topic: run `ebbwatch topics create`" in output
    assert "bank.logins: has 3 partitions, ebbwatch.events has 2" in output
    assert "run `ebbwatch topics create --partitions 2`" in output
    assert "ebbwatch.alerts: max.message.bytes is 600000, at least 1000000 is needed: run `kafka-configs.sh" in output


def _create(admin: KafkaAdminClient, name: str, partitions: int) -> None:
    """Make one topic again, with a count of its own."""
    until(lambda: name not in admin.list_topics(), "a topic is still there after it was deleted")
    admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1}}, wait_for_metadata=True)


def test_no_broker(kafka: KafkaServer, redis_server: RedisServer) -> None:
    """A broker that cannot be reached is named with its setting."""
    output = refused(kafka, redis_server, EBBWATCH_KAFKA_BROKERS="127.0.0.1:1")
    assert output.startswith("Error: 127.0.0.1:1: cannot be reached")
    assert "see EBBWATCH_KAFKA_BROKERS" in output
    assert len(output.splitlines()) == 1


@pytest.mark.usefixtures("broker")
def test_a_redis_that_would_throw_customers_away(kafka: KafkaServer, redis_server: RedisServer) -> None:
    """State in a Redis that evicts would be lost without a word."""
    redis_server.command("CONFIG SET", "maxmemory-policy", "allkeys-lru")
    try:
        output = refused(kafka, redis_server)
    finally:
        redis_server.command("CONFIG SET", "maxmemory-policy", "noeviction")
    assert "maxmemory-policy allkeys-lru would throw customers away: set it to noeviction" in output
    assert len(output.splitlines()) == 1


@pytest.mark.usefixtures("broker")
def test_no_redis(kafka: KafkaServer, redis_server: RedisServer) -> None:
    """A Redis that cannot be reached is named, after a little patience."""
    output = refused(kafka, redis_server, EBBWATCH_STORE_URL="redis://127.0.0.1:1/0")
    assert output.startswith("Error: Redis at 127.0.0.1:1/0: cannot be reached")
    assert "EBBWATCH_STORE_URL" in output
    assert len(output.splitlines()) == 1


@pytest.mark.usefixtures("broker")
def test_a_port_that_is_taken(kafka: KafkaServer, redis_server: RedisServer) -> None:
    """Two workers on one machine need two ports."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        output = refused(kafka, redis_server, EBBWATCH_WEB_PORT=str(port))
    assert output.startswith(f"Error: 127.0.0.1:{port}: ")
    assert "see EBBWATCH_WEB_HOST, EBBWATCH_WEB_PORT" in output
    assert len(output.splitlines()) == 1


def test_a_redis_of_another_ledger(kafka: KafkaServer, redis_server: RedisServer, tmp_path: Path) -> None:
    """A store that has folded more than the ledger holds belongs to another ledger: nothing is folded into it."""
    service = LiveService(kafka, redis_server, tmp_path)
    redis_server.command("HSET", "ebbwatch:{1}:shard", "position", "4711", "state", "{}", "format", "1")
    (worker,) = service.start()
    assert worker.wait_end() == 70
    (why,) = [line for line in worker.log_lines() if line["level"] == "critical"]
    assert why["error"] == "LedgerBehindStore"
    assert why["reason"].startswith("shard 1 has been folded up to 4711, but its ledger ends at 1: ")
    assert "Traceback" not in worker.log.read_text()
    assert service.positions() == [0, 4711]
