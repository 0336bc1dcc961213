"""Workers of the live service as processes that can be stopped, killed, put to sleep and woken."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.support.command_line import ROOT, command, environment

_READY_S = 60.0
_STOP_S = 60.0
_END_S = 60.0


def free_port() -> int:
    """A loopback port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class WorkerProcess:
    """One `ebbwatch worker`; its log is in a file of its own."""

    def __init__(self, log: Path, words: list[str] | None = None, **settings: str) -> None:
        """Start it with `settings` as its environment; `words` starts another program in its place."""
        self.port = free_port()
        self.log = log
        self._asleep = False
        with log.open("ab") as lines:
            self._process = subprocess.Popen(
                words or command("worker"),
                cwd=ROOT,
                env=environment(EBBWATCH_WEB_PORT=str(self.port), **settings),
                stdout=lines,
                stderr=lines,
            )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def ask(self, page: str) -> tuple[int, bytes]:
        """Status and body of a page; raises `OSError` while nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", page)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from None
        finally:
            connection.close()

    def is_ready(self) -> bool:
        """Whether `/readyz` says yes."""
        try:
            return self.ask("/readyz")[0] == 200
        except OSError:
            return False

    def wait_ready(self) -> "WorkerProcess":
        """Return when it is ready; fails with the end of its log when it ends or takes too long."""
        give_up = time.monotonic() + _READY_S
        while not self.is_ready():
            assert self.exit_code is None, f"the worker has ended ({self.exit_code}):\n{self.last_lines()}"
            assert time.monotonic() < give_up, f"the worker does not get ready:\n{self.last_lines()}"
            time.sleep(0.1)
        return self

    def metric(self, sample: str) -> float:
        """The value of one sample of `/metrics`, as `name` or `name{label="value"}`."""
        for line in self.ask("/metrics")[1].decode().splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        raise KeyError(sample)

    def log_lines(self) -> list[dict[str, Any]]:
        """Everything logged so far that is one of our lines."""
        text = self.log.read_text(errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def last_lines(self, count: int = 30) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def sleep(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)
        self._asleep = True

    def wake(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)
        self._asleep = False

    def wait_end(self) -> int:
        """Wait until it has ended by itself; the exit code."""
        try:
            return self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker does not end:\n{self.last_lines()}") from None

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM, and wait; the exit code. One that does not end in time is killed, and fails."""
        if self._process.poll() is None:
            if self._asleep:
                self.wake()
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the worker does not end after SIGTERM:\n{self.last_lines()}") from None
        return self._process.returncode
