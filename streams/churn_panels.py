"""What happened to a customer, as panels under a line of time: money, single events, and how much was done each day."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from models.churn_marks import Kind, Mark
from models.rules import Rules
from streams.picture_file import days

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which the colour-blind can tell apart; shape and place differ as well.
OUT, IN, LOOKS, ACTS, INK, QUIET = "#D55E00", "#56B4E9", "#CC79A7", "#009E73", "#222222", "#666666"
BESIDE: Final = 1.008
"""Where words stand that say what a panel shows, in widths of it."""
_DARK_IN: Final = "#2277AA"
_DAY_WIDTH: Final = 0.8
_ROWS: Final = {
    "salary": ((Kind.SALARY,), "\u25a0 came in"),
    "contacts": ((Kind.CONTACT, Kind.ABANDONED), "\u25cb answered   \u2716 given up"),
    "complaints": ((Kind.COMPLAINT, Kind.BROKEN), "\u25c6 made   \u2716 promise broken"),
    "holdings": ((Kind.OPENED, Kind.CLOSED), "\u25b3 opened   \u25bc closed"),
}
_SHAPES: Final = {
    Kind.SALARY: ("s", IN),
    Kind.CONTACT: ("o", "white"),
    Kind.ABANDONED: ("X", "white"),
    Kind.COMPLAINT: ("D", OUT),
    Kind.BROKEN: ("X", OUT),
    Kind.OPENED: ("^", "white"),
    Kind.CLOSED: ("v", INK),
}
_LOOKING: Final = frozenset({Kind.LOOK})
_ACTING: Final = frozenset({Kind.ACT, Kind.MONEY_OUT, Kind.MONEY_IN, Kind.SALARY})


def draw_money(axes: "Axes", marks: Sequence[Mark], rules: Rules) -> None:
    """External money of each day: out upwards, in downwards."""
    for kind, sign, colour in ((Kind.MONEY_OUT, 1, OUT), (Kind.MONEY_IN, -1, IN)):
        found = by_day(marks, frozenset({kind}), rules)
        heights = [sign * sum(mark.cents for mark in each) / 100 for each in found.values()]
        axes.bar(list(found), heights, width=_DAY_WIDTH, color=colour)
    axes.set_ylabel(f"{rules.reporting_currency}\na day", fontsize=9)
    _finish_bars(axes, ("money out", OUT), ("money in", _DARK_IN))


def draw_rows(axes: "Axes", marks: Sequence[Mark]) -> None:
    """Single events, a row for each sort."""
    axes.set_ylim(len(_ROWS) - 0.5, -0.5)
    axes.set_yticks(range(len(_ROWS)), list(_ROWS))
    axes.tick_params(axis="y", length=0)
    for place, (kinds, words) in enumerate(_ROWS.values()):
        axes.axhline(place, color="#EEEEEE", linewidth=0.8, zorder=0)
        _beside(axes, place, words, QUIET, by_row=True)
        for above, kind in enumerate(kinds):
            shape, face = _SHAPES[kind]
            at = [days(mark.at_ms) for mark in marks if mark.kind is kind]
            (line,) = axes.plot(at, [place] * len(at), shape, markersize=6.5, zorder=3 + above)
            line.set_markerfacecolor(face)
            line.set_markeredgecolor(INK)
            line.set_markeredgewidth(0.9)


def draw_acts(axes: "Axes", marks: Sequence[Mark], rules: Rules) -> None:
    """How often the customer did something each day: with money upwards, looking downwards."""
    for kinds, sign, colour in ((_ACTING, 1, ACTS), (_LOOKING, -1, LOOKS)):
        found = by_day(marks, kinds, rules)
        axes.bar(list(found), [sign * len(each) for each in found.values()], width=_DAY_WIDTH, color=colour)
    axes.set_ylabel("number\na day", fontsize=9)
    _finish_bars(axes, ("transactions", ACTS), ("logins, page views", LOOKS))


def by_day(marks: Sequence[Mark], kinds: frozenset[Kind], rules: Rules) -> dict[float, list[Mark]]:
    """Marks by local day, which stands at its noon."""
    found: defaultdict[float, list[Mark]] = defaultdict(list)
    for mark in marks:
        if mark.kind in kinds:
            found[days(rules.days.start_ms(rules.days.day_of(mark.at_ms))) + 0.5].append(mark)
    return dict(found)


def _finish_bars(axes: "Axes", up: tuple[str, str], down: tuple[str, str]) -> None:
    axes.axhline(0.0, color=INK, linewidth=0.7)
    axes.yaxis.set_major_formatter(lambda value, _place: f"{abs(value):,.0f}")
    axes.locator_params(axis="y", nbins=4, integer=True)
    _beside(axes, 0.8, *up)
    _beside(axes, 0.2, *down)


def _beside(axes: "Axes", y: float, words: str, colour: str, *, by_row: bool = False) -> None:
    transform = axes.get_yaxis_transform() if by_row else axes.transAxes
    axes.text(BESIDE, y, words, transform=transform, fontsize=8.5, color=colour, va="center")
