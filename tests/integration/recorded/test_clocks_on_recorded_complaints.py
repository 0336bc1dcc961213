"""The profile `cfpb` on the recorded complaints: deadlines and verdicts equal a count by hand over the raw file."""

import asyncio
import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models.events import Complaint, FeedEvent
from streams.feed_files import write_feed
from streams.recorded.cfpb2015 import read_cfpb2015
from streams.recorded.tally import Tally
from tests.support import settings
from tests.support.command_line import ebbwatch
from tests.support.embedded import run
from tests.support.figures import show, show_table
from tests.support.kept import lines_of
from tests.support.recorded_data import recorded_directory

pytestmark = [pytest.mark.recorded, pytest.mark.proof]

NEW_YORK = ZoneInfo("America/New_York")
DAYS = {"response": 15, "final_response": 60}
"""As the bureau's manual has them: days after that of sending, to the end of the last."""
LAST_DAY = date(2015, 3, 19)
"""Of complaints in the file; the run's time ends with it."""


def raw_rows() -> list[dict[str, str]]:
    with gzip.open(recorded_directory() / "cfpb_complaints_2015.csv.gz", "rt", newline="") as stream:
        return list(csv.DictReader(stream))


def sent_on(row: dict[str, str]) -> date:
    month, day, year = map(int, row["Date sent to company"].split("/"))
    return date(year, month, day)


def case_of(row: dict[str, str]) -> str:
    return f"cfpb2015-{row['Complaint ID']}"


def broken_by(data: Path) -> dict[str, dict[str, Any]]:
    """Subject -> alert of every clock told broken; none may be told twice, and none taken back."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines_of(data / "out" / "alerts.ndjson"):
        alert = json.loads(line)["data"]
        if alert["rule"] == "churn_risk":
            continue
        assert alert["rule"] == "complaint_sla"
        assert alert["state"] != "retracted"
        if "breached" in alert["triggers"]:
            assert alert["subject"] not in found
            found[alert["subject"]] = alert
    return found


def test_deadlines_are_those_of_a_count_by_hand(tmp_path: Path) -> None:
    """Clocks run from the day of sending, and those whose last day is over are told, each with its deadline."""
    feed, data = tmp_path / "complaints.ndjson.gz", tmp_path / "data"
    imported = ebbwatch("import", "cfpb2015", recorded_directory(), "-o", feed)
    assert imported.returncode == 0, imported.stderr
    ran = ebbwatch("run", "--embedded", "--data", data, "--metrics-port", 0, feed)
    assert ran.returncode == 0, ran.stderr
    broken = broken_by(data)

    last_days = {
        f"{case_of(row)}/cfpb/{clock}/0": sent_on(row) + timedelta(days=days)
        for row in raw_rows()
        for clock, days in DAYS.items()
    }
    over = {subject: day for subject, day in last_days.items() if day < LAST_DAY}
    timely = {case_of(row): row["Timely response?"] for row in raw_rows()}
    rows: Counter[tuple[str, str]] = Counter()
    for subject, day in last_days.items():
        case_id, _, clock, _ = subject.split("/")
        rows[clock, "running" if day >= LAST_DAY else f"over, in time: {timely[case_id]}"] += 1
        rows[clock, "told"] += subject in broken
    columns = ("running", "over, in time: Yes", "over, in time: No", "told")
    show_table(
        f"cfpb on {len(timely):,} recorded complaints, no answer being in the feed",
        ["clock", *columns],
        [(clock, *(rows[clock, column] for column in columns)) for clock in DAYS],
    )

    assert set(broken) == set(over)
    for subject, alert in broken.items():
        due_at = datetime.fromisoformat(alert["figures"]["due_at"]).astimezone(NEW_YORK)
        midnight = datetime.combine(over[subject] + timedelta(days=1), time(), tzinfo=NEW_YORK)
        assert due_at == midnight - timedelta(milliseconds=1)
    # Nothing whose last day is not over is called late by the bureau either: it counts the same days.
    late = {f"{case_of(row)}/cfpb/response/0" for row in raw_rows() if row["Timely response?"] == "No"}
    assert late <= set(over)
    assert max(over[subject] for subject in late) == LAST_DAY - timedelta(days=1)


def test_any_answer_that_agrees_with_the_row_gives_the_bureaus_verdict(tmp_path: Path) -> None:
    """At once, at the last moment or at some time between, as the row allows: late is who the bureau calls late."""
    rows = raw_rows()
    events = [*read_cfpb2015(recorded_directory(), Tally())]
    end = events[-1].occurred_at
    answers = [*answered(rows, end)]
    ordered = sorted([*events, *answers], key=lambda event: event.occurred_at.timestamp())
    write_feed(str(tmp_path / "feed.ndjson"), ordered)
    asyncio.run(run(tmp_path / "data", tmp_path / "feed.ndjson"))

    broken = {subject.split("/")[0] for subject in broken_by(tmp_path / "data") if "/cfpb/response/" in subject}
    late = {case_of(row) for row in rows if row["Timely response?"] == "No"}
    show(
        "answers put where the row allows",
        answers=len(answers),
        late_by_the_bureau=len(late),
        late_by_the_clock=len(broken),
        differences=len(late ^ broken),
    )

    assert broken == late
    assert len(late) == 712


def answered(rows: list[dict[str, str]], end: datetime) -> Iterator[FeedEvent]:
    """An answer to each complaint that the bureau calls answered in time; the reader makes none up, this proof may."""
    draw = Random(settings.seed())
    for row in rows:
        if row["Timely response?"] != "Yes":
            continue
        day = sent_on(row)
        sent_s = datetime.combine(day, time(13), tzinfo=NEW_YORK).timestamp()
        over_s = datetime.combine(day + timedelta(days=DAYS["response"] + 1), time(), tzinfo=NEW_YORK).timestamp()
        last_s = min(over_s - 0.001, end.timestamp() + 1)
        at_s = draw.choice([sent_s + 1, draw.uniform(sent_s + 1, last_s), last_s])
        yield Complaint(
            event_id=f"answer-{row['Complaint ID']}",
            customer_id=case_of(row),
            occurred_at=datetime.fromtimestamp(at_s, NEW_YORK),
            case_id=case_of(row),
            step="responded",
        )
