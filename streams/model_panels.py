"""The four panels of the picture of a report (`streams.model_picture`)."""

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from models.learner_window import IN_FORCE
from models.quality_report import SCORE_BINS, Curves, QualityReport
from models.report_words import NAMES
from models.score_curves import LiftPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which the colour-blind can tell apart; marks and dashes differ as well.
_TOLD, _CHAMPION, _OTHER, _LEFT, INK, PALE = "#0072B2", "#D55E00", "#8A8A8A", "#CC79A7", "#222222", "#666666"
_DAY_MS: Final = 86_400_000
_OTHER_STYLES: Final = ((0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)), "solid")
_LABELLED_SHARES: Final = (0.01, 0.05, 0.10, 0.20)
_Corner: TypeAlias = Literal["upper left", "upper right", "lower right"]


def _title(axes: "Axes", title: str, explained: str) -> None:
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=24)
    axes.text(0.0, 1.025, explained, transform=axes.transAxes, fontsize=9, color=PALE, va="bottom")


def styles(report: QualityReport) -> list[tuple[Curves, str, str]]:
    """Who is drawn, with colour and mark; without those of whom nothing is known."""
    marks = zip(report.curves, (_TOLD, _CHAMPION), ("o", "s"), strict=True)
    return [(curves, colour, mark) for curves, colour, mark in marks if curves.reliability]


def _name(report: QualityReport, name: str) -> str:
    return f"{NAMES[name]} (champion)" if name == report.champion else NAMES[name]


