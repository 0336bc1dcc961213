"""Short builders of calendars, policies and cases; a case is told in words, such as ``received Mon 09:00``."""

import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from config.calendars import CalendarPolicy
from config.complaint_policies import ClockPolicy, Complaints, ProfilePolicy, Requirement, Selection
from models import sla
from models.alerts import instant
from models.case_demands import Asked, ask
from models.case_state import CaseState, add_milestone
from models.case_timeline import Timeline, timeline
from models.complaint_rules import Clock, ComplaintRules, Demand, PinnedPolicies
from models.events import Complaint, epoch_ms
from models.working_time import WorkingTime, compiled

SHANGHAI = "Asia/Shanghai"
MONDAY = date(2026, 9, 14)
"""Monday of week 0 in times such as ``Fri 17:00``; ``Fri+2 17:00`` is two weeks later. No holiday comes before +2."""
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MINUTE_MS = 60_000
HOUR_MS = 3_600_000

_STEP = re.compile(r"(?P<step>\w+)(?:\{(?P<said>[^}]*)\})? (?P<day>\S+) (?P<clock>\d\d:\d\d|end)(?:,|$) ?")


# --- times in words --------------------------------------------------------------------------------


def at(text: str, zone: str = SHANGHAI) -> int:
    """The instant of ``Mon 09:00``, ``Mon+1 09:00`` or ``2026-09-14 09:00``, in ms since 1970 UTC.

    ``Mon end`` is the last millisecond of that day.
    """
    day_text, clock = text.split(" ")
    weekday, _, week = day_text.partition("+")
    if weekday in WEEKDAYS:
        day = MONDAY + timedelta(days=WEEKDAYS.index(weekday) + 7 * int(week or 0))
    else:
        day = date.fromisoformat(day_text)
    if clock == "end":
        return at(f"{day + timedelta(days=1)} 00:00", zone) - 1
    return epoch_ms(datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=ZoneInfo(zone)))


def words(at_ms: int | None, zone: str = SHANGHAI) -> str:
    """Inverse of `at`, by weekdays; "never" for no time at all."""
    if at_ms is None:
        return "never"
    local = instant(at_ms).astimezone(ZoneInfo(zone))
    days = (local.date() - MONDAY).days
    week = f"+{days // 7}" if days // 7 else ""
    return f"{WEEKDAYS[days % 7]}{week} {_clock(local)}"


def local(at_ms: int | None, zone: str) -> str:
    """A local date and time with its offset from UTC; "never" for no time at all."""
    if at_ms is None:
        return "never"
    local = instant(at_ms).astimezone(ZoneInfo(zone))
    return f"{local.date()} {_clock(local)} {local.strftime('%z')}"


def _clock(local: datetime) -> str:
    exact = local.strftime("%H:%M:%S.%f")
    if exact == "23:59:59.999000":
        return "end"
    return exact.removesuffix(":00.000000")


# --- cases -----------------------------------------------------------------------------------------


def step(name: str, at_ms: int, event_id: str = "", **fields: Any) -> Complaint:
    """One step of a case, `said` fields as events state them."""
    return Complaint(
        event_id=event_id or f"{name}@{at_ms}",
        customer_id="c",
        occurred_at=instant(at_ms),
        case_id="case",
        step=name,
        **fields,
    )


def steps(text: str, zone: str = SHANGHAI) -> list[Complaint]:
    """Steps told in words: ``received{priority=high} Mon 09:00, closed Tue 10:00``; ``+`` joins several actions."""
    found: list[Complaint] = []
    place = 0
    while place < len(text):
        match = _STEP.match(text, place)
        assert match is not None, f"not a step: {text[place:]}"
        fields: dict[str, Any] = dict(pair.split("=") for pair in (match["said"] or "").split(";") if pair)
        if "satisfied" in fields:
            fields["satisfied"] = fields["satisfied"] == "yes"
        if "actions" in fields:
            fields["actions"] = fields["actions"].split("+")
        at_ms = at(f"{match['day']} {match['clock']}", zone)
        said = f"{{{match['said']}}}" if match["said"] else ""
        found.append(step(match["step"], at_ms, f"{match['step']}{said}@{at_ms}", **fields))
        place = match.end()
    return found


def case(events: list[Complaint] | str, zone: str = SHANGHAI, preferred: str | None = None) -> CaseState:
    """A case whose steps arrive in this order."""
    state = CaseState(case_id="case", policy="policy", tier="basic", number=1)
    for event in steps(events, zone) if isinstance(events, str) else events:
        add_milestone(state, event, epoch_ms(event.occurred_at), preferred)
    return state


