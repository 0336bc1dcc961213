"""Complaint cases within a customer: steps come in, time passes, and every promise is watched at once.

Whatever happens, the whole case is looked at again from its milestones (`models.case_view`) and compared with what has
been told (`CaseState.told`): the difference is what there is to say. So a step that arrives late simply changes the
view, a breach that was none is retracted, and nothing is ever told twice.

Time is the shard's clock alone: a step whose own clock runs ahead makes nothing expire.
"""

from config.complaint_policies import Complaints
from models import case_alerts, counters, sla
from models.alerts import instant
from models.case_alerts import Level, Telling
from models.case_demands import Asked
from models.case_state import (
    DEPARTED,
    DEPARTED_BYTES,
    DIGEST_BYTES,
    MAX_CASES,
    CaseState,
    Told,
    add_milestone,
)
from models.case_verdict import LateStep, case_verdict, verdict_id
from models.case_view import CaseView, view
from models.complaint_rules import Profile
from models.context import ClockEvent, FoldContext, Output, Reason, Stream
from models.counters import count
from models.customer import Customer
from models.decay import DAY_MS, Weights, weights
from models.events import Complaint
from models.identity import digest_of
from models.sla import ClockRun, Verdict

CASE_RULE = "complaint_case"
"""The rule under which steps, arrivals and departures of cases are counted."""
MEMBER_SEPARATOR = "\x1f"
"""Between the customer and the case in a member of an index; no identifier may hold it."""
_BROKEN = (Verdict.BREACHED, Verdict.LATE)


def open_cases_index(profile: str) -> str:
    """Sorted index of the cases on which a profile runs and which are not closed, by the time they were received."""
    return f"cases:{profile}"


def deadlines_index(profile: str, clock: str) -> str:
    """Sorted index of the cases on which a clock is running, by its deadline in ms."""
    return f"sla:{profile}:{clock}"


def on_step(customer: Customer, event: Complaint, at_ms: int, by: Weights, ctx: FoldContext) -> None:
    """Take in one step of a case, whatever it is and however late it comes."""
    case = next((one for one in customer.cases if one.case_id == event.case_id), None)
    if case is None:
        case = _open(customer, event, at_ms, ctx)
        if case is None:
            return
    dropped = case.dropped
    added = add_milestone(case, event, at_ms, customer.profile.preferred_channel)
    if case.dropped > dropped:
        ctx.decide(CASE_RULE, Reason.NO_ROOM)
    elif not added:
        ctx.decide(CASE_RULE, Reason.UNCHANGED)
    if not added:
        return
    if event.step == "called_back" and event.satisfied is False:
        count(customer, counters.DISSATISFIED, by)
    _assess(customer, case, ctx.clock_ms, max(ctx.clock_ms, at_ms), ctx)


def on_due(customer: Customer, due_ms: int, ctx: FoldContext) -> None:
    """Let time pass for the cases that wait for `due_ms`."""
    for case in [one for one in customer.cases if one.due_ms == due_ms]:
        _assess(customer, case, due_ms, due_ms, ctx)


def _open(customer: Customer, event: Complaint, at_ms: int, ctx: FoldContext) -> CaseState | None:
    steps = ctx.pins.current.policy.steps
    left_ms = _left_ms(customer, digest_of(event.case_id))
    # A case that has left comes back by being reopened after that: earlier, the reopening is heard again, or too late.
    if left_ms is not None and (event.step not in steps.reopened or at_ms <= left_ms):
        digest = digest_of(event.case_id, event.customer_id, event.event_id)
        if _left_ms(customer, digest) is not None:
            ctx.decide(CASE_RULE, Reason.UNCHANGED)
            return None
        _remember_departed(customer, digest, at_ms)
        ctx.decide(CASE_RULE, Reason.AFTER_LEAVING)
        late = LateStep(
            case_id=event.case_id,
            customer_id=customer.customer_id,
            step=event.step,
            event_id=event.event_id,
            at=instant(at_ms),
        )
        ctx.outputs.append(Output(Stream.CASES, customer.customer_id, f"late-step.{digest.hex()}", late))
        return None
    if len(customer.cases) >= MAX_CASES:
        _make_room(customer, max(ctx.clock_ms, at_ms), ctx)
    customer.cases_opened += 1
    case = CaseState(case_id=event.case_id, policy=ctx.pins.pin(), tier=customer.tier, number=customer.cases_opened)
    customer.cases.append(case)
    ctx.decide(CASE_RULE, Reason.OPENED if event.step in steps.opened else Reason.INFERRED)
    return case


