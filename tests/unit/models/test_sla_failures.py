"""What is known to have gone wrong in other SLA clocks, each failure as a test of its name."""

from typing import Any

import pytest

from models import sla
from models.sla import Verdict
from tests.unit.models.case_builders import at, calendar, clock, local, only_run, used, words

HIGH: dict[str, Any] = {"targets": [{"when": {"priority": ["high"]}, "target": 4}]}


def test_due_dates_recomputed_while_on_hold() -> None:
    """Whatever happens to a case on hold, there is no deadline until it goes on, and then by the time left."""
    using = clock(target=8, unit="hours", extensions=[{"name": "more", "by": 2, "source": "test"}], **HIGH)
    steps = "received Mon 09:00, paused Mon 10:00"
    for happened in (
        "reclassified{priority=high} Tue 10:00",
        "extension_granted{extension=more} Tue 10:00",
        "responded Tue 10:00",
        "paused Tue 10:00",
    ):
        run = only_run(using, f"{steps}, {happened}")
        assert (sla.deadline(run), sla.verdict(run, at("Sun 10:00"))) == (None, Verdict.PAUSED)
        left = run.target - sla.used(run, at("Sun 10:00"))
        resumed = only_run(using, f"{steps}, {happened}, resumed Mon+1 10:00")
        assert sla.deadline(resumed) == at("Mon+1 10:00") + left


def test_pause_lost_on_a_priority_change() -> None:
    """A priority change before, during or after a pause leaves used what was used, and the pause uncounted."""
    using = clock(target=8, unit="hours", **HIGH)
    change = "reclassified{priority=high}"
    for steps in (
        f"received Mon 09:00, {change} Mon 09:30, paused Mon 10:00, resumed Mon 15:00",
        f"received Mon 09:00, paused Mon 10:00, {change} Mon 12:00, resumed Mon 15:00",
        f"received Mon 09:00, paused Mon 10:00, resumed Mon 15:00, {change} Mon 15:30",
    ):
        run = only_run(using, steps)
        assert (words(sla.deadline(run)), used(run, at("Mon 16:00"))) == ("Mon 18:00", 2)
    paused = only_run(using, f"received Mon 09:00, paused Mon 10:00, {change} Mon 12:00")
    assert sla.verdict(paused, at("Tue 12:00")) is Verdict.PAUSED


@pytest.mark.parametrize(
    ("changes", "steps", "due"),
    [
        # Paused on Friday at 17:00, resumed on Monday at 10:00: two business hours, not sixty-five.
        ({"target": 10, "unit": "business_hours"}, "received Fri+1 09:00", "Mon+2 11:30"),
        (
            {"target": 10, "unit": "business_hours"},
            "received Fri+1 09:00, paused Fri+1 17:00, resumed Mon+2 10:00",
            "Mon+2 15:00",
        ),
        # Over the weekend and nothing else: nothing.
        (
            {"target": 10, "unit": "business_hours"},
            "received Fri+1 09:00, paused Fri+1 18:00, resumed Mon+2 09:00",
            "Mon+2 11:30",
        ),
        ({"target": 2, "unit": "working_days"}, "received Fri+1 12:00", "Tue+2 12:00"),
        (
            {"target": 2, "unit": "working_days"},
            "received Fri+1 12:00, paused Sat+1 00:00, resumed Mon+2 00:00",
            "Tue+2 12:00",
        ),
        (
            {"target": 2, "unit": "working_days"},
            "received Fri+1 12:00, paused Fri+1 18:00, resumed Mon+2 06:00",
            "Wed+2 00:00",
        ),
    ],
)
def test_weekend_pause_over_counted(changes: dict[str, Any], steps: str, due: str) -> None:
    """A pause over a weekend moves the deadline by the working time in it."""
    assert words(sla.deadline(only_run(clock(**changes), steps))) == due


