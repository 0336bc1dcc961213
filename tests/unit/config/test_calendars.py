"""A calendar says which days it knows and what they are; it never guesses, and a later one never rewrites it."""

import json
import subprocess
import sys
from datetime import date
from typing import Any

import chinese_calendar
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.calendar_sources import expand_calendars
from config.calendars import WEEKDAYS, CalendarPolicy, calendar_digest, extend_calendar
from config.policies import PolicyError, load_policies, policies_from_document, policy_document
from tests.support.china_days import DAY, FIRST, LAST, days_between, worked_days

CN = {"zone": "Asia/Shanghai", "country": "CN", "years": [2023, 2026], "hours": ["09:00-18:00"]}
PLAIN = {
    "zone": "Europe/London",
    "hours": ["09:00-12:00", "13:00-17:00"],
    "first": "2026-01-01",
    "until": "2026-12-31",
    "source": "ours",
}
SHIPPED = load_policies().calendars


def calendar(table: dict[str, Any], **changes: Any) -> CalendarPolicy:
    """What a policy file makes of one table; a change to None leaves the key out."""
    merged = {key: value for key, value in {**table, **changes}.items() if value is not None}
    written = expand_calendars({"calendars": {"x": merged}})["calendars"]["x"]
    return msgspec.convert(written, CalendarPolicy)


def days(*texts: str) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


def test_every_day_of_china_agrees_with_two_other_lists() -> None:
    """The library, another library and the notices copied by hand say the same of each day of 2023 to 2026."""
    worked = worked_days()
    works = calendar(CN).works()
    assert list(works) == days_between(FIRST, LAST)
    for day, said in works.items():
        assert said == (day in worked) == chinese_calendar.is_workday(day), day
    assert sum(works.values()) == len(worked)
    assert sum(said for day, said in works.items() if day.weekday() >= 5) == 26


def test_weekdays_without_holidays_would_be_wrong() -> None:
    """What subtracting holidays from weekdays gets wrong: make-up Sundays are worked."""
    works = calendar(CN).works()
    assert works[date(2026, 9, 20)]
    assert date(2026, 9, 20).weekday() == 6


@pytest.mark.parametrize("last_year", [2026, 2027, 2035])
@pytest.mark.parametrize("place", [{"country": "CN"}, {"country": None, "market": "XSHG"}], ids=["country", "exchange"])
def test_the_horizon_is_the_last_year_with_a_notice(last_year: int, place: dict[str, Any]) -> None:
    """Years that no notice has arranged yet are not computed, whatever the file asks for."""
    found = calendar(CN, years=[2024, last_year], **place)
    assert (found.first, found.until) == (date(2024, 1, 1), date(2026, 12, 31))
    assert found.holidays[-1].year == 2026


def test_days_by_the_sight_of_the_moon_are_known_when_they_are_seen() -> None:
    """A year with days that the library itself calls estimated is beyond the horizon."""
    found = calendar(CN, country="ID", zone="Asia/Jakarta", years=[2024, 2030])
    assert found.until == date(2026, 12, 31)


def test_a_computed_country_goes_as_far_as_asked() -> None:
    """Where holidays follow from the law, the configured years are the horizon, a holiday carried back included."""
    found = calendar(CN, country="US", zone="America/New_York", years=[2026, 2027])
    assert found.until == date(2027, 12, 31)
    assert found.holidays[-1] == date(2027, 12, 31)  # New Year 2028 is a Saturday


def test_shipped_calendars_are_those_that_were_published() -> None:
    """Bank holidays of England, US federal holidays and TARGET closing days of 2026, as published."""
    of_2026 = {name: [str(day)[5:] for day in found.holidays if day.year == 2026] for name, found in SHIPPED.items()}
    assert of_2026["uk"] == ["01-01", "04-03", "04-06", "05-04", "05-25", "08-31", "12-25", "12-28"]
    assert of_2026["us"] == [
        *("01-01", "01-19", "02-16", "05-25", "06-19", "07-03", "09-07", "10-12", "11-11", "11-26", "12-25"),
    ]
    assert of_2026["eu"] == ["01-01", "04-03", "04-06", "05-01", "12-25"]
    assert SHIPPED["cn"].source.startswith("holidays ")
    assert SHIPPED["cn"].source.endswith(": CN")
    assert SHIPPED["uk"].source.endswith(": GB ENG")
    assert all(not found.workdays for name, found in SHIPPED.items() if name != "cn")


