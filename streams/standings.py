"""Where every partition of this worker stands: what is worked off, against what is there."""

from collections.abc import Callable

from faust.types import TP

from streams.names import EVENTS_TOPIC
from streams.owned_shards import OwnedShards, Standing
from streams.transport import RunConsumer


class Standings:
    """Compares, for each partition, the offset worked off with the broker's end."""

    def __init__(
        self,
        shards: OwnedShards,
        consumer: Callable[[], RunConsumer],
        taken_in: dict[tuple[str, int], int],
        rebalancing: Callable[[], bool],
    ) -> None:
        """`taken_in` tells of the feeds' partitions up to which offset they are in the ledger."""
        self._shards = shards
        self._consumer = consumer
        self._taken_in = taken_in
        self._rebalancing = rebalancing

    async def now(self) -> list[Standing] | None:
        """Every partition that is assigned; None while the group is still deciding.

        Raises `LedgerBehindStore` when the brokers have lost the end of a shard: what is appended then takes offsets
        that the store believes to be folded, and would be skipped.
        """
        if self._rebalancing() or not self._shards.assignments:
            return None
        consumer = self._consumer()
        standings = []
        for tp in self._shards.assigned:
            end: int | None = consumer.highwater(tp)  # None before the first fetch, whatever Faust says
            if end is None:
                continue
            done = self._done(tp)
            if tp.topic == EVENTS_TOPIC and done is not None and done > end:
                await self._shards.insist_on_end(tp, done)
            fetched = consumer.fetched_to.get(tp)
            if fetched is None or done is None or done >= fetched:
                # Nothing is under way here, so it stands where the consumer does: behind offsets that hold no record.
                done = await consumer.position(tp)
            standings.append(Standing(tp.topic, tp.partition, done if done is not None else end, end))
        return standings

    def _done(self, tp: TP) -> int | None:
        if tp.topic == EVENTS_TOPIC:
            return self._shards[tp.partition].position
        return self._taken_in.get((tp.topic, tp.partition))
