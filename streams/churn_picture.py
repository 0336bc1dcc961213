"""The churn score of one customer over time as a picture file, with what happened underneath on the same axis.

An adviser should see without help when the risk rose, what came before it, and what was told of it.
"""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from models.alerts import OPEN_STATES, instant
from models.churn_moves import Move
from models.churn_risk import RULE
from models.decay import DAY_MS
from models.events import epoch_ms
from models.rules import ChurnRules
from streams.churn_panels import BESIDE, INK, OUT, QUIET, draw_acts, draw_money, draw_rows
from streams.churn_story import Story
from streams.picture_file import DAY_S, PictureError, days, save_picture
from streams.time_axis import axis_times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE, _MEDIUM, _HIGH, _GONE = "#0072B2", "#FBEBC4", "#F7D3C0", "#DDDDDD"
_LEFT, _RIGHT = 0.115, 0.845
_HEAD_IN, _GAP_IN, _AXIS_IN, _NOTE_IN = 0.85, 0.14, 0.6, 0.2
_PANELS_IN: Final = (3.0, 1.15, 1.25, 0.85)
_BAR_AT, _RUG_AT, _CERTAIN = 0.965, 0.012, 1.12
_MOST_LETTERS: Final = 150
_AFTERWARDS_DAYS: Final = 21
MOST_NOTES: Final = 6


def write_churn_picture(path: Path, story: Story) -> None:
    """Draw the story into `path`, an SVG or PNG by its suffix; raises `PictureError` or `OSError`."""
    churn = story.rules.churn
    if churn is None:
        raise PictureError("nobody is scored by these policies: there is nothing to draw")
    notes = noted(story.moves)
    height = _HEAD_IN + sum(_PANELS_IN) + 3 * _GAP_IN + _AXIS_IN + _NOTE_IN * (len(notes) + 1)
    save_picture(path, height, lambda figure: draw(figure, story, churn, notes))


def noted(moves: Sequence[Move]) -> list[Move]:
    """The moves that get a number: the largest, in the order of time."""
    largest = sorted(moves, key=lambda move: -abs(move.size))[:MOST_NOTES]
    return [move for move in moves if move in largest]


def draw(figure: "Figure", story: Story, churn: ChurnRules, notes: Sequence[Move]) -> None:
    """Fill `figure`: four panels on one axis of time, and the numbered moves in words below."""
    height = figure.get_size_inches()[1]
    zone = ZoneInfo(story.rules.policies.bank.zone)
    begin, end = days(story.customer.first_ms), days(_end_ms(story))
    margin = max((end - begin) * 0.012, 0.2)
    top = height - _HEAD_IN
    panels: list[Axes] = []
    for inches in _PANELS_IN:
        top -= inches
        axes = figure.add_axes((_LEFT, top / height, _RIGHT - _LEFT, inches / height))
        top -= _GAP_IN
        axes.set_xlim(begin - margin, end + margin)
        axes.tick_params(axis="x", labelbottom=False, length=0)
        axes.tick_params(axis="y", labelsize=8.5)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        panels.append(axes)
    score, money, rows, acts = panels
    _draw_score(score, story, churn, notes)
    draw_money(money, story.life.marks, story.rules)
    draw_rows(rows, story.life.marks)
    draw_acts(acts, story.life.marks, story.rules)
    _draw_time(panels, zone)
    _draw_words(figure, story, notes, zone, height)


def _end_ms(story: Story) -> int:
    """The time of the shard; for who is gone, some time after the last that was heard or told of them."""
    told, marks = story.life.told, story.life.marks
    if not told or told[-1].score is not None:
        return story.clock_ms
    last_ms = max(epoch_ms(told[-1].at), marks[-1].at_ms if marks else 0)
    return min(story.clock_ms, last_ms + _AFTERWARDS_DAYS * DAY_MS)


