"""Where an axis of time has its marks: at local times that people use, whatever summer time does."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from models.alerts import instant

_DAY_S: Final = 86_400
MOST_MARKS: Final = 8
_EVERY_S: Final = (
    *(60, 300, 900, 3600, 7200, 10_800, 21_600, 43_200),
    *(_DAY_S * days for days in (1, 2, 4, 7, 14, 28, 91, 364, 1820)),
)


def axis_times(low_s: int, high_s: int, zone: ZoneInfo) -> list[datetime]:
    """Local times between two instants at an even distance by the local clock, about `MOST_MARKS` of them at most.

    Days begin at midnight. A time that the clock leaves out is left out here too.
    """
    every_s = next((one for one in _EVERY_S if (high_s - low_s) / one <= MOST_MARKS), _EVERY_S[-1])
    day = instant(low_s * 1000).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    times: list[datetime] = []
    while day.timestamp() <= high_s:
        times += [at for rest_s in range(0, _DAY_S, every_s) if _exists(at := day + timedelta(seconds=rest_s))]
        day += timedelta(seconds=max(every_s, _DAY_S))
    return [at for at in times if low_s <= at.timestamp() <= high_s]


def _exists(at: datetime) -> bool:
    return instant(round(at.timestamp() * 1000)).astimezone(at.tzinfo).replace(tzinfo=None) == at.replace(tzinfo=None)
