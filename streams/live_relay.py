"""The relay of the live service: each shard's outbox is emptied as soon as a commit has put something into it."""

import asyncio
import logging
from collections.abc import Callable

from streams.live_metrics import LiveMetrics
from streams.relay import Relay
from streams.stores.base import StoreUnavailable

logger = logging.getLogger("ebbwatch.relay")

_RETRY_S = 1.0


class LiveRelay:
    """Drains the outboxes of the shards that it is woken for, side by side, for as long as it runs."""

    def __init__(self, relay: Relay, live_metrics: LiveMetrics, failed: Callable[[BaseException], None]) -> None:
        """Drain through `relay`; an error other than an absent store is passed to `failed`."""
        self._relay = relay
        self._live = live_metrics
        self._failed = failed
        self._waiting: dict[int, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def wake(self, shard: int) -> None:
        """There may be something in the outbox of `shard`."""
        waiting = self._waiting.get(shard)
        if waiting is None:
            waiting = self._waiting[shard] = asyncio.Event()
            self._tasks.append(asyncio.create_task(self._serve(shard, waiting), name=f"relay {shard}"))
        waiting.set()

    async def _serve(self, shard: int, waiting: asyncio.Event) -> None:
        while True:
            await waiting.wait()
            waiting.clear()
            try:
                await self._relay.drain(shard)
            except StoreUnavailable as error:
                self._live.store_errors.inc()
                logger.warning(
                    "store unavailable, trying again", extra={"fields": {"shard": shard, "error": str(error)}}
                )
                waiting.set()
                await asyncio.sleep(_RETRY_S)
            except Exception as error:
                self._failed(error)
                return

    async def stop(self) -> None:
        """End; what is left in the outboxes is delivered by whoever owns the shards next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
