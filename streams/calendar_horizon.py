"""The end of what calendars know, told in time: beyond it no deadline in working time can be told at all."""

import logging
from collections.abc import Mapping

from streams.promises import Horizon

logger = logging.getLogger("ebbwatch.calendars")

HORIZON_DAYS = 60
"""How long before its horizon a calendar is warned of."""
_DAY_MS = 86_400_000


def days_left(horizon: Horizon, clock_ms: int) -> int:
    """Whole days from `clock_ms` to the horizon; below 0 once it is past."""
    return (horizon.until_ms - clock_ms) // _DAY_MS


def is_near(horizon: Horizon, clock_ms: int) -> bool:
    """Whether it is time to extend the calendar; never before there is a clock to tell."""
    return clock_ms > 0 and horizon.until_ms - clock_ms < HORIZON_DAYS * _DAY_MS


class HorizonWatch:
    """Writes a warning into the log once a day of the shards' clock, as long as a calendar is about to end."""

    def __init__(self) -> None:
        """Nothing has been warned of yet."""
        self._warned: dict[str, int] = {}

    def look(self, horizons: Mapping[str, Horizon], clock_ms: int) -> None:
        """Warn of each calendar that ends soon, or has ended, unless that was done on this day."""
        day = clock_ms // _DAY_MS
        for name, horizon in sorted(horizons.items()):
            if not is_near(horizon, clock_ms) or self._warned.get(name) == day:
                continue
            self._warned[name] = day
            logger.warning(
                "a calendar ends soon: beyond its last day no deadline in working time can be told; extend it in the"
                " policies",
                extra={
                    "fields": {
                        "calendar": name,
                        "last_day": horizon.until.isoformat(),
                        "days_left": days_left(horizon, clock_ms),
                    }
                },
            )
