"""Folds open complaint cases into a SQLite store, for the other measurements to begin with; nobody is scored."""

import asyncio
import json
import time
from pathlib import Path

from benchmarks.measure import arguments_on_one_core
from benchmarks.open_cases import load
from streams.garbage import tune_garbage_collection
from streams.stores.sqlite import SqliteStore


async def _load(path: Path, cases: int, now_ms: int) -> float:
    store = SqliteStore(path)
    started_s = time.perf_counter()
    await load(store, cases, now_ms, seed=5, scores=False)
    seconds = time.perf_counter() - started_s
    await store.close()
    return seconds


def main() -> None:
    """Print the seconds that it took as JSON."""
    arguments = arguments_on_one_core()
    tune_garbage_collection()
    path = Path(arguments["loaded"])
    print(json.dumps({"seconds": asyncio.run(_load(path, arguments["cases"], arguments["now_ms"]))}))


if __name__ == "__main__":
    main()
