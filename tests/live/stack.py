"""Kafka, Redis, workers and the publisher of `make live`, in a process group of their own.

Run as `python -m tests.live.stack DIRECTORY PLAN` by `tests.live`, with a pipe as standard input. When that closes,
because it was asked to or because whoever held it is dead, everything is stopped in order, the directory is removed,
and as a last act the group is killed: nothing outlives this process. Its own group also keeps a Ctrl-C on the
terminal from the servers, which would all end at once and in any order.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import date, timedelta
from pathlib import Path
from types import FrameType
from typing import IO

import msgspec

from tests.live.messages import Failed, Fed, Message, Plan, Ready, Say, Stopped
from tests.support.command_line import ROOT, command, environment
from tests.support.kafka_server import KafkaServer
from tests.support.redis_server import RedisServer
from tests.support.workers import WorkerProcess

_LOOK_EVERY_S = 0.2
_DAY_S = 86_400


class Told(BaseException):
    """It is time to stop."""


class EndedByItself(RuntimeError):
    """Something that should run does not; the message says what, with the end of its log."""


class Stack:
    """Starts and watches; whatever was started is put on `stops` first, so that it is stopped however this ends."""

    def __init__(self, directory: Path, plan: Plan, stops: contextlib.ExitStack) -> None:
        """Keep all data in `directory`."""
        self._directory = directory
        self._plan = plan
        self._stops = stops
        self._workers: list[WorkerProcess] = []

    def run(self) -> None:
        """Start everything, then watch until `Told`; raises `EndedByItself`."""
        plan = self._plan
        _tell(Say(f"simulating a bank: {plan.customers:,} customers, {plan.days} days, seed {plan.seed}"))
        simulating = self._start("simulate", *self._simulation(), out=subprocess.PIPE)
        redis = RedisServer(self._directory / "redis")
        self._stops.callback(redis.stop)
        redis.start()
        _tell(Say("starting Kafka"))
        kafka = KafkaServer(self._directory / "kafka")
        self._stops.callback(kafka.stop)
        _tell(Say(f"Kafka {kafka.version} on {kafka.bootstrap}, Redis on 127.0.0.1:{redis.port}"))
        settings = {
            "EBBWATCH_KAFKA_BROKERS": kafka.bootstrap,
            "EBBWATCH_CLOCK": "event",
            "EBBWATCH_SESSION_TIMEOUT_S": "10",
            **redis.environment(),
        }
        self._finish(self._start("topics", "topics", "create", "--partitions", plan.partitions, settings=settings))
        _tell(Say(f"starting {plan.workers} workers"))
        for number in range(plan.workers):
            worker = WorkerProcess(self._directory / f"worker-{number + 1}.log", None, **settings)
            self._stops.callback(worker.stop)
            self._workers.append(worker)
        for worker in self._workers:
            worker.wait_ready()
        speed = plan.days_a_second * _DAY_S
        publishing = self._start("publish", "publish", "--speed", speed, "-", feed=simulating.stdout, settings=settings)
        _tell(Ready(kafka.bootstrap, [worker.port for worker in self._workers]))
        self._watch([simulating, publishing])

    def _simulation(self) -> list[object]:
        plan = self._plan
        start = date.today() - timedelta(days=plan.days + 1)  # noqa: DTZ011 - any day that is over will do
        size = ["--customers", plan.customers, "--days", plan.days, "--seed", plan.seed]
        return ["simulate", *size, "--start", start.isoformat(), "-o", "-"]

    def _start(
        self,
        name: str,
        *words: object,
        settings: dict[str, str] | None = None,
        feed: IO[bytes] | None = None,
        out: int | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start a command of ours; what it says goes to its log, but for what `out` takes."""
        with self._log_of(name).open("wb") as log:
            process = subprocess.Popen(
                command(*words),
                cwd=ROOT,
                env=environment(**settings or {}),
                stdin=feed or subprocess.DEVNULL,
                stdout=out or log,
                stderr=log,
            )
        process.args = name
        self._stops.callback(_end, process)
        if feed is not None:
            feed.close()  # else its writer would not notice that the reader has gone
        return process

    def _finish(self, process: "subprocess.Popen[bytes]") -> None:
        if process.wait():
            raise EndedByItself(self._how_it_ended(str(process.args), process.returncode))

    def _watch(self, feeding: "list[subprocess.Popen[bytes]]") -> None:
        while True:
            for number, worker in enumerate(self._workers, 1):
                if worker.exit_code is not None:
                    raise EndedByItself(self._how_it_ended(f"worker-{number}", worker.exit_code))
            for process in [each for each in feeding if each.poll() is not None]:
                self._finish(process)
                feeding.remove(process)
                if not feeding:
                    _tell(Fed())
            time.sleep(_LOOK_EVERY_S)

    def _log_of(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    def _how_it_ended(self, name: str, code: int) -> str:
        last = self._log_of(name).read_text(errors="replace").splitlines()[-5:]
        return "\n".join([f"{name} has ended with exit code {code}:", *last])


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(30)


def _tell(message: Message) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(msgspec.json.encode(message).decode(), flush=True)


def _stop_at_the_end_of(pipe: int) -> None:
    while os.read(pipe, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


class _Once:
    """A handler of signals that raises `Told`, once, and not while everything is being stopped already."""

    def __init__(self) -> None:
        self.armed = True

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self.armed:
            self.armed = False
            raise Told


def main(directory: Path, plan: Plan) -> None:
    """Run until the pipe closes or something fails; never returns."""
    once = _Once()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, once)
    os.environ["TMPDIR"] = str(directory)  # what the servers leave in passing goes with the rest
    threading.Thread(target=_stop_at_the_end_of, args=(sys.stdin.fileno(),), daemon=True).start()
    try:
        with contextlib.ExitStack() as stops:
            try:
                Stack(directory, plan, stops).run()
            except BaseException as error:
                once.armed = False
                if not isinstance(error, Told):
                    _tell(Failed(str(error) or type(error).__name__))
    except Exception as error:
        _tell(Failed(f"not stopped in good order: {error}"))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        _tell(Stopped())
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=Plan))
