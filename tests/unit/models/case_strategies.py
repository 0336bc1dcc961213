"""Random calendars, clocks and cases, within a few weeks around the nights in which the clocks change."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from msgspec import structs

from config.calendars import WEEKDAYS, CalendarPolicy
from config.complaint_policies import ClockPolicy
from models.alerts import instant
from models.complaint_rules import Clock
from models.events import Complaint, epoch_ms
from tests.unit.models.case_builders import MINUTE_MS, at, calendar, clock, clock_policy, step

FIRST = date(2026, 2, 1)
UNTIL = date(2026, 9, 30)
BEGIN_MS = at("2026-02-23 00:00", "UTC")
"""Clocks go forward in New York on 8 March, in London on 29 March; they go back in Sydney on 5 April."""
ZONES = ("Asia/Shanghai", "Europe/London", "America/New_York", "Australia/Sydney", "UTC")
HOURS = (
    ["09:00-12:00", "13:30-18:00"],
    ["08:00-20:00"],
    ["00:00-24:00"],
    ["00:30-02:30", "22:00-24:00"],
)
WALL = ("minutes", "hours", "days")
BUSINESS = ("business_minutes", "business_hours")
DAYS = ("working_days", "calendar_days")
LARGEST = {"minutes": 3000, "hours": 50, "business_minutes": 900, "business_hours": 15}
RESET = "progress_reported"


@st.composite
def calendars(draw: st.DrawFn) -> CalendarPolicy:
    """Any week, any hours, some holidays and make-up days."""
    working = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=3, unique=True))
    days = st.lists(st.integers(0, 60).map(lambda days: str(FIRST + timedelta(days=20 + days))), max_size=6)
    holidays = set(draw(days))
    return calendar(
        zone=draw(st.sampled_from(ZONES)),
        hours={weekday: draw(st.sampled_from(HOURS)) for weekday in working},
        working_weekdays=working,
        holidays=sorted(holidays),
        workdays=sorted(set(draw(days)) - holidays),
        first=str(FIRST),
        until=str(UNTIL),
    )


@st.composite
def clocks(
    draw: st.DrawFn, units: tuple[str, ...] = WALL + BUSINESS + DAYS, *, moves: bool = True, ends: bool = True
) -> ClockPolicy:
    """Any clock; with `moves` its target may, and with `ends` a day may have to end first."""
    unit = draw(st.sampled_from(units))
    target = st.integers(1, LARGEST.get(unit, 4))
    changes: dict[str, Any] = {"unit": unit, "target": draw(target), "calendar": "days"}
    if unit in DAYS:
        changes["counting"] = draw(st.sampled_from(("moment", "next_day", "same_day")))
        changes["ends"] = draw(st.sampled_from(("moment", "day"))) if ends else "moment"
    if moves and changes.get("ends") != "day":
        changes["targets"] = [{"when": {"priority": ["high"]}, "target": draw(target)}]
        changes["extensions"] = [
            {"name": "complex", "to": draw(target), "source": "test"},
            {"name": "approved", "by": draw(target), "source": "test"},
        ]
    if moves and draw(st.booleans()):
        changes["reset"] = [RESET]
    changes["warnings"] = draw(st.sampled_from(([], [{"percent": 50}], [{"percent": 10}, {"percent": 90}])))
    return clock_policy(**changes)


_SAID: dict[str, list[dict[str, Any]]] = {
    "received": [{}, {"priority": "high"}],
    "reclassified": [{"priority": "high"}, {"priority": "low"}],
    "extension_granted": [{"extension": "complex"}, {"extension": "approved"}, {"extension": "other"}],
}
STEPS = (
    "paused", "paused", "paused", "resumed", "resumed", "resumed", "reclassified", "extension_granted", RESET,
    "responded",
)  # fmt: skip
CYCLES = (*STEPS, "closed", "closed", "withdrawn", "reopened", "reopened", "called_back")
ENDS = ("", "closed", "closed", "withdrawn")


@st.composite
def cases(
    draw: st.DrawFn,
    names: tuple[str, ...] = STEPS,
    *,
    begins: tuple[str, ...] = ("received",),
    ends: tuple[str, ...] = ENDS,
    after_ms: int = 0,
) -> list[Complaint]:
    """The steps of a case in order, each at a minute of its own: short gaps and long ones, nights and weekends."""
    gap = st.one_of(st.integers(1, 90), st.integers(1, 1440), st.integers(1, 5 * 1440))
    at_ms = after_ms or BEGIN_MS + draw(st.integers(0, 42 * 1440)) * MINUTE_MS
    told: list[Complaint] = []
    for name in (*begins, *draw(st.lists(st.sampled_from(names), max_size=8)), draw(st.sampled_from(ends))):
        if name:
            told.append(_step(draw, name, at_ms))
            at_ms += draw(gap) * MINUTE_MS
    return told


def midnight_ms(at_ms: int, zone: str) -> int:
    """When the local day of an instant began."""
    day = instant(at_ms).astimezone(ZoneInfo(zone)).date()
    return at(f"{day} 00:00", zone)


@st.composite
def at_midnights(draw: st.DrawFn, told: list[Complaint], zone: str) -> list[Complaint]:
    """The same steps in the same order, some of them dated by their day alone: feeds of whole days write midnight."""
    moved: list[Complaint] = []
    for one in told:
        begin_ms = midnight_ms(epoch_ms(one.occurred_at), zone)
        if draw(st.booleans()) and (not moved or epoch_ms(moved[-1].occurred_at) < begin_ms):
            one = structs.replace(one, occurred_at=instant(begin_ms))
        moved.append(one)
    return moved


def _step(draw: st.DrawFn, name: str, at_ms: int) -> Complaint:
    return step(name, at_ms, **draw(st.sampled_from(_SAID.get(name, [{}]))))


def compiled_clock(policy: ClockPolicy, days: CalendarPolicy) -> Clock:
    """A clock by a calendar, compiled."""
    fields = {name: getattr(policy, name) for name in policy.__struct_fields__}
    return clock(days, **fields)
