"""Metrics of the churn score as workers see it: who was scored, what was told, and by which model.

Those of the learner are in `streams.learner_metrics`.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from models.alerts import TIERS
from models.churn_records import BANDS, ScoreTold
from models.context import Output
from models.scoring_model import Scoring


class ChurnMetrics:
    """Registered beside those of `streams.metrics.Metrics`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Export what can be named beforehand at zero."""
        # How often a customer was scored.
        self.scored = Counter("ebbwatch_customers_scored", "Customers scored", registry=registry)
        # Scores that left the fold, by band and tier.
        self.told = Counter(
            "ebbwatch_scores_told", "Scores told, by band and tier", ["band", "tier"], registry=registry
        )
        # The model in force in each shard: its number (0: the cold one), how many labels it learnt, and up to when.
        self.number = Gauge(
            "ebbwatch_shard_model_number", "Number of the model in force; 0 is cold", ["shard"], registry=registry
        )
        self.learnt = Gauge("ebbwatch_shard_model_labels", "Labels learnt by it", ["shard"], registry=registry)
        self.until = Gauge(
            "ebbwatch_shard_model_until_timestamp_seconds",
            "Time of the latest label that it learnt",
            ["shard"],
            registry=registry,
        )
        for band in BANDS:
            for tier in TIERS:
                self.told.labels(band, tier)

    def saw_scores(self, shard: int, scored: int, outputs: Iterable[Output], scoring: Scoring | None) -> None:
        """Count what one micro-batch scored and told; `scoring` is None before the ledger has activated policies."""
        self.scored.inc(scored)
        for output in outputs:
            if isinstance(output.body, ScoreTold):
                self.told.labels(output.body.band, output.body.tier).inc()
        if scoring is not None:
            self.number.labels(str(shard)).set(scoring.number)
            self.learnt.labels(str(shard)).set(scoring.learnt)
            self.until.labels(str(shard)).set(scoring.until_ms / 1000)

    def forget(self, shard: int) -> None:
        """Stop speaking for a shard."""
        for gauge in (self.number, self.learnt, self.until):
            gauge.remove(str(shard))
