"""The figures as tables for people and one line of JSON."""

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.peers.trial import Figures

Rounds = Mapping[str, Sequence[Figures]]
"""The rounds of each contender, by name; none where it failed."""


def one(title: str, number: int, name: str, figures: Figures) -> str:
    """The figures of one round as a line of JSON, for whoever does not wait for the end."""
    found = {
        "case": title,
        "round": number,
        "contender": name,
        "rate": round(figures.rate),
        "latency_ms": latencies({name: [figures]}).get(name),
        "pacer_late_ms": round(figures.pacer_late_ms, 1),
        "cpu_s_per_million": cpu({name: [figures]})[name],
        "memory_mb": memory({name: [figures]})[name],
        "recovery_s": figures.recovery_s,
        "first_output_s": round(figures.first_output_s, 1),
        "wrong_states": figures.wrong_states,
    }
    return json.dumps(found)


def rates(rounds: Rounds) -> dict[str, int | None]:
    """The median of each contender's rates; None where it has none."""
    return {
        name: round(statistics.median(each.rate for each in found)) if found else None for name, found in rounds.items()
    }


def latencies(rounds: Rounds) -> dict[str, dict[str, float]]:
    """p50 and p99 of each contender, over all its rounds, and of how many outputs."""
    found = {}
    for name, figures in rounds.items():
        sample = sorted(each for one in figures for each in one.latency_ms)
        if sample:
            found[name] = {"p50": round(_at(sample, 0.50), 1), "p99": round(_at(sample, 0.99), 1), "of": len(sample)}
    return found


def _at(sample: Sequence[float], share: float) -> float:
    return sample[min(len(sample) - 1, int(len(sample) * share))]


def cpu(rounds: Rounds) -> dict[str, dict[str, float]]:
    """Seconds of CPU per million events of each process of each contender, medians."""
    return {
        name: {
            process: round(statistics.median(each.cpu_s_per_million[process] for each in found), 1)
            for process in found[0].cpu_s_per_million
        }
        for name, found in rounds.items()
        if found
    }


def memory(rounds: Rounds) -> dict[str, dict[str, int]]:
    """The most memory of each process of each contender, in MB, without the broker, which serves everybody in turn."""
    return {
        name: {
            process: max(each.memory_mb[process] for each in found)
            for process in found[0].memory_mb
            if process != "broker"
        }
        for name, found in rounds.items()
        if found
    }


def wrong_states(rounds: Rounds) -> dict[str, int]:
    """How many durable states were wrong at the end, for those contenders that had any."""
    sums = {name: sum(each.wrong_states for each in found) for name, found in rounds.items()}
    return {name: wrong for name, wrong in sums.items() if wrong}


def recoveries(rounds: Rounds) -> dict[str, dict[str, float]]:
    """What was measured of kills: the standstill, and how long a first worker took to its first output."""
    return {
        name: {"standstill": round(each.recovery_s, 1), "first_start": round(each.first_output_s, 1)}
        for name, found in rounds.items()
        for each in found
        if each.recovery_s is not None
    }


def print_case(console: Console, title: str, rounds: Rounds) -> None:
    """One table."""
    table = Table(
        "contender", "events/s", "of each round", "CPU s per million: worker", "Redis", "broker",
        "p50 ms", "p99 ms", "worker MB", "Redis MB", title=title, box=None,
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    found_rates, found_latencies, found_cpu, found_memory = (
        rates(rounds),
        latencies(rounds),
        cpu(rounds),
        memory(rounds),
    )
    for name, found in rounds.items():
        if not found:
            table.add_row(name, "failed")
            continue
        table.add_row(
            name,
            f"{found_rates[name]:,}",
            " ".join(f"{each.rate:,.0f}" for each in found),
            *(_shown(found_cpu[name].get(process)) for process in ("worker", "redis", "broker")),
            *(_shown(found_latencies.get(name, {}).get(part)) for part in ("p50", "p99")),
            *(_shown(found_memory[name].get(process)) for process in ("worker", "redis")),
        )
    console.print(table)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def ratio(rates: Mapping[str, int | None], of: str, to: str) -> float | None:
    """The rate of one contender as a share of another's; None where one of them has none."""
    rate, other = rates.get(of), rates.get(to)
    return round(rate / other, 2) if rate and other else None


def ratios(full: Mapping[str, int | None], reduced: Mapping[str, int | None], pure_fold: int) -> dict[str, Any]:
    """How many times as fast ours on Redis is, side by side."""
    found: dict[str, Any] = {}
    for part, peers in (("full", full), ("reduced", reduced)):
        ours = peers.get("ours_redis")
        if ours:
            found[part] = {
                name: round(ours / rate, 2)
                for name, rate in peers.items()
                if rate and name not in ("ours_redis", "ours_redis_scored")
            }
            if part == "full" and pure_fold:
                found[part]["pure_fold"] = round(ours / pure_fold, 2)
    return found
