"""The shards that this worker owns at the moment, and where each of its partitions stands."""

import asyncio
from collections.abc import Callable, Mapping

from faust.types import TP
from msgspec import Struct

from streams.live_metrics import LiveMetrics
from streams.live_shard import LiveShard, Reading
from streams.names import EVENTS_TOPIC
from streams.transport import RunConsumer, offsets_of

_BROKER_TIMEOUT_S = 60


class LedgerBehindStore(RuntimeError):
    """The store has folded records that the ledger does not have: they do not belong together."""


class Standing(Struct, frozen=True):
    """A partition of the ledger or of a feed: the offset to work on next, and the one behind its last record."""

    topic: str
    partition: int
    position: int
    end: int

    @property
    def lag(self) -> int:
        """Records that wait."""
        return max(self.end - self.position, 0)


class OwnedShards:
    """Opens the shards that are assigned and tells the transport where to read on."""

    def __init__(
        self,
        make: Callable[[int, Reading], LiveShard],
        consumer: Callable[[], RunConsumer],
        live_metrics: LiveMetrics,
        taken_over: Callable[[int], None],
        handed_over: Callable[[int], None] = lambda _shard: None,
    ) -> None:
        """`make` a shard when it is first owned.

        `taken_over` is called for each shard at each assignment, `handed_over` for each that is owned no more.
        """
        self._make = make
        self._consumer = consumer
        self._live = live_metrics
        self._taken_over = taken_over
        self._handed_over = handed_over
        self._shards: dict[int, LiveShard] = {}
        self.assigned: frozenset[TP] = frozenset()
        self.assignments = 0
        """How often partitions have been assigned; 0 before the worker has joined its group."""

    def __getitem__(self, shard: int) -> LiveShard:
        found = self._shards.get(shard)
        if found is None:
            found = self._shards[shard] = self._make(shard, self._reading(TP(EVENTS_TOPIC, shard)))
        return found

    @property
    def owned(self) -> list[LiveShard]:
        """The shards of this worker, by number."""
        return [self[tp.partition] for tp in sorted(self.assigned) if tp.topic == EVENTS_TOPIC]

    async def positions(self, committed: Mapping[TP, int | None]) -> Mapping[TP, int]:
        """Open every shard that is assigned; where each partition is to be read on.

        `committed` names the partitions that are assigned, with what Kafka has committed of each. Raises
        `LedgerBehindStore` when a shard has been folded further than its ledger reaches.
        """
        assigned = frozenset(committed)
        ledger = [tp for tp in assigned if tp.topic == EVENTS_TOPIC]
        opened = await asyncio.gather(*(self[tp.partition].open() for tp in ledger))
        first, behind = await offsets_of(self._consumer(), assigned, _BROKER_TIMEOUT_S)
        positions: dict[TP, int] = {}
        for tp, position in zip(ledger, opened, strict=True):
            _insist(tp.partition, position, behind[tp])
            positions[tp] = max(position, first[tp])
            self._taken_over(tp.partition)
        for tp, offset in committed.items():
            if tp.topic != EVENTS_TOPIC:
                positions[tp] = max(offset or 0, first[tp])
                if offset is not None and offset < first[tp]:
                    self._live.saw_feed_gap(tp.topic, tp.partition, offset, first[tp])
        for shard in set(self._shards) - {tp.partition for tp in ledger}:
            self._live.position.remove(str(shard))
            del self._shards[shard]
            self._handed_over(shard)
        self.assigned = assigned
        self.assignments += 1
        return positions

    async def insist_on_end(self, tp: TP, position: int) -> None:
        """Raise `LedgerBehindStore` unless the brokers have everything of `tp` before `position`."""
        _, behind = await offsets_of(self._consumer(), {tp}, _BROKER_TIMEOUT_S)
        _insist(tp.partition, position, behind[tp])

    async def earliest(self, tp: TP) -> int:
        """The first offset of a partition that is still there."""
        first, _ = await offsets_of(self._consumer(), {tp}, _BROKER_TIMEOUT_S)
        return first[tp]

    def _reading(self, tp: TP) -> Reading:
        async def rewind(offset: int) -> None:
            await self._consumer().rewind(tp, offset)

        async def earliest() -> int:
            return await self.earliest(tp)

        return Reading(rewind, earliest)


def _insist(shard: int, position: int, end: int) -> None:
    if position > end:
        raise LedgerBehindStore(
            f"shard {shard} has been folded up to {position}, but its ledger ends at {end}: the store and the ledger do"
            " not belong together, or the brokers have lost the end of the ledger"
        )
