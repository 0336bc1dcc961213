"""The last commits of a consumer that leaves its group."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams import group_member
from streams.group_member import GroupMember

PLACE = TP("t", 1)


def member(commit: Callable[[Any], Awaitable[None]], closing: "asyncio.Future[None]") -> GroupMember:
    """One whose consumer commits by `commit` and leaves once `closing` is done."""
    found = GroupMember.__new__(GroupMember)
    coordinator = SimpleNamespace(_closing=closing)
    found._consumer = SimpleNamespace(_coordinator=coordinator, commit=commit, assignment=lambda: {PLACE})
    found.tp_last_committed_at = {}
    return found


class ForEver:
    """A commit that is tried until it is given up."""

    def __init__(self) -> None:
        self.given_up = asyncio.Event()

    async def commit(self, offsets: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up.set()


async def test_a_commit_is_given_up_once_the_consumer_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would try it again and again, of a coordinator that it does not look for any more."""
    monkeypatch.setattr(group_member, "_LAST_COMMIT_S", 0.05)
    closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for_ever = ForEver()

    commit = asyncio.create_task(member(for_ever.commit, closing)._commit({PLACE: 5}))
    await asyncio.sleep(0.2)
    assert not commit.done()
    closing.set_result(None)
    assert await asyncio.wait_for(commit, 10) is False
    await asyncio.wait_for(for_ever.given_up.wait(), 10)


async def test_a_commit_that_is_under_way_may_end() -> None:
    """Most take a millisecond, and save the next worker from reading again what is done."""
    closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    closing.set_result(None)
    committed: list[Any] = []

    async def soon(offsets: Any) -> None:
        await asyncio.sleep(0.01)
        committed.append({place.partition: offset.offset for place, offset in offsets.items()})

    assert await member(soon, closing)._commit({PLACE: 5}) is True
    assert committed == [{1: 5}]


async def test_whoever_is_cancelled_takes_its_commit_along() -> None:
    """The timer of commits is cancelled when the worker stops: nothing of it may go on."""
    closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for_ever = ForEver()

    commit = asyncio.create_task(member(for_ever.commit, closing)._commit({PLACE: 5}))
    await asyncio.sleep(0.01)
    commit.cancel()
    await asyncio.wait_for(for_ever.given_up.wait(), 10)
    with pytest.raises(asyncio.CancelledError):
        await commit
