"""What tests of every kind share: real servers, each started once for all tests and only where a test asks for it."""

from collections.abc import Iterator

import pytest

from tests.support.kafka_server import KafkaServer


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """One real broker; `tests.support.kafka_topics.fresh_topics` empties it for a test."""
    with KafkaServer(tmp_path_factory.mktemp("kafka")) as server:
        yield server
