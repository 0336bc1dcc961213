"""Days as the bank's customers live them: numbers of local calendar days, and when they begin."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_QUARTER_MS = 900_000
_MEMO_LIMIT = 50_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class LocalDays:
    """Numbers local calendar days (1970-01-01 is day 0) in one zone.

    From 1990 on (no earlier event is accepted) every zone's offset is a whole number of quarter hours, so a day number
    is worked out once for each quarter of an hour and remembered. Four Canadian zones went back at one past midnight
    until 2010: in that one night of the year, a quarter of an hour counts as one day throughout.
    """

    def __init__(self, zone: str) -> None:
        """Count days in the IANA zone named `zone`."""
        self._zone = ZoneInfo(zone)
        self._by_quarter: dict[int, int] = {}
        self._starts_ms: dict[int, int] = {}

    def day_of(self, at_ms: int) -> int:
        """The local day that `at_ms` (milliseconds since 1970 UTC) falls on."""
        quarter = at_ms // _QUARTER_MS
        day = self._by_quarter.get(quarter)
        if day is None:
            if len(self._by_quarter) >= _MEMO_LIMIT:
                self._by_quarter.clear()
            local = datetime.fromtimestamp(quarter * 900, UTC).astimezone(self._zone)
            day = self._by_quarter[quarter] = local.toordinal() - _EPOCH_ORDINAL
        return day

    def start_ms(self, day: int) -> int:
        """When local day `day` begins (the first instant of it, where the clock jumps over midnight)."""
        start_ms = self._starts_ms.get(day)
        if start_ms is None:
            if len(self._starts_ms) >= _MEMO_LIMIT:
                self._starts_ms.clear()
            midnight = datetime.combine(self.date_of(day), time(), self._zone)
            start_ms = self._starts_ms[day] = round(midnight.timestamp() * 1000)
        return start_ms

    @staticmethod
    def date_of(day: int) -> date:
        """The calendar date of a day number."""
        return date(1970, 1, 1) + timedelta(days=day)
