"""`make live`: it shows a service at work, and leaves nothing behind, however it ends."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, environment

_LONGEST_S = 120.0


class Demo:
    """A demonstration that is running; every process that belongs to it carries a mark in its environment."""

    def __init__(self, directory: Path, *options: object) -> None:
        self.temporary = directory
        self.mark = f"LIVE_DEMO={uuid.uuid4()}"
        name, value = self.mark.split("=")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.live", "--customers", "600", "--days", "60", *map(str, options)],
            cwd=ROOT,
            env={**environment(), name: value, "TMPDIR": str(directory)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def processes(self) -> list[str]:
        """The command lines of its processes that are there."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # another user's, or gone meanwhile
                continue
        return found

    def wait_until_gone(self) -> None:
        """Until none of its processes is left, nor any of its data."""
        give_up = time.monotonic() + _LONGEST_S
        while left := self.processes() + os.listdir(self.temporary):
            assert time.monotonic() < give_up, f"left behind: {left}"
            time.sleep(0.1)


def test_a_bounded_run_shows_alerts_and_leaves_nothing(tmp_path: Path) -> None:
    """Events come, are folded and raise alerts; then everything that was started ends, and the exit code is 0."""
    demo = Demo(tmp_path, "--days-a-second", 9, "--seconds", 12)
    output, _ = demo.process.communicate(timeout=_LONGEST_S)

    assert demo.process.returncode == 0, output
    assert len(re.findall(r"worker \d: http://127.0.0.1:\d+/metrics  http://127.0.0.1:\d+/readyz", output)) == 2
    last = re.findall(r"([\d,]+) events folded.* ([\d,]+) alerts raised, 2 of 2 workers ready", output)[-1]
    folded, raised = (int(number.replace(",", "")) for number in last)
    assert folded > 1000
    assert raised >= 1
    assert demo.processes() == []
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_it(tmp_path: Path, number: signal.Signals) -> None:
    """Told to end in the middle of starting, or killed without a chance to say a word: its servers end with it."""
    demo = Demo(tmp_path)
    assert demo.process.stdout is not None
    for line in demo.process.stdout:
        if line.startswith("starting Kafka"):
            break
    until = time.monotonic() + _LONGEST_S
    while not any("kafka.Kafka" in process for process in demo.processes()):
        assert time.monotonic() < until, "Kafka does not start"
        time.sleep(0.05)
    demo.process.send_signal(number)
    demo.process.communicate(timeout=_LONGEST_S)
    demo.wait_until_gone()
    assert demo.process.returncode == (0 if number == signal.SIGINT else -signal.SIGKILL)