def test_shipped_calendars_are_small() -> None:
    """Calendars travel in every activation and every shard: a few kilobytes, only days that change something."""
    assert len(msgspec.json.encode(SHIPPED)) < 5_000
    for found in SHIPPED.values():
        assert all(day.weekday() < 5 for day in found.holidays)
        assert all(day.weekday() >= 5 for day in found.workdays)


def test_what_is_written_beside_a_country_holds() -> None:
    """The bank's own day off and day of work stand over the library's, and the rest stays."""
    found = calendar(CN, holidays=["2026-10-10", "2026-12-24"], workdays=["2026-10-07", "2026-12-26"])
    plain = calendar(CN)
    changed = {day for day, works in found.works().items() if works != plain.works()[day]}
    assert changed == set(days("2026-10-10", "2026-12-24", "2026-10-07", "2026-12-26"))
    assert found.works()[date(2026, 10, 7)]
    assert not found.works()[date(2026, 10, 10)]


def test_a_notice_can_be_written_by_hand_before_the_library_knows_it() -> None:
    """`until` goes beyond the library once each further year is written out; its own guesses stay out."""
    found = calendar(CN, years=[2026, 2027], until="2027-12-31", holidays=["2027-10-01"], workdays=["2027-10-09"])
    assert found.until == date(2027, 12, 31)
    assert [day for day in found.holidays if day.year == 2027] == days("2027-10-01")
    assert found.workdays[-1] == date(2027, 10, 9)
    assert calendar(CN, until="2026-06-30").until == date(2026, 6, 30)


def test_hours_hold_on_every_working_weekday_or_on_each_its_own() -> None:
    """A list is short for the same hours on each working weekday; an explicit calendar needs no more than days."""
    found = calendar(PLAIN, working_weekdays=["mon", "sat"])
    assert found.hours == {"mon": PLAIN["hours"], "sat": PLAIN["hours"]}
    assert calendar(PLAIN).working_weekdays == list(WEEKDAYS[:5])
    own = {"mon": ["00:00-24:00"], "tue": [], "wed": [], "thu": [], "fri": ["09:00-12:00"]}
    assert calendar(PLAIN, hours=own).hours == own
    assert calendar(PLAIN, holidays=["2026-05-04", "2026-01-01"]).holidays == days("2026-01-01", "2026-05-04")


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "unknown country": (CN, {"country": "XX"}, "country: "),
    "unknown market": (CN, {"country": None, "market": "NOWHERE"}, "market: "),
    "unknown subdivision": (CN, {"country": "GB", "subdivision": "ZZ"}, "country: "),
    "unknown category": (CN, {"category": "lunar"}, "country: "),
    "country and market": (CN, {"market": "XECB"}, "market: expected a country or a market"),
    "no years": (CN, {"years": None}, "years: expected the first and last year"),
    "years backwards": (CN, {"years": [2026, 2025]}, "years: expected the first and then the last"),
    "years that nobody knows": (CN, {"years": [2027, 2028]}, "years: "),
    "years of moons not seen": (CN, {"country": "MA", "years": [2025, 2026]}, "years: "),
    "first before the years": (CN, {"first": "2022-12-31"}, "first: expected a day of 2023"),
    "years without country": (PLAIN, {"years": [2026, 2026]}, "years: expected a country"),
    "no source": (PLAIN, {"source": None}, "source: expected"),
    "no first": (PLAIN, {"first": None}, "first: expected"),
    "no until": (PLAIN, {"until": None}, "until: expected"),
    "until beyond the years": (CN, {"until": "2027-01-01"}, "until: expected a day of 2026"),
    "until beyond the library": (
        CN,
        {"years": [2024, 2027], "until": "2027-12-31"},
        "until: expected 2026-12-31, or the holidays of 2027 written out",
    ),
    "a day beyond the library": (CN, {"years": [2024, 2027], "holidays": ["2027-10-01"]}, "holidays: 2027-10-01"),
    "a weekend of its own": (CN, {"country": "SA"}, "working_weekdays: expected"),
    "unknown key": (PLAIN, {"hollidays": []}, "hollidays"),
    "hours as text": (PLAIN, {"hours": "09:00-17:00"}, "hours"),
    "hours of a day that is none": (PLAIN, {"hours": {"monday": ["09:00-17:00"]}}, "monday"),
    "hours without shape": (PLAIN, {"hours": ["9-17"]}, "hours"),
    "hours after midnight": (PLAIN, {"hours": ["22:00-24:30"]}, "hours"),
    "hours that end first": (PLAIN, {"hours": ["22:00-06:00"]}, "hours.mon: 22:00-06:00: expected an end after"),
    "hours of no length": (PLAIN, {"hours": ["09:00-09:00"]}, "expected an end after"),
    "hours that overlap": (PLAIN, {"hours": ["09:00-13:00", "12:59-17:00"]}, "12:59-17:00: expected spans in order"),
    "hours out of order": (PLAIN, {"hours": ["13:00-17:00", "09:00-12:00"]}, "09:00-12:00: expected spans in order"),
    "no hours at all": (PLAIN, {"hours": []}, "hours: expected business hours"),
    "a weekday left out": (PLAIN, {"hours": {"mon": ["09:00-17:00"]}}, "hours.tue: expected"),
    "no working weekdays": (PLAIN, {"working_weekdays": []}, "working_weekdays"),
    "a weekday twice": (PLAIN, {"working_weekdays": ["mon", "mon"]}, "working_weekdays: expected each"),
    "no zone": (PLAIN, {"zone": None}, "zone"),
    "a zone that is none": (PLAIN, {"zone": "Europe/Londres"}, "zone: expected an IANA"),
    "a day off and on": (PLAIN, {"holidays": ["2026-05-04"], "workdays": ["2026-05-04"]}, "2026-05-04 is among"),
    "a day before first": (PLAIN, {"holidays": ["2025-12-25"]}, "holidays: 2025-12-25 lies outside"),
    "a day behind until": (PLAIN, {"workdays": ["2027-01-02"]}, "workdays: 2027-01-02 lies outside"),
    "until before first": (PLAIN, {"until": "2025-01-01"}, "until: expected first"),
    "too long ago": (PLAIN, {"first": "1989-12-31"}, "first: expected 1990-01-01"),
    "too long": (PLAIN, {"until": "2099-12-31"}, "until: expected at most 25 years"),
    "a day that is none": (PLAIN, {"holidays": ["2026-02-30"]}, "holidays"),
}


