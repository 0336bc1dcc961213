"""Random draws that are the same on every machine and in every Python release.

Only ``random.Random.random`` is used: it alone is promised to stay the same for a seed; ``choices``, ``gauss`` and
the rest may change between releases. A stream is seeded by a hash of what it is for, so one customer's life does
not depend on how many others there are, and a new draw in one part of a life leaves the other parts alone.
"""

from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate
from math import cos, exp, log, pi, sqrt
from random import Random
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")


class Weighted(Generic[Item]):
    """A table of items with their weights (any positive scale)."""

    __slots__ = ("_cumulative", "_items")

    def __init__(self, weights: dict[Item, float]) -> None:
        self._items: Final = tuple(weights)
        self._cumulative: Final = tuple(accumulate(weights.values()))

    def at(self, share: float) -> Item:
        """The item at ``share`` (0 <= share < 1) of the total weight."""
        cumulative = self._cumulative
        # The product may round up to the total itself; the last item then is meant.
        return self._items[min(bisect_right(cumulative, share * cumulative[-1]), len(cumulative) - 1)]


class Draws:
    """One stream of draws; ``random`` gives a float in [0, 1)."""

    __slots__ = ("random",)

    def __init__(self, *subject: object) -> None:
        name = "/".join(map(str, subject)).encode()
        self.random: Final = Random(int.from_bytes(blake2b(name, digest_size=16).digest(), "big")).random

    def chance(self, share: float) -> bool:
        """True with probability ``share``."""
        return self.random() < share

    def uniform(self, low: float, high: float) -> float:
        """A float between the bounds."""
        return low + (high - low) * self.random()

    def integer(self, low: int, high: int) -> int:
        """An integer from ``low`` to ``high``, both included."""
        return low + int(self.random() * (high - low + 1))

    def one_of(self, items: Sequence[Item]) -> Item:
        """One item, all alike probable."""
        return items[int(self.random() * len(items))]

    def weighted(self, table: Weighted[Item]) -> Item:
        """One item by its weight."""
        return table.at(self.random())

    def normal(self) -> float:
        """A standard normal variate (Box-Muller)."""
        return sqrt(-2.0 * log(1.0 - self.random())) * cos(2.0 * pi * self.random())

    def lognormal(self, median: float, sigma: float) -> float:
        """A lognormal variate by its median and the standard deviation of its logarithm."""
        return median * exp(sigma * self.normal())

    def exponential(self, mean: float) -> float:
        """An exponential variate by its mean."""
        return -mean * log(1.0 - self.random())

    def pareto(self, low: float, high: float, alpha: float) -> float:
        """A Pareto variate cut to [low, high]; the continuous kin of Zipf's law, without ranks among customers."""
        tail = (low / high) ** alpha
        return float(low / (1.0 - self.random() * (1.0 - tail)) ** (1.0 / alpha))

    def poisson(self, mean: float) -> int:
        """A count with this mean (small means only: the cost grows with it)."""
        if mean <= 0.0:
            return 0
        limit, product, count = exp(-mean), self.random(), 0
        while product > limit:
            product *= self.random()
            count += 1
        return count
