"""How much of their usual a customer does on each day, by theme: where leaving and decoys show."""

from typing import Final, Literal

Theme = Literal["card", "transfer", "bill", "login", "inquiry", "income"]
SPENDING: Final[tuple[Theme, ...]] = ("card", "transfer", "bill")
OWN_DOING: Final[tuple[Theme, ...]] = ("card", "transfer", "bill", "login", "inquiry")
EVERYTHING: Final[tuple[Theme, ...]] = (*OWN_DOING, "income")


class Pace:
    """A factor for each theme and day; 1 until somebody scales it. Income is either on or off (below 0.5)."""

    def __init__(self, days: int) -> None:
        self.days: Final = days
        self._usual: Final = [1.0] * days
        self._factors: Final[dict[Theme, list[float]]] = {}

    def of(self, theme: Theme) -> list[float]:
        """Factors by day, shape (days,); not to be changed."""
        return self._factors.get(theme, self._usual)

    def ramp(self, themes: tuple[Theme, ...], first_day: int, past_day: int, begin: float, end: float) -> None:
        """Multiply the days first_day..past_day-1 by a factor that goes evenly from ``begin`` to ``end``."""
        length = max(1, past_day - first_day)
        for theme in themes:
            factors = self._factors.setdefault(theme, self._usual.copy())
            for day in range(max(0, first_day), min(past_day, self.days)):
                factors[day] *= begin + (end - begin) * (day - first_day) / length

    def hold(self, themes: tuple[Theme, ...], first_day: int, past_day: int, factor: float) -> None:
        """Multiply the days first_day..past_day-1 by ``factor``."""
        self.ramp(themes, first_day, past_day, factor, factor)

    def stop(self, themes: tuple[Theme, ...], first_day: int) -> None:
        """Nothing any more from this day on."""
        self.hold(themes, first_day, self.days, 0.0)
