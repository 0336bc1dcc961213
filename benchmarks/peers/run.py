"""`make bench-peers`: ours beside its peers on one Kafka, as tables for people and one line of JSON.

Every contender has its own processes, fresh topics and a fresh group each round; rounds alternate, so that a slow hour
of the machine falls on all of them. States and outputs are compared with a straight line's: the figures of a contender
that did not do the work are void.
"""

import argparse
import asyncio
import json
import logging
import signal
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct
from rich.console import Console

from benchmarks.measure import in_own_process
from benchmarks.peers import report
from benchmarks.peers.broker import Broker
from benchmarks.peers.cases import full_case, reduced_case, scored_case
from benchmarks.peers.contender import Contender
from benchmarks.peers.line_up import SCORED, line_up
from benchmarks.peers.probe import ContenderFailed
from benchmarks.peers.recovery import recovery_s
from benchmarks.peers.trial import Case, Figures, running
from streams.garbage import tune_garbage_collection

RECOVERY = ("ours_redis", "faust_memory", "quix_exactly_once")
"""Whose worker is killed, at the large size."""
ALSO = ("quix_exactly_once_quick",)
"""Beside the line-up: Quix with a commit every 0.1 s, since at its default of 5 s its latency is that interval."""
_FOLD_EVENTS = 200_000
_WARM_UP_ROUNDS = 3
_REDUCED_EVENTS_FACTOR = 3
_LARGE_SHARE = 0.5
_LATENCY_EVENTS = 150_000
_RECOVERY_EVENTS = 600_000
"""Of the large size: what may be fed at half load, and what is fed while a worker is killed."""
_LARGE_EPISODE_EVERY = 100
"""Alerts tell the moment of a recovery: at the light load of the kill they are two a second of each partition."""


class Load(Struct, frozen=True):
    """What latency is measured at: `seconds` (0: not at all) of `rate` records a second (0: half of one's own)."""

    seconds: float
    rate: float


async def one_round(
    broker: Broker,
    contender: Contender,
    case: Case,
    *,
    shortest_s: float,
    check: bool,
    load: Load,
    kill: bool = False,
) -> Figures:
    """One round of one contender; raises `ContenderFailed`."""
    async with running(broker, contender, case) as run:
        figures = await run.measure(shortest_s)
        if check:
            figures.wrong_states = await run.check_states()
        if load.seconds:
            keep = _RECOVERY_EVENTS if kill else 0
            await run.measure_latency(figures, load.rate or figures.rate / 2, load.seconds, keep)
        run.check_outputs()
        if check and contender.knows_ticks:
            await run.check_against_ledger()
        if kill:
            figures.recovery_s = await recovery_s(run)
        figures.memory_mb = run.sampler.peaks_mb()
    return figures


class Bench:
    """The contenders that were asked for, and what has been found of them."""

    def __init__(self, console: Console, broker: Broker, contenders: Sequence[Contender], shortest_s: float) -> None:
        """Nothing is measured yet."""
        self._console = console
        self._broker = broker
        self._contenders = contenders
        self._shortest_s = shortest_s
        self.failed = False
        self._warm = False
        self.pure_fold: list[float] = []

    async def rounds(
        self, cases: Mapping[bool, Case], work: str, rounds: int, load: Load, *, large: bool = False
    ) -> report.Rounds:
        """All rounds of a case, in alternating order; states are checked in the first.

        `cases` are the case without the score (False) and, where somebody takes part who scores, the one with it.
        """
        case = cases[False]
        taking_part = [
            each
            for each in self._contenders
            if each.work == work and each.scores in cases and not (large and each.name in (*ALSO, SCORED))
        ]
        found: dict[str, list[Figures]] = {contender.name: [] for contender in taking_part}
        void: set[str] = set()
        if load.seconds and taking_part:
            await self._warm_up(taking_part[0], cases[taking_part[0].scores], load)
        for number in range(rounds):
            if work == "full" and not large:
                fold = in_own_process(
                    "benchmarks.fold_rate",
                    customers=case.customers,
                    events=_FOLD_EVENTS,
                    seed=1,
                    batch=16_384,
                    rounds=1,
                )
                self.pure_fold += [_FOLD_EVENTS / seconds for seconds in fold["seconds"]]
            for contender in taking_part if number % 2 == 0 else reversed(taking_part):
                if contender.name in void:
                    continue
                self._console.print(f"[dim]{case.title}, round {number + 1} of {rounds}: {contender.name} ...[/]")
                try:
                    figures = await one_round(
                        self._broker,
                        contender,
                        cases[contender.scores],
                        shortest_s=self._shortest_s,
                        check=number == 0,
                        load=load,
                        kill=large and contender.name in RECOVERY,
                    )
                except ContenderFailed as error:
                    self._console.print(f"[red]{contender.name}: void:[/] {error}", highlight=False)
                    self.failed = True
                    void.add(contender.name)
                    found[contender.name] = []
                else:
                    self._console.print(f"[dim]    {figures.rate:,.0f} events/s[/]", highlight=False)
                    print(report.one(cases[contender.scores].title, number + 1, contender.name, figures), flush=True)
                    if figures.wrong_states:
                        self._console.print(
                            f"[red]    {figures.wrong_states} of its states are wrong[/]", highlight=False
                        )
                    found[contender.name].append(figures)
        report.print_case(self._console, case.title, found)
        return found

    async def _warm_up(self, contender: Contender, case: Case, load: Load) -> None:
        """Rounds that do not count: the broker goes on compiling until it has served this very load for a while.

        Its share of a core was 0.4 in a first round, 0.3 in the second and 0.15 from the fourth on, and whoever came
        first waited for it.
        """
        for number in range(0 if self._warm else _WARM_UP_ROUNDS):
            self._console.print(f"[dim]warming up, {number + 1} of {_WARM_UP_ROUNDS} ...[/]")
            await one_round(self._broker, contender, case, shortest_s=0.0, check=False, load=load)
        self._warm = True


