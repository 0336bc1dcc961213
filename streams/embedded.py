"""The embedded run: the whole pipeline in one process, with no broker and no server.

Feeds -> ledger -> fold and commit -> outputs, in micro-batches. Each arrow is durable before the next one is
followed, so a run that is killed at any moment goes on from there when it is started again.
"""

import asyncio
import fcntl
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

from msgspec import Struct

from config.policies import Policies, policy_digest
from models.context import Stream
from models.events import Tick
from streams.backlog_gauges import BacklogGauges
from streams.codecs import encode_control_record, encode_model_record, encode_policies_record
from streams.complaint_gauges import ComplaintGauges
from streams.embedded_learner import NEVER_MS, EmbeddedLearner, boundary_after
from streams.feed_reader import STDIN, Feed, open_feeds, open_stdin
from streams.ingest import Accepted, DeadLetter, Ingest
from streams.ledger import EmbeddedLedger, LedgerMismatch
from streams.live_feed import LiveFeed
from streams.merge import MergedFeeds, Taken
from streams.metrics import Metrics
from streams.names import DEAD_LETTERS_TOPIC, LEDGER_FILE, STATE_FILE, STREAM_TOPICS
from streams.ndjson_sink import NdjsonSink, output_file
from streams.processor import ShardProcessor
from streams.promises import Watched
from streams.pseudonyms import Pseudonymiser
from streams.relay import Relay
from streams.run_report import RunReport
from streams.sharding import shard_of
from streams.stores.sqlite import SqliteStore
from streams.ticking import JUMP_MS, EventClock

OUTPUT_DIRECTORY = "out"

_LIVE_TICK_MS = 1000
_LIVE_WAIT_S = 0.1


class DirectoryInUse(RuntimeError):
    """Another process is running on the same data directory."""


class EmbeddedOptions(Struct, frozen=True, kw_only=True):
    """How to run: `live` takes time from the wall clock instead of from the events."""

    data: Path
    feeds: list[str]
    policies: Policies
    shards: int | None = None
    batch_records: int = 16_384
    cache_customers: int = 100_000
    tick_every_s: int = 60
    live: bool = False
    pseudonymiser: Pseudonymiser | None = None


