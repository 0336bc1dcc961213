"""One contender, one round: its rate on what waits in the topic, then its latency at half of that rate."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping

from msgspec import Struct, field

from benchmarks.peers.broker import Broker
from benchmarks.peers.contender import Contender
from benchmarks.peers.full_work import CONTROL_KEY
from benchmarks.peers.oracle import Seed, by_shard
from benchmarks.peers.pacer import Pacer
from benchmarks.peers.probe import ContenderFailed, OutputProbe, window
from benchmarks.peers.sampler import Sampler
from benchmarks.peers.stream import Expected, Stream

WARM_UP = 0.25
COOL_DOWN = 0.05
"""Shares of the records whose time is not counted, at the beginning and at the end."""
_LONGEST_S = 900.0
"""A peer restores a million states before its first output."""
_DURABLE_WITHIN_S = 30.0
_TOLERATED = 0.001
_TICKS_WITHIN_S = 3.0


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
    pacer_late_ms: float = 0.0
    recovery_s: float | None = None
    wrong_states: int = 0


@contextlib.asynccontextmanager
async def running(broker: Broker, contender: Contender, case: Case) -> AsyncIterator["Running"]:
    """The contender with everything it needs, its input loaded and its first worker started."""
    length = case.length(contender)
    await contender.prepare(case.states())
    await broker.load(contender.input_topic, case.stream.slices(0, length))
    run = Running(broker, contender, case)
    try:
        yield run
    except ContenderFailed as error:
        raise ContenderFailed(f"{error}\n{run.last_lines()}") from None
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
        self.fed_to = self.length
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

    def last_lines(self) -> str:
        """The ends of the workers' logs."""
        return "\n".join(worker.last_lines() for worker in self.workers)

    async def stop(self) -> None:
        """Stop whatever runs."""
        for worker in self.workers:
            worker.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def measure(self, shortest_s: float) -> Figures:
        """The rate of what waits in the topic, over at least `shortest_s`."""
        stream, probe = self.case.stream, self.probe
        await probe.wait(stream.ends(self.length), _LONGEST_S, self.check)
        start_s, end_s, records = window(probe.timeline, self.length, WARM_UP, 1 - COOL_DOWN)
        if end_s - start_s <= shortest_s:
            raise ContenderFailed(
                f"{records:,} records in {end_s - start_s:.1f} s are too few to tell a rate by: give it more EVENTS"
            )
        events = records * stream.events_between(0, self.length) / self.length
        return Figures(
            rate=events / (end_s - start_s),
            first_output_s=probe.timeline[0][0] - self.started_s,
            cpu_s_per_million={
                name: self.sampler.used_s(name, start_s, end_s) / events * 1e6 for name in self.sampler.names
            },
            memory_mb=self.sampler.peaks_mb(),
        )

    async def check_states(self) -> int:
        """How many states are not what a straight line says once the time that a commit may take is over.

        A peer that loses one in a thousand has still done the work, and is told so; more make its figures void. Whoever
        writes ticks of its own into the ledger is held to that ledger, by `check_against_ledger`.
        """
        if self.contender.knows_ticks:
            return 0
        wanted = self.case.expected(self.contender).states[self.length]
        wrong = await self._wrong_states(wanted)
        if wrong > len(wanted) * _TOLERATED:
            raise ContenderFailed(f"{wrong} of {len(wanted)} states are not what they must be")
        return wrong

    async def _wrong_states(self, wanted: Mapping[bytes, int]) -> int:
        give_up = time.monotonic() + _DURABLE_WITHIN_S
        while True:
            found = await self.contender.states(wanted)
            wrong = sum(found.get(key) != state for key, state in wanted.items())
            if not wrong or time.monotonic() > give_up:
                return wrong
            await asyncio.sleep(0.5)

    async def measure_latency(self, figures: Figures, rate: float, seconds: float, keep: int = 0) -> None:
        """From the moment an event is due to the arrival of the alert that it caused, at `rate` records a second.

        It takes less than `seconds` where the stream would not have `keep` records left.
        """
        stream, probe = self.case.stream, self.probe
        pacer = Pacer(self.broker, self.contender.input_topic, stream, self.length)
        until = self.fed_to = max(self.length, min(len(stream) - keep, self.length + int(rate * seconds)))
        await pacer.run(rate, until)
        if self.contender.knows_ticks:
            # Its own ticks stand between these events, and may have changed an output or two.
            await probe.settle(stream.ends(until), self.check)
        else:
            await probe.wait(stream.ends(until), _LONGEST_S, self.check)
        outputs = self.case.expected(self.contender).outputs
        latencies = []
        for body, arrived_s in probe.arrivals.items():
            sent_s = pacer.sent_s(*outputs[body])
            if sent_s is not None:
                latencies.append((arrived_s - sent_s) * 1000)
        figures.latency_ms, figures.pacer_late_ms = sorted(latencies), pacer.late_ms

    def check_outputs(self) -> None:
        """Nothing twice, since no process was killed, and nothing that nobody expected."""
        probe = self.probe
        unexpected = 0 if self.contender.knows_ticks else len(probe.unexpected)
        if unexpected or probe.repeats:
            raise ContenderFailed(f"{unexpected} unexpected outputs, {probe.repeats} repeats")

    async def check_against_ledger(self) -> None:
        """States and outputs must be exactly what a straight line over the ledger, as it is in Kafka now, says."""
        ledger = await self._ledger_at_rest()
        expected = by_shard(ledger, self.case.seed, {len(ledger)})
        if wrong := await self._wrong_states(expected.states[len(ledger)]):
            raise ContenderFailed(f"{wrong} states are not what a straight line over its own ledger says")
        wanted = Counter([*expected.outputs, *expected.timed])
        found = Counter([body async for _, _, body in self.broker.read(self.contender.output_topic) if body])
        if found != wanted:
            missing, more = (wanted - found).total(), (found - wanted).total()
            raise ContenderFailed(f"{missing} outputs are missing and {more} are too many, by its own ledger")

    async def _ledger_at_rest(self) -> Stream:
        """The ledger once nothing is appended any more: the last tick may come a second after the last event."""
        length = -1
        while True:
            ledger = Stream()
            async for partition, key, body in self.broker.read(self.contender.input_topic):
                assert body is not None
                ledger.append(partition, key or CONTROL_KEY, body)
            if len(ledger) == length:
                return ledger
            length = len(ledger)
            await asyncio.sleep(_TICKS_WITHIN_S)
