"""The metrics of a notifier. Endpoints are named by the endpoints file, everything else comes from closed sets."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from streams.webhooks.circuit import Standing
from streams.webhooks.outcome import Outcome
from streams.webhooks.records import Depth

FATES = ("queued", "unwanted", "repeated", "unreadable")
"""What became of a record of the alerts topic: unwanted passes no endpoint's filters."""
PARKED_FOR = ("attempts", "age", "disabled")
WITHHELD_FOR = ("cooldown", "capacity", "settled")
"""Why an endpoint is spared an alert: another one of rule and customer is too recent; it was not among the most urgent
until it was too old; it was over or answered before the endpoint was told of it."""
_ATTEMPT_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)


class NotifierMetrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self, endpoints: Iterable[str]) -> None:
        """Export what can be named beforehand at zero."""
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        # Records of the alerts topic, by what became of them.
        self.alerts = Counter("ebbwatch_notifier_alerts", "Alerts taken, by fate", ["fate"], registry=registry)
        # Records of the alerts topic that are there and not taken yet.
        self.lag = Gauge("ebbwatch_notifier_lag_records", "Alerts waiting in Kafka", registry=registry)
        # Alerts that retention deleted before they were taken: nobody is told of them.
        self.gap_records = Counter(
            "ebbwatch_notifier_gap_records", "Alerts deleted before they were taken", registry=registry
        )
        # Attempts by how they ended, streams.webhooks.outcome.Outcome.
        self.attempts = Counter(
            "ebbwatch_webhook_attempts", "Attempts, by outcome", ["endpoint", "outcome"], registry=registry
        )
        # Attempts that were not a delivery's first.
        self.retries = Counter("ebbwatch_webhook_retries", "Repeated attempts", ["endpoint"], registry=registry)
        # Deliveries given up, by why.
        self.parked = Counter(
            "ebbwatch_webhook_parked", "Deliveries given up, by reason", ["endpoint", "reason"], registry=registry
        )
        # Deliveries that are parked now.
        self.parked_now = Gauge(
            "ebbwatch_webhook_parked_deliveries", "Deliveries parked at present", ["endpoint"], registry=registry
        )
        # Alerts that an endpoint is spared, by why.
        self.withheld = Counter(
            "ebbwatch_webhook_withheld", "Alerts not delivered, by reason", ["endpoint", "reason"], registry=registry
        )
        # Alerts that wait for the next daily list, and when the last one was due.
        self.listed = Gauge(
            "ebbwatch_webhook_daily_list_waiting", "Alerts waiting for a daily list", ["endpoint"], registry=registry
        )
        self.list_made = Gauge(
            "ebbwatch_webhook_daily_list_timestamp_seconds",
            "When the last daily list was due",
            ["endpoint"],
            registry=registry,
        )
        # 1 in quiet hours: only what may break them is delivered, and only that counts as waiting since.
        self.quiet = Gauge("ebbwatch_webhook_quiet", "Endpoints in quiet hours", ["endpoint"], registry=registry)
        # Deliveries that wait for their turn or their next attempt, and since when the first of them does (0: none).
        self.depth = Gauge("ebbwatch_webhook_queue_deliveries", "Deliveries waiting", ["endpoint"], registry=registry)
        self.oldest = Gauge(
            "ebbwatch_webhook_oldest_waiting_timestamp_seconds",
            "When the delivery that waits longest was queued",
            ["endpoint"],
            registry=registry,
        )
        self.in_flight = Gauge("ebbwatch_webhook_in_flight", "Attempts under way", ["endpoint"], registry=registry)
        # 1 after the receiver has answered 410 Gone, until somebody resumes it.
        self.disabled = Gauge("ebbwatch_webhook_disabled", "Endpoints switched off", ["endpoint"], registry=registry)
        # 1 from too many failures in a row to the next success.
        self.circuit_open = Gauge(
            "ebbwatch_webhook_circuit_open", "Endpoints left alone", ["endpoint"], registry=registry
        )
        self.attempt_seconds = Histogram(
            "ebbwatch_webhook_attempt_seconds",
            "Seconds of an attempt",
            ["endpoint"],
            buckets=_ATTEMPT_BUCKETS_S,
            registry=registry,
        )
        for fate in FATES:
            self.alerts.labels(fate)
        for endpoint in endpoints:
            for outcome in Outcome:
                self.attempts.labels(endpoint, outcome.value)
            for reason in PARKED_FOR:
                self.parked.labels(endpoint, reason)
            for reason in WITHHELD_FOR:
                self.withheld.labels(endpoint, reason)
            self.saw_list(endpoint, 0, 0)
            for metric in (self.retries, self.attempt_seconds):
                metric.labels(endpoint)
            self.saw(Standing(name=endpoint), Depth(0, 0, 0), 0)

    def saw(self, standing: Standing, depth: Depth, in_flight: int, quiet: bool = False) -> None:
        """Set the gauges of an endpoint."""
        name = standing.name
        self.parked_now.labels(name).set(depth.parked)
        self.depth.labels(name).set(depth.waiting)
        self.oldest.labels(name).set(depth.oldest_ms / 1000)
        self.in_flight.labels(name).set(in_flight)
        self.disabled.labels(name).set(standing.disabled)
        self.circuit_open.labels(name).set(standing.half_open)
        self.quiet.labels(name).set(quiet)

    def saw_list(self, endpoint: str, waiting: int, made_ms: int) -> None:
        """Set what is known of an endpoint's daily list; 0 where there was none."""
        self.listed.labels(endpoint).set(waiting)
        self.list_made.labels(endpoint).set(made_ms / 1000)

    def saw_attempt(self, endpoint: str, outcome: Outcome, repeated: bool, seconds: float) -> None:
        """Count an attempt that has ended."""
        self.attempts.labels(endpoint, outcome.value).inc()
        self.attempt_seconds.labels(endpoint).observe(seconds)
        if repeated:
            self.retries.labels(endpoint).inc()
