"""The load: a thread that publishes to the feeds without end, and holds still when it is told to."""

import asyncio
import threading
import time
from collections import Counter
from typing import Any

from streams.kafka_producer import BatchProducer, Outgoing
from tests.chaos.bank import Bank, Published

_EVERY_S = 0.05
_HOLD_S = 120.0


class Load:
    """Publishes what `bank` makes, `rate` records a second; a broker that is away is waited for.

    `confirmed` counts, by feed and partition, the records whose delivery the broker has acknowledged.
    """

    def __init__(self, bank: Bank, client_options: dict[str, Any], rate: int) -> None:
        self._bank = bank
        self._options = client_options
        self._rate = rate
        self.confirmed: Counter[tuple[str, int]] = Counter()
        self.error: BaseException | None = None
        self._extra = 0
        self._runs = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._main, name="load", daemon=True)
        self._thread.start()

    def go(self) -> None:
        """Publish from now on."""
        self._idle.clear()
        self._runs.set()

    def hold(self) -> None:
        """Publish nothing more; returns when everything published is acknowledged."""
        self._runs.clear()
        assert self._idle.wait(_HOLD_S), "the load cannot get its records acknowledged"
        if self.error is not None:
            raise self.error

    def burst(self, records: int) -> None:
        """Publish so many more, at once."""
        self._extra += records

    def end(self) -> None:
        """End the thread, whatever it waits for."""
        self._ended.set()
        self._thread.join()

    def _main(self) -> None:
        try:
            asyncio.run(self._until_ended())
        except BaseException as error:
            self.error = error
        finally:
            self._idle.set()

    async def _until_ended(self) -> None:
        publishing = asyncio.create_task(self._publish())
        while not (self._ended.is_set() or publishing.done()):
            await asyncio.sleep(_EVERY_S)
        if publishing.done():
            publishing.result()
        publishing.cancel()
        await asyncio.wait({publishing})

    async def _publish(self) -> None:
        producer = BatchProducer(self._options)
        try:
            while True:
                if self._runs.is_set():
                    await self._publish_some(producer)
                else:
                    self._idle.set()
                    await asyncio.sleep(0.02)
        finally:
            await producer.stop()

    async def _publish_some(self, producer: BatchProducer) -> None:
        began_s = time.monotonic()
        extra, self._extra = self._extra, 0
        made = self._bank.records(int(self._rate * _EVERY_S) + extra, time.time_ns() // 1_000_000)
        await self._deliver(producer, made)
        await asyncio.sleep(max(_EVERY_S - (time.monotonic() - began_s), 0.001))

    async def _deliver(self, producer: BatchProducer, made: list[Published]) -> None:
        topics: dict[str, dict[int, list[Outgoing]]] = {}
        for topic, partition, record in made:
            topics.setdefault(topic, {}).setdefault(partition, []).append(record)
        await asyncio.gather(*(producer.append(topic, records) for topic, records in topics.items()))
        self.confirmed.update((topic, partition) for topic, partition, _ in made)