def draw_reliability(axes: "Axes", counts: "Axes", report: QualityReport) -> None:
    """How many left of those who were given a probability, and how many were given it."""
    _title(axes, "Reliability", "Of customers given this probability, how many left? Bars: 95 % intervals")
    top = max((max(one.mean_score, one.high) for c in report.curves for one in c.reliability), default=0.1) * 1.04
    axes.plot([0, top], [0, top], color=_OTHER, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1, label="perfect")
    for curves, colour, mark in styles(report):
        given = [one.mean_score for one in curves.reliability]
        rates = [one.rate for one in curves.reliability]
        errors = [
            [one.rate - one.low for one in curves.reliability],
            [one.high - one.rate for one in curves.reliability],
        ]
        ece = report.learners[curves.name].ece
        axes.errorbar(
            given,
            rates,
            yerr=errors,
            color=colour,
            marker=mark,
            markersize=5,
            linewidth=1.6,
            elinewidth=0.9,
            capsize=2.0,
            label=f"{_name(report, curves.name)}: ECE {ece:.4f}",
            zorder=3,
        )
    scale = {"linthresh": 0.02, "linscale": 0.6}
    axes.set_xscale("symlog", **scale)
    axes.set_yscale("symlog", **scale)
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    ticks = [tick for tick in (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if tick <= top]
    axes.set_xticks(ticks, [""] * len(ticks))
    axes.set_yticks(ticks, [_share(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylabel("left")
    _legend(axes, "upper left")
    _draw_counts(counts, report, ticks, top)


def _draw_counts(axes: "Axes", report: QualityReport, ticks: list[float], top: float) -> None:
    for curves, colour, _ in styles(report):
        totals = [stayed + left for stayed, left in zip(curves.stayed, curves.left, strict=True)]
        axes.stairs(totals, SCORE_BINS, color=colour, linewidth=1.4, fill=False)
        axes.stairs(totals, SCORE_BINS, color=colour, alpha=0.12, fill=True)
    axes.set_xscale("symlog", linthresh=0.02, linscale=0.6)
    axes.set_yscale("log")
    axes.set_yticks([10, 100, 1_000, 10_000], ["10", "100", "1,000", "10,000"])
    axes.set_ylim(
        1, max((max(map(sum, zip(c.stayed, c.left, strict=True))) for c in report.curves), default=1) * 2 + 10
    )
    axes.set_xlim(0, top)
    axes.set_xticks(ticks, [_share(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("probability given")
    axes.set_ylabel("customers")


def draw_auc(axes: "Axes", report: QualityReport) -> None:
    """Areas in the course of time."""
    _title(axes, "ROC AUC over time", "By the time of the outcome, in slices of equally many; shaded: 95 % interval")
    styles = iter(_OTHER_STYLES)
    for name, points in report.auc.items():
        times = [(point.from_ms + point.to_ms) / 2 / _DAY_MS for point in points]
        areas = [point.auc for point in points]
        if name in (IN_FORCE, report.champion):
            colour, mark = (_TOLD, "o") if name == IN_FORCE else (_CHAMPION, "s")
            low = [point.auc - 1.96 * point.error for point in points]
            high = [min(point.auc + 1.96 * point.error, 1.0) for point in points]
            axes.fill_between(times, low, high, color=colour, alpha=0.13, linewidth=0)
            axes.plot(times, areas, color=colour, marker=mark, markersize=4, linewidth=1.8, label=_name(report, name))
        else:
            axes.plot(times, areas, color=_OTHER, linestyle=next(styles), linewidth=1.2, label=_name(report, name))
    lowest = min((point.auc for points in report.auc.values() for point in points), default=0.5)
    axes.set_ylim(max(min(lowest, 0.9) - 0.05, 0.0), 1.0)
    axes.axhline(0.5, color=PALE, linewidth=0.9, linestyle=(0, (4, 3)))
    every = [point for points in report.auc.values() for point in points]
    if every:
        _draw_changes(axes, report, min(point.from_ms for point in every))
    _days(axes)
    _legend(axes, "lower right")


def _draw_changes(axes: "Axes", report: QualityReport, from_ms: int) -> None:
    for change in report.promotions:
        if change.at_ms >= from_ms:
            axes.axvline(change.at_ms / _DAY_MS, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
            axes.annotate(
                f"champion: {NAMES[change.after]}",
                (change.at_ms / _DAY_MS, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(3, -3),
                textcoords="offset points",
                fontsize=8.5,
                va="top",
                color=INK,
            )


def draw_lift(axes: "Axes", report: QualityReport) -> None:
    """How much is gained by calling the highest scores first."""
    _title(axes, "Lift", "How many times more leavers are among the highest scores than among as many by lot")
    drawn = [one for one in styles(report) if one[0].lift]
    for curves, colour, mark in drawn:
        lifts = [point.lift for point in curves.lift]
        name = _name(report, curves.name)
        axes.plot([point.share for point in curves.lift], lifts, color=colour, marker=mark, markersize=0, linewidth=1.8)
        axes.plot([], [], color=colour, marker=mark, markersize=5.5, linewidth=1.8, label=name)
    for share in _LABELLED_SHARES:
        points = [(_at(curves, share), colour, mark) for curves, colour, mark in drawn]
        highest = max((point.lift for point, _, _ in points), default=0.0)
        for place, (point, colour, mark) in enumerate(points):
            above = point.lift == highest and place == [one.lift for one, _, _ in points].index(highest)
            axes.plot([point.share], [point.lift], color=colour, marker=mark, markersize=5.5)
            axes.annotate(
                f"{100 * point.found:.0f} %",
                (point.share, point.lift),
                xytext=(6, 5) if above else (-6, -12),
                textcoords="offset points",
                fontsize=9,
                color=colour,
                ha="left" if above else "right",
            )
    axes.axhline(1.0, color=PALE, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set_xscale("log")
    axes.set_xlim(0.001, 1.0)
    axes.set_ylim(bottom=0.0)
    ticks = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    axes.set_xticks(ticks, [_share(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("share of all customers, the highest scores first; labels: leavers among them")
    axes.set_ylabel("times")
    _legend(axes, "upper right")


def _at(curves: Curves, share: float) -> LiftPoint:
    return min(curves.lift, key=lambda one: abs(one.share - share))


def draw_scores(axes: "Axes", report: QualityReport) -> None:
    """How scores were spread among those who stayed and those who left."""
    _title(
        axes, "Scores as told", "How those who left and those who stayed had been scored: the more apart, the better"
    )
    curves = report.curves[0]
    places = range(len(SCORE_BINS) - 1)
    for counts, colour, label, shift in ((curves.stayed, _TOLD, "stayed", -0.2), (curves.left, _LEFT, "left", 0.2)):
        total = sum(counts)
        if not total:
            continue
        bars = axes.bar(
            [place + shift for place in places],
            [count / total for count in counts],
            width=0.4,
            color=colour,
            label=f"{label}: {total:,}",
            hatch="////" if label == "left" else None,
            edgecolor="white",
            linewidth=0.0,
        )
        axes.bar_label(bars, [f"{count:,}" if count else "" for count in counts], fontsize=7.5, color=PALE, padding=1)
    axes.set_xticks([place - 0.5 for place in range(len(SCORE_BINS))], [_share(edge) for edge in SCORE_BINS])
    axes.set_xlim(-0.5, len(SCORE_BINS) - 1.5)
    axes.yaxis.set_major_formatter(lambda value, _: _share(value))
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("probability given")
    axes.set_ylabel("share of those")
    _legend(axes, "upper right")


def _legend(axes: "Axes", place: _Corner) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=place, frameon=True, framealpha=0.85, edgecolor="none", fontsize=9)


def _days(axes: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator: Any = AutoDateLocator
    formatter: Any = ConciseDateFormatter  # neither has types
    every = locator(minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(every)
    axes.xaxis.set_major_formatter(formatter(every))


def _share(value: float) -> str:
    return f"{100 * value:.3g} %"
