"""Calendars: business hours, holidays and make-up working days, as a policy document carries them.

Always day by day: what a ledger replays never depends on which holiday library is installed, or whether any is
(`config.calendar_sources` writes the days out when a policy file is read).
"""

from datetime import date, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from config.sections import Section, Text, content_digest

CalendarName = Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `date.weekday`."""
Span = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]:[0-5][0-9]|2[0-3]:[0-5][0-9]|24:00)$")]
"""Business hours such as 09:00-12:00, by the local clock; 24:00 is the end of the day."""
DayList = Annotated[list[date], Meta(max_length=1000)]

EARLIEST = date(1990, 1, 1)
LONGEST_DAYS = 366 * 25
DAY = timedelta(days=1)


class CalendarPolicy(Section, frozen=True):
    """Which days and hours count as working time, from `first` to the horizon `until`, both included.

    `holidays` are working weekdays that are off, `workdays` other days that are worked (调休). `hours` are by weekday;
    on a make-up working day whose own weekday is not among them, those of the first working weekday hold.
    """

    zone: str
    hours: dict[Weekday, list[Span]]
    working_weekdays: Annotated[list[Weekday], Meta(min_length=1, max_length=7)]
    holidays: DayList
    workdays: DayList
    first: date
    until: date
    source: Text

    def __post_init__(self) -> None:
        """Refuse what could not be meant; each message names the key and what was expected of it."""
        if not known_zone(self.zone):
            raise ValueError("zone: expected an IANA time zone such as Asia/Shanghai")
        _check_horizon(self.first, self.until)
        if len(set(self.working_weekdays)) < len(self.working_weekdays):
            raise ValueError("working_weekdays: expected each weekday once")
        self._check_hours()
        for key, days in (("holidays", self.holidays), ("workdays", self.workdays)):
            if days != sorted(set(days)):
                raise ValueError(f"{key}: expected each day once, in order")
            if days and not self.first <= days[0] <= days[-1] <= self.until:
                outside = days[0] if days[0] < self.first else days[-1]
                raise ValueError(f"{key}: {outside} lies outside the calendar, expected {self.first} to {self.until}")
        if both := set(self.holidays) & set(self.workdays):
            raise ValueError(f"workdays: {min(both)} is among the holidays too")

    def _check_hours(self) -> None:
        for weekday, spans in self.hours.items():
            last_end = -1
            for span in spans:
                start, end = span_minutes(span)
                if end <= start:
                    raise ValueError(f"hours.{weekday}: {span}: expected an end after the start (24:00 ends a day)")
                if start < last_end:
                    raise ValueError(f"hours.{weekday}: {span}: expected spans in order that do not overlap")
                last_end = end
        for weekday in self.working_weekdays:
            if weekday not in self.hours:
                raise ValueError(f"hours.{weekday}: expected the hours of a working weekday, [] for none")
        if not any(self.hours[weekday] for weekday in self.working_weekdays):
            raise ValueError("hours: expected business hours on at least one working weekday")

    def works(self) -> dict[date, bool]:
        """Whether each day is worked, from `first` to `until` in order."""
        usual, holidays, workdays = set(self.working_weekdays), set(self.holidays), set(self.workdays)
        days = (self.first + DAY * number for number in range((self.until - self.first).days + 1))
        return {day: day in workdays or (WEEKDAYS[day.weekday()] in usual and day not in holidays) for day in days}


def known_zone(zone: str) -> bool:
    """Whether this machine's time zone data know `zone` and every other machine's would mean the same by it."""
    try:
        # Names without a region, "localtime" above all, mean something else on another machine.
        return zone == "UTC" or ("/" in zone and ZoneInfo(zone) is not None)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def span_minutes(span: str) -> tuple[int, int]:
    """Start and end of a span in minutes since local midnight, end excluded."""
    return int(span[:2]) * 60 + int(span[3:5]), int(span[6:8]) * 60 + int(span[9:11])


def calendar_digest(policy: CalendarPolicy) -> str:
    """Version of a calendar (16 hex digits): calendars that count alike have equal digests, whatever their source."""
    content = msgspec.to_builtins(policy)
    del content["source"]
    content["working_weekdays"] = sorted(policy.working_weekdays, key=WEEKDAYS.index)
    return content_digest(content)


def extend_calendar(pinned: CalendarPolicy, current: CalendarPolicy) -> CalendarPolicy:
    """`pinned` with the days of `current` that lie behind its horizon: a later calendar adds days, it never rewrites.

    Zone and hours stay as pinned. Where `current` begins only after the day behind the horizon, nothing can be added,
    since the days between would be unknown to both.
    """
    begin = pinned.until + DAY
    if current.until < begin or current.first > begin:
        return pinned
    # By each day's verdict: the two may differ in their working weekdays.
    added = {day: works for day, works in current.works().items() if day >= begin}
    usual = {day for day in added if WEEKDAYS[day.weekday()] in pinned.working_weekdays}
    working = {day for day, works in added.items() if works}
    return msgspec.structs.replace(
        pinned,
        holidays=pinned.holidays + sorted(usual - working),
        workdays=pinned.workdays + sorted(working - usual),
        until=current.until,
        source=_joined(pinned.source, f"from {begin}: {current.source}"),
    )


def _check_horizon(first: date, until: date) -> None:
    if first < EARLIEST:
        raise ValueError(f"first: expected {EARLIEST} or later")
    if until < first:
        raise ValueError(f"until: expected first ({first}) or later")
    if (until - first).days >= LONGEST_DAYS:
        raise ValueError("until: expected at most 25 years from first to until")


def _joined(pinned: str, added: str) -> str:
    both = f"{pinned}; {added}"
    return both if len(both) <= 400 else pinned