def _make_room(customer: Customer, at_ms: int, ctx: FoldContext) -> None:
    """Let the case go that matters least: a closed one if there is any, the oldest of them."""
    views = [(case, view(case, ctx.pins.of(case.policy))) for case in customer.cases]
    case, seen = min(views, key=lambda one: (one[1].line.closed_ms is None, one[0].number))
    _leave(customer, case, seen, "no_room", ctx.clock_ms, at_ms, ctx)


def _assess(customer: Customer, case: CaseState, now_ms: int, at_ms: int, ctx: FoldContext) -> None:
    """Compare the case, as it stands at `now_ms`, with what has been told of it; what is new is told at `at_ms`."""
    seen = view(case, ctx.pins.of(case.policy))
    line = seen.line
    _count_oddities(case, seen, ctx)
    telling = Telling(customer, case, seen, now_ms, at_ms, ctx)
    due_ms: list[int] = []
    listed: dict[str, int] = {}
    decided_ms = 0
    if line.closed_ms is None:
        listed = {open_cases_index(profile.name): line.opened_ms for profile in seen.profiles}
    for profile, run in seen.runs:
        due_ms += _tell_clock(telling, profile, run)
        if not run.end and run.deadline_ms is not None:
            listed[deadlines_index(profile.name, run.clock.policy.name)] = run.deadline_ms
        if not run.end:
            decided_ms = max(decided_ms, (sla.deadline(run) or 0) + 1)
    for profile, asked in seen.asked:
        due_ms += _tell_demand(telling, profile, asked)
        decided_ms = max(decided_ms, asked.judged_ms)
    _take_back(telling)
    leaves_ms, ended = _leaving(case, seen, decided_ms, seen.rules.policy)
    if leaves_ms <= now_ms:
        _leave(customer, case, seen, ended, now_ms, at_ms, ctx)
        return
    case.due_ms = min([leaves_ms, *due_ms])
    _list(customer, case, listed, ctx)


def _count_oddities(case: CaseState, seen: CaseView, ctx: FoldContext) -> None:
    line = seen.line
    if line.unknown > case.unknown:
        ctx.decide(CASE_RULE, Reason.UNKNOWN_STEP)
    if line.contradictory > case.contradictory:
        ctx.decide(CASE_RULE, Reason.CONTRADICTORY)
    case.unknown, case.contradictory = line.unknown, line.contradictory