def _draw_score(axes: "Axes", story: Story, churn: ChurnRules, notes: Sequence[Move]) -> None:
    curve = story.life.curve
    x = [days(point.at_ms) for point in curve]
    y = [float("nan") if point.score is None else point.score for point in curve]
    axes.plot(x, y, color=_LINE, linewidth=1.6, zorder=4, solid_joinstyle="round")
    told = [one for one in story.life.told if one.score is not None]
    at = [days(epoch_ms(one.at)) for one in told]
    axes.plot(at, [one.score or 0.0 for one in told], "o", markersize=3.5, color=_LINE, zorder=5)
    highest = max([point.score for point in curve if point.score is not None], default=0.0)
    _draw_bands(axes, churn, min(max(churn.high * 1.4, highest * 1.25), _CERTAIN))
    _draw_alerts(axes, story)
    _shade_what_has_no_score(axes, story)
    if story.life.models:
        at = [days(at_ms) for at_ms, _ in story.life.models]
        axes.plot(
            at, [_RUG_AT] * len(at), "|", markersize=7, color=QUIET, transform=axes.get_xaxis_transform(), zorder=3
        )
        axes.text(BESIDE, -0.01, "| another model", transform=axes.transAxes, fontsize=8.5, va="top", color=QUIET)
    for number, move in enumerate(notes, 1):
        axes.annotate(
            str(number), (days(epoch_ms(move.after.at)), move.after.score or 0.0), xytext=(0, 13),
            textcoords="offset points", ha="center", va="center", fontsize=8.5, fontweight="bold", color="white",
            zorder=8, bbox={"boxstyle": "circle,pad=0.25", "facecolor": INK, "edgecolor": "white"},
        )  # fmt: skip
    axes.yaxis.set_major_formatter(lambda value, _place: f"{value:.0%}")
    axes.set_ylabel(f"risk to be gone\nwithin {churn.horizon_days} days", fontsize=9)


def _draw_bands(axes: "Axes", churn: ChurnRules, ceiling: float) -> None:
    axes.set_ylim(0.0, ceiling)
    bands = (
        ("low", 0.0, churn.medium, "white"),
        (f"medium\nfrom {churn.medium:.0%}", churn.medium, churn.high, _MEDIUM),
        (f"high\nfrom {churn.high:.0%}", churn.high, _CERTAIN, _HIGH),
    )
    for words, low, high, colour in bands:
        axes.axhspan(low, high, color=colour, linewidth=0, zorder=0)
        middle = (low + min(high, ceiling)) / 2
        axes.text(BESIDE, middle, words, transform=axes.get_yaxis_transform(), fontsize=8.5, va="center", color=QUIET)


def _draw_alerts(axes: "Axes", story: Story) -> None:
    """A bar along the top while the churn-risk alert is open; marks where it was raised and got worse."""
    opened: float | None = None
    along = axes.get_xaxis_transform()
    alerts = [alert for alert in story.life.alerts if alert.rule == RULE]
    for alert in alerts:
        at = days(epoch_ms(alert.at))
        if alert.state == "raised":
            opened = at
        if alert.state in ("raised", "updated"):
            axes.plot([at], [_BAR_AT], "v", markersize=9, color=OUT, markeredgecolor=INK, transform=along, zorder=7)
        if alert.state not in OPEN_STATES and opened is not None:
            _draw_open(axes, opened, at)
            opened = None
    if opened is not None:
        _draw_open(axes, opened, days(story.clock_ms))
    if alerts:
        words = "\u25bc alert raised,\n    or got worse"
        axes.text(BESIDE, _BAR_AT, words, transform=axes.transAxes, fontsize=8.5, va="center", color=OUT)


def _draw_open(axes: "Axes", begin: float, end: float) -> None:
    along = axes.get_xaxis_transform()
    axes.plot(
        [begin, end], [_BAR_AT, _BAR_AT], transform=along, zorder=6, color=OUT, linewidth=4, solid_capstyle="butt"
    )
    axes.annotate(
        "alert open", ((begin + end) / 2, _BAR_AT), xycoords=along, xytext=(0, 5), textcoords="offset points",
        ha="center", va="bottom", fontsize=8, color=OUT, fontweight="bold", annotation_clip=False,
    )  # fmt: skip


