"""Makes the daily lists when they are due: one transaction each, so a list is made once or not at all.

A list waits for the alerts that Kafka holds: after a night in which no notifier ran, what came in it competes too. But
not for ever, since without Kafka there would be no list at all.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable

from config.endpoints import Endpoint
from streams.notifier_metrics import NotifierMetrics
from streams.webhooks.gate import Gate, ranked
from streams.webhooks.queue import DeliveryQueue
from streams.webhooks.records import Listed
from streams.webhooks.wall_clock import Timetable

logger = logging.getLogger("ebbwatch.webhooks")

_LOOK_S = 0.5
PATIENCE_MS = 600_000
"""How long a list that is due waits for alerts that are known to be there and cannot be read."""


class DailyLists:
    """The lists of all endpoints that want any."""

    def __init__(
        self,
        queue: DeliveryQueue,
        gate: Gate,
        endpoints: Iterable[Endpoint],
        metrics: NotifierMetrics,
        disabled: Callable[[], Collection[str]],
        now_ms: Callable[[], int] = lambda: round(time.time() * 1000),
    ) -> None:
        """Make none yet; for endpoints that are `disabled` a list is parked."""
        self._queue = queue
        self._gate = gate
        self._metrics = metrics
        self._disabled = disabled
        self._now_ms = now_ms
        self._timetables: dict[str, Timetable] = {}
        self._plain: list[str] = []
        for endpoint in endpoints:
            if endpoint.daily_top is None:
                self._plain.append(endpoint.name)
            else:
                self._timetables[endpoint.name] = Timetable(endpoint.daily_top)
        self._since_ms = now_ms()

    def begin(self) -> None:
        """Know from when on lists are due; what waits for an endpoint that wants no list any more goes at once."""
        now_ms = self._now_ms()
        with self._queue.change():
            for name, timetable in self._timetables.items():
                if self._queue.memory.last_list_ms(name) is None:
                    self._queue.memory.list_made(name, timetable.last_due_ms(now_ms))
            for name in self._plain:
                for alert in ranked(self._queue.memory.listed(name)):
                    self._gate.release(name, alert, now_ms, self._sender(name, now_ms))
        self._show()

    def make_due(self, caught_up: bool) -> int:
        """Make the lists that are due; how many deliveries that were."""
        now_ms = self._now_ms()
        sent = 0
        for name, timetable in self._timetables.items():
            due_ms = timetable.last_due_ms(now_ms)
            if due_ms <= (self._queue.memory.last_list_ms(name) or 0):
                continue
            if not caught_up and now_ms - max(due_ms, self._since_ms) < PATIENCE_MS:
                continue
            with self._queue.change():
                made = self._gate.make_list(name, due_ms, now_ms, self._sender(name, now_ms))
            left = self._queue.memory.listed_count(name)
            fields = {"endpoint": name, "deliveries": made, "left": left}
            logger.info("a daily list is made", extra={"fields": fields})
            sent += made
        self._show()
        return sent

    async def run(self, caught_up: Callable[[], bool], wake: Callable[[], None]) -> None:
        """Make lists for ever; `wake` is called when there is something to deliver."""
        while True:
            if self.make_due(caught_up()):
                wake()
            await asyncio.sleep(_LOOK_S)

    def _sender(self, endpoint: str, now_ms: int) -> Callable[[Listed], None]:
        parked = endpoint in self._disabled()

        def send(alert: Listed) -> None:
            self._queue.add(endpoint, alert.webhook_id, alert.chain, alert.severity, alert.body, now_ms, parked)
            if parked:
                self._metrics.parked.labels(endpoint, "disabled").inc()

        return send

    def _show(self) -> None:
        for name in self._timetables:
            made_ms = self._queue.memory.last_list_ms(name) or 0
            self._metrics.saw_list(name, self._queue.memory.listed_count(name), made_ms)
