"""What reaches an endpoint at once, what waits for its daily list, and what it is spared. Nothing is sent here.

Everything happens inside the transaction of the queue that takes an alert in, or makes a list. What is decided depends
on the alerts and the times that they speak of, not on when they were read: a notifier that catches up spares the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from config.delivery_wishes import DailyTop
from config.endpoints import Endpoint
from models.alerts import SEVERITIES
from streams.notifier_metrics import NotifierMetrics
from streams.webhooks.alert_memory import AlertMemory
from streams.webhooks.records import PRESSING, AlertFacts, Listed, Taken

_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000


class Gate:
    """The wishes of all endpoints, applied to alerts; an endpoint without wishes gets everything at once."""

    def __init__(
        self,
        memory: AlertMemory,
        endpoints: Iterable[Endpoint],
        metrics: NotifierMetrics,
    ) -> None:
        """Remember in `memory`, count in `metrics`."""
        self._memory = memory
        self._metrics = metrics
        self._tops = {one.name: one.daily_top for one in endpoints if one.daily_top is not None}
        self._cooldowns_ms = {
            one.name: {rule: round(hours * _HOUR_MS) for rule, hours in one.cooldown_hours.items()} for one in endpoints
        }

    def passed(self, alert: Taken, now_ms: int) -> Mapping[str, bytes]:
        """The endpoints that an alert goes to now, with its body; what is kept back for a list is in the memory."""
        facts = alert.facts
        if facts is None:
            return alert.bodies
        for endpoint, body in alert.revised.items():
            self._revise(endpoint, alert, facts, body, now_ms)
        return {
            endpoint: body
            for endpoint, body in alert.bodies.items()
            if self._passes(endpoint, alert, facts, body, now_ms)
        }

    def _passes(self, endpoint: str, alert: Taken, facts: AlertFacts, body: bytes, now_ms: int) -> bool:
        top = self._tops.get(endpoint)
        if top is None and facts.rule not in self._cooldowns_ms[endpoint]:
            return True
        heard = self._memory.heard(endpoint, facts.alert_id)
        if facts.state in PRESSING and top is not None and facts.rule in top.rules and not heard:
            self._memory.wait_for_list(endpoint, alert, facts, body)
            return False
        waited = self._memory.unlist(endpoint, facts.alert_id)
        if facts.state not in PRESSING:
            if waited or heard is False:
                self._withhold(endpoint, facts.alert_id, "settled", now_ms)
                return False
            return True
        return self._tell(endpoint, facts.alert_id, facts.rule, alert.chain, facts.severity, facts.at_ms, now_ms)

    def _revise(self, endpoint: str, alert: Taken, facts: AlertFacts, body: bytes | None, now_ms: int) -> None:
        if not self._memory.is_listed(endpoint, facts.alert_id):
            return
        if body is not None:
            self._memory.wait_for_list(endpoint, alert, facts, body)
        else:
            self._memory.unlist(endpoint, facts.alert_id)
            self._withhold(endpoint, facts.alert_id, "settled", now_ms)

    def _tell(
        self, endpoint: str, alert_id: str, rule: str, chain: bytes, severity: str, at_ms: int, now_ms: int
    ) -> bool:
        """Whether an endpoint is told: not while the rule cools down for the customer, unless this one is worse."""
        cooldown_ms = self._cooldowns_ms[endpoint].get(rule, 0)
        last = self._memory.last_told(endpoint, rule, chain) if cooldown_ms else None
        if last is not None and at_ms - last[1] < cooldown_ms and not is_worse(severity, last[0]):
            self._withhold(endpoint, alert_id, "cooldown", now_ms)
            return False
        if cooldown_ms:
            self._memory.tell(endpoint, rule, chain, severity, at_ms, now_ms)
        self._memory.remember(endpoint, alert_id, True, now_ms)
        return True

    def _withhold(self, endpoint: str, alert_id: str, reason: str, now_ms: int) -> None:
        self._memory.remember(endpoint, alert_id, False, now_ms)
        self._metrics.withheld.labels(endpoint, reason).inc()

    def make_list(self, endpoint: str, due_ms: int, now_ms: int, send: Callable[[Listed], None]) -> int:
        """Hand the list that was due at `due_ms` to `send`, the most urgent first; how many that were.

        What has waited too long is dropped, the others wait for the next list.
        """
        top = self._tops[endpoint]
        sent = 0
        for alert in ranked(self._memory.listed(endpoint)):
            if is_stale(alert, top, due_ms):
                self._memory.unlist(endpoint, alert.alert_id)
                self._withhold(endpoint, alert.alert_id, "capacity", now_ms)
            elif sent < top.k:
                sent += self.release(endpoint, alert, now_ms, send)
        self._memory.list_made(endpoint, due_ms)
        return sent

    def release(self, endpoint: str, alert: Listed, now_ms: int, send: Callable[[Listed], None]) -> bool:
        """Let an alert wait no longer: to `send`, unless its rule cools down for the customer; whether it went."""
        self._memory.unlist(endpoint, alert.alert_id)
        told = self._tell(endpoint, alert.alert_id, alert.rule, alert.chain, alert.severity, alert.at_ms, now_ms)
        if told:
            send(alert)
        return told


def ranked(alerts: Sequence[Listed]) -> list[Listed]:
    """In the order in which they should be worked on: by score, then by what there is to lose, then always the same."""
    return sorted(alerts, key=lambda alert: (-alert.score, -alert.value, alert.alert_id))


def is_stale(alert: Listed, top: DailyTop, due_ms: int) -> bool:
    """Whether it was last reported too long before a list."""
    return due_ms - alert.at_ms > top.keep_days * _DAY_MS


def is_worse(severity: str, than: str) -> bool:
    """Whether one severity stands above another; one that nobody knows does not."""
    if severity not in SEVERITIES or than not in SEVERITIES:
        return False
    return SEVERITIES.index(severity) > SEVERITIES.index(than)
