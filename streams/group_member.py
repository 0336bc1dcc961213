"""The worker as a member of its consumer group: aiokafka's consumer, how it is configured, and how it leaves.

What is overridden of Faust's consumer thread, and why; that it has no thread is told in `streams.consumer_loop`:

- `_create_worker_consumer`: a fetch that waits 1.5 s for an idle partition would hold up the busy ones of its broker;
  and the process's fetchers hand on whole batches as they are parsed (`streams.fetched`).
- `on_thread_stop`: aiokafka waits for a rebalance before it leaves, and that for members that do not answer.
- `_commit`: aiokafka tries it for ever where the consumer leaves its group meanwhile.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiokafka
from aiokafka.consumer import fetcher
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.consumer_loop import InOneLoop
from streams.fetched import BatchRecords, RangedResult

_FETCH_WAIT_MS = 25
_FETCH_BYTES = 65_536
"""A fetch waits for so much, but no longer than that: the smaller a run, the more of a commit each record costs."""
_LEAVE_S = 5.0
"""How long a rebalance is waited for in order to leave the group in form; else its members wait for the session."""
_LAST_COMMIT_S = 2.0
"""How long a commit that is under way may go on once the consumer leaves."""


class GroupMember(InOneLoop, driver.AIOKafkaConsumerThread):
    """What Faust keeps of its consumer in a thread, without the thread, and with a consumer that we configure."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = RoundRobinPartitionAssignor
        fetcher.PartitionRecords = BatchRecords
        fetcher.FetchResult = RangedResult
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            fetch_min_bytes=_FETCH_BYTES,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            isolation_level="read_committed",
            **transport.client_options,
        )

    async def on_thread_stop(self) -> None:
        """Leave the group; hang up where a rebalance holds that up."""
        leaving = asyncio.create_task(super().on_thread_stop())
        await asyncio.wait({leaving}, timeout=_LEAVE_S)
        if not leaving.done() and self._consumer is not None:
            self.log.info("the group is left without a word: it is being rebalanced, and that takes too long")
            await self._consumer._client.close()
        await leaving

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Whether it was committed; what is not is read again by whoever is next, and known by its offsets."""
        commit = asyncio.create_task(super()._commit(offsets))
        left = self._ensure_consumer()._coordinator._closing
        try:
            await asyncio.wait({commit, left}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({commit}, timeout=_LAST_COMMIT_S)
            return commit.done() and commit.result()
        finally:
            commit.cancel()
