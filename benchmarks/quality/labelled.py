"""What a scenario is: examples in order of arrival, and when the label of each becomes known."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


class Labelled(NamedTuple):
    """Examples in order of arrival.

    `known` is the time at which the label can be learnt, on the same scale as `at`; `judged` marks those whose scores
    are measured: the earlier ones are for warming up.
    """

    features: tuple[str, ...]
    matrix: Floats
    labels: NDArray[np.bool_]
    at: NDArray[np.int64]
    known: NDArray[np.int64]
    judged: NDArray[np.bool_]

    def matured(self) -> int:
        """Labels that were learnt before the last example arrived."""
        return int(np.sum(self.known <= self.at[-1]))
