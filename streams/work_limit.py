"""How much is worked on at a time: first come, first served, and what is larger than allowed goes alone."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable


class WorkLimit:
    """Lets work begin while no more than `most` is under way, of whatever is counted."""

    def __init__(self, most: int) -> None:
        """Nothing is under way."""
        self._most = most
        self._under_way = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def room(self, count: int, before_waiting: Callable[[], None]) -> AsyncIterator[None]:
        """Begin with `count` once there is room for it, and make room at the end.

        Where that has to be waited for, `before_waiting` lets go of whatever those who make room could need. Whether it
        has to is decided once: asked beforehand, the answer could have changed by the time of the waiting.
        """
        if self._waiting or not self._fits(count):
            before_waiting()
            await self._wait(count)
        else:
            self._under_way += count
        try:
            yield
        finally:
            self._leave(count)

    def _fits(self, count: int) -> bool:
        return not self._under_way or self._under_way + count <= self._most

    async def _wait(self, count: int) -> None:
        let_in = asyncio.get_running_loop().create_future()
        self._waiting.append((count, let_in))
        try:
            await let_in
        except asyncio.CancelledError:
            if let_in.cancelled():
                self._let_in()
            else:
                self._leave(count)
            raise

    def _leave(self, count: int) -> None:
        self._under_way -= count
        self._let_in()

    def _let_in(self) -> None:
        """Room is taken here and not by those who are woken, so that nobody comes in between."""
        while self._waiting:
            count, let_in = self._waiting[0]
            if not let_in.done():
                if not self._fits(count):
                    return
                self._under_way += count
                let_in.set_result(None)
            self._waiting.popleft()
