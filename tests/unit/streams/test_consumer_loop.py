"""A service of Faust's that would have a thread, in the loop of whoever starts it."""

import asyncio
import threading

import pytest

from streams.consumer_loop import InOneLoop


class _Service(InOneLoop):
    """Notes where it is called, and that it has been ended."""

    abstract = False

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(loop=loop, thread_loop=loop)
        self.ended = False

    async def where(self) -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
        await asyncio.sleep(0)
        return asyncio.get_running_loop(), threading.current_thread()

    async def fails(self) -> None:
        raise LookupError("not there")

    async def on_thread_stop(self) -> None:
        await super().on_thread_stop()
        await asyncio.sleep(0.01)
        self.ended = True


class _Broken(_Service):
    """Cannot start."""

    async def on_start(self) -> None:
        raise ConnectionError("nobody there")


async def test_it_starts_no_thread_and_is_called_in_the_loop_that_runs() -> None:
    threads = threading.active_count()
    service = _Service()
    await service.start()
    try:
        assert await service.call_thread(service.where) == (asyncio.get_running_loop(), threading.current_thread())
        assert threading.active_count() == threads
    finally:
        await service.stop()


async def test_an_error_reaches_whoever_called() -> None:
    service = _Service()
    await service.start()
    try:
        with pytest.raises(LookupError, match="not there"):
            await service.call_thread(service.fails)
    finally:
        await service.stop()


async def test_stopping_waits_for_its_end_and_touches_no_other_task() -> None:
    other = asyncio.create_task(asyncio.sleep(60))
    service = _Service()
    await service.start()
    await service.stop()
    assert service.ended
    assert not other.done()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "_Service"]
    other.cancel()


async def test_whoever_starts_it_hears_that_it_cannot_start(capsys: pytest.CaptureFixture[str]) -> None:
    service = _Broken()
    with pytest.raises(ConnectionError, match="nobody there"):
        await asyncio.wait_for(service.start(), 10)
    await asyncio.sleep(0.05)
    assert service._shutdown.is_set()
    assert "crashed" in capsys.readouterr().err


async def test_a_call_that_is_given_up_ends() -> None:
    service = _Service()
    await service.start()
    ends = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ends.set()

    try:
        call = asyncio.create_task(service.call_thread(waits))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait_for(ends.wait(), 10)
    finally:
        await service.stop()
