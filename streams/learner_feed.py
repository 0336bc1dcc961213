"""Takes examples from Kafka into a learner, in the order of their one partition, each batch durable before the next.

The learner's own position is where reading goes on; no consumer group takes part.
"""

import asyncio
import logging
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from models.context import Stream
from streams.learner_metrics import LearnerMetrics
from streams.learner_run import Arrived, LearnerRun
from streams.names import SEQUENCE_HEADER, SHARD_HEADER, STREAM_TOPICS

logger = logging.getLogger("ebbwatch.learner")

EXAMPLES_TOPIC: Final = STREAM_TOPICS[Stream.EXAMPLES]
_PLACE: Final = TopicPartition(EXAMPLES_TOPIC, 0)
_AT_ONCE: Final = 500
_POLL_MS: Final = 500
_NO_SHARD: Final = -1
_MOST: Final = (1 << 63) - 1
"""What SQLite holds: one number beyond it would end the learner, at every start again."""


class LearnerFeed:
    """Reads for one learner."""

    def __init__(self, consumer: AIOKafkaConsumer, run: LearnerRun, metrics: LearnerMetrics) -> None:
        """`consumer` is started, and has nothing assigned."""
        self._consumer = consumer
        self._run = run
        self._metrics = metrics
        self._placed = False
        self.assigned = 0
        self.lag = 0

    async def take(self) -> bool:
        """Wait a little for examples, and take those that come; whether there were any.

        Brokers that cannot be asked are waited for; raises what goes wrong with the learner's file.
        """
        try:
            if not self._placed:
                await self._place()
            found = await self._consumer.getmany(_PLACE, timeout_ms=_POLL_MS, max_records=_AT_ONCE)
        except OffsetOutOfRangeError:
            self._placed = False
            return False
        except KafkaError as error:
            logger.warning("examples cannot be read", extra={"fields": {"error": type(error).__name__}})
            await asyncio.sleep(1)
            return False
        records = found.get(_PLACE, [])
        position = self._run.store.position(EXAMPLES_TOPIC) or 0
        if records:
            position = records[-1].offset + 1
            # A foreign record has no place of its own: its offset stands in, so that it is looked at, and counted.
            self._run.take(EXAMPLES_TOPIC, position, [_arrived(record) for record in records])
        self.lag = max((self._consumer.highwater(_PLACE) or 0) - position, 0)
        self._metrics.lag.set(self.lag)
        return bool(records)

    async def _place(self) -> None:
        """Seek to what is to be read next."""
        self._consumer.assign([_PLACE])
        first = (await self._consumer.beginning_offsets([_PLACE]))[_PLACE]
        end = (await self._consumer.end_offsets([_PLACE]))[_PLACE]
        position = self._run.store.position(EXAMPLES_TOPIC)
        if position is None:
            position = first
        elif position < first:
            self._say_gap("retention has deleted examples that were not learnt", position, first)
            self._metrics.gap_records.inc(first - position)
            position = first
        elif position > end:
            self._say_gap("the topic ends before what was taken: made anew?", position, end)
            position = first
        self._consumer.seek(_PLACE, position)
        self._run.take(EXAMPLES_TOPIC, position, [])
        self._placed, self.assigned = True, 1

    @staticmethod
    def _say_gap(what: str, position: int, there: int) -> None:
        logger.critical("examples gap: %s", what, extra={"fields": {"position": position, "there": there}})


def _arrived(record: Any) -> Arrived:
    headers = dict(record.headers)
    body = record.value or b""
    try:
        shard, sequence = int(headers[SHARD_HEADER]), int(headers[SEQUENCE_HEADER])
    except (KeyError, TypeError, ValueError):  # Kafka lets a header have no value
        shard = sequence = _NO_SHARD
    if 0 <= shard <= _MOST and 0 <= sequence <= _MOST:
        return Arrived(shard, sequence, body)
    return Arrived(_NO_SHARD, record.offset + 1, body)
