"""Appending to topics in whole batches, each acknowledged before the next one of its kind is sent.

Order without holes is what exactness rests on: a shard of the ledger drops a source offset that is not above the
highest it has seen. So a record may be in the log only if everything before it, of the same source and for the same
partition, is there too. Hence `append` packs records into explicit batches, keeps at most one of a call in flight for
each partition, and sends what failed again, in order, until it succeeds. The outcome of a failed batch is not known: it
may come twice, and is recognised.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed

logger = logging.getLogger("ebbwatch.producer")

MAX_BATCH_BYTES = 524_288
"""Largest batch, before compression; topics must allow it (`ebbwatch topics check`)."""
_REQUEST_TIMEOUT_MS = 30_000
_REPORT_TIMEOUT_S = 40
_FLUSH_S = 5
"""How long a client that has failed may go on with what it was given."""
_RETRY_MOST_S = 2.0


_NO_HEADERS: list[tuple[str, bytes]] = []
T = TypeVar("T")


class Outgoing(NamedTuple):
    """One record on its way out."""

    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]] = _NO_HEADERS


class _Gone(Exception):
    """The client was thrown away while a delivery was under way."""


class _Link:
    """One client; `gone` is done when it has been thrown away, and nobody should wait for it any longer."""

    def __init__(self, client: AIOKafkaProducer) -> None:
        self.client = client
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait(self, step: Awaitable[T]) -> T:
        """The outcome of `step`; raises `_Gone`, or `TimeoutError` when it takes too long."""
        task = asyncio.ensure_future(step)
        try:
            either: set[asyncio.Future[Any]] = {task, self.gone}
            await asyncio.wait(either, timeout=_REPORT_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise _Gone if self.gone.done() else TimeoutError
        finally:
            task.cancel()


class BatchProducer:
    """An idempotent producer with `acks=all` that outlives the brokers' absence.

    After a failed delivery the client is thrown away: its sequence numbers no longer fit what the broker has seen. All
    other deliveries that wait for it are begun again with the next one, since an old client may never report.
    """

    def __init__(self, options: Mapping[str, Any], failed: Callable[[], None] = lambda: None) -> None:
        """Connect as `options` say; `failed` is called at each delivery that did not succeed."""
        self._options = dict(options)
        self._failed = failed
        self._link: _Link | None = None
        self._starting = asyncio.Lock()
        self._turns: dict[tuple[str, int], asyncio.Lock] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def start(self) -> None:
        """Connect; raises `KafkaError` when the brokers cannot be reached."""
        await self._connected()

    async def stop(self) -> None:
        """Close the connection; what was acknowledged is safe, nothing else is under way."""
        self._stopped = True
        self._discard(self._link)
        await asyncio.gather(*self._leaving)

    async def append(self, topic: str, partitions: Mapping[int, Sequence[Outgoing]]) -> None:
        """Append `partitions` (records by partition) to `topic`; returns when all of them are acknowledged."""
        await asyncio.gather(
            *(self._append(topic, partition, records) for partition, records in partitions.items() if records)
        )

    async def _append(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        done, retry_s = 0, 0.1
        while done < len(records):
            link: _Link | None = None
            try:
                link = await self._connected()
                batch, count = _packed(link.client, records, done)
                report = await link.wait(self._enqueue(link, batch, topic, partition))
                await link.wait(report)
            except _Gone:
                if self._stopped:
                    raise KafkaError("the producer has been stopped") from None
                self._failed()
            except (TimeoutError, KafkaError, OSError) as error:
                if self._stopped:
                    raise
                self._failed()
                logger.warning(
                    "delivery failed, trying again", extra={"fields": {"topic": topic, "error": type(error).__name__}}
                )
                self._discard(link)
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, _RETRY_MOST_S)
            else:
                done += count
                retry_s = 0.1

    async def _enqueue(self, link: _Link, batch: Any, topic: str, partition: int) -> Awaitable[Any]:
        # One after the other: of several that wait for a place in its queue, aiokafka lets some run out of time early.
        async with self._turns.setdefault((topic, partition), asyncio.Lock()):
            report: Awaitable[Any] = await link.client.send_batch(batch, topic, partition=partition)
            return report

    async def _connected(self) -> _Link:
        async with self._starting:
            if self._link is None:
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
                self._link = _Link(client)
            return self._link

    def _discard(self, link: _Link | None) -> None:
        if link is None or link.gone.done():
            return  # another delivery has thrown it away already
        if link is self._link:
            self._link = None
        link.gone.set_result(None)
        leaving = asyncio.create_task(_leave(link.client), name="producer leaves")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)


async def _leave(client: AIOKafkaProducer) -> None:
    """End a client; one that cannot get rid of what it was given is cut off, lest it try for ever."""
    try:
        await asyncio.wait_for(client.stop(), _FLUSH_S)
    except (TimeoutError, KafkaError, OSError):
        logger.info("a producer that failed is cut off")
        await client.client.close()
        sender = client._sender.sender_task
        sender.cancel()
        await asyncio.wait({sender}, timeout=_FLUSH_S)
        client._message_accumulator.fail_all(ProducerClosed())


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
