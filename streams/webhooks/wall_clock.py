"""What the clock on a wall says: whether hours are quiet, and when a daily list was last due. Pure.

Quiet hours go by what the clock shows, so the nights in which it is changed need no arithmetic: an hour that is left
out is quiet for nobody, one that comes twice is quiet twice. A list is due once on each of its days: at the first of
two such times, and where there is no such time, as long after midnight as on any other day.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.delivery_wishes import DailyTop, QuietHours, seconds_of, weekday_numbers

_DAYS_BACK = 8
"""Days to look back for a weekday."""


class _Window:
    """Quiet hours, worked out."""

    def __init__(self, hours: QuietHours) -> None:
        self._zone = ZoneInfo(hours.zone)
        self._begin, self._end = seconds_of(hours.begin), seconds_of(hours.end)
        self._days = weekday_numbers(hours.days)
        self.breaks = frozenset(hours.breaks)

    def holds(self, now_ms: int) -> bool:
        """Whether it is quiet."""
        local = datetime.fromtimestamp(now_ms // 1000, UTC).astimezone(self._zone)
        shown = local.hour * 3600 + local.minute * 60 + local.second
        today, before = local.weekday(), (local.weekday() - 1) % 7
        if self._begin < self._end:
            return today in self._days and self._begin <= shown < self._end
        return (today in self._days and shown >= self._begin) or (before in self._days and shown < self._end)


class Quiet:
    """The quiet hours of one endpoint."""

    def __init__(self, hours: Sequence[QuietHours]) -> None:
        """None at all for no `hours`."""
        self._windows = [_Window(one) for one in hours]

    def breaks(self, now_ms: int) -> frozenset[str] | None:
        """The severities that may be delivered at that time; None: everything may, it is not quiet."""
        holding = [window.breaks for window in self._windows if window.holds(now_ms)]
        return frozenset.intersection(*holding) if holding else None


class Timetable:
    """When the lists of one endpoint are due."""

    def __init__(self, top: DailyTop) -> None:
        """The times of `top`."""
        self._zone = ZoneInfo(top.zone)
        self._at = seconds_of(top.at)
        self._days = weekday_numbers(top.days)

    def last_due_ms(self, now_ms: int) -> int:
        """The latest time up to `now_ms` at which a list was due."""
        today = datetime.fromtimestamp(now_ms // 1000, UTC).astimezone(self._zone).date()
        hour, rest = divmod(self._at, 3600)
        at = time(hour, rest // 60, rest % 60, tzinfo=self._zone)
        due = [
            round(datetime.combine(day, at).timestamp()) * 1000
            for day in (today - timedelta(days=back) for back in range(_DAYS_BACK))
            if day.weekday() in self._days
        ]
        return max(at_ms for at_ms in due if at_ms <= now_ms)
