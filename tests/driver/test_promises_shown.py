"""What a run over complaints shows of promises: metrics, the closing summary, the live view, `ebbwatch status`."""

import asyncio
import io
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from agents.live_view import LiveView
from agents.summary import print_summary
from config.policies import load_policies, shipped_policies_text
from models.context import ClockEvent
from streams.run_report import RunReport
from tests.driver.test_cli import invoke
from tests.driver.test_cli import run as run_command
from tests.support.embedded import metric
from tests.support.embedded import run as run_embedded
from tests.support.feeds import START, line, write

PROFILES = {"care", "crm", "cn-2020"}
"""Those that run on a complaint of a bank in China."""


def complaints(path: Path) -> Path:
    """One case answered in 10 s, one in 3 minutes, and one not at all within a day: care promises 30 s."""
    lines = []
    steps = (
        ("k1", "received", timedelta()),
        ("k2", "received", timedelta()),
        ("k3", "received", timedelta()),
        ("k1", "responded", timedelta(seconds=10)),
        ("k2", "responded", timedelta(minutes=3)),
        ("k1", "closed", timedelta(hours=20)),
        ("k1", "called_back", timedelta(hours=23)),
    )
    for case, step, after in steps:
        lines.append(
            line(
                "complaint",
                customer_id=f"c-{case}",
                event_id=f"{case}-{step}",
                occurred_at=(START + after).isoformat(),
                case_id=case,
                step=step,
                satisfied=...,
                actions=...,
                extension=...,
            )
        )
    lines.append(line("login", customer_id="c", occurred_at=(START + timedelta(hours=24)).isoformat()))
    return Path(write(path, lines))


@pytest.mark.parametrize("shards", [1, 3])
def test_a_run_counts_promises(tmp_path: Path, shards: int) -> None:
    """By hand, however many shards: two answered, one of them late, one overdue; and two cases open at the end."""
    job = asyncio.run(run_embedded(tmp_path / "run", complaints(tmp_path / "feed.ndjson"), shards=shards))
    name = {"profile": "care", "clock": "responded"}

    events = {event: metric(job, "ebbwatch_sla_events_total", **name, event=event.value) for event in ClockEvent}
    assert {event.value: count for event, count in events.items() if count} == {"met": 1, "breached": 2, "late": 1}
    assert metric(job, "ebbwatch_sla_used_ratio_count", **name) == 2
    assert metric(job, "ebbwatch_sla_due", **name, within="overdue") == 1
    assert job.report.overdue["care", "responded"] == 1
    assert job.report.clocks["care", "responded", ClockEvent.MET] == 1
    for profile in PROFILES:
        assert metric(job, "ebbwatch_open_cases", profile=profile) == 2
    until = load_policies().calendars["cn"].until
    ends = metric(job, "ebbwatch_calendar_horizon_timestamp_seconds", calendar="cn")
    assert ends == int((START.replace(year=until.year, month=until.month, day=until.day, hour=16)).timestamp())


def test_the_summary_and_the_view_show_them(tmp_path: Path) -> None:
    """A row for each clock, what was retracted among the alerts, and the same in the live view."""
    job = asyncio.run(run_embedded(tmp_path / "run", complaints(tmp_path / "feed.ndjson")))
    job.report.alerts["complaint_sla", "retracted"] += 7
    shown = io.StringIO()
    console = Console(file=shown, width=200)
    print_summary(console, job.report, tmp_path / "run")
    rows = [row.split() for row in shown.getvalue().splitlines()]
    console.print(LiveView(job.report, console, "title").render())

    assert ["care", "responded", "1", "1", "1", "0"] in rows
    assert ["rule", "raised", "updated", "acknowledged", "resolved", "retracted"] in rows
    assert next(row for row in rows if row[:1] == ["complaint_sla"])[-1] == "7"
    view = shown.getvalue().splitlines()
    assert any("promises" in row and "met" in row and "retracted" in row for row in view)
    assert any("alerts" in row and "7 retracted" in row for row in view)


def test_a_run_without_complaints_shows_none(tmp_path: Path) -> None:
    """No empty table where nobody complained."""
    shown = io.StringIO()
    report = RunReport(overdue={("care", "responded"): 0})
    print_summary(Console(file=shown, width=200), report, tmp_path)

    assert "Promises" not in shown.getvalue()
    assert "promises" not in str(LiveView(report, Console(file=shown), "title").render())


@pytest.mark.parametrize(("until", "warned"), [("2026-03-07", False), ("2026-03-06", True)])
def test_status_says_how_long_calendars_last(tmp_path: Path, until: str, warned: bool) -> None:
    """The last day and the days that are left by the shards' clock; less than 60 are pointed out."""
    feed = complaints(tmp_path / "feed.ndjson")
    text = shipped_policies_text()
    assert text.count("years = [2024, 2027]") == 1
    policies = tmp_path / "policies.toml"
    policies.write_text(text.replace("years = [2024, 2027]", f"years = [2024, 2026]\nuntil = {until}"), "utf-8")
    run_command(tmp_path / "run", "--policies", policies, feed)
    shown = invoke("status", "--data", tmp_path / "run").stdout
    rows = {row.split()[0]: row.split()[1:] for row in shown.splitlines() if row.strip()}

    assert rows["cn"] == [until, "59" if warned else "60"]
    assert rows["uk"][0] == "2028-12-31"
    assert ("Less than 60 days are left" in shown) is warned
