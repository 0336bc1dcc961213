"""SLA clocks: a small machine that is configured, not coded, and pure: the same steps give the same runs.

A clock runs over the moments of a case (`models.case_timeline`), at most once in each cycle. What it has used is
counted in *parts* of its measure (`models.working_time`), and only while it runs: a pause costs nothing, in working
time as in any other. The deadline is the earliest instant at which the target is used up: who has used more is late,
who has used less is in time. Only where the policy lets a day end, the deadline is put off to that.

`run_clock` gives every run of a clock; `deadline`, `used` and `verdict` answer for one run at one time.
"""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct, field

from models.case_timeline import Moment
from models.complaint_rules import Clock
from models.measures import CalendarHorizonError, Unit


class Verdict(StrEnum):
    """How a promise stands. The last four are final, unless an earlier milestone is heard of late."""

    __hash__ = str.__hash__

    RUNNING = "running"
    PAUSED = "paused"
    BREACHED = "breached"
    """The time is over, and the step has not come."""
    UNKNOWN = "unknown"
    """The calendar does not reach that far."""
    MET = "met"
    LATE = "late"
    """The step came after the deadline, or never within the cycle."""
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    """The case was reopened before the time was over."""


_KEPT = {"stopped": Verdict.MET, "cancelled": Verdict.CANCELLED, "superseded": Verdict.SUPERSEDED}


class Span(Struct):
    """A stretch of a run, from `from_ms` to `to_ms` (None: still under way): it ran, or it was paused."""

    ran: bool
    from_ms: int
    to_ms: int | None = None


class ClockRun(Struct, kw_only=True):
    """One clock in one cycle of a case, as far as the moments tell; `key` is "profile/clock/cycle".

    `counted_from_ms` is where counting began (a day may count from its beginning, or only from the next one).
    `used_before` and `since_ms`: parts used up to the latest change, and since when it has been running (None: it is
    not); `origin`: where on its measure it would have had to begin to have used them at a stretch, once that was asked
    for. `deadline_ms` is where the time is over if nothing changes any more; `broken_ms` the deadline that has been
    missed. `beyond_horizon`: the calendar cannot tell the deadline; `uncounted`: nor all the time that has been used.
    `end` is stopped, cancelled or superseded. `changes` name what has moved the target, with its time.
    """

    clock: Clock
    cycle: int
    key: str
    started_ms: int
    started_by: str
    counted_from_ms: int
    target: int
    used_before: int = 0
    since_ms: int | None = None
    origin: int | None = None
    deadline_ms: int | None = None
    broken_ms: int | None = None
    ended_ms: int | None = None
    ended_by: str = ""
    end: str = ""
    beyond_horizon: bool = False
    uncounted: bool = False
    granted: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    changes: list[tuple[int, str]] = field(default_factory=list)


def run_clock(clock: Clock, moments: Sequence[Moment]) -> list[ClockRun]:
    """The runs of `clock` over the moments of a case, one for each cycle in which it was started."""
    runs: list[ClockRun] = []
    run: ClockRun | None = None
    start, heeded, heeds_all, moves = clock.start, clock.heeded, clock.heeds_all, clock.moves
    for moment in moments:
        if run is not None and run.cycle < moment.cycle:
            if not run.end:
                _finish(run, moment.at_ms, "superseded", moment.event_id)
            run = None
        if run is None:
            if (start.every or moment.step in start.names) and start.match(moment.step, moment.said):
                run = _begin(clock, moment)
                runs.append(run)
                _end_at_once(run, moments, moment)
        elif not run.end:
            if run.deadline_ms is not None and run.broken_ms is None and moment.at_ms > run.deadline_ms:
                run.broken_ms = run.deadline_ms
            if heeds_all or moment.step in heeded or (moves and moment.said):
                _step(run, moment)
    return runs


def deadline(run: ClockRun) -> int | None:
    """When the time is over, in ms; None while the clock is paused or the calendar does not reach so far.

    Of a run that has ended it is the deadline that held then.
    """
    return run.deadline_ms if run.broken_ms is None else run.broken_ms


def used(run: ClockRun, at_ms: int) -> int:
    """Parts used by `at_ms`, a time not before the latest change of the run; never less at a later time.

    Beyond the calendar's horizon it is what had been used there.
    """
    return run.used_before if run.since_ms is None else run.used_before + _counted(run, run.since_ms, at_ms)[0]


