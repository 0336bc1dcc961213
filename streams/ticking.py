"""Ticks for recorded input: time passes as the events say it does.

For live input ticks come from the wall clock (`streams.embedded`); either way they are records of the ledger.
"""

from models.decay import DAY_MS

_MOST_TICKS_IN_A_GAP = 60
JUMP_MS = 2 * DAY_MS
"""A single event may not move time further than this."""
_WITNESSES = 5
"""Events in a row that must lie beyond a jump before it is believed."""


class EventClock:
    """Tells which ticks are due before an event is appended.

    A tick falls on each whole `every_ms` that event time reaches. Where nothing happens for so long that more than
    `_MOST_TICKS_IN_A_GAP` of them are due at once, they are spread evenly over the gap. Time never moves back.

    One wrong date must not silence everything that comes after it, so a jump of more than `JUMP_MS` is believed only
    when `_WITNESSES` events in a row lie beyond it, and then as far as the earliest of them.
    """

    def __init__(self, every_ms: int, clock_ms: int, witnesses: tuple[int, ...] = ()) -> None:
        """Go on from `clock_ms`, the time of the latest tick in the ledger (0 before the first), and `witnesses`."""
        self.every_ms = every_ms
        self.clock_ms = clock_ms
        self.witnesses = witnesses
        self.next_ms = 0
        """Events before this need no tick: the one thing that the hot path looks at."""
        self._look_ahead()

    def follow(self, at_ms: int) -> None:
        """Let an event at `at_ms` move time on, if it does."""
        if self.clock_ms and at_ms > self.clock_ms + JUMP_MS:
            self.witnesses += (at_ms,)
            if len(self.witnesses) < _WITNESSES:
                self._look_ahead()
                return
            at_ms = min(self.witnesses)
        self.witnesses = ()
        self.clock_ms = max(self.clock_ms, at_ms // self.every_ms * self.every_ms)
        self._look_ahead()

    def ticks_until(self, at_ms: int) -> list[int]:
        """Follow an event at `at_ms`; the times of the ticks that come before it, ascending."""
        before_ms = self.clock_ms
        self.follow(at_ms)
        reached_ms, every_ms = self.clock_ms, self.every_ms
        if reached_ms == before_ms:
            return []
        if not before_ms:
            return [reached_ms]
        gap = (reached_ms - before_ms + every_ms - 1) // every_ms
        step = -(-gap // _MOST_TICKS_IN_A_GAP) * every_ms
        return list(range(reached_ms, before_ms, -step))[::-1]

    def _look_ahead(self) -> None:
        # While there are witnesses every event counts: one that is not beyond the jump refutes them.
        self.next_ms = 0 if self.witnesses or not self.clock_ms else self.clock_ms + self.every_ms
