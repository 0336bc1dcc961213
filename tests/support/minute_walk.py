"""Working time by walking the minutes: slow, plain, and nothing in common with `models.working_time`."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000
DAY_MS = 86_400_000
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Walk:
    """Each minute of a few local days: when it begins, and how much of each unit has passed by then."""

    minutes: list[int]
    """When each minute begins; the last entry is when the last one ends."""
    open_ms: list[int]
    """Milliseconds of business hours from the beginning to there."""
    calendar: list[int]
    """Parts of calendar days."""
    working: list[int]
    """Parts of working days."""
    is_open: list[bool]


def walk(zone: str, first: date, last: date, hours: dict[str, list[str]], worked: set[date]) -> Walk:
    """Walk from the first minute of local `first` to the last of `last`, looking at the clock each minute."""
    clock = ZoneInfo(zone)
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=30)
    shown: list[tuple[int, datetime]] = []
    at = begin
    while at.date() <= last + timedelta(days=2):
        local = at.astimezone(clock)
        if first <= local.date() <= last:
            shown.append((round(at.timestamp() * 1000), local))
        at += timedelta(minutes=1)
    lengths: dict[date, int] = {}
    for _, local in shown:
        lengths[local.date()] = lengths.get(local.date(), 0) + 1
    minutes, open_ms, calendar, working, is_open = [shown[0][0]], [0], [0], [0], []
    passed = open_so_far = days_before = worked_before = 0
    day = shown[0][1].date()
    for at_ms, local in shown:
        if local.date() != day:
            days_before += 1
            worked_before += day in worked
            day, passed = local.date(), 0
        passed += 1
        works = day in worked
        opened = works and _within(local.hour * 60 + local.minute, hours[NAMES[day.weekday()]])
        open_so_far += MINUTE_MS * opened
        part = passed * DAY_MS // lengths[day]
        minutes.append(at_ms + MINUTE_MS)
        open_ms.append(open_so_far)
        calendar.append(days_before * DAY_MS + part)
        working.append(worked_before * DAY_MS + (part if works else 0))
        is_open.append(opened)
    return Walk(minutes, open_ms, calendar, working, is_open)


def _within(minute: int, spans: list[str]) -> bool:
    for span in spans:
        start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in span.split("-"))
        if start <= minute < end:
            return True
    return False
