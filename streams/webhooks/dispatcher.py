"""Delivers in turns; each turn is one transaction, however many answers and attempts it holds.

A turn first enters what the attempts since the last turn came to, then begins what is due and may be sent. Only after
its commit are the attempts made. So a kill at any moment leaves attempts that count but may not have been made, never
the reverse.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from random import Random

from msgspec import structs

from streams.notifier_metrics import NotifierMetrics
from streams.webhooks.decisions import Attempt, Decisions, Lane, Way
from streams.webhooks.outcome import Outcome, Result
from streams.webhooks.queue import DeliveryQueue

logger = logging.getLogger("ebbwatch.webhooks")

_LOOK_S = 1.0
"""How often the file, which commands may have changed, is looked at."""
_GATHER_S = 0.005
"""Answers that come this close together share a transaction."""
_OLD_MS = 60_000
_PRUNE_MS = 3_600_000
_GAUGES_S = 2.0


class Dispatcher:
    """Delivers what the queue holds until it is told to stop."""

    def __init__(
        self,
        queue: DeliveryQueue,
        ways: Mapping[str, Way],
        metrics: NotifierMetrics,
        draw: Random,
        now_ms: Callable[[], int] = lambda: round(time.time() * 1000),
    ) -> None:
        """`draw` is the jitter, `now_ms` Unix time."""
        self._queue = queue
        self._lanes = {name: Lane(way) for name, way in ways.items()}
        self._decisions = Decisions(queue, metrics, draw)
        self._metrics = metrics
        self._now_ms = now_ms
        self._answers: list[tuple[Attempt, Result]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._awake = asyncio.Event()
        self._stopping = False
        self._pruned_ms = self._old_ms = 0
        self._gauges_s = float("-inf")

    def disabled(self) -> set[str]:
        """Endpoints that nothing is sent to until somebody resumes them."""
        return {name for name in self._lanes if self._queue.standing(name).disabled}

    def wake(self) -> None:
        """There may be something to do."""
        self._awake.set()

    def stop(self) -> None:
        """Begin no further attempts; `run` ends when those under way have ended."""
        self._stopping = True
        self._awake.set()

    async def run(self) -> None:
        """Deliver until `stop`; what goes wrong with the queue is raised."""
        try:
            while True:
                wait_s = self._turn()
                if self._stopping and not self._tasks and not self._answers:
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), wait_s)
                    await asyncio.sleep(_GATHER_S)
                self._awake.clear()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _turn(self) -> float:
        """One turn; how long there is nothing to do unless somebody wakes us, in seconds."""
        now_ms = self._now_ms()
        answers, self._answers = self._answers, []
        begun: list[Attempt] = []
        if answers or self._is_due(now_ms):
            with self._queue.change():
                before = {name: self._queue.standing(name) for name in self._lanes}
                standings = {name: structs.replace(standing) for name, standing in before.items()}
                for attempt, result in answers:
                    self._decisions.enter(attempt, result, standings[attempt.lane.name], now_ms)
                    attempt.lane.in_flight.discard(attempt.delivery.number)
                if not self._stopping:
                    for name, lane in self._lanes.items():
                        begun += self._decisions.begin(lane, standings[name], now_ms)
                for name, standing in standings.items():
                    if standing != before[name]:
                        self._queue.save(standing)
        for attempt in begun:
            self._send(attempt)
        self._look_after(now_ms)
        return self._idle_s(now_ms)

    def _is_due(self, now_ms: int) -> bool:
        due = [self._next_due_ms(lane, now_ms) for lane in self._lanes.values()]
        return not self._stopping and any(due_ms is not None and due_ms <= now_ms for due_ms in due)

    def _idle_s(self, now_ms: int) -> float:
        waits = [_LOOK_S]
        for lane in self._lanes.values():
            due_ms = self._next_due_ms(lane, now_ms)
            if due_ms is not None and due_ms > now_ms:
                waits.append((due_ms - now_ms) / 1000)
        return min(waits)

    def _next_due_ms(self, lane: Lane, now_ms: int) -> int | None:
        return self._queue.next_due_ms(lane.name, lane.quiet.breaks(now_ms))

    def _send(self, attempt: Attempt) -> None:
        attempt.lane.in_flight.add(attempt.delivery.number)
        task = asyncio.create_task(self._attempt(attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, attempt: Attempt) -> None:
        delivery, started_s = attempt.delivery, time.perf_counter()
        try:
            result = await attempt.lane.way.channel.send(delivery.webhook_id, delivery.body)
        except Exception:
            # What one receiver brings about must not end the deliveries to all others.
            logger.exception("an attempt failed in a way nobody thought of")
            result = Result(Outcome.FAILED)
        took_s = time.perf_counter() - started_s
        self._metrics.saw_attempt(attempt.lane.name, result.outcome, delivery.attempts > 0, took_s)
        self._answers.append((attempt, result))
        self._awake.set()

    def _look_after(self, now_ms: int) -> None:
        if now_ms - self._old_ms >= _OLD_MS:
            self._old_ms = now_ms
            with self._queue.change():
                for name, lane in self._lanes.items():
                    self._decisions.give_up_old(lane, self._queue.standing(name), now_ms)
        if now_ms - self._pruned_ms >= _PRUNE_MS:
            self._pruned_ms = now_ms
            forgotten = self._queue.prune(now_ms)
            if forgotten:
                logger.warning("parked deliveries are forgotten", extra={"fields": {"count": forgotten}})
        if time.monotonic() - self._gauges_s >= _GAUGES_S:
            self._gauges_s = time.monotonic()
            for name, lane in self._lanes.items():
                breaks = lane.quiet.breaks(now_ms)
                depth = self._queue.depth(name, breaks)
                self._metrics.saw(self._queue.standing(name), depth, len(lane.in_flight), breaks is not None)
