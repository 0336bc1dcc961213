"""Ourselves as a contender: `ebbwatch worker` as it is shipped, on Redis or on SQLite."""

import shutil
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path

from kafka import KafkaAdminClient

from benchmarks.peers.broker import Broker
from benchmarks.peers.process import WorkerProcess
from benchmarks.peers.stream import PARTITIONS
from benchmarks.policies import unscored_policies_file
from config.settings import (
    CLOCK,
    GROUP,
    KAFKA_BROKERS,
    LOG_LEVEL,
    POLICIES_FILE,
    SESSION_TIMEOUT_S,
    STORE_URL,
    WEB_PORT,
    Settings,
)
from models.context import Stream as OutputStream
from models.shard import ShardState, encode_state
from streams.names import EVENTS_TOPIC, STREAM_TOPICS
from streams.sharding import shard_of
from streams.stores.base import Commit, Store
from streams.stores.opening import open_store
from streams.topic_rules import ALL_TOPICS
from streams.topics import Plan, create_topics
from tests.support.command_line import command
from tests.support.redis_server import RedisServer, free_port

_SEEDED_AT_ONCE = 20_000
_STATES_AT_ONCE = 4_096


class Ours:
    """The live worker, with the settings that it is shipped with, but for addresses and the events' own clock.

    Its policies are the shipped ones, without the table [churn] unless it `scores`.
    """

    knows_ticks = True
    work = "full"

    def __init__(
        self,
        broker: Broker,
        directory: Path,
        *,
        store: str,
        share: float,
        session_timeout_s: int,
        name: str = "",
        scores: bool = False,
    ) -> None:
        """`store` is "redis" or "sqlite"."""
        self.name = name or f"ours_{store}"
        self.scores = scores
        self.share = share
        self._broker = broker
        self._directory = directory
        self._kind = store
        self._session_timeout_s = session_timeout_s
        self._redis: RedisServer | None = None
        self._runs = count(1)
        self._workers = count(1)
        self._run = self._directory
        self._policies = ""

    @property
    def input_topic(self) -> str:
        """The ledger."""
        return EVENTS_TOPIC

    @property
    def group(self) -> str:
        """Its consumer group."""
        return self._run.name

    @property
    def output_topic(self) -> str:
        """The alerts."""
        return STREAM_TOPICS[OutputStream.ALERTS]

    async def prepare(self, states: Iterable[tuple[bytes, bytes]]) -> None:
        """Make topics and store anew, and commit `states` before the first record."""
        self._run = self._directory / f"{self.name}-{next(self._runs)}"
        self._run.mkdir(parents=True)
        self._policies = "" if self.scores else str(unscored_policies_file(self._run))
        self._fresh_topics()
        if self._kind == "redis":
            self._redis = RedisServer(self._run / "redis").start()
        await self._seed(states)

    def _fresh_topics(self) -> None:
        self._broker.delete(*ALL_TOPICS)
        with KafkaAdminClient(bootstrap_servers=self._broker.bootstrap) as admin:
            create_topics(admin, Plan(partitions=PARTITIONS))

    async def _seed(self, states: Iterable[tuple[bytes, bytes]]) -> None:
        store = self._open()
        beginning = self.beginning()
        waiting: dict[int, list[tuple[str, bytes]]] = {shard: [] for shard in range(PARTITIONS)}

        async def write(shard: int) -> None:
            customers = waiting[shard]
            await store.commit(shard, Commit(expected_position=0, position=0, state=beginning, customers=customers))
            customers.clear()

        try:
            for key, state in states:
                customer_id = key.decode()
                shard = shard_of(customer_id, PARTITIONS)
                waiting[shard].append((customer_id, state))
                if len(waiting[shard]) == _SEEDED_AT_ONCE:
                    await write(shard)
            for shard, customers in waiting.items():
                if customers:
                    await write(shard)
        finally:
            await store.close()

    def beginning(self) -> bytes:
        """The state of a shard on which nothing has been folded."""
        return encode_state(ShardState())

    def start(self) -> WorkerProcess:
        """Start one more worker."""
        return WorkerProcess(
            self.words(),
            self._run / f"worker-{next(self._workers)}.log",
            **{WEB_PORT: str(free_port())},
            **self._settings(),
        )

    def words(self) -> list[str]:
        """What starts a worker."""
        return command("worker")

    def _settings(self) -> dict[str, str]:
        return {
            KAFKA_BROKERS: self._broker.bootstrap,
            GROUP: self.group,
            STORE_URL: self._redis.url if self._redis is not None else f"sqlite:{self._run / 'state.sqlite3'}",
            POLICIES_FILE: self._policies,
            CLOCK: "event",
            SESSION_TIMEOUT_S: str(self._session_timeout_s),
            LOG_LEVEL: "WARNING",
        }

    def _open(self) -> Store:
        return open_store(Settings(self._settings()).store)

    def companions(self) -> Mapping[str, int]:
        """Redis."""
        return {"redis": self._redis.pid} if self._redis is not None else {}

    async def states(self, wanted: Mapping[bytes, int]) -> dict[bytes, int]:
        """What the store holds of every customer in `wanted`."""
        by_shard: dict[int, list[str]] = {}
        for key in wanted:
            customer_id = key.decode()
            by_shard.setdefault(shard_of(customer_id, PARTITIONS), []).append(customer_id)
        found: dict[bytes, int] = {}
        store = self._open()
        try:
            for shard, ids in by_shard.items():
                for start in range(0, len(ids), _STATES_AT_ONCE):
                    some = ids[start : start + _STATES_AT_ONCE]
                    for customer_id, state in zip(some, await store.load(shard, some), strict=True):
                        if state is not None:
                            found[customer_id.encode()] = hash(state)
        finally:
            await store.close()
        return found

    async def clean(self) -> None:
        """Stop Redis; delete topics and state."""
        if self._redis is not None:
            self._redis.kill()
            self._redis = None
        self._broker.delete(*ALL_TOPICS)
        shutil.rmtree(self._run, ignore_errors=True)
