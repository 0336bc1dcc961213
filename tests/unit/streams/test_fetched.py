"""Records of a fetch: all of them, in order, a few at a time, with the offsets that they cover."""

from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams.fetched import BatchRecords, Covering, RangedResult

TP = TopicPartition("topic", 0)
PRODUCER = 7
ABORT_MARKER = bytes(4)


class _Partition:
    """What the consumer remembers of the partition: its position."""

    paused = False
    active = True

    def __init__(self, position: int) -> None:
        self.position = position

    def state_value(self, tp: TopicPartition) -> "_Partition":
        assert tp == TP
        return self

    def consumed_to(self, offset: int) -> None:
        self.position = offset


def _batch(first: int, count: int, *, transactional: bool = False) -> bytes:
    """A batch of `count` records, whose values are their offsets."""
    builder = DefaultRecordBatchBuilder(2, 0, int(transactional), PRODUCER if transactional else -1, 0, 0, 1 << 20)
    for number in range(count):
        assert builder.append(number, 1, None, b"%d" % (first + number), []) is not None
    body = bytearray(builder.build())
    body[:8] = first.to_bytes(8, "big")  # in front of what the checksum covers, and set by the broker
    return bytes(body)


def _marker(first: int) -> bytes:
    """A batch with the marker that aborts a transaction."""
    builder = DefaultRecordBatchBuilder(2, 0, 1, PRODUCER, 0, 0, 1 << 20)
    assert builder.append(0, 1, ABORT_MARKER, b"", []) is not None
    body = bytearray(builder.build())
    body[:8] = first.to_bytes(8, "big")
    body[22] |= 0x20  # a control batch; nobody checks the sum here
    return bytes(body)


def _fetched(
    *batches: bytes, at: int = 0, aborted: list[tuple[int, int]] | None = None, check: bool = False
) -> tuple[RangedResult, _Partition]:
    partition = _Partition(at)
    records = BatchRecords(TP, MemoryRecords(b"".join(batches)), aborted, at, None, None, check, READ_COMMITTED)
    return RangedResult(TP, assignment=partition, partition_records=records, backoff=0), partition


def _offsets(records: list[Any]) -> list[int]:
    assert [int(record.value) for record in records] == [record.offset for record in records]
    return [record.offset for record in records]


def _to_the_end(result: RangedResult, most: int | None) -> Iterator[Covering]:
    while result.has_more():
        yield result.getall(most)


@pytest.mark.parametrize("most", [None, 1, 2, 3, 4, 7, 9, 10, 100])
def test_every_record_comes_once_and_in_order(most: int | None) -> None:
    result, partition = _fetched(_batch(0, 4), _batch(4, 1), _batch(5, 4))
    came: list[int] = []
    for some in _to_the_end(result, most):
        assert most is None or len(some) <= most
        if some:
            assert (some.begins, some.ends) == (len(came), len(came) + len(some))
        came += _offsets(some)
        assert partition.position == len(came)
    assert came == list(range(9))


def test_a_fetch_that_begins_in_a_batch_hands_on_what_is_behind() -> None:
    result, partition = _fetched(_batch(10, 5), _batch(15, 2), at=13)
    records = result.getall()
    assert _offsets(records) == [13, 14, 15, 16]
    assert (records.begins, records.ends, partition.position) == (13, 17, 17)


@pytest.mark.parametrize("most", [None, 1, 2, 5])
def test_an_aborted_transaction_and_its_marker_are_left_out_and_covered(most: int | None) -> None:
    result, _ = _fetched(
        _batch(0, 2), _batch(2, 3, transactional=True), _marker(5), _batch(6, 2), aborted=[(PRODUCER, 2)]
    )
    came, ends = [], 0
    for some in _to_the_end(result, most):
        if some:
            assert some.begins <= ends or most is None
            came += _offsets(some)
            ends = some.ends
    assert came == [0, 1, 6, 7]
    assert ends == 8


def test_a_transaction_that_was_not_aborted_comes() -> None:
    result, _ = _fetched(_batch(0, 2, transactional=True), _batch(2, 1))
    assert _offsets(result.getall()) == [0, 1, 2]


def test_markers_alone_hand_on_nothing_and_the_next_fetch_covers_them() -> None:
    result, partition = _fetched(_marker(0))
    assert result.getall() == []
    assert partition.position == 1
    records = BatchRecords(TP, MemoryRecords(_batch(1, 2)), None, 1, None, None, False, READ_COMMITTED)
    again = RangedResult(TP, assignment=partition, partition_records=records, backoff=0).getall()
    assert (again.begins, again.ends) == (0, 3)


def test_a_damaged_batch_is_an_error_and_moves_nothing() -> None:
    damaged = bytearray(_batch(3, 3))
    damaged[-1] ^= 1
    result, partition = _fetched(_batch(0, 3), bytes(damaged), check=True)
    with pytest.raises(CorruptRecordException):
        result.getall()
    assert partition.position == 0


def test_what_was_fetched_before_a_seek_is_dropped() -> None:
    result, partition = _fetched(_batch(0, 3))
    partition.position = 100
    assert result.getall() == []
    assert not result.has_more()
