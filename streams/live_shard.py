"""One shard of the live ledger: whatever Kafka hands over, the store's position decides what is folded.

Kafka may hand over what was folded already (skipped), may begin behind the position after the store lost its tail
(the consumer is rewound), and may have forgotten what is still to be folded (a ledger gap: counted, and loud).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence

from msgspec import Struct

from config.policies import Policies, policy_digest
from models.events import LedgerRecord
from streams.codecs import encode_policies_record
from streams.gaps import back_to
from streams.live_metrics import LiveMetrics
from streams.metrics import Metrics
from streams.processor import BatchReport, ShardProcessor
from streams.promises import Watched
from streams.stores.base import PositionConflict, Store, StoreUnavailable
from streams.ticking import EventClock
from streams.transport import Run
from streams.turns import Turns
from streams.work_limit import WorkLimit

logger = logging.getLogger("ebbwatch.shard")

_RETRY_MOST_S = 5.0


class Reading(Struct, frozen=True):
    """How a shard reaches the consumer: go on at an offset; the first offset that is still there."""

    rewind: Callable[[int], Awaitable[None]]
    earliest: Callable[[], Awaitable[int]]


class LiveShard:
    """Folds the runs of one ledger partition, in the order given, one at a time."""

    def __init__(
        self,
        shard: int,
        store: Store,
        policies: Policies,
        metrics: Metrics,
        live_metrics: LiveMetrics,
        reading: Reading,
        cache_customers: int,
        event_clock: EventClock | None = None,
        turns: Turns | None = None,
    ) -> None:
        """Fold with what `store` holds of `shard`; `event_clock` follows the events where they bring the time.

        Shards of one worker share `turns`.
        """
        self.shard = shard
        self.event_clock = event_clock
        self._store = store
        self._policies = policies
        self._policy_digest = policy_digest(policies)
        self._metrics = metrics
        self._live = live_metrics
        self._reading = reading
        self._processor = ShardProcessor(
            store, shard, cache_customers, self._follow_time if event_clock is not None else None, turns
        )
        self._turns = turns or Turns()
        self._behind = (0, 0)
        self._alone = WorkLimit(1)

    @property
    def position(self) -> int:
        """The ledger offset to read next, as far as this worker knows."""
        return self._processor.position

    @property
    def clock_ms(self) -> int:
        """The shard's time, as its ticks have told it."""
        return self._processor.clock_ms

    @property
    def policies(self) -> Policies | None:
        """The policies in force; None before the ledger has activated any."""
        return self._processor.policies

    @property
    def watched(self) -> Watched:
        """What the shard promises, and its time, as last opened or committed."""
        return self._processor.watched

    async def open(self) -> int:
        """Take the shard over from the store, waiting for the store if need be; the offset to read next."""
        async with self._alone.room(1, self._turns.leave):
            return await self._open()

    async def _open(self) -> int:
        self._turns.leave()
        retry_s = 0.1
        while True:
            try:
                position = await self._processor.open()
            except StoreUnavailable as error:
                self._live.store_errors.inc()
                logger.warning("store unavailable, trying again", extra={"fields": self._fields(error=str(error))})
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, _RETRY_MOST_S)
            else:
                if self.event_clock is not None and not self.event_clock.clock_ms:
                    self.event_clock = EventClock(self.event_clock.every_ms, self.clock_ms)
                self._live.position.labels(str(self.shard)).set(position)
                self._metrics.complaints.saw_promises(self.shard, self.watched.promises)
                return position

    async def take(self, run: Run) -> list[BatchReport]:
        """Fold what of `run` has not been folded; what each commit did, none where nothing was to be done."""
        reports = []
        async with self._alone.room(1, self._turns.leave):
            for begins, first_offset, bodies in _pieces(run):
                report = await self._take(begins, first_offset, bodies)
                if report is None and first_offset > self.position:
                    break  # sent back: what is behind it comes again as well
                if report is not None:
                    reports.append(report)
            if self.position == run.next_offset:
                self._behind = (run.next_offset, run.ends)
        return reports

    async def _take(self, begins: int, first_offset: int, bodies: list[bytes]) -> BatchReport | None:
        while True:
            if not self._processor.is_open:
                await self._open()
            position = self.position
            if first_offset + len(bodies) <= position:
                self._live.records_skipped.inc(len(bodies))
                return None
            over_gap = first_offset > position
            if over_gap and begins > self._reached and not await self._may_pass(position, begins):
                return None
            if over_gap and self.policies is None:
                # The record that activated the policies is among those that are gone: decide by this worker's.
                first_offset, bodies = first_offset - 1, [encode_policies_record(self._policies, 0), *bodies]
            try:
                report = await self._processor.process(first_offset, bodies, over_gap=over_gap)
            except PositionConflict as conflict:
                self._live.position_conflicts.inc()
                logger.warning(
                    "another worker has moved the shard",
                    extra={"fields": self._fields(expected=conflict.expected, actual=conflict.actual)},
                )
            except StoreUnavailable as error:
                self._live.store_errors.inc()
                logger.warning("commit not confirmed, opening again", extra={"fields": self._fields(error=str(error))})
            else:
                self._metrics.saw_batch(self.shard, report, self.clock_ms)
                self._live.position.labels(str(self.shard)).set(report.position)
                return report

    @property
    def _reached(self) -> int:
        """The position, or what is behind it where no record is between: Kafka keeps offsets for its own markers."""
        at, reached = self._behind
        return reached if at == self.position else self.position

    async def _may_pass(self, position: int, begins: int) -> bool:
        """Whether the records between are gone for good; else the consumer is sent back for them."""
        self._turns.leave()
        again_from = back_to(position, begins, await self._reading.earliest())
        if again_from is None:
            self._count_gap(position, begins)
            return True
        self._live.rewinds.inc()
        logger.warning("store is behind, rewinding", extra={"fields": self._fields(to=again_from, was_at=begins)})
        await self._reading.rewind(again_from)
        return False

    def _count_gap(self, position: int, earliest: int) -> None:
        """Say loudly that retention has eaten records that were never folded."""
        self._live.ledger_gap_records.inc(earliest - position)
        logger.critical(
            "ledger gap: retention has deleted records that were not folded",
            extra={"fields": self._fields(first_missing=position, first_there=earliest)},
        )

    def policy_record(self, at_ms: int) -> bytes | None:
        """The record that brings this worker's policies into force; None where they are."""
        if self._processor.policy_digest in (None, self._policy_digest):
            return None
        return encode_policies_record(self._policies, at_ms)

    def _follow_time(self, records: Sequence[LedgerRecord]) -> None:
        clock = self.event_clock
        if clock is None:
            return
        next_ms = clock.next_ms
        for record in records:
            if record.at_ms >= next_ms and record.source:
                clock.follow(record.at_ms)
                next_ms = clock.next_ms

    def _fields(self, **more: object) -> dict[str, object]:
        return {"shard": self.shard, **more}


def _pieces(run: Run) -> Iterator[tuple[int, int, list[bytes]]]:
    """The run as stretches of consecutive offsets: where the fetch of each begins, its first offset, its records."""
    records = run.records
    first = run.first_offset
    begins = run.begins
    if run.next_offset - first == len(records):
        yield begins, first, [record.value for record in records]
        return
    bodies: list[bytes] = []
    for record in records:
        if bodies and record.offset != first + len(bodies):
            yield begins, first, bodies
            begins = first + len(bodies)
            bodies = []
        if not bodies:
            first = record.offset
        bodies.append(record.value)
    yield begins, first, bodies
