"""A complaint case in words: its steps, its clocks beat by beat, and what was required of it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from rich.table import Table

from agents.policy_words import (
    amount_words,
    conditions_words,
    extension_words,
    tests_words,
    warnings_words,
)
from models.alerts import instant
from models.case_demands import Asked
from models.case_state import Milestone, Said
from models.case_view import CaseView
from models.clock_story import Beat, ClockStory, Kind
from models.complaint_rules import Clock
from models.sla import Verdict

_LARGE = 1000
"""From here on fractions of a unit are noise."""


def time_words(at_ms: int | None, zone: ZoneInfo) -> str:
    """``Tue 2026-03-10 16:00``, to the second where there are some; ``-`` for no time."""
    if at_ms is None:
        return "-"
    local: datetime = instant(at_ms).astimezone(zone)
    return f"{local:%a %Y-%m-%d %H:%M:%S}" if at_ms // 1000 % 60 else f"{local:%a %Y-%m-%d %H:%M}"


def parts_words(clock: Clock, parts: int) -> str:
    """An amount of the clock's time in its unit: ``7.5 business hours``."""
    return amount_words(float(f"{clock.amount(parts):.6g}"), clock.policy.unit)


def share_words(clock: Clock, used: int, target: int) -> str:
    """``7.5 of 8 business hours``."""
    return amount_share_words(clock.amount(used), clock.amount(target), clock.policy.unit)


def amount_share_words(used: float, target: float, unit: str) -> str:
    """``7.5 of 8 business hours``."""
    figure = f"{used:.0f}" if used >= _LARGE else f"{used:.4g}"
    return f"{figure} of {amount_words(float(f'{target:.6g}'), unit)}"


