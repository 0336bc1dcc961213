"""Working time: what a calendar makes of instants, in each unit that a promise can be stated in."""

import math
from datetime import date

from config.calendars import WEEKDAYS, CalendarPolicy, calendar_digest, span_minutes
from models.measures import BusinessHours, CalendarDays, WallTime, WorkingDays
from models.measures import CalendarHorizonError as CalendarHorizonError
from models.measures import Measure as Measure
from models.measures import Unit as Unit
from models.zone_days import DAY_MS, Stretch, ZoneDays

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MEMO_LIMIT = 64

_UNITS: dict[str, tuple[Unit, int]] = {
    "seconds": (Unit.WALL, 1_000),
    "minutes": (Unit.WALL, 60_000),
    "hours": (Unit.WALL, 3_600_000),
    "days": (Unit.WALL, DAY_MS),
    "weeks": (Unit.WALL, 7 * DAY_MS),
    "business_minutes": (Unit.BUSINESS_HOURS, 60_000),
    "business_hours": (Unit.BUSINESS_HOURS, 3_600_000),
    "calendar_days": (Unit.CALENDAR_DAYS, DAY_MS),
    "working_days": (Unit.WORKING_DAYS, DAY_MS),
}


def parts(amount: float, unit_name: str) -> tuple[Unit, int]:
    """What `amount` of a unit is measured in, and how many parts it has; ``days`` are 24 hours, whatever the date."""
    if unit_name not in _UNITS:
        raise ValueError(f"unit: expected one of {', '.join(_UNITS)}, not {unit_name!r}")
    if not (math.isfinite(amount) and amount >= 0):
        raise ValueError(f"amount: expected a number from 0 on, not {amount!r}")
    unit, each = _UNITS[unit_name]
    return unit, round(amount * each)


class WorkingTime:
    """One calendar, ready to measure by: instants are milliseconds since 1970 UTC.

    Asked beyond its days, it raises `CalendarHorizonError` rather than guess; wall time and calendar days have no end.
    """

    def __init__(self, policy: CalendarPolicy, name: str = "") -> None:
        """Work out the days of `policy`; `name` is what errors call it. Costs milliseconds: see `compiled`."""
        self.name = name
        self.policy = policy
        self.digest = calendar_digest(policy)
        self.first = policy.first
        self.until = policy.until
        self._days = ZoneDays(policy.zone)
        self._first_day = policy.first.toordinal() - _EPOCH_ORDINAL
        self._works = self._working_days()
        self.first_ms = self._days.begin_ms(self._first_day)
        self.until_ms = self._days.begin_ms(self._first_day + len(self._works))
        """The end of the last day known."""
        self._horizon = CalendarHorizonError(name, policy.first, policy.until)
        self._hours = BusinessHours(self._open(), (self.first_ms, self.until_ms), self._horizon)
        self._measures: dict[Unit, Measure] = {
            Unit.WALL: WallTime(),
            Unit.CALENDAR_DAYS: CalendarDays(self._days),
            Unit.BUSINESS_HOURS: self._hours,
            Unit.WORKING_DAYS: WorkingDays(self._days, self._first_day, self._works, self._horizon),
        }

    def measure(self, unit: Unit) -> Measure:
        """The calendar's measure of `unit`."""
        return self._measures[unit]

    def day_begin_ms(self, at_ms: int) -> int:
        """When the local day that `at_ms` falls in began."""
        return self._days.begin_ms(self._days.day_of(at_ms))

    def day_end_ms(self, at_ms: int) -> int:
        """When the local day of `at_ms` ends; midnight is an end already, so that asking again changes nothing."""
        return self._days.begin_ms(self._days.day_of(at_ms - 1) + 1)

    def next_day_ms(self, at_ms: int) -> int:
        """When the local day after that of `at_ms` begins."""
        return self._days.begin_ms(self._days.day_of(at_ms) + 1)

    def next_open_ms(self, at_ms: int) -> int:
        """The earliest instant from `at_ms` on within business hours; raises `CalendarHorizonError`."""
        return self._hours.next_open_ms(at_ms)

    def is_working_day(self, day: date) -> bool:
        """Whether `day` is worked, make-up days included; raises `CalendarHorizonError`."""
        if not self.first <= day <= self.until:
            raise CalendarHorizonError(self.name, self.first, self.until)
        return self._works[day.toordinal() - _EPOCH_ORDINAL - self._first_day]

    def _working_days(self) -> list[bool]:
        begin_ms = self._days.begin_ms
        return [
            # Nobody works on a date that the zone left out.
            works and begin_ms(number) < begin_ms(number + 1)
            for number, works in enumerate(self.policy.works().values(), self._first_day)
        ]

    def _open(self) -> list[Stretch]:
        hours = self.policy.hours
        usual = hours[min(self.policy.working_weekdays, key=WEEKDAYS.index)]
        spans = [[span_minutes(span) for span in hours.get(weekday, usual)] for weekday in WEEKDAYS]
        found: list[Stretch] = []
        for number, working in enumerate(self._works, self._first_day):
            if not working:
                continue
            pieces = [
                piece
                for start, end in spans[(number + _EPOCH_ORDINAL - 1) % 7]
                for piece in self._days.stretches(number, start, end)
            ]
            found += sorted(pieces)
        return found


_compiled: dict[tuple[str, str], WorkingTime] = {}


def compiled(policy: CalendarPolicy, name: str = "") -> WorkingTime:
    """`WorkingTime` of a calendar, kept by its digest: those in use are worked out once (at most 64 are kept)."""
    key = (name, calendar_digest(policy))
    found = _compiled.get(key)
    if found is None:
        if len(_compiled) >= _MEMO_LIMIT:
            del _compiled[next(iter(_compiled))]
        found = _compiled[key] = WorkingTime(policy, name)
    return found
