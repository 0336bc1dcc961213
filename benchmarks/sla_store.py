"""What open complaint cases cost on one store: ticks of all the shards of a worker, steps, and space."""

import asyncio
import json
import os
import shutil
import sqlite3
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from benchmarks.measure import arguments_on_one_core
from benchmarks.open_cases import SHARDS, case_indexes, copy, customer_of, step
from benchmarks.sla_shards import Bench, Cost
from models.case_view import view
from models.customer import decode_customer
from models.events import Complaint, Transaction
from models.shard import ShardFold, decode_documents, decode_state
from streams.codecs import decode_ledger_run, encode_event_record
from streams.garbage import tune_garbage_collection
from streams.names import DUE_INDEX, REDIS_CUSTOMERS_KEY, REDIS_INDEX_KEY
from streams.sharding import shard_of
from streams.stores.redis import RedisStore
from streams.stores.sqlite import SqliteStore
from tests.support.redis_server import RedisServer

_IDLE_TICKS = 300
_THOUSANDS = 7
_NIGHTS = 3
_STEPS_AT_ONCE = 4_096
_SAMPLE = 5_000


async def measure(bench: Bench, now_ms: int, cases: int) -> dict[str, Any]:
    """Ticks through one night and the next day, the ends of days, then steps of cases beside transactions."""
    idle = [await bench.tick(now_ms + second * 1000) for second in range(1, _IDLE_TICKS + 1)]
    morning_ms = now_ms + 7 * 3_600_000 + 60_000  # one past nine: what has waited for the office to open
    opening = await bench.tick(morning_ms)
    thousands = [await bench.tick((await bench.dues())[cases // 100 - 1]) for _ in range(_THOUSANDS)]
    nights = []
    for night in range(1, _NIGHTS + 1):
        midnight_ms = now_ms - 2 * 3_600_000 + night * 86_400_000
        await bench.tick(midnight_ms - 1000)
        nights.append(await bench.tick(midnight_ms + 1))
        await bench.tick(midnight_ms + 12 * 3_600_000)
    steps, transactions = await _events(bench, midnight_ms + 13 * 3_600_000, cases)
    return {
        "cases": cases,
        "idle": idle,
        "opening": opening,
        "thousands": thousands,
        "nights": nights,
        "steps": steps,
        "transactions": transactions,
        **await _in_memory(bench, midnight_ms + 14 * 3_600_000, cases),
    }


async def _events(bench: Bench, at_ms: int, cases: int) -> tuple[list[Cost], list[Cost]]:
    """Each case's next step, and a transaction of another customer, in rounds that alternate."""
    rounds: tuple[list[Cost], list[Cost]] = [], []
    count = min(_STEPS_AT_ONCE, cases // 10)
    for number in range(4):
        for kind, costs in enumerate(rounds):
            first = (2 * number + kind) * count
            events = [(_plan, _payment)[kind](one, at_ms) for one in range(first, first + count)]
            costs.append(await bench.events(events, first))
    return rounds


async def _in_memory(bench: Bench, at_ms: int, cases: int) -> dict[str, Any]:
    """Decoding and folding alone, of the same customers' steps and payments; a look at a case; bytes in memory."""
    count = min(_SAMPLE, cases // 2)
    ids = [customer_of(number) for number in range(cases - count, cases)]
    by_shard = [[one for one in ids if shard_of(one, SHARDS) == shard] for shard in range(SHARDS)]
    stored = [await bench.store.load(shard, some) for shard, some in enumerate(by_shard)]
    bodies = [body for some in stored for body in some if body is not None]
    opened = await bench.store.open_shard(0)
    seconds: dict[str, list[float]] = {"step": [], "transaction": [], "view": []}
    tracemalloc.start()
    kept = [decode_customer(body) for body in bodies]
    memory, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for _ in range(5):
        for name, make in (("step", _plan), ("transaction", _payment)):
            customers = {one.customer_id: one for one in map(decode_customer, bodies)}
            events = [make(int(customer_id[1:]), at_ms) for customer_id in customers]
            records = [encode_event_record(event, at_ms, "feed:memory", offset) for offset, event in enumerate(events)]
            fold = ShardFold(decode_state(opened.state), decode_documents(opened.documents))
            fold.begin(customers, [])
            started_s = time.perf_counter()
            fold.apply_run(decode_ledger_run(records))
            seconds[name].append(time.perf_counter() - started_s)
        assert fold.ctx is not None
        rules = fold.ctx.pins.current
        started_s = time.perf_counter()
        for one in kept:
            view(one.cases[0], rules)
        seconds["view"].append(time.perf_counter() - started_s)
    return {
        "memory_bytes": memory / len(kept),
        "stored_bytes": sum(map(len, bodies)) / len(bodies),
        "milestones": sum(len(one.cases[0].milestones) for one in kept) / len(kept),
        **{f"{name}_us": [one / count * 1e6 for one in rounds] for name, rounds in seconds.items()},
    }


def _plan(number: int, at_ms: int) -> Complaint:
    return step(number, "plan_proposed", at_ms, actions=["explain", "compensate"])


def _payment(number: int, at_ms: int) -> Transaction:
    customer_id = customer_of(number)
    return Transaction(
        event_id=f"payment-{number:07d}",
        customer_id=customer_id,
        occurred_at=datetime.fromtimestamp(at_ms / 1000, UTC),
        account_id=f"A-{customer_id}",
        amount=250.0,
        currency="CNY",
        direction="out",
        kind="card",
        counterparty="merchant",
        balance_after=12_000.0,
    )


async def _on_sqlite(loaded: Path, directory: Path, arguments: dict[str, Any]) -> dict[str, Any]:
    path = directory / "state.sqlite3"
    shutil.copy(loaded, path)
    store = SqliteStore(path)
    database = sqlite3.connect(path)
    sizes = dict(database.execute("SELECT name, SUM(pgsize) FROM dbstat GROUP BY name").fetchall())
    space = {
        "customers_bytes": sizes["customers"],
        "index_bytes": sizes["sorted_indexes"] + sizes["by_score"],
        "entries": database.execute("SELECT COUNT(*) FROM sorted_indexes").fetchone()[0],
    }
    database.close()
    bench = Bench(store)
    await bench.open()
    result = await measure(bench, arguments["now_ms"], arguments["cases"])
    await store.close()
    return space | result


async def _on_redis(loaded: Path, directory: Path, arguments: dict[str, Any]) -> dict[str, Any]:
    server = RedisServer(directory / "redis").start()
    try:
        if hasattr(os, "sched_setaffinity"):  # it has a core of its own where there is one
            os.sched_setaffinity(server.pid, range(os.cpu_count() or 1))
        store, source = RedisStore(server.settings()), SqliteStore(loaded)
        await copy(source, store)
        await source.close()
        names = (DUE_INDEX, *case_indexes())
        keys = [REDIS_INDEX_KEY % (shard, name) for shard in range(SHARDS) for name in names]
        space = {
            "customers_bytes": sum(_bytes(server, REDIS_CUSTOMERS_KEY % shard) for shard in range(SHARDS)),
            "index_bytes": sum(_bytes(server, key) for key in keys),
            "entries": sum(server.command("ZCARD", key) for key in keys),
        }
        bench = Bench(store)
        await bench.open()
        result = await measure(bench, arguments["now_ms"], arguments["cases"])
        await store.close()
    finally:
        server.kill()
    return space | result


def _bytes(server: RedisServer, key: str) -> int:
    return int(server.command("MEMORY", "USAGE", key, "SAMPLES", 0) or 0)


def main() -> None:
    """Print the measurement as JSON."""
    arguments = arguments_on_one_core()
    tune_garbage_collection()
    on = {"sqlite": _on_sqlite, "redis": _on_redis}[arguments["store"]]
    with TemporaryDirectory(dir=".", prefix=".bench-") as directory:
        result = asyncio.run(on(Path(arguments["loaded"]), Path(directory).absolute(), arguments))
    print(json.dumps(msgspec.to_builtins(result)))


if __name__ == "__main__":
    main()
