"""The metrics of a live worker, beside those of every run (`streams.metrics`). Label sets are closed."""

import logging
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streams.names import DEAD_LETTERS_TOPIC, EVENTS_TOPIC, FEED_TOPICS, STREAM_TOPICS

logger = logging.getLogger("ebbwatch.feeds")

_LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class LiveMetrics:
    """Registered with the registry of the process's `Metrics`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Export what can be named beforehand at zero."""
        # Ledger offset to read next, by shard, as this worker last committed it; only of shards it owns.
        self.position = Gauge("ebbwatch_live_position", "Ledger offset to read next", ["shard"], registry=registry)
        # Records of a topic that are there and not yet worked on, over the partitions that this worker owns.
        self.lag = Gauge("ebbwatch_live_lag_records", "Records waiting, by topic", ["topic"], registry=registry)
        self.partitions = Gauge("ebbwatch_live_partitions", "Partitions owned, by topic", ["topic"], registry=registry)
        # 1 when /readyz says yes.
        self.ready = Gauge("ebbwatch_live_ready", "Whether this worker is ready", registry=registry)
        # Ledger records handed over by Kafka that the store's position says are folded.
        self.records_skipped = Counter(
            "ebbwatch_live_records_skipped", "Ledger records below the position", registry=registry
        )
        # Commits refused because another worker had moved the shard.
        self.position_conflicts = Counter("ebbwatch_live_position_conflicts", "Commits refused", registry=registry)
        self.rewinds = Counter("ebbwatch_live_rewinds", "Consumer sent back to the position", registry=registry)
        # Records that retention deleted before they were folded: they are lost to the state.
        self.ledger_gap_records = Counter(
            "ebbwatch_live_ledger_gap_records", "Records deleted before they were folded", registry=registry
        )
        # Records of a feed that retention deleted before they were taken in: nobody has them any more.
        self.feed_gap_records = Counter(
            "ebbwatch_live_feed_gap_records", "Feed records deleted before they were taken in", registry=registry
        )
        self.store_errors = Counter("ebbwatch_live_store_errors", "Failed uses of the store", registry=registry)
        self.delivery_failures = Counter(
            "ebbwatch_live_delivery_failures", "Batches that a broker did not confirm", registry=registry
        )
        # Outputs and dead letters confirmed by the broker, by topic; repeats after a crash count again.
        self.delivered = Counter("ebbwatch_live_delivered", "Records delivered", ["topic"], registry=registry)
        # From the time a ledger record was appended to its commit, of the last record of each micro-batch.
        self.commit_delay = Histogram(
            "ebbwatch_live_commit_delay_seconds",
            "Append to commit",
            buckets=_LATENCY_BUCKETS_S,
            registry=registry,
        )
        for topic in (EVENTS_TOPIC, *FEED_TOPICS.values()):
            self.lag.labels(topic)
            self.partitions.labels(topic)
        for topic in (DEAD_LETTERS_TOPIC, *STREAM_TOPICS.values()):
            self.delivered.labels(topic)

    def saw_feed_gap(self, topic: str, partition: int, first_missing: int, first_there: int) -> None:
        """Say loudly that retention has deleted records of a feed that were not taken in."""
        self.feed_gap_records.inc(first_there - first_missing)
        logger.critical(
            "feed gap: retention has deleted records that were not taken in",
            extra={
                "fields": {
                    "topic": topic,
                    "partition": partition,
                    "first_missing": first_missing,
                    "first_there": first_there,
                }
            },
        )

    def saw_commit(self, appended_ms: int) -> None:
        """Note a commit whose last record was appended at `appended_ms` of the broker's or producer's clock."""
        self.commit_delay.observe(max(time.time() - appended_ms / 1000, 0.0))

    def saw_standings(self, topics: dict[str, tuple[int, int]]) -> None:
        """Set lag and number of partitions owned, by topic; a topic that is not named has none."""
        for topic in (EVENTS_TOPIC, *FEED_TOPICS.values()):
            waiting, partitions = topics.get(topic, (0, 0))
            self.lag.labels(topic).set(waiting)
            self.partitions.labels(topic).set(partitions)