def _tell_clock(telling: Telling, profile: Profile, run: ClockRun) -> list[int]:
    """Tell what is new about one clock; the times to come at which that could change."""
    now_ms, case = telling.now_ms, telling.case
    state = sla.verdict(run, now_ms)
    known = case.told_of(run.key)
    told = known or Told(run.key)
    calendar = run.clock.calendar
    if state is Verdict.UNKNOWN and calendar is not None and told.breach_ms > calendar.until_ms:
        # Days that the calendar does not know told of the breach, and policies were taken back since: it stands.
        return [] if run.end else [calendar.next_day_ms(now_ms)]
    before = (told.revision, told.warned, told.breach_ms, told.ended)
    broken = state in _BROKEN
    warnings = [] if run.end or broken else sla.warning_times(run)
    warned = sum(at_ms <= now_ms for at_ms in warnings)
    if warned < told.warned and not broken:
        # What was used stays used: neither a night nor a resumption ahead of the shard's time takes a warning back.
        reached = sla.used(run, max(now_ms, run.spans[-1].from_ms))
        warned = max(warned, min(told.warned, sum(one <= reached for one in run.clock.thresholds(run.target))))
    overrun_ms = sla.overrun_ms(run) if broken and not run.end and told.level < Level.OVERRUN else None
    _count_clock(telling, run, told, state, warned)
    if broken:
        level = Level.OVERRUN if overrun_ms is not None and overrun_ms <= now_ms else Level.BREACHED
        if level > told.level:
            told.level = level
            trigger = case_alerts.TRIGGERS[level]
            telling.clock(profile, run, told, "updated" if told.open else "raised", trigger)
        if run.end and told.open:
            telling.clock(profile, run, told, "resolved", "late" if run.end == "stopped" else run.end)
    elif told.level >= Level.BREACHED:
        told.level = Level.NONE
        telling.clock(profile, run, told, "retracted", "in_time" if run.end == "stopped" else "moved")
    elif warned > told.warned:
        told.level = Level.DUE_SOON
        telling.clock(profile, run, told, "updated" if told.open else "raised", "due_soon")
    elif told.open and (run.end or not warned):
        told.level = Level.NONE
        telling.clock(profile, run, told, "resolved", case_alerts.ENDS.get(state, "moved"))
    told.warned = warned
    if (told.revision, told.warned, told.breach_ms, told.ended) != before and known is None:
        case.told.append(told)
    if run.end:
        return []
    if state is Verdict.UNKNOWN:
        return [] if calendar is None else [calendar.next_day_ms(max(now_ms, run.started_ms))]
    times = [*warnings]
    due_ms = sla.deadline(run)
    if not broken and due_ms is not None:
        times.append(due_ms + 1)
    if overrun_ms is not None and told.level < Level.OVERRUN:
        times.append(overrun_ms)
    return [at_ms for at_ms in times if at_ms > now_ms]


def _take_back(telling: Telling) -> None:
    """Take back what was told of clocks and requirements that, as is known by now, the case never called for.

    What is heard late can move a step into another cycle, or show that other profiles run.
    """
    case, seen = telling.case, telling.view
    called_for = {run.key for _, run in seen.runs} | {asked.key for _, asked in seen.asked}
    for told in case.told:
        if told.key not in called_for:
            _count_breach(telling, told, 0)
            if told.level or told.open:
                life = "retracted" if told.level >= Level.BREACHED else "resolved"
                told.level = Level.NONE
                telling.unfounded(told, life)
            told.warned, told.ended = 0, ""


def _count_breach(telling: Telling, told: Told, breach_ms: int) -> None:
    """Let the customer's counters hold the breach at that time (0: none), and no other one."""
    customer = telling.customer
    if told.breach_ms == breach_ms:
        return
    profile, clock, _ = told.key.split("/")
    if told.breach_ms:
        count(customer, counters.SLA_BREACH, weights(told.breach_ms, customer.landmark_ms), -1.0)
    if breach_ms:
        count(customer, counters.SLA_BREACH, weights(breach_ms, customer.landmark_ms))
    if not (told.breach_ms and breach_ms):
        telling.ctx.clocks[profile, clock, ClockEvent.BREACHED if breach_ms else ClockEvent.RETRACTED] += 1
    told.breach_ms = breach_ms


def _count_clock(telling: Telling, run: ClockRun, told: Told, state: Verdict, warned: int) -> None:
    """Keep the customer's counters and the metrics; each thing is counted once, and what was none is taken back."""
    ctx, clock = telling.ctx, run.clock
    name = (clock.profile, clock.policy.name)
    broken = state in _BROKEN
    if not broken and not told.breach_ms and warned > told.warned:
        ctx.clocks[*name, ClockEvent.WARNED] += 1
    _count_breach(telling, told, (sla.deadline(run) or telling.now_ms) + 1 if broken else 0)
    if (run.end or state is Verdict.UNKNOWN) and told.ended != state.value:
        if run.end == "stopped" and told.ended in ("", Verdict.UNKNOWN.value) and run.ended_ms is not None:
            ctx.used.append((*name, sla.used(run, run.ended_ms) / run.target))
        told.ended = state.value
        ctx.clocks[*name, ClockEvent(state.value)] += 1


