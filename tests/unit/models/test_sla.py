"""SLA clocks as their policies specify them: each row is a case in words, and how the promise stands."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from models import sla
from models.sla import Verdict
from tests.unit.models.case_builders import at, clock, line, only_run, runs, used, words


@dataclass(frozen=True, kw_only=True)
class Life:
    """A clock, a case, and what is to be said of it at one time."""

    steps: str
    at: str
    says: Verdict
    due: str
    used: float
    clock: dict[str, Any] = field(default_factory=dict)


HOURS = {"target": 4, "unit": "hours"}
BUSINESS = {"target": 10, "unit": "business_hours"}
DAYS = {"target": 3, "unit": "working_days"}
FROM_NEXT_DAY = {**DAYS, "counting": "next_day", "ends": "day"}

LIVES = {
    # --- wall time: nights and weekends count
    "runs from its start": Life(
        clock=HOURS, steps="received Mon 09:00", at="Mon 10:30", says=Verdict.RUNNING, due="Mon 13:00", used=1.5
    ),
    "is met by a stop at the last moment": Life(
        clock=HOURS, steps="received Mon 09:00, closed Mon 13:00", at="Tue 09:00", says=Verdict.MET, due="Mon 13:00",
        used=4,
    ),
    "is late by a stop a minute after it": Life(
        clock=HOURS, steps="received Mon 09:00, closed Mon 13:01", at="Mon 13:01", says=Verdict.LATE, due="Mon 13:00",
        used=4 + 1 / 60,
    ),
    "is breached while nobody stops it": Life(
        clock=HOURS, steps="received Sat 22:00", at="Sun 02:01", says=Verdict.BREACHED, due="Sun 02:00", used=4 + 1 / 60
    ),
    "holds at the deadline itself": Life(
        clock=HOURS, steps="received Mon 09:00", at="Mon 13:00", says=Verdict.RUNNING, due="Mon 13:00", used=4
    ),
    "has no deadline while it is paused": Life(
        clock=HOURS, steps="received Mon 09:00, paused Mon 10:00", at="Thu 10:00", says=Verdict.PAUSED, due="never",
        used=1,
    ),
    "goes on after the pause with what was left": Life(
        clock=HOURS, steps="received Mon 09:00, paused Mon 10:00, resumed Thu 10:00", at="Thu 11:00",
        says=Verdict.RUNNING, due="Thu 13:00", used=2,
    ),
    "may be stopped while it is paused": Life(
        clock=HOURS, steps="received Mon 09:00, paused Mon 10:00, closed Thu 10:00", at="Thu 11:00", says=Verdict.MET,
        due="never", used=1,
    ),
    "is not saved by a pause after the deadline": Life(
        clock=HOURS, steps="received Mon 09:00, paused Mon 14:00, closed Mon 15:00", at="Mon 15:00", says=Verdict.LATE,
        due="Mon 13:00", used=5,
    ),
    "pauses once, however often it is told": Life(
        clock=HOURS, steps="received Mon 09:00, paused Mon 10:00, paused Mon 11:00, resumed Mon 12:00", at="Mon 12:00",
        says=Verdict.RUNNING, due="Mon 15:00", used=1,
    ),
    "does not mind being resumed while it runs": Life(
        clock=HOURS, steps="received Mon 09:00, resumed Mon 10:00", at="Mon 10:00", says=Verdict.RUNNING,
        due="Mon 13:00", used=1,
    ),
    "begins again at a reset": Life(
        clock={**HOURS, "reset": ["progress_reported"]}, steps="received Mon 09:00, progress_reported Mon 12:00",
        at="Mon 13:00", says=Verdict.RUNNING, due="Mon 16:00", used=1,
    ),
    "a reset ends a pause": Life(
        clock={**HOURS, "reset": ["progress_reported"]},
        steps="received Mon 09:00, paused Mon 10:00, progress_reported Mon 12:00", at="Mon 13:00",
        says=Verdict.RUNNING, due="Mon 16:00", used=1,
    ),
    "a reset after the deadline does not undo the breach": Life(
        clock={**HOURS, "reset": ["progress_reported"]},
        steps="received Mon 09:00, progress_reported Mon 14:00, closed Mon 15:00", at="Mon 15:00",
        says=Verdict.LATE, due="Mon 13:00", used=1,
    ),
    "is cancelled by a withdrawal": Life(
        clock=HOURS, steps="received Mon 09:00, withdrawn Mon 10:00", at="Mon 18:00", says=Verdict.CANCELLED,
        due="Mon 13:00", used=1,
    ),
    "a withdrawal after the deadline does not undo the breach": Life(
        clock=HOURS, steps="received Mon 09:00, withdrawn Mon 14:00", at="Mon 18:00", says=Verdict.LATE,
        due="Mon 13:00", used=5,
    ),
    # --- business hours: 09:00-12:00 and 13:30-18:00, of working days only
    "the lunch break does not count": Life(
        clock={**BUSINESS, "target": 4}, steps="received Mon 11:00", at="Mon 14:30", says=Verdict.RUNNING,
        due="Mon 16:30", used=2,
    ),
    "nor does the night": Life(
        clock=BUSINESS, steps="received Mon 16:00", at="Tue 10:00", says=Verdict.RUNNING, due="Wed 09:30", used=3
    ),
    "a case of the evening begins in the morning": Life(
        clock={**BUSINESS, "target": 1}, steps="received Mon 20:00", at="Tue 09:00", says=Verdict.RUNNING,
        due="Tue 10:00", used=0,
    ),
    "full hours are over when the office closes": Life(
        clock={**BUSINESS, "target": 7.5}, steps="received Mon 09:00", at="Mon 18:00", says=Verdict.RUNNING,
        due="Mon 18:00", used=7.5,
    ),
    "make-up Sundays are worked": Life(
        clock={**BUSINESS, "target": 2}, steps="received Fri 17:00", at="Sun 10:00", says=Verdict.RUNNING,
        due="Sun 10:00", used=2,
    ),
    "a holiday costs nothing": Life(
        clock={**BUSINESS, "target": 2}, steps="received 2026-09-30 17:00", at="2026-10-08 09:30",
        says=Verdict.RUNNING, due="Thu+3 10:00", used=1.5,
    ),
    "a pause over lunch costs nothing and gives nothing": Life(
        clock={**BUSINESS, "target": 4}, steps="received Mon 11:00, paused Mon 12:15, resumed Mon 13:00",
        at="Mon 14:30", says=Verdict.RUNNING, due="Mon 16:30", used=2,
    ),
    "minutes are counted alike": Life(
        clock={**BUSINESS, "target": 90, "unit": "business_minutes"}, steps="received Mon 11:00", at="Mon 13:30",
        says=Verdict.RUNNING, due="Mon 14:00", used=60,
    ),
    # --- working days, counted by their whole length
    "from moment to moment": Life(
        clock=DAYS, steps="received Tue 12:00", at="Wed 18:00", says=Verdict.RUNNING, due="Fri 12:00", used=1.25
    ),
    "over the weekend, of which the Sunday is worked": Life(
        clock=DAYS, steps="received Thu 12:00", at="Sat 12:00", says=Verdict.RUNNING, due="Mon+1 12:00", used=1.5
    ),
    "over an ordinary weekend": Life(
        clock=DAYS, steps="received Thu+1 12:00", at="Mon+2 00:00", says=Verdict.RUNNING, due="Tue+2 12:00", used=1.5
    ),
    "from the next day to its end": Life(
        clock=FROM_NEXT_DAY, steps="received Mon 08:00", at="Tue 06:00", says=Verdict.RUNNING, due="Thu end",
        used=0.25,
    ),
    "the day of receipt costs nothing then": Life(
        clock=FROM_NEXT_DAY, steps="received Mon 08:00, closed Mon 20:00", at="Tue 06:00", says=Verdict.MET,
        due="Thu end", used=0,
    ),
    "nor does a pause on that day": Life(
        clock=FROM_NEXT_DAY, steps="received Mon 08:00, paused Mon 09:00, resumed Mon 20:00", at="Tue 12:00",
        says=Verdict.RUNNING, due="Thu end", used=0.5,
    ),
    "from the beginning of the day of receipt": Life(
        clock={**DAYS, "counting": "same_day", "ends": "day"}, steps="received Mon 18:00", at="Mon 18:00",
        says=Verdict.RUNNING, due="Wed end", used=0.75,
    ),
    "of a day off, the first worked day is the first": Life(
        clock={**DAYS, "counting": "same_day", "ends": "day"}, steps="received Sat+1 18:00", at="Mon+2 12:00",
        says=Verdict.RUNNING, due="Wed+2 end", used=0.5,
    ),
    "from the moment to the end of the day": Life(
        clock={**DAYS, "ends": "day"}, steps="received Tue 12:00", at="Fri 23:59", says=Verdict.RUNNING,
        due="Fri end", used=3 + 719 / 1440,
    ),
    "a pause puts the end of the day off by days": Life(
        clock={**DAYS, "ends": "day"}, steps="received Mon 12:00, paused Tue 12:00, resumed Wed 18:00", at="Wed 18:00",
        says=Verdict.RUNNING, due="Fri end", used=1,
    ),
    "a day off comes too late for the working day before it": Life(
        clock=FROM_NEXT_DAY, steps="received Tue+1 12:00, closed Sat+1 09:00", at="Sat+1 09:00", says=Verdict.LATE,
        due="Fri+1 end", used=3,
    ),
    "what was used up before a pause has the day on which the clock goes on": Life(
        clock={**DAYS, "target": 1, "ends": "day"}, steps="received Mon 12:00, paused Tue 18:00, resumed Thu 00:00",
        at="Thu 06:00", says=Verdict.RUNNING, due="Thu end", used=1.5,
    ),
    "the last millisecond of the day is in time": Life(
        clock=FROM_NEXT_DAY, steps="received Mon 08:00, closed Thu end", at="Fri 09:00", says=Verdict.MET,
        due="Thu end", used=3,
    ),
    "midnight is the next day": Life(
        clock=FROM_NEXT_DAY, steps="received Mon 08:00, closed Fri 00:00", at="Fri 00:00", says=Verdict.LATE,
        due="Thu end", used=3,
    ),
    "a feed of whole days is in time on the last of them": Life(
        clock=FROM_NEXT_DAY, steps="received Mon 00:00, closed Thu 00:00", at="Thu 00:00", says=Verdict.MET,
        due="Thu end", used=2,
    ),
    "a day that is used up at midnight has ended": Life(
        clock={**DAYS, "ends": "day"}, steps="received Tue 00:00", at="Fri 00:00", says=Verdict.BREACHED,
        due="Thu end", used=3,
    ),
    # --- calendar days
    "calendar days count the weekend": Life(
        clock={"target": 3, "unit": "calendar_days", "counting": "next_day", "ends": "day"},
        steps="received Fri 08:00", at="Sat 12:00", says=Verdict.RUNNING, due="Mon+1 end", used=0.5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES.keys())
def test_a_clock_through_its_life(life: Life) -> None:
    """A promise stands as its policy says, is due when it says, and has used what it says."""
    run = only_run(clock(**life.clock), life.steps)
    assert (sla.verdict(run, at(life.at)), words(sla.deadline(run))) == (life.says, life.due)
    assert used(run, at(life.at)) == pytest.approx(life.used, abs=1e-6)


# --- cycles ---------------------------------------------------------------------------------------


def told(steps: str, asked_at: str, **changes: Any) -> list[tuple[int, Verdict, str]]:
    return [
        (run.cycle, sla.verdict(run, at(asked_at)), words(sla.deadline(run))) for run in runs(clock(**changes), steps)
    ]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (
            "received Mon 09:00, closed Mon 10:00, reopened Tue 09:00",
            [(0, "met", "Mon 13:00"), (1, "running", "Tue 13:00")],
        ),
        (
            "received Mon 09:00, closed Mon 15:00, reopened Tue 09:00, closed Tue 10:00",
            [(0, "late", "Mon 13:00"), (1, "met", "Tue 13:00")],
        ),
        # Reopened without having been closed: the first promise is neither kept nor broken.
        ("received Mon 09:00, reopened Mon 11:00", [(0, "superseded", "Mon 13:00"), (1, "breached", "Mon 15:00")]),
        ("received Mon 09:00, reopened Mon 14:00", [(0, "late", "Mon 13:00"), (1, "breached", "Mon 18:00")]),
        (
            "received Mon 09:00, paused Mon 10:00, reopened Tue 09:00",
            [(0, "superseded", "never"), (1, "running", "Tue 13:00")],
        ),
    ],
)
def test_each_reopening_is_a_new_cycle(steps: str, expected: list[tuple[int, str, str]]) -> None:
    """A reopened case is promised anew, and how the promise stood before stays as it was."""
    assert told(steps, "Tue 10:00") == expected


def test_a_clock_runs_once_in_a_cycle() -> None:
    """What has ended does not begin again by a step that would have started it."""
    steps = "received Mon 09:00, closed Mon 10:00, called_back Mon 11:00, escalated Mon 12:00, called_back Mon 13:00"
    using = clock(start=["called_back"], stop=["escalated"])
    assert [(run.started_ms, run.ended_ms) for run in runs(using, steps)] == [(at("Mon 11:00"), at("Mon 12:00"))]


def test_the_first_stop_stands() -> None:
    """Whatever happens to a case after a clock was stopped, it is nothing to that clock in this cycle."""
    stopped = "received Mon 09:00, responded Mon 10:00"
    using = clock(stop=["responded"])
    run = only_run(using, f"{stopped}, paused Mon 11:00, responded Mon 15:00, withdrawn Mon 16:00")
    assert run == only_run(using, stopped)


def test_a_clock_that_nothing_starts_has_no_run() -> None:
    """No run is no promise: neither kept nor broken."""
    assert runs(clock(start=["escalated"]), "received Mon 09:00, closed Mon 10:00") == []


def test_a_run_tells_when_it_ran_and_when_it_was_paused() -> None:
    """The spans of a run touch and cover it from start to end."""
    run = only_run(clock(), "received Mon 09:00, paused Mon 10:00, resumed Mon 11:00, closed Mon 12:00")
    assert [(span.ran, words(span.from_ms), words(span.to_ms)) for span in run.spans] == [
        (True, "Mon 09:00", "Mon 10:00"),
        (False, "Mon 10:00", "Mon 11:00"),
        (True, "Mon 11:00", "Mon 12:00"),
    ]
    assert (run.started_by, run.ended_by) == (f"received@{at('Mon 09:00')}", f"closed@{at('Mon 12:00')}")
    assert run.key == "care/closing/0"


def test_runs_are_pure() -> None:
    """Running a clock twice over the same moments gives equal runs and changes no moment."""
    moments = line("received Mon 09:00, paused Mon 10:00, resumed Mon 11:00, closed Mon 12:00").moments
    using = clock(warnings=[{"percent": 50}])
    before = [(moment.at_ms, moment.step, dict(moment.known)) for moment in moments]
    assert sla.run_clock(using, moments) == sla.run_clock(using, moments)
    assert [(moment.at_ms, moment.step, dict(moment.known)) for moment in moments] == before
