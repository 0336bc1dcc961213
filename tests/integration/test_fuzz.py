"""20,000 malformed records among as many valid ones: none is lost, none does harm, and no log tells of anyone."""

import base64
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from models.context import Fate
from streams.codecs import Refused, decode_feed_event
from tests.support import bank, settings
from tests.support.canary import CANARY, with_canaries
from tests.support.command_line import ebbwatch
from tests.support.embedded import metric, run
from tests.support.figures import counted, show, show_table
from tests.support.fuzzing import MUTATIONS, malformed
from tests.support.judge import LARGEST_BYTES, Verdict, judge
from tests.support.kept import kept, lines_of

pytestmark = pytest.mark.proof

RECORDS = 20_000
AMOUNT = "73915"
"""Every amount begins with it."""


async def test_malformed_records(tmp_path: Path) -> None:
    """Every malformed record is a dead letter with a reason, every valid one is folded, and the logs keep silent."""
    now = datetime.now(UTC)
    draw = Random(settings.seed())
    valid = [with_canaries(line) for line in bank.lines(300, 60, settings.seed())[:RECORDS]]
    assert len(valid) == RECORDS
    assert all(judge(line, now) is Verdict.VALID for line in valid)
    bad: list[bytes] = []
    by_mutation: Counter[str] = Counter()
    spared = 0
    for line in valid:
        name, record, passed = malformed(line, draw, now)
        bad.append(record)
        by_mutation[name] += 1
        spared += passed
    places = sorted(draw.sample(range(2 * RECORDS), RECORDS))  # valid ones keep their order in time
    mixed = _shuffled_together(valid, bad, places)
    feed = bank.write(tmp_path / "mixed.ndjson", mixed)
    alone = bank.write(tmp_path / "valid.ndjson", valid)

    ran = ebbwatch(
        "run", "--embedded", "--data", tmp_path / "data", "--metrics-port", 0, feed, EBBWATCH_LOG_LEVEL="DEBUG"
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = await kept(tmp_path / "data")
    await run(tmp_path / "alone", alone)
    expected = await kept(tmp_path / "alone")

    assert found.customers == expected.customers
    assert found.indexes == expected.indexes
    assert found.alerts == expected.alerts
    assert found.clocks_ms == expected.clocks_ms
    letters = lines_of(tmp_path / "data" / "out" / "dead-letters.ndjson")
    _assert_letters(letters, mixed, set(places))
    log = ran.stdout + ran.stderr
    assert log
    assert CANARY not in log
    assert AMOUNT not in log
    summary = json.loads(ran.stderr.splitlines()[-1])
    assert (summary["lines"], summary["folded"], summary["dead_letters"]) == (2 * RECORDS, RECORDS, RECORDS)
    assert summary["duplicate_events"] == 0

    reasons = Counter(json.loads(letter)["reason"] for letter in letters)
    show_table(
        f"fuzz, seed {settings.seed()}: what was done to the records",
        ["mutation", "records"],
        by_mutation.most_common(),
    )
    show_table("fuzz: why they were refused", ["reason", "dead letters"], reasons.most_common())
    show(
        "fuzz",
        valid=len(valid),
        malformed=len(bad),
        mutations_not_malformed_enough=spared,
        dead_letters=len(letters),
        folded=summary["folded"],
        alerts=len(found.alerts),
        exit_code=ran.returncode,
        log_lines=len(log.splitlines()),
        identifiers_or_amounts_in_logs=0,
    )


def _shuffled_together(valid: list[bytes], bad: list[bytes], places: list[int]) -> list[bytes]:
    """Both, in their own order; the valid ones at `places`."""
    taken = set(places)
    ones, others = iter(valid), iter(bad)
    return [next(ones) if place in taken else next(others) for place in range(len(valid) + len(bad))]


def _assert_letters(letters: list[bytes], mixed: list[bytes], valid: set[int]) -> None:
    """One for each malformed line, from its place, with its bytes; and what it says of them quotes nothing."""
    offsets = []
    for line in letters:
        letter = json.loads(line)
        record = mixed[letter["source_offset"]]
        offsets.append(letter["source_offset"])
        assert base64.b64decode(letter["original"]) == record[:LARGEST_BYTES]
        assert letter["size_bytes"] == min(len(record), 2 * LARGEST_BYTES)
        assert letter["reason"]
        assert letter["expected"]
        assert letter["found"]
        words = json.dumps({name: value for name, value in letter.items() if name != "original"})
        assert CANARY not in words
        assert AMOUNT not in letter["field"] + letter["expected"] + letter["found"]
    assert offsets == [place for place in range(len(mixed)) if place not in valid]


async def test_the_decoder_and_the_judge_agree(tmp_path: Path) -> None:
    """On mutations of every kind, malformed or not: what the judge calls valid is accepted, and folded."""
    now = datetime.now(UTC)
    now_ms = int(now.timestamp() * 1000)
    draw = Random(settings.seed() + 1)
    lines = bank.lines(300, 60, settings.seed())
    verdicts: Counter[str] = Counter()
    disagreements: list[bytes] = []
    still_valid: list[bytes] = []
    for line in lines[:6000]:
        for mutate, _ in MUTATIONS.values():
            record = mutate(line, draw)
            verdict = judge(record, now)
            verdicts[verdict.value] += 1
            if verdict is Verdict.UNCLEAR:
                continue
            try:
                decode_feed_event(record, now_ms)
                accepted = True
            except Refused:
                accepted = False
            if accepted != (verdict is Verdict.VALID):
                disagreements.append(record)
            elif accepted:
                still_valid.append(record)
    assert not disagreements, disagreements[:5]

    feed = bank.write(tmp_path / "valid.ndjson", still_valid)
    job = await run(tmp_path / "data", feed)
    fates = job.report.fates
    assert job.report.refused.total() == 0
    assert fates[Fate.FOLDED] + fates[Fate.DUPLICATE_EVENT] == len(still_valid)
    assert metric(job, "ebbwatch_feed_records_accepted_total") == len(still_valid)
    show("judge and decoder", mutations=sum(verdicts.values()), verdicts=counted(verdicts), disagreements=0)
