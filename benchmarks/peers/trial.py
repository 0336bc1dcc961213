"""One contender, one round: its rate on what waits in the topic, then its latency at half of that rate."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

from msgspec import Struct, field

from benchmarks.peers.broker import Broker
from benchmarks.peers.contender import Contender
from benchmarks.peers.oracle import Seed
from benchmarks.peers.pacer import Pacer
from benchmarks.peers.probe import ContenderFailed, OutputProbe, window
from benchmarks.peers.sampler import Sampler
from benchmarks.peers.stream import Expected, Stream

WARM_UP = 0.25
"""Share of the records whose time is not counted."""
_LONGEST_S = 300.0
_DURABLE_WITHIN_S = 30.0


class Case(Struct, frozen=True):
    """A stream, what must come of it, and the states that it begins with.

    `main` is how many records wait in the topic for a contender that gets all of them; the rest are for latency.
    """

    title: str
    customers: int
    stream: Stream
    main: int
    expected_by_key: Expected
    expected_by_shard: Expected
    seed: Seed
    seeded: bool

    def expected(self, contender: Contender) -> Expected:
        """What `contender` must put out."""
        return self.expected_by_shard if contender.knows_ticks else self.expected_by_key

    def length(self, contender: Contender) -> int:
        """How many records wait for `contender`."""
        return prefix(self.main, contender.share)

    def states(self) -> Iterator[tuple[bytes, bytes]]:
        """The states to begin with, as (key, state)."""
        if self.seeded:
            for number in range(self.customers):
                key = f"C{number:07d}".encode()
                state = self.seed(key)
                assert state is not None
                yield key, state


def prefix(main: int, share: float) -> int:
    """The length of the prefix that a contender gets."""
    return max(1, int(main * share))


class Figures(Struct, kw_only=True):
    """What one round found; latencies in ms, memory in MB, CPU in seconds per million events."""

    rate: float
    first_output_s: float
    cpu_s_per_million: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, int] = field(default_factory=dict)
    latency_ms: list[float] = field(default_factory=list)
    recovery_s: float | None = None


@contextlib.asynccontextmanager
async def running(broker: Broker, contender: Contender, case: Case) -> AsyncIterator["Running"]:
    """The contender with everything it needs, its input loaded and its first worker started."""
    length = case.length(contender)
    await contender.prepare(case.states())
    await broker.load(contender.input_topic, case.stream.slices(0, length))
    run = Running(broker, contender, case)
    try:
        yield run
    finally:
        await run.stop()
        await contender.clean()


class Running:
    """A contender at work."""

    def __init__(self, broker: Broker, contender: Contender, case: Case) -> None:
        """Start its first worker, and watch it."""
        self.broker = broker
        self.contender = contender
        self.case = case
        self.length = case.length(contender)
        self.probe = OutputProbe(broker.bootstrap, contender.output_topic, case.expected(contender))
        self.started_s = time.time()
        self.workers = [contender.start()]
        self.sampler = Sampler({"worker": self.workers[0].pid, **contender.companions(), "broker": broker.server.pid})
        self._tasks = [asyncio.create_task(self.probe.run()), asyncio.create_task(self.sampler.run(time.time))]

    def check(self) -> None:
        """Raise when a worker or a watcher has ended."""
        for worker in self.workers:
            worker.check()
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """Stop whatever runs."""
        for worker in self.workers:
            worker.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def measure(self) -> Figures:
        """The rate of what waits in the topic."""
        stream, probe = self.case.stream, self.probe
        await probe.wait(stream.ends(self.length), _LONGEST_S, self.check)
        start_s, end_s, records = window(probe.timeline, self.length, WARM_UP)
        if records <= 0:
            raise ContenderFailed("all outputs came at once: too few records to measure a rate by")
        events = records * stream.events_between(0, self.length) / self.length
        return Figures(
            rate=events / (end_s - start_s),
            first_output_s=probe.timeline[0][0] - self.started_s,
            cpu_s_per_million={
                name: self.sampler.used_s(name, start_s, end_s) / events * 1e6 for name in self.sampler.names
            },
            memory_mb=self.sampler.peaks_mb(),
        )

    async def check_states(self) -> None:
        """Every state must be what a straight line says, within the time that a commit may take."""
        wanted = self.case.expected(self.contender).states[self.length]
        give_up = time.monotonic() + _DURABLE_WITHIN_S
        while True:
            found = await self.contender.states(wanted)
            wrong = sum(found.get(key) != state for key, state in wanted.items())
            if not wrong:
                return
            if time.monotonic() > give_up:
                raise ContenderFailed(f"{wrong} of {len(wanted)} states are not what they must be")
            await asyncio.sleep(0.5)

    async def latency_ms(self, rate: float, seconds: float) -> list[float]:
        """From sending an event to the arrival of the alert that it caused, at `rate` records a second."""
        stream, probe = self.case.stream, self.probe
        pacer = Pacer(self.broker, self.contender.input_topic, stream, self.length)
        until = min(len(stream), self.length + int(rate * seconds))
        await pacer.run(rate, until)
        await probe.wait(stream.ends(until), _LONGEST_S, self.check)
        outputs = self.case.expected(self.contender).outputs
        latencies = []
        for body, arrived_s in probe.arrivals.items():
            sent_s = pacer.sent_s(*outputs[body])
            if sent_s is not None:
                latencies.append((arrived_s - sent_s) * 1000)
        return sorted(latencies)

    def check_outputs(self) -> None:
        """Nothing that nobody expected, and nothing twice: no process was killed."""
        if self.probe.unexpected or self.probe.repeats:
            raise ContenderFailed(f"{len(self.probe.unexpected)} unexpected outputs, {self.probe.repeats} repeats")
