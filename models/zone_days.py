"""Local days as stretches of time: where each begins, and where the clock's hours lie in it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from models.local_days import LocalDays

DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
_MEMO_LIMIT = 50_000

Stretch = tuple[int, int]
"""Milliseconds since 1970 UTC: begin, and end excluded."""


class ZoneDays:
    """Local days (1970-01-01 is day 0) of one zone as stretches that touch, 23 to 25 hours long where clocks change.

    A date that the zone left out (Samoa's 2011-12-30) is an empty stretch, which no instant falls in.
    """

    def __init__(self, zone: str) -> None:
        """The days of the IANA zone named `zone`."""
        self._zone = ZoneInfo(zone)
        self._days = LocalDays(zone)
        self._begins: dict[int, int] = {}
        self._usual_offset_ms = -self._days.start_ms(0)

    def begin_ms(self, day: int) -> int:
        """When local day `day` begins, which is when the day before it ends."""
        begin = self._begins.get(day)
        if begin is None:
            if len(self._begins) >= _MEMO_LIMIT:
                self._begins.clear()
            begin = self._begins[day] = self._days.start_ms(day)
        return begin

    def day_of(self, at_ms: int) -> int:
        """The local day that `at_ms` falls in; an instant of midnight belongs to the day that begins."""
        day = (at_ms + self._usual_offset_ms) // DAY_MS
        begin, end = self._begins.get(day), self._begins.get(day + 1)
        if begin is not None and end is not None and begin <= at_ms < end:
            return day
        while at_ms < self.begin_ms(day):
            day -= 1
        while at_ms >= self.begin_ms(day + 1):
            day += 1
        return day

    def stretches(self, day: int, start_minute: int, end_minute: int) -> list[Stretch]:
        """When the clock shows `start_minute` to `end_minute` of local day `day`: twice where an hour is repeated,
        less where it is left out.
        """
        begin, end = self.begin_ms(day), self.begin_ms(day + 1)
        start_of_clock, end_of_clock = start_minute * _MINUTE_MS, end_minute * _MINUTE_MS
        if end - begin == DAY_MS:
            return [(begin + start_of_clock, begin + end_of_clock)]
        found: list[Stretch] = []
        for since, until, offset in self._offsets(begin, end):
            midnight = day * DAY_MS - offset
            start, stop = max(since, midnight + start_of_clock), min(until, midnight + end_of_clock)
            if start < stop:
                found.append((start, stop))
        return found

    def _offsets(self, begin: int, end: int) -> list[tuple[int, int, int]]:
        """The stretches of one UTC offset within a day, with that offset in milliseconds."""
        found: list[tuple[int, int, int]] = []
        since, offset = begin, self._offset_ms(begin)
        for hour in range(begin, end, _HOUR_MS):  # no zone changes twice within one
            change = min(hour + _HOUR_MS, end - 1)
            if self._offset_ms(change) == offset:
                continue
            low = hour
            while change - low > 1:  # `low` has the old offset, `change` the new one
                middle = (low + change) // 2
                low, change = (middle, change) if self._offset_ms(middle) == offset else (low, middle)
            found.append((since, change, offset))
            since, offset = change, self._offset_ms(change)
        return [*found, (since, end, offset)]

    def _offset_ms(self, at_ms: int) -> int:
        offset = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(self._zone).utcoffset()
        assert offset is not None
        return round(offset.total_seconds() * 1000)