class EmbeddedRun:
    """One run over a data directory; `report` and `metrics` tell what it does while it does it."""

    def __init__(self, options: EmbeddedOptions) -> None:
        """Open the directory, or make it; raises `DirectoryInUse`, `LedgerMismatch`, `StoreError` or `FeedError`."""
        self._options = options
        self.report = RunReport()
        self.metrics = Metrics()
        options.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = lock_directory(options.data)
        self._held = ExitStack()
        self._held.callback(self._lock.close)
        try:
            self._open(options)
        except BaseException:
            self._held.close()
            raise
        self._stopping = False

    def _open(self, options: EmbeddedOptions) -> None:
        self._ledger = EmbeddedLedger(options.data / LEDGER_FILE, options.shards)
        self._held.callback(self._ledger.close)
        self._store = SqliteStore(options.data / STATE_FILE)
        self._held.callback(self._store.close_now)
        self._ledger.expect_pseudonyms(options.pseudonymiser.fingerprint if options.pseudonymiser else "none")
        output = options.data / OUTPUT_DIRECTORY
        output.mkdir(exist_ok=True, mode=0o700)
        self._sink = NdjsonSink(output)
        self._held.callback(self._sink.close)
        for topic in (DEAD_LETTERS_TOPIC, *STREAM_TOPICS.values()):
            self._sink.file(topic)
        self._relay = Relay(self._store, self._sink)
        self._processors = [
            ShardProcessor(self._store, shard, options.cache_customers // self._ledger.shards)
            for shard in range(self._ledger.shards)
        ]
        self._gauges = ComplaintGauges(self._store, self.metrics.complaints)
        self._backlog = BacklogGauges(self._store, self.metrics)
        tick_every_ms = options.tick_every_s * 1000
        self._clock = EventClock(tick_every_ms, self._ledger.clock_ms, self._ledger.witnesses)
        self._learner: EmbeddedLearner | None = None
        self._boundary_ms = NEVER_MS
        if options.policies.churn is not None:
            examples = output_file(output, STREAM_TOPICS[Stream.EXAMPLES])
            self._learner = EmbeddedLearner(options.data, examples, options.policies.churn.base_rate)
            self._held.callback(self._learner.close)
            self._boundary_ms = 0
        self._ingest = Ingest(options.pseudonymiser)
        self._known = self._ledger.progress()
        # For live input time passes whether or not standard input has said anything yet.
        eager = [feed for feed in options.feeds if not (options.live and feed == STDIN)]
        self._feeds = open_feeds(eager, self._known)
        self.report.skipped_lines = sum(feed.progress.lines for feed in self._feeds)
        self.report.meters = [feed.meter for feed in self._feeds]

    def stop(self) -> None:
        """Finish the batch that is under way, then end."""
        self._stopping = True

    async def run(self, after_batch: Callable[[], None] = lambda: None) -> RunReport:
        """Run until the feeds end or `stop` is called; `after_batch` is called after each micro-batch."""
        try:
            await self._catch_up(after_batch)
            if not self._stopping:
                self._activate_policies()
                await self._learn()
                if self._options.live:
                    await self._run_live(after_batch)
                else:
                    await self._run_recorded(after_batch)
            await self._count_open()
        finally:
            self._held.close()
        return self.report

    async def _catch_up(self, after_batch: Callable[[], None]) -> None:
        """Fold what a run before this one appended but did not commit, and deliver what it did not deliver."""
        self._deliver_dead_letters()
        if self._sink.file(DEAD_LETTERS_TOPIC).highest(0) < self._ledger.dead_letters_filed:
            self.report.outputs_missing = True
        for shard, processor in enumerate(self._processors):
            await self._relay.drain(shard)
            if self._sink.lacks(shard, self._store.delivered_by_topic(shard)):
                self.report.outputs_missing = True
            position = await processor.open()
            self.metrics.complaints.saw_promises(shard, processor.watched.promises)
            if position > self._ledger.ends[shard]:
                raise LedgerMismatch(
                    f"{self._options.data}: {STATE_FILE} is ahead of {LEDGER_FILE}, so they do not belong together:"
                    " restore the whole directory from one backup, or use another one"
                )
            before = self.report.records
            while processor.position < self._ledger.ends[shard] and not self._stopping:
                bodies = self._ledger.read(shard, processor.position, self._options.batch_records)
                await self._process(shard, processor.position, bodies)
                after_batch()
                await asyncio.sleep(0)
            self.report.caught_up += self.report.records - before

    def _activate_policies(self) -> None:
        digest = policy_digest(self._options.policies)
        if digest == self._ledger.policy_digest:
            return
        before = self._processors[0].policies
        reporting = self._options.policies.currencies.reporting
        if before is not None and before.currencies.reporting != reporting:
            raise LedgerMismatch(
                f"{self._options.data}: amounts are kept in {before.currencies.reporting}, the policies report in"
                f" {reporting}: use another data directory"
            )
        body = encode_policies_record(self._options.policies, self._ledger.clock_ms)
        records = {shard: [body] for shard in range(self._ledger.shards)}
        self._ledger.append(records, policy_digest=digest)

    async def _run_recorded(self, after_batch: Callable[[], None]) -> None:
        merged = MergedFeeds(self._feeds, self._ingest, _wall_ms())
        while not self._stopping:
            started_s = time.perf_counter()
            # A batch ends with its day: what is learnt at midnight stands between what came before it and after. The
            # first line that has a time is a batch of its own, and says which day it is.
            taken = merged.take(self._options.batch_records, self._boundary_ms or 1)
            self.report.feed_s += time.perf_counter() - started_s
            await self._take_in(taken)
            after_batch()
            await asyncio.sleep(0)
            if not taken.lines:
                self.report.unfinished_lines = merged.unfinished_lines
                return

    async def _run_live(self, after_batch: Callable[[], None]) -> None:
        openers: list[Callable[[], Feed | None]] = [partial(_opened, feed) for feed in self._feeds]
        if STDIN in self._options.feeds:
            openers.append(partial(open_stdin, self._known, {feed.source: feed for feed in self._feeds}))
        live = LiveFeed(openers, self._ingest)
        try:
            while not self._stopping:
                taken = await live.take(self._options.batch_records, _LIVE_WAIT_S)
                ended = live.ended
                await self._take_in(taken)
                after_batch()
                if ended:
                    return
        finally:
            live.close()

    async def _take_in(self, taken: Taken) -> None:
        """Append one stretch of the feeds to the ledger, then fold what the ledger has that the store has not."""
        shards = self._ledger.shards
        records = self._no_records()
        refused: list[DeadLetter] = []
        next_ms = self._clock.next_ms
        behind, behind_ms = 0, self._clock.clock_ms - JUMP_MS
        recorded = not self._options.live
        for result in taken.results:
            if type(result) is not Accepted:
                refused.append(result)  # type: ignore[arg-type]
                continue
            if result.at_ms < behind_ms:
                behind += 1
            if recorded and result.at_ms >= next_ms:
                for tick_ms in self._clock.ticks_until(result.at_ms):
                    self._tick(records, tick_ms)
                next_ms = self._clock.next_ms
                behind_ms = self._clock.clock_ms - JUMP_MS
                if self._clock.clock_ms >= self._boundary_ms:
                    await self._fold(records)  # ticks and nothing else: an event of the new day begins its batch
                    await self._learn()
                    records = self._no_records()
            records[shard_of(result.customer_id, shards)].append(result.body)
        if not recorded and (tick_ms := _wall_ms() // _LIVE_TICK_MS * _LIVE_TICK_MS) > self._clock.clock_ms:
            self._tick(records, tick_ms)
            self._clock.clock_ms = tick_ms
        await self._fold(records, taken, refused)
        self._count(taken, refused, behind)
        if not recorded and self._clock.clock_ms >= self._boundary_ms:
            await self._learn()
        if refused:
            self._deliver_dead_letters()
        if self._gauges.are_old:
            await self._count_open()

    def _no_records(self) -> list[list[bytes]]:
        return [[] for _ in range(self._ledger.shards)]

    async def _fold(
        self, records: list[list[bytes]], taken: Taken | None = None, refused: Sequence[DeadLetter] = ()
    ) -> None:
        """Append `records` to each shard, durably, and then fold what the ledger has that the store has not."""
        started_s = time.perf_counter()
        starts = list(self._ledger.ends)
        if any(records) or (taken is not None and taken.lines):
            self._ledger.append(
                {shard: bodies for shard, bodies in enumerate(records) if bodies},
                taken.progress if taken is not None else None,
                refused,
                clock_ms=self._clock.clock_ms,
                witnesses=self._clock.witnesses,
            )
        self.report.append_s += time.perf_counter() - started_s
        for shard, processor in enumerate(self._processors):
            if processor.position < starts[shard]:
                bodies = self._ledger.read(shard, processor.position, starts[shard] - processor.position)
                await self._process(shard, processor.position, bodies)
            if records[shard]:
                await self._process(shard, starts[shard], records[shard])

    async def _learn(self) -> None:
        """Let the learner take the days that are over; a model that comes of it scores from here on."""
        if self._learner is None:
            return
        self._boundary_ms = boundary_after(self._clock.clock_ms)
        if not self._clock.clock_ms:
            return
        started_s = time.perf_counter()
        model = self._learner.learn(self._clock.clock_ms)
        self.report.learn_s += time.perf_counter() - started_s
        if model is None:
            return
        if any(processor.model_version != model.version for processor in self._processors):
            body = encode_model_record(model, self._clock.clock_ms)
            await self._fold([[body] for _ in self._processors])
        self._learner.announced(model)

    def _watched(self) -> dict[int, Watched]:
        return {shard: processor.watched for shard, processor in enumerate(self._processors)}

    async def _count_open(self) -> None:
        await self._gauges.refresh(self._watched)
        await self._backlog.refresh(self._watched)
        self.report.overdue = self.metrics.complaints.total.overdue

    def _tick(self, records: list[list[bytes]], tick_ms: int) -> None:
        body = encode_control_record(Tick(at=datetime.fromtimestamp(tick_ms / 1000, UTC)), tick_ms)
        for bodies in records:
            bodies.append(body)

    async def _process(self, shard: int, first_offset: int, bodies: list[bytes]) -> None:
        processor = self._processors[shard]
        report = await processor.process(first_offset, bodies)
        self.report.saw_batch(report, processor.clock_ms)
        self.metrics.saw_batch(shard, report, processor.clock_ms)
        if report.outputs:
            started_s = time.perf_counter()
            await self._relay.drain(shard)
            self.report.relay_s += time.perf_counter() - started_s

    def _deliver_dead_letters(self) -> None:
        while letters := self._ledger.dead_letters(1000):
            self._sink.file(DEAD_LETTERS_TOPIC).append(0, letters)
            self._ledger.clear_dead_letters(letters[-1][0])

    def _count(self, taken: Taken, refused: list[DeadLetter], behind: int) -> None:
        accepted = len(taken.results) - len(refused)
        self.report.lines += taken.lines
        self.report.behind_the_clock += behind
        self.metrics.behind_the_clock.inc(behind)
        self.report.accepted += accepted
        self.metrics.accepted.inc(accepted)
        for letter in refused:
            self.report.refused[letter.reason] += 1
            self.metrics.dead_letters.labels(letter.reason.value).inc()


def _opened(feed: Feed) -> Feed:
    return feed


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def lock_directory(data: Path) -> IO[str]:
    """Hold the lock of a data directory until the file that is returned is closed; raises `DirectoryInUse`."""
    lock = (data / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise DirectoryInUse(f"{data}: another ebbwatch is running on this data directory") from None
    return lock
