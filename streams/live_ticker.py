"""Ticks of the live ledger: whoever owns a shard tells it the time, and any change of policies."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from models.events import Tick
from streams.codecs import encode_control_record
from streams.kafka_producer import BatchProducer, Outgoing
from streams.live_shard import LiveShard
from streams.names import EVENTS_TOPIC


class Ticker:
    """Writes control records into the shards that are owned."""

    def __init__(
        self,
        producer: BatchProducer,
        owned: Callable[[], list[LiveShard]],
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Tick the shards that `owned` names at the time."""
        self._producer = producer
        self._owned = owned
        self._wall_ms = wall_ms
        self._announced: dict[int, tuple[LiveShard, str]] = {}

    async def tick(self) -> None:
        """One tick for each owned shard whose time has moved on: the wall clock's, or that of its latest events."""
        now_ms = self._wall_ms()
        records: dict[int, list[Outgoing]] = {}
        for shard in self._owned():
            at_ms = now_ms if shard.event_clock is None else shard.event_clock.clock_ms
            bodies = []
            policies = shard.policy_record(max(at_ms, shard.clock_ms))
            if policies is not None and self._is_news(shard):
                bodies.append(policies)
            if at_ms > shard.clock_ms:
                tick = Tick(at=datetime.fromtimestamp(at_ms / 1000, UTC))
                bodies.append(encode_control_record(tick, at_ms))
            records[shard.shard] = [Outgoing(None, body) for body in bodies]
        await self._producer.append(EVENTS_TOPIC, records)

    def _is_news(self, shard: LiveShard) -> bool:
        """Once for each time a shard is taken over: until it is folded, the record just written is not seen."""
        in_force = shard.policies.version if shard.policies is not None else ""
        before = self._announced.get(shard.shard)
        if before is not None and before[0] is shard and before[1] == in_force:
            return False
        self._announced[shard.shard] = (shard, in_force)
        return True
