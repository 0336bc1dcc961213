"""When an endpoint wants to hear of what: not at night, not of the same customer all day, not more than it can work on.

Times are those of the clock on the wall in a zone, so what is set for 08:30 stays at 08:30 when clocks change.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from config.calendars import WEEKDAYS, Weekday, known_zone

ClockTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$", max_length=8)]
"""``08:30`` or ``08:30:15``."""
ClockEnd = Annotated[str, Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?|24:00)$", max_length=8)]
"""A clock time, or ``24:00``, where the day ends."""
Hours = Annotated[float, Meta(gt=0, le=8784)]
RuleName = Annotated[str, Meta(min_length=1, max_length=60)]
Days = Annotated[list[Weekday], Meta(min_length=1, max_length=7)]


class QuietHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"begin": "from", "end": "to"}):
    """From when to when an endpoint is left in peace, on `days` (those on which it begins), but for `breaks`.

    Where `to` comes before `from` it is that of the next day.
    """

    begin: ClockTime
    end: ClockEnd
    zone: str
    days: Days = msgspec.field(default_factory=lambda: list(WEEKDAYS))
    breaks: Annotated[list[Annotated[str, Meta(min_length=1, max_length=60)]], Meta(max_length=10)] = msgspec.field(
        default_factory=lambda: ["critical"]
    )

    def __post_init__(self) -> None:
        """The hours are some, and somewhere."""
        _check_zone(self.zone)
        if seconds_of(self.begin) == seconds_of(self.end):
            raise ValueError('to: expected another time than from; a whole day is from = "00:00" and to = "24:00"')


class DailyTop(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a team can work on in a day: of the alerts of `rules`, the `k` that matter most, sent `at` that time.

    What is left over waits for the next lists, for `keep_days` after it was last reported.
    """

    rules: Annotated[list[RuleName], Meta(min_length=1, max_length=50)]
    k: Annotated[int, Meta(ge=1, le=10_000)]
    at: ClockTime
    zone: str
    days: Days = msgspec.field(default_factory=lambda: list(WEEKDAYS))
    keep_days: Annotated[int, Meta(ge=1, le=60)] = 7

    def __post_init__(self) -> None:
        """It is somewhere."""
        _check_zone(self.zone)


def seconds_of(clock_time: str) -> int:
    """Seconds from midnight to what the clock shows."""
    parts = [int(part) for part in clock_time.split(":")]
    return sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))


def weekday_numbers(days: Iterable[Weekday]) -> frozenset[int]:
    """The days as `datetime.weekday` numbers them."""
    return frozenset(WEEKDAYS.index(day) for day in days)


def _check_zone(zone: str) -> None:
    if not known_zone(zone):
        raise ValueError("zone: expected an IANA time zone such as Asia/Shanghai")
