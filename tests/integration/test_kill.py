"""kill -9 at random moments: a run that is started again each time ends like one that was never interrupted."""

import asyncio
import subprocess
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.support import bank, settings
from tests.support.command_line import ROOT, ebbwatch, environment, run_embedded
from tests.support.figures import counted, show, show_table
from tests.support.kept import Kept, kept, same
from tests.support.killing import AIMS, Strike, inspect, strike, tear

pytestmark = pytest.mark.proof

BATCH = 64
SHARDS = 2
BAD_LINES = (b"", b"   ", b"{", b"[1, 2]", b'{"type":"nothing"}', b"\xff\xfe", b'{"type":"login","event_id":"x"}')


def feeds(directory: Path, draw: Random) -> list[Path]:
    """Three feeds of one bank, to be merged: some lines late, some malformed, some blank, some at the very start."""
    rows = bank.lines(300, 60, settings.seed())
    parts: list[list[bytes]] = [[], [], []]
    for row in rows:
        kind = 0 if b'"type":"transaction"' in row else 1 if b'"type":"page_view"' in row else 2
        parts[kind].append(row)
    found = []
    for number, part in enumerate(parts):
        for place in draw.sample(range(len(part) - 400), 40):  # a record that comes up to 400 records late
            part.insert(place + draw.randrange(1, 400), part.pop(place))
        for place in [0, *draw.sample(range(len(part)), 150)] if number else draw.sample(range(len(part)), 150):
            part.insert(place, draw.choice(BAD_LINES))
        found.append(bank.write(directory / f"feed{number}.ndjson", part))
    return found


async def test_kill_at_random_moments(tmp_path: Path) -> None:
    """States, ledger and outputs equal the uninterrupted run's, and hold each id once."""
    draw = Random(settings.seed())
    inputs = feeds(tmp_path, draw)
    whole = await _uninterrupted(tmp_path / "whole", inputs)

    strikes: list[Strike] = []
    rounds = 0
    while sum(found.alive for found in strikes) < settings.kills():
        rounds += 1
        data = tmp_path / f"killed{rounds}"
        await _killed_until_done(data, inputs, strikes, draw, len(whole.alerts))
        again = await kept(data)
        assert all(same(again, whole).values()), (settings.seed(), rounds, same(again, whole))
        verified = ebbwatch("verify", "--data", data)
        assert verified.returncode == 0, verified.stderr

    _assert_each_once(whole)
    _show(strikes, rounds, whole)


async def _uninterrupted(data: Path, inputs: list[Path]) -> Kept:
    finished = subprocess.run(
        run_embedded(data, *inputs, batch=BATCH, shards=SHARDS), cwd=ROOT, env=environment(), capture_output=True
    )
    assert finished.returncode == 0, finished.stderr.decode()
    whole = await kept(data)
    assert whole.waiting == 0
    assert whole.alerts
    assert whole.dead_letters
    return whole


async def _killed_until_done(
    data: Path, inputs: list[Path], strikes: list[Strike], draw: Random, last_alert: int
) -> None:
    """Strike until the run ends by itself, or the kills are used up; then let it end."""
    words = run_embedded(data, *inputs, batch=BATCH, shards=SHARDS)
    while sum(found.alive for found in strikes) < settings.kills():
        aim = AIMS[len(strikes) % len(AIMS)]
        found = await asyncio.to_thread(strike, words, data, aim, draw, last_alert)
        await inspect(found, data, data.with_name("copy"))
        if found.alive and aim in ("alerts", "dead letters"):
            tear(data, aim, draw)  # a kill hardly ever falls into a write; a power cut does
        strikes.append(found)
        if not found.alive:
            return
    finished = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True)
    assert finished.returncode == 0, finished.stderr.decode()


def _assert_each_once(whole: Kept) -> None:
    assert len(set(whole.alert_ids)) == len(whole.alert_ids)
    letters = [letter["dead_letter_id"] for letter in whole.dead_letters]
    assert len(set(letters)) == len(letters)
    places = [
        record.rsplit(b'"source":', 1)[1] for shard in whole.ledger for record in shard if b'"source_offset":' in record
    ]
    assert len(set(places)) == len(places)


def _show(strikes: list[Strike], rounds: int, whole: Kept) -> None:
    hits = [found for found in strikes if found.alive]
    records = sum(whole.positions)
    show_table(
        f"kill -9, seed {settings.seed()}",
        ["aimed at", "lines read", "appended", "committed", "alerts out", "waiting", "cut off"],
        [(hit.aim, hit.lines, hit.appended, hit.committed, hit.alerts, hit.waiting, hit.phase) for hit in hits],
    )
    show(
        "kill -9",
        kills_while_alive=len(hits),
        too_late=len(strikes) - len(hits),
        last_line_torn_afterwards=sum(hit.aim in ("alerts", "dead letters") for hit in hits),
        runs_completed=rounds,
        records=records,
        customers=len(whole.everyone),
        alerts=len(whole.alerts),
        dead_letters=len(whole.dead_letters),
        cut_off=counted(Counter(hit.phase for hit in hits)),
        differences=0,
    )
