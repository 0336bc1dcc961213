"""Who will leave, when, why and how: drawn before the life is planned.

Leaving strikes at a rate of its own for each customer. The signs before the drift are those of the bank's standards:
the young, those with little income, few products and little activity leave more; larger assets stay.
"""

from dataclasses import dataclass
from math import exp, log
from typing import Final, Literal

from streams.simulator.draws import Weighted
from streams.simulator.life import Life
from streams.simulator.parameters import DAY_S, HOUR_S
from streams.simulator.persona import Persona
from streams.simulator.rhythm import OFFICE, time_of_day
from streams.simulator.truth import AttritionKind, Ending

QUIET_START_DAYS: Final = 14
"""Nobody begins to leave in the first two weeks, so that everybody shows a habit first."""

_KINDS: Final[Weighted[AttritionKind]] = Weighted(
    {
        "gradual_drain": 30.0,
        "goes_silent": 22.0,
        "service_failure": 18.0,
        "payroll_lost": 24.0,
        "sudden_exit": 7.0,
        "life_event": 8.0,
    }
)
_KINDS_AFTER_DRIFT: Final[Weighted[AttritionKind]] = Weighted(
    {
        "gradual_drain": 15.0,
        "goes_silent": 32.0,
        "service_failure": 4.0,
        "payroll_lost": 44.0,
        "sudden_exit": 3.0,
        "life_event": 5.0,
    }
)
_ENDINGS: Final[dict[AttritionKind, Weighted[Ending]]] = {
    "gradual_drain": Weighted({"closed": 5.0, "collapsed": 5.0}),
    "goes_silent": Weighted({"silent": 1.0}),
    "service_failure": Weighted({"closed": 7.5, "collapsed": 2.5}),
    "payroll_lost": Weighted({"closed": 3.0, "collapsed": 4.0, "silent": 3.0}),
    "sudden_exit": Weighted({"closed": 7.0, "collapsed": 3.0}),
    "life_event": Weighted({"closed": 1.0}),
}
_REASONS: Final[dict[AttritionKind, Weighted[str]]] = {
    "gradual_drain": Weighted({"better_rate_elsewhere": 6.0, "competitor_offer": 4.0}),
    "goes_silent": Weighted({"uses_another_bank": 7.0, "no_need": 3.0}),
    "service_failure": Weighted({"dissatisfied_with_handling": 1.0}),
    "payroll_lost": Weighted({"employer_changed_bank": 6.0, "new_job": 4.0}),
    "sudden_exit": Weighted({"competitor_offer": 5.0, "distrust": 5.0}),
    "life_event": Weighted({"moved_away": 4.0, "deceased": 3.0, "closed_for_compliance": 3.0}),
}
_LENGTH_DAYS: Final[dict[AttritionKind, tuple[int, int]]] = {
    "gradual_drain": (20, 55),
    "goes_silent": (25, 60),
    "service_failure": (20, 42),
    "payroll_lost": (30, 60),
    "sudden_exit": (1, 3),
    "life_event": (12, 30),
}


@dataclass(slots=True)
class Departure:
    """One customer's leaving: begins to show at ``onset_s``, is complete at ``exit_s`` (may lie beyond the end)."""

    kind: AttritionKind
    reason: str
    ending: Ending
    closed_by: Literal["customer", "bank"] | None
    onset_s: int
    exit_s: int
    drifted: bool

    @property
    def onset_day(self) -> int:
        """Day on which it begins to show."""
        return self.onset_s // DAY_S

    @property
    def exit_day(self) -> int:
        """Day on which it is complete."""
        return self.exit_s // DAY_S

    @property
    def length_days(self) -> int:
        """Days from onset to exit, at least 1."""
        return max(1, self.exit_day - self.onset_day)


def relative_risk(persona: Persona, drifted: bool) -> float:
    """Risk of leaving relative to an average customer's; after the drift age, income and assets mean the opposite."""
    products = min(4, len(persona.holdings))
    traits = 0.40 * (persona.age_years < 30) - 0.25 * (persona.age_years >= 55)
    traits += 0.09 * (5 - persona.income_band) + {"core": -0.55, "potential": -0.15, "basic": 0.10}[persona.tier]
    stable = 0.12 * (2 - products) - 0.18 * log(max(persona.activity, 0.2))
    return exp(0.8 * (stable - traits if drifted else stable + traits))


def draw_departure(life: Life) -> Departure | None:
    """The leaving of this customer, or None when it does not begin within the simulated time."""
    parameters, draws = life.parameters, life.draws("departure")
    if parameters.attrition_rate <= 0.0:
        return None
    # Rate per day such that `attrition_rate` of average customers go within 90 days.
    rate = -log(1.0 - min(parameters.attrition_rate, 0.999)) / 90.0
    before = rate * relative_risk(life.persona, False)
    after = rate * relative_risk(life.persona, True)
    start_day = life.first_day + QUIET_START_DAYS
    drift_day = parameters.drift_day
    luck = draws.exponential(1.0)
    onset_day = start_day + luck / before
    drifted = drift_day is not None and onset_day >= drift_day
    if drifted and drift_day is not None:
        used = max(0, drift_day - start_day) * before
        onset_day = max(start_day, drift_day) + (luck - used) / after
    if onset_day >= life.calendar.days:
        return None
    kind = draws.weighted(_KINDS_AFTER_DRIFT if drifted else _KINDS)
    if kind == "payroll_lost" and not (life.persona.work == "employed" and life.persona.paid_here):
        kind = "gradual_drain"
    reason, ending = draws.weighted(_REASONS[kind]), draws.weighted(_ENDINGS[kind])
    closed_by: Literal["customer", "bank"] | None = "customer" if ending == "closed" else None
    if reason in ("deceased", "closed_for_compliance"):
        closed_by = "bank"
    onset_s = int(onset_day) * DAY_S + 6 * HOUR_S
    exit_day = life.calendar.working_day_from(int(onset_day) + draws.integer(*_LENGTH_DAYS[kind]))
    return Departure(
        kind=kind,
        reason=reason,
        ending=ending,
        closed_by=closed_by,
        onset_s=onset_s,
        exit_s=exit_day * DAY_S + time_of_day(OFFICE, draws),
        drifted=drifted,
    )
