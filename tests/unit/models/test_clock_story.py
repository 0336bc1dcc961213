"""Stories of clocks never say anything else than the clocks themselves, and what does not count is what is shaded."""

from collections.abc import Iterator
from random import Random

import pytest

from models import sla
from models.clock_story import ClockStory, Kind, clock_stories, time_span
from models.complaint_rules import Clock
from models.idle_time import idle_stretches
from models.measures import Unit
from models.sla import Verdict
from tests.support import settings
from tests.unit.models.case_builders import around_the_clock, at, calendar, clock, line
from tests.unit.models.test_helpdesk import CASES, END_MS, RULES

ENDS = {
    Verdict.MET: Kind.MET,
    Verdict.LATE: Kind.LATE,
    Verdict.CANCELLED: Kind.CANCELLED,
    Verdict.SUPERSEDED: Kind.SUPERSEDED,
}
STEPS = ("paused", "resumed", "closed", "reopened", "withdrawn", "again", "raised", "granted")


def helpdesk_stories() -> Iterator[ClockStory]:
    for case in CASES.values():
        for profile in RULES.profiles(case.first, "basic", case.opened_ms):
            for one in profile.clocks:
                yield from clock_stories(one, case.moments, END_MS)


def eventful_clock() -> Clock:
    """A clock that can be paused, reset, made shorter and extended."""
    return clock(
        target=10,
        unit="business_hours",
        pause=["paused"],
        resume=["resumed"],
        reset=["again"],
        targets=[{"when": {"priority": ["high"]}, "target": 5}],
        extensions=[{"name": "more", "source": "test", "by": 4}],
        warnings=[{"percent": 50}, {"remaining": 1}],
    )