@pytest.mark.parametrize(("table", "changes", "expected"), BAD.values(), ids=BAD.keys())
def test_bad_calendars_are_refused(table: dict[str, Any], changes: dict[str, Any], expected: str) -> None:
    """A refusal names the calendar, the key and what was expected of it."""
    with pytest.raises(ValueError, match=r"^calendars\.x: ") as refused:
        calendar(table, **changes)
    assert expected in str(refused.value)


def test_days_are_in_order_in_a_document() -> None:
    """A document has one form, so that equal calendars have equal digests: days in order, each once."""
    document = policy_document(load_policies())
    document["calendars"]["uk"]["holidays"].reverse()
    with pytest.raises(PolicyError, match="holidays: expected each day once, in order"):
        policies_from_document(document)


@pytest.mark.parametrize("name", ["CN", "c_n", "", "x" * 33, "中国"])
def test_calendar_names_are_plain(name: str) -> None:
    """A name can stand in an alert's identity."""
    document = policy_document(load_policies())
    document["calendars"][name] = document["calendars"]["cn"]
    with pytest.raises(PolicyError, match="calendars"):
        policies_from_document(document)


def test_there_are_at_most_sixteen() -> None:
    """The document stays small."""
    document = policy_document(load_policies())
    document["calendars"] = {f"c{number}": document["calendars"]["eu"] for number in range(17)}
    with pytest.raises(PolicyError, match="calendars"):
        policies_from_document(document)


def test_a_document_names_days_never_a_country() -> None:
    """A ledger record cannot leave its days to whichever library replays it."""
    document = policy_document(load_policies())
    document["calendars"]["cn"] = CN
    with pytest.raises(PolicyError):
        policies_from_document(document)


