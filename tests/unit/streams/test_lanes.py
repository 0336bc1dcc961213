"""Lanes: the order of a partition, what is joined, how much is at work, and that nobody waits for ever."""

import asyncio
from random import Random

import pytest

from streams import lanes as lanes_module
from streams.lanes import Lanes
from streams.transport import Run
from streams.turns import Turns
from tests.unit.streams.test_live_stages import a_run


class Event:
    """A run on its way through an agent."""

    def __init__(self, run: Run) -> None:
        self.value = run
        self.acked = False

    def ack(self) -> bool:
        self.acked = True
        return True


class HeldBack:
    """Work that waits at `gate`; what begins at `undone` does not get done."""

    def __init__(self, undone: int = -1) -> None:
        self.gate = asyncio.Event()
        self.turns = Turns()
        self.worked: list[Run] = []
        self._undone = undone

    async def work(self, run: Run) -> bool:
        self.worked.append(run)
        self.turns.leave()
        await self.gate.wait()
        return run.begins != self._undone


async def test_lanes_keep_the_order_of_a_partition_and_let_others_pass() -> None:
    """A partition that waits holds up nobody else, and its runs stay in order."""
    gate = asyncio.Event()
    turns = Turns()
    done: list[tuple[int, int]] = []

    async def work(run: Run) -> bool:
        if run.partition == 0:
            turns.leave()
            await gate.wait()
        done.append((run.partition, run.first_offset))
        return True

    lanes = Lanes(work, lambda error: pytest.fail(repr(error)), turns)
    events = [Event(a_run("t", b"", first=n, partition=p)) for n in range(2) for p in (0, 1)]
    for event in events:
        await lanes.put(event)
        await asyncio.sleep(0.01)
    assert done == [(1, 0), (1, 1)]
    assert [event.acked for event in events] == [False, True, False, True]

    gate.set()
    await asyncio.sleep(0.01)
    assert done == [(1, 0), (1, 1), (0, 0), (0, 1)]
    assert all(event.acked for event in events)
    await lanes.stop()


async def test_a_run_whose_work_fails_is_not_acknowledged() -> None:
    """The error is passed on, and nothing behind it in its partition is worked on."""
    failures: list[BaseException] = []
    worked: list[int] = []

    async def work(run: Run) -> bool:
        worked.append(run.first_offset)
        raise ZeroDivisionError

    lanes = Lanes(work, failures.append, Turns())
    events = [Event(a_run("t", b"", first=n)) for n in range(2)]
    for event in events:
        await lanes.put(event)
    await asyncio.sleep(0.01)

    assert [type(failure) for failure in failures] == [ZeroDivisionError]
    assert worked == [0]
    assert not any(event.acked for event in events)
    await lanes.stop()


async def test_what_has_gathered_in_a_lane_is_one_run() -> None:
    """Runs that follow on one another while the first is worked on are joined, and all of them acked with it."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    events = [Event(a_run("t", b"", b"", first=n)) for n in (0, 2, 4)]
    for event in events:
        await lanes.put(event)
        await asyncio.sleep(0)
    assert [event.acked for event in events] == [False, False, False]
    held.gate.set()
    await asyncio.sleep(0.01)

    assert [(run.begins, run.ends, len(run.records)) for run in held.worked] == [(0, 2, 2), (2, 6, 4)]
    assert [record.offset for record in held.worked[1].records] == [2, 3, 4, 5]
    assert all(event.acked for event in events)
    await lanes.stop()


async def test_what_comes_before_a_lane_may_compute_is_in_its_run() -> None:
    """Taken any earlier, a run would wait for its turn, and what came meanwhile for the next one."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    held.gate.set()
    async with held.turns:
        for first in range(3):
            await lanes.put(Event(a_run("t", b"", first=first)))
            await asyncio.sleep(0.01)
        assert not held.worked
    await asyncio.sleep(0.01)

    assert [(run.begins, run.ends) for run in held.worked] == [(0, 3)]
    await lanes.stop()