def random_stories(draw: Random) -> list[ClockStory]:
    text = "received Mon 09:00"
    for _ in range(draw.randrange(1, 12)):
        name = draw.choice(STEPS)
        name = {"raised": "reclassified{priority=high}", "granted": "extension_granted{extension=more}"}.get(name, name)
        day = draw.choice(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat"))
        text += f", {name} {day} {draw.randrange(9, 19):02}:{draw.choice((0, 30)):02}"
    return clock_stories(eventful_clock(), line(text).moments, at("Mon+1 12:00"))


def check(story: ClockStory) -> None:
    """What must hold of every story."""
    run, beats = story.run, story.beats
    assert beats[0].kind is Kind.STARTED
    assert [beat.at_ms for beat in beats] == sorted(beat.at_ms for beat in beats)
    assert beats[-1].kind is ENDS[story.verdict] if run.end else beats[-1].kind not in ENDS.values()
    broken = [beat.at_ms for beat in beats if beat.kind is Kind.BROKE]
    assert broken == ([story.due_ms] if story.verdict in (Verdict.LATE, Verdict.BREACHED) else [])
    assert story.used == sla.used(run, story.until_ms)
    assert all(beat.target > 0 for beat in beats)
    edges = [edge for bar in story.bars for edge in (bar.from_ms, bar.to_ms)]
    if edges:
        assert edges == sorted(edges)
        assert (edges[0], edges[-1]) == (run.started_ms, story.until_ms)
        assert edges[1:-1:2] == edges[2::2]
    overdue = [bar.from_ms for bar in story.bars if bar.what == "overdue"]
    assert all(from_ms >= (story.due_ms or 0) for from_ms in overdue)


def counted(story: ClockStory) -> int:
    """Wall time of what ran, less what is shaded: of a clock of business hours, that is what it used."""
    ran = [(bar.from_ms, bar.to_ms) for bar in story.bars if bar.what == "ran"]
    idle = sum(end - begin for bar in ran for begin, end in idle_stretches(story.run.clock, *bar))
    return sum(end - begin for begin, end in ran) - idle


def test_stories_of_a_log_agree_with_its_clocks() -> None:
    """Every ticket of the help desk: the last beat is the verdict, bars fill the time, and what ran is what is used."""
    stories = list(helpdesk_stories())
    for story in stories:
        check(story)
        if story.verdict is Verdict.MET:
            assert counted(story) == story.used
    assert len(stories) == 31
    assert {story.verdict for story in stories} >= {Verdict.MET, Verdict.LATE, Verdict.BREACHED, Verdict.CANCELLED}


def test_whatever_happens_the_story_agrees() -> None:
    """Steps drawn at random, impossible ones among them."""
    draw = Random(settings.seed())
    kinds = set()
    for _ in range(400):
        for story in random_stories(draw):
            check(story)
            kinds |= {beat.kind for beat in story.beats}
            if story.verdict is Verdict.MET and not any(beat.kind is Kind.RESET for beat in story.beats):
                assert counted(story) == story.used
    assert kinds == set(Kind) - {Kind.CALENDAR_ENDS}


def test_a_calendar_that_ends_is_told() -> None:
    """The beat says from when on nobody can tell the deadline."""
    short = clock(calendar(until="2026-10-10"), target=10, unit="working_days")
    (story,) = clock_stories(short, line("received 2026-10-08 09:00").moments, at("2026-10-09 09:00"))
    assert [beat.kind for beat in story.beats] == [Kind.STARTED, Kind.CALENDAR_ENDS]
    assert story.verdict is Verdict.UNKNOWN


def test_a_breach_by_a_lowered_limit_is_told_where_it_is_lowered() -> None:
    """More is used than is now allowed: the beats of that moment are the change and the breach."""
    case = line("received Mon 09:00, reclassified{priority=high} Tue 11:00")
    (story,) = clock_stories(eventful_clock(), case.moments, at("Tue 12:00"))
    assert [(beat.kind, beat.at_ms) for beat in story.beats[-2:]] == [
        (Kind.TARGET_MOVED, at("Tue 11:00")),
        (Kind.BROKE, at("Tue 11:00")),
    ]
    assert story.beats[-2].target_before == 2 * story.beats[-2].target
    assert story.beats[-2].choice == 0


def test_time_span_holds_deadlines_to_come() -> None:
    """A picture shows what is ahead of a running clock, and not the deadline of one that was met long before it."""
    (story,) = clock_stories(clock(), line("received Mon 09:00").moments, at("Mon 10:00"))
    assert time_span([story]) == (at("Mon 09:00"), at("Mon 13:00"))
    (met,) = clock_stories(clock(), line("received Mon 09:00, closed Mon 10:00").moments, at("Mon 12:00"))
    assert time_span([met]) == (at("Mon 09:00"), at("Mon 10:00"))


@pytest.mark.parametrize("unit", ["business_hours", "business_minutes"])
def test_idle_time_is_what_business_hours_leave_out(unit: str) -> None:
    """Between any two times, idle stretches and business hours make up the whole, and neither overlaps."""
    using = clock(unit=unit)
    assert using.calendar is not None
    hours = using.calendar.measure(Unit.BUSINESS_HOURS)
    draw = Random(settings.seed())
    for _ in range(200):
        begin = at("2026-09-01 00:00") + draw.randrange(80 * 86_400) * 1000
        end = begin + draw.randrange(1, 20 * 86_400) * 1000
        idle = idle_stretches(using, begin, end)
        edges = [begin, *(edge for stretch in idle for edge in stretch), end]
        assert edges == sorted(edges)
        assert all(left < right for left, right in idle)
        assert sum(right - left for left, right in idle) + hours.upto(end) - hours.upto(begin) == end - begin
        assert all(hours.upto(left) == hours.upto(right) for left, right in idle)


def test_idle_days_are_whole_days() -> None:
    """Working days count round the clock, so weekends and holidays are shaded and nights are not."""
    using = clock(unit="working_days")
    idle = idle_stretches(using, at("2026-09-30 12:00"), at("2026-10-12 12:00"))
    # The National Day holiday; Saturday the 10th is worked for it, Sunday the 11th is not.
    assert idle == [
        (at("2026-10-01 00:00"), at("2026-10-08 00:00")),
        (at("2026-10-11 00:00"), at("2026-10-12 00:00")),
    ]


def test_nothing_is_idle_where_nothing_is_counted_by_working_time() -> None:
    """Wall time runs through the night, some calendars close at weekends alone, and beyond them nothing is known."""
    assert idle_stretches(clock(unit="hours"), at("Mon 00:00"), at("Mon+1 00:00")) == []
    assert idle_stretches(clock(unit="calendar_days"), at("Mon 00:00"), at("Mon+1 00:00")) == []
    weekdays = clock(around_the_clock(), unit="business_hours")
    assert idle_stretches(weekdays, at("Mon 00:00"), at("Tue+1 00:00")) == [(at("Sat 00:00"), at("Mon+1 00:00"))]
    assert idle_stretches(weekdays, at("2027-01-02 00:00"), at("2027-01-05 00:00")) == []
