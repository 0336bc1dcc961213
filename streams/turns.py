"""Computing by turns: one piece at a time, and whatever waits for the network in between.

Everything of a worker runs in one event loop. Were several shards to fold thousands of records in the same round of
it, each step of a commit or of a delivery, and there are a dozen, would wait for all of them.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import TypeVar

PIECE = 256
"""Records that are worked on without a pause: about four milliseconds. With pieces of 64 a commit or a delivery takes
half as long, and an alert longer all the same: each pause is a round of the event loop, and the others wait for it."""

T = TypeVar("T")


class Turns:
    """`async with` it to compute; `pause` in between lets the network have its say, and no other computation."""

    def __init__(self) -> None:
        """Nobody computes."""
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        await self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()

    async def pause(self) -> None:
        """One round of the event loop."""
        await asyncio.sleep(0)


def pieces(records: Sequence[T]) -> Iterator[Sequence[T]]:
    """`records` in pieces of at most `PIECE`."""
    if len(records) <= PIECE:
        yield records
        return
    for start in range(0, len(records), PIECE):
        yield records[start : start + PIECE]
