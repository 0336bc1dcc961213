"""Quiet hours and list times go by the clock on the wall, also in the nights in which it is changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import convert

from config.delivery_wishes import DailyTop, QuietHours, seconds_of
from streams.webhooks.wall_clock import Quiet, Timetable

BERLIN = "Europe/Berlin"
DAY_MS = 86_400_000


def ms(text: str) -> int:
    """An instant in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def quiet(*hours: dict[str, Any]) -> Quiet:
    return Quiet([convert({"zone": BERLIN, **one}, QuietHours) for one in hours])


NIGHT = {"from": "22:00", "to": "06:30"}


@pytest.mark.parametrize(
    ("at", "is_quiet"),
    [
        ("2026-01-05T20:59:59", False),
        ("2026-01-05T21:00:00", True),  # 22:00 in Berlin
        ("2026-01-06T05:29:59.999", True),
        ("2026-01-06T05:30:00", False),
        ("2026-07-06T19:59:59", False),
        ("2026-07-06T20:00:00", True),  # an hour earlier in summer, by UTC
        ("2026-07-07T04:30:00", False),
    ],
)
def test_a_night(at: str, is_quiet: bool) -> None:
    """From the first second to before the last, over midnight, winter and summer."""
    assert quiet(NIGHT).breaks(ms(at)) == (frozenset({"critical"}) if is_quiet else None)


def test_days_are_those_on_which_the_hours_begin() -> None:
    """Friday's night ends on Saturday morning; Saturday's own does not begin."""
    friday = quiet({**NIGHT, "days": ["fri"]})
    assert friday.breaks(ms("2026-01-09T03:00")) is None  # Thursday's night
    assert friday.breaks(ms("2026-01-10T03:00")) is not None
    assert friday.breaks(ms("2026-01-10T22:00")) is None
    weekend = quiet({"from": "00:00", "to": "24:00", "days": ["sat", "sun"]})
    assert weekend.breaks(ms("2026-01-09T22:59:59")) is None
    assert weekend.breaks(ms("2026-01-09T23:00:00")) is not None
    assert weekend.breaks(ms("2026-01-11T22:59:59")) is not None
    assert weekend.breaks(ms("2026-01-11T23:00:00")) is None


def test_where_hours_overlap_both_have_to_be_broken() -> None:
    """What breaks one and not the other waits."""
    both = quiet({**NIGHT, "breaks": ["critical", "warning"]}, {"from": "23:00", "to": "01:00", "breaks": ["critical"]})
    assert both.breaks(ms("2026-01-05T21:30")) == frozenset({"critical", "warning"})
    assert both.breaks(ms("2026-01-05T22:30")) == frozenset({"critical"})
    assert quiet({**NIGHT, "breaks": []}).breaks(ms("2026-01-05T22:30")) == frozenset()


def test_the_nights_in_which_clocks_change() -> None:
    """Quiet until the clock shows the end: at once where it jumps over it, twice where it shows it twice."""
    until = quiet({"from": "22:00", "to": "02:30"})
    assert until.breaks(ms("2026-03-29T00:59:59")) is not None  # 01:59:59
    assert until.breaks(ms("2026-03-29T01:00:00")) is None  # 03:00
    shown = [until.breaks(ms("2026-10-24T23:00") + minutes * 60_000) is not None for minutes in range(0, 210, 30)]
    assert shown == [True, True, True, False, True, False, False]  # 01:00 01:30 02:00 02:30 02:00 02:30 03:00


ZONES = (BERLIN, "Asia/Shanghai", "America/St_Johns", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC")


@settings(deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    at=st.times().map(lambda at: at.strftime("%H:%M:%S")),
    year=st.integers(2010, 2035),
    offsets=st.lists(st.integers(0, 366 * DAY_MS), min_size=1, max_size=30),
)
def test_a_list_is_due_once_a_day(zone: str, at: str, year: int, offsets: list[int]) -> None:
    """Whenever one looks: the last due time has passed, the next is a day away, and its date tells it from others."""
    timetable = Timetable(DailyTop(rules=["churn_risk"], k=1, at=at, zone=zone))
    begin = ms(f"{year}-01-01T00:00")
    for now_ms in (begin + offset for offset in offsets):
        due_ms = timetable.last_due_ms(now_ms)
        assert due_ms <= now_ms < due_ms + DAY_MS + 2 * 3_600_000
        assert timetable.last_due_ms(due_ms) == due_ms
        before_ms = timetable.last_due_ms(due_ms - 1)
        assert timedelta(hours=22) <= timedelta(milliseconds=due_ms - before_ms) <= timedelta(hours=26)


def test_lists_on_working_days() -> None:
    """Monday's is the first since Friday's; in the night of the jump, what is set for 02:30 comes at 03:30."""
    top = DailyTop(rules=["churn_risk"], k=1, at="08:30", zone=BERLIN, days=["mon", "tue", "wed", "thu", "fri"])
    assert Timetable(top).last_due_ms(ms("2026-01-12T07:29:59")) == ms("2026-01-09T07:30")
    assert Timetable(top).last_due_ms(ms("2026-01-12T07:30")) == ms("2026-01-12T07:30")
    early = Timetable(DailyTop(rules=["churn_risk"], k=1, at="02:30", zone=BERLIN))
    assert early.last_due_ms(ms("2026-03-29T12:00")) == ms("2026-03-29T01:30")
    assert early.last_due_ms(ms("2026-10-25T12:00")) == ms("2026-10-25T00:30")


def test_clock_times() -> None:
    """With and without seconds."""
    assert [seconds_of(text) for text in ("00:00", "08:30", "08:30:15", "24:00")] == [0, 30_600, 30_615, 86_400]
