"""Micro-batches through Faust: one message for each fetched run of a partition.

Faust hands an agent one record at a time and spends about 100 µs on each. Here the consumer yields whole runs, so that
agents, supervision, rebalancing, acks and commits stay Faust's, and their cost is paid once for thousands of records.
Only this file, `streams.group_member`, `streams.consumer_loop` and `streams.fetched` reach into Faust and aiokafka, and
are why both are pinned. What is overridden here, and why:

- `getmany`: a run is one message, whose offset is that of its last record. A run also knows which offsets its fetch
  covered, so that offsets without a record (of Kafka's own markers) can be told from records that are missing.
- `seek_to_committed`: the positions of the ledger are the store's, not Kafka's committed offsets.
- `_new_offset`: the offsets of runs are not consecutive, and Faust would wait for what lies between them for ever.
  Runs of a partition are finished in order, so the highest one finished can be committed.
- `on_partitions_revoked`: Faust forgets what is done and not yet committed, and then commits. While a worker stops it
  lets partitions go at once, though some are still worked on.
- `close`: Faust hangs up as soon as a rebalance begins while a worker stops. What is done is not committed by then, and
  aiokafka may try that for ever.
- `commit_and_end_transactions`: where a commit is under way, Faust waits for that one and leaves what came after it.
- `on_buffer_full`: Faust would fetch no more of a partition while a buffer is full, and where that leaves nothing to
  wait for it would look again a second later. Whoever hands runs on waits for room instead, and goes on at once.
- `_read_offset` is cleared before each run: else Faust drops what comes again after a rewind, and books gaps.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence, Set
from typing import Any

import aiokafka
import faust
from aiokafka.errors import IllegalStateError
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message
from faust.types.tuples import ConsumerMessage
from msgspec import Struct

from streams.fetched import Covering
from streams.group_member import GroupMember


class Run(Struct, frozen=True, gc=False):
    """All records of one partition from offset `begins` to before `ends`: with `offset`, `key`, `value`, `headers`."""

    topic: str
    partition: int
    records: list[Any]
    begins: int
    ends: int

    def __repr__(self) -> str:
        """Where it is from: Faust may put a message into its log, and customers' data must not get there."""
        return f"Run({self.topic}/{self.partition} {self.first_offset}..{self.next_offset - 1})"

    @property
    def first_offset(self) -> int:
        """The offset of the first record."""
        return int(self.records[0].offset)

    @property
    def next_offset(self) -> int:
        """The offset behind the last record."""
        return int(self.records[-1].offset) + 1

    def follows(self, run: "Run") -> bool:
        """Whether it goes on exactly where the fetch of `run` ended."""
        return (self.topic, self.partition, self.begins) == (run.topic, run.partition, run.ends)


def joined(runs: Sequence[Run]) -> Run:
    """Runs each of which follows the one before it, as one."""
    first, last = runs[0], runs[-1]
    if first is last:
        return first
    records = [record for run in runs for record in run.records]
    return Run(first.topic, first.partition, records, first.begins, last.ends)


