"""Measures of time: how much has passed in one unit, and when so much will have."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Protocol

from models.zone_days import DAY_MS, Stretch, ZoneDays


class Unit(StrEnum):
    """The kinds of time that a promise can be measured in."""

    WALL = "wall"
    CALENDAR_DAYS = "calendar_days"
    BUSINESS_HOURS = "business_hours"
    WORKING_DAYS = "working_days"


class CalendarHorizonError(ValueError):
    """A calendar was asked about days that it does not know; guessing would make deadlines that later move."""

    def __init__(self, calendar: str, first: date, until: date) -> None:
        """The calendar's name and the days that it knows."""
        super().__init__(f"calendar {calendar!r} knows the days {first} to {until} only")
        self.calendar = calendar
        self.first = first
        self.until = until


class Measure(Protocol):
    """Whole parts of one unit, counted from a fixed origin; parts are milliseconds, a day having 86,400,000.

    `upto` never decreases. `reach` is the earliest instant at which so many have passed, so that
    ``reach(upto(t)) <= t``, and ``upto(reach(p)) == p`` for every `p` that `upto` takes at all.
    """

    def upto(self, at_ms: int) -> int:
        """Parts from the origin to `at_ms`."""

    def reach(self, parts: int) -> int:
        """The earliest instant with ``upto(instant) >= parts``."""


class WallTime:
    """Time that never stops; its origin is 1970 UTC."""

    def upto(self, at_ms: int) -> int:
        """The instant itself."""
        return at_ms

    def reach(self, parts: int) -> int:
        """The instant itself."""
        return parts


class CalendarDays:
    """Local days of equal weight, 23 hours long or 25; within a day parts pass evenly. The origin is local 1970."""

    def __init__(self, days: ZoneDays) -> None:
        """Count the days of a zone."""
        self._days = days

    def upto(self, at_ms: int) -> int:
        """Parts since local 1970-01-01; a date that the zone left out passes in no time."""
        days = self._days
        day = days.day_of(at_ms)
        begin = days.begin_ms(day)
        return day * DAY_MS + (at_ms - begin) * DAY_MS // (days.begin_ms(day + 1) - begin)

    def reach(self, parts: int) -> int:
        """A whole number of days is reached at the end of the last one."""
        day, rest = divmod(parts, DAY_MS)
        begin = self._days.begin_ms(day)
        return begin + _rounded_up(rest * (self._days.begin_ms(day + 1) - begin))


class WorkingDays:
    """Working days of equal weight; within one, parts pass evenly, on other days none do."""

    def __init__(self, days: ZoneDays, first_day: int, works: Sequence[bool], horizon: CalendarHorizonError) -> None:
        """`works` says of each day from `first_day` on whether it is worked; `horizon` is raised beyond them."""
        self._days = days
        self._first_day = first_day
        self._horizon = horizon
        self._first_ms = days.begin_ms(first_day)
        self._until_ms = days.begin_ms(first_day + len(works))
        self._works = works
        self._worked: list[Stretch] = []
        self._before: list[int] = []
        for number, working in enumerate(works):
            self._before.append(len(self._worked) * DAY_MS)
            if working:
                self._worked.append((days.begin_ms(first_day + number), days.begin_ms(first_day + number + 1)))

    def upto(self, at_ms: int) -> int:
        """Parts since the calendar's first day; raises `CalendarHorizonError`."""
        if not self._first_ms <= at_ms < self._until_ms:
            if at_ms == self._until_ms:
                return len(self._worked) * DAY_MS
            raise _again(self._horizon)
        number = self._days.day_of(at_ms) - self._first_day
        before = self._before[number]
        if not self._works[number]:
            return before
        begin, end = self._worked[before // DAY_MS]
        return before + (at_ms - begin) * DAY_MS // (end - begin)

    def reach(self, parts: int) -> int:
        """A whole number of days is reached at the end of the last one; raises `CalendarHorizonError`."""
        if parts <= 0:
            if parts == 0:
                return self._first_ms
            raise _again(self._horizon)
        number = (parts - 1) // DAY_MS
        if number >= len(self._worked):
            raise _again(self._horizon)
        begin, end = self._worked[number]
        return begin + _rounded_up((parts - number * DAY_MS) * (end - begin))


class BusinessHours:
    """Milliseconds within business hours."""

    def __init__(self, stretches: Sequence[Stretch], bounds: Stretch, horizon: CalendarHorizonError) -> None:
        """`stretches` of business hours in order within `bounds`; `horizon` is raised beyond those."""
        self._first_ms, self._until_ms = bounds
        self._horizon = horizon
        self._starts = [start for start, _ in stretches]
        self._ends = [end for _, end in stretches]
        self._before: list[int] = []
        self._after: list[int] = []
        total = 0
        for start, end in stretches:
            self._before.append(total)
            total += end - start
            self._after.append(total)

    def upto(self, at_ms: int) -> int:
        """Parts since the calendar's first day; raises `CalendarHorizonError`."""
        if not self._first_ms <= at_ms <= self._until_ms:
            raise _again(self._horizon)
        number = bisect_right(self._starts, at_ms) - 1
        if number < 0:
            return 0
        return self._before[number] + min(at_ms, self._ends[number]) - self._starts[number]

    def reach(self, parts: int) -> int:
        """Full hours are reached when the office closes, not when it opens again; raises `CalendarHorizonError`."""
        if parts <= 0:
            if parts == 0:
                return self._first_ms
            raise _again(self._horizon)
        number = bisect_left(self._after, parts)
        if number == len(self._after):
            raise _again(self._horizon)
        return self._starts[number] + parts - self._before[number]

    def next_open_ms(self, at_ms: int) -> int:
        """The earliest instant from `at_ms` on that lies within business hours; raises `CalendarHorizonError`."""
        number = bisect_right(self._ends, at_ms)
        if not self._first_ms <= at_ms or number == len(self._ends):
            raise _again(self._horizon)
        return max(at_ms, self._starts[number])


def _rounded_up(scaled: int) -> int:
    return -(-scaled // DAY_MS)


def _again(horizon: CalendarHorizonError) -> CalendarHorizonError:
    # A new one each time: a raised exception keeps its traceback, and all that hangs on that.
    return CalendarHorizonError(horizon.calendar, horizon.first, horizon.until)
