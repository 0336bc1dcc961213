"""Runs a measurement in a process of its own, on one core, so that none warms or burdens another."""

import json
import os
import resource
import subprocess
import sys
from typing import Any


def in_own_process(module: str, **arguments: int | str) -> dict[str, Any]:
    """Call `python -m module` with `arguments` as JSON; what it prints last is the result."""
    done = subprocess.run(
        [sys.executable, "-m", module, json.dumps(arguments)], check=True, stdout=subprocess.PIPE, text=True
    )
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def arguments_on_one_core() -> dict[str, Any]:
    """The arguments given to this process, which from here on keeps to one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return arguments_given()


def arguments_given() -> dict[str, Any]:
    """The arguments given to this process."""
    arguments: dict[str, Any] = json.loads(sys.argv[1])
    return arguments


def peak_memory_mb() -> int:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
