"""Appending to topics in whole batches, each acknowledged before the next one of its kind is sent.

Order without holes is what exactness rests on: a shard of the ledger drops a source offset that is not above the
highest it has seen. So a record may be in the log only if everything before it, of the same source and for the same
partition, is there too. Hence `append` packs records into explicit batches, keeps at most one of a call in flight for
each partition, and sends what failed again, in order, until it succeeds. The outcome of a failed batch is not known: it
may come twice, and is recognised.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

logger = logging.getLogger("ebbwatch.producer")

MAX_BATCH_BYTES = 524_288
"""Largest batch, before compression; topics must allow it (`ebbwatch topics check`)."""
_REQUEST_TIMEOUT_MS = 30_000
_REPORT_TIMEOUT_S = 40
"""A client that another delivery has thrown away may never report."""
_RETRY_MOST_S = 10.0


_NO_HEADERS: list[tuple[str, bytes]] = []


class Outgoing(NamedTuple):
    """One record on its way out."""

    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]] = _NO_HEADERS


class BatchProducer:
    """An idempotent producer with `acks=all` that outlives the brokers' absence.

    After a failed delivery the client is thrown away: its sequence numbers no longer fit what the broker has seen.
    """

    def __init__(self, options: Mapping[str, Any], failed: Callable[[], None] = lambda: None) -> None:
        """Connect as `options` say; `failed` is called at each delivery that did not succeed."""
        self._options = dict(options)
        self._failed = failed
        self._client: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._stopped = False

    async def start(self) -> None:
        """Connect; raises `KafkaError` when the brokers cannot be reached."""
        await self._connected()

    async def stop(self) -> None:
        """Close the connection; what was acknowledged is safe, nothing else is under way."""
        self._stopped = True
        await self._discard()

    async def append(self, topic: str, partitions: Mapping[int, Sequence[Outgoing]]) -> None:
        """Append `partitions` (records by partition) to `topic`; returns when all of them are acknowledged."""
        await asyncio.gather(
            *(self._append(topic, partition, records) for partition, records in partitions.items() if records)
        )

    async def _append(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        done, retry_s = 0, 0.1
        while done < len(records):
            client: AIOKafkaProducer | None = None
            try:
                client = await self._connected()
                batch, count = _packed(client, records, done)
                report = await client.send_batch(batch, topic, partition=partition)
                await asyncio.wait_for(report, _REPORT_TIMEOUT_S)
            except (TimeoutError, KafkaError, OSError) as error:
                if self._stopped:
                    raise
                self._failed()
                logger.warning(
                    "delivery failed, trying again", extra={"fields": {"topic": topic, "error": type(error).__name__}}
                )
                await self._discard(client)
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, _RETRY_MOST_S)
            else:
                done += count
                retry_s = 0.1

    async def _connected(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._client is None:
                client = AIOKafkaProducer(
                    **self._options,
                    acks="all",
                    enable_idempotence=True,
                    compression_type="zstd",
                    linger_ms=0,
                    max_batch_size=MAX_BATCH_BYTES,
                    max_request_size=2 * MAX_BATCH_BYTES,
                    request_timeout_ms=_REQUEST_TIMEOUT_MS,
                )
                try:
                    await client.start()
                except BaseException:
                    await client.stop()
                    raise
                self._client = client
            return self._client

    async def _discard(self, failed: AIOKafkaProducer | None = None) -> None:
        async with self._starting:
            client = self._client
            if client is None or (failed is not None and failed is not client):
                return  # another delivery has thrown it away already
            self._client = None
        try:
            await asyncio.wait_for(client.stop(), 5)
        except (TimeoutError, KafkaError, OSError):
            logger.info("the producer that failed was left as it is")


def _packed(client: AIOKafkaProducer, records: Sequence[Outgoing], start: int) -> tuple[Any, int]:
    """As many records from `start` on as one batch holds, and how many those are."""
    batch = client.create_batch()
    append = batch.append
    count = 0
    for key, value, headers in records[start:] if start else records:
        if append(timestamp=None, key=key, value=value, headers=headers) is None:
            break
        count += 1
    if not count:
        raise ValueError(f"a record of more than {MAX_BATCH_BYTES} bytes fits no batch")
    batch.close()
    return batch, count