def _tell_demand(telling: Telling, profile: Profile, asked: Asked) -> list[int]:
    """Tell what is new about one requirement; when it will be judged, if that is still to come."""
    case = telling.case
    told = case.told_of(asked.key)
    if asked.met:
        if told is not None and told.level:
            told.level = Level.NONE
            telling.demand(profile, asked, told, "retracted", "in_time")
        return []
    if asked.judged_ms > telling.now_ms:
        return [asked.judged_ms]
    if told is None:
        told = Told(asked.key)
        case.told.append(told)
    if not told.level:
        told.level = Level.BREACHED
        telling.demand(profile, asked, told, "raised", "missing")
    if asked.made_good_ms is not None and told.open:
        telling.demand(profile, asked, told, "resolved", "made_good")
    return []


def _leaving(case: CaseState, seen: CaseView, decided_ms: int, policy: Complaints) -> tuple[int, str]:
    """When the case leaves if nothing more is heard of it, and as what."""
    line = seen.line
    if line.closed_ms is None:
        return case.milestones[-1].at_ms + policy.abandoned_days * DAY_MS, "abandoned"
    # What is still to be decided is waited for, not what is late already.
    return max(line.closed_ms + policy.grace_days * DAY_MS, decided_ms), line.state


def _leave(
    customer: Customer, case: CaseState, seen: CaseView, ended: str, now_ms: int, at_ms: int, ctx: FoldContext
) -> None:
    """Say the last word on a case, close what is open, and forget it."""
    telling = Telling(customer, case, seen, now_ms, at_ms, ctx)
    for profile, run in seen.runs:
        told = case.told_of(run.key)
        if told is not None and told.open:
            telling.clock(profile, run, told, "resolved", "left")
    for profile, asked in seen.asked:
        told = case.told_of(asked.key)
        if told is not None and told.open:
            telling.demand(profile, asked, told, "resolved", "left")
    body = case_verdict(customer.customer_id, case, seen, ended, now_ms, at_ms)
    ctx.outputs.append(
        Output(Stream.CASES, customer.customer_id, f"case.{verdict_id(customer.customer_id, case)}", body)
    )
    _list(customer, case, {}, ctx)
    ctx.decide(CASE_RULE, Reason.LEFT)
    ctx.pins.release(case.policy)
    customer.cases = [one for one in customer.cases if one is not case]
    _remember_departed(customer, digest_of(case.case_id), at_ms)


def _left_ms(customer: Customer, digest: bytes) -> int | None:
    """When what `digest` stands for has left, the latest time of it; None when it has not, as far as is remembered."""
    departed = customer.departed
    for at in range(len(departed) - DEPARTED_BYTES, -1, -DEPARTED_BYTES):
        if departed[at : at + DIGEST_BYTES] == digest:
            return int.from_bytes(departed[at + DIGEST_BYTES : at + DEPARTED_BYTES])
    return None


def _remember_departed(customer: Customer, digest: bytes, at_ms: int) -> None:
    kept = (DEPARTED - 1) * DEPARTED_BYTES
    customer.departed = customer.departed[-kept:] + digest + at_ms.to_bytes(DIGEST_BYTES)


def _list(customer: Customer, case: CaseState, listed: dict[str, int], ctx: FoldContext) -> None:
    """Let the case stand in these indexes and in no other; what has not moved costs the store nothing."""
    if listed == case.listed:
        return
    member = f"{customer.customer_id}{MEMBER_SEPARATOR}{case.case_id}"
    for index in case.listed:
        if index not in listed:
            ctx.rank(index, member, None)
    for index, score in listed.items():
        if case.listed.get(index) != score:
            ctx.rank(index, member, float(score))
    case.listed = listed
