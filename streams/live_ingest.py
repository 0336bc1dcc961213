"""The door of the live service: a run of a feed's records becomes ledger records and dead letters, or waits.

Returns only when every record of the run is acknowledged in the one topic or the other. Records of one source reach
a shard in order and without holes (`streams.kafka_producer`), so that what comes twice is recognised by its offset.
"""

import time
from collections.abc import Callable

import msgspec

from models.events import FEED_TYPES
from streams.ingest import DeadLetter, Ingest
from streams.kafka_producer import BatchProducer, Outgoing
from streams.live_metrics import LiveMetrics
from streams.metrics import Metrics
from streams.names import DEAD_LETTERS_TOPIC, EVENTS_TOPIC, FEED_TOPICS
from streams.pseudonyms import Pseudonymiser
from streams.sharding import shard_of
from streams.transport import Run


class LiveIngest:
    """Takes in the runs of all feeds."""

    def __init__(
        self,
        producer: BatchProducer,
        shards: int,
        metrics: Metrics,
        live_metrics: LiveMetrics,
        pseudonymiser: Pseudonymiser | None = None,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Append to `shards` partitions of the ledger."""
        self._producer = producer
        self._shards = shards
        self._metrics = metrics
        self._live = live_metrics
        self._wall_ms = wall_ms
        self._doors = {topic: Ingest(pseudonymiser, FEED_TYPES[feed]) for feed, topic in FEED_TOPICS.items()}
        self.next_offsets: dict[tuple[str, int], int] = {}
        """Of each feed partition, the offset behind the last record that was taken in by this worker."""

    async def take(self, run: Run) -> None:
        """Take in one run of a feed."""
        accept = self._doors[run.topic].accept
        source = f"{run.topic}/{run.partition}"
        now_ms = self._wall_ms()
        shards = self._shards
        records: dict[int, list[Outgoing]] = {}
        refused: list[DeadLetter] = []
        for record in run.records:
            taken = accept(record.value or b"", source, record.offset, now_ms)
            if isinstance(taken, DeadLetter):
                refused.append(taken)
                continue
            customer_id = taken.customer_id
            shard = shard_of(customer_id, shards)
            if shard not in records:
                records[shard] = []
            records[shard].append(Outgoing(customer_id.encode(), taken.body))
        await self._producer.append(EVENTS_TOPIC, records)
        if refused:
            letters = [Outgoing(letter.dead_letter_id.encode(), msgspec.json.encode(letter)) for letter in refused]
            await self._producer.append(DEAD_LETTERS_TOPIC, {run.partition % shards: letters})
        self.next_offsets[run.topic, run.partition] = run.next_offset
        self._metrics.accepted.inc(len(run.records) - len(refused))
        for letter in refused:
            self._metrics.dead_letters.labels(letter.reason.value).inc()
        self._live.delivered.labels(DEAD_LETTERS_TOPIC).inc(len(refused))
