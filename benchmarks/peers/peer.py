"""A peer as a contender: a worker program, and a changelog topic that holds its state durably."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from pathlib import Path

import msgspec

from benchmarks.peers.assignment import Assignment
from benchmarks.peers.broker import Broker
from benchmarks.peers.process import WorkerProcess
from benchmarks.peers.stream import PARTITIONS
from streams.sharding import shard_of

_SEEDED_AT_ONCE = 50_000


class Changelog:
    """How a peer writes a state to its changelog."""

    def __init__(
        self,
        topic: Callable[[str, str], str],
        key: Callable[[bytes], bytes] = lambda key: key,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> None:
        """`topic` names it, given group and input topic; `key` turns a customer's key into the changelog's."""
        self.topic = topic
        self.key = key
        self.headers = headers


class Peer:
    """One variant of one peer."""

    knows_ticks = False
    scores = False

    def __init__(
        self,
        broker: Broker,
        directory: Path,
        *,
        name: str,
        work: str,
        share: float,
        words: tuple[str, ...],
        variant: str,
        changelog: Changelog,
        session_timeout_s: int,
    ) -> None:
        """`words` start its worker, with the assignment as JSON behind them."""
        self.name = name
        self.work = work
        self.share = share
        self._broker = broker
        self._directory = directory
        self._words = words
        self._variant = variant
        self._changelog = changelog
        self._session_timeout_s = session_timeout_s
        self._runs = count(1)
        self._workers = count(1)
        self._run = ""

    @property
    def input_topic(self) -> str:
        """Where its input goes."""
        return f"{self._run}.in"

    @property
    def group(self) -> str:
        """Its consumer group."""
        return self._run

    @property
    def output_topic(self) -> str:
        """Where its outputs come."""
        return f"{self._run}.out"

    @property
    def _changelog_topic(self) -> str:
        return self._changelog.topic(self._run, self.input_topic)

    async def prepare(self, states: Iterable[tuple[bytes, bytes]]) -> None:
        """Make topics anew, and write `states` to the changelog as if it had made them itself."""
        self._run = f"bench-{self.work}-{self.name.replace('_', '-')}-{next(self._runs)}"
        self._broker.create(self.input_topic, self.output_topic)
        waiting: dict[int, list[tuple[bytes, bytes]]] = {partition: [] for partition in range(PARTITIONS)}
        made, held = False, 0
        for key, state in states:
            if not made:
                self._broker.create(self._changelog_topic, cleanup_policy="compact")
                made = True
            waiting[shard_of(key.decode(), PARTITIONS)].append((self._changelog.key(key), state))
            held += 1
            if held == _SEEDED_AT_ONCE:
                await self._seed(waiting)
                held = 0
        if held:
            await self._seed(waiting)

    async def _seed(self, waiting: dict[int, list[tuple[bytes, bytes]]]) -> None:
        await self._broker.append(self._changelog_topic, waiting, self._changelog.headers)
        for records in waiting.values():
            records.clear()

    def start(self) -> WorkerProcess:
        """Start one more worker, with a directory of its own."""
        number = next(self._workers)
        directory = self._directory / f"{self._run}-{number}"
        directory.mkdir(parents=True)
        given = Assignment(
            brokers=self._broker.bootstrap,
            group=self._run,
            input_topic=self.input_topic,
            output_topic=self.output_topic,
            partitions=PARTITIONS,
            directory=str(directory),
            work=self.work,
            variant=self._variant,
            session_timeout_s=self._session_timeout_s,
        )
        return WorkerProcess((*self._words, msgspec.json.encode(given).decode()), directory / "worker.log")

    def companions(self) -> Mapping[str, int]:
        """None: its state lives in its own process and in the broker."""
        return {}

    async def states(self, wanted: Mapping[bytes, int]) -> dict[bytes, int]:
        """What its changelog says last of every customer in `wanted`."""
        keys = {self._changelog.key(key): key for key in wanted}
        found: dict[bytes, int] = {}
        async for _, key, state in self._broker.read(self._changelog_topic):
            if key is not None and key in keys:
                found[keys[key]] = hash(state)
        return found

    async def clean(self) -> None:
        """Delete its topics and its local state."""
        self._broker.delete_like(self._run)
        for directory in self._directory.glob(f"{self._run}-*"):
            shutil.rmtree(directory)
