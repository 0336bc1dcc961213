"""The whole embedded path: a feed file to durable ledger, states and outputs (synchronous=FULL, one commit a batch).

With `preloaded` customers the state begins with that many aggregates of about a month each, so that every event meets a
customer who is in the store and, most often, not in the cache. With `scores` customers are scored and the run learns,
as it is shipped; without, nobody is.
"""

import asyncio
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fold_rate import ledger_records
from benchmarks.measure import arguments_on_one_core, peak_memory_mb
from benchmarks.policies import policies_of
from benchmarks.workload import events
from models.customer import Customer, encode_customer
from models.shard import ShardDocuments, ShardFold, ShardState
from streams.codecs import decode_ledger_run, encode_json
from streams.embedded import EmbeddedOptions, EmbeddedRun
from streams.garbage import tune_garbage_collection
from streams.names import STATE_FILE
from streams.stores.base import Commit
from streams.stores.sqlite import SqliteStore

_TEMPLATES = 500
_EVENTS_OF_A_TEMPLATE = 30
_PRELOAD_AT_ONCE = 20_000


def options(data: Path, feeds: list[str], arguments: dict[str, int]) -> EmbeddedOptions:
    """A run as the command line would do it."""
    return EmbeddedOptions(
        data=data,
        feeds=feeds,
        policies=policies_of(scores=bool(arguments["scores"])),
        batch_records=arguments["batch"],
        cache_customers=arguments["cache"],
    )


def templates() -> list[Customer]:
    """Aggregates as a month of events leaves them."""
    customers: dict[str, Customer] = {}
    fold = ShardFold(ShardState(), ShardDocuments())
    fold.begin(customers, [])
    records = ledger_records(_TEMPLATES, _TEMPLATES * _EVENTS_OF_A_TEMPLATE, seed=99)
    fold.apply_run(decode_ledger_run(records))
    return list(customers.values())


async def preload(data: Path, customers: int) -> None:
    """Put `customers` aggregates into a store on which nothing but the policies has been folded."""
    store = SqliteStore(data / STATE_FILE)
    shard = await store.open_shard(0)
    months = templates()
    for start in range(0, customers, _PRELOAD_AT_ONCE):
        bodies = []
        for number in range(start, min(start + _PRELOAD_AT_ONCE, customers)):
            customer = months[number % len(months)]
            customer.customer_id = f"C{number:07d}"
            customer.due_ms, customer.alerts = 0, []
            bodies.append((customer.customer_id, encode_customer(customer)))
        await store.commit(
            0, Commit(expected_position=shard.position, position=shard.position, state=shard.state, customers=bodies)
        )
    await store.close()


async def measure(arguments: dict[str, int], directory: Path) -> dict[str, object]:
    """Run one feed through and say what it took; closing the files, and so their last checkpoint, is counted."""
    data, feed, empty = directory / "data", directory / "feed.ndjson", directory / "empty.ndjson"
    empty.touch()
    await EmbeddedRun(options(data, [str(empty)], arguments)).run()
    if arguments["preloaded"]:
        await preload(data, arguments["customers"])
    with feed.open("wb") as lines:
        for event in events(arguments["customers"], arguments["events"], arguments["seed"]):
            lines.write(encode_json(event) + b"\n")
    tune_garbage_collection()
    memory_before_mb = peak_memory_mb()
    job = EmbeddedRun(options(data, [str(feed)], arguments))
    started_s = time.perf_counter()
    report = await job.run()
    seconds = time.perf_counter() - started_s
    return {
        "seconds": seconds,
        "events": arguments["events"],
        "alerts": report.alerts.total(),
        "batches": report.batches,
        "parts": {
            "read, validate, encode": report.feed_s,
            "append to ledger": report.append_s,
            "load customers": report.load_s,
            "decode, fold, encode": report.fold_s,
            "commit": report.commit_s,
            "relay outputs": report.relay_s,
            "learn": report.learn_s,
        },
        "peak_memory_mb": peak_memory_mb(),
        "peak_memory_before_mb": memory_before_mb,
        "state_mb": (data / STATE_FILE).stat().st_size >> 20,
    }


def main() -> None:
    """Print the measurement as JSON."""
    arguments = arguments_on_one_core()
    with TemporaryDirectory(dir=".", prefix=".bench-") as directory:
        print(json.dumps(asyncio.run(measure(arguments, Path(directory)))))


if __name__ == "__main__":
    main()