@pytest.mark.parametrize(
    ("changes", "received"),
    [
        ({"target": 3, "unit": "working_days", "ends": "day", "counting": "next_day"}, "Tue 15:00"),
        ({"target": 3, "unit": "working_days", "ends": "day", "counting": "same_day"}, "Tue 15:00"),
        ({"target": 5, "unit": "calendar_days", "ends": "day", "counting": "next_day"}, "Wed+1 15:00"),
        ({"target": 24, "unit": "hours"}, "Mon 23:30"),
        ({"target": 30, "unit": "hours"}, "Fri+1 16:00"),
    ],
)
def test_midnight_warnings(changes: dict[str, Any], received: str) -> None:
    """Whole days pass at midnight, and nobody is there to be warned: warnings wait for the office to open."""
    days = calendar()
    using = clock(days, warnings=[{"percent": 50}, {"remaining": 1}, {"percent": 90}], **changes)
    run = only_run(using, f"received {received}")
    due_ms = sla.deadline(run)
    assert due_ms is not None
    times = sla.warning_times(run)
    assert len(times) == 3
    assert using.calendar is not None
    for at_ms in times:
        assert at_ms < due_ms
        # Within business hours, or at the very end of them when the deadline comes before they begin again.
        assert using.calendar.next_open_ms(at_ms) == at_ms or using.calendar.next_open_ms(at_ms) >= due_ms
        assert "08:59" < words(at_ms)[-5:] <= "18:00"


OFFSETS = {
    # Three calendar days to the end of the day, over the night in which the clocks go forward, and back.
    "London in March": ("Europe/London", "2026-03-27 12:00", "2026-03-30 end +0100"),
    "London in October": ("Europe/London", "2026-10-23 12:00", "2026-10-26 end +0000"),
    "New York in November": ("America/New_York", "2025-10-31 12:00", "2025-11-03 end -0500"),
    # Zones that have another offset now than they had when the case was received.
    "Moscow until 2014": ("Europe/Moscow", "2013-02-04 12:00", "2013-02-07 end +0400"),
    "Moscow's last day of it": ("Europe/Moscow", "2014-10-24 12:00", "2014-10-27 end +0300"),
    "Istanbul's winter of 2015": ("Europe/Istanbul", "2015-01-05 12:00", "2015-01-08 end +0200"),
    "Shanghai's summer of 1991": ("Asia/Shanghai", "1991-07-01 12:00", "1991-07-04 end +0900"),
    # A date that never was: 30 December 2011 in Samoa.
    "Apia without a Friday": ("Pacific/Apia", "2011-12-28 12:00", "2011-12-31 end +1400"),
}


@pytest.mark.parametrize(("zone", "received", "due"), OFFSETS.values(), ids=OFFSETS.keys())
def test_todays_utc_offset_applied_to_past_tickets(zone: str, received: str, due: str) -> None:
    """A day ends just before the midnight of its own time and place, whatever the offset is today."""
    days = calendar(zone=zone, first="1991-01-01", until="1991-01-02", holidays=[], workdays=[])
    using = clock(days, target=3, unit="calendar_days", counting="next_day", ends="day")
    run = only_run(using, f"received {received}", zone)
    assert local(sla.deadline(run), zone) == due


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-03-26 16:00", "2026-03-30 10:00 +0100"),
        ("2026-03-30 16:00", "2026-03-31 10:00 +0100"),
        ("2026-10-23 16:00", "2026-10-26 10:00 +0000"),
    ],
)
def test_business_hours_stay_on_the_wall_when_the_clocks_change(received: str, due: str) -> None:
    """The office opens at nine by its own clock, before the change and after it."""
    hours = {weekday: ["09:00-17:00"] for weekday in ("mon", "tue", "wed", "thu", "fri")}
    days = calendar(zone="Europe/London", hours=hours, first="2026-01-01", holidays=["2026-03-27"], workdays=[])
    run = only_run(clock(days, target=2, unit="business_hours"), f"received {received}", "Europe/London")
    assert local(sla.deadline(run), "Europe/London") == due


def test_twenty_four_hours_are_no_day_when_the_clocks_change() -> None:
    """Hours of wall time run through the change: a day of them ends an hour later by the clock, or earlier."""
    using = clock(calendar(zone="Europe/London"), target=24, unit="hours")
    forward = only_run(using, "received 2026-03-28 12:00", "Europe/London")
    back = only_run(using, "received 2026-10-24 12:00", "Europe/London")
    assert local(sla.deadline(forward), "Europe/London") == "2026-03-29 13:00 +0100"
    assert local(sla.deadline(back), "Europe/London") == "2026-10-25 11:00 +0000"
