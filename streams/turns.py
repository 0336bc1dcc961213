"""Computing by turns: one piece at a time, and whatever waits for the network in between.

Everything of a worker runs in one event loop. Were several shards to fold thousands of records in the same round of
it, each step of a commit or of a delivery, and there are a dozen, would wait for all of them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from time import perf_counter
from typing import TypeVar

PIECE = 256
"""Records that are worked on without a pause: about four milliseconds."""
_NOTHING_TO_DO_S = 50e-6
"""A round of the event loop that takes no longer had nothing to do: an empty one takes 10 to 30 microseconds."""
_MOST_ROUNDS = 32

T = TypeVar("T")


class Turns:
    """`async with` it to compute; `pause` in between lets the network have its say, and no other computation.

    A task whose turn it is already goes on, and has it until it leaves.
    """

    def __init__(self) -> None:
        """Nobody computes."""
        self._lock = asyncio.Lock()
        self._whose: asyncio.Task[object] | None = None

    async def begin(self) -> None:
        """Wait for this task's turn, unless it has it."""
        task = asyncio.current_task()
        if self._whose is not task:
            await self._lock.acquire()
            self._whose = task

    def leave(self) -> None:
        """Let the next one compute, if it is this task's turn: nobody may keep it while waiting for anything else."""
        if self._whose is asyncio.current_task():
            self._whose = None
            self._lock.release()

    async def __aenter__(self) -> None:
        await self.begin()

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    @contextlib.asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Let others compute while this task waits for something."""
        self.leave()
        yield
        await self.begin()

    async def pause(self) -> None:
        """Let the event loop go round until it has nothing to do, but not for ever.

        A fetch, a commit and a delivery are chains of a dozen steps, each of which is one round: were there a piece of
        computing behind every single one, they would take longer than the computing.
        """
        for _ in range(_MOST_ROUNDS):
            began_s = perf_counter()
            await asyncio.sleep(0)
            if perf_counter() - began_s < _NOTHING_TO_DO_S:
                return


def pieces(records: Sequence[T]) -> Iterator[Sequence[T]]:
    """`records` in pieces of at most `PIECE`."""
    if len(records) <= PIECE:
        yield records
        return
    for start in range(0, len(records), PIECE):
        yield records[start : start + PIECE]
