"""What holds of every clock, case and calendar."""

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from config.calendars import CalendarPolicy
from config.complaint_policies import ClockPolicy
from models import sla
from models.case_timeline import Moment
from models.complaint_rules import Clock
from models.events import Complaint, epoch_ms
from models.sla import ClockRun, Verdict
from tests.unit.models.case_builders import MINUTE_MS, case, line, only_run, runs, step
from tests.unit.models.case_strategies import (
    BEGIN_MS,
    CYCLES,
    STEPS,
    UNTIL,
    calendars,
    cases,
    clocks,
    compiled_clock,
)

ROUNDING = 3
"""Parts: those of a day of 23 or 25 hours are whole numbers that do not divide it evenly."""
DAY_MINUTES = 1440


def at_of(told: Complaint) -> int:
    return epoch_ms(told.occurred_at)


def story(run: ClockRun) -> tuple[object, ...]:
    """All that anybody can be told of a run."""
    times = (run.started_ms, run.since_ms, run.broken_ms, run.ended_ms, sla.deadline(run))
    return run.key, times, run.end, run.target, run.used_before, run.spans, run.changes


def so_far(using: Clock, moments: list[Moment], at_ms: int) -> list[ClockRun]:
    return sla.run_clock(using, [moment for moment in moments if moment.at_ms <= at_ms])


# --- used time -------------------------------------------------------------------------------------


@given(clocks(), calendars(), cases(CYCLES), st.data())
def test_used_time_is_monotone(
    policy: ClockPolicy, days: CalendarPolicy, told: list[Complaint], data: st.DataObject
) -> None:
    """As time passes, no cycle has used less than before, whatever happens in between; only a reset begins anew."""
    using = compiled_clock(msgspec.structs.replace(policy, reset=()), days)
    moments = line(told).moments
    last_ms = at_of(told[-1]) + 3 * DAY_MINUTES * MINUTE_MS
    times = sorted(data.draw(st.lists(st.integers(at_of(told[0]), last_ms), min_size=2, max_size=8)))
    before: dict[int, int] = {}
    for at_ms in sorted({*times, *map(at_of, told)}):
        now = {run.cycle: sla.used(run, at_ms) for run in so_far(using, moments, at_ms)}
        assert all(now[cycle] >= used_before for cycle, used_before in before.items())
        before = now


@st.composite
def waits(draw: st.DrawFn) -> tuple[int, int, int]:
    """When a case is received, how long after that a pause begins, and how long it is; in minutes."""
    return (
        draw(st.integers(0, 28 * DAY_MINUTES)),
        draw(st.one_of(st.integers(0, 600), st.integers(0, 4 * DAY_MINUTES))),
        draw(st.one_of(st.integers(1, 600), st.integers(1, 9 * DAY_MINUTES))),
    )


@given(clocks(ends=False, moves=False), calendars(), waits())
def test_a_pause_moves_the_deadline_by_its_working_time(
    policy: ClockPolicy, days: CalendarPolicy, wait: tuple[int, int, int]
) -> None:
    """However long a pause is, what is left of the target stays what it was."""
    using = compiled_clock(policy, days)
    received_ms = BEGIN_MS + wait[0] * MINUTE_MS
    paused_ms = received_ms + wait[1] * MINUTE_MS
    resumed_ms = paused_ms + wait[2] * MINUTE_MS
    through = only_run(using, [step("received", received_ms)])
    held = only_run(using, [step("received", received_ms), step("paused", paused_ms), step("resumed", resumed_ms)])
    without_ms, with_ms = sla.deadline(through), sla.deadline(held)
    assert without_ms is not None
    assert with_ms is not None
    if paused_ms > without_ms:
        assert with_ms == without_ms
        return
    upto, counted_ms = using.measure.upto, through.counted_from_ms
    paused = upto(max(resumed_ms, counted_ms)) - upto(max(paused_ms, counted_ms))
    assert abs(upto(with_ms) - upto(without_ms) - paused) <= ROUNDING


