"""Whether an endpoint may be sent anything now: disabled, left alone for a while, asked to wait, or open to all.

A dead endpoint must cost one attempt now and then, not one for each alert. So after some failures in a row the circuit
opens; once the time is over, a single delivery probes, and only its success lets the others go. What is known here is
kept (`streams.webhooks.queue`): a notifier that is killed and started again does not begin from the start.
"""

from random import Random

from msgspec import Struct


class CircuitRules(Struct, frozen=True):
    """Failures in a row that open the circuit, and how long it stays open: doubled each time, up to `most_s`."""

    failures: int
    first_s: float
    most_s: float


class Standing(Struct, kw_only=True):
    """How an endpoint stands. Times are Unix time in ms, 0 for never; `openings` counts since the last success.

    `worked_ms` is the last success. A failure of an attempt that began before it tells nothing newer: where most are
    answered at once and some hang, the failures of those that hang come in a row all the same.
    """

    name: str
    disabled_ms: int = 0
    failures: int = 0
    openings: int = 0
    open_until_ms: int = 0
    paused_until_ms: int = 0
    worked_ms: int = 0

    @property
    def disabled(self) -> bool:
        """Whether the receiver has said 410 Gone and nobody has resumed it since."""
        return self.disabled_ms > 0

    @property
    def half_open(self) -> bool:
        """Whether the next delivery is a probe."""
        return self.openings > 0

    def closed_to_all_until_ms(self) -> int:
        """Before this nothing may be sent, whatever is due."""
        return max(self.open_until_ms, self.paused_until_ms)

    def slots(self, now_ms: int, in_flight: int, most: int) -> int:
        """How many deliveries may begin now."""
        if self.disabled or now_ms < self.closed_to_all_until_ms():
            return 0
        if self.half_open:
            return 1 if in_flight == 0 else 0
        return max(most - in_flight, 0)

    def probe(self, until_ms: int) -> None:
        """Keep everything else back until the probe has its answer; should the process die, until `until_ms`."""
        self.open_until_ms = until_ms

    def works(self, now_ms: int) -> None:
        """The endpoint does what it should."""
        self.worked_ms = now_ms
        self.failures = self.openings = self.open_until_ms = 0

    def failed(self, begun_ms: int, now_ms: int, probe: bool, rules: CircuitRules, draw: Random) -> None:
        """An attempt that began at `begun_ms` failed; one that was under way when the circuit opened opens no other."""
        if begun_ms < self.worked_ms:
            return
        self.failures += 1
        if not probe and (self.half_open or self.failures < rules.failures):
            return
        self.openings += 1
        open_s = min(rules.first_s * 2.0 ** min(self.openings - 1, 30), rules.most_s)
        self.open_until_ms = now_ms + round(open_s * draw.uniform(0.5, 1.0) * 1000)

    def pause(self, until_ms: int) -> None:
        """The receiver asks to be left alone until then."""
        self.paused_until_ms = max(self.paused_until_ms, until_ms)

    def disable(self, now_ms: int) -> None:
        """The receiver does not want to hear from us any more."""
        self.disabled_ms = now_ms

    def resume(self) -> None:
        """Somebody has mended it: begin anew."""
        self.disabled_ms = self.failures = self.openings = self.open_until_ms = self.paused_until_ms = 0
