"""The command line as its users start it: a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: object) -> list[str]:
    """The words that start `ebbwatch` with `arguments`."""
    return [sys.executable, "-m", "agents", *map(str, arguments)]


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without settings of ours, and `settings`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EBBWATCH_")}
    return {**clean, "PYTHONPATH": str(ROOT), **settings}


def ebbwatch(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `ebbwatch` to its end; whatever its exit code."""
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=environment(**settings), capture_output=True, text=True, check=False
    )


def run_embedded(data: Path, *feeds: Path, batch: int = 16_384, shards: int | None = None) -> list[str]:
    """The words of an embedded run that serves no metrics."""
    options: list[object] = ["--embedded", "--data", data, "--metrics-port", 0, "--batch", batch]
    if shards is not None:
        options += ["--shards", shards]
    return command("run", *options, *feeds)