def test_a_replay_needs_no_library() -> None:
    """A document from a ledger is read where the holiday library is missing, and has the same digest."""
    code = (
        "import sys, json; sys.modules['holidays'] = None\n"
        "from config.calendars import calendar_digest\n"
        "from config.policies import policies_from_document\n"
        "found = policies_from_document(json.load(sys.stdin))\n"
        "print(calendar_digest(found.calendars['cn']))"
    )
    document = json.dumps(policy_document(load_policies()))
    run = subprocess.run([sys.executable, "-c", code], input=document, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == calendar_digest(SHIPPED["cn"])


def test_the_version_knows_the_content_and_no_source() -> None:
    """Another day, hour or zone is another version; where the days came from, and their layout, is not."""
    found = calendar(PLAIN)
    digest = calendar_digest(found)
    assert len(digest) == 16
    assert calendar_digest(calendar(PLAIN, source="theirs", working_weekdays=[*WEEKDAYS[4::-1]])) == digest
    others: list[dict[str, Any]] = [
        {"zone": "Europe/Dublin"},
        {"hours": ["09:00-17:00"]},
        {"working_weekdays": ["mon"]},
        {"holidays": ["2026-05-04"]},
        {"workdays": ["2026-05-04"]},
        {"first": "2026-01-02"},
        {"until": "2026-12-30"},
    ]
    assert len({digest, *(calendar_digest(calendar(PLAIN, **other)) for other in others)}) == len(others) + 1


YEAR_DAYS = st.integers(0, 120).map(lambda number: date(2026, 1, 1) + DAY * number)


@st.composite
def calendars(draw: st.DrawFn) -> CalendarPolicy:
    first, until = sorted([draw(YEAR_DAYS), draw(YEAR_DAYS)])
    inside = st.integers(0, (until - first).days).map(lambda number: first + DAY * number)
    holidays = draw(st.sets(inside, max_size=8))
    weekdays = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True))
    return CalendarPolicy(
        zone=draw(st.sampled_from(["UTC", "Asia/Shanghai"])),
        hours={weekday: ["09:00-17:00"] for weekday in weekdays},
        working_weekdays=weekdays,
        holidays=sorted(holidays),
        workdays=sorted(draw(st.sets(inside, max_size=8)) - holidays),
        first=first,
        until=until,
        source="drawn",
    )


@given(pinned=calendars(), current=calendars())
def test_a_later_calendar_adds_and_never_rewrites(pinned: CalendarPolicy, current: CalendarPolicy) -> None:
    """Days that the pinned calendar knew keep their verdict, days behind its horizon have the current one's."""
    extended = extend_calendar(pinned, current)
    known = pinned.works()
    if pinned.until + DAY in current.works():
        known |= {day: works for day, works in current.works().items() if day > pinned.until}
    assert extended.works() == known
    assert (extended.zone, extended.hours) == (pinned.zone, pinned.hours)
    assert extend_calendar(extended, current) == extended
    assert msgspec.convert(msgspec.to_builtins(extended), CalendarPolicy) == extended


@given(pinned=calendars(), second=calendars(), third=calendars())
def test_days_once_added_stay(pinned: CalendarPolicy, second: CalendarPolicy, third: CalendarPolicy) -> None:
    """Extended time and again, a calendar keeps every day that it has."""
    once = extend_calendar(pinned, second)
    twice = extend_calendar(once, third)
    assert once.works().items() <= twice.works().items()


def test_an_unchanged_calendar_is_its_own_extension() -> None:
    """As long as nothing later is known, the version that a case has pinned stays."""
    assert extend_calendar(SHIPPED["cn"], SHIPPED["cn"]) is SHIPPED["cn"]


def test_nothing_is_added_behind_a_gap() -> None:
    """Between the pinned calendar and one that begins later lie days that nobody knows."""
    later = calendar(PLAIN, first="2027-01-02", until="2027-12-31")
    assert extend_calendar(calendar(PLAIN), later) == calendar(PLAIN)


def test_an_extension_says_where_its_days_come_from() -> None:
    """Both sources are named, for as long as the field holds them."""
    found = calendar(PLAIN)
    for year in range(2027, 2050):
        later = calendar(PLAIN, first=f"{year}-01-01", until=f"{year}-12-31", source=f"list of {year}")
        found = extend_calendar(found, later)
        assert found.until.year == year
    assert found.source.startswith("ours; from 2027-01-01: list of 2027; from 2028-01-01")
    assert len(found.source) <= 400
