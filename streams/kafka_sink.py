"""The relay's sink on Kafka: outputs go to the partition of their shard, in order, confirmed before it returns."""

from collections.abc import Sequence

from streams.kafka_producer import BatchProducer, Outgoing
from streams.live_metrics import LiveMetrics
from streams.names import SEQUENCE_HEADER
from streams.stores.base import OutboxEntry

_CONTENT_TYPE = ("content-type", b"application/cloudevents+json")


class KafkaSink:
    """Implements `streams.relay.Sink`.

    The header `ebbwatch-sequence` numbers the outputs of a shard, which is the partition: a consumer that keeps the
    highest number seen of each partition drops every repeat exactly.
    """

    def __init__(self, producer: BatchProducer, live_metrics: LiveMetrics) -> None:
        """Deliver through `producer`."""
        self._producer = producer
        self._live = live_metrics

    async def deliver(self, shard: int, entries: Sequence[OutboxEntry]) -> None:
        """See `Sink.deliver`."""
        topics: dict[str, list[Outgoing]] = {}
        for entry in entries:
            sequence = (SEQUENCE_HEADER, str(entry.sequence).encode())
            topics.setdefault(entry.topic, []).append(
                Outgoing(entry.key.encode(), entry.body, [_CONTENT_TYPE, sequence])
            )
        for topic, records in topics.items():
            await self._producer.append(topic, {shard: records})
            self._live.delivered.labels(topic).inc(len(records))