def duration_words(ms: int) -> str:
    """``2 d 3 h``: the two largest parts of a duration on the wall."""
    seconds = ms // 1000
    parts = [(seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    first = next((place for place, (amount, _) in enumerate(parts) if amount), 3)
    return " ".join(f"{amount} {unit}" for amount, unit in parts[first : first + 2] if amount) or "0 s"


def said_words(said: Said) -> str:
    """What a step states: ``priority p2, satisfied no``."""
    return ", ".join(f"{name} {value if isinstance(value, str) else ' + '.join(value)}" for name, value in said.items())


def view_zone(view: CaseView) -> ZoneInfo:
    """The zone to tell times in: that of the calendars where the case's clocks agree on one, else the bank's."""
    zones = {run.clock.calendar.policy.zone for _, run in view.runs if run.clock.calendar is not None}
    return ZoneInfo(zones.pop() if len(zones) == 1 else view.rules.pinned.zone)


def steps_table(milestones: list[Milestone], view: CaseView, zone: ZoneInfo, late: frozenset[str]) -> Table:
    """The steps by business time, and what is odd about each; `late` are the events that came out of order."""
    table = words_table("at", "step", "states", "odd")
    line = view.line
    opening = line.moments[0]
    if line.inferred and opening.step not in {one.step for one in milestones}:
        table.add_row(time_words(opening.at_ms, zone), opening.step, "", "inferred: no receipt was heard of")
    for one in milestones:
        odd = []
        if one.step not in view.rules.known_steps:
            odd.append("unknown: no policy gives it a meaning")
        if one.event_id in line.odd:
            odd.append("contradictory" if one.at_ms >= line.opened_ms else "contradictory: from before the receipt")
        if one.event_id in late:
            odd.append("heard after later steps")
        table.add_row(time_words(one.at_ms, zone), one.step, said_words(one.said), "; ".join(odd))
    return table


def beat_words(story: ClockStory, beat: Beat, zone: ZoneInfo) -> tuple[str, str]:
    """What happened, and which part of the policy says so."""
    clock, policy = story.run.clock, story.run.clock.policy
    share = share_words(clock, beat.used, beat.target)
    due = f"due {time_words(beat.due_ms, zone)}" if beat.due_ms is not None else "no deadline while it is paused"
    match beat.kind:
        case Kind.STARTED:
            words = f"started by {beat.step}: {parts_words(clock, beat.target)} allowed{_counting(beat, zone)}, {due}"
            return words, f"start: {conditions_words(policy.start)}{_choice_words(clock, beat)}"
        case Kind.PAUSED:
            return f"paused by {beat.step}: {share} used", f"pause: {conditions_words(policy.pause)}"
        case Kind.RESUMED:
            return f"resumed by {beat.step}: {share} used, {due}", f"resume: {conditions_words(policy.resume)}"
        case Kind.RESET:
            words = f"counts from nothing again because of {beat.step}{_counting(beat, zone)}, {due}"
            return words, f"reset: {conditions_words(policy.reset)}"
        case Kind.TARGET_MOVED:
            before = parts_words(clock, beat.target_before)
            words = f"limit changed by {beat.step}: {before} -> {parts_words(clock, beat.target)}, {share} used, {due}"
            return words, _target_rule(clock, beat)
        case Kind.EXTENDED:
            before = parts_words(clock, beat.target_before)
            (granted,) = (one for one in policy.extensions if one.name == beat.extension)
            words = f"extension {beat.extension} granted: {before} -> {parts_words(clock, beat.target)}, {due}"
            return words, f"extensions: {extension_words(granted, policy.unit)} ({granted.source})"
        case Kind.WARNED:
            return f"warned: {share} used, {due}", f"warnings: {warnings_words(policy)}"
        case Kind.BROKE:
            words = f"broke: {share} used, and no {conditions_words(policy.stop)}"
            return words, f"target: {parts_words(clock, beat.target)}"
        case Kind.MET:
            return f"met by {beat.step}: {share} used", f"stop: {conditions_words(policy.stop)}"
        case Kind.LATE:
            over = f", {duration_words(beat.at_ms - beat.due_ms)} after the deadline" if beat.due_ms is not None else ""
            return f"late: ended by {beat.step}{over}, {share} used", _end_rule(story)
        case Kind.CANCELLED:
            return f"cancelled by {beat.step}: {share} used", _end_rule(story)
        case Kind.SUPERSEDED:
            return f"superseded by {beat.step}: {share} used", _end_rule(story)
        case Kind.CALENDAR_ENDS:
            until = clock.calendar.until if clock.calendar is not None else "-"
            return f"nobody can tell the deadline: calendar {policy.calendar} ends on {until}", "calendar"


def standing_words(story: ClockStory, zone: ZoneInfo) -> str:
    """How a clock stands, or how it ended: ``breached, 25 of 24 business hours used, due Mon 2026-03-16 15:00``."""
    run = story.run
    words = f"{story.verdict.value}, {share_words(run.clock, story.used, run.target)} used"
    if story.due_ms is not None:
        words += f", due {time_words(story.due_ms, zone)}"
    if story.verdict is Verdict.BREACHED and story.due_ms is not None:
        words += f", {duration_words(story.at_ms - story.due_ms)} ago"
    return words


def story_name(story: ClockStory) -> str:
    """``care / called_back``, with the cycle behind it unless that is the first."""
    clock = story.run.clock
    return f"{clock.profile} / {clock.policy.name}" + (f" (cycle {story.run.cycle})" if story.run.cycle else "")


def asked_verdict(asked: Asked, at_ms: int) -> str:
    """Met, made_good, missing, or waiting for what may still come in time."""
    if asked.met:
        return "met"
    if asked.made_good_ms is not None:
        return "made_good"
    return "missing" if asked.judged_ms <= at_ms else "waiting"


def words_table(*columns: str) -> Table:
    """A table without lines, whose cells are neither cut nor taken for markup."""
    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    return table


def _counting(beat: Beat, zone: ZoneInfo) -> str:
    if beat.counts_from_ms == beat.at_ms:
        return ""
    return f", counted from {time_words(beat.counts_from_ms, zone)}"


def _choice_words(clock: Clock, beat: Beat) -> str:
    return f"; {_target_rule(clock, beat)}" if clock.policy.targets else ""


def _target_rule(clock: Clock, beat: Beat) -> str:
    policy = clock.policy
    if beat.choice < 0:
        return f"target: {amount_words(policy.target, policy.unit)}"
    chosen = policy.targets[beat.choice]
    return f"targets: {tests_words(chosen.when)}: {amount_words(chosen.target, policy.unit)}"


def _end_rule(story: ClockStory) -> str:
    policy = story.run.clock.policy
    if story.run.end == "stopped":
        return f"stop: {conditions_words(policy.stop)}"
    if story.run.end == "cancelled":
        return f"cancel: {conditions_words(policy.cancel)}"
    return "a case begins anew when it is reopened"
