"""So many records at a time, first come, first served; and whoever waits has let go of what others need."""

import asyncio
from collections.abc import Callable

import pytest

from streams.work_limit import WorkLimit


class Worker:
    """Works on `count` records until `go_on` is set."""

    def __init__(self, name: str, count: int, limit: WorkLimit, seen: list[str]) -> None:
        self.go_on = asyncio.Event()
        self._say: Callable[[str], None] = lambda what: seen.append(f"{name} {what}")
        self.task = asyncio.create_task(self._work(count, limit))

    async def _work(self, count: int, limit: WorkLimit) -> None:
        async with limit.room(count, lambda: self._say("waits")):
            self._say("works")
            await self.go_on.wait()


async def test_who_comes_just_when_room_is_made_for_another_has_to_wait_and_is_told_so() -> None:
    """Else it would wait with its turn to compute in its hands, which the other one needs: nothing would move again."""
    limit, seen = WorkLimit(64), list[str]()
    first, second = Worker("first", 40, limit, seen), Worker("second", 40, limit, seen)
    await asyncio.sleep(0)
    first.go_on.set()
    await asyncio.sleep(0)  # the first one leaves; the second one is let in, and has not been woken yet
    third = Worker("third", 40, limit, seen)
    await asyncio.sleep(0.01)
    assert seen == ["first works", "second waits", "second works", "third waits"]
    second.go_on.set()
    await asyncio.sleep(0.01)
    assert seen[4:] == ["third works"]
    third.go_on.set()
    await asyncio.gather(first.task, second.task, third.task)


async def test_small_work_does_not_overtake_large_work() -> None:
    """It would keep it waiting for ever."""
    limit, seen = WorkLimit(64), list[str]()
    workers = [Worker(str(count), count, limit, seen) for count in (40, 30, 10)]
    await asyncio.sleep(0.01)
    assert seen == ["40 works", "30 waits", "10 waits"]
    workers[0].go_on.set()
    await asyncio.sleep(0.01)
    assert seen[3:] == ["30 works", "10 works"]
    for worker in workers:
        worker.go_on.set()
    await asyncio.gather(*(worker.task for worker in workers))


async def test_what_is_larger_than_allowed_goes_alone() -> None:
    limit, seen = WorkLimit(64), list[str]()
    small, large, late = (Worker(name, n, limit, seen) for name, n in (("small", 1), ("large", 100), ("late", 1)))
    await asyncio.sleep(0.01)
    small.go_on.set()
    await asyncio.sleep(0.01)
    assert seen == ["small works", "large waits", "late waits", "large works"]
    large.go_on.set()
    late.go_on.set()
    await asyncio.gather(small.task, large.task, late.task)


@pytest.mark.parametrize("after", [0, 1])
async def test_who_is_cancelled_takes_no_room_along(after: int) -> None:
    """Neither while it waits nor when it has just been let in; and who waits behind it goes on."""
    limit, seen = WorkLimit(64), list[str]()
    first, cancelled, last = (Worker(name, 40, limit, seen) for name in ("first", "cancelled", "last"))
    await asyncio.sleep(0)
    if after:
        first.go_on.set()
        await asyncio.sleep(0)
    cancelled.task.cancel()
    first.go_on.set()
    last.go_on.set()
    async with asyncio.timeout(10):
        await asyncio.gather(first.task, last.task)
    assert cancelled.task.cancelled()
    assert seen == ["first works", "cancelled waits", "last waits", "last works"]
    async with asyncio.timeout(10), limit.room(64, lambda: pytest.fail("there is room for all")):
        pass


async def test_work_that_fails_makes_room() -> None:
    limit = WorkLimit(64)
    with pytest.raises(ZeroDivisionError):
        async with limit.room(64, lambda: pytest.fail("there is room")):
            raise ZeroDivisionError
    async with limit.room(64, lambda: pytest.fail("there is room again")):
        pass
