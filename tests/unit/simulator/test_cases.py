"""Complaint clocks: the truth's verdicts hold, whatever the calendar."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from streams.simulator import Simulation, Truth
from streams.simulator.courses import draw_course
from streams.simulator.draws import Draws
from streams.simulator.parameters import DAY_S, HOUR_S
from streams.simulator.truth import CaseClock

TARGETS = {("care", "responded"): 30, ("crm", "responded"): 3_600}
LIMITS = {"investigated": 3, "plan_confirmed": 5, "called_back": 3, "closed": 3}


def clocks(truth: Truth, *names: str) -> list[CaseClock]:
    return [clock for case in truth.cases for clock in case.clocks if clock.clock in names]


def test_every_step_of_a_life_occurs(bank: Simulation) -> None:
    """All steps of the vocabulary occur except an extension, which the simulated bank never grants."""
    steps = {step.step for case in bank.truth.cases for step in case.steps}
    assert steps == {
        "received",
        "responded",
        "progress_reported",
        "investigated",
        "plan_proposed",
        "plan_confirmed",
        "compensation_proposed",
        "compensation_approved",
        "remedied",
        "closed",
        "called_back",
        "escalated",
        "paused",
        "resumed",
        "reopened",
        "reclassified",
        "withdrawn",
    }


def test_late_wall_clocks_are_late(bank: Simulation) -> None:
    """A response or first progress called late came after its target or not at all; one called met came in time."""
    seen = set()
    for clock in clocks(bank.truth, "responded", "progress_reported"):
        target_s = TARGETS.get((clock.profile, clock.clock), 24 * HOUR_S)
        assert clock.due_at == clock.started_at + timedelta(seconds=target_s)
        if clock.verdict == "met":
            assert clock.done_at is not None
            assert clock.done_at <= clock.due_at
        elif clock.verdict == "late":
            assert clock.done_at is None or clock.done_at > clock.due_at
            assert clock.due_at < bank.truth.ended_at - timedelta(days=1)
        seen.add((clock.profile, clock.clock, clock.verdict))
    for profile, step in (("care", "responded"), ("crm", "responded"), ("care", "progress_reported")):
        assert {(profile, step, "met"), (profile, step, "late")} <= seen


def test_late_lists_sum_up_the_clocks(bank: Simulation) -> None:
    """`late` and `planted_late_steps` are the late clocks of wall time and of working days."""
    for case in bank.truth.cases:
        late = [clock for clock in case.clocks if clock.verdict == "late"]
        assert case.late == [(clock.profile, clock.clock) for clock in late if clock.due_at is not None]
        assert set(case.planted_late_steps) == {clock.clock for clock in late if clock.due_at is None}


def test_most_are_in_time_and_some_are_late(bank: Simulation) -> None:
    """More than half of the decided clocks are met, and at least 5 % are late."""
    verdicts = [clock.verdict for case in bank.truth.cases for clock in case.clocks]
    met, late = verdicts.count("met"), verdicts.count("late")
    assert met > late > 0.05 * (met + late)


def weekdays(day: date) -> bool:
    return day.weekday() < 5


def every_day(_: date) -> bool:
    return True


def nine_days_off(first: date) -> Callable[[date], bool]:
    """Weekdays, except a Saturday-to-Sunday-week holiday as at the Spring Festival of 2026."""
    return lambda day: day.weekday() < 5 and not first <= day < first + timedelta(days=9)


def working_days(begin: date, end: date, works: Callable[[date], bool]) -> int:
    """Working days after ``begin`` up to ``end``, the latter included."""
    return sum(works(begin + timedelta(days=number)) for number in range(1, (end - begin).days + 1))


@pytest.mark.parametrize("off_from", [date(2026, 1, 10), date(2026, 2, 14), date(2026, 3, 14), date(2026, 4, 4)])
def test_no_calendar_changes_a_verdict(bank: Simulation, off_from: date) -> None:
    """Early means at least two working days to spare, late more than two over, under every calendar."""
    decided = 0
    for clock in clocks(bank.truth, *LIMITS):
        if clock.verdict not in ("met", "late"):
            continue
        done_at = clock.done_at or bank.truth.ended_at
        for works in (weekdays, every_day, nine_days_off(off_from)):
            used = working_days(clock.started_at.date(), done_at.date(), works)
            if clock.verdict == "met":
                assert used <= LIMITS[clock.clock] - 2
            else:
                assert used > LIMITS[clock.clock] + 2
            decided += 1
    assert decided > 100


def test_dissatisfied_customers_are_escalated_unless_planted(bank: Simulation) -> None:
    """A dissatisfied call-back is followed by an escalation, except where the truth says it was not."""
    for case in bank.truth.cases:
        steps = [step.step for step in case.steps]
        if "dissatisfied_not_escalated" in case.process_failures:
            assert "escalated" not in steps


def test_process_failures_show(bank: Simulation) -> None:
    """Planted breaches of process are visible in the steps; without them compensations are approved."""
    failures = {name for case in bank.truth.cases for name in case.process_failures}
    assert len(failures) >= 4
    for case in bank.truth.cases:
        steps = [step.step for step in case.steps]
        if "compensation_proposed" in steps and "closed" in steps:
            assert ("compensation_approved" in steps) != ("compensation_not_approved" in case.process_failures)


def test_prompt_cases_are_closed_within_a_day() -> None:
    """Without lateness every step up to closing comes within 24 hours, whenever the complaint came in."""
    for number in range(1_000):
        received_s = 8 * HOUR_S + number * 14 * HOUR_S // 1_000
        course = draw_course(Draws("prompt", number), received_s, 0.0, 0.0, badly=False)
        times = [step.at_s for step in course.steps]
        assert times == sorted(times)
        closed = [step.at_s for step in course.steps if step.step in ("closed", "withdrawn")]
        assert closed[0] - received_s < DAY_S