def line(events: list[Complaint] | str, zone: str = SHANGHAI, preferred: str | None = None) -> Timeline:
    """The timeline of such a case, by the standard's steps."""
    rules = ComplaintRules(pinned())
    return timeline(case(events, zone, preferred), rules.policy.steps, rules.known_steps)


# --- policies --------------------------------------------------------------------------------------


def calendar(**changes: Any) -> CalendarPolicy:
    """Shanghai's autumn of 2026: split shifts, the National Day holiday, and its make-up working days (调休)."""
    hours = ["09:00-12:00", "13:30-18:00"]
    usual: dict[str, Any] = {
        "zone": SHANGHAI,
        "hours": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), hours),
        "working_weekdays": ["mon", "tue", "wed", "thu", "fri"],
        "holidays": ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"],
        "workdays": ["2026-09-20", "2026-10-10"],
        "first": "2026-09-01",
        "until": "2026-12-31",
        "source": "test",
    }
    return msgspec.convert(usual | changes, CalendarPolicy)


def around_the_clock(**changes: Any) -> CalendarPolicy:
    """Mondays to Fridays from midnight to midnight, without holidays."""
    hours = {weekday: ["00:00-24:00"] for weekday in ("mon", "tue", "wed", "thu", "fri")}
    return calendar(**{"hours": hours, "holidays": [], "workdays": [], **changes})


def clock_policy(**changes: Any) -> ClockPolicy:
    """Four hours from the receipt to the closing, paused and resumed by the steps of those names, unless told else."""
    usual: dict[str, Any] = {
        "name": "closing",
        "title": "Closing",
        "title_zh": "办结",
        "source": "test",
        "start": ["received", "reopened"],
        "stop": ["closed"],
        "pause": ["paused"],
        "resume": ["resumed"],
        "cancel": ["withdrawn"],
        "target": 4,
        "unit": "hours",
    }
    return msgspec.convert(usual | changes, ClockPolicy)


def profile_policy(**changes: Any) -> ProfilePolicy:
    """A profile that promises nothing yet."""
    usual: dict[str, Any] = {
        "name": "care",
        "title": "Care",
        "title_zh": "关怀",
        "source": "test",
        "valid_from": "2020-01-01",
        "action": "Act.",
        "action_zh": "处理。",
    }
    return msgspec.convert(usual | changes, ProfilePolicy)


def clock(days: CalendarPolicy | None = None, overrun_percent: float = 100, **changes: Any) -> Clock:
    """A compiled clock by `calendar()`, or by `days`."""
    calendars: dict[str, WorkingTime] = {"days": compiled(days or calendar(), "days")}
    profile = profile_policy(overrun_percent=overrun_percent)
    return Clock(profile, clock_policy(**{"calendar": "days", **changes}), calendars)


def demand(**changes: Any) -> Demand:
    """A compiled requirement."""
    usual: dict[str, Any] = {"name": "need", "title": "Need", "title_zh": "需要", "source": "test"}
    return Demand(profile_policy(), msgspec.convert(usual | changes, Requirement))


def pinned(
    profiles: list[ProfilePolicy] | None = None,
    selection: list[dict[str, Any]] | None = None,
    calendars: dict[str, CalendarPolicy] | None = None,
    **complaints: Any,
) -> PinnedPolicies:
    """What a case keeps of a policy document."""
    return PinnedPolicies(
        version="test",
        zone=SHANGHAI,
        complaints=Complaints(
            profiles=tuple(profiles or []),
            selection=tuple(msgspec.convert(entry, Selection) for entry in selection or []),
            **complaints,
        ),
        calendars=calendars or {},
    )


# --- results ---------------------------------------------------------------------------------------


def runs(using: Clock, events: list[Complaint] | str, zone: str = SHANGHAI) -> list[sla.ClockRun]:
    """The runs of a clock over a case."""
    return sla.run_clock(using, line(events, zone).moments)


def only_run(using: Clock, events: list[Complaint] | str, zone: str = SHANGHAI) -> sla.ClockRun:
    """The one run of a clock over a case."""
    [run] = runs(using, events, zone)
    return run


def used(run: sla.ClockRun, at_ms: int) -> float:
    """What a run has used by then, in its unit."""
    return run.clock.amount(sla.used(run, at_ms))


def asked(of: Demand, events: list[Complaint] | str, preferred: str | None = None) -> list[Asked]:
    """Where a requirement was called for in a case."""
    return ask(of, line(events, preferred=preferred).moments)
