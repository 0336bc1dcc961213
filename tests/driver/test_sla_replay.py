"""`ebbwatch sla replay`: what other policies would have made of a feed, and why each verdict differs."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agents.cli import main
from models.events import Complaint, FeedEvent, ProfileChanged
from streams.feed_files import write_feed
from streams.simulator import SimulationParameters, simulate
from tests.support.complaint_truth import SLA, promise
from tests.support.kept import lines_of
from tests.support.policy_files import POLICIES
from tests.support.sla_cases import OPENED, STEPS, login_line, policy_file, step_line, the_case, written

HELPDESK = POLICIES / "good" / "helpdesk.toml"
LOG = POLICIES.parent / "helpdesk.ndjson"
EIGHT = ("target = 16", "target = 8")


def replay(*arguments: str | Path, code: int = 0, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["sla", "replay", *map(str, arguments)], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.output
    return result


def replayed(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(replay(*arguments, "--json", "--diff").stdout)
    return found


def tally(found: dict[str, Any], clock: str) -> dict[str, dict[str, int]]:
    """How many clocks of a name stood how, then and now, those that none did left out."""
    (one,) = [one for one in found["clocks"] if one["clock"] == clock]
    return {when: {stands: number for stands, number in one[when].items() if number} for when in ("then", "now")}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return policy_file(tmp_path, "old.toml")


def slow_case(directory: Path) -> Path:
    """Closed after 12 of 16 hours: on Tuesday at 13:00."""
    steps = [step_line("2026-03-02T09:00", "received", OPENED), step_line("2026-03-03T13:00", "closed", {})]
    return written(directory / "slow.ndjson", steps)


def test_another_target(tmp_path: Path, old: Path) -> None:
    """What was kept in sixteen hours is late in eight."""
    new = policy_file(tmp_path, "new.toml", EIGHT)
    found = replayed(slow_case(tmp_path), "--policies", new, "--against", old)
    assert tally(found, "answer") == {"then": {"met": 1}, "now": {"late": 1}}
    assert found["differences"] == [
        {
            "customer_id": "c-1",
            "case_id": "K-1",
            "profile": "desk",
            "clock": "answer",
            "cycle": 0,
            "then": "met",
            "told_at": "2026-03-03T12:00:00+00:00",
            "now": "late",
            "due_at": "2026-03-02T16:00:00+00:00",
            "reasons": ["other target"],
        }
    ]
    assert (found["cases"], found["different"], found["reasons"]) == (1, 1, {"other target": 1})


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("holidays = []", "holidays = [2026-03-03]", None),
        ('hours = ["09:00-17:00"]', 'hours = ["09:00-23:00"]', "other calendar"),
        ('start = ["received", "reopened"]', 'start = ["received"]', None),
        ('stop = ["closed"]', 'stop = ["responded"]', "other conditions"),
        ('unit = "business_hours"\ncalendar = "desk"', 'unit = "hours"', "other target + other calendar"),
    ],
)
def test_other_calendars_and_conditions(tmp_path: Path, old: Path, before: str, after: str, reason: str | None) -> None:
    """The reason names what differs between the two clocks, and a change that bears on nothing is no difference."""
    new = policy_file(tmp_path, "new.toml", (before, after))
    found = replayed(slow_case(tmp_path), "--policies", new, "--against", old, "--until", "2026-03-06T00:00")
    assert found["reasons"] == ({} if reason is None else {reason: 1})


def test_new_and_dropped_clocks(tmp_path: Path, old: Path) -> None:
    """A clock that only one of the two policies has is judged by that alone."""
    new = policy_file(tmp_path, "new.toml", ('name = "answer"', 'name = "reply"'))
    found = replayed(slow_case(tmp_path), "--policies", new, "--against", old)
    assert [(one["clock"], one["then"], one["now"], one["reasons"]) for one in found["differences"]] == [
        ("answer", "met", None, ["dropped clock"]),
        ("reply", None, "met", ["new clock"]),
    ]


def late_news(directory: Path) -> Path:
    """The closing is heard of days after its time, when the deadline has long passed."""
    logins = [login_line(f"2026-03-{day:02}T{hour:02}:00") for day in range(2, 7) for hour in (10, 20)]
    received = step_line("2026-03-02T09:00", "received", OPENED)
    closed = step_line("2026-03-03T13:00", "closed", {})
    return written(directory / "late.ndjson", [received, *logins, closed])


def test_what_was_heard_late(tmp_path: Path, old: Path) -> None:
    """Told as breached when the time was over, and kept after all: no policy is to blame."""
    found = replayed(late_news(tmp_path), "--policies", old, "--against", old)
    assert tally(found, "answer") == {"then": {"breached": 1}, "now": {"met": 1}}
    (one,) = found["differences"]
    assert (one["then"], one["now"], one["reasons"]) == ("breached", "met", ["heard late"])
    assert one["told_at"].startswith("2026-03-03T16:00:00")  # 17:00 in Berlin, a millisecond after the deadline
    both = replayed(late_news(tmp_path), "--policies", policy_file(tmp_path, "new.toml", EIGHT), "--against", old)
    assert both["different"] == 0  # heard late and other target: late after all


def test_a_case_that_left_and_came_back(tmp_path: Path, old: Path) -> None:
    """Reopened after it has left, a case goes on with its next cycle, then and now alike."""
    quiet = [login_line(f"2026-04-{day:02}T{hour:02}:00") for day in range(1, 31) for hour in (1, 7, 13, 19)]
    first = [login_line(f"2026-03-{day:02}T{hour:02}:00") for day in range(10, 32) for hour in (1, 7, 13, 19)]
    again = [step_line("2026-05-01T10:00", "reopened", {}), step_line("2026-05-01T11:00", "closed", {})]
    feed = written(tmp_path / "back.ndjson", [*(step_line(*step) for step in STEPS), *first, *quiet, *again])
    found = replayed(feed, "--policies", old, "--against", old)
    assert tally(found, "answer") == {"then": {"met": 2, "late": 1}, "now": {"met": 2, "late": 1}}
    assert found["different"] == 0


def test_the_help_desk_with_a_longer_target(tmp_path: Path) -> None:
    """The log of docs/complaints.md: with thirty hours for a p3, one ticket more is in time, and the table says so."""
    new = tmp_path / "new.toml"
    text = HELPDESK.read_text("utf-8")
    assert text.count("target = 24\n") == 1
    new.write_text(text.replace("target = 24\n", "target = 30\n"), "utf-8")
    result = replay(LOG, "--policies", new, "--against", HELPDESK, "--diff")
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["helpdesk", "/", "resolution", "then", "11", "0", "4", "1", "0", "0", "0"] in rows
    assert ["now", "12", "2", "1", "1", "0", "0", "0"] in rows
    assert "1 clocks are judged otherwise: other target 1" in result.stdout
    (difference,) = [row for row in rows if row[:1] == ["T-1007"]]
    assert difference[1:6] == ["U-06", "helpdesk", "/", "resolution", "0"]
    assert difference[-2:] == ["other", "target"]
    assert "T-1007" not in replay(LOG, "--policies", new, "--against", HELPDESK).stdout


def test_then_is_what_a_run_told(tmp_path: Path) -> None:
    """Over simulated complaints, in any order within six hours, the clocks told broken are those that a run tells."""
    parameters = SimulationParameters(
        customers=200, days=60, seed=11, complaint_rate=1.0, late_share=0.4, activity=0.2, process_failure_share=0.3
    )
    with simulate(parameters) as simulation:
        kept: list[FeedEvent] = [one for one in simulation.events() if isinstance(one, Complaint | ProfileChanged)]
    shuffled = sorted(kept, key=lambda one: (round(one.occurred_at.timestamp()) // 21_600, one.event_id[::-1]))
    feed, data = tmp_path / "feed.ndjson", tmp_path / "data"
    write_feed(str(feed), shuffled)
    arguments = ["run", "--embedded", "--metrics-port", "0", "--data", str(data), str(feed)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    told: dict[str, int] = {}
    seen = set()
    for line in lines_of(data / "out" / "alerts.ndjson"):
        alert = json.loads(line)["data"]
        if alert["rule"] == SLA and {"breached", "overrun"} & set(alert["triggers"]) and alert["subject"] not in seen:
            seen.add(alert["subject"])
            told[promise(alert["subject"])] = told.get(promise(alert["subject"]), 0) + 1
    shipped = tmp_path / "shipped.toml"
    shipped.write_text(CliRunner().invoke(main, ["policies", "show"]).stdout, "utf-8")
    found = replayed(feed, "--policies", shipped)
    broken = {
        f"{one['profile']}/{one['clock']}": one["then"]["late"] + one["then"]["breached"] for one in found["clocks"]
    }
    assert {name: number for name, number in broken.items() if number} == told
    assert sum(told.values()) > 100
    assert set(found["reasons"]) <= {"heard late"}


def test_it_reads_what_a_run_reads_and_writes_nothing(
    tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packed files and standard input are the same feed; no directory is needed, and none is made."""
    plain = the_case(tmp_path)
    packed = tmp_path / "case.ndjson.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    outputs = {
        replay(feed, "--policies", old, "--json", stdin=plain.read_text("utf-8")).stdout
        for feed in (plain, packed, "-")
    }
    assert len(outputs) == 1
    assert "differences" not in json.loads(outputs.pop())
    assert os.listdir(here) == []


def test_what_is_wrong_is_one_line(tmp_path: Path, old: Path) -> None:
    """Mistakes are named; refused lines are counted, and never shown."""
    case = the_case(tmp_path)
    assert "nowhere: no such file" in replay("nowhere", "--policies", old, code=1).stderr
    assert "none.toml: cannot be read" in replay(case, "--policies", "none.toml", code=1).stderr
    assert "none.toml: cannot be read" in replay(case, "--policies", old, "--against", "none.toml", code=1).stderr
    assert "'soon' is no time" in replay(case, "--policies", old, "--until", "soon", code=2).stderr
    assert "Missing option '--policies'" in replay(case, code=2).stderr
    bad = written(tmp_path / "bad.ndjson", ['{"CANARY": 1}', step_line(*STEPS[0])])
    refused = replay(bad, "--policies", old)
    assert "1 of 2 lines are refused" in refused.stderr
    assert "CANARY" not in refused.output
