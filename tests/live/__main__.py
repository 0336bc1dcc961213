"""Shows the live service at work until it is told to stop, or for some seconds."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import click
import msgspec
from rich.console import Console

from agents.live_view import LiveView
from models.alerts import instant
from models.context import Fate
from tests.live.messages import Failed, Fed, Message, Plan, Ready, Say
from tests.live.watch import Watch
from tests.support.command_line import ROOT

_LINE_EVERY_S = 2.0
_PARENT_EVERY_S = 0.5
_STOP_S = 90.0


class Show:
    """One run of the demonstration on `console`."""

    def __init__(self, console: Console, seconds: float | None) -> None:
        """Run for `seconds`, or until told to stop."""
        self._console = console
        self._seconds = seconds
        self._stop = asyncio.Event()
        self._stack: asyncio.subprocess.Process | None = None
        self._watch: Watch | None = None
        self._failed = False

    async def run(self, plan: Plan) -> bool:
        """Start everything, show it, stop everything; whether all went well."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._told)
        directory = Path(tempfile.mkdtemp(prefix="ebbwatch-live-"))
        stack = self._stack = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.live.stack", str(directory), msgspec.json.encode(plan).decode()),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert stack.stdout is not None
        messages = _Messages(stack.stdout)
        background = [asyncio.create_task(self._follow(messages)), asyncio.create_task(self._watch_parent())]
        try:
            await self._stop.wait()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            self._sum_up()
            await self._end(stack, messages)
            shutil.rmtree(directory, ignore_errors=True)
        self._console.print("Everything that was started has ended, and its data are removed.")
        return not self._failed

    def _told(self) -> None:
        if self._stop.is_set() and self._stack is not None:
            _kill(self._stack)  # told again: no more patience
        self._stop.set()

    async def _watch_parent(self) -> None:
        """Whoever started this may be killed without a word, as `make` may."""
        parent = os.getppid()
        while os.getppid() == parent:
            await asyncio.sleep(_PARENT_EVERY_S)
        self._stop.set()

    async def _end(self, stack: asyncio.subprocess.Process, messages: AsyncIterator[Message]) -> None:
        assert stack.stdin is not None
        stack.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                async for message in messages:
                    if isinstance(message, Failed):
                        self._fail(message.text)
                await stack.wait()
        _kill(stack)
        await stack.wait()

    async def _follow(self, messages: AsyncIterator[Message]) -> None:
        """Show what the stack says, and once it is ready what it does."""
        async with contextlib.AsyncExitStack() as showing:
            async for message in messages:
                match message:
                    case Say(text):
                        self._console.print(text, highlight=False)
                    case Ready(brokers, ports):
                        self._watch = await showing.enter_async_context(self._shown(brokers, ports))
                    case Fed():
                        self._console.print("The simulated time is over; the service stays up until Ctrl-C.")
                    case Failed(text):
                        self._fail(text)
                        break
            else:
                self._fail("the servers have ended by themselves")
        self._stop.set()

    def _fail(self, text: str) -> None:
        self._failed = True
        self._console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)

    @contextlib.asynccontextmanager
    async def _shown(self, brokers: str, ports: list[int]) -> AsyncIterator[Watch]:
        watch = Watch(brokers, ports)
        for number, worker in enumerate(watch.workers, 1):
            self._console.print(
                f"worker {number}: {worker.address}/metrics  {worker.address}/readyz", highlight=False, soft_wrap=True
            )
        tasks = [asyncio.create_task(watch.run())]
        if self._seconds is not None:
            tasks.append(asyncio.create_task(self._end_after(self._seconds)))
        try:
            if self._console.is_terminal:
                title = "ebbwatch live: Kafka, Redis and two workers (Ctrl-C stops them)"
                with LiveView(watch.report, self._console, title, watch.rows):
                    yield watch
            else:
                tasks.append(asyncio.create_task(self._lines(watch)))
                yield watch
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _end_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._stop.set()

    async def _lines(self, watch: Watch) -> None:
        while True:
            await asyncio.sleep(_LINE_EVERY_S)
            self._console.print(line(watch), highlight=False, soft_wrap=True)

    def _sum_up(self) -> None:
        if self._watch is not None:
            self._console.print(line(self._watch), highlight=False, soft_wrap=True)
        self._console.print("Stopping everything that was started ...")


def line(watch: Watch) -> str:
    """Where it stands, in a line."""
    report = watch.report
    raised = sum(count for (_, state), count in report.alerts.items() if state == "raised")
    clock = f"{instant(report.clock_ms):%Y-%m-%d %H:%M} UTC" if report.clock_ms else "before the first day"
    ready = sum(worker.ready for worker in watch.workers)
    waiting = sum(worker.lag for worker in watch.workers)
    return (
        f"{report.elapsed_s:4.0f} s: {clock}, {report.fates[Fate.FOLDED]:,} events folded, {waiting:,} records waiting,"
        f" {raised:,} alerts raised, {ready} of {len(watch.workers)} workers ready"
    )


class _Messages:
    """What the stack says, for whoever reads on when another has stopped."""

    def __init__(self, pipe: asyncio.StreamReader) -> None:
        self._pipe = pipe
        self._decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        said = await self._pipe.readline()
        if not said:
            raise StopAsyncIteration
        return self._decoder.decode(said)


def _kill(stack: asyncio.subprocess.Process) -> None:
    """End the stack's process group, whatever is left of it; its number is the stack's, which led it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(stack.pid, signal.SIGKILL)


@click.command()
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="Stop after so long; else at Ctrl-C.")
@click.option("--customers", type=click.IntRange(1, 100_000), default=2000, show_default=True)
@click.option("--days", type=click.IntRange(7, 3650), default=180, show_default=True, help="Days simulated.")
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--days-a-second", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
def main(seconds: float | None, customers: int, days: int, seed: int, days_a_second: float) -> None:
    """Simulate a bank and watch it live: a real Kafka, a real Redis and two workers, started for it and stopped."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the brokers end while it listens
    plan = Plan(customers=customers, days=days, seed=seed, days_a_second=days_a_second)
    console = Console()
    well = asyncio.run(Show(console, seconds).run(plan))
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main(prog_name="python -m tests.live")
