"""SLA clocks at the horizon of their calendar: nothing is guessed, and nothing that is known is lost."""

from typing import Any

from models import sla
from models.sla import Verdict
from tests.unit.models.case_builders import around_the_clock, at, clock, only_run, used, words

SHORT = {"until": "2026-09-18"}
"""A calendar that ends with Friday of week 0."""


def test_beyond_the_horizon_nothing_is_guessed_and_a_longer_calendar_tells() -> None:
    """A deadline that the calendar does not reach is unknown; the days that a later calendar adds give it."""
    steps = "received Thu 12:00, paused Fri 12:00, resumed Tue+1 12:00"
    using: dict[str, Any] = {"target": 3, "unit": "working_days"}
    short = only_run(clock(around_the_clock(**SHORT), **using), steps)
    longer = only_run(clock(around_the_clock(), **using), steps)
    assert (sla.verdict(short, at("Wed+1 12:00")), sla.deadline(short), sla.warning_times(short)) == (
        Verdict.UNKNOWN,
        None,
        [],
    )
    assert (sla.verdict(longer, at("Wed+1 12:00")), words(sla.deadline(longer))) == (Verdict.RUNNING, "Thu+1 12:00")


def test_used_time_does_not_shrink_beyond_the_horizon() -> None:
    """What is known to have been used stays used, even where the calendar can tell no more."""
    run = only_run(clock(around_the_clock(**SHORT), target=5, unit="working_days"), "received Thu 00:00")
    assert [used(run, at(time)) for time in ("Fri 12:00", "Sat 00:00", "Sun 12:00")] == [1.5, 2, 2]
    paused = only_run(
        clock(around_the_clock(**SHORT), target=5, unit="working_days"), "received Thu 00:00, paused Sun 12:00"
    )
    assert used(paused, at("Mon+1 00:00")) == 2


def test_a_step_within_the_known_days_is_in_time_for_any_deadline_beyond_them() -> None:
    """What has been kept is met, however little the calendar knows of the day when it would have been due."""
    days = around_the_clock(**SHORT)
    met = only_run(clock(days, target=5, unit="working_days"), "received Thu 12:00, closed Fri 12:00")
    beyond = only_run(clock(days, target=5, unit="working_days"), "received Thu 12:00, closed Sat 12:00")
    assert [sla.verdict(run, at("Sun 12:00")) for run in (met, beyond)] == [Verdict.MET, Verdict.UNKNOWN]


def test_a_target_lowered_into_the_known_days_is_known() -> None:
    """A deadline beyond the horizon does not make unknown what has come nearer since."""
    using = clock(
        around_the_clock(**SHORT),
        target=5,
        unit="working_days",
        targets=[{"when": {"priority": ["high"]}, "target": 1}],
    )
    run = only_run(using, "received Thu 12:00, reclassified{priority=high} Thu 18:00")
    assert (sla.verdict(run, at("Fri 12:01")), words(sla.deadline(run))) == (Verdict.BREACHED, "Fri 12:00")


def test_a_case_from_before_the_calendar_is_unknown() -> None:
    """Days before a calendar's first are as little known as those after its last."""
    run = only_run(clock(target=3, unit="business_hours"), "received 2026-08-31 12:00")
    assert sla.verdict(run, at("2026-09-02 12:00")) is Verdict.UNKNOWN


def test_a_breach_before_the_horizon_stays_one_beyond_it() -> None:
    """That the calendar ends does not excuse what was broken while it was known."""
    steps = "received Mon 09:00, paused Thu 12:00, resumed Mon+1 12:00, closed Tue+1 12:00"
    run = only_run(clock(around_the_clock(**SHORT), target=2, unit="working_days"), steps)
    assert (sla.verdict(run, at("Tue+1 12:00")), words(sla.deadline(run))) == (Verdict.LATE, "Wed 09:00")
