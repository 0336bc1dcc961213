"""Scenario `simulator_drift`: the simulated bank, whose truth is known, before and after a drift that breaks weights.

Who is gone within 30 days (`attrition`), of customers observed once a week. On the day of the drift what announced
leaving becomes harmless, and leaving announces itself otherwise (`streams.simulator.drift`). No labels of the new time
are known until 37 days later, whoever learns.

Beside the champion stand itself without its alarm, and LightGBM trained anew every 30 days and every week, on all
labels known by then or on those of the last half year. A week is as good as a day here: nobody is observed more often.
The drift comes in the middle of the 30 days, and of the models trained every 30 days the one that is back first counts.
Everyone has to come back to the same AUC, that of the champion before the drift.
"""

from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.quality.attrition import attrition, gone_ms
from benchmarks.quality.calls import LeadTimes, lead_times, precision_of_calls
from benchmarks.quality.labelled import Floats, Labelled
from benchmarks.quality.learners import Champion, Unwatched
from benchmarks.quality.offline import SETTINGS, rolling_one
from benchmarks.quality.prequential import prequential
from benchmarks.quality.recovery import WindowAuc, auc_before, days_to_recover, windows
from benchmarks.quality.weekly import observe_weekly
from models.decay import DAY_MS
from models.score_metrics import Quality, quality
from streams.simulator import SimulationParameters, is_customer_initiated, simulate

PARAMETERS = SimulationParameters(
    customers=2_000, days=510, drift_day=292, attrition_rate=0.2, newcomer_share=0.5, seed=7
)
CAPACITIES = (3, 10)
"""Calls a day; some 200 customers are observed."""
HALF_YEAR_MS = 182 * DAY_MS
CHAMPION = "champion"
UNWATCHED = "champion without alarm"
MONTHLY = "LightGBM every 30 days"
WEEKLY = "LightGBM every 7 days"
SHOWN_DAYS = (28, 42, 56, 63, 70, 77, 84, 98, 112, 140)


class Calls(NamedTuple):
    """Of so many calls a day: the share that reaches a leaver, by score and by largest outflow."""

    capacity: int
    by_score: float
    by_outflow: float


class Drifted(NamedTuple):
    """What was measured; the dictionaries are by learner."""

    matured: int
    figures: dict[str, Quality]
    before: float
    courses: dict[str, list[WindowAuc]]
    days: dict[str, int | None]
    leads: LeadTimes
    calls: list[Calls]


class Bank(NamedTuple):
    """The observations, who they are of, when those who go are gone, and when the drift begins."""

    examples: Labelled
    customers: list[str]
    gone: dict[str, int]
    drift_ms: int


def observe_bank(parameters: SimulationParameters) -> Bank:
    """Simulate, fold, observe, and label by the truth."""
    with simulate(parameters) as bank:
        observed = observe_weekly(bank.events(), is_customer_initiated)
        truth = bank.truth
    gone = gone_ms(truth, observed.own_ms, observed.last_ms)
    examples, places = attrition(observed, gone)
    began_ms = int(truth.began_at.timestamp() * 1_000)
    drift_ms = began_ms + (parameters.drift_day or 0) * DAY_MS
    return Bank(examples, [observed.customers[place] for place in places], gone, drift_ms)


def measure(bank: Bank) -> Drifted:
    """Let everybody run, and judge them."""
    examples = bank.examples
    scores = {
        CHAMPION: prequential(examples, Champion),
        UNWATCHED: prequential(examples, Unwatched),
    }
    before = auc_before(examples, scores[CHAMPION], bank.drift_ms)
    monthly = [
        rolling_one(examples, 30 * DAY_MS, setting, back) for setting in SETTINGS[:2] for back in (None, HALF_YEAR_MS)
    ]
    best = max(range(len(monthly)), key=lambda place: _judge(examples, monthly[place]).auc)
    scores[MONTHLY] = monthly[best]
    scores[WEEKLY] = rolling_one(examples, 7 * DAY_MS, SETTINGS[best // 2], HALF_YEAR_MS if best % 2 else None)
    courses = {name: windows(examples, ranks, bank.drift_ms) for name, ranks in scores.items()}
    days = {name: days_to_recover(course, before) for name, course in courses.items()}
    back_again = [days_to_recover(windows(examples, ranks, bank.drift_ms), before) for ranks in monthly]
    days[MONTHLY] = min((found for found in back_again if found is not None), default=None)
    outflow = examples.matrix[:, examples.features.index("net_outflow")]
    ours = scores[CHAMPION]

    def reached(ranks: Floats, capacity: int) -> float:
        return precision_of_calls(examples, bank.customers, ranks, capacity)

    return Drifted(
        examples.matured(),
        {name: _judge(examples, ranks) for name, ranks in scores.items()},
        before,
        courses,
        days,
        lead_times(examples, bank.customers, ours, bank.gone, int(examples.at[examples.judged][0])),
        [Calls(capacity, reached(ours, capacity), reached(outflow, capacity)) for capacity in CAPACITIES],
    )


def line(found: Drifted) -> dict[str, Any]:
    """What the line of JSON says."""
    ours, theirs = found.figures[CHAMPION], found.figures[WEEKLY]
    return {
        "auc": round(ours.auc, 4),
        "auc_lightgbm": round(theirs.auc, 4),
        "pr_auc": round(ours.pr_auc, 4),
        "pr_auc_lightgbm": round(theirs.pr_auc, 4),
        "ece": round(ours.ece, 4),
        "log_loss": round(ours.log_loss, 4),
        "matured": found.matured,
        "judged": ours.examples,
        "auc_before_drift": round(found.before, 4),
        "days_to_recover": found.days[CHAMPION],
        "days_to_recover_lightgbm_30d": found.days[MONTHLY],
        "days_to_recover_lightgbm_7d": found.days[WEEKLY],
        "lead_days_median": round(found.leads.median, 1),
        "calls": {
            str(calls.capacity): {
                "precision": round(calls.by_score, 4),
                "lift_over_largest_outflow": round(calls.by_score / calls.by_outflow, 2),
            }
            for calls in found.calls
        },
    }


def show_drift(console: Console, found: Drifted) -> None:
    """The course after the drift, and what the score is worth to those who call."""
    shown = [day for day in SHOWN_DAYS if day <= len(found.courses[CHAMPION])]
    title = f"AUC of the last 28 days, so many days after the drift ({found.before:.4f} before)"
    table = Table("", *map(str, shown), "back within 2 %", title=title)
    for name, course in found.courses.items():
        back = found.days[name]
        cells = (f"{course[day - 1].auc:.3f}" for day in shown)
        table.add_row(name, *cells, "not" if back is None else f"day {back}")
    console.print(table)
    leads = found.leads
    console.print(
        f"first score of 0.3 or more: {leads.warned} of {leads.leavers} leavers have one,"
        f" {leads.median:.0f} days before (quartiles {leads.lower:.0f} and {leads.upper:.0f})"
    )
    for calls in found.calls:
        console.print(
            f"{calls.capacity} calls a day: {calls.by_score:.1%} reach a leaver, {calls.by_outflow:.1%} by largest"
            f" outflow first: lift {calls.by_score / calls.by_outflow:.2f}"
        )


def _judge(examples: Labelled, scores: Floats) -> Quality:
    return quality(examples.labels[examples.judged].astype(float), scores[examples.judged])
