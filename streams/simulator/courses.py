"""How a complaint runs: the steps of one case with their times, drawn so that every verdict is beyond doubt.

Two kinds of limit are told apart. Wall-time limits (a response within 30 s or 1 h, first progress within 24 h) are
kept or broken with a margin. Working-day limits depend on a calendar that this package does not have; a step is
therefore either within 24 hours of the clock's start (48 for the plan), which is early under any calendar, or so many
calendar days later that no run of holidays (nine days at the Spring Festival of 2026) can excuse it.
"""

from dataclasses import dataclass
from typing import Final, Literal

from models.events import ComplaintStep
from streams.simulator.draws import Draws, Weighted
from streams.simulator.parameters import DAY_S, HOUR_S
from streams.simulator.teller import Responsibility

EARLY_3_WORKING_DAYS_S: Final = 24 * HOUR_S
EARLY_5_WORKING_DAYS_S: Final = 48 * HOUR_S
LATE_3_WORKING_DAYS_S: Final = 20 * DAY_S
LATE_5_WORKING_DAYS_S: Final = 23 * DAY_S

Slowness = Literal["none", "neglected", "investigated", "plan_confirmed", "closed"]
ProcessFailure = Literal[
    "responsibility_missing",
    "plan_not_confirmed",
    "compensation_not_approved",
    "remediation_missing",
    "dissatisfied_not_escalated",
    "callback_by_other_channel",
    "second_callback_missing",
]

_RESPONSIBILITIES: Final[Weighted[Responsibility]] = Weighted({"bank": 5.0, "customer": 3.0, "third_party": 2.0})
_SLOW: Final[Weighted[Slowness]] = Weighted({"investigated": 3.0, "plan_confirmed": 2.0, "closed": 3.0})
_FAILURES: Final[Weighted[ProcessFailure]] = Weighted(
    {
        "responsibility_missing": 2.0,
        "plan_not_confirmed": 2.0,
        "compensation_not_approved": 2.0,
        "remediation_missing": 2.0,
        "dissatisfied_not_escalated": 2.0,
        "callback_by_other_channel": 2.0,
        "second_callback_missing": 2.0,
    }
)


@dataclass(slots=True)
class Step:
    """One step to come, in seconds from the origin, with what the event says besides."""

    step: ComplaintStep
    at_s: int
    responsibility: Responsibility | None = None
    satisfied: bool | None = None
    by_other_channel: bool = False
    cause_changed: bool = False


@dataclass(slots=True)
class Course:
    """All steps of one case in time order, and the breaches of process that were planted."""

    steps: list[Step]
    failures: list[str]