@given(clocks(moves=False), calendars(), waits(), st.integers(0, 3 * DAY_MINUTES))
def test_a_pause_never_counts(
    policy: ClockPolicy, days: CalendarPolicy, wait: tuple[int, int, int], after: int
) -> None:
    """With a pause and a stop that is put off by its working time, as much has been used as without the pause."""
    using = compiled_clock(policy, days)
    received_ms = BEGIN_MS + wait[0] * MINUTE_MS
    paused_ms = received_ms + wait[1] * MINUTE_MS
    resumed_ms = paused_ms + wait[2] * MINUTE_MS
    stopped_ms = paused_ms + after * MINUTE_MS
    through = only_run(using, [step("received", received_ms), step("closed", stopped_ms)])
    measure, counted_ms = using.measure, through.counted_from_ms
    assume(paused_ms >= counted_ms)
    paused = measure.upto(resumed_ms) - measure.upto(paused_ms)
    put_off_ms = max(measure.reach(measure.upto(stopped_ms) + paused), resumed_ms)
    steps = (("received", received_ms), ("paused", paused_ms), ("resumed", resumed_ms), ("closed", put_off_ms))
    held = only_run(using, [step(name, at_ms) for name, at_ms in steps])
    assert abs(sla.used(held, put_off_ms) - sla.used(through, stopped_ms)) <= ROUNDING


@given(clocks(), calendars(), cases(begins=("received", "paused"), ends=("closed", "withdrawn")), st.data())
def test_splitting_a_pause_changes_nothing(
    policy: ClockPolicy, days: CalendarPolicy, told: list[Complaint], data: st.DataObject
) -> None:
    """Resumed and paused again at once, a pause is the one that it was."""
    using = compiled_clock(policy, days)
    run = only_run(using, told)
    pause = data.draw(st.sampled_from([span for span in run.spans if not span.ran]))
    assert pause.to_ms is not None
    split_ms = data.draw(st.integers(pause.from_ms + 1, pause.to_ms - 1))
    split = only_run(using, [*told, step("paused", split_ms), step("resumed", split_ms)])
    assert story(split) == story(run)


# --- order and cycles ------------------------------------------------------------------------------


@given(clocks(), calendars(), st.data())
def test_arrival_order_changes_nothing(policy: ClockPolicy, days: CalendarPolicy, data: st.DataObject) -> None:
    """Steps at the same time and steps told twice included, every order of arrival gives the same runs."""
    using = compiled_clock(policy, days)
    name_and_hour = st.tuples(st.sampled_from((*CYCLES, "received", "whatever")), st.integers(0, 30))
    chosen = data.draw(st.lists(name_and_hour, min_size=1, max_size=12))
    told = [
        step(name, BEGIN_MS + hour * 60 * MINUTE_MS, event_id=f"{number}", priority="high" if number % 3 == 0 else None)
        for number, (name, hour) in enumerate(chosen)
    ]
    arrived = data.draw(st.permutations(told))
    assert case(arrived).milestones == case(told).milestones
    assert line(arrived) == line(told)
    assert runs(using, arrived) == runs(using, told)


@given(clocks(), calendars(), cases(CYCLES), st.data())
def test_reopening_never_rewrites_an_earlier_cycle(
    policy: ClockPolicy, days: CalendarPolicy, told: list[Complaint], data: st.DataObject
) -> None:
    """Whatever comes after a reopening, the runs of the cycles before it stay as they had ended."""
    using = compiled_clock(policy, days)
    reopened_ms = at_of(told[-1]) + data.draw(st.integers(1, 9 * DAY_MINUTES)) * MINUTE_MS
    after = data.draw(cases(CYCLES, begins=(), after_ms=reopened_ms + MINUTE_MS))
    before = runs(using, told)
    now = runs(using, [*told, step("reopened", reopened_ms), *after])
    for run, later in zip(before, now, strict=False):
        if run.end:
            assert later == run
        else:
            assert (later.cycle, later.started_ms, later.ended_ms) == (run.cycle, run.started_ms, reopened_ms)
            assert later.end == "superseded"
            assert sla.used(later, reopened_ms) == sla.used(run, reopened_ms)
            broken = sla.verdict(run, reopened_ms) is Verdict.BREACHED
            assert sla.verdict(later, reopened_ms) is (Verdict.LATE if broken else Verdict.SUPERSEDED)


