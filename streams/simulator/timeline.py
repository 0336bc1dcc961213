"""What is going to happen to one customer: actions with their times, planned in any order, run in time order.

Planning and doing are apart because balances and event numbers must follow time, while plans are made theme by theme.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Concatenate, ParamSpec

from streams.simulator.teller import Teller

P = ParamSpec("P")

_by_time = itemgetter(0)


class Timeline:
    """Actions within [begin_s, end_s); those of the customer only before ``left_s`` and not within ``away_s``."""

    def __init__(self, begin_s: int, end_s: int) -> None:
        self.begin_s = begin_s
        self.end_s = end_s
        self.left_s = end_s
        self.away_s = range(0)
        self._planned: list[tuple[int, Callable[..., object], tuple[Any, ...], dict[str, Any]]] = []

    def has_customer(self, at_s: int) -> bool:
        """Whether the customer is there to act at this time."""
        return self.begin_s <= at_s < self.left_s and at_s < self.end_s and at_s not in self.away_s

    def customer(
        self, at_s: int, act: Callable[Concatenate[Teller, P], object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Plan something that the customer does; dropped when the customer is not there any more."""
        if self.has_customer(at_s):
            self._planned.append((at_s, act, args, kwargs))

    def bank(self, at_s: int, act: Callable[Concatenate[Teller, P], object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Plan something that happens whether or not the customer still acts."""
        if self.begin_s <= at_s < self.end_s:
            self._planned.append((at_s, act, args, kwargs))

    def run(self, teller: Teller) -> None:
        """Do everything in time order; what was planned first comes first at the same second."""
        self._planned.sort(key=_by_time)
        for at_s, act, args, kwargs in self._planned:
            teller.at_s = at_s
            act(teller, *args, **kwargs)
