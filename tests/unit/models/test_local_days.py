"""Local days begin where the zone's own calendar says so, clocks going forward and back included."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import local_days
from models.decay import DAY_MS
from models.events import epoch_ms
from models.local_days import LocalDays
from tests.unit.models.build import HOUR_MS

ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Asia/Tehran",
    "Asia/Jerusalem",
    "Asia/Gaza",
    "Europe/London",
    "Europe/Prague",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Asuncion",
    "America/Havana",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Auckland",
)
YEARS = (1995, 2004, 2011, 2018, 2023, 2026)
NUMBERED = {zone: LocalDays(zone) for zone in ZONES}


def brute_force(zone: str, at_ms: int) -> int:
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return (local.astimezone(ZoneInfo(zone)).date() - date(1970, 1, 1)).days


@given(st.sampled_from(ZONES), st.integers(epoch_ms(datetime(1990, 1, 1, tzinfo=UTC)), 2_145_916_800_000))
def test_agrees_with_the_zone(zone: str, at_ms: int) -> None:
    """The remembered day of a quarter of an hour is the day of each of its milliseconds."""
    days = NUMBERED[zone]
    assert days.day_of(at_ms) == brute_force(zone, at_ms)
    edge_ms = days.start_ms(days.day_of(at_ms))
    for near_ms in (edge_ms - 1, edge_ms, edge_ms + 1, edge_ms + HOUR_MS - 1, edge_ms + HOUR_MS):
        assert days.day_of(near_ms) == brute_force(zone, near_ms)


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_starts_at_its_first_instant(zone: str) -> None:
    """One millisecond before a day begins it is still the day before."""
    days = NUMBERED[zone]
    for year in YEARS:
        first = (date(year, 1, 1) - date(1970, 1, 1)).days
        for day in range(first, first + 366):
            start_ms = days.start_ms(day)
            assert (days.day_of(start_ms - 1), days.day_of(start_ms)) == (day - 1, day), days.date_of(day)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00+00:00"),  # 00:00 does not exist
        ("America/Sao_Paulo", date(2018, 2, 18), "2018-02-18T03:00:00+00:00"),  # 23:00 happens twice before it
        ("Asia/Beirut", date(2022, 3, 27), "2022-03-26T22:00:00+00:00"),  # 00:00 does not exist
        ("America/Havana", date(2023, 11, 5), "2023-11-05T04:00:00+00:00"),  # 00:00 happens twice
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00:00+00:00"),  # after the day that never was
    ],
)
def test_days_that_begin_oddly(zone: str, day: date, begins: str) -> None:
    """Where midnight is skipped or repeated, the day begins with its first instant."""
    number = (day - date(1970, 1, 1)).days
    assert LocalDays(zone).start_ms(number) == epoch_ms(datetime.fromisoformat(begins))


def test_a_day_that_never_was_is_passed_over() -> None:
    """Samoa skipped 30 December 2011: it starts where the next day does, and nothing falls on it."""
    days = LocalDays("Pacific/Apia")
    skipped = (date(2011, 12, 30) - date(1970, 1, 1)).days
    start_ms = days.start_ms(skipped)
    assert start_ms == days.start_ms(skipped + 1)
    assert (days.day_of(start_ms - 1), days.day_of(start_ms)) == (skipped - 1, skipped + 1)


def test_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is bounded, and only a short cut."""
    monkeypatch.setattr(local_days, "_MEMO_LIMIT", 10)
    days = LocalDays("America/New_York")
    for at_ms in range(0, 40 * DAY_MS, 7 * HOUR_MS):
        assert days.day_of(at_ms) == brute_force("America/New_York", at_ms)
    assert len(days._by_quarter) <= 10


def test_days_are_numbered_from_1970() -> None:
    """Day 0 is 1 January 1970, and a date gets its number back."""
    assert LocalDays("UTC").day_of(0) == 0
    assert LocalDays.date_of(0) == date(1970, 1, 1)
    assert LocalDays.date_of(LocalDays("UTC").day_of(20_458 * DAY_MS)) == date(2026, 1, 5)
