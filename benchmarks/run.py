"""`make bench`: what the hot path costs, as a table for people and one line of JSON.

Every figure is taken in a process of its own on one core. These machines are noisy, so rounds of all measurements
alternate, and medians are given; `machine_score` is a fixed loop of plain Python beside them, to tell a slow machine
from slow code. Nobody is scored but where it says so; `make bench-scores` tells what the score costs by itself.
"""

import argparse
import json
import statistics
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measure import in_own_process

_SCORE_LOOPS = 2_000_000


def machine_score() -> float:
    """Millions of rounds a second of a fixed loop of plain Python."""
    started_s = time.perf_counter()
    total = 0
    for number in range(_SCORE_LOOPS):
        total += number * number % 7
    return _SCORE_LOOPS / (time.perf_counter() - started_s) / 1e6


def main() -> None:
    """Measure, print the table, end with the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measurement")
    parser.add_argument("--events", type=int, default=500_000, help="events of a round: 25 a customer in a month")
    parser.add_argument("--stored-events", type=int, default=400_000, help="events of a round on stored customers")
    parser.add_argument("--large", type=int, default=1_000_000, help="customers of the large store")
    arguments = parser.parse_args()
    console = Console()
    count, stored = arguments.events, arguments.stored_events
    fold: list[float] = []
    embedded: list[dict[str, Any]] = []
    scored: list[dict[str, Any]] = []
    small: list[dict[str, Any]] = []
    large: list[dict[str, Any]] = []
    features: list[float] = []
    scores: list[float] = []
    batch = {"seed": 1, "batch": 16_384}
    for number in range(arguments.rounds):
        console.print(f"[dim]round {number + 1} of {arguments.rounds} ...[/]")
        scores.append(machine_score())
        rate = in_own_process("benchmarks.fold_rate", customers=20_000, events=count, rounds=2, **batch)
        fold += rate["seconds"]
        row = in_own_process("benchmarks.features_rate", customers=1_000, events=50_000, seed=1, rounds=50)
        features.append(row["features_us_a_customer"])
        path = {"events": count, "cache": 100_000, "scores": 0, **batch}
        embedded.append(in_own_process("benchmarks.embedded_rate", customers=20_000, preloaded=0, **path))
        scored.append(in_own_process("benchmarks.embedded_rate", customers=20_000, preloaded=0, **path | {"scores": 1}))
        path["events"] = stored
        small.append(in_own_process("benchmarks.embedded_rate", customers=10_000, preloaded=1, **path))
        large.append(in_own_process("benchmarks.embedded_rate", customers=arguments.large, preloaded=1, **path))
        scores.append(machine_score())
    _print_tables(console, count, stored, fold, embedded, scored, small, large)
    console.print(f"Features of the churn score: {statistics.median(features):.1f} µs a customer, in a tick of 1,000")
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(large, small, strict=True)]
    print(
        json.dumps(
            {
                "fold_events_per_s": round(count / statistics.median(fold)),
                "fold_events_per_s_best": round(count / min(fold)),
                "embedded_events_per_s": round(count / statistics.median(_seconds(embedded))),
                "embedded_events_per_s_best": round(count / min(_seconds(embedded))),
                "embedded_events_per_s_scored": round(count / statistics.median(_seconds(scored))),
                "features_us_a_customer": round(statistics.median(features), 1),
                "cost_ratio_1m_to_10k": round(statistics.median(ratios), 2),
                "peak_memory_mb_10k": max(one["peak_memory_mb"] for one in small),
                "peak_memory_mb_1m": max(one["peak_memory_mb"] for one in large),
                "machine_score": round(statistics.median(scores), 1),
            }
        )
    )


def _seconds(results: list[dict[str, Any]]) -> list[float]:
    return [result["seconds"] for result in results]


def _print_tables(
    console: Console,
    count: int,
    stored: int,
    fold: list[float],
    embedded: list[dict[str, Any]],
    scored: list[dict[str, Any]],
    small: list[dict[str, Any]],
    large: list[dict[str, Any]],
) -> None:
    table = Table("one core", "events/s, median", "best", "µs an event, median", title="Rates", box=None)
    for name, events, seconds in (
        ("decode + fold, both rules, 20,000 customers", count, fold),
        ("embedded path, durable, 20,000 new customers", count, _seconds(embedded)),
        ("the same, scoring and learning", count, _seconds(scored)),
        ("embedded path, 10,000 customers in the store", stored, _seconds(small)),
        ("embedded path, the large store, uniform", stored, _seconds(large)),
    ):
        median, best = statistics.median(seconds), min(seconds)
        table.add_row(name, f"{events / median:,.0f}", f"{events / best:,.0f}", f"{median / events * 1e6:.1f}")
    console.print(table)
    parts = Table(
        "µs an event", "20,000 new", "and scored", "10,000 stored", "large store", title="Where the time goes", box=None
    )
    for part in embedded[0]["parts"]:
        parts.add_row(part, *(_part_us(results, part) for results in (embedded, scored, small, large)))
    console.print(parts)
    memory = Table("memory", "peak MB", "of it before the run", "state file MB", title="Memory", box=None)
    for name, results in (("10,000 customers", small), ("large store", large)):
        worst = max(results, key=lambda result: result["peak_memory_mb"])
        memory.add_row(name, *(f"{worst[key]:,}" for key in ("peak_memory_mb", "peak_memory_before_mb", "state_mb")))
    console.print(memory)


def _part_us(results: list[dict[str, Any]], part: str) -> str:
    return f"{statistics.median(one['parts'][part] / one['events'] for one in results) * 1e6:.1f}"


if __name__ == "__main__":
    main()
