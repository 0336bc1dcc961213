"""Who may compute when; and a pause lets whatever is under way go on as far as it can, but not for ever."""

import asyncio

from streams.turns import Turns


async def _in_steps(steps: int) -> int:
    """A chain of so many rounds of the event loop, each with something to do."""
    worked = 0
    for _ in range(steps):
        worked += sum(range(20_000))
        await asyncio.sleep(0)
    return worked


async def test_a_pause_lasts_until_a_chain_of_steps_has_come_to_its_end() -> None:
    chain = asyncio.create_task(_in_steps(12))
    async with (turns := Turns()):
        await turns.pause()
    assert chain.done()


async def test_a_pause_ends_though_somebody_always_has_something_to_do() -> None:
    endless = asyncio.create_task(_in_steps(1_000_000))
    try:
        async with (turns := Turns()):
            await turns.pause()
        assert not endless.done()
    finally:
        endless.cancel()


async def test_nobody_else_computes_during_a_pause() -> None:
    turns = Turns()
    order: list[str] = []

    async def compute(name: str) -> None:
        async with turns:
            order.append(f"{name} begins")
            await turns.pause()
            order.append(f"{name} ends")

    await asyncio.gather(compute("first"), compute("second"))
    assert order == ["first begins", "first ends", "second begins", "second ends"]


async def test_a_task_whose_turn_it_is_goes_on_and_has_left_at_the_end() -> None:
    turns = Turns()
    await turns.begin()
    async with turns:
        others = asyncio.create_task(turns.begin())
        await asyncio.sleep(0.01)
        assert not others.done()
    await asyncio.wait_for(others, 10)


async def test_who_is_away_lets_others_compute_and_waits_for_the_next_turn() -> None:
    turns = Turns()
    order: list[str] = []

    async def compute() -> None:
        async with turns:
            order.append("other begins")
            await asyncio.sleep(0.02)
            order.append("other ends")

    async with turns:
        other = asyncio.create_task(compute())
        async with turns.away():
            await asyncio.sleep(0.01)
            order.append("back")
        order.append("computes")
    await other
    assert order == ["other begins", "back", "other ends", "computes"]


async def test_leaving_takes_nobody_elses_turn_away() -> None:
    turns = Turns()
    await turns.begin()

    async def leave() -> None:
        turns.leave()

    await asyncio.create_task(leave())
    waiting = asyncio.create_task(turns.begin())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    turns.leave()
    await asyncio.wait_for(waiting, 10)
