"""When a clock that counts working time stands still by its calendar alone: nights, weekends, holidays."""

from models.complaint_rules import Clock
from models.measures import CalendarHorizonError, Measure, Unit
from models.working_time import WorkingTime
from models.zone_days import Stretch


def idle_stretches(clock: Clock, from_ms: int, to_ms: int) -> list[Stretch]:
    """The stretches between two times that `clock` does not count by its calendar, in order.

    None for a clock of wall time or calendar days; nothing is made up beyond the days that the calendar knows.
    """
    calendar = clock.calendar
    if calendar is None or clock.policy.unit not in ("working_days", "business_hours", "business_minutes"):
        return []
    begin, end = max(from_ms, calendar.first_ms), min(to_ms, calendar.until_ms)
    if begin >= end:
        return []
    if clock.policy.unit == "working_days":
        return _days_off(calendar, clock.measure, begin, end)
    return _closed(calendar, begin, end)


def _days_off(calendar: WorkingTime, measure: Measure, begin: int, end: int) -> list[Stretch]:
    found: list[Stretch] = []
    at_ms = begin
    while at_ms < end:
        until = min(calendar.next_day_ms(at_ms), end)
        day_begin, day_end = calendar.day_begin_ms(at_ms), min(calendar.next_day_ms(at_ms), calendar.until_ms)
        if measure.upto(day_begin) == measure.upto(day_end):
            if found and found[-1][1] == at_ms:
                found[-1] = (found[-1][0], until)
            else:
                found.append((at_ms, until))
        at_ms = until
    return found


def _closed(calendar: WorkingTime, begin: int, end: int) -> list[Stretch]:
    hours = calendar.measure(Unit.BUSINESS_HOURS)
    found: list[Stretch] = []
    at_ms = begin
    while at_ms < end:
        try:
            opens = calendar.next_open_ms(at_ms)
        except CalendarHorizonError:
            opens = end
        if opens > at_ms:
            found.append((at_ms, min(opens, end)))
        at_ms = _closes(hours, opens, end) if opens < end else end
    return found


def _closes(hours: Measure, opens: int, end: int) -> int:
    """How long business hours go on without a break from `opens`, which lies within them."""
    before, low, high = hours.upto(opens), opens, end
    while low < high:
        middle = (low + high + 1) // 2
        if hours.upto(middle) - before == middle - opens:
            low = middle
        else:
            high = middle - 1
    return low
