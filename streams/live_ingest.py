"""The door of the live service: a run of a feed's records becomes ledger records and dead letters, or waits.

Returns only when every record of the run is acknowledged in the one topic or the other. Records of one source reach
a shard in order and without holes (`streams.kafka_producer`), so that what comes twice is recognised by its offset.
A run that begins behind the offset that is due is sent back for: were it taken in, its offsets would make what is
missing look like a replay.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from models.events import FEED_TYPES
from streams.gaps import back_to
from streams.ingest import DeadLetter, Ingest
from streams.kafka_producer import BatchProducer, Outgoing
from streams.live_metrics import LiveMetrics
from streams.metrics import Metrics
from streams.names import DEAD_LETTERS_TOPIC, EVENTS_TOPIC, FEED_TOPICS
from streams.pseudonyms import Pseudonymiser
from streams.sharding import shard_of
from streams.transport import Run
from streams.turns import Turns, pieces

logger = logging.getLogger("ebbwatch.ingest")

Place = tuple[str, int]
"""Topic and partition."""


class Feeds(Struct, frozen=True):
    """How feeds reach the consumer: read a partition on at an offset; the first offset of it that is still there."""

    rewind: Callable[[str, int, int], Awaitable[None]]
    earliest: Callable[[str, int], Awaitable[int]]


class LiveIngest:
    """Takes in the runs of all feeds."""

    def __init__(
        self,
        producer: BatchProducer,
        shards: int,
        feeds: Feeds,
        metrics: Metrics,
        live_metrics: LiveMetrics,
        pseudonymiser: Pseudonymiser | None = None,
        turns: Turns | None = None,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Append to `shards` partitions of the ledger; `feeds` reaches the consumer."""
        self._producer = producer
        self._turns = turns or Turns()
        self._feeds = feeds
        self._shards = shards
        self._metrics = metrics
        self._live = live_metrics
        self._wall_ms = wall_ms
        self._doors = {topic: Ingest(pseudonymiser, FEED_TYPES[feed]) for feed, topic in FEED_TOPICS.items()}
        self.next_offsets: dict[Place, int] = {}
        """Of each feed partition of this worker, the offset that is due: everything before it is in the ledger."""

    def begin(self, positions: Mapping[Place, int]) -> None:
        """Partitions have been assigned anew, and are read from `positions` on."""
        self.next_offsets.clear()
        self.next_offsets.update(positions)

    async def take(self, run: Run) -> bool:
        """Take in one run of a feed; False when it came too early, and will come again."""
        place = (run.topic, run.partition)
        due = self.next_offsets.get(place)
        records_due = run.records
        if due is not None and run.begins > due and not await self._may_pass(place, due, run.begins):
            return False
        if due is not None and run.first_offset < due:
            records_due = [record for record in run.records if record.offset >= due]
        await self._take_in(run, records_due)
        self.next_offsets[place] = max(run.ends, due or 0)
        return True

    async def _may_pass(self, place: Place, due: int, begins: int) -> bool:
        """Whether the records between are gone for good; else the consumer is sent back for them."""
        self._turns.leave()
        topic, partition = place
        again_from = back_to(due, begins, await self._feeds.earliest(topic, partition))
        if again_from is None:
            self._live.saw_feed_gap(topic, partition, due, begins)
            return True
        self._live.rewinds.inc()
        logger.info("reading a feed again from where it is due", extra={"fields": {"topic": topic}})
        await self._feeds.rewind(topic, partition, again_from)
        return False

    async def _take_in(self, run: Run, records_due: list[Any]) -> None:
        accept = self._doors[run.topic].accept
        source = f"{run.topic}/{run.partition}"
        now_ms = self._wall_ms()
        shards = self._shards
        records: dict[int, list[Outgoing]] = {}
        refused: list[DeadLetter] = []
        async with self._turns:
            for piece in pieces(records_due):
                for record in piece:
                    taken = accept(record.value or b"", source, record.offset, now_ms)
                    if isinstance(taken, DeadLetter):
                        refused.append(taken)
                        continue
                    customer_id = taken.customer_id
                    shard = shard_of(customer_id, shards)
                    if shard not in records:
                        records[shard] = []
                    records[shard].append(Outgoing(customer_id.encode(), taken.body))
                await self._turns.pause()
        await self._producer.append(EVENTS_TOPIC, records)
        if refused:
            letters = [Outgoing(letter.dead_letter_id.encode(), msgspec.json.encode(letter)) for letter in refused]
            await self._producer.append(DEAD_LETTERS_TOPIC, {run.partition % shards: letters})
        self._metrics.accepted.inc(len(records_due) - len(refused))
        for letter in refused:
            self._metrics.dead_letters.labels(letter.reason.value).inc()
        self._live.delivered.labels(DEAD_LETTERS_TOPIC).inc(len(refused))
