"""What happened to one clock, beat by beat: for whoever has to be told why a promise was kept or broken.

Nothing is reckoned twice: the clock is run (`models.sla`) over ever more of the steps, and what has changed between
two of these runs is the beat.
"""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from models import sla
from models.case_timeline import Moment
from models.complaint_rules import Clock
from models.conditions import hold
from models.sla import ClockRun, Verdict


class Kind(StrEnum):
    """What a beat is."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    RESET = "reset"
    TARGET_MOVED = "target moved"
    EXTENDED = "extended"
    WARNED = "warned"
    BROKE = "broke"
    CALENDAR_ENDS = "calendar ends"
    MET = "met"
    LATE = "late"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class Beat(Struct, frozen=True, kw_only=True):
    """One thing that happened: `used` of `target` parts then, and the deadline from then on (None: there is none).

    `step` and `event_id` name the step that brought it about, if any did; `counts_from_ms` is where counting begins;
    `target_before` what the target was, `extension` what was granted, `choice` which of the policy's `targets` held
    (-1: none of them, so the plain one).
    """

    at_ms: int
    kind: Kind
    used: int
    target: int
    due_ms: int | None
    step: str = ""
    event_id: str = ""
    counts_from_ms: int = 0
    target_before: int = 0
    extension: str = ""
    choice: int = -1


class Bar(Struct, frozen=True):
    """A stretch of a story: `what` is waiting (it does not count yet), ran, paused or overdue."""

    what: str
    from_ms: int
    to_ms: int


class ClockStory(Struct, frozen=True, kw_only=True):
    """One clock in one cycle, as it stands at `at_ms`."""

    run: ClockRun
    at_ms: int
    verdict: Verdict
    beats: list[Beat]
    bars: list[Bar]

    @property
    def until_ms(self) -> int:
        """When it ended, or what it was looked at until."""
        return self.at_ms if self.run.ended_ms is None else self.run.ended_ms

    @property
    def used(self) -> int:
        """Parts used by then."""
        return sla.used(self.run, self.until_ms)

    @property
    def due_ms(self) -> int | None:
        """The deadline, the one that was missed if one was."""
        return sla.deadline(self.run)


def time_span(stories: Sequence[ClockStory]) -> tuple[int, int]:
    """What a picture of these stories (at least one) must show: everything that happened, and deadlines to come."""
    ends = [story.until_ms for story in stories]
    dues = [due for story in stories if not story.run.end and (due := story.due_ms) is not None]
    begin = min(story.run.started_ms for story in stories)
    return begin, max(*ends, *dues, begin + 60_000)


def clock_stories(clock: Clock, moments: Sequence[Moment], at_ms: int) -> list[ClockStory]:
    """The story of `clock` in each cycle; none of `moments` is later than `at_ms`."""
    stories = []
    for final in sla.run_clock(clock, moments):
        beats = _beats(clock, final.cycle, moments, at_ms)
        verdict = sla.verdict(final, at_ms)
        stories.append(
            ClockStory(run=final, at_ms=at_ms, verdict=verdict, beats=beats, bars=_bars(final, beats, verdict, at_ms))
        )
    return stories


def _beats(clock: Clock, cycle: int, moments: Sequence[Moment], at_ms: int) -> list[Beat]:
    beats: list[Beat] = []
    before: ClockRun | None = None
    warned, broke = 0, False
    for place, moment in enumerate(moments):
        runs = [run for run in sla.run_clock(clock, moments[: place + 1]) if run.cycle == cycle]
        if not runs:
            continue
        now = runs[0]
        found = _step_beats(before, now, moment)
        if found and found[-1].kind is Kind.LATE and not broke:
            found.insert(-1, _passing(now, Kind.BROKE, sla.deadline(now) or moment.at_ms))  # at the same instant
        beats += found
        before = now
        if now.end:
            break
        last = place + 1 == len(moments)
        until_ms = at_ms + 1 if last else moments[place + 1].at_ms
        times = [] if now.broken_ms is not None else sla.warning_times(now)
        # A limit that has moved may make a warning due that was given before: it is then given again.
        warned = min(warned, sum(due <= moment.at_ms for due in times))
        for due in times[warned:]:
            if due < until_ms:
                beats.append(_passing(now, Kind.WARNED, max(due, moment.at_ms)))
        warned = sum(due < until_ms for due in times)
        due_ms = sla.deadline(now)
        if not broke and due_ms is not None and due_ms < until_ms - last:
            broke = True
            beats.append(_passing(now, Kind.BROKE, due_ms))
    return beats


def _passing(run: ClockRun, kind: Kind, at_ms: int) -> Beat:
    return Beat(at_ms=at_ms, kind=kind, used=sla.used(run, at_ms), target=run.target, due_ms=sla.deadline(run))


def _step_beats(before: ClockRun | None, now: ClockRun, moment: Moment) -> list[Beat]:
    """What the step at `moment` has done to a run."""
    fitting = (place for place, (when, _) in enumerate(now.clock.targets) if hold(when, moment.known))
    choice = next(fitting, -1)

    def beat(kind: Kind, target_before: int = 0, extension: str = "") -> Beat:
        return Beat(
            at_ms=moment.at_ms,
            kind=kind,
            used=sla.used(now, moment.at_ms),
            target=now.target,
            due_ms=sla.deadline(now),
            step=moment.step,
            event_id=moment.event_id,
            counts_from_ms=now.counted_from_ms,
            target_before=target_before,
            extension=extension,
            choice=choice,
        )

    found: list[Beat] = []
    if before is None:
        found.append(beat(Kind.STARTED))
    if now.end:
        found.append(beat(_END[sla.verdict(now, moment.at_ms)]))
        return found
    if before is not None:
        for _, change in now.changes[len(before.changes) :]:
            if change == "reset":
                found.append(beat(Kind.RESET))
            elif change == "target":
                found.append(beat(Kind.TARGET_MOVED, before.target))
            else:
                found.append(beat(Kind.EXTENDED, before.target, change.partition(":")[2]))
        if not any(one.kind is Kind.RESET for one in found):
            if before.since_ms is not None and now.since_ms is None:
                found.append(beat(Kind.PAUSED))
            elif before.since_ms is None and now.since_ms is not None:
                found.append(beat(Kind.RESUMED))
    if now.beyond_horizon and (before is None or not before.beyond_horizon):
        found.append(beat(Kind.CALENDAR_ENDS))
    return found


_END = {
    Verdict.MET: Kind.MET,
    Verdict.LATE: Kind.LATE,
    Verdict.CANCELLED: Kind.CANCELLED,
    Verdict.SUPERSEDED: Kind.SUPERSEDED,
    Verdict.UNKNOWN: Kind.CALENDAR_ENDS,
}


def _bars(run: ClockRun, beats: list[Beat], verdict: Verdict, at_ms: int) -> list[Bar]:
    waits = [
        (beat.at_ms, beat.counts_from_ms)
        for beat in beats
        if beat.kind in (Kind.STARTED, Kind.RESET) and beat.counts_from_ms > beat.at_ms
    ]
    broke = sla.deadline(run) if verdict in (Verdict.LATE, Verdict.BREACHED) else None
    found: list[Bar] = []
    for span in run.spans:
        end = at_ms if span.to_ms is None else span.to_ms
        edges = {span.from_ms, end, *(edge for wait in waits for edge in wait), *([] if broke is None else [broke])}
        inside = sorted(edge for edge in edges if span.from_ms <= edge <= end)
        for place, right in enumerate(inside[1:]):
            left = inside[place]
            if broke is not None and left >= broke:
                what = "overdue"
            elif not span.ran:
                what = "paused"
            else:
                what = "waiting" if any(begin <= left < until for begin, until in waits) else "ran"
            if found and found[-1].what == what and found[-1].to_ms == left:
                found[-1] = Bar(what, found[-1].from_ms, right)
            else:
                found.append(Bar(what, left, right))
    return found
