"""Every metric, by name, in one place. Labels come from closed sets; nothing of a customer is ever one.

`streams.churn_metrics` has those of the churn score, `streams.complaint_metrics` those of complaint clocks,
`streams.live_metrics` those of a live worker.
"""

from collections.abc import Mapping
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from models.alert_feedback import RULE as FEEDBACK_RULE
from models.alerts import ALERT_STATES, SEVERITIES, TIERS, Alert
from models.complaints import CASE_RULE
from models.context import Fate, Reason
from models.fold import RULES
from models.labels import RULE as LABEL_RULE
from streams.churn_metrics import ChurnMetrics
from streams.codecs import Refusal
from streams.complaint_metrics import ComplaintMetrics
from streams.processor import BatchReport

_PARTS = ("load", "fold", "commit")
_BATCH_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        """Export what can be named beforehand at zero, so that a rate exists before the first event."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        # Feed records accepted into the ledger.
        self.accepted = Counter("ebbwatch_feed_records_accepted", "Feed records accepted", registry=self.registry)
        # Accepted records days older than the clock: they hardly raise anything any more.
        self.behind_the_clock = Counter(
            "ebbwatch_feed_records_behind_the_clock", "Records days older than the clock", registry=self.registry
        )
        # Feed records refused, by streams.codecs.Refusal.
        self.dead_letters = Counter(
            "ebbwatch_dead_letters", "Feed records refused, by reason", ["reason"], registry=self.registry
        )
        # Ledger records by what became of them, models.context.Fate.
        self.ledger_records = Counter(
            "ebbwatch_ledger_records", "Ledger records, by what became of them", ["fate"], registry=self.registry
        )
        # Decisions of rules, by models.context.Reason.
        self.decisions = Counter(
            "ebbwatch_rule_decisions", "Decisions of rules, by reason", ["rule", "reason"], registry=self.registry
        )
        # Alert revisions that left the fold; the tier is the customer's at that time.
        self.alerts = Counter(
            "ebbwatch_alerts", "Alert revisions", ["rule", "state", "severity", "tier"], registry=self.registry
        )
        # Alerts that are open, over the shards that this process owns.
        self.open_alerts = Gauge("ebbwatch_open_alerts", "Open alerts, by rule", ["rule"], registry=self.registry)
        # Outputs that are committed and not yet delivered, of the shards that this process owns.
        self.outbox = Gauge("ebbwatch_outbox_records", "Outputs waiting, by shard", ["shard"], registry=self.registry)
        self._open_alerts: dict[int, Mapping[str, int]] = {}
        # Seconds that a micro-batch spent in each part.
        self.batch_seconds = Histogram(
            "ebbwatch_batch_seconds",
            "Seconds of a micro-batch, by part",
            ["part"],
            buckets=_BATCH_BUCKETS_S,
            registry=self.registry,
        )
        self.batch_records = Counter("ebbwatch_batch_records", "Ledger records in batches", registry=self.registry)
        # Customers that a batch had to read from the store, and those that it changed.
        self.customers_loaded = Counter(
            "ebbwatch_customers_loaded", "Customers not found in the cache", registry=self.registry
        )
        self.customers_changed = Counter(
            "ebbwatch_customers_changed", "Customers written by commits", registry=self.registry
        )
        # Where each shard stands: the ledger offset to read next, and its time.
        self.position = Gauge(
            "ebbwatch_shard_position", "Ledger offset to read next", ["shard"], registry=self.registry
        )
        self.clock = Gauge(
            "ebbwatch_shard_clock_timestamp_seconds",
            "Time of the shard's latest tick",
            ["shard"],
            registry=self.registry,
        )
        for reason in Refusal:
            self.dead_letters.labels(reason.value)
        for fate in Fate:
            self.ledger_records.labels(fate.value)
        for part in _PARTS:
            self.batch_seconds.labels(part)
        self.complaints = ComplaintMetrics(self.registry)
        for rule in (*RULES, CASE_RULE, FEEDBACK_RULE, LABEL_RULE):
            for decision in Reason:
                self.decisions.labels(rule, decision.value)
        for labels in product(RULES, ALERT_STATES, SEVERITIES, TIERS):
            self.alerts.labels(*labels)
        self.churn = ChurnMetrics(self.registry)
        self._show_open_alerts()

    def saw_batch(self, shard: int, report: BatchReport, clock_ms: int) -> None:
        """Count one committed micro-batch."""
        for fate, count in report.fates.items():
            self.ledger_records.labels(fate.value).inc(count)
        for (rule, reason), count in report.decisions.items():
            self.decisions.labels(rule, reason.value).inc(count)
        for output in report.outputs:
            if isinstance(output.body, Alert):
                alert = output.body
                self.alerts.labels(alert.rule, alert.state, alert.severity, alert.tier).inc()
        self.complaints.saw_promises(shard, report.promises)
        self.complaints.saw_clocks(report.clocks, report.used)
        self.churn.saw_scores(shard, report.scored, report.outputs, report.scoring)
        self.batch_records.inc(report.records)
        self.customers_loaded.inc(report.customers_loaded)
        self.customers_changed.inc(report.customers_changed)
        for part, seconds in zip(_PARTS, (report.load_s, report.fold_s, report.commit_s), strict=True):
            self.batch_seconds.labels(part).observe(seconds)
        self.position.labels(str(shard)).set(report.position)
        self.clock.labels(str(shard)).set(clock_ms / 1000)

    def saw_backlog(self, shard: int, open_alerts: Mapping[str, int], waiting: int) -> None:
        """Take over what the store holds of an owned shard: open alerts by rule, outputs that wait."""
        self._open_alerts[shard] = open_alerts
        self._show_open_alerts()
        self.outbox.labels(str(shard)).set(waiting)

    def _show_open_alerts(self) -> None:
        for rule in RULES:
            self.open_alerts.labels(rule).set(sum(counts[rule] for counts in self._open_alerts.values()))

    def forget(self, shard: int) -> None:
        """Stop speaking for a shard that another process speaks for now."""
        self._open_alerts.pop(shard, None)
        self._show_open_alerts()
        self.outbox.remove(str(shard))
        self.position.remove(str(shard))
        self.clock.remove(str(shard))
        self.complaints.forget(shard)
        self.churn.forget(shard)
