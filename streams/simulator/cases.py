"""Complaint cases: planned along their course, and what is true about them once the events are written."""

from dataclasses import dataclass, field
from typing import Final, Literal

from models.events import Complaint, ComplaintStep
from streams.simulator import courses
from streams.simulator.draws import Draws, Weighted
from streams.simulator.life import Life
from streams.simulator.parameters import DAY_S, HOUR_S
from streams.simulator.rhythm import CALL_WEEK, WAKING, time_of_day
from streams.simulator.service import PlannedEpisode, plan_episode
from streams.simulator.teller import Channel, Teller
from streams.simulator.truth import Case, CaseClock, CaseStep, Verdict

Origin = Literal["spontaneous", "after_inquiries", "service_failure"]

_BUSINESS: Final = Weighted({"cards": 4.0, "payments": 4.0, "deposits": 2.0, "loans": 1.5, "wealth": 1.5, "app": 2.0})
_BUSINESS_OF_REASON: Final = {
    "transfer_failed": "payments",
    "card_issue": "cards",
    "fee_question": "deposits",
    "app_login": "app",
    "suspicious_payment": "cards",
}
_CAUSE: Final = Weighted({"fee": 3.0, "system_error": 3.0, "delay": 3.0, "staff": 1.5, "misselling": 0.8, "fraud": 1.0})
_PRIORITY: Final = Weighted({"normal": 8.0, "high": 1.7, "urgent": 0.3})
_CHANNELS: Final[Weighted[Channel]] = Weighted({"phone": 5.0, "chat": 3.0, "branch": 1.5, "email": 1.5})
_EPISODE_TO_COMPLAINT: Final = 0.35

_WALL_CLOCKS: Final[tuple[tuple[Literal["care", "crm"], ComplaintStep, int], ...]] = (
    ("care", "responded", 30),
    ("crm", "responded", HOUR_S),
    ("care", "progress_reported", 24 * HOUR_S),
    ("crm", "progress_reported", 24 * HOUR_S),
)
_WORKING_DAY_CLOCKS: Final[tuple[tuple[Literal["care", "crm"], ComplaintStep, ComplaintStep | None, int, int], ...]] = (
    # Profile, step that stops it, step that starts it (None: the cycle's begin), surely early, surely late.
    ("care", "investigated", None, courses.EARLY_3_WORKING_DAYS_S, courses.LATE_3_WORKING_DAYS_S),
    ("care", "plan_confirmed", None, courses.EARLY_5_WORKING_DAYS_S, courses.LATE_5_WORKING_DAYS_S),
    ("care", "called_back", "closed", courses.EARLY_3_WORKING_DAYS_S, courses.LATE_3_WORKING_DAYS_S),
    ("crm", "closed", None, courses.EARLY_3_WORKING_DAYS_S, courses.LATE_3_WORKING_DAYS_S),
)


@dataclass(slots=True)
class PlannedCase:
    """A case as planned; the events come in while the life is run."""

    origin: Origin
    failures: list[str]
    events: list[Complaint] = field(default_factory=list)


def plan_complaints(life: Life, cases: list[PlannedCase]) -> list[PlannedEpisode]:
    """Complaints and repeated inquiries that come over customers who stay and customers who leave alike.

    ``cases`` holds those that are part of leaving; the others are added to it.
    """
    draws = life.draws("complaints")
    episodes: list[PlannedEpisode] = []
    parameters = life.parameters
    at_s = _first_s(life, draws, parameters.complaint_rate)
    if at_s is not None:
        add_case(life, draws, cases, at_s, "spontaneous")
    first_s = _first_s(life, draws, parameters.episode_rate)
    if first_s is not None:
        complains = draws.chance(_EPISODE_TO_COMPLAINT)
        episode = plan_episode(life, draws, first_s, "complaint" if complains else "nothing")
        episodes.append(episode)
        if complains:
            add_case(
                life, draws, cases, episode.last_s + draws.integer(HOUR_S, 30 * HOUR_S), "after_inquiries", episode
            )
    return episodes


def _first_s(life: Life, draws: Draws, rate_90_days: float) -> int | None:
    """When something that happens at this rate first happens, on a weekday's share of calls; None: not in this life."""
    if rate_90_days <= 0.0:
        return None
    day = life.first_day + int(draws.exponential(90.0 / rate_90_days))
    at_s = min(day, life.calendar.days) * DAY_S + time_of_day(WAKING, draws)
    if life.calendar.weekday(day) >= 5 and draws.chance(1.0 - CALL_WEEK[life.calendar.weekday(day)]):
        at_s += 2 * DAY_S
    return at_s if life.timeline.has_customer(at_s) else None


