"""The producer outlives a client that fails: whatever waited for it begins again with the next one."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from streams import kafka_producer
from streams.kafka_producer import BatchProducer, Outgoing

Answer = Callable[[int], Awaitable[None]]


class Client:
    """Stands for aiokafka's client: its batches hold two records, and `answer` decides what becomes of a delivery."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.sent: list[tuple[int, list[bytes]]] = []
        self.stopped = False
        self.queued = 0
        self.most_queued = 0

    async def start(self) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        self.stopped = True

    def create_batch(self) -> Any:
        records: list[bytes] = []

        def append(*, value: bytes, **_: object) -> object:
            if len(records) == 2:
                return None
            records.append(value)
            return object()

        return SimpleNamespace(append=append, close=lambda: None, records=records)

    async def send_batch(self, batch: Any, _topic: str, *, partition: int) -> Awaitable[None]:
        self.queued += 1
        self.most_queued = max(self.most_queued, self.queued)
        await asyncio.sleep(0)
        self.queued -= 1
        self.sent.append((partition, batch.records))
        return asyncio.ensure_future(self._answer(partition))


def producer_of(monkeypatch: pytest.MonkeyPatch, *clients: Client) -> tuple[BatchProducer, list[str]]:
    """A producer that connects with each of `clients` in turn, and a note for each failed delivery."""
    waiting = [*clients]
    monkeypatch.setattr(kafka_producer, "AIOKafkaProducer", lambda **_: waiting.pop(0))
    failed: list[str] = []
    return BatchProducer({}, lambda: failed.append("failed")), failed


def records(count: int) -> list[Outgoing]:
    """Records that can be told apart."""
    return [Outgoing(None, b"%d" % number) for number in range(count)]


async def taken(_partition: int) -> None:
    """The broker confirms."""


async def test_a_client_that_is_thrown_away_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One delivery fails; another, which the same client never reports, begins again at once with the next client."""

    async def fails(partition: int) -> None:
        if partition:
            await asyncio.sleep(0.01)
            raise KafkaConnectionError
        await asyncio.get_running_loop().create_future()

    first, second = Client(fails), Client(taken)
    producer, failed = producer_of(monkeypatch, first, second)

    await asyncio.wait_for(producer.append("t", {0: records(1), 1: records(1)}), 5)

    assert sorted(second.sent) == [(0, [b"0"]), (1, [b"0"])]
    assert len(failed) == 2
    await producer.stop()
    assert first.stopped
    assert second.stopped


async def test_a_partition_is_sent_in_order_and_goes_on_where_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was confirmed is not sent again, and what was not is sent again before anything behind it."""
    answers = [taken, None]

    async def once(_partition: int) -> None:
        if answers.pop(0) is None:
            raise KafkaConnectionError

    first, second = Client(once), Client(taken)
    producer, _ = producer_of(monkeypatch, first, second)

    await producer.append("t", {0: records(5)})

    assert [batch for _, batch in first.sent] == [[b"0", b"1"], [b"2", b"3"]]
    assert [batch for _, batch in second.sent] == [[b"2", b"3"], [b"4"]]
    await producer.stop()


async def test_one_at_a_time_waits_for_a_place_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many appends to one partition queue up here: aiokafka would let some of them run out of time early."""
    client = Client(taken)
    producer, _ = producer_of(monkeypatch, client)

    await asyncio.gather(*(producer.append("t", {0: records(1)}) for _ in range(20)))

    assert client.most_queued == 1
    assert len(client.sent) == 20
    await producer.stop()