def verdict(run: ClockRun, at_ms: int) -> Verdict:
    """How the promise stands at `at_ms`, a time not before the latest change of the run."""
    # A step whose own clock runs ahead shows a deadline as missed before its time: it is not, yet.
    broken = run.broken_ms is not None and (run.end != "" or at_ms > run.broken_ms)
    if run.beyond_horizon and not broken:
        return Verdict.UNKNOWN
    if run.end:
        if broken:
            return Verdict.LATE
        return _KEPT[run.end]
    due_ms = deadline(run)
    if due_ms is not None and at_ms > due_ms:
        return Verdict.BREACHED
    return Verdict.RUNNING if run.since_ms is not None else Verdict.PAUSED


def warning_times(run: ClockRun) -> list[int]:
    """When each warning of an unfinished run is due, ascending; those that a pause holds back are left out.

    What had been reached before the clock last changed is due at that change. A warning outside business hours waits
    for the next of them, or comes in the last ones before the deadline.
    """
    if run.beyond_horizon:
        return []
    thresholds = run.clock.thresholds(run.target)
    if run.since_ms is None:
        return [_in_hours(run, run.spans[-1].from_ms) for threshold in thresholds if threshold <= run.used_before]
    try:
        times = [_in_hours(run, _reaches(run, threshold)) for threshold in thresholds]
    except CalendarHorizonError:
        return []
    times.sort()
    return times


def overrun_ms(run: ClockRun) -> int | None:
    """When the target is overrun so far that the breach becomes critical; None when that cannot be told."""
    if run.since_ms is None or run.beyond_horizon:
        return None
    try:
        return max(_reaches(run, round(run.target * run.clock.overrun)), (deadline(run) or 0) + 1)
    except CalendarHorizonError:
        return None


def _begin(clock: Clock, moment: Moment) -> ClockRun:
    run = ClockRun(
        clock=clock,
        cycle=moment.cycle,
        key=f"{clock.key}/{moment.cycle}",
        started_ms=moment.at_ms,
        started_by=moment.event_id,
        counted_from_ms=moment.at_ms,
        target=0,
    )
    _restart(run, moment)
    run.spans.append(Span(True, moment.at_ms))
    return run


def _end_at_once(run: ClockRun, moments: Sequence[Moment], begun: Moment) -> None:
    """End a run by what came at the very instant that began it: steps of one instant have no order of their own."""
    for moment in moments:
        if moment is begun:
            return
        if moment.at_ms == begun.at_ms and moment.cycle == begun.cycle and not run.end:
            if run.clock.cancel.match(moment.step, moment.said):
                _finish(run, begun.at_ms, "cancelled", moment.event_id)
            elif run.clock.stop.match(moment.step, moment.said):
                _finish(run, begun.at_ms, "stopped", moment.event_id)


def _restart(run: ClockRun, moment: Moment) -> None:
    """Count from this moment on, with nothing used."""
    clock, at_ms = run.clock, moment.at_ms
    counted_from_ms = at_ms
    if clock.calendar is not None and clock.policy.counting == "next_day":
        counted_from_ms = clock.calendar.next_day_ms(at_ms)
    elif clock.calendar is not None and clock.policy.counting == "same_day":
        counted_from_ms = clock.calendar.day_begin_ms(at_ms)
    run.counted_from_ms = run.since_ms = counted_from_ms
    run.origin = None
    run.used_before = 0
    run.uncounted = False
    run.granted = []
    run.target = clock.base_target(moment.known)
    _set_deadline(run)


def _step(run: ClockRun, moment: Moment) -> None:
    clock, at_ms, step, said = run.clock, moment.at_ms, moment.step, moment.said
    if clock.cancel.match(step, said):
        _finish(run, at_ms, "cancelled", moment.event_id)
        return
    if clock.stop.match(step, said):
        _finish(run, at_ms, "stopped", moment.event_id)
        return
    if clock.reset.match(step, said):
        _turn(run, at_ms, ran=True)
        _restart(run, moment)
        run.changes.append((at_ms, "reset"))
    elif run.since_ms is not None:
        if clock.pause.match(step, said):
            _stop_counting(run, at_ms)
            _turn(run, at_ms, ran=False)
    elif clock.resume.match(step, said):
        run.since_ms = max(at_ms, run.counted_from_ms)
        run.origin = None
        _turn(run, at_ms, ran=True)
        _set_deadline(run)
    if clock.moves:
        _move_target(run, moment)


