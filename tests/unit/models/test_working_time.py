"""Time in every unit agrees with a calendar on the wall and a clock beside it, whatever clocks and holidays do."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import chinese_calendar
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.calendar_sources import expand_calendars
from config.calendars import CalendarPolicy, extend_calendar
from models import working_time
from models.working_time import CalendarHorizonError, Unit, WorkingTime, compiled, parts
from tests.support.china_days import DAY, FIRST, LAST, days_between, worked_days
from tests.support.minute_walk import DAY_MS, NAMES, Walk, walk

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR_MS = 3_600_000
OFFICE = {"zone": "Asia/Shanghai", "country": "CN", "years": [2023, 2026], "hours": ["09:00-12:00", "13:30-18:00"]}
CALENDAR_UNITS = (Unit.CALENDAR_DAYS, Unit.BUSINESS_HOURS, Unit.WORKING_DAYS)


def ms(text: str, zone: str = "Asia/Shanghai", fold: int = 0) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def shown(at_ms: int, zone: str = "Asia/Shanghai") -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).isoformat(" ", "minutes")[:16]


@cache
def china() -> WorkingTime:
    written = expand_calendars({"calendars": {"cn": OFFICE}})["calendars"]["cn"]
    return WorkingTime(msgspec.convert(written, CalendarPolicy), "cn")


def plain(
    zone: str,
    first: date,
    until: date,
    hours: dict[str, list[str]] | list[str],
    worked: set[date] | None = None,
) -> WorkingTime:
    """A calendar on which the days of `worked` are worked, by default all."""
    off = [] if worked is None else sorted(set(days_between(first, until)) - worked)
    table = hours if isinstance(hours, dict) else dict.fromkeys(NAMES, hours)
    return WorkingTime(
        CalendarPolicy(
            zone=zone,
            hours=table,  # type: ignore[arg-type]
            working_weekdays=["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            holidays=off,
            workdays=[],
            first=first,
            until=until,
            source="test",
        ),
        "plain",
    )


# --- working days of China, 2023 to 2026 ---------------------------------------------------------


def listed_by_library() -> list[date]:
    return [day for day in days_between(FIRST, LAST) if chinese_calendar.is_workday(day)]


@pytest.mark.parametrize("listed", [listed_by_library(), sorted(worked_days())], ids=["library", "notices"])
def test_every_working_day_deadline_of_four_years(listed: list[date]) -> None:
    """1 to 30 working days from every day of 2023 to 2026, from midnight and afternoon, counted on a list of days."""
    measure = china().measure(Unit.WORKING_DAYS)
    checked = 0
    for day in days_between(FIRST, LAST):
        ahead = [worked for worked in listed if worked >= day][:31]
        midnight = ms(f"{day} 00:00")
        afternoon = midnight + 15 * HOUR_MS + 20 * 60_000
        for count in range(1, 31):
            # From midnight: the end of the last of so many days.
            if count <= len(ahead):
                end = ms(f"{ahead[count - 1]} 00:00") + DAY_MS
                assert measure.reach(measure.upto(midnight) + count * DAY_MS) == end
                checked += 1
            else:
                with pytest.raises(CalendarHorizonError):
                    measure.reach(measure.upto(midnight) + count * DAY_MS)
            # From the afternoon of a working day: the same time of the day so many working days later.
            if ahead and ahead[0] == day and count < len(ahead):
                same_time = ms(f"{ahead[count]} 15:20")
                assert measure.reach(measure.upto(afternoon) + count * DAY_MS) == same_time
                checked += 1
            elif ahead and ahead[0] != day and count <= len(ahead):
                end = ms(f"{ahead[count - 1]} 00:00") + DAY_MS
                assert measure.reach(measure.upto(afternoon) + count * DAY_MS) == end
                checked += 1
    assert checked > 86_000


def test_working_days_between_any_two_days_are_those_on_the_list() -> None:
    """Used time between two midnights is the number of listed days between them."""
    measure = china().measure(Unit.WORKING_DAYS)
    listed = worked_days()
    so_far = 0
    for day in days_between(FIRST, LAST):
        assert measure.upto(ms(f"{day} 00:00")) == so_far * DAY_MS
        assert china().is_working_day(day) == (day in listed)
        so_far += day in listed
    assert measure.upto(china().until_ms) == so_far * DAY_MS


def test_business_hours_of_four_years_agree_with_the_office_clock() -> None:
    """Seven and a half hours on every listed day, at quarter hours throughout; none on others."""
    measure = china().measure(Unit.BUSINESS_HOURS)
    listed = worked_days()
    so_far = 0
    for day in days_between(FIRST, LAST):
        midnight = ms(f"{day} 00:00")
        for quarter in range(96):
            assert measure.upto(midnight + quarter * 900_000) == so_far
            so_far += 900_000 * (day in listed and (36 <= quarter < 48 or 54 <= quarter < 72))
    assert measure.upto(china().until_ms) == so_far == len(listed) * 27_000_000


def test_a_golden_week_by_hand() -> None:
    """Wednesday, 30 September 2026, 10:00: the week off is skipped, the Saturday made up is worked."""
    start = ms("2026-09-30 10:00")
    days, hours = china().measure(Unit.WORKING_DAYS), china().measure(Unit.BUSINESS_HOURS)
    assert shown(days.reach(days.upto(start) + 3 * DAY_MS)) == "2026-10-10 10:00"
    assert shown(hours.reach(hours.upto(start) + 6 * HOUR_MS + HOUR_MS // 2)) == "2026-09-30 18:00"
    assert shown(hours.reach(hours.upto(start) + 7 * HOUR_MS)) == "2026-10-08 09:30"
    assert shown(hours.reach(hours.upto(start) + 22 * HOUR_MS)) == "2026-10-10 09:30"


def test_weekends_stop_the_clock_and_are_not_counted_twice() -> None:
    """A pause from Friday to Monday takes the working time of it, nothing for the weekend."""
    friday, monday = ms("2026-11-13 16:30"), ms("2026-11-16 10:30")
    hours, days = china().measure(Unit.BUSINESS_HOURS), china().measure(Unit.WORKING_DAYS)
    assert hours.upto(monday) - hours.upto(friday) == 3 * HOUR_MS
    assert days.upto(monday) - days.upto(friday) == (7.5 + 10.5) * HOUR_MS


def test_a_make_up_day_has_the_hours_of_monday_or_its_own() -> None:
    """Hours stated for Saturday hold on a Saturday that is worked, and on no other."""
    policy = CalendarPolicy(
        zone="UTC",
        hours={"mon": ["09:00-17:00"], "tue": ["10:00-11:00"], "sat": ["09:00-10:00"]},
        working_weekdays=["tue", "mon"],
        holidays=[],
        workdays=[date(2026, 5, 9), date(2026, 5, 10)],
        first=date(2026, 5, 4),
        until=date(2026, 5, 17),
        source="test",
    )
    measure = WorkingTime(policy).measure(Unit.BUSINESS_HOURS)
    by_day = [
        measure.upto(ms(f"{day + DAY} 00:00", "UTC")) - measure.upto(ms(f"{day} 00:00", "UTC"))
        for day in days_between(policy.first, policy.until)
    ]
    assert [passed // HOUR_MS for passed in by_day] == [8, 1, 0, 0, 0, 1, 8, 8, 1, 0, 0, 0, 0, 0]


# --- changes of clocks ---------------------------------------------------------------------------

ODD_HOURS = {
    "mon": ["00:00-24:00"],
    "tue": ["09:00-12:00", "13:30-18:00"],
    "wed": ["00:30-01:15", "01:15-01:45", "02:10-03:20"],
    "thu": [],
    "fri": ["23:00-24:00"],
    "sat": ["00:00-00:45", "01:30-02:30", "22:30-24:00"],
    "sun": ["00:15-01:20", "01:40-02:40", "02:45-04:00", "23:10-24:00"],
}
CHANGES = {
    "London forward": ("Europe/London", date(2026, 3, 29)),
    "London back": ("Europe/London", date(2026, 10, 25)),
    "New York forward": ("America/New_York", date(2026, 3, 8)),
    "New York back": ("America/New_York", date(2026, 11, 1)),
    "Sao Paulo forward over midnight": ("America/Sao_Paulo", date(2018, 11, 4)),
    "Sao Paulo back over midnight": ("America/Sao_Paulo", date(2018, 2, 18)),
    "Beirut forward over midnight": ("Asia/Beirut", date(2022, 3, 27)),
    "Beirut back over midnight": ("Asia/Beirut", date(2022, 10, 30)),
    "Beirut forward twice in doubt": ("Asia/Beirut", date(2023, 3, 30)),
    "Havana back to midnight": ("America/Havana", date(2025, 11, 2)),
    "Azores back to midnight": ("Atlantic/Azores", date(2025, 10, 26)),
    "Lord Howe forward by half an hour": ("Australia/Lord_Howe", date(2025, 10, 5)),
    "Lord Howe back by half an hour": ("Australia/Lord_Howe", date(2026, 4, 5)),
    "Chatham at a quarter to": ("Pacific/Chatham", date(2026, 4, 5)),
    "Gaza": ("Asia/Gaza", date(2022, 3, 27)),
    "Tehran forward": ("Asia/Tehran", date(2022, 3, 22)),
    "Casablanca": ("Africa/Casablanca", date(2026, 2, 15)),
    "Caracas by half an hour for good": ("America/Caracas", date(2016, 5, 1)),
    "Samoa without a Friday": ("Pacific/Apia", date(2011, 12, 30)),
    "Troll by two hours": ("Antarctica/Troll", date(2026, 3, 29)),
    "Kathmandu, no change": ("Asia/Kathmandu", date(2026, 3, 29)),
    "Shanghai, no change": ("Asia/Shanghai", date(2026, 3, 29)),
}


@cache
def walked(name: str) -> tuple[WorkingTime, Walk]:
    zone, day = CHANGES[name]
    first, last = day - 3 * DAY, day + 3 * DAY
    worked = {first + DAY * number for number in (0, 2, 3, 4, 6)}
    return plain(zone, first, last, ODD_HOURS, worked), walk(zone, first, last, ODD_HOURS, worked)


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_clocks_agree_with_a_walk_through_the_minutes(name: str) -> None:
    """Every minute of a week around the change: the calendar counts what somebody watching the clock would."""
    calendar, seen = walked(name)
    assert (calendar.first_ms, calendar.until_ms) == (seen.minutes[0], seen.minutes[-1])
    hours, working = calendar.measure(Unit.BUSINESS_HOURS), calendar.measure(Unit.WORKING_DAYS)
    days = calendar.measure(Unit.CALENDAR_DAYS)
    assert [hours.upto(at) for at in seen.minutes] == seen.open_ms
    assert [working.upto(at) for at in seen.minutes] == seen.working
    skipped = DAY_MS if name.startswith("Samoa") else 0
    origin = days.upto(seen.minutes[0])
    assert [days.upto(at) - origin for at in seen.minutes] == [
        passed + skipped * (at >= ms("2011-12-31 00:00", "Pacific/Apia"))
        for at, passed in zip(seen.minutes, seen.calendar, strict=True)
    ]


@pytest.mark.parametrize("name", CHANGES)
def test_deadlines_around_changes_of_clocks(name: str) -> None:
    """The earliest minute by which so much has passed, for every amount that passes in that week."""
    calendar, seen = walked(name)
    for unit, passed in ((Unit.BUSINESS_HOURS, seen.open_ms), (Unit.WORKING_DAYS, seen.working)):
        measure = calendar.measure(unit)
        earliest: dict[int, int] = {}
        for at, amount in zip(seen.minutes, passed, strict=True):
            earliest.setdefault(amount, at)
        for amount, at in earliest.items():
            found = measure.reach(amount)
            assert at - 60_000 < found <= at or (amount == 0 and found == at)
            assert measure.upto(found) == amount


@pytest.mark.parametrize("name", CHANGES)
def test_the_next_open_moment_around_changes_of_clocks(name: str) -> None:
    """A warning held back for office hours comes at the first minute of them."""
    calendar, seen = walked(name)
    following: int | None = None
    for at, is_open in zip(reversed(seen.minutes[:-1]), reversed(seen.is_open), strict=True):
        following = at if is_open else following
        if following is None:
            with pytest.raises(CalendarHorizonError):
                calendar.next_open_ms(at)
        else:
            assert calendar.next_open_ms(at) == following


@pytest.mark.parametrize("name", CHANGES)
def test_days_begin_and_end_where_the_date_changes(name: str) -> None:
    """Beginning and end of the day, for every minute around the change."""
    calendar, seen = walked(name)
    zone = ZoneInfo(CHANGES[name][0])
    dates = [datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).date() for at in seen.minutes]
    begins: dict[date, int] = {}
    for at, day in zip(seen.minutes, dates, strict=True):
        begins.setdefault(day, at)
    ordered = [*begins.values()]
    for at, day in zip(seen.minutes[1:-1], dates[1:-1], strict=True):
        begin = begins[day]
        following = ordered[ordered.index(begin) + 1]
        assert calendar.day_begin_ms(at) == begin
        assert calendar.next_day_ms(at) == following
        assert calendar.day_end_ms(at) == (at if at == begin else following)


def test_a_day_of_23_hours_is_one_day() -> None:
    """A day counts one, however long; an instant within it counts by its share."""
    calendar = plain("Europe/London", date(2026, 3, 28), date(2026, 3, 30), ["09:00-17:00"])
    for unit in (Unit.CALENDAR_DAYS, Unit.WORKING_DAYS):
        measure = calendar.measure(unit)
        begin, end = ms("2026-03-29 00:00", "Europe/London"), ms("2026-03-30 00:00", "Europe/London")
        assert end - begin == 23 * HOUR_MS
        assert measure.upto(end) - measure.upto(begin) == DAY_MS
        assert measure.upto(begin + 23 * HOUR_MS // 2) - measure.upto(begin) == DAY_MS // 2
    assert parts(1, "days") == (Unit.WALL, DAY_MS)


def test_yesterdays_offset_is_not_todays() -> None:
    """Office hours in January are by January's clock, whenever they are asked about."""
    calendar = plain("America/New_York", date(2026, 1, 1), date(2026, 12, 31), ["09:00-17:00"])
    hours = calendar.measure(Unit.BUSINESS_HOURS)
    for day in ("2026-01-15", "2026-07-15"):
        opens, closes = ms(f"{day} 09:00", "America/New_York"), ms(f"{day} 17:00", "America/New_York")
        assert hours.upto(opens - HOUR_MS) == hours.upto(opens)
        assert hours.upto(closes) - hours.upto(opens) == 8 * HOUR_MS
    assert ms("2026-01-15 09:00", "America/New_York") % DAY_MS == 14 * HOUR_MS
    assert ms("2026-07-15 09:00", "America/New_York") % DAY_MS == 13 * HOUR_MS


