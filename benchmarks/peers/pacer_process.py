"""The pacer's process: reads its `Feed` from stdin, says when it starts, sends, and ends when all is acknowledged.

What it says last is by how much, in ms, it was late with the worst one in a hundred of its batches.
"""

import asyncio
import sys
import time

import msgspec

from benchmarks.peers.pacer import Feed
from streams.garbage import tune_garbage_collection
from streams.kafka_producer import BatchProducer, Outgoing

_STEP_S = 0.005


async def feed(given: Feed) -> None:
    """Send each record when it is due, or as soon afterwards as the broker takes it."""
    records = [(partition, Outgoing(key, body)) for partition, key, body in given.records]
    producer = BatchProducer({"bootstrap_servers": given.brokers})
    await producer.start()
    late_s: list[float] = []
    started_s, at = time.time(), 0
    print(started_s, flush=True)
    while at < len(records):
        now_s = time.time()
        late_s.append(now_s - started_s - at / given.rate)
        due = min(len(records), int((now_s - started_s) * given.rate) + 1)
        batch: dict[int, list[Outgoing]] = {}
        for partition, record in records[at:due]:
            batch.setdefault(partition, []).append(record)
        at = due
        await producer.append(given.topic, batch)
        await asyncio.sleep(_STEP_S)
    print(sorted(late_s)[int(len(late_s) * 0.99)] * 1000, flush=True)
    await producer.stop()


if __name__ == "__main__":
    tune_garbage_collection()
    asyncio.run(feed(msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Feed)))
