"""The ground truth: what was planted, in terms of what can be seen in the events."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from models.events import Tier
from streams.simulator.parameters import SimulationParameters

AttritionKind = Literal[
    "gradual_drain",
    "goes_silent",
    "service_failure",
    "payroll_lost",
    "sudden_exit",
    "life_event",
]
Ending = Literal["closed", "collapsed", "silent"]
DecoyKind = Literal[
    "house_purchase",
    "holiday_silence",
    "seasonal_spender",
    "own_account_move",
    "job_change",
    "deposit_reinvested",
]
Verdict = Literal["met", "late", "cancelled", "undecided"]


class Attriter(Struct, frozen=True, kw_only=True):
    """A customer who leaves.

    ``onset_at`` is when it begins to show. ``attrited_at`` is the closure of the last account, the moment when the
    balance has collapsed, or, for silence, the last thing the customer did; None when the simulated time ends before.
    ``last_activity_at`` is the last event of the customer's own doing (None: none at all). ``signals_reversed``:
    left under the drifted regime, with some signals meaning their opposite.
    """

    customer_id: str
    kind: AttritionKind
    reason: str
    ending: Ending
    tier: Tier
    onset_at: datetime
    attrited_at: datetime | None
    last_activity_at: datetime | None
    closed_by: Literal["customer", "bank"] | None
    signals_reversed: bool


class Decoy(Struct, frozen=True, kw_only=True):
    """A customer who for a while looks like leaving, from ``began_at`` to ``ended_at``, and stays."""

    customer_id: str
    kind: DecoyKind
    began_at: datetime
    ended_at: datetime


class Episode(Struct, frozen=True, kw_only=True):
    """Planted repeated inquiries: inbound contacts for one reason, all within seven times 24 hours.

    The customer may have further contacts for the same reason by chance or as a retry after an abandoned call.
    """

    customer_id: str
    reason: str
    contacted_at: list[datetime]
    event_ids: list[str]
    led_to: Literal["nothing", "complaint", "leaving"]


class CaseStep(Struct, frozen=True, kw_only=True):
    """A step as it is in the events."""

    step: str
    at: datetime
    event_id: str


class CaseClock(Struct, frozen=True, kw_only=True):
    """One promise on one cycle of a case (cycle 0 from ``received``, the next from ``reopened``).

    ``due_at`` is stated for wall-time clocks only. ``done_at`` is when the step came, if it came. The verdict of a
    working-day clock holds under any calendar: it is "undecided" wherever a calendar could matter, where the
    simulated time ended too early, or where a profile may well differ on what stops the clock.
    """

    profile: Literal["care", "crm"]
    clock: str
    cycle: int
    started_at: datetime
    due_at: datetime | None
    done_at: datetime | None
    verdict: Verdict


class Case(Struct, frozen=True, kw_only=True):
    """One complaint with all its steps.

    ``late``: (profile, clock) of the wall-time clocks that were broken. ``planted_late_steps``: steps that broke a
    working-day clock by more than two working days under any calendar. ``process_failures``: planted breaches of
    the process itself, such as a compensation that nobody approved.
    """

    case_id: str
    customer_id: str
    origin: Literal["spontaneous", "after_inquiries", "service_failure"]
    steps: list[CaseStep]
    clocks: list[CaseClock]
    late: list[tuple[str, str]]
    planted_late_steps: list[str]
    process_failures: list[str]


class Newcomer(Struct, frozen=True, kw_only=True):
    """A customer who joins within the simulated time; ``welcomed_at`` is the welcome call, if there is one."""

    customer_id: str
    joined_at: datetime
    welcomed_at: datetime | None


class Truth(Struct, frozen=True, kw_only=True):
    """Everything that was planted, each list in the order of customer ids; JSON-able with `msgspec.json.encode`."""

    parameters: SimulationParameters
    began_at: datetime
    ended_at: datetime
    events_by_type: dict[str, int]
    attriters: list[Attriter]
    decoys: list[Decoy]
    episodes: list[Episode]
    cases: list[Case]
    newcomers: list[Newcomer]
