"""The relay's sink on Kafka: outputs go to the partition of their shard, in order, confirmed before it returns.

Those whose topic has one partition go there, shard by shard in order, with the shard in a header.
"""

from collections.abc import Sequence

from streams.kafka_producer import BatchProducer, Outgoing
from streams.live_metrics import LiveMetrics
from streams.names import ONE_PARTITION_TOPICS, SEQUENCE_HEADER, SHARD_HEADER
from streams.stores.base import OutboxEntry

_CONTENT_TYPE = ("content-type", b"application/cloudevents+json")


class KafkaSink:
    """Implements `streams.relay.Sink`.

    The header `ebbwatch-sequence` numbers the outputs of a shard, which is the partition, or what the header
    `ebbwatch-shard` says: a consumer that keeps the highest number seen of each shard drops every repeat exactly.
    """

    def __init__(self, producer: BatchProducer, live_metrics: LiveMetrics) -> None:
        """Deliver through `producer`."""
        self._producer = producer
        self._live = live_metrics

    async def deliver(self, shard: int, entries: Sequence[OutboxEntry]) -> None:
        """See `Sink.deliver`."""
        topics: dict[str, list[Outgoing]] = {}
        for entry in entries:
            headers = [_CONTENT_TYPE, (SEQUENCE_HEADER, str(entry.sequence).encode())]
            if entry.topic in ONE_PARTITION_TOPICS:
                headers.append((SHARD_HEADER, str(shard).encode()))
            topics.setdefault(entry.topic, []).append(Outgoing(entry.key.encode(), entry.body, headers))
        for topic, records in topics.items():
            await self._producer.append(topic, {0 if topic in ONE_PARTITION_TOPICS else shard: records})
            self._live.delivered.labels(topic).inc(len(records))
