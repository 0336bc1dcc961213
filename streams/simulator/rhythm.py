"""The bank's clock: what happens at which hour, on which weekday, on which day of the month.

Times are whole seconds from the origin (local midnight of the first day). Public holidays are not modelled.
"""

from calendar import monthrange
from datetime import date, timedelta
from typing import Final

from streams.simulator.draws import Draws, Weighted
from streams.simulator.parameters import DAY_S, HOUR_S

SATURDAY: Final = 5

Hours = Weighted[int]

SHOPPING: Final[Hours] = Weighted(
    {7: 2, 8: 4, 9: 4, 10: 5, 11: 7, 12: 9, 13: 6, 14: 5, 15: 5, 16: 6, 17: 8, 18: 11, 19: 11, 20: 9, 21: 6, 22: 2}
)
EVENING: Final[Hours] = Weighted(
    {0: 1, 1: 0.4, 6: 1, 7: 4, 8: 5, 9: 4, 10: 4, 11: 4, 12: 7, 13: 5, 14: 3, 15: 3, 16: 3}
    | {17: 5, 18: 7, 19: 10, 20: 13, 21: 13, 22: 9, 23: 4}
)
OFFICE: Final[Hours] = Weighted({8: 3, 9: 12, 10: 13, 11: 10, 12: 5, 13: 7, 14: 11, 15: 11, 16: 10, 17: 6})
WAKING: Final[Hours] = Weighted(
    {8: 3, 9: 8, 10: 9, 11: 8, 12: 6, 13: 6, 14: 8, 15: 8, 16: 8, 17: 7, 18: 6, 19: 5, 20: 4}
)

# Monday first; a factor on the daily rate.
CARD_WEEK: Final = (0.80, 0.80, 0.85, 0.90, 1.15, 1.50, 1.35)
LOGIN_WEEK: Final = (1.10, 1.05, 1.00, 1.00, 1.05, 0.90, 0.90)
CALL_WEEK: Final = (1.60, 1.30, 1.20, 1.15, 1.15, 0.40, 0.20)


def time_of_day(hours: Hours, draws: Draws) -> int:
    """Seconds after midnight, by the hours' weights."""
    return draws.weighted(hours) * HOUR_S + int(draws.random() * HOUR_S)


class Calendar:
    """Days of the simulated time by number (0 = first day)."""

    def __init__(self, start: date, days: int) -> None:
        self.start: Final = start
        self.days: Final = days
        self.first_weekday: Final = start.weekday()
        self.months: Final = self._months()

    def _months(self) -> tuple[tuple[int, int], ...]:
        last = self.start + timedelta(days=self.days - 1)
        first_month, last_month = self.start.year * 12 + self.start.month - 1, last.year * 12 + last.month - 1
        return tuple((month // 12, month % 12 + 1) for month in range(first_month, last_month + 1))

    def weekday(self, day: int) -> int:
        """0 is Monday."""
        return (self.first_weekday + day) % 7

    def working_day_from(self, day: int) -> int:
        """This day, or the Monday after when it falls on a weekend."""
        return day + max(0, 7 - self.weekday(day)) if self.weekday(day) >= SATURDAY else day

    def number(self, year: int, month: int, day_of_month: int) -> int:
        """Number of a date; a day that the month lacks is its last. May lie outside the simulated time."""
        day = min(day_of_month, monthrange(year, month)[1])
        return (date(year, month, day) - self.start).days

    def payday(self, year: int, month: int, day_of_month: int) -> int:
        """Number of the pay day: a weekend's is paid on the Friday before."""
        day = self.number(year, month, day_of_month)
        return day - max(0, self.weekday(day) - SATURDAY + 1)

    def is_busy_monday(self, at_s: int) -> bool:
        """Monday between eight and noon, when everybody calls about the weekend."""
        return self.weekday(at_s // DAY_S) == 0 and 8 * HOUR_S <= at_s % DAY_S < 12 * HOUR_S
