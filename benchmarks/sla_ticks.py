"""`make bench-sla`: what 100,000 open complaint cases cost one worker, and how soon it tells of a broken promise.

One process folds the cases; each store then gets the same ones in a process of its own on one core. The last part is
the live worker on Kafka and Redis, with as many other cases in the store; it alone scores customers meanwhile.
"""

import argparse
import json
import statistics
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from benchmarks.measure import in_own_process
from models.events import epoch_ms

STORES = ("sqlite", "redis")
NIGHT = datetime(2026, 9, 17, 2, tzinfo=ZoneInfo("Asia/Shanghai"))
"""Two in the morning of a Thursday, with working days before it and behind it."""
_PARTS = ("due_s", "load_s", "fold_s", "commit_s")


def main() -> None:
    """Measure, print the tables, end with the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="open cases, each of a customer of its own")
    parser.add_argument("--promises", type=int, default=300, help="promises that break on the live worker; 0: none")
    arguments = parser.parse_args()
    console = Console()
    figures: dict[str, Any] = {"cases": arguments.cases}
    with TemporaryDirectory(dir=".", prefix=".bench-") as directory:
        loaded = Path(directory).absolute() / "loaded.sqlite3"
        console.print("[dim]folding the cases ...[/]")
        common = {"cases": arguments.cases, "now_ms": epoch_ms(NIGHT), "loaded": str(loaded)}
        figures["load_s"] = round(in_own_process("benchmarks.sla_load", **common)["seconds"], 1)
        results = {}
        for store in STORES:
            console.print(f"[dim]ticks on {store} ...[/]")
            results[store] = in_own_process("benchmarks.sla_store", store=store, **common)
    _print_tables(console, results)
    figures |= {store: _summary(result) for store, result in results.items()}
    if arguments.promises:
        console.print("[dim]a live worker ...[/]")
        delay = in_own_process("benchmarks.sla_delay", cases=arguments.cases, promises=arguments.promises)
        _print_delay(console, delay)
        figures["delay"] = delay
    print(json.dumps(figures))


def _median(costs: list[dict[str, float]], part: str = "seconds") -> float:
    return statistics.median(cost[part] for cost in costs)


def _p95(costs: list[dict[str, float]]) -> float:
    return statistics.quantiles([cost["seconds"] for cost in costs], n=20)[-1]


def _each_us(costs: list[dict[str, float]], part: str = "seconds") -> float:
    return statistics.median(cost[part] / cost["due"] for cost in costs) * 1e6


def _summary(result: dict[str, Any]) -> dict[str, Any]:
    idle, thousands, nights = result["idle"], result["thousands"], result["nights"]
    entries_of_a_case = result["entries"] / result["cases"]
    return {
        "idle_tick_ms": round(_median(idle) * 1e3, 2),
        "idle_tick_p95_ms": round(_p95(idle) * 1e3, 2),
        "due_hundredth_ms": round(_median(thousands) * 1e3, 1),
        "due_us_each": {part[:-2]: round(_each_us(thousands, part), 1) for part in _PARTS},
        "opening_due": result["opening"]["due"],
        "opening_s": round(result["opening"]["seconds"], 2),
        "night_due": round(statistics.median(one["due"] for one in nights)),
        "night_s": round(_median(nights), 2),
        "step_us": round(_each_us(result["steps"])),
        "transaction_us": round(_each_us(result["transactions"])),
        "step_to_transaction": round(_each_us(result["steps"]) / _each_us(result["transactions"]), 1),
        "step_in_memory_us": round(statistics.median(result["step_us"])),
        "transaction_in_memory_us": round(statistics.median(result["transaction_us"])),
        "view_us": round(statistics.median(result["view_us"])),
        "milestones": round(result["milestones"], 1),
        "stored_bytes": round(result["stored_bytes"]),
        "memory_bytes": round(result["memory_bytes"]),
        "index_entries_of_a_case": round(entries_of_a_case, 1),
        "customers_mb": round(result["customers_bytes"] / 1e6, 1),
        "indexes_mb": round(result["index_bytes"] / 1e6, 1),
    }


_ROWS = {
    "tick of 8 shards, nothing due, ms": ("idle_tick_ms", "idle_tick_p95_ms"),
    "tick with a hundredth of the cases due, ms": ("due_hundredth_ms",),
    "tick at the opening of the office: due; s": ("opening_due", "opening_s"),
    "tick at the end of the day: due; s": ("night_due", "night_s"),
    "a step of a case beside a transaction, through the store, µs": ("step_us", "transaction_us"),
    "the same, decoding and folding alone, µs": ("step_in_memory_us", "transaction_in_memory_us"),
    "a look at a case: µs; its steps": ("view_us", "milestones"),
    "a customer with a case: bytes stored; in memory": ("stored_bytes", "memory_bytes"),
    "index entries of a case; indexes, MB": ("index_entries_of_a_case", "indexes_mb"),
}


def _print_tables(console: Console, results: dict[str, dict[str, Any]]) -> None:
    summaries = {store: _summary(result) for store, result in results.items()}
    table = Table("one core, medians (and p95 of ticks)", *STORES, title="Open cases", box=None)
    for title, names in _ROWS.items():
        table.add_row(title, *("   ".join(f"{summaries[store][name]:,}" for name in names) for store in STORES))
    console.print(table)
    parts = Table("µs a due case, of a hundredth", *STORES, title="Where the time goes", box=None)
    for part, title in zip(_PARTS, ("look up", "load, decode", "fold, encode", "commit"), strict=True):
        parts.add_row(title, *(f"{_each_us(results[store]['thousands'], part):.1f}" for store in STORES))
    console.print(parts)


def _print_delay(console: Console, delay: dict[str, Any]) -> None:
    table = Table("promises", "50 %", "99 %", "latest", title="From the deadline to the consumer, ms", box=None)
    table.add_row(*(f"{delay[name]:,}" for name in ("promises", "p50_ms", "p99_ms", "max_ms")))
    console.print(table)


if __name__ == "__main__":
    main()
