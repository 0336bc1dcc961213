"""A server of somebody else's for tests: a program on loopback, in a directory of its own, until it is stopped."""

import http.client
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_READY_S = 30.0
_STOP_S = 30.0
_ANSWER_S = 30.0


def program(*names: str, package: str) -> str:
    """The path of the first of `names` that is there; an error that says how to get it."""
    for name in names:
        if path := shutil.which(name):
            return path
    raise AssertionError(f"the tests need {names[0]}: apt-get install {package} (tests/support/install-parts does it)")


class LoopbackServer:
    """A process that answers HTTP on a port of loopback, and says on `/-/ready` that it is."""

    def __init__(self, directory: Path, port: int, words: Sequence[str]) -> None:
        """Start `words` in `directory`; returns when the server answers."""
        self.port = port
        self._name = Path(words[0]).name
        self._log = directory / f"{self._name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(words, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it; nothing is left of it but its directory."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_ready(self) -> None:
        give_up = time.monotonic() + _READY_S
        while not self._is_ready():
            assert self._process.poll() is None, f"{self._name} has ended:\n{self._log.read_text()[-2000:]}"
            assert time.monotonic() < give_up, f"{self._name} does not get ready:\n{self._log.read_text()[-2000:]}"
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return self.request("GET", "/-/ready")[0] == http.client.OK
        except OSError:
            return False

    def request(self, method: str, address: str, body: str | None = None) -> tuple[int, str, bytes]:
        """Status, where it is sent on to, and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_S)
        try:
            connection.request(method, address, body, {} if body is None else {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Location", ""), answer.read()
        finally:
            connection.close()
