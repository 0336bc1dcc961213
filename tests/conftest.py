"""What tests of every kind share: real servers, each started once for all tests and only where a test asks for it."""

from collections.abc import Iterator

import pytest

from tests.support.certificates import Certificates, make_certificates
from tests.support.kafka_server import KAFKA_PASSWORD, KAFKA_USER, BrokerSecurity, KafkaServer
from tests.support.redis_server import RedisCluster, RedisServer


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """One real broker; `tests.support.kafka_topics.fresh_topics` empties it for a test."""
    with KafkaServer(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates for servers that demand TLS."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[KafkaServer]:
    """A real broker whose listener `ssl` demands a client certificate, and `sasl_ssl` the user `KAFKA_USER`."""
    security = BrokerSecurity(certificates.keystore, certificates.ca, {KAFKA_USER: KAFKA_PASSWORD})
    with KafkaServer(tmp_path_factory.mktemp("secure-kafka"), security) as server:
        yield server


@pytest.fixture(scope="session")
def redis_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for the whole session; tests take `redis_server`."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def cluster_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """One cluster for the whole session; tests take `redis_cluster`."""
    cluster = RedisCluster(tmp_path_factory.mktemp("redis-cluster"))
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def secure_redis_of_session(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[RedisServer]:
    """One Redis with TLS and ACL for the whole session; tests take `secure_redis`."""
    server = RedisServer.secure(tmp_path_factory.mktemp("secure-redis"), certificates).start()
    yield server
    server.stop()


@pytest.fixture
def redis_server(redis_of_session: RedisServer) -> RedisServer:
    """A Redis that holds nothing."""
    redis_of_session.flush()
    return redis_of_session


@pytest.fixture
def redis_cluster(cluster_of_session: RedisCluster) -> RedisCluster:
    """A Redis Cluster of three nodes that holds nothing."""
    cluster_of_session.flush()
    return cluster_of_session


@pytest.fixture
def secure_redis(secure_redis_of_session: RedisServer) -> RedisServer:
    """A Redis that speaks TLS alone, knows a worker with the least rights, and holds nothing."""
    secure_redis_of_session.flush()
    return secure_redis_of_session