async def bench(options: argparse.Namespace, directory: Path) -> int:
    """Measure everything that `options` ask for; 1 when a contender's figures are void."""
    console = Console(stderr=False, width=None if sys.stdout.isatty() else 160)
    only = [name for name in options.only.split(",") if name]
    result: dict[str, object] = {}
    async with Broker(directory / "kafka") as broker:
        contenders = [
            each
            for each in line_up(broker, directory)
            if not only or any(f"{each.work}/{each.name}".endswith(name) or name == each.work for name in only)
        ]
        console.print(f"Kafka {broker.server.version}, {len(contenders)} contenders", highlight=False)
        await broker.warm_up()
        run = Bench(console, broker, contenders, options.shortest_s)
        load = Load(options.latency_s, options.latency_rate)
        full = [each for each in contenders if each.work == "full"]
        reduced = [each for each in contenders if each.work == "reduced"]
        full_rounds: report.Rounds = {}
        large_rounds: report.Rounds = {}
        reduced_rounds: report.Rounds = {}
        if full:
            case = full_case(options.customers, options.events, options.events // 2, full)
            cases = {False: case}
            if scoring := [each for each in full if each.scores]:
                cases[True] = scored_case(case, scoring)
                console.print(cases[True].title, highlight=False)
            full_rounds = await run.rounds(cases, "full", options.rounds, load)
        if reduced:
            case = reduced_case(options.events * _REDUCED_EVENTS_FACTOR, reduced)
            reduced_rounds = await run.rounds({False: case}, "reduced", options.rounds, Load(0, 0))
        if full and options.large:
            events = int(options.events * _LARGE_SHARE)
            case = full_case(options.large, events, _LATENCY_EVENTS + _RECOVERY_EVENTS, full, _LARGE_EPISODE_EVERY)
            large_rounds = await run.rounds({False: case}, "full", 1, load, large=True)
        pure_fold = round(statistics.median(run.pure_fold)) if run.pure_fold else 0
        all_full, reduced_rates = report.rates(full_rounds), report.rates(reduced_rounds)
        full_rates = {name: rate for name, rate in all_full.items() if name not in ALSO}
        latencies = report.latencies(full_rounds)
        result = {
            "full": full_rates,
            "reduced": reduced_rates,
            "p99_ms": latencies.get("ours_redis", {}).get("p99"),
            "pure_fold": pure_fold,
            "scored_ratio": report.ratio(full_rates, SCORED, "ours_redis"),
            "ratios": report.ratios(full_rates, reduced_rates, pure_fold),
            "also_full": {name: rate for name, rate in all_full.items() if name in ALSO},
            "latency_ms": latencies,
            "cpu_s_per_million": report.cpu(full_rounds),
            "memory_mb": report.memory(full_rounds),
            "wrong_states": report.wrong_states(full_rounds),
            "reduced_cpu_s_per_million": report.cpu(reduced_rounds),
            "reduced_memory_mb": report.memory(reduced_rounds),
            "large": {
                "customers": options.large,
                "full": report.rates(large_rounds),
                "latency_ms": report.latencies(large_rounds),
                "cpu_s_per_million": report.cpu(large_rounds),
                "memory_mb": report.memory(large_rounds),
                "recovery_s": report.recoveries(large_rounds),
            },
        }
    print(json.dumps(result))
    return int(run.failed)


def main() -> None:
    """Read the options, measure, report."""
    tune_garbage_collection()  # a pause of the pacer would look like one of whoever is measured
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000, help="customers of the full work")
    parser.add_argument("--events", type=int, default=800_000, help="events that wait for the fastest contenders")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of each contender")
    parser.add_argument("--large", type=int, default=1_000_000, help="customers of the large size; 0 leaves it out")
    parser.add_argument("--latency-s", type=float, default=15.0, help="seconds of half load; 0 leaves it out")
    parser.add_argument(
        "--latency-rate", type=float, default=0.0, help="records a second instead of half of one's own rate"
    )
    parser.add_argument("--shortest-s", type=float, default=3.0, help="a rate over less time than this is void")
    parser.add_argument("--only", default="", help="names, full/names or works, separated by commas")
    options = parser.parse_args()
    for library in ("kafka", "aiokafka"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # they miss each topic that we have deleted
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that whatever was started is ended
    with TemporaryDirectory(dir=".", prefix=".bench-") as directory:
        sys.exit(asyncio.run(bench(options, Path(directory).absolute())))


if __name__ == "__main__":
    main()