def add_case(
    life: Life,
    draws: Draws,
    cases: list[PlannedCase],
    received_s: int,
    origin: Origin,
    episode: PlannedEpisode | None = None,
    *,
    badly: bool = False,
) -> int:
    """Plan a case received at about this time (moved out of the night); the second at which it is received."""
    received_s = courses.working_hour(received_s, draws)
    if not life.timeline.has_customer(received_s):
        return received_s
    parameters = life.parameters
    course = courses.draw_course(draws, received_s, parameters.late_share, parameters.process_failure_share, badly)
    planned = PlannedCase(origin, course.failures)
    cases.append(planned)
    case_id = f"CASE-{life.teller.name}-{len(cases):02d}"
    channel = life.persona.preferred_channel if draws.chance(0.5) else draws.weighted(_CHANNELS)
    others = [other for other in ("phone", "chat", "branch", "email") if other != life.persona.preferred_channel]
    business = _BUSINESS_OF_REASON[episode.reason] if episode else draws.weighted(_BUSINESS)
    cause, priority = draws.weighted(_CAUSE), draws.weighted(_PRIORITY)
    compensated = False
    for step in course.steps:
        said_channel: str | None = None
        said_cause = said_priority = None
        if step.step == "received":
            said_channel, said_cause, said_priority = channel, cause, priority
        elif step.step == "called_back":
            said_channel = draws.one_of(others) if step.by_other_channel else life.persona.preferred_channel
        elif step.cause_changed:
            said_cause = draws.weighted(_CAUSE)
        by_customer = step.step in ("plan_confirmed", "withdrawn", "reopened")
        plan = life.timeline.customer if by_customer else life.timeline.bank
        plan(
            step.at_s,
            Teller.complaint,
            case_id,
            step.step,
            planned.events,
            business=business if step.step == "received" else None,
            cause=said_cause,
            channel=said_channel,
            priority=said_priority,
            responsibility=step.responsibility,
            satisfied=step.satisfied,
        )
        compensated = compensated or step.step == "compensation_approved"
        if step.step == "remedied" and compensated:
            cents = int(draws.lognormal(120_00, 0.8)) // 1_00 * 1_00 + 1_00
            life.timeline.bank(step.at_s + 60, Teller.receive, cents, "other", "bank")
    return received_s


def case_truth(planned: PlannedCase, life: Life) -> Case | None:
    """What is true about a case, from the events that were written; None when it was never received."""
    events = planned.events
    if not events:
        return None
    written: set[str] = {event.step for event in events}
    clocks = [clock for number, cycle in enumerate(_cycles(events)) for clock in _clocks(number, cycle, life)]
    wall = {(profile, clock) for profile, clock, _ in _WALL_CLOCKS}
    late = [clock for clock in clocks if clock.verdict == "late"]
    late_steps = [clock.clock for clock in late if (clock.profile, clock.clock) not in wall]
    return Case(
        case_id=events[0].case_id,
        customer_id=events[0].customer_id,
        origin=planned.origin,
        steps=[CaseStep(step=event.step, at=event.occurred_at, event_id=event.event_id) for event in events],
        clocks=clocks,
        late=[(clock.profile, clock.clock) for clock in late if (clock.profile, clock.clock) in wall],
        planted_late_steps=list(dict.fromkeys(late_steps)),
        # A failure shows once the step that should have been prevented has been written.
        process_failures=[name for name in planned.failures if _SHOWS_AT[name] in written],
    )


_SHOWS_AT: Final[dict[str, ComplaintStep]] = {
    "responsibility_missing": "investigated",
    "plan_not_confirmed": "closed",
    "compensation_not_approved": "closed",
    "remediation_missing": "closed",
    "dissatisfied_not_escalated": "called_back",
    "callback_by_other_channel": "called_back",
    "second_callback_missing": "called_back",
}


def _cycles(events: list[Complaint]) -> list[list[Complaint]]:
    cycles: list[list[Complaint]] = []
    for event in events:
        if event.step in ("received", "reopened"):
            cycles.append([])
        cycles[-1].append(event)
    return cycles


def _clocks(number: int, cycle: list[Complaint], life: Life) -> list[CaseClock]:
    """Every promise of one cycle; first occurrences count."""
    begun_at = cycle[0].occurred_at
    first: dict[str, Complaint] = {}
    for event in cycle:
        first.setdefault(event.step, event)
    end_s = life.timeline.end_s
    clocks: list[CaseClock] = []

    def seconds(event: Complaint) -> int:
        return round((event.occurred_at - life.parameters.origin).total_seconds())

    begun_s = seconds(cycle[0])
    withdrawn = "withdrawn" in first
    for profile, step, target_s in _WALL_CLOCKS:
        done = first.get(step)
        verdict: Verdict
        if done is not None:
            verdict = "met" if seconds(done) <= begun_s + target_s else "late"
        elif withdrawn:
            verdict = "cancelled"
        else:
            # A replay knows no time beyond its last event; a day's margin leaves no doubt.
            verdict = "late" if begun_s + target_s + DAY_S < end_s else "undecided"
        clocks.append(
            CaseClock(
                profile=profile,
                clock=step,
                cycle=number,
                started_at=begun_at,
                due_at=life.at(begun_s + target_s),
                done_at=done.occurred_at if done else None,
                verdict=verdict,
            )
        )
    for profile, step, start_step, early_s, late_s in _WORKING_DAY_CLOCKS:
        start = cycle[0] if start_step is None else first.get(start_step)
        if start is None:
            continue
        done = first.get(step)
        elapsed_s = (end_s - DAY_S if done is None else seconds(done)) - seconds(start)
        if done is None and withdrawn:
            verdict = "cancelled"
        elif step == "investigated" and done is not None and done.responsibility is None:
            # Facts without a responsibility: profiles may differ on whether that ends the investigation.
            verdict = "undecided"
        elif done is None and "closed" in first and step != "called_back":
            # Closed without the step: profiles may differ on whether closing cancels the clock.
            verdict = "undecided"
        elif elapsed_s >= late_s:
            verdict = "late"
        else:
            verdict = "met" if done is not None and elapsed_s <= early_s else "undecided"
        clocks.append(
            CaseClock(
                profile=profile,
                clock=step,
                cycle=number,
                started_at=start.occurred_at,
                due_at=None,
                done_at=done.occurred_at if done else None,
                verdict=verdict,
            )
        )
    return clocks
