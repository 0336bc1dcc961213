"""The live service as a whole: a broker, a Redis, and workers, each of which may be struck at any time."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from config.settings import Settings
from streams.kafka_connection import aiokafka_options
from streams.names import REDIS_SHARD_KEY
from tests.chaos.bank import hasty_policies
from tests.support.command_line import ebbwatch
from tests.support.kafka_server import KafkaServer
from tests.support.redis_server import RedisServer
from tests.support.workers import WorkerProcess

SHARDS = 4
GIVE_UP_S = 120.0
"""Whatever has to happen by itself must have happened by then; nothing is timed but this."""
EXIT_REFUSED = 1
_REWRITE_BYTES = 64 << 20
SESSION_TIMEOUT_S = 6


class Stack:
    """One service; `workers` are those that should be running."""

    def __init__(self, directory: Path, clock: str) -> None:
        """Start everything but the workers, in `directory`, where the logs stay."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.kafka = KafkaServer(directory / "kafka")
        # Rewritten only between rounds, so that a copy of the directory is whole at any other time.
        self.redis = RedisServer(directory / "redis", config={"auto-aof-rewrite-percentage": "0"}).start()
        policies = directory / "policies.toml"
        policies.write_text(hasty_policies())
        self.environment = {
            "EBBWATCH_KAFKA_BROKERS": self.kafka.bootstrap,
            "EBBWATCH_SESSION_TIMEOUT_S": str(SESSION_TIMEOUT_S),
            "EBBWATCH_POLICIES_FILE": str(policies),
            "EBBWATCH_CLOCK": clock,
            **self.redis.environment(),
        }
        made = ebbwatch("topics", "create", "--partitions", SHARDS, **self.environment)
        assert made.returncode == 0, made.stderr
        self.client_options: dict[str, Any] = aiokafka_options(Settings(self.environment).kafka)
        self.workers: list[WorkerProcess] = []
        self._all: list[WorkerProcess] = []
        self.starts_refused = 0
        self._read_to: Counter[Path] = Counter()

    # --- workers ---

    def start_worker(self) -> WorkerProcess:
        """One worker more; it gets ready by itself."""
        worker = WorkerProcess(self.directory / f"worker-{len(self._all) + 1}.log", None, **self.environment)
        self._all.append(worker)
        self.workers.append(worker)
        return worker

    def kill_worker(self, worker: WorkerProcess) -> None:
        """Kill -9."""
        self.workers.remove(worker)
        worker.kill()

    def stop_worker(self, worker: WorkerProcess) -> None:
        """SIGTERM; it must end with exit code 0."""
        assert worker.exit_code is None, self._ended(worker)
        code = worker.stop()
        assert code == 0, self._ended(worker)
        self.workers.remove(worker)

    def minding(self) -> None:
        """Fail when a worker has ended that nobody told to.

        One that refused to start, because it found no broker or no Redis, is started again, as supervision would.
        """
        for worker in [*self.workers]:
            if worker.exit_code == EXIT_REFUSED and "cannot be reached" in worker.last_lines():
                self.starts_refused += 1
                self.workers.remove(worker)
                self.start_worker()
            else:
                assert worker.exit_code is None, self._ended(worker)

    def until(self, reached: Callable[[], bool], what: str) -> float:
        """Wait until `reached()`, minding the workers; how many seconds that took."""
        began_s = time.monotonic()
        while not reached():
            self.minding()
            waited_s = time.monotonic() - began_s
            assert waited_s < GIVE_UP_S, f"{what}: not within {GIVE_UP_S:.0f} s\n{self._last_lines()}"
            time.sleep(0.1)
        return time.monotonic() - began_s

    def until_ready(self) -> float:
        """Wait until every worker says that it is ready."""
        return self.until(lambda: all(worker.is_ready() for worker in self.workers), "every worker ready")

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """No worker does anything meanwhile; shorter than their session timeout, please."""
        self.minding()
        for worker in self.workers:
            worker.sleep()
        try:
            yield
        finally:
            for worker in self.workers:
                worker.wake()

    # --- the store ---

    def positions(self) -> dict[int, int]:
        """Where each shard stands; empty while Redis does not answer."""
        try:
            with self.redis.admin() as client:
                found = [client.hget(REDIS_SHARD_KEY % shard, "position") for shard in range(SHARDS)]
        except (redis.RedisError, OSError):
            return {}
        return {shard: int(position or 0) for shard, position in enumerate(found)}

    def until_moved(self, since: dict[int, int]) -> float:
        """Wait until every shard has got beyond where it stood."""

        def moved() -> bool:
            now = self.positions()
            return bool(now) and all(now[shard] > since[shard] for shard in since)

        return self.until(moved, "every shard goes on")

    def photograph(self) -> Path:
        """A copy of what Redis has on disk now."""
        copy = self.directory / "redis-before"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.redis.directory / "appendonlydir", copy)
        return copy

    def roll_back(self, copy: Path) -> None:
        """Kill Redis, put the copy in place of its data, and start it."""
        self.redis.kill()
        data = self.redis.directory / "appendonlydir"
        shutil.rmtree(data)
        copy.rename(data)
        self.redis.start()

    def tidy_redis(self) -> None:
        """Let Redis rewrite an append-only file that has grown long: reading it back takes time."""
        with self.redis.admin() as client:
            size = int(client.info("persistence")["aof_current_size"])
            if size < _REWRITE_BYTES:
                return
            client.bgrewriteaof()

            def rewritten() -> bool:
                state = client.info("persistence")
                return not (state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"])

            self.until(rewritten, "Redis rewrites its file")

    # --- logs ---

    def news(self) -> Counter[str]:
        """How often each message has been logged by any worker since the last time."""
        found: Counter[str] = Counter()
        for worker in self._all:
            with worker.log.open("rb") as lines:
                lines.seek(self._read_to[worker.log])
                text = lines.read()
            text = text[: text.rfind(b"\n") + 1]
            self._read_to[worker.log] += len(text)
            found.update(json.loads(line)["message"] for line in text.splitlines() if line.startswith(b"{"))
        return found

    def stop(self) -> None:
        """Stop the workers in good order, then the servers."""
        for worker in [*self.workers]:
            self.stop_worker(worker)
        self.close()

    def close(self) -> None:
        """End whatever is left of all that was started."""
        for worker in self._all:
            if worker.exit_code is None:
                worker.kill()
        self.kafka.stop()
        self.redis.kill()

    def _ended(self, worker: WorkerProcess) -> str:
        return f"{worker.log} ended with exit code {worker.exit_code}:\n{worker.last_lines()}"

    def _last_lines(self) -> str:
        return "\n".join(f"{worker.log}:\n{worker.last_lines(8)}" for worker in self.workers)