async def test_runs_that_do_not_follow_on_one_another_stay_apart() -> None:
    """A rewind brings back what was there before: the reducer must see where the second reading begins."""
    held = HeldBack(undone=9)
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    events = [Event(a_run("t", b"", first=n)) for n in (0, 9, 1)]
    for event in events:
        await lanes.put(event)
        await asyncio.sleep(0)
    held.gate.set()
    await asyncio.sleep(0.01)

    assert [run.begins for run in held.worked] == [0, 9, 1]
    assert [event.acked for event in events] == [True, False, True]
    await lanes.stop()


async def test_runs_that_are_large_already_are_not_joined() -> None:
    """Joined without end, one partition would keep the others waiting; and a lane with enough in it has no room."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    for first in (0, 5_000):
        await lanes.put(Event(a_run("t", *[b""] * 5_000, first=first)))
        await asyncio.sleep(0)
    third = asyncio.create_task(lanes.put(Event(a_run("t", *[b""] * 5_000, first=10_000))))
    await asyncio.sleep(0.01)
    assert not third.done()
    held.gate.set()
    await third
    await asyncio.sleep(0.01)

    assert [len(run.records) for run in held.worked] == [5_000, 5_000, 5_000]
    await lanes.stop()


async def test_however_small_runs_are_a_lane_takes_them_until_it_has_enough_records() -> None:
    """Whatever waited in front of a lane could not be joined, and small runs would be worked on one by one."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    events = [Event(a_run("t", b"", b"", first=2 * n)) for n in range(500)]
    for event in events:
        await asyncio.wait_for(lanes.put(event), 10)
        await asyncio.sleep(0)
    held.gate.set()
    await asyncio.sleep(0.05)

    assert [len(run.records) for run in held.worked] == [2, 998]
    assert all(event.acked for event in events)
    await lanes.stop()


async def test_lanes_together_work_on_no_more_records_than_fit_into_memory() -> None:
    """However many partitions a worker has; a small run does not overtake a large one that waits for room."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    for partition, count in enumerate((40_000, 30_000, 10)):
        await lanes.put(Event(a_run("t", *[b""] * count, partition=partition)))
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert [run.partition for run in held.worked] == [0]
    async with asyncio.timeout(10), held.turns:  # which those who wait for room have left
        held.gate.set()
    await asyncio.sleep(0.05)

    assert [run.partition for run in held.worked] == [0, 1, 2]
    await lanes.stop()


async def test_a_run_larger_than_what_lanes_may_work_on_goes_alone() -> None:
    """It could be no smaller, and nobody would ever fetch it again."""
    held = HeldBack()
    lanes = Lanes(held.work, lambda error: pytest.fail(repr(error)), held.turns)
    for partition, count in enumerate((10, 70_000)):
        await lanes.put(Event(a_run("t", *[b""] * count, partition=partition)))
    await asyncio.sleep(0.01)
    assert [run.partition for run in held.worked] == [0]
    held.gate.set()
    await asyncio.sleep(0.05)

    assert [run.partition for run in held.worked] == [0, 1]
    await lanes.stop()


@pytest.mark.parametrize("seed", range(40))
async def test_lanes_never_wait_for_one_another(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the sizes of runs and the steps of the work, all of it is done, one computing at a time."""
    monkeypatch.setattr(lanes_module, "_MOST_AT_WORK", 64)
    monkeypatch.setattr(lanes_module, "_ENOUGH_RECORDS", 4)
    draw = Random(seed)
    turns = Turns()
    ends, done, computing = [0] * 4, [0] * 4, 0

    async def some_steps(most: int) -> None:
        for _ in range(draw.randrange(most)):
            await asyncio.sleep(0)

    async def work(run: Run) -> bool:
        nonlocal computing
        async with turns:
            computing += 1
            assert computing == 1
            await some_steps(4)
            computing -= 1
            async with turns.away():
                await some_steps(8)
        await some_steps(16)
        done[run.partition] = run.ends
        return True

    lanes = Lanes(work, lambda error: pytest.fail(repr(error)), turns)
    async with asyncio.timeout(10):
        for _ in range(100):
            partition, count = draw.randrange(4), draw.randrange(1, 37)
            await lanes.put(Event(a_run("t", *[b""] * count, first=ends[partition], partition=partition)))
            ends[partition] += count
            await some_steps(4)
        while done != ends:
            await asyncio.sleep(0.001)
    await lanes.stop()
