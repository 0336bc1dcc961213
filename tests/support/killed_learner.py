"""A learner in a process of its own, started fast and killed at any moment."""

import contextlib
import multiprocessing
import sqlite3
import time
from pathlib import Path
from random import Random

from streams.learner_run import LearnerRun
from streams.names import LEARNER_FILE
from tests.support.churn_stream import CHOSEN

RATE = 0.2
AT_ONCE = 30
_LONGEST_S = 60.0
# Forked from a process that has loaded all of it, and that runs no threads.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.support.killed_learner"])


def learn(directory: Path, examples: Path) -> None:
    """Take a file to its end in small transactions, and announce what comes of it."""
    run = LearnerRun(directory, RATE, chosen=CHOSEN, at_once=AT_ONCE)
    run.take_file(examples)
    for model in run.unannounced():
        run.announced(model.version)
    run.close()


def strike(directory: Path, examples: Path, draw: Random) -> bool:
    """Start it, kill it -9 some commits and a random while later; whether it was in the middle of its work."""
    commits = draw.randrange(5)  # none: while it opens its file, or reads the other one
    process = _processes.Process(target=learn, args=(directory, examples))
    process.start()
    give_up_s = time.monotonic() + _LONGEST_S
    seen = {waiting(directory)}
    while process.is_alive() and len(seen) <= commits:
        assert time.monotonic() < give_up_s, "the learner does not get on"
        time.sleep(0.001)
        seen.add(waiting(directory))
    process.join(draw.uniform(0.0, 0.04))
    process.kill()
    process.join()
    assert process.exitcode in (0, -9), "the learner ended by itself"
    return process.exitcode == -9


def waiting(directory: Path) -> int:
    """Records that it has read and not learnt yet; another number after each commit."""
    path = directory / LEARNER_FILE
    if not path.exists():
        return -1
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        try:
            return int(database.execute("SELECT count(*) FROM held").fetchone()[0])
        except sqlite3.OperationalError:  # it is being made
            return -1
