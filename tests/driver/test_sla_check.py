"""`ebbwatch sla check`: operators see what a policy file promises, or what is wrong with it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agents.cli import main
from config.policies import shipped_policies_text
from tests.support.policy_files import POLICIES, bad_files, good_files, remarks, whole_text


def check(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["sla", "check", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def written(path: Path, directory: Path) -> Path:
    file = directory / path.name
    file.write_text(whole_text(path), "utf-8")
    return file


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    path = tmp_path / "shipped.toml"
    path.write_text(shipped_policies_text(), "utf-8")
    return path


def test_the_promises_are_printed(shipped: Path) -> None:
    """Each clock is one line that says what starts and stops it, its target, calendar, pauses, warnings and source."""
    lines = check(shipped, "--as-of", "2026-06-01").stdout.splitlines()
    assert lines[0].startswith(f"{shipped}: version 2026.1, digest ")
    (line,) = [line for line in lines if line.startswith("investigated ")]
    for words in (
        "received or reopened",
        "withdrawn",
        "3 working days",
        "cn from the next day to a day's end",
        "paused until resumed",
        "1 working day before",
        "standard: 3 working days",
    ):
        assert words in line
    (line,) = [line for line in lines if line.startswith("escalated ")]
    assert "called_back (satisfied no)" in line
    (line,) = [line for line in lines if line.startswith("decision ")]
    assert "complex: to 30" in line
    (line,) = [line for line in lines if line.startswith("remediation_missing ")]
    assert "responsibility bank" in line
    assert sum(line.startswith("profile crm from ") for line in lines) == 2
    assert "0          region uk, business payments or cards  care, crm, fca-psd, fca-summary" in map(str.rstrip, lines)


def test_a_calendar_that_ends_is_called_out_in_time(tmp_path: Path) -> None:
    """Sixty days before a calendar ends nothing is said, then how long it lasts, and afterwards that it is over."""
    plant = written(POLICIES / "good" / "make-up-days.toml", tmp_path)
    assert check(plant, "--as-of", "2026-11-01").stderr == ""
    ending = check(plant, "--as-of", "2026-11-02")
    assert ending.stderr == (
        f"{plant}: warning: calendars.plant: ends on 2026-12-31, in 59 days: deadlines behind it cannot be told\n"
    )
    (line,) = [line for line in ending.stdout.splitlines() if line.startswith("plant ")]
    assert line.split()[1:5] == ["Asia/Shanghai", "2026-01-01", "2026-12-31", "59"]
    over = check(plant, "--as-of", "2027-01-02")
    assert "calendars.plant: ends on 2026-12-31, 2 days ago: no deadline can be told" in over.stderr


def test_today_is_the_day_to_count_from(tmp_path: Path) -> None:
    """Who names no day hears of a calendar that ended long ago, and not of one that lasts."""
    plant = written(POLICIES / "good" / "make-up-days.toml", tmp_path)
    text = plant.read_text("utf-8")
    plant.write_text(text.replace("2026-", "2020-"), "utf-8")
    assert "calendars.plant: ends on 2020-12-31, " in check(plant).stderr
    plant.write_text(text.replace("until = 2026-12-31", "until = 2050-12-31"), "utf-8")
    assert check(plant).stderr == ""


@pytest.mark.parametrize("path", good_files(), ids=lambda path: path.stem)
def test_good_files_pass_with_their_warnings(path: Path, tmp_path: Path) -> None:
    """Warnings go to standard error, with the file's name, and leave the exit status alone."""
    file = written(path, tmp_path)
    result = check(file, "--as-of", "2026-03-01")
    assert sorted(result.stderr.splitlines()) == sorted(f"{file}: warning: {warns}" for warns in remarks(path, "warns"))
    assert ": ok" in result.stdout


@pytest.mark.parametrize("path", bad_files(), ids=lambda path: path.stem)
def test_bad_files_fail_with_their_message(path: Path, tmp_path: Path) -> None:
    """What is wrong is said by file and key, and the exit status tells a script."""
    file = written(path, tmp_path)
    result = check(file, code=1)
    (message,) = result.stderr.splitlines()
    assert message.startswith(f"Error: {file}: ")
    assert all(part in message for part in remarks(path, "expected")[0].split(" | "))
    assert result.stdout == ""


def test_one_bad_file_does_not_hide_the_others(tmp_path: Path, shipped: Path) -> None:
    """All files are looked at, and one that cannot be used is enough to fail."""
    bad = written(bad_files()[0], tmp_path)
    result = check(bad, tmp_path / "nowhere.toml", shipped, "--as-of", "2026-06-01", code=1)
    assert f"{shipped}: version 2026.1" in result.stdout
    assert [line.split(": ")[1] for line in result.stderr.splitlines()] == [str(bad), str(tmp_path / "nowhere.toml")]


def test_own_steps_and_extensions_are_taken_for_known(tmp_path: Path) -> None:
    """A bank that says its own words once hears of no other."""
    helpdesk = POLICIES / "good" / "helpdesk.toml"
    own = ("assigned", "waiting_for_user", "resolved", "user_replied", "user_rejected")
    assert check(helpdesk, "--as-of", "2026-03-01", *(f"--step={step}" for step in own)).stderr == ""
    odd = written(POLICIES / "good" / "valid-but-odd.toml", tmp_path)
    assert "does anybody grant it?" not in check(odd, "--extension", "kindness").stderr


def test_a_file_is_required() -> None:
    """Without a file there is nothing to say, and no success either."""
    assert "Missing argument" in check(code=2).stderr