# --- verdicts --------------------------------------------------------------------------------------


@given(
    clocks(ends=False),
    calendars(),
    cases(tuple(name for name in STEPS if name not in ("reclassified", "extension_granted")), ends=("closed",)),
)
def test_the_deadline_and_the_time_used_say_the_same(
    policy: ClockPolicy, days: CalendarPolicy, told: list[Complaint]
) -> None:
    """In time is who has left something of the target up to the last moment, and who has used more is late."""
    using = compiled_clock(msgspec.structs.replace(policy, reset=()), days)
    moments = line(told).moments
    [run] = sla.run_clock(using, moments)
    assert run.ended_ms is not None
    [before] = so_far(using, moments, run.ended_ms - 1)
    says = sla.verdict(run, run.ended_ms)
    assert says in (Verdict.MET, Verdict.LATE)
    if before.since_ms is not None and before.since_ms < run.ended_ms:
        left = sla.used(before, run.ended_ms - 1) < run.target
        assert (says is Verdict.MET) is (left or run.ended_ms == before.since_ms)
    if sla.used(run, run.ended_ms) < run.target:
        assert says is Verdict.MET
    if sla.used(run, run.ended_ms) > run.target + ROUNDING:
        assert says is Verdict.LATE


@given(clocks(), calendars(), cases(), st.integers(1, 60))
def test_a_shorter_calendar_knows_less_and_nothing_else(
    policy: ClockPolicy, days: CalendarPolicy, told: list[Complaint], last_days: int
) -> None:
    """What a calendar can tell at all, it tells as a longer one does."""
    until = min(UNTIL, told[0].occurred_at.date())
    short = msgspec.structs.replace(
        days,
        until=until.fromordinal(until.toordinal() + last_days),
        holidays=[day for day in days.holidays if day.toordinal() <= until.toordinal() + last_days],
        workdays=[day for day in days.workdays if day.toordinal() <= until.toordinal() + last_days],
    )
    [less], [more] = (runs(compiled_clock(policy, each), told) for each in (short, days))
    for at_ms in (at_of(told[-1]), at_of(told[-1]) + 2 * DAY_MINUTES * MINUTE_MS):
        assert sla.used(less, at_ms) <= sla.used(more, at_ms)
        if sla.verdict(less, at_ms) is not Verdict.UNKNOWN:
            assert sla.verdict(less, at_ms) is sla.verdict(more, at_ms)
        if less.end and not less.uncounted:
            assert sla.used(less, at_ms) == sla.used(more, at_ms)


@given(clocks(), calendars(), cases(ends=("",)))
def test_warnings_come_before_the_deadline_and_in_business_hours(
    policy: ClockPolicy, days: CalendarPolicy, told: list[Complaint]
) -> None:
    """No warning is due after the deadline, and none in the night but where a case begins or ends in it."""
    using = compiled_clock(policy, days)
    [run] = runs(using, told)
    if run.broken_ms is not None:
        return
    due_ms = sla.deadline(run)
    assert using.calendar is not None
    times = sla.warning_times(run)
    assert times == sorted(times)
    for at_ms in times:
        assert due_ms is None or run.since_ms is None or at_ms <= due_ms
        in_hours = using.calendar.next_open_ms(at_ms) == at_ms
        just_closed = using.calendar.next_open_ms(at_ms - 1) == at_ms - 1
        assert in_hours or just_closed or at_ms == run.started_ms


@given(clocks(), calendars(), cases())
def test_spans_touch_and_cover_the_run(policy: ClockPolicy, days: CalendarPolicy, told: list[Complaint]) -> None:
    """A run is told from its start to its end without a gap, and only its last span may be open."""
    [run] = runs(compiled_clock(policy, days), told)
    assert run.spans[0].from_ms == run.started_ms
    assert [span.to_ms for span in run.spans[:-1]] == [span.from_ms for span in run.spans[1:]]
    assert run.spans[-1].to_ms == run.ended_ms