def _move_target(run: ClockRun, moment: Moment) -> None:
    """Follow a change of what the target depends on; what has been used stays used."""
    clock, at_ms = run.clock, moment.at_ms
    extension = moment.said.get("extension")
    change = "target"
    if isinstance(extension, str) and extension in clock.extensions and extension not in run.granted:
        run.granted.append(extension)
        change = f"extension:{extension}"
    target = clock.base_target(moment.known)
    to = [reach for name in run.granted if (reach := clock.extensions[name][0]) is not None]
    target = max([target, *to]) + sum(clock.extensions[name][1] for name in run.granted)
    if target == run.target:
        return
    lowered = target < run.target
    run.target = target
    run.changes.append((at_ms, change))
    if run.since_ms is not None:
        _set_deadline(run)
        overused = run.deadline_ms is not None and run.deadline_ms < at_ms
    else:
        overused = lowered and run.used_before > target
    if overused and run.broken_ms is None:
        # More is used than is now allowed: the promise breaks here, not before anybody asked for it.
        run.broken_ms = at_ms


def _stop_counting(run: ClockRun, at_ms: int) -> None:
    assert run.since_ms is not None, "only a running clock counts"
    counted, complete = _counted(run, run.since_ms, at_ms)
    run.used_before += counted
    run.uncounted |= not complete
    # A deadline beyond the horizon is one that a step within the known days is in time for.
    run.beyond_horizon = run.uncounted
    run.since_ms = run.deadline_ms = None


def _finish(run: ClockRun, at_ms: int, end: str, event_id: str) -> None:
    if run.deadline_ms is not None and run.broken_ms is None and at_ms > run.deadline_ms:
        run.broken_ms = run.deadline_ms
    held_ms = run.deadline_ms
    if run.since_ms is not None:
        _stop_counting(run, at_ms)
    run.deadline_ms = held_ms
    run.spans[-1].to_ms = at_ms
    run.ended_ms, run.end, run.ended_by = at_ms, end, event_id


def _turn(run: ClockRun, at_ms: int, *, ran: bool) -> None:
    run.spans[-1].to_ms = at_ms
    if run.spans[-1].from_ms == at_ms:  # what took no time is not told
        run.spans.pop()
        if run.spans and run.spans[-1].ran is ran:
            run.spans[-1].to_ms = None
            return
    run.spans.append(Span(ran, at_ms))


def _set_deadline(run: ClockRun) -> None:
    run.deadline_ms = None
    run.beyond_horizon = run.uncounted
    if run.uncounted:
        return
    try:
        run.deadline_ms = _reaches(run, run.target)
        if run.clock.policy.ends == "day" and run.clock.calendar is not None:
            # The last millisecond of the day: midnight is the next day already, and feeds of whole days write it.
            # What was used up before the clock goes on has the day on which it does, be it from midnight on.
            within_ms = max(run.deadline_ms, (run.since_ms or 0) + 1)
            run.deadline_ms = run.clock.calendar.day_end_ms(within_ms) - 1
    except CalendarHorizonError:
        run.beyond_horizon = True


def _counted(run: ClockRun, from_ms: int, to_ms: int) -> tuple[int, bool]:
    """Parts between two times, as far as the calendar can tell, and whether that is all of them."""
    measure, calendar = run.clock.measure, run.clock.calendar
    to_ms = max(to_ms, from_ms)
    try:
        begun = measure.upto(from_ms) if run.origin is None else run.origin + run.used_before
        return measure.upto(to_ms) - begun, True
    except CalendarHorizonError:
        if calendar is None or not calendar.first_ms <= from_ms <= calendar.until_ms:
            return 0, False
        return measure.upto(calendar.until_ms) - measure.upto(from_ms), False


def _reaches(run: ClockRun, parts: int) -> int:
    """When a running clock will have used `parts`; since its latest change, if it had used them by then."""
    assert run.since_ms is not None, "a paused clock reaches nothing"
    if parts <= run.used_before:
        return run.since_ms
    measure = run.clock.measure
    if run.origin is None:
        run.origin = measure.upto(run.since_ms) - run.used_before
    return measure.reach(run.origin + parts)


def _in_hours(run: ClockRun, at_ms: int) -> int:
    clock = run.clock
    if clock.calendar is None or not clock.warns_in_hours:
        return at_ms
    try:
        opens_ms = clock.calendar.next_open_ms(at_ms)
    except CalendarHorizonError:
        return at_ms  # better in the night than never
    if run.deadline_ms is None or opens_ms < run.deadline_ms:
        return opens_ms
    hours = clock.calendar.measure(Unit.BUSINESS_HOURS)
    return max(hours.reach(hours.upto(at_ms)), run.started_ms)
