"""What aiokafka has fetched of a partition, handed on as runs of records that know which offsets they cover.

It looks at each record by itself, wraps it and hands it on, which costs more than parsing it. Here a batch, which is
what is fetched and parsed, passes through it as if it were one record: which batches count, by transactions and
markers, stays aiokafka's to say.
"""

import sys
from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher


class _Parsed(list[Any]):
    """The records of a batch, with an offset as if they were one."""

    @property
    def offset(self) -> int:
        """That of the last record."""
        return int(self[-1].offset)


class _Batch:
    """A fetched batch that holds one record: all that are in it."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[_Parsed]:
        if records := _Parsed(self._batch):
            yield records

    def __next__(self) -> Any:
        return next(self._batch)  # of a batch of markers its reader wants the marker


class _Batches:
    """The batches of a fetch."""

    def __init__(self, records: Any) -> None:
        self.has_next = records.has_next
        self._next_batch = records.next_batch

    def next_batch(self) -> _Batch:
        return _Batch(self._next_batch())


class BatchRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # untyped
    """Yields lists of records as they were parsed; `waiting` are those for which there was no room yet."""

    def __init__(self, tp: Any, records: Any, *args: Any, **kwargs: Any) -> None:
        """As aiokafka's."""
        super().__init__(tp, _Batches(records), *args, **kwargs)
        self.waiting: list[Any] = []

    def _consumer_record(self, tp: Any, record: _Parsed) -> list[Any]:
        begins = self.next_fetch_offset
        if record[0].offset >= begins:
            return record
        return [each for each in record if each.offset >= begins]


class Covering(list[Any]):
    """Fetched records with the offsets that the fetch covered: from `begins` to before `ends`."""

    begins = 0
    ends = 0


class RangedResult(fetcher.FetchResult):  # type: ignore[misc]  # untyped
    """Says which offsets it hands over. A fetch of nothing but markers hands over none: the next one covers them."""

    _partition_records: BatchRecords | None

    def getall(self, max_records: int | None = None) -> Covering:
        """At most so many of the records that are there, in order."""
        fetched = self._partition_records
        if fetched is None or not self.check_assignment(self._topic_partition):
            return Covering()
        most = sys.maxsize if max_records is None else max_records
        begins = fetched.next_fetch_offset
        records = self._taken(fetched, most)
        self._update_position()
        if len(records) < most:
            self._partition_records = None
        state = self._assignment.state_value(self._topic_partition)
        markers = getattr(state, "markers", range(0))
        if begins == markers.stop:
            begins = markers.start
        if records:
            records.begins, records.ends = begins, fetched.next_fetch_offset
        else:
            state.markers = range(begins, fetched.next_fetch_offset)
        return records

    @staticmethod
    def _taken(fetched: BatchRecords, most: int) -> Covering:
        records = Covering(fetched.waiting)
        if len(records) < most:
            for some in fetched:
                records += some
                if len(records) >= most:
                    break
        fetched.waiting = records[most:]
        if len(records) >= most:
            del records[most:]
            fetched.next_fetch_offset = records[-1].offset + 1
        return records
