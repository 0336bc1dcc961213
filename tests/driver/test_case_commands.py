"""`ebbwatch case show`: what is watched of one case, what has been told of it, and its last word once it has left."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agents.cli import main
from tests.support.kept import lines_of
from tests.support.sla_cases import OPENED, STEPS, login_line, policy_file, step_line, the_case, written

SPRING = [
    login_line(f"2026-{month:02}-{day:02}T{hour:02}:00")
    for month in (3, 4)
    for day in range(10, 31)
    for hour in (1, 9, 17)
]
"""Time passes, without anybody's complaint."""


def invoke(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.output
    return result


def run(directory: Path, feed: Path) -> Path:
    """Run over a feed by the small policies; the data directory."""
    data = directory / "data"
    invoke("run", "--embedded", "--metrics-port", "0", "--policies", policy_file(directory), "--data", data, feed)
    return data


def show(data: Path, *arguments: str, code: int = 0) -> Result:
    return invoke("case", "show", "--data", data, *arguments, code=code)


def rows(text: str, name: str) -> list[list[str]]:
    """The cells of the rows that begin with a clock or requirement."""
    return [[cell for cell in line.split("  ") if cell.strip()] for line in text.splitlines() if line.startswith(name)]


def alerts(data: Path) -> dict[str, dict[str, Any]]:
    """The latest revision of each alert, by subject."""
    found = [json.loads(line)["data"] for line in lines_of(data / "out" / "alerts.ndjson")]
    return {alert["subject"]: alert for alert in sorted(found, key=lambda alert: int(alert["revision"]))}


def test_a_watched_case_shows_its_promises_and_what_was_told(tmp_path: Path) -> None:
    """Each clock in each cycle with its figures, and the alerts that the operator has on the desk."""
    data = run(tmp_path, written(tmp_path / "case.ndjson", [*(step_line(*step) for step in STEPS), *SPRING[:9]]))
    text = show(data, "K-1", "--customer", "c-1").stdout
    assert text.startswith("Case K-1 of c-1, basic: closed, cycle 1\n")
    assert "in the time of Europe/Berlin; policies test; profiles: desk (from 2026-01-01)" in text
    first, second = [[cell.strip() for cell in row] for row in rows(text, "desk / answer")]
    assert first[:6] == [
        "desk / answer", "0", "late", "Mon 2026-03-02 09:00", "Thu 2026-03-05 15:00", "Thu 2026-03-05 16:00",
    ]  # fmt: skip
    assert first[6] == "25 of 24 business hours"
    assert second[2:7] == [
        "met", "Fri 2026-03-06 10:00", "Mon 2026-03-09 10:00", "Mon 2026-03-09 09:30", "7.5 of 8 business hours",
    ]  # fmt: skip
    told = alerts(data)["K-1/desk/answer/0"]
    assert first[-1] == f"alert {told['alert_id']} revision {told['revision']}: closed, breached"
    missing = next(row for row in rows(text, "desk / unanswered") if row[1].strip() == "0")
    alert = alerts(data)["K-1/desk/unanswered/0"]
    assert missing[-1].strip() == f"alert {alert['alert_id']} revision {alert['revision']}: open, breached"
    assert "extension complex" in text
    assert "looked at again at" in text


def test_without_a_customer_every_one_is_looked_at(tmp_path: Path) -> None:
    """Two customers may have a case of one id; a running clock tells its next warning."""
    lines = [step_line(*STEPS[0], "K-7", customer) for customer in ("c-1", "c-2")]
    other = step_line("2026-03-02T09:05", "received", OPENED, "K-77", "c-3")
    data = run(tmp_path, written(tmp_path / "two.ndjson", [*lines, other]))
    text = show(data, "K-7").stdout
    assert text.count("Case K-7 of c-") == 2
    assert "K-77" not in text
    assert show(data, "K-7", "--customer", "c-2").stdout in text
    assert text.count("next Tue 2026-03-03 13:00") == 2


def test_what_is_odd_about_the_steps(tmp_path: Path) -> None:
    """A receipt nobody heard of, a step without a meaning, one that contradicts the others."""
    lines = [
        step_line("2026-03-02T10:00", "paused", {}),
        step_line("2026-03-02T11:00", "pondered", {}),
        step_line("2026-03-02T12:00", "closed", {}),
        step_line("2026-03-02T13:00", "closed", {"priority": "high"}),
    ]
    text = show(run(tmp_path, written(tmp_path / "odd.ndjson", lines)), "K-1").stdout
    assert "4 steps, 1 unknown, 1 contradictory; the receipt is inferred" in text
    odd = [line.split()[3:] for line in text.splitlines() if "2026-03-02 " in line and "desk" not in line]
    assert [line for line in odd if "inferred:" in line] == [
        ["received", "inferred:", *["no", "receipt", "was", "heard", "of"]]
    ]
    assert ["pondered", "unknown:", *["no", "policy", "gives", "it", "a", "meaning"]] in odd
    assert ["closed", "priority", "high", "contradictory"] in odd


def test_what_was_told_of_what_is_no_more(tmp_path: Path) -> None:
    """Closed without a response, it was told, until word came that it had been withdrawn before: that stays known."""
    lines = [
        step_line("2026-03-02T09:00", "received", OPENED),
        step_line("2026-03-02T10:00", "closed", {}),
        *SPRING[:12],
        step_line("2026-03-02T09:30", "withdrawn", {}),
    ]
    data = run(tmp_path, written(tmp_path / "undone.ndjson", lines))
    alert = alerts(data)["K-1/desk/unanswered/0"]
    expected = f"told of what is no more: desk/unanswered/0: alert {alert['alert_id']} revision 2: closed"
    assert expected in show(data, "K-1").stdout.splitlines()


def test_a_case_that_has_left_is_shown_by_its_last_word(tmp_path: Path) -> None:
    """Weeks after it was closed: verdicts as they were given for good, and a step that came too late."""
    late = step_line("2026-03-05T12:00", "responded", {})
    feed = written(tmp_path / "left.ndjson", [*(step_line(*step) for step in STEPS), *SPRING, late])
    data = run(tmp_path, feed)
    (record,) = [
        json.loads(line)["data"] for line in lines_of(data / "out" / "cases.ndjson") if b"ebbwatch.case.left" in line
    ]
    text = show(data, "K-1").stdout
    left = datetime.fromisoformat(record["at"])
    assert text.startswith(f"Case K-1 of c-1, basic: left {left:%a %Y-%m-%d %H:%M}")
    assert " UTC as closed; policies test " in text
    assert [[cell.strip() for cell in row][1:3] for row in rows(text, "desk / answer")] == [["0", "late"], ["1", "met"]]
    assert [[cell.strip() for cell in row][-1] for row in rows(text, "desk / unanswered")] == ["missing", "missing"]
    assert "25 of 24 business hours  complex" in text
    assert "Heard after the case had left, and judged by nobody:" in text
    assert "responded  Thu 2026-03-05 11:00  c-1" in text
    assert "looked at again" not in text
    assert show(data, "K-1", "--customer", "c-1").stdout == text


def test_pseudonyms_are_worked_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the key is in the environment, the bank's own ids find the case, and are not printed."""
    monkeypatch.setenv("EBBWATCH_PSEUDONYM_KEY", "k" * 16)
    data = run(tmp_path, the_case(tmp_path))
    text = show(data, "K-1", "--customer", "c-1").stdout
    assert "K-1" not in text
    assert "desk / answer" in text
    assert show(data, "K-1").stdout == text


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    """A case that nobody knows is not named back, nor is a damaged file read past."""
    data = run(tmp_path, the_case(tmp_path))
    unknown = show(data, "CANARY", code=1)
    assert "no case of that id is watched, and none has left" in unknown.stderr
    assert "CANARY" not in unknown.output
    assert show(data, "K-1", "--customer", "c-2", code=1).exit_code == 1
    assert "holds no ledger.sqlite3" in show(tmp_path, "K-1", code=2).stderr
    cases = data / "out" / "cases.ndjson"
    cases.write_bytes(b'{"case_id":"K-1"}\n')
    assert "cases.ndjson: line 1 is no output of ebbwatch" in show(data, "K-1", code=1).stderr
    cases.write_bytes(b'{"case_id":"K-1"')
    assert show(data, "K-1").stdout.startswith("Case K-1 of c-1")
