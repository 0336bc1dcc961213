"""A bank that writes its feeds in transactions: Kafka's markers take offsets, and what was aborted is not there."""

import asyncio
from pathlib import Path

from aiokafka import AIOKafkaProducer

from streams.names import FEED_TOPICS
from tests.support import feeds
from tests.support.kafka_server import KafkaServer
from tests.support.live_service import LiveService, differences, until
from tests.support.redis_server import RedisServer

LOGINS = FEED_TOPICS["logins"]
TRANSACTIONS = 30
PER_TRANSACTION = 7


async def write_in_transactions(bootstrap: str) -> list[int]:
    """Login events in transactions, every third of which is aborted; the numbers of those that count."""
    counting: list[int] = []
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="a-bank") as producer:
        for transaction in range(TRANSACTIONS):
            numbers = range(transaction * PER_TRANSACTION, (transaction + 1) * PER_TRANSACTION)
            await producer.begin_transaction()
            for number in numbers:
                await producer.send_and_wait(LOGINS, feeds.login(number), partition=number % 2)
            if transaction % 3 == 2:
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()
                counting += numbers
    return counting


def taken_in(service: LiveService) -> list[str]:
    """The ids of all events in the ledger."""
    return sorted(record["event"]["event_id"] for record in service.ledger() if "source" in record)


def test_markers_are_no_gap_and_what_was_aborted_is_not_taken_in(
    kafka: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    """Everything committed is folded once, nothing aborted is, and nothing has to be read again for the markers."""
    service = LiveService(kafka, redis_server, tmp_path, 2, EBBWATCH_CLOCK="event")
    try:
        (worker,) = service.start()
        service.wait_all_assigned()
        counting = asyncio.run(write_in_transactions(kafka.bootstrap))
        expected = sorted(f"e{number}" for number in counting)
        until(lambda: len(taken_in(service)) >= len(expected), "not everything is taken in")
        assert taken_in(service) == expected
        assert worker.metric("ebbwatch_live_rewinds_total") == 0
        held = service.held()
        assert differences(held, service.straight(held)) == []
    finally:
        service.stop()
