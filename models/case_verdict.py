"""The last word on a case: what ``ebbwatch.cases`` carries once a case has left the aggregate."""

from datetime import datetime

from msgspec import Struct

from models import sla
from models.alerts import instant
from models.case_state import CaseState
from models.case_view import CaseView
from models.identity import digest_of
from models.sla import ClockRun


class ClockVerdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One clock in one cycle; `target` and `used` are in its unit, `due_at` is the deadline that held."""

    profile: str
    valid_from: str
    clock: str
    cycle: int
    verdict: str
    started_at: datetime
    target: float
    used: float
    unit: str
    due_at: datetime | None = None
    ended_at: datetime | None = None
    extensions: list[str] = []


class RequirementVerdict(Struct, frozen=True, kw_only=True):
    """One requirement in one cycle: met, made_good or missing."""

    profile: str
    requirement: str
    cycle: int
    verdict: str
    asked_at: datetime


class CaseVerdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A case that has left: `ended` says how (closed, withdrawn, abandoned, no_room), `at` when.

    `inferred`: no receipt was ever heard of, so the case began with the first step that was. Of the steps, `unknown`
    have no meaning in the policies, `contradictory` ones did not fit, and `dropped` ones found no room.
    """

    case_id: str
    customer_id: str
    ended: str
    at: datetime
    opened_at: datetime
    closed_at: datetime | None = None
    inferred: bool = False
    cycles: int
    tier: str
    business: str | None = None
    cause: str | None = None
    channel: str | None = None
    region: str | None = None
    priority: str | None = None
    responsibility: str | None = None
    satisfied: bool | None = None
    clocks: list[ClockVerdict]
    requirements: list[RequirementVerdict]
    steps: int
    unknown: int = 0
    contradictory: int = 0
    dropped: int = 0
    policy_version: str
    policy_digest: str


class LateStep(Struct, frozen=True, kw_only=True):
    """A step of a case that had left already: recorded, since nothing else remembers it, and judged by nobody."""

    case_id: str
    customer_id: str
    step: str
    event_id: str
    at: datetime


def verdict_id(customer_id: str, case: CaseState) -> str:
    """16 hex digits that the same case always yields."""
    return digest_of("case", customer_id, case.case_id, str(case.number)).hex()


def case_verdict(customer_id: str, case: CaseState, view: CaseView, ended: str, now_ms: int, at_ms: int) -> CaseVerdict:
    """The last word on `case` as it stands at `now_ms`, said at `at_ms`."""
    line = view.line
    satisfied = line.known.get("satisfied")
    return CaseVerdict(
        case_id=case.case_id,
        customer_id=customer_id,
        ended=ended,
        at=instant(at_ms),
        opened_at=instant(line.opened_ms),
        closed_at=None if line.closed_ms is None else instant(line.closed_ms),
        inferred=line.inferred,
        cycles=line.cycles,
        tier=case.tier,
        **line.stated,
        satisfied=None if satisfied is None else satisfied == "yes",
        clocks=[_clock(profile.policy.valid_from.isoformat(), run, now_ms) for profile, run in view.runs],
        requirements=[
            RequirementVerdict(
                profile=profile.name,
                requirement=asked.demand.policy.name,
                cycle=asked.cycle,
                verdict="met" if asked.met else "missing" if asked.made_good_ms is None else "made_good",
                asked_at=instant(asked.asked_ms),
            )
            for profile, asked in view.asked
        ],
        steps=len(case.milestones) + case.dropped,
        unknown=line.unknown,
        contradictory=line.contradictory,
        dropped=case.dropped,
        policy_version=view.rules.version,
        policy_digest=view.rules.digest,
    )


def _clock(valid_from: str, run: ClockRun, now_ms: int) -> ClockVerdict:
    due_ms = sla.deadline(run)
    ended_ms = run.ended_ms
    return ClockVerdict(
        profile=run.clock.profile,
        valid_from=valid_from,
        clock=run.clock.policy.name,
        cycle=run.cycle,
        verdict=sla.verdict(run, now_ms).value,
        started_at=instant(run.started_ms),
        target=run.clock.amount(run.target),
        used=round(run.clock.amount(sla.used(run, now_ms if ended_ms is None else ended_ms)), 4),
        unit=run.clock.policy.unit,
        due_at=None if due_ms is None else instant(due_ms),
        ended_at=None if ended_ms is None else instant(ended_ms),
        extensions=run.granted,
    )
