"""The records that everybody folds, and what a straight line over them says must come out.

A stream is made once for each size and replayed to every contender from fresh topics. Slower contenders get a prefix of
it, so that each one runs about as long; what a prefix must yield is known as well.
"""

from array import array
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from benchmarks.peers.full_work import CONTROL_KEY
from streams.sharding import shard_of

PARTITIONS = 4
"""Enough that two workers can share them, few enough that each one's batches are of a size that batching pays."""


class Stream(Struct):
    """Records by partition, in order, with the order over all partitions in `places` (the partition of each record).

    `events` counts, up to each record, those that are events and not control records.
    """

    partitions: list[list[tuple[bytes, bytes]]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    places: bytearray = field(default_factory=bytearray)
    events: "array[int]" = field(default_factory=lambda: array("I"))

    def append_event(self, customer_id: str, body: bytes) -> None:
        """Add an event to its customer's partition."""
        self.append(shard_of(customer_id, PARTITIONS), customer_id.encode(), body)

    def append_control(self, body: bytes) -> None:
        """Add a control record to every partition."""
        for partition in range(PARTITIONS):
            self.append(partition, CONTROL_KEY, body)

    def append(self, partition: int, key: bytes, body: bytes) -> None:
        """Add a record to a partition."""
        events = int(key != CONTROL_KEY)
        self.partitions[partition].append((key, body))
        self.places.append(partition)
        self.events.append((self.events[-1] if self.events else 0) + events)

    def __len__(self) -> int:
        return len(self.places)

    def ends(self, length: int) -> list[int]:
        """How many records of each partition the first `length` records of the stream are."""
        return [self.places.count(partition, 0, length) for partition in range(PARTITIONS)]

    def slices(self, start: int, end: int) -> dict[int, list[tuple[bytes, bytes]]]:
        """The records from `start` up to `end` of the stream, by partition."""
        begins, ends = self.ends(start), self.ends(end)
        return {
            partition: self.partitions[partition][begins[partition] : ends[partition]]
            for partition in range(PARTITIONS)
        }

    def events_between(self, start: int, end: int) -> int:
        """How many events are among the records from `start` up to `end`."""
        return (self.events[end - 1] if end else 0) - (self.events[start - 1] if start else 0)

    def in_order(self, end: int) -> Iterator[tuple[int, int, bytes, bytes]]:
        """The first `end` records as (partition, offset, key, body)."""
        offsets = [0] * PARTITIONS
        for partition in self.places[:end]:
            offset = offsets[partition]
            offsets[partition] = offset + 1
            key, body = self.partitions[partition][offset]
            yield partition, offset, key, body


class Expected(Struct):
    """What must come out of a stream: each output's bytes with the (partition, offset) of the event that causes it.

    `timed` are the outputs that the passage of time causes, `scored` is how often a customer was scored. `states`
    holds, for each prefix that was asked for, the hash of the state of every customer in it, by key.
    """

    outputs: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    timed: set[bytes] = field(default_factory=set)
    scored: int = 0
    states: dict[int, dict[bytes, int]] = field(default_factory=dict)

    def within(self, ends: Iterable[int]) -> int:
        """How many outputs the records before `ends` (an offset for each partition) cause."""
        limits = list(ends)
        return sum(offset < limits[partition] for partition, offset in self.outputs.values())
