"""When a record may leave, so that recorded events can be watched as if they happened now, only faster."""

from streams.ticking import JUMP_MS, EventClock

_RESOLUTION_MS = 1000


class Pace:
    """Paces by event time (`speed` seconds of it in one of ours), by count (`rate` a second), by both or by neither.

    A record that is older than the one before it leaves at once, one wrong date holds nothing up, and a silence of
    more than two days is skipped.
    """

    def __init__(self, speed: float | None = None, rate: float | None = None) -> None:
        """No `speed`, no `rate`: as fast as it goes."""
        self._speed = speed
        self._rate = rate
        self._clock = EventClock(_RESOLUTION_MS, 0)
        self._start_ms = 0
        self._count = 0

    @property
    def clock_ms(self) -> int:
        """The event time reached; 0 where it is not followed."""
        return self._clock.clock_ms

    def due_s(self, at_ms: int) -> float:
        """How many seconds after the first record the next one may leave; `at_ms` is its event time, 0 if unknown."""
        due_s = 0.0
        if self._rate is not None:
            due_s = self._count / self._rate
            self._count += 1
        if self._speed is not None:
            if at_ms and at_ms >= self._clock.next_ms:
                self._follow(at_ms)
            due_s = max(due_s, (self._clock.clock_ms - self._start_ms) / 1000 / self._speed)
        return due_s

    def _follow(self, at_ms: int) -> None:
        before_ms = self._clock.clock_ms
        self._clock.follow(at_ms)
        moved_ms = self._clock.clock_ms - before_ms
        if not before_ms or moved_ms > JUMP_MS:
            self._start_ms += moved_ms
