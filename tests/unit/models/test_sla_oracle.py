"""SLA clocks against a walk through every minute of the case."""

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from config.calendars import CalendarPolicy
from config.complaint_policies import ClockPolicy
from models import sla
from models.events import Complaint, epoch_ms
from tests.unit.models.case_builders import MINUTE_MS, runs
from tests.unit.models.case_strategies import (
    BUSINESS,
    WALL,
    at_midnights,
    calendars,
    cases,
    clocks,
    compiled_clock,
    midnight_ms,
)
from tests.unit.models.clock_oracle import Happened, Walk

ROUNDING_MS = 3
"""Parts of a day of 23 or 25 hours are whole numbers that do not divide it evenly: one for each stretch of a run."""


def happened(told: list[Complaint]) -> list[Happened]:
    says = ({"priority": one.priority, "extension": one.extension} for one in told)
    return [
        (epoch_ms(one.occurred_at) // MINUTE_MS, one.step, {name: value for name, value in said.items() if value})
        for one, said in zip(told, says, strict=True)
    ]


def check(policy: ClockPolicy, days: CalendarPolicy, told: list[Complaint], later: int) -> None:
    [run] = runs(compiled_clock(policy, days), told)
    asked_at = happened(told)[-1][0] + later
    expected = Walk(policy, days).to(asked_at, happened(told))
    assert abs(sla.used(run, asked_at * MINUTE_MS) - expected.used * MINUTE_MS) <= ROUNDING_MS
    due_ms = sla.deadline(run)
    assert (due_ms is None) is (expected.due is None)
    if due_ms is not None and expected.due is not None:
        # The end of a day is no sum of parts: a millisecond more is the next day, and nothing near it is excused.
        rounding_ms = 0 if policy.ends == "day" else ROUNDING_MS
        assert abs(due_ms - expected.due * MINUTE_MS) <= rounding_ms
        near = any(abs(due_ms - minute * MINUTE_MS) <= rounding_ms for minute, _, _ in happened(told))
        if near and expected.due.denominator > 1:
            event("a step within the rounding of the deadline")
            return
    event(expected.says)
    assert sla.verdict(run, asked_at * MINUTE_MS).value == expected.says


later = st.one_of(st.integers(0, 90), st.integers(0, 4 * 1440))


@given(clocks(WALL), calendars(), cases(), later)
def test_wall_time(policy: ClockPolicy, days: CalendarPolicy, told: list[Complaint], later: int) -> None:
    """Deadline, used time and verdict are what counting every minute gives."""
    check(policy, days, told, later)


@given(clocks(BUSINESS), calendars(), cases(), later)
def test_business_hours(policy: ClockPolicy, days: CalendarPolicy, told: list[Complaint], later: int) -> None:
    """Deadline, used time and verdict are what counting the minutes of business hours gives."""
    check(policy, days, told, later)


@pytest.mark.parametrize("unit", ["working_days", "calendar_days"])
@given(st.data(), calendars(), cases(), later)
def test_days(unit: str, data: st.DataObject, days: CalendarPolicy, told: list[Complaint], later: int) -> None:
    """Deadline, used time and verdict are what counting days by their dates gives."""
    check(data.draw(clocks((unit,))), days, told, later)


@pytest.mark.parametrize("unit", ["working_days", "calendar_days"])
@given(st.data(), calendars(), cases(), later)
def test_days_by_a_feed_of_whole_days(
    unit: str, data: st.DataObject, days: CalendarPolicy, told: list[Complaint], later: int
) -> None:
    """What is dated, or asked, at a midnight belongs to the day that begins with it."""
    told = data.draw(at_midnights(told, days.zone))
    last_ms = epoch_ms(told[-1].occurred_at)
    asked_ms = max(midnight_ms(last_ms + later * MINUTE_MS, days.zone), last_ms)
    check(data.draw(clocks((unit,))), days, told, (asked_ms - last_ms) // MINUTE_MS)