# --- properties ----------------------------------------------------------------------------------

PROPERTY_ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
PROPERTY_HOURS = (["09:00-17:00"], ["09:00-12:00", "13:30-18:00"], ["00:00-24:00"], ["00:10-01:50", "01:50-02:35"])


@cache
def drawn_calendar(zone: str, hours: int, year: int, pattern: int) -> WorkingTime:
    first, until = date(year, 1, 1), date(year, 12, 31)
    worked = {day for day in days_between(first, until) if (day.toordinal() * 2654435761 >> 7) % (pattern + 2)}
    return plain(zone, first, until, PROPERTY_HOURS[hours], worked)


CALENDARS = st.builds(
    drawn_calendar,
    st.sampled_from(PROPERTY_ZONES),
    st.integers(0, len(PROPERTY_HOURS) - 1),
    st.sampled_from((2009, 2011, 2018, 2026)),
    st.integers(0, 3),
)
UNITS = st.sampled_from(Unit)
SHARES = st.floats(0, 1)


def instant(calendar: WorkingTime, share: float) -> int:
    return calendar.first_ms + int(share * (calendar.until_ms - calendar.first_ms))


@settings(max_examples=400)
@given(calendar=CALENDARS, unit=UNITS, one=SHARES, other=SHARES)
def test_time_never_runs_backwards(calendar: WorkingTime, unit: Unit, one: float, other: float) -> None:
    """The later instant has as much used time or more; hours that are open are no longer than those on the wall."""
    measure = calendar.measure(unit)
    early, late = sorted([instant(calendar, one), instant(calendar, other)])
    assert measure.upto(early) <= measure.upto(late)
    if unit in (Unit.WALL, Unit.BUSINESS_HOURS):
        assert measure.upto(late) - measure.upto(early) <= late - early


