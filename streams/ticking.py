"""Ticks for recorded input: time passes as the events say it does.

For live input ticks come from the wall clock (`streams.embedded`); either way they are records of the ledger.
"""

_MOST_TICKS_IN_A_GAP = 60


class EventClock:
    """Tells which ticks are due before an event is appended.

    A tick falls on each whole `every_ms` that event time reaches. Where nothing happens for so long that more than
    `_MOST_TICKS_IN_A_GAP` of them are due at once, they are spread evenly over the gap. Time never moves back.
    """

    def __init__(self, every_ms: int, clock_ms: int) -> None:
        """Go on from `clock_ms`, the time of the latest tick in the ledger; 0 before the first."""
        self._every_ms = every_ms
        self.clock_ms = clock_ms
        self.next_ms = clock_ms + every_ms if clock_ms else 0
        """Events before this need no tick: the one thing that the hot path looks at."""

    def ticks_until(self, at_ms: int) -> list[int]:
        """The times of the ticks that come before an event at `at_ms`, ascending."""
        every_ms = self._every_ms
        reached_ms = at_ms // every_ms * every_ms
        if self.clock_ms == 0:
            due = [reached_ms]
        elif reached_ms <= self.clock_ms:
            return []
        else:
            gap = (reached_ms - self.clock_ms + every_ms - 1) // every_ms
            step = -(-gap // _MOST_TICKS_IN_A_GAP) * every_ms
            due = list(range(reached_ms, self.clock_ms, -step))[::-1]
        self.clock_ms = reached_ms
        self.next_ms = reached_ms + every_ms
        return due
