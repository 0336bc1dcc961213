"""Killing an embedded run, and finding out what it was doing when it died."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from msgspec import Struct

from streams.embedded import OUTPUT_DIRECTORY
from streams.ledger import EmbeddedLedger
from streams.names import LEDGER_FILE, STATE_FILE
from streams.ndjson_sink import output_file
from streams.stores.sqlite import SqliteStore
from tests.support.command_line import ROOT, environment
from tests.support.kept import lines_of

_LONGEST_RUN_S = 120.0
_LONGEST_START_S = 0.8
_LONGEST_DELAY_S = 0.9
AIMS = ("start-up", "anywhere", "ledger", "commit", "alerts", "dead letters", "end")
"""Where a strike can be aimed: at a delay from the start or from the first append, or at a file that has just grown."""


class Strike(Struct):
    """One kill -9: where it was aimed, and what the data directory held afterwards."""

    aim: str
    alive: bool
    lines: int = 0
    appended: int = 0
    committed: int = 0
    alerts: int = 0
    waiting: int = 0
    torn: bool = False

    @property
    def phase(self) -> str:
        """What was cut off, as far as what is left tells."""
        if self.appended == 0:
            return "before the first append"
        if self.torn:
            return "while writing an output"
        if self.waiting:
            return "between commit and the end of delivery"
        if self.committed < self.appended:
            return "between append and commit"
        return "between batches, or while appending"


def strike(words: list[str], data: Path, aim: str, draw: Random, at_lines: int) -> Strike:
    """Start a run over `data` and kill it -9; `alive` is False where it ended (well) before it could be hit.

    An aim at a file waits for its next growth after a random while; "end" waits until `at_lines` alerts are out.
    """
    process = subprocess.Popen(words, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(aim, data, draw, at_lines, lambda: process.poll() is None)
        alive = process.poll() is None
    finally:
        process.kill()
        code = process.wait()
    if not alive:
        assert code == 0, f"the run ended by itself with exit code {code}"
    return Strike(aim, alive and code != 0)


def _wait_for(aim: str, data: Path, draw: Random, at_lines: int, alive: Callable[[], bool]) -> None:
    ledger = data / f"{LEDGER_FILE}-wal"
    if aim == "start-up":
        _sleep(draw.uniform(0, _LONGEST_START_S), alive)
        return
    alerts = output_file(data / OUTPUT_DIRECTORY, "ebbwatch.alerts")
    if aim == "end":
        last = at_lines - draw.randrange(4)
        _until(lambda: len(lines_of(alerts)) >= last, alive)
        _sleep(draw.uniform(0, 0.05), alive)
        return
    _until_grown(ledger, alive)
    _sleep(draw.uniform(0, _LONGEST_DELAY_S), alive)
    watched = {
        "ledger": ledger,
        "commit": data / f"{STATE_FILE}-wal",
        "alerts": alerts,
        "dead letters": output_file(data / OUTPUT_DIRECTORY, "ebbwatch.dead-letters"),
    }.get(aim)
    if watched is not None:
        _until_grown(watched, alive)
        _spin(draw.uniform(0, 0.002))


def _until_grown(path: Path, alive: Callable[[], bool]) -> None:
    """Wait until the file is written to; a write-ahead log that starts again counts too."""
    before = _written(path)
    _until(lambda: _written(path) != before, alive)


def _written(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _until(reached: Callable[[], bool], alive: Callable[[], bool]) -> None:
    give_up = time.monotonic() + _LONGEST_RUN_S
    while not reached() and alive():
        assert time.monotonic() < give_up, "the run neither ends nor gets on"


def _sleep(seconds: float, alive: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and alive():
        time.sleep(0.002)


def _spin(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def tear(data: Path, name: str, draw: Random) -> None:
    """Leave the beginning of a line at the end of an output file, as a write that was cut off would."""
    path = output_file(data / OUTPUT_DIRECTORY, f"ebbwatch.{name.replace(' ', '-')}")
    if not path.exists():
        return
    line = (lines_of(path) or [b'{"shard":0,"sequence":1,"id":"x"}'])[-1]
    with path.open("ab") as file:
        file.write(line[: draw.randrange(1, len(line))])


async def inspect(found: Strike, data: Path, scratch: Path) -> None:
    """Fill in what the directory held after the kill, from a copy: opening the original would already repair it."""
    if not (data / LEDGER_FILE).exists() or not (data / STATE_FILE).exists():
        return
    shutil.copytree(data, scratch)
    ledger, store = EmbeddedLedger(scratch / LEDGER_FILE), SqliteStore(scratch / STATE_FILE)
    try:
        found.lines = sum(progress.lines for progress in ledger.progress().values())
        found.appended = sum(ledger.ends)
        for shard in range(ledger.shards):
            found.committed += (await store.open_shard(shard)).position
            found.waiting += len(await store.outbox(shard, 1_000_000))
        found.waiting += len(ledger.dead_letters(1_000_000))
        out = [output_file(scratch / OUTPUT_DIRECTORY, f"ebbwatch.{name}") for name in ("alerts", "dead-letters")]
        found.alerts = len(lines_of(out[0]))
        found.torn = any(path.exists() and not path.read_bytes().endswith(b"\n") for path in out if _written(path)[0])
    finally:
        await store.close()
        ledger.close()
        shutil.rmtree(scratch)
