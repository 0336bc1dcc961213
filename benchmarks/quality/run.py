"""`make bench-quality`: how well the churn score predicts, as tables for people and one line of JSON.

Each scenario is one pass: a customer is scored on arrival, and a label is learnt when it is known and not before.
Beside the champion stand its challengers, and LightGBM on the same features: cross-fitted on everything where there are
no dates, trained anew each day on the labels known by then where there are (each week in the simulated bank, which
also shows how long everybody needs after a drift).
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console
from rich.table import Table

from benchmarks.quality import simulator_drift as drift
from benchmarks.quality.cmb_silence import observe_cmb, silence
from benchmarks.quality.labelled import Floats, Labelled
from benchmarks.quality.learners import LEARNERS
from benchmarks.quality.offline import cross_fitted, rolling
from benchmarks.quality.prequential import prequential
from benchmarks.quality.savings import read_savings, shuffled
from benchmarks.quality.score_cost import scoring_us
from benchmarks.quality.weekly import Observed
from models.decay import DAY_MS
from models.score_metrics import Quality, quality

CHAMPION = "champion"
LIGHTGBM = "LightGBM"
SIMULATED = "simulator_drift"
SCORED_AT_ONCE = 1_000
COST_ROUNDS = 5
Measured: TypeAlias = dict[str, list[Quality]]
"""By learner: a figure for each order in which the examples came."""


def judge(examples: Labelled, scores: Floats) -> Quality:
    """The figures over the examples that are judged."""
    return quality(examples.labels[examples.judged].astype(float), scores[examples.judged])


def savings_churn(directory: Path, orders: int, names: list[str]) -> tuple[Measured, int]:
    """In several orders; LightGBM does not mind the order, so that only what is judged differs."""
    customers = read_savings(directory)
    offline = cross_fitted(customers)
    measured: Measured = {name: [] for name in names}
    by_setting: list[list[Quality]] = [[] for _ in offline]
    for seed in range(orders):
        examples, order = shuffled(customers, seed)
        for name in names:
            measured[name].append(judge(examples, prequential(examples, LEARNERS[name])))
        for kept, scores in zip(by_setting, offline, strict=True):
            kept.append(judge(examples, scores[order]))
    measured[LIGHTGBM] = max(by_setting, key=lambda kept: statistics.mean(one.auc for one in kept))
    return measured, customers.matured()


def cmb_silence(observed: Observed, days: int, names: list[str]) -> tuple[Measured, int]:
    """In the one order that there is."""
    examples = silence(observed, days)
    measured = {name: [judge(examples, prequential(examples, LEARNERS[name]))] for name in names}
    offline = [judge(examples, scores) for scores in rolling(examples, DAY_MS)]
    measured[LIGHTGBM] = [max(offline, key=lambda one: one.auc)]
    return measured, examples.matured()


def line(measured: Measured, matured: int) -> dict[str, Any]:
    """What the line of JSON says of a scenario."""
    ours, theirs = _mean(measured[CHAMPION]), _mean(measured[LIGHTGBM])
    return {
        "auc": round(ours.auc, 4),
        "auc_lightgbm": round(theirs.auc, 4),
        "pr_auc": round(ours.pr_auc, 4),
        "pr_auc_lightgbm": round(theirs.pr_auc, 4),
        "ece": round(ours.ece, 4),
        "log_loss": round(ours.log_loss, 4),
        "matured": matured,
        "judged": int(ours.examples),
    }


def _mean(figures: list[Quality]) -> Quality:
    return Quality(*(statistics.mean(values) for values in zip(*figures, strict=True)))


def _show(console: Console, scenario: str, measured: Measured, matured: int, taken_s: float) -> None:
    title = f"{scenario}: {matured:,} labels matured, {measured[CHAMPION][0].examples:,} judged ({taken_s:.0f} s)"
    table = Table("", "ROC AUC", "of LightGBM's", "PR AUC", "of LightGBM's", "log loss", "Brier", "ECE", title=title)
    best = _mean(measured[LIGHTGBM])
    for name, figures in measured.items():
        mean = _mean(figures)
        parts = (mean.auc, mean.auc / best.auc, mean.pr_auc, mean.pr_auc / best.pr_auc)
        table.add_row(name, *(f"{part:.4f}" for part in (*parts, mean.log_loss, mean.brier, mean.ece)))
    console.print(table)


def main() -> None:
    """Measure, print the tables, end with the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recorded", type=Path, required=True, help="directory of the recorded data")
    parser.add_argument("--orders", type=int, default=5, help="orders of the savings customers")
    parser.add_argument("--champion-only", action="store_true", help="leave the challengers out")
    parser.add_argument("--only", action="append", help="a scenario; may be given several times")
    arguments = parser.parse_args()
    console = Console(width=130)
    names = [CHAMPION] if arguments.champion_only else list(LEARNERS)
    observed: list[Observed] = []

    def seen() -> Observed:
        if not observed:
            observed.append(observe_cmb(arguments.recorded))
        return observed[0]

    lines: dict[str, Any] = {}

    def simulated() -> tuple[Measured, int]:
        found = drift.measure(drift.observe_bank(drift.PARAMETERS))
        drift.show_drift(console, found)
        lines[SIMULATED] = drift.line(found)
        return {LIGHTGBM if name == drift.WEEKLY else name: [one] for name, one in found.figures.items()}, found.matured

    scenarios: dict[str, Callable[[], tuple[Measured, int]]] = {
        "savings_churn": lambda: savings_churn(arguments.recorded, arguments.orders, names),
        "cmb_silence_7": lambda: cmb_silence(seen(), 7, names),
        "cmb_silence_21": lambda: cmb_silence(seen(), 21, names),
        SIMULATED: simulated,
    }
    for scenario in arguments.only or scenarios:
        run = scenarios[scenario]
        started_s = time.perf_counter()
        measured, matured = run()
        _show(console, scenario, measured, matured, time.perf_counter() - started_s)
        lines.setdefault(scenario, line(measured, matured))
    cost_us = statistics.median(_costs())
    console.print(f"scoring, features not included: {cost_us:.2f} µs a customer at {SCORED_AT_ONCE:,}")
    print(json.dumps({**lines, "scoring_us_a_customer": round(cost_us, 2)}))


def _costs() -> Iterator[float]:
    for _ in range(COST_ROUNDS):
        yield scoring_us(SCORED_AT_ONCE)


if __name__ == "__main__":
    main()
