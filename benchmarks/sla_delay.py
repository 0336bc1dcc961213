"""How soon a broken promise is told: the live worker on Kafka and Redis, with many other open cases in the store.

Cases are received over a minute and never answered. Each breaks the promise of a first response after 30 s; the delay
is from that deadline to the alert's arrival at a consumer, on one machine and so on one clock. The worker is as it is
shipped, so it scores customers as well.
"""

import asyncio
import json
import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from kafka import KafkaConsumer, KafkaProducer

from benchmarks.measure import arguments_given
from benchmarks.open_cases import SHARDS, copy, customer_of, load, step
from models.context import Stream
from streams.codecs import encode_json
from streams.names import DUE_INDEX, FEED_TOPICS, STREAM_TOPICS
from streams.stores.redis import RedisStore
from streams.stores.sqlite import SqliteStore
from tests.support.kafka_server import KafkaServer
from tests.support.live_service import LiveService
from tests.support.redis_server import RedisServer

_SPREAD_S = 60.0
_SETTLE_S = 1800
_LONGEST_S = 120


async def _fill(server: RedisServer, directory: Path, cases: int) -> None:
    source, target = SqliteStore(directory / "loaded.sqlite3"), RedisStore(server.settings())
    await load(source, cases, _now_ms(), seed=5, scores=True)
    await copy(source, target, beginning=True)
    await source.close()
    await target.close()


async def _waiting(server: RedisServer) -> int:
    """How many customers are due by now: a worker that has just begun has something to catch up with."""
    store = RedisStore(server.settings())
    counts = [await store.count(shard, DUE_INDEX, _now_ms()) for shard in range(SHARDS)]
    await store.close()
    return sum(counts)


def _receive(service: LiveService, first: int, promises: int) -> None:
    """Let cases be received over a minute."""
    topic = FEED_TOPICS["complaints"]
    draw = random.Random(promises)
    begun_s = time.monotonic()
    with KafkaProducer(bootstrap_servers=service.kafka.bootstrap, acks="all") as producer:
        # At random, for at even distances all would have the same time to wait for a tick.
        for number, after_s in enumerate(sorted(draw.uniform(0, _SPREAD_S) for _ in range(promises))):
            time.sleep(max(0.0, begun_s + after_s - time.monotonic()))
            event = step(first + number, "received", _now_ms(), business="cards", channel="app")
            producer.send(topic, encode_json(event), partition=service.shard(customer_of(first + number)))
        producer.flush()


def _delays(consumer: KafkaConsumer, cases: set[str]) -> list[float]:
    """From each deadline to the arrival of its alert, in ms; waits for all of them."""
    found: dict[str, float] = {}
    give_up = time.monotonic() + _LONGEST_S
    while len(found) < len(cases):
        assert time.monotonic() < give_up, f"{len(cases) - len(found)} broken promises were not told"
        for records in consumer.poll(timeout_ms=50).values():
            arrived_ms = time.time() * 1000
            for record in records:
                alert = msgspec.json.decode(record.value)["data"]
                case_id, *promise = alert["subject"].split("/")
                if case_id in cases and promise == ["care", "responded", "0"] and alert["triggers"] == ["breached"]:
                    due_at = datetime.fromisoformat(alert["figures"]["due_at"])
                    found.setdefault(case_id, arrived_ms - due_at.timestamp() * 1000)
    return sorted(found.values())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def measure(directory: Path, cases: int, promises: int) -> dict[str, Any]:
    """Start everything, let the worker catch up, and break promises."""
    redis = RedisServer(directory / "redis").start()
    try:
        with KafkaServer(directory / "kafka") as kafka:
            service = LiveService(kafka, redis, directory, partitions=SHARDS)
            asyncio.run(_fill(redis, directory, cases))
            service.start(EBBWATCH_LOG_LEVEL="WARNING")
            try:
                service.wait_all_assigned()
                give_up = time.monotonic() + _SETTLE_S
                while asyncio.run(_waiting(redis)):
                    assert time.monotonic() < give_up, "the worker does not catch up"
                    time.sleep(0.5)
                consumer = KafkaConsumer(
                    STREAM_TOPICS[Stream.ALERTS], bootstrap_servers=kafka.bootstrap, fetch_max_wait_ms=10
                )
                consumer.poll(timeout_ms=1000)  # it has its partitions, and stands at their ends
                begun = datetime.now(UTC).isoformat(timespec="seconds")
                delays = _delays_while_receiving(service, consumer, cases, promises)
                consumer.close()
            finally:
                service.stop()
    finally:
        redis.kill()
    return {
        "promises": promises,
        "cases": cases,
        "begun": begun,
        "p50_ms": round(statistics.median(delays)),
        "p99_ms": round(statistics.quantiles(delays, n=100)[-1]),
        "max_ms": round(delays[-1]),
        "min_ms": round(delays[0]),
    }


def _delays_while_receiving(service: LiveService, consumer: KafkaConsumer, first: int, promises: int) -> list[float]:
    with ThreadPoolExecutor(1) as pool:
        received = pool.submit(_receive, service, first, promises)
        ids = {step(first + number, "received", 0).case_id for number in range(promises)}
        delays = _delays(consumer, ids)
        received.result()
    return delays


def main() -> None:
    """Print the measurement as JSON."""
    arguments = arguments_given()
    with TemporaryDirectory(dir=".", prefix=".bench-") as directory:
        print(json.dumps(measure(Path(directory).absolute(), arguments["cases"], arguments["promises"])))


if __name__ == "__main__":
    main()
