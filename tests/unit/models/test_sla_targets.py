"""What moves the target of an SLA clock, and when it warns."""

from typing import Any

import pytest

from models import sla
from models.sla import Verdict
from tests.unit.models.case_builders import at, clock, only_run, words

BY_PRIORITY: dict[str, Any] = {
    "target": 8,
    "unit": "hours",
    "targets": [
        {"when": {"priority": ["urgent"]}, "target": 1},
        {"when": {"priority": ["urgent", "high"]}, "target": 4},
    ],
}


@pytest.mark.parametrize(
    ("steps", "due"),
    [
        ("received Mon 09:00", "Mon 17:00"),
        ("received{priority=low} Mon 09:00", "Mon 17:00"),
        ("received{priority=high} Mon 09:00", "Mon 13:00"),
        ("received{priority=urgent} Mon 09:00", "Mon 10:00"),
        ("received Mon 09:00, reclassified{priority=high} Mon 10:00", "Mon 13:00"),
        ("received{priority=high} Mon 09:00, reclassified{priority=low} Mon 10:00", "Mon 17:00"),
        # More is used than the new target allows: it breaks at the change, not in the past.
        ("received Mon 09:00, reclassified{priority=high} Mon 15:00", "Mon 15:00"),
        (
            "received Mon 09:00, reclassified{priority=high} Mon 15:00, reclassified{priority=low} Mon 15:30",
            "Mon 15:00",
        ),
    ],
)
def test_target_by_priority(steps: str, due: str) -> None:
    """The first target that fits what is known holds; when that changes, what has been used stays used."""
    assert words(sla.deadline(only_run(clock(**BY_PRIORITY), steps))) == due


def test_a_lowered_target_breaks_a_paused_clock_at_the_change() -> None:
    """Whoever has used five hours of a target that is now four is late, whether the clock runs or is paused."""
    steps = "received Mon 09:00, paused Mon 14:00, reclassified{priority=high} Mon 15:00"
    paused = only_run(clock(**BY_PRIORITY), steps)
    closed = only_run(clock(**BY_PRIORITY), f"{steps}, closed Mon 16:00")
    assert (sla.verdict(paused, at("Mon 15:01")), words(sla.deadline(paused))) == (Verdict.BREACHED, "Mon 15:00")
    assert (sla.verdict(closed, at("Mon 16:00")), words(sla.deadline(closed))) == (Verdict.LATE, "Mon 15:00")


@pytest.mark.parametrize("then", ["paused Mon 15:00", "closed Mon 15:00", "paused Mon 15:00, closed Mon 16:00"])
def test_nothing_of_the_same_instant_undoes_that(then: str) -> None:
    """A case that is paused or closed just when its target was lowered below what is used is late all the same."""
    run = only_run(clock(**BY_PRIORITY), f"received Mon 09:00, reclassified{{priority=high}} Mon 15:00, {then}")
    assert sla.verdict(run, at("Mon 16:00")) in (Verdict.BREACHED, Verdict.LATE)
    assert words(sla.deadline(run)) == "Mon 15:00"


COMPLEX: dict[str, Any] = {
    "target": 15,
    "unit": "calendar_days",
    "counting": "next_day",
    "ends": "day",
    "extensions": [
        {"name": "complex", "to": 30, "source": "test"},
        {"name": "approved", "by": 30, "source": "test"},
    ],
}


@pytest.mark.parametrize(
    ("steps", "target", "reasons"),
    [
        ("received Mon 09:00", 15, []),
        ("received Mon 09:00, extension_granted{extension=complex} Tue 09:00", 30, ["extension:complex"]),
        ("received Mon 09:00, extension_granted{extension=approved} Tue 09:00", 45, ["extension:approved"]),
        (
            "received Mon 09:00, extension_granted{extension=approved} Tue 09:00, "
            "extension_granted{extension=complex} Wed 09:00",
            60,
            ["extension:approved", "extension:complex"],
        ),
        # Granting twice, or what no policy knows, gives nothing more.
        (
            "received Mon 09:00, extension_granted{extension=approved} Tue 09:00, "
            "extension_granted{extension=approved} Wed 09:00, extension_granted{extension=other} Thu 09:00",
            45,
            ["extension:approved"],
        ),
    ],
)
def test_extensions_move_the_target_with_their_reason(steps: str, target: float, reasons: list[str]) -> None:
    """`to` sets what the target is at least, `by` adds to it, and the run keeps what moved it."""
    run = only_run(clock(**COMPLEX), steps)
    assert run.clock.amount(run.target) == target
    assert [why for _, why in run.changes] == reasons


