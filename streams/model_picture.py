"""How good the scores are, as a PNG: reliability with its counts, AUC over time, lift, and how scores are spread.

Matplotlib is loaded when a picture is drawn, and not before (`streams.picture_file`).
"""

from io import BytesIO
from typing import TYPE_CHECKING, Final

from models.quality_report import QualityReport
from models.report_tables import report_head
from models.report_words import MEASURES, figure_words
from streams.model_panels import INK, PALE, draw_auc, draw_lift, draw_reliability, draw_scores, styles
from streams.picture_file import figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH_IN, _HEIGHT_IN, _HEAD_IN, _TITLE_IN, _DPI = 13.0, 10.4, 1.05, 0.58, 110
_SETTINGS: Final = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#999999",
    "axes.labelcolor": PALE,
    "xtick.color": PALE,
    "ytick.color": PALE,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
}


def draw_report(report: QualityReport, headed: bool = True) -> bytes:
    """The picture of a report as a PNG; without a head where a page says the same above it."""
    height = _HEIGHT_IN if headed else _HEIGHT_IN - _HEAD_IN
    with figure_of(_WIDTH_IN, height, _DPI, _SETTINGS) as figure:
        grid = figure.add_gridspec(
            2,
            2,
            left=0.06,
            right=0.975,
            top=1.0 - ((_HEAD_IN if headed else 0.0) + _TITLE_IN) / height,
            bottom=0.6 / height,
            hspace=0.36,
            wspace=0.17,
            height_ratios=(1.12, 1.0),
        )
        if headed:
            _draw_head(figure, report)
        reliability = grid[0, 0].subgridspec(2, 1, height_ratios=(4.2, 1.0), hspace=0.08)
        draw_reliability(figure.add_subplot(reliability[0]), figure.add_subplot(reliability[1]), report)
        draw_auc(figure.add_subplot(grid[0, 1]), report)
        draw_lift(figure.add_subplot(grid[1, 0]), report)
        draw_scores(figure.add_subplot(grid[1, 1]), report)
        picture = BytesIO()
        figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def _draw_head(figure: "Figure", report: QualityReport) -> None:
    """What the report is about, and the figures of both scorers on the right."""
    figure.text(0.012, 0.985, "Churn score: how good it is", fontsize=17, fontweight="bold", va="top", color=INK)
    figure.text(0.012, 0.95, "\n".join(report_head(report)), fontsize=10.5, va="top", color=PALE, linespacing=1.45)
    shown = [measure for measure in MEASURES if measure not in ("examples", "base_rate")]
    for column, measure in enumerate(shown):
        x = 0.575 + 0.08 * column
        figure.text(x, 0.982, MEASURES[measure], fontsize=9, va="top", ha="right", color=PALE)
        for row, (curves, colour, _) in enumerate(styles(report)):
            value = figure_words(measure, getattr(report.learners[curves.name], measure))
            figure.text(
                x, 0.958 - 0.026 * row, value, fontsize=11.5, va="top", ha="right", color=colour, fontweight="bold"
            )
