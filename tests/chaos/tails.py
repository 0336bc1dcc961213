"""Reading topics on from where the last look ended, as a consumer of the service would."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

_POLL_MS = 200
_LONGEST_S = 120.0


class Tail:
    """One topic: `read` hands out what has come since the last time, and each partition's offsets have no holes."""

    def __init__(self, topic: str, partitions: int) -> None:
        self._places = [TopicPartition(topic, partition) for partition in range(partitions)]
        self.next_offsets = dict.fromkeys(range(partitions), 0)

    async def read(self, client_options: dict[str, Any]) -> dict[int, list[Any]]:
        """All records up to the topic's present end, by partition."""
        consumer = AIOKafkaConsumer(
            **client_options, group_id=None, isolation_level="read_committed", enable_auto_commit=False
        )
        await asyncio.wait_for(consumer.start(), _LONGEST_S)
        found: dict[int, list[Any]] = {place.partition: [] for place in self._places}
        try:
            consumer.assign(self._places)
            ends = await consumer.end_offsets(self._places)
            for place in self._places:
                consumer.seek(place, self.next_offsets[place.partition])
            give_up_s = time.monotonic() + _LONGEST_S
            while waiting := [place for place, end in ends.items() if self.next_offsets[place.partition] < end]:
                assert time.monotonic() < give_up_s, f"cannot be read to its end: {waiting[0]}"
                for place, run in (await consumer.getmany(*waiting, timeout_ms=_POLL_MS, max_records=20_000)).items():
                    found[place.partition] += self._whole(place.partition, run)
        finally:
            await consumer.stop()
        return found

    def _whole(self, partition: int, run: list[Any]) -> Iterator[Any]:
        for record in run:
            assert record.offset == self.next_offsets[partition], "an offset is missing"
            self.next_offsets[partition] += 1
            yield record
