"""A worker that could not keep its promises does not start, and says in a sentence what to run or to set."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from tests.support.command_line import ebbwatch
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import fresh_topics
from tests.support.live_service import LiveService, until
from tests.support.redis_server import RedisServer, free_port

PORT = free_port()
"""A port that another process has taken."""


@pytest.fixture(scope="module")
def said(
    kafka: KafkaServer, redis_of_session: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """What workers say that have to refuse, each for another reason; they are started side by side, to save time."""
    fresh_topics(kafka.bootstrap)
    evicting = RedisServer(tmp_path_factory.mktemp("evicting"), config={"maxmemory-policy": "allkeys-lru"}).start()
    good = {"EBBWATCH_KAFKA_BROKERS": kafka.bootstrap, **redis_of_session.environment()}
    wrong = {
        "no broker": {"EBBWATCH_KAFKA_BROKERS": "127.0.0.1:1"},
        "no Redis": {"EBBWATCH_STORE_URL": "redis://127.0.0.1:1/0"},
        "evicting Redis": evicting.environment(),
        "port taken": {"EBBWATCH_WEB_PORT": str(PORT)},
    }
    try:
        with socket.create_server(("127.0.0.1", PORT)), ThreadPoolExecutor(len(wrong)) as pool:
            found = {name: pool.submit(refused, {**good, **changed}) for name, changed in wrong.items()}
        yield {name: output.result() for name, output in found.items()}
    finally:
        evicting.stop()


def refused(settings: dict[str, str]) -> str:
    """Start a worker that has to refuse; what it says, without its log lines."""
    ended = ebbwatch("worker", **{"EBBWATCH_WEB_PORT": str(free_port()), **settings})
    output = ended.stdout + ended.stderr
    assert ended.returncode == 1, output
    assert "Traceback" not in output
    return "\n".join(line for line in output.splitlines() if not line.startswith('{"at"'))


def test_no_broker(said: dict[str, str]) -> None:
    """A broker that cannot be reached is named, with its setting."""
    (sentence,) = said["no broker"].splitlines()
    assert sentence.startswith("Error: 127.0.0.1:1: cannot be reached")
    assert "see EBBWATCH_KAFKA_BROKERS" in sentence


def test_no_redis(said: dict[str, str]) -> None:
    """A Redis that cannot be reached is named, with its setting."""
    (sentence,) = said["no Redis"].splitlines()
    assert sentence.startswith("Error: Redis at 127.0.0.1:1/0: cannot be reached")
    assert sentence.endswith("see EBBWATCH_STORE_URL")


def test_a_redis_that_would_throw_customers_away(said: dict[str, str]) -> None:
    """State in a Redis that evicts would be lost without a word."""
    (sentence,) = said["evicting Redis"].splitlines()
    assert sentence.startswith("Error: Redis at 127.0.0.1:")
    assert "maxmemory-policy allkeys-lru would throw customers away: set it to noeviction" in sentence


def test_a_port_that_is_taken(said: dict[str, str]) -> None:
    """Two workers on one machine need two ports."""
    (sentence,) = said["port taken"].splitlines()
    assert sentence.startswith(f"Error: 127.0.0.1:{PORT}: ")
    assert "see EBBWATCH_WEB_HOST, EBBWATCH_WEB_PORT" in sentence


def test_topics_that_break_a_promise(kafka: KafkaServer, redis_server: RedisServer) -> None:
    """A topic that is missing, one with another count and one that is too narrow are named, with what to run."""
    fresh_topics(kafka.bootstrap)
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        admin.delete_topics(["bank.calls", "bank.logins"])
        until(lambda: "bank.logins" not in admin.list_topics(), "a topic is still there after it was deleted")
        admin.create_topics({"bank.logins": {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True)
        admin.alter_configs([ConfigResource("TOPIC", "ebbwatch.alerts", {"max.message.bytes": "600000"})])

    output = refused({"EBBWATCH_KAFKA_BROKERS": kafka.bootstrap, **redis_server.environment()})
    assert output.startswith("Error: the service cannot run on these topics:")
    assert "bank.calls: there is no such topic: run `ebbwatch topics create`" in output
    assert "bank.logins: has 3 partitions, ebbwatch.events has 2" in output
    assert "run `ebbwatch topics create --partitions 2`" in output
    assert "ebbwatch.alerts: max.message.bytes is 600000, at least 1000000 is needed: run `kafka-configs.sh" in output


def test_a_redis_of_another_ledger(kafka: KafkaServer, redis_server: RedisServer, tmp_path: Path) -> None:
    """A store that has folded more than the ledger holds belongs to another ledger: nothing is folded into it."""
    service = LiveService(kafka, redis_server, tmp_path)
    redis_server.command("HSET", "ebbwatch:{1}:shard", "position", "4711", "state", "{}", "format", "2")
    (worker,) = service.start()
    assert worker.wait_end() == 70
    (why,) = [line for line in worker.log_lines() if line["level"] == "critical"]
    assert why["error"] == "LedgerBehindStore"
    assert why["reason"].startswith("shard 1 has been folded up to 4711, but its ledger ends at 1: ")
    assert "Traceback" not in worker.log.read_text()
    assert service.positions() == [0, 4711]