class RunSchema(faust.Schema[Any, Any]):
    """Passes a run through undecoded: decoding is the agent's, for the run as a whole."""

    def compile(self, app: Any, **_: Any) -> Any:
        """A decoder that only wraps."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return create_event(None, message.value, None, message)

        return decode


Positions = Callable[[Mapping[TP, int | None]], Awaitable[Mapping[TP, int]]]
"""Given the partitions that are assigned and what Kafka has committed of each: the offset to read next of each."""


class RunConsumer(driver.Consumer):
    """Faust's consumer, a run at a time; `fetched_to` tells up to which offset each partition has been handed over."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As Faust's."""
        super().__init__(*args, **kwargs)
        self.fetched_to: dict[TP, int] = {}
        self._all_committed = asyncio.Event()

    def _new_consumer_thread(self) -> GroupMember:
        return GroupMember(self, loop=self.loop, thread_loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:
        """What has been fetched, as one message for each partition."""
        records, active = await self._wait_next_records(timeout)
        if records is None or active is None or self.should_stop:
            return
        generation = self.app.consumer_generation_id
        if not self.flow_active:
            with contextlib.suppress(IllegalStateError):  # the next rebalance has begun, and seeks when it is through
                await self.perform_seek()
            return
        for fetched, run in records.items():
            if self._is_interrupted(generation):
                return  # whoever stopped the flow seeks before it goes on
            assert isinstance(run, Covering)  # noqa: S101 - our fetcher makes no other
            tp = ensure_TP(fetched)
            if tp not in active | self._buffered_partitions:
                await self.rewind(tp, run.begins)  # paused meanwhile: fetched again later
                continue
            self._read_offset[tp] = None
            self.fetched_to[tp] = run.ends
            yield tp, self._run_message(tp, run)

    def _is_interrupted(self, generation: int) -> bool:
        return not self.flow_active or self.app.consumer_generation_id != generation

    def _run_message(self, tp: TP, records: Covering) -> Message:
        last = records[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000,
            last.timestamp_type,
            None,
            None,
            Run(tp.topic, tp.partition, records, records.begins, records.ends),  # type: ignore[arg-type]  # for RunSchema
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to where the app says, which has been told what Kafka has committed."""
        self.fetched_to.clear()
        committed = {ensure_TP(tp): offset for tp, offset in (await super().seek_to_committed()).items()}
        transport = self.transport
        assert isinstance(transport, RunTransport)  # noqa: S101 - no other transport makes this consumer
        assigned = {ensure_TP(tp) for tp in self.assignment()}
        positions = await transport.positions({tp: committed.get(tp) for tp in assigned})
        if positions:
            await self.seek_wait({_native(tp): offset for tp, offset in positions.items()})
        return positions

    async def rewind(self, tp: TP, offset: int) -> None:
        """Go on reading `tp` at `offset`; of no consequence where `tp` is being taken away: its next owner seeks."""
        try:
            await self.seek_wait({_native(tp): offset})
        except (IllegalStateError, TimeoutError):
            self.log.info("not rewound: partition %s of %s is not ours any more", tp.partition, tp.topic)

    async def seek_wait(self, partitions: Mapping[Any, int]) -> None:
        """Seek and wait until the consumer knows its positions; the offsets read so far are of no account here."""
        await super().seek_wait(partitions)
        for tp in partitions:
            self._read_offset[ensure_TP(tp)] = None
            self.fetched_to.pop(ensure_TP(tp), None)

    def close(self) -> None:
        """Nothing: a worker that stops leaves its group when it has committed all."""

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: the conductor waits for room in the buffer, and fetching with it."""

    async def on_partitions_revoked(self, revoked: Set[TP]) -> None:
        """Commit what is done before Faust forgets it, which it does before it waits for what is under way."""
        if self.app.should_stop:
            await self._all_committed.wait()
            return
        self.stop_flow()
        while any(self._acked.get(tp) for tp in revoked):  # runs are finished meanwhile
            await self.commit_and_end_transactions()
        await super().on_partitions_revoked(revoked)

    async def on_stop(self) -> None:
        """Commit all that is done, after which a rebalance may go on."""
        try:
            await super().on_stop()
        finally:
            self._all_committed.set()

    async def commit_and_end_transactions(self) -> None:
        """Commit all that is done, before partitions go to another worker."""
        while self._commit_fut is not None:
            await self.maybe_wait_for_commit_to_finish()
        await super().commit_and_end_transactions()

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        highest = max(acked)
        self._acked_index[tp].difference_update(acked)
        acked.clear()
        return highest + 1


class RunTransport(driver.Transport):
    """Faust's Kafka transport with the consumer above; `positions` and `client_options` are set by the app."""

    Consumer = RunConsumer
    positions: Positions
    client_options: dict[str, Any]


def _native(tp: TP) -> aiokafka.TopicPartition:
    return aiokafka.TopicPartition(tp.topic, tp.partition)


async def offsets_of(
    consumer: RunConsumer, tps: Set[TP], timeout_s: float
) -> tuple[Mapping[TP, int], Mapping[TP, int]]:
    """The first offset that is still there, and the offset behind the last record, of each partition."""
    native = [_native(tp) for tp in tps]
    first, behind = await asyncio.wait_for(
        asyncio.gather(consumer.earliest_offsets(*native), consumer.highwaters(*native)), timeout_s
    )
    return ({ensure_TP(tp): at for tp, at in first.items()}, {ensure_TP(tp): at for tp, at in behind.items()})
