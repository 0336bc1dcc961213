"""Faust's Kafka consumer in the event loop of the worker, instead of in a thread with a loop of its own.

Faust gives it a thread so that heartbeats go out while an application computes. Ours computes in pieces of a few
milliseconds (`streams.turns`), so they go out anyway, and the thread had its price: whenever it fetched, both threads
waited for the one interpreter lock, and whoever got it back often went on on another core, whose cache knew nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mode.threads import QueueServiceThread, WorkerThread
from mode.utils.futures import maybe_async


class _TaskForThread(WorkerThread):
    """What Faust starts and stops as a thread: a task of the service's loop, and no thread is ever started."""

    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = self.service.parent_loop.create_task(self._serve(), name=type(self.service).__name__)

    async def _serve(self) -> None:
        try:
            await self.service._serve()
        except Exception:  # the service has told the app of its crash, which ends the worker
            self.service.set_shutdown()

    def stop(self) -> None:
        """Faust waits here for the thread, which must not be done in the loop that it runs in: see `ended`."""

    async def ended(self) -> None:
        if self._task is not None:
            await asyncio.wait({self._task})


class InOneLoop(QueueServiceThread):
    """A mixin for a service of Faust's that has a thread: give it the running loop as `loop` and as `thread_loop`."""

    abstract = True
    Worker = _TaskForThread

    async def call_thread(self, fun: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Call it: there is no other thread to be asked."""
        return await maybe_async(fun(*args, **kwargs))

    async def stop(self) -> None:
        """As Faust's, which would wait for the thread."""
        await super().stop()
        if isinstance(self._thread, _TaskForThread):
            await self._thread.ended()

    async def _gather_remaining_tasks(self) -> None:
        """Nothing: the other tasks of the loop are the worker's."""