@settings(max_examples=400)
@given(calendar=CALENDARS, unit=UNITS, share=SHARES, nudge=st.integers(-2, 2))
def test_reaching_what_has_passed_is_not_later(calendar: WorkingTime, unit: Unit, share: float, nudge: int) -> None:
    """A deadline for what has been used already is not in the future, and has used exactly that, to the millisecond."""
    measure = calendar.measure(unit)
    near_a_border = calendar.day_begin_ms(instant(calendar, share)) + nudge
    for at in (instant(calendar, share), min(max(near_a_border, calendar.first_ms), calendar.until_ms)):
        reached = measure.reach(measure.upto(at))
        assert reached <= at
        assert measure.upto(reached) == measure.upto(at)


@settings(max_examples=400)
@given(calendar=CALENDARS, unit=UNITS, share=SHARES, nudge=st.integers(-2, 2))
def test_a_deadline_is_the_earliest_instant(calendar: WorkingTime, unit: Unit, share: float, nudge: int) -> None:
    """At the deadline enough has passed, a millisecond earlier it has not."""
    measure = calendar.measure(unit)
    first, last = measure.upto(calendar.first_ms), measure.upto(calendar.until_ms)
    amount = first + int(share * (last - first))
    for wanted in (amount, amount // DAY_MS * DAY_MS + nudge):
        if not first < wanted <= last:
            continue
        reached = measure.reach(wanted)
        assert measure.upto(reached) >= wanted
        assert measure.upto(reached - 1) < wanted


@settings(max_examples=200)
@given(calendar=CALENDARS, unit=UNITS, shares=st.lists(SHARES, min_size=2, max_size=6))
def test_splitting_a_stretch_changes_nothing(calendar: WorkingTime, unit: Unit, shares: list[float]) -> None:
    """Whole used time is the sum of its pieces, wherever it is cut; parts are whole numbers, so no rounding adds up."""
    measure = calendar.measure(unit)
    cuts = sorted(instant(calendar, share) for share in shares)
    pieces = [measure.upto(end) - measure.upto(begin) for begin, end in pairwise(cuts)]
    assert sum(pieces) == measure.upto(cuts[-1]) - measure.upto(cuts[0])
    assert all(isinstance(piece, int) for piece in pieces)


@settings(max_examples=200)
@given(calendar=CALENDARS, share=SHARES)
def test_the_end_of_the_day_stays_the_end(calendar: WorkingTime, share: float) -> None:
    """Asking for the end of the day of an end of a day gives the same one."""
    at = instant(calendar, share)
    end = calendar.day_end_ms(at)
    assert calendar.day_end_ms(end) == end
    assert calendar.day_begin_ms(at) <= at <= end <= calendar.next_day_ms(at)
    assert calendar.next_day_ms(end - 1) == end


@given(calendar=CALENDARS, unit=UNITS, share=SHARES)
def test_an_extended_calendar_measures_its_old_days_alike(calendar: WorkingTime, unit: Unit, share: float) -> None:
    """Nothing that was computed by the pinned version moves when days are added behind its horizon."""
    policy = calendar.policy
    year = policy.until.year + 1
    later = drawn_calendar(policy.zone, 0, year, 1).policy
    extended = WorkingTime(extend_calendar(policy, later))
    at = instant(calendar, share)
    assert extended.until == date(year, 12, 31)
    assert extended.measure(unit).upto(at) == calendar.measure(unit).upto(at)
    wanted = calendar.measure(unit).upto(at)
    assert extended.measure(unit).reach(wanted) == calendar.measure(unit).reach(wanted)


# --- the horizon ---------------------------------------------------------------------------------


def test_beyond_the_horizon_nothing_is_guessed() -> None:
    """Before the first day and after the last, working time is refused, with the calendar's name and its horizon."""
    calendar = china()
    asked: list[Callable[[Unit], int]] = [
        lambda unit: calendar.measure(unit).upto(calendar.until_ms + 1),
        lambda unit: calendar.measure(unit).upto(calendar.first_ms - 1),
        lambda unit: calendar.measure(unit).reach(calendar.measure(unit).upto(calendar.until_ms) + 1),
        lambda unit: calendar.measure(unit).reach(-1),
    ]
    for ask in asked:
        for unit in (Unit.WORKING_DAYS, Unit.BUSINESS_HOURS):
            with pytest.raises(CalendarHorizonError, match="'cn' knows the days 2023-01-01 to 2026-12-31") as refused:
                ask(unit)
            assert (refused.value.calendar, refused.value.until) == ("cn", LAST)
        for unit in (Unit.WALL, Unit.CALENDAR_DAYS):
            ask(unit)
    for day in (FIRST - DAY, LAST + DAY):
        with pytest.raises(CalendarHorizonError):
            calendar.is_working_day(day)
    with pytest.raises(CalendarHorizonError):
        calendar.next_open_ms(calendar.until_ms)
    with pytest.raises(CalendarHorizonError):
        calendar.next_open_ms(calendar.first_ms - 1)


def test_the_bounds_themselves_are_known() -> None:
    """A deadline at the very end of the last day known can still be stated."""
    calendar = china()
    for unit in (Unit.WORKING_DAYS, Unit.BUSINESS_HOURS):
        measure = calendar.measure(unit)
        assert measure.upto(calendar.first_ms) == 0
        assert measure.reach(0) == calendar.first_ms
        assert measure.reach(measure.upto(calendar.until_ms)) <= calendar.until_ms
    assert shown(calendar.until_ms) == "2027-01-01 00:00"
    assert calendar.measure(Unit.WORKING_DAYS).reach(len(worked_days()) * DAY_MS) == calendar.until_ms


def test_calendar_days_have_no_end() -> None:
    """Eight weeks beyond the horizon, and before it, are still eight weeks of local days."""
    measure = plain("Europe/London", date(2026, 1, 1), date(2026, 1, 2), ["09:00-17:00"]).measure(Unit.CALENDAR_DAYS)
    start = ms("2027-02-10 10:00", "Europe/London")
    assert shown(measure.reach(measure.upto(start) + 56 * DAY_MS), "Europe/London") == "2027-04-07 10:00"
    old = ms("1995-03-01 10:00", "Europe/London")
    assert shown(measure.reach(measure.upto(old) + 56 * DAY_MS), "Europe/London") == "1995-04-26 10:00"
    assert measure.upto(ms("1970-01-01 00:00", "Europe/London")) == 0


# --- units and compiled calendars ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "unit_name", "expected"),
    [
        (30, "seconds", (Unit.WALL, 30_000)),
        (0.5, "minutes", (Unit.WALL, 30_000)),
        (24, "hours", (Unit.WALL, DAY_MS)),
        (15, "days", (Unit.WALL, 15 * DAY_MS)),
        (8, "weeks", (Unit.WALL, 56 * DAY_MS)),
        (90, "business_minutes", (Unit.BUSINESS_HOURS, 5_400_000)),
        (1.5, "business_hours", (Unit.BUSINESS_HOURS, 5_400_000)),
        (60, "calendar_days", (Unit.CALENDAR_DAYS, 60 * DAY_MS)),
        (3, "working_days", (Unit.WORKING_DAYS, 3 * DAY_MS)),
        (0, "working_days", (Unit.WORKING_DAYS, 0)),
    ],
)
def test_amounts_in_parts(amount: float, unit_name: str, expected: tuple[Unit, int]) -> None:
    """Each unit that a policy can state has its measure and its size."""
    assert parts(amount, unit_name) == expected


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf")])
def test_amounts_that_are_none(amount: float) -> None:
    """A target that is no amount of time is refused."""
    with pytest.raises(ValueError, match="amount: expected"):
        parts(amount, "hours")


def test_a_unit_that_is_none() -> None:
    """A refusal lists the units that there are."""
    with pytest.raises(ValueError, match=r"unit: expected one of seconds, .*working_days"):
        parts(1, "fortnights")


def test_calendars_are_worked_out_once() -> None:
    """Equal calendars share one compiled form, as long as no more than the limit are in use."""
    policy = china().policy
    first = compiled(policy, "cn")
    assert compiled(CalendarPolicy(**{name: getattr(policy, name) for name in policy.__struct_fields__}), "cn") is first
    assert compiled(policy, "other").name == "other"
    assert first.digest == china().digest
    for number in range(200):
        compiled(plain("UTC", FIRST, FIRST + DAY * (number + 1), ["09:00-17:00"]).policy)
    assert len(working_time._compiled) <= 64
