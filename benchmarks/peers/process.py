"""A contender's worker as a process of its own, with its log in a file."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.probe import ContenderFailed
from tests.support.command_line import ROOT, environment

_STOP_S = 30.0


class WorkerProcess:
    """Started at once; `check` raises when it has ended by itself."""

    def __init__(self, words: Sequence[str], log: Path, **settings: str) -> None:
        """Run `words` from the root of the tree, with `settings` in its environment."""
        self._log = log
        with log.open("ab") as lines:
            self._process = subprocess.Popen(
                list(words),
                cwd=ROOT,
                env=environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def check(self) -> None:
        """Raise with the end of its log when it runs no longer."""
        if self._process.poll() is not None:
            raise ContenderFailed(f"the worker ended ({self._process.returncode}):\n{self.last_lines()}")

    def last_lines(self) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end; kill it when it takes too long, which no figure depends on."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