def test_an_extension_after_the_deadline_comes_too_late() -> None:
    """What was broken before anybody extended it stays broken; an extension in time saves it."""
    using: dict[str, Any] = {
        "target": 1,
        "unit": "calendar_days",
        "extensions": [{"name": "more", "by": 9, "source": "test"}],
    }
    late = only_run(clock(**using), "received Mon 09:00, extension_granted{extension=more} Tue 09:01, closed Wed 09:00")
    kept = only_run(clock(**using), "received Mon 09:00, extension_granted{extension=more} Tue 09:00, closed Wed 09:00")
    assert [sla.verdict(run, at("Wed 09:00")) for run in (late, kept)] == [Verdict.LATE, Verdict.MET]


# --- warnings --------------------------------------------------------------------------------------


PERCENT: dict[str, Any] = {"target": 10, "unit": "hours", "warnings": [{"percent": 50}, {"percent": 80}]}


@pytest.mark.parametrize(
    ("changes", "steps", "due"),
    [
        (PERCENT, "received Mon 09:00", ["Mon 14:00", "Mon 17:00"]),
        ({**PERCENT, "warnings": [{"remaining": 1}]}, "received Mon 09:00", ["Mon 18:00"]),
        ({**PERCENT, "warnings": [{"remaining": 1.5}]}, "received Mon 09:00", ["Mon 17:30"]),
        # At lunch: after it. The deadline comes first: before lunch.
        ({**PERCENT, "target": 8}, "received Mon 08:00", ["Mon 13:30", "Mon 14:24"]),
        ({**PERCENT, "target": 5}, "received Mon 08:30", ["Mon 11:00", "Mon 12:00"]),
        # In the night: at the next opening, or at closing time when that would be after the deadline.
        ({**PERCENT, "target": 24}, "received Mon 12:00", ["Tue 09:00", "Tue 09:00"]),
        ({**PERCENT, "target": 12}, "received Mon 17:00", ["Mon 18:00", "Mon 18:00"]),
        ({**PERCENT, "target": 12, "warn_in_hours": False}, "received Mon 17:00", ["Mon 23:00", "Tue 02:36"]),
        # A case that is due within the same night has no other time.
        ({**PERCENT, "target": 2}, "received Mon 23:00", ["Mon 23:00", "Mon 23:00"]),
        # A pause holds back what has not been reached.
        (PERCENT, "received Mon 09:00, paused Mon 15:00", ["Mon 15:00"]),
        (PERCENT, "received Mon 09:00, paused Mon 14:00", ["Mon 14:00"]),
        (PERCENT, "received Mon 09:00, paused Mon 10:00", []),
        (PERCENT, "received Mon 09:00, paused Mon 10:00, resumed Mon 11:00", ["Mon 15:00", "Mon 18:00"]),
        (PERCENT, "received Mon 09:00, paused Mon 21:00", ["Tue 09:00", "Tue 09:00"]),
        # In the clock's unit: a day that remains is a working day.
        (
            {"target": 3, "unit": "working_days", "ends": "day", "warnings": [{"remaining": 1}]},
            "received Thu+1 12:00",
            ["Mon+2 13:30"],
        ),
    ],
)
def test_warnings(changes: dict[str, Any], steps: str, due: list[str]) -> None:
    """A warning comes at its share of the target or ahead of the deadline, and within business hours."""
    assert [words(at_ms) for at_ms in sla.warning_times(only_run(clock(**changes), steps))] == due


def test_without_business_hours_a_warning_comes_when_it_is_due() -> None:
    """A calendar that does not reach so far moves no warning and loses none."""
    using = clock(target=10, unit="days", warnings=[{"percent": 10}, {"percent": 50}])
    run = only_run(using, "received 2026-12-30 20:00")
    assert [words(at_ms) for at_ms in sla.warning_times(run)] == ["Thu+15 20:00", "Mon+16 20:00"]


@pytest.mark.parametrize(("percent", "overrun"), [(100, "Tue+2 09:30"), (50, "Mon+2 16:00"), (10_000, "never")])
def test_overrun_is_told_in_the_unit_of_the_clock(percent: float, overrun: str) -> None:
    """A target is overrun in working time, not by the clock on the wall, and never beyond the calendar."""
    run = only_run(clock(target=5, unit="business_hours", overrun_percent=percent), "received Fri+1 16:00")
    assert (words(sla.deadline(run)), words(sla.overrun_ms(run))) == ("Mon+2 12:00", overrun)


@pytest.mark.parametrize("ends", ["moment", "day"])
def test_overrun_is_never_told_before_the_breach(ends: str) -> None:
    """However little is allowed beyond the target, the deadline passes first, at the end of the day if it is there."""
    run = only_run(clock(target=2, unit="working_days", ends=ends, overrun_percent=0), "received Mon 12:00")
    assert words(sla.deadline(run)) == ("Wed 12:00" if ends == "moment" else "Wed end")
    assert sla.overrun_ms(run) == (sla.deadline(run) or 0) + 1


def test_a_paused_clock_overruns_nothing() -> None:
    """How far a target is overrun is told once time passes again."""
    run = only_run(clock(), "received Mon 09:00, paused Mon 14:00")
    assert sla.overrun_ms(run) is None
