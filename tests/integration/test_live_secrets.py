"""A worker that reaches Kafka and Redis by TLS and as a user, under pseudonyms: what must be nowhere is nowhere."""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from models.events import FEED_TYPES
from streams.names import DEAD_LETTERS_TOPIC, EVENTS_TOPIC, FEED_TOPICS
from tests.support import feeds
from tests.support.certificates import Certificates
from tests.support.kafka_server import KAFKA_PASSWORD, KAFKA_USER, KafkaServer
from tests.support.kafka_topics import read_topic
from tests.support.live_service import LiveService
from tests.support.redis_server import WORKER, WORKER_PASSWORD, RedisServer

PSEUDONYM_KEY = "a key that only this test knows"
IDENTIFIER = "original-identifier"
_IDENTIFIERS = ("event_id", "customer_id", "account_id", "product_id", "call_id", "case_id", "adviser")


@pytest.fixture(scope="module")
def secured(
    secure_kafka: KafkaServer,
    secure_redis_of_session: RedisServer,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveService]:
    """One worker, all of whose secrets come from files, has folded events of every kind and refused some."""
    directory = tmp_path_factory.mktemp("secured")
    settings: dict[str, str] = {
        "EBBWATCH_CLOCK": "event",
        "EBBWATCH_LOG_LEVEL": "DEBUG",
        "EBBWATCH_KAFKA_BROKERS": secure_kafka.sasl_ssl,
        "EBBWATCH_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "EBBWATCH_KAFKA_CA_FILE": str(certificates.ca),
        "EBBWATCH_KAFKA_USERNAME": KAFKA_USER,
        "EBBWATCH_KAFKA_PASSWORD_FILE": _file(directory / "kafka", KAFKA_PASSWORD),
        "EBBWATCH_REDIS_USERNAME": WORKER,
        "EBBWATCH_REDIS_PASSWORD_FILE": _file(directory / "redis", WORKER_PASSWORD),
        "EBBWATCH_PSEUDONYM_KEY_FILE": _file(directory / "pseudonyms", PSEUDONYM_KEY),
    }
    service = LiveService(secure_kafka, secure_redis_of_session, directory, 2, **settings)
    service.store = secure_redis_of_session.worker_settings()
    try:
        service.start()
        service.wait_all_assigned()
        service.publish(_events())
        service.send((topic, 0, _refused(topic)) for topic in FEED_TOPICS.values())
        service.wait_folded()
        yield service
    finally:
        service.stop()


def _file(path: Path, secret: str) -> str:
    path.write_text(secret + "\n")
    return str(path)


def _events() -> Iterator[bytes]:
    """Every type of event for one customer, every identifier of which is original; the contacts raise an alert."""
    kinds = [str(struct.__struct_config__.tag) for types in FEED_TYPES.values() for struct in types]
    for number, kind in enumerate([*kinds, "contact", "contact"]):
        named = {name: f"{IDENTIFIER}-{name}" for name in _IDENTIFIERS if name in feeds.record(kind)}
        yield feeds.line(kind, **{**named, "event_id": f"{IDENTIFIER}-event-{number}"})


def _refused(topic: str) -> bytes:
    return feeds.line("login", succeeded="maybe", customer_id=f"{IDENTIFIER}-refused", event_id=f"{IDENTIFIER}-{topic}")


def test_the_service_works_as_a_user_over_tls(secured: LiveService) -> None:
    """With the least rights, over TLS on both sides, events become states and alerts."""
    held = secured.held()
    assert sum(len(shard.customers) for shard in held.values()) == 1
    assert sum(len(shard.outputs) for shard in held.values()) >= 1
    letters = read_topic(secured.kafka.bootstrap, DEAD_LETTERS_TOPIC)
    assert sum(map(len, letters.values())) == len(FEED_TOPICS)


def test_no_identifier_is_kept(secured: LiveService) -> None:
    """Under pseudonyms the bank's own identifiers are in no topic of ours and in no key or value of Redis."""
    kept = [
        part
        for topic in (EVENTS_TOPIC, "ebbwatch.alerts", DEAD_LETTERS_TOPIC)
        for records in read_topic(secured.kafka.bootstrap, topic).values()
        for record in records
        for part in (record.key or b"", record.value, *(value for _, value in record.headers))
    ]
    letters = read_topic(secured.kafka.bootstrap, DEAD_LETTERS_TOPIC)
    assert {json.loads(record.value)["original"] for records in letters.values() for record in records} == {""}
    in_redis = list(_everything(secured.redis))
    assert len(kept) > 40
    assert len(in_redis) > 12
    for part in [*kept, *in_redis]:
        assert IDENTIFIER.encode() not in part


def _everything(redis: RedisServer) -> Iterator[bytes]:
    """Every key of Redis, and every field, member and value in it."""
    for key in redis.command("KEYS", "*"):
        yield key
        kind = redis.command("TYPE", key)
        if kind == b"hash":
            yield from chain.from_iterable(redis.command("HGETALL", key).items())
        else:
            yield from redis.command("ZRANGE", key, "0", "-1")


def test_no_secret_is_said(secured: LiveService) -> None:
    """Not even the debug log holds a password, the pseudonyms' key, or an identifier."""
    log = secured.log()
    assert "worker started" in log
    for secret in (KAFKA_PASSWORD, WORKER_PASSWORD, PSEUDONYM_KEY, IDENTIFIER):
        assert secret not in log
