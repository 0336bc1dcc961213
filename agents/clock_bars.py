"""SLA clocks as bars of characters, one line each, for whoever has a terminal and no pictures."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from rich.text import Text

from agents.case_words import story_name
from models.alerts import instant
from models.clock_story import ClockStory, Kind, time_span
from models.idle_time import idle_stretches

_FILL = {"waiting": "-", "ran": "█", "paused": "░", "overdue": "▓", "idle": "·", "ahead": "─"}
_STYLE = {"ran": "blue", "overdue": "red", "paused": "bright_black", "idle": "bright_black", "waiting": "bright_black"}
_RANK = ("", "ahead", "idle", "waiting", "ran", "paused", "overdue")
"""Where several meet within a cell, the last of them is shown."""
_MARKS = {"start": ">", "warning": "!", "deadline": "|", "stop": "x"}
LEGEND = (
    "█ ran   ░ paused   ▓ overdue   · not working time   - not counted yet   ─ ahead\n"
    "> start   ! warning   | deadline   x stop"
)
_END_KINDS = (Kind.MET, Kind.LATE, Kind.CANCELLED, Kind.SUPERSEDED)


def clock_bars(stories: Sequence[ClockStory], zone: ZoneInfo, width: int) -> list[Text]:
    """One bar for each story over one time axis, `width` columns wide, and the axis below them."""
    names = [story_name(story) for story in stories]
    label = max(map(len, names))
    columns = max(width - label - 2, 20)
    begin, end = time_span(stories)
    scale = _Scale(begin, end, columns)
    lines = []
    for name, story in zip(names, stories, strict=True):
        line = Text(f"{name:<{label}}  ")
        for kind, mark in zip(_cells(story, scale), _marks(story, scale), strict=True):
            line.append(mark or _FILL.get(kind, " "), style="bold" if mark else _STYLE.get(kind, ""))
        lines.append(line)
    lines.append(Text(" " * (label + 2) + _axis(scale, zone)))
    return lines


class _Scale:
    def __init__(self, begin: int, end: int, columns: int) -> None:
        self.begin, self.end, self.columns = begin, end, columns

    def column(self, at_ms: int) -> int:
        """The column that a time falls in."""
        place = (at_ms - self.begin) * self.columns // (self.end - self.begin)
        return min(max(place, 0), self.columns - 1)

    def time(self, column: int) -> int:
        """When a column begins."""
        return self.begin + (self.end - self.begin) * column // self.columns


def _cells(story: ClockStory, scale: _Scale) -> list[str]:
    cells = [""] * scale.columns

    def fill(what: str, from_ms: int, to_ms: int, *, whole: bool = False) -> None:
        first, last = scale.column(from_ms), scale.column(max(to_ms - 1, from_ms))
        for column in range(first, last + 1):
            if whole and not from_ms <= scale.time(column) < scale.time(column + 1) <= to_ms:
                continue
            if whole or _RANK.index(what) > _RANK.index(cells[column]):
                cells[column] = what

    for bar in story.bars:
        fill(bar.what, bar.from_ms, bar.to_ms)
        if bar.what == "ran":
            # A cell is free time only when all of it is: else short working hours would vanish.
            for from_ms, to_ms in idle_stretches(story.run.clock, bar.from_ms, bar.to_ms):
                fill("idle", from_ms, to_ms, whole=True)
    if not story.run.end and story.due_ms is not None and story.due_ms > story.at_ms:
        fill("ahead", story.at_ms, story.due_ms)
    return cells


def _marks(story: ClockStory, scale: _Scale) -> list[str]:
    marks = [""] * scale.columns
    marks[scale.column(story.run.started_ms)] = _MARKS["start"]
    for beat in story.beats:
        if beat.kind is Kind.WARNED:
            marks[scale.column(beat.at_ms)] = _MARKS["warning"]
    due_ms = story.due_ms
    if due_ms is not None and due_ms <= scale.end:
        marks[scale.column(due_ms)] = _MARKS["deadline"]
    if story.beats and story.beats[-1].kind in _END_KINDS:
        marks[scale.column(story.until_ms)] = _MARKS["stop"]
    return marks


def _axis(scale: _Scale, zone: ZoneInfo) -> str:
    """Times at even distances, as many as find room."""
    length = len("2026-03-10 08:00")
    count = max(scale.columns // (length + 6), 1)
    text = ""
    for number in range(count):
        column = scale.columns * number // count
        local = instant(scale.time(column)).astimezone(zone)
        text = f"{text:<{column}}╵{local:%Y-%m-%d %H:%M}"
    return text
