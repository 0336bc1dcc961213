"""The clocks of a case as a picture file: one bar for each, over one axis of time.

The same case gives the same picture everywhere (`streams.picture_file`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from models.alerts import instant
from models.clock_story import ClockStory, Kind, time_span
from models.idle_time import idle_stretches
from streams.picture_file import DAY_S, DPI, WIDTH_IN, save_picture
from streams.picture_file import days as _days
from streams.time_axis import axis_times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which the colour-blind can tell apart; brightness and shape differ as well.
_RAN, _PAUSED, _OVERDUE, _WARNING, _IDLE, _INK = "#0072B2", "#B8D8EC", "#D55E00", "#F0E442", "#E4E4E4", "#222222"
_ROW_IN = 0.44
_LEFT_AT_MOST, _RIGHT = 0.4, 0.79
_HEAD_IN, _FOOT_IN = 1.55, 1.0
_MOST_LABELS = 24


class PictureRow(Struct, frozen=True):
    """One clock: what stands before its bar, and behind it."""

    label: str
    standing: str
    story: ClockStory


class PictureStep(Struct, frozen=True):
    """One step of the case."""

    at_ms: int
    name: str


def write_picture(
    path: Path, title: str, subtitle: str, rows: Sequence[PictureRow], steps: Sequence[PictureStep], zone: ZoneInfo
) -> None:
    """Draw `rows` (at least one) into `path`, an SVG or PNG by its suffix; raises `PictureError` or `OSError`."""
    height = _HEAD_IN + _FOOT_IN + _ROW_IN * len(rows)
    save_picture(path, height, lambda figure: _draw(figure, title, subtitle, rows, steps, zone, height))


def _draw(
    figure: "Figure",
    title: str,
    subtitle: str,
    rows: Sequence[PictureRow],
    steps: Sequence[PictureStep],
    zone: ZoneInfo,
    height: float,
) -> None:
    top, bottom = 1.0 - _HEAD_IN / height, _FOOT_IN / height
    axes = figure.add_axes((_LEFT_AT_MOST, bottom, _RIGHT - _LEFT_AT_MOST, top - bottom))
    figure.text(0.012, 1.0 - 0.2 / height, title, fontsize=14, fontweight="bold", va="top", color=_INK)
    figure.text(0.012, 1.0 - 0.5 / height, subtitle, fontsize=9.5, va="top", color="#555555")
    begin, end = (_days(at_ms) for at_ms in time_span([row.story for row in rows]))
    margin = (end - begin) * 0.015
    axes.set_xlim(begin - margin, end + margin)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for place, row in enumerate(rows):
        _draw_row(axes, place, row)
    _draw_steps(axes, steps)
    _draw_axis(axes, rows, zone)
    widest = max(label.get_window_extent().width for label in axes.get_yticklabels())
    left = min((widest + 20) / (WIDTH_IN * DPI), _LEFT_AT_MOST)
    axes.set_position((left, bottom, _RIGHT - left, top - bottom))
    _draw_legend(figure)


def _draw_row(axes: "Axes", place: int, row: PictureRow) -> None:
    story = row.story

    def bar(from_ms: int, to_ms: int, height: float, **style: Any) -> None:
        left, right = _days(from_ms), _days(to_ms)
        axes.broken_barh([(left, right - left)], (place - height / 2, height), **style)

    due_ms = story.due_ms
    ahead = not story.run.end and due_ms is not None and due_ms > story.at_ms
    shaded_until = due_ms if ahead and due_ms is not None else story.until_ms
    for from_ms, to_ms in idle_stretches(story.run.clock, story.run.started_ms, shaded_until):
        bar(from_ms, to_ms, 0.84, facecolor=_IDLE, linewidth=0, zorder=1)
    styles: dict[str, dict[str, Any]] = {
        "waiting": {"facecolor": "white", "edgecolor": _RAN, "linewidth": 0.9},
        "ran": {"facecolor": _RAN, "edgecolor": _RAN, "linewidth": 0.9},
        "paused": {"facecolor": _PAUSED, "edgecolor": _RAN, "linewidth": 0.9, "hatch": "////"},
        "overdue": {"facecolor": _OVERDUE, "edgecolor": _OVERDUE, "linewidth": 0.9},
    }
    for one in story.bars:
        bar(one.from_ms, one.to_ms, 0.42, zorder=3, **styles[one.what])
        if one.what == "ran":
            for from_ms, to_ms in idle_stretches(story.run.clock, one.from_ms, one.to_ms):
                bar(from_ms, to_ms, 0.42, facecolor="white", alpha=0.6, linewidth=0, zorder=4)
    if ahead and due_ms is not None:
        ends = [_days(story.at_ms), _days(due_ms)]
        axes.plot(ends, [place, place], color=_RAN, linewidth=1.2, linestyle=(0, (2, 2)), zorder=2)
    _draw_marks(axes, place, story)
    axes.text(
        1.012, place, row.standing, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5, color=_INK,
        linespacing=1.25,
    )  # fmt: skip


def _draw_marks(axes: "Axes", place: int, story: ClockStory) -> None:
    def mark(at_ms: int, shape: str, size: float, face: str, zorder: float) -> None:
        axes.plot(
            [_days(at_ms)],
            [place],
            marker=shape,
            markersize=size,
            markerfacecolor=face,
            markeredgecolor=_INK,
            markeredgewidth=1.0,
            linestyle="none",
            zorder=zorder,
            clip_on=False,
        )

    low, high = axes.get_xlim()
    mark(story.run.started_ms, ">", 6.5, "white", 5)
    for beat in story.beats:
        if beat.kind is Kind.WARNED:
            mark(beat.at_ms, "^", 8, _WARNING, 6)
    due_ms = story.due_ms
    if due_ms is not None and low <= _days(due_ms) <= high:
        axes.plot([_days(due_ms)] * 2, [place - 0.38, place + 0.38], color=_INK, linewidth=2.0, zorder=7)
    if story.run.end:
        mark(story.until_ms, "o" if story.run.end == "stopped" else "X", 7, "white", 8)


def _draw_steps(axes: "Axes", steps: Sequence[PictureStep]) -> None:
    """Names of steps above the bars, those that come too close together in one label."""
    low, high = axes.get_xlim()
    apart = (high - low) / _MOST_LABELS
    groups: list[tuple[float, list[str]]] = []
    for step in steps:
        at = _days(step.at_ms)
        axes.axvline(at, color="#999999", linewidth=0.7, linestyle=(0, (1, 2)), zorder=0.5)
        if groups and at - groups[-1][0] < apart:
            groups[-1][1].append(step.name)
        else:
            groups.append((at, [step.name]))
    for at, names in groups:
        text = names[0] + (f" +{len(names) - 1}" if len(names) > 1 else "")
        axes.annotate(
            text,
            (at, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 4),
            textcoords="offset points",
            rotation=28,
            ha="left",
            va="bottom",
            rotation_mode="anchor",
            fontsize=8.5,
            color="#444444",
        )


def _draw_axis(axes: "Axes", rows: Sequence[PictureRow], zone: ZoneInfo) -> None:
    low, high = (round(at * DAY_S) for at in axes.get_xlim())
    times = axis_times(low, high, zone)
    within_days = len({at.date() for at in times}) < len(times)
    axes.set_xticks(
        [at.timestamp() / DAY_S for at in times],
        [f"{at:%a %d %b\n%H:%M}" if within_days else f"{at:%a %d %b}" for at in times],
    )
    years = sorted({instant(at_s * 1000).astimezone(zone).year for at_s in (low, high)})
    axes.set_xlabel(f"{' to '.join(map(str, years))}, time of {zone.key}", fontsize=9, color="#555555")
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=9.5)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=9)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _draw_legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def shape(marker: str, face: str, label: str) -> Line2D:
        line = Line2D([], [], marker=marker, markersize=7, linestyle="none", label=label)
        line.set_markerfacecolor(face)
        line.set_markeredgecolor(_INK)
        return line

    handles = [
        Patch(facecolor=_RAN, edgecolor=_RAN, label="ran"),
        Patch(facecolor=_PAUSED, edgecolor=_RAN, hatch="////", label="paused"),
        Patch(facecolor=_OVERDUE, edgecolor=_OVERDUE, label="overdue"),
        Patch(facecolor="white", edgecolor=_RAN, label="not counted yet"),
        Patch(facecolor=_IDLE, label="not working time"),
        shape(">", "white", "start"),
        shape("^", _WARNING, "warning"),
        Line2D([], [], marker="|", markersize=11, markeredgewidth=2, color=_INK, linestyle="none", label="deadline"),
        shape("o", "white", "stop"),
        shape("X", "white", "cancelled or superseded"),
    ]
    figure.legend(handles=handles, loc="lower center", ncols=len(handles), fontsize=8.5, frameon=False,
                  handlelength=1.4, columnspacing=1.3, handletextpad=0.5)  # fmt: skip
