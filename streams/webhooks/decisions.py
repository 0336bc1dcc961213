"""What a turn decides: what an answer means for its delivery and endpoint, and which deliveries begin.

Everything here happens inside one transaction of the queue, and nothing is sent.
"""

import logging
from random import Random

from msgspec import Struct

from config.endpoints import Endpoint
from streams.notifier_metrics import NotifierMetrics
from streams.webhooks.backoff import Backoff
from streams.webhooks.circuit import CircuitRules, Standing
from streams.webhooks.outcome import Channel, Outcome, Result
from streams.webhooks.queue import DeliveryQueue
from streams.webhooks.records import Delivery
from streams.webhooks.wall_clock import Quiet

logger = logging.getLogger("ebbwatch.webhooks")

SURE_MS = 1000
"""An attempt that a crash cuts off is not repeated before its time limit is over, and a little."""
NOT_KNOWN = "not known"
"""What is kept of a last attempt that a crash cut off."""


class Way(Struct, frozen=True):
    """An endpoint and the channel to it; `limit_s` is how long an attempt can take."""

    endpoint: Endpoint
    channel: Channel
    limit_s: float


class Lane:
    """What is under way to one endpoint, and its rules."""

    def __init__(self, way: Way) -> None:
        """Nothing is under way."""
        endpoint = way.endpoint
        self.way = way
        self.name = endpoint.name
        self.in_flight: set[int] = set()
        self.attempts = endpoint.attempts
        self.backoff = Backoff(endpoint.backoff_first_s, endpoint.backoff_most_s)
        self.circuit = CircuitRules(endpoint.circuit_failures, endpoint.circuit_first_s, endpoint.circuit_most_s)
        self.give_up_ms = round(endpoint.give_up_after_h * 3_600_000)
        self.quiet = Quiet(endpoint.quiet_hours)


class Attempt(Struct, frozen=True):
    """A delivery that is sent now; a probe is the only one to an endpoint that has failed."""

    lane: Lane
    delivery: Delivery
    probe: bool
    begun_ms: int


class Decisions:
    """Decides by the queue and how endpoints stand; `draw` is the jitter."""

    def __init__(self, queue: DeliveryQueue, metrics: NotifierMetrics, draw: Random) -> None:
        """Write to `queue`, within its transaction."""
        self._queue = queue
        self._metrics = metrics
        self._draw = draw

    def enter(self, attempt: Attempt, result: Result, standing: Standing, now_ms: int) -> None:
        """Enter what an attempt came to."""
        lane, delivery = attempt.lane, attempt.delivery
        if result.outcome is Outcome.DELIVERED:
            standing.works(now_ms)
            self._queue.delivered(delivery.number)
        elif result.outcome is Outcome.GONE:
            self._disable(lane, standing, now_ms)
        elif standing.disabled:  # it was under way when another one was told 410, and is parked
            self._queue.retry(delivery.number, now_ms, result.text)
        else:
            self._failed(attempt, result, standing, now_ms)

    def _failed(self, attempt: Attempt, result: Result, standing: Standing, now_ms: int) -> None:
        lane, delivery = attempt.lane, attempt.delivery
        number = delivery.attempts + 1
        delay_ms = self._delay_ms(lane, number)
        asked_ms = round((result.retry_after_s or 0) * 1000)
        if result.outcome is Outcome.THROTTLED:
            standing.pause(now_ms + (asked_ms or delay_ms))
            if attempt.probe:
                standing.works(now_ms)  # it lives, and says when
        else:
            standing.failed(attempt.begun_ms, now_ms, attempt.probe, lane.circuit, self._draw)
            standing.pause(now_ms + asked_ms if asked_ms else 0)
        if number >= lane.attempts:
            self._park(lane, delivery, now_ms, "attempts", result.text)
        elif now_ms - delivery.queued_ms > lane.give_up_ms:
            self._park(lane, delivery, now_ms, "age", result.text)
        else:
            self._queue.retry(delivery.number, now_ms + max(delay_ms, asked_ms), result.text)

    def begin(self, lane: Lane, standing: Standing, now_ms: int) -> list[Attempt]:
        """Count the attempts that are made now."""
        begun: list[Attempt] = []
        in_flight = len(lane.in_flight)
        slots = standing.slots(now_ms, in_flight, lane.way.endpoint.max_in_flight)
        if slots == 0:
            return begun
        for delivery in self._queue.due(lane.name, now_ms, slots + in_flight, lane.quiet.breaks(now_ms)):
            if delivery.number in lane.in_flight or len(begun) == slots:
                continue
            if delivery.attempts >= lane.attempts:
                self._park(lane, delivery, now_ms, "attempts", NOT_KNOWN)
                continue
            limit_ms = round(lane.way.limit_s * 1000) + SURE_MS
            self._queue.begin(delivery.number, now_ms + limit_ms + self._delay_ms(lane, delivery.attempts + 1))
            begun.append(Attempt(lane, delivery, standing.half_open, now_ms))
        if begun and standing.half_open:
            standing.probe(now_ms + limit_ms + round(lane.circuit.first_s * 1000))
        return begun

    def give_up_old(self, lane: Lane, standing: Standing, now_ms: int) -> None:
        """Park what has waited too long for an endpoint that does not answer; else its queue would only grow."""
        if standing.half_open and not lane.in_flight:
            parked = self._queue.park_older(lane.name, now_ms - lane.give_up_ms, now_ms, "endpoint is down")
            self._metrics.parked.labels(lane.name, "age").inc(parked)

    def _delay_ms(self, lane: Lane, number: int) -> int:
        return round(lane.backoff.delay_s(number, self._draw) * 1000)

    def _disable(self, lane: Lane, standing: Standing, now_ms: int) -> None:
        standing.disable(now_ms)
        parked = self._queue.park_all(lane.name, now_ms, "disabled")
        self._metrics.parked.labels(lane.name, "disabled").inc(parked)
        logger.error(
            "an endpoint answers 410 Gone: nothing is sent to it until `ebbwatch webhooks resume`",
            extra={"fields": {"endpoint": lane.name, "parked": parked}},
        )

    def _park(self, lane: Lane, delivery: Delivery, now_ms: int, reason: str, last: str) -> None:
        self._queue.park(delivery.number, now_ms, last)
        self._metrics.parked.labels(lane.name, reason).inc()
        fields = {"endpoint": lane.name, "webhook_id": delivery.webhook_id, "reason": reason, "last": last}
        logger.warning("a delivery is given up", extra={"fields": fields})