def working_hour(at_s: float, draws: Draws) -> int:
    """This second, or soon after eight in the morning when it falls into the night (22-08 h)."""
    of_day = at_s % DAY_S
    if 8 * HOUR_S <= of_day < 22 * HOUR_S:
        return int(at_s)
    morning = (at_s // DAY_S + (1 if of_day >= 22 * HOUR_S else 0)) * DAY_S + 8 * HOUR_S
    return int(morning + draws.uniform(0, 2_400))


def draw_course(draws: Draws, received_s: int, late_share: float, failure_share: float, badly: bool) -> Course:
    """A whole case. ``badly``: handled late and to the customer's dissatisfaction (it drives the customer away)."""
    if not badly and draws.chance(0.05):
        withdrawn_s = received_s + draws.integer(HOUR_S, 12 * HOUR_S)
        steps = [Step("received", received_s), Step("responded", received_s + draws.integer(3, 25))]
        return Course([*steps, Step("withdrawn", withdrawn_s)], [])
    slowness: Slowness = "none"
    if badly:
        slowness = "neglected" if draws.chance(0.6) else "investigated"
    elif draws.chance(late_share):
        slowness = "neglected" if draws.chance(0.3) else draws.weighted(_SLOW)
    failure: ProcessFailure | None = None
    if draws.chance(failure_share):
        planted: ProcessFailure = draws.weighted(_FAILURES)
        failure = planted
    cycle = _Cycle(draws, slowness, failure, draws.chance(late_share * 0.7), late_share)
    cycle.run("received", received_s, satisfied=not (badly or draws.chance(0.12)))
    if cycle.dissatisfied_s is not None and not badly and draws.chance(0.35):
        again = _Cycle(draws, "none", None, False, 0.0)
        reopened_s = working_hour(cycle.dissatisfied_s + draws.integer(DAY_S, 2 * DAY_S), draws)
        again.run("reopened", reopened_s, satisfied=draws.chance(0.8))
        # The second callback comes in the second cycle.
        first = [step for step in cycle.steps if step.at_s < reopened_s]
        return Course(first + again.steps, [name for name in cycle.failures if name != "second_callback_missing"])
    return Course(cycle.steps, cycle.failures)


class _Cycle:
    """The steps from the beginning of a cycle to its second callback; ``now_s`` is the time reached."""

    def __init__(
        self, draws: Draws, slowness: Slowness, failure: ProcessFailure | None, late_callback: bool, late_share: float
    ) -> None:
        self.draws = draws
        self.slowness = slowness
        self.failure = failure
        self.late_callback = late_callback
        self.late_share = late_share
        self.steps: list[Step] = []
        self.failures: list[str] = []
        self.dissatisfied_s: int | None = None
        self.begun_s = 0
        self.now_s = 0

    def run(self, begin: ComplaintStep, begun_s: int, *, satisfied: bool) -> None:
        self.begun_s = self.now_s = begun_s
        self.steps.append(Step(begin, begun_s))
        self._respond()
        responsibility = self.draws.weighted(_RESPONSIBILITIES)
        self._investigate(responsibility)
        self._agree_plan()
        self._act(responsibility)
        self._call_back(satisfied)

    def _fails(self, failure: ProcessFailure) -> bool:
        if self.failure != failure:
            return False
        self.failures.append(failure)
        return True

    def _next(
        self, step: ComplaintStep, low_h: float, high_h: float, responsibility: Responsibility | None = None
    ) -> None:
        """The next step after some hours, at a time when people work."""
        self.now_s = working_hour(self.now_s + self.draws.uniform(low_h, high_h) * HOUR_S, self.draws)
        self.steps.append(Step(step, self.now_s, responsibility))

    def _wait_until(self, days_low: int, days_high: int) -> None:
        """Nothing happens until so many days after the beginning of the cycle."""
        self.now_s = max(self.now_s, self.begun_s + int(self.draws.uniform(days_low, days_high) * DAY_S))

    def _respond(self) -> None:
        delay_s = self.draws.integer(3, 25)
        if self.draws.chance(self.late_share):
            # Half are late for the care standard (30 s) alone, half for the other one (1 h) as well.
            delay_s = self.draws.integer(45, 2_700) if self.draws.chance(0.5) else self.draws.integer(4_500, 10_000)
        self.now_s = self.begun_s + delay_s
        self.steps.append(Step("responded", self.now_s))

    def _investigate(self, responsibility: Responsibility) -> None:
        if self.slowness == "neglected":
            self._next("progress_reported", 30.0, 60.0)
        else:
            self._next("progress_reported", 0.3, 2.0)
        if self.draws.chance(0.10):
            self._next("paused", 0.1, 0.4)
            self._next("resumed", 0.5, 1.5)
        if self.slowness in ("neglected", "investigated"):
            self._wait_until(21, 26)
        if self._fails("responsibility_missing"):
            self._next("investigated", 0.3, 2.0)
        else:
            self._next("investigated", 0.3, 2.0, responsibility)
        if self.draws.chance(0.05):
            self._next("reclassified", 0.02, 0.1)
            self.steps[-1].cause_changed = True

    def _agree_plan(self) -> None:
        if self.slowness in ("neglected", "investigated"):
            self._wait_until(26, 30)
        elif self.slowness == "plan_confirmed":
            self._wait_until(25, 30)
        self._next("plan_proposed", 0.2, 1.0)
        if not self._fails("plan_not_confirmed"):
            self._next("plan_confirmed", 0.1, 1.0)

    def _act(self, responsibility: Responsibility) -> None:
        if self.slowness == "closed":
            self._wait_until(21, 30)
        if responsibility == "bank":
            # A failure that needs a compensation makes one.
            if self.failure == "compensation_not_approved" or self.draws.chance(0.6):
                self._next("compensation_proposed", 0.1, 0.4)
                if not self._fails("compensation_not_approved"):
                    self._next("compensation_approved", 0.1, 0.4)
            if not self._fails("remediation_missing"):
                self._next("remedied", 0.1, 0.5)
        self._next("closed", 0.05, 0.3)

    def _call_back(self, satisfied: bool) -> None:
        closed_s = self.now_s
        if self.late_callback:
            called_s = working_hour(closed_s + self.draws.uniform(21, 26) * DAY_S, self.draws)
        else:
            called_s = working_hour(closed_s + self.draws.uniform(2, 18) * HOUR_S, self.draws)
            called_s = min(called_s, closed_s + EARLY_3_WORKING_DAYS_S - HOUR_S // 2)
        if self.failure == "dissatisfied_not_escalated":
            satisfied = False
        other = self._fails("callback_by_other_channel")
        self.steps.append(Step("called_back", called_s, satisfied=satisfied, by_other_channel=other))
        self.now_s = called_s
        if not satisfied:
            if not self._fails("dissatisfied_not_escalated"):
                self._next("escalated", 0.5, 3.0)
            self.dissatisfied_s = self.now_s
        if not self._fails("second_callback_missing"):
            again_s = working_hour(called_s + self.draws.uniform(3, 6) * DAY_S, self.draws)
            # Whoever is still dissatisfied now says nothing: the case was escalated the first time.
            soothed = satisfied or self.draws.chance(0.6)
            self.steps.append(Step("called_back", again_s, satisfied=True if soothed else None))