def _shade_what_has_no_score(axes: "Axes", story: Story) -> None:
    """Before the first score, and from when it was told that the customer is gone."""
    begin, end = days(story.customer.first_ms), days(_end_ms(story))
    first = days(story.life.curve[0].at_ms) if story.life.curve else end
    _shade(axes, begin, first, "too new\nto be\nscored", hatch="")
    told = story.life.told
    for one, after in zip_longest(told, told[1:]):
        if one.score is None:
            until = end if after is None else days(epoch_ms(after.at))
            _shade(axes, days(epoch_ms(one.at)), until, f"gone:\n{one.gone_by.replace('_', ' ')}", hatch="////")


def _shade(axes: "Axes", begin: float, end: float, words: str, hatch: str) -> None:
    axes.axvspan(begin, end, facecolor=_GONE, edgecolor="white", hatch=hatch, linewidth=0, zorder=2)
    place = ((begin + end) / 2, 0.5)
    along = axes.get_xaxis_transform()
    axes.text(*place, words, transform=along, ha="center", va="center", fontsize=8.5, color=INK, zorder=9)


def _draw_time(panels: Sequence["Axes"], zone: ZoneInfo) -> None:
    low, high = (round(at * DAY_S) for at in panels[0].get_xlim())
    times = axis_times(low, high, zone)
    places = [at.timestamp() / DAY_S for at in times]
    within_days = len({at.date() for at in times}) < len(times)
    for axes in panels:
        axes.set_xticks(places, [])
        axes.set_axisbelow(True)
        axes.grid(axis="x", color="#BBBBBB", linewidth=0.5, linestyle=(0, (1, 3)))
    last = panels[-1]
    last.set_xticks(places, [f"{at:%a %d %b\n%H:%M}" if within_days else f"{at:%a %d %b}" for at in times], fontsize=9)
    last.tick_params(axis="x", labelbottom=True, length=3)
    years = sorted({instant(at_s * 1000).astimezone(zone).year for at_s in (low, high)})
    last.set_xlabel(f"{' to '.join(map(str, years))}, time of {zone.key}", fontsize=8.5, color=QUIET)


def _draw_words(figure: "Figure", story: Story, notes: Sequence[Move], zone: ZoneInfo, height: float) -> None:
    customer, explained = story.customer, story.explained
    now = f"{explained.score:.1%}, {explained.band} risk" if explained else "not scored"
    if customer.churn is not None and customer.churn.gone_ms:
        now = f"gone ({customer.churn.gone_by.replace('_', ' ')})"
    title = f"Customer {customer.customer_id}: {now}"
    figure.text(0.012, 1.0 - 0.14 / height, title, fontsize=14, fontweight="bold", va="top", color=INK)
    at = f"{instant(story.clock_ms).astimezone(zone):%a %Y-%m-%d %H:%M}"
    said = (
        f"{customer.tier}, {customer.stage}; as of {at}; model {story.model.version}."
        " A dot is a score that was told; numbers are explained below."
    )
    figure.text(0.012, 1.0 - 0.42 / height, said, fontsize=9.5, va="top", color=QUIET)
    for number, move in enumerate(notes, 1):
        place = _NOTE_IN * (len(notes) + 0.7 - number) / height
        figure.text(0.012, place, f"{number}   {note_words(move, zone)}", fontsize=9, va="center", color=INK)


def note_words(move: Move, zone: ZoneInfo) -> str:
    """A move in a line: when, from where to where, and the two groups that moved it most, with what happened."""
    before, after = move.before, move.after
    line = f"{after.at.astimezone(zone):%a %d %b}: {before.score or 0.0:.0%} to {after.score or 0.0:.0%}"
    for link, part in zip((", by ", "; "), move.parts, strict=False):
        more = f"{link}{part.code.replace('_', ' ')} ({part.words or 'time passed'})"
        if link == "; " and len(line + more) > _MOST_LETTERS:
            break
        line += more
    return line if len(line) <= _MOST_LETTERS else line[: _MOST_LETTERS - 1] + "\u2026"
