"""Pictures as files, drawn in one way: with no display and no user's settings, the same is always drawn the same.

Matplotlib is loaded when a picture is drawn, and not before. Text stays text in an SVG.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS: Final = (".svg", ".png")
WIDTH_IN: Final = 12.0
DPI: Final = 100
DAY_S: Final = 86_400


class PictureError(ValueError):
    """A picture that cannot be drawn or written; the message says what to do."""


def save_picture(path: Path, height_in: float, draw: Callable[["Figure"], None]) -> None:
    """Let `draw` fill a figure, and save it, an SVG or PNG by its suffix; raises `PictureError` or `OSError`."""
    if path.suffix.lower() not in FORMATS:
        raise PictureError(f"{path}: expected a name that ends in {' or '.join(FORMATS)}")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings = {
        **matplotlib.rcParamsDefault,
        "svg.fonttype": "none",
        "svg.hashsalt": "ebbwatch",
        "text.parse_math": False,
        "font.size": 10.0,
        "font.family": ["DejaVu Sans"],
        "hatch.linewidth": 0.6,
    }
    settings.pop("backend", None)
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # Ids and words of a feed may be Chinese, for which the font that comes along has no glyphs.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, facecolor="white")
        FigureCanvasAgg(figure)
        draw(figure)
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
        figure.savefig(path, metadata=metadata)


def days(at_ms: int) -> float:
    """A time as Matplotlib counts: days since 1970 UTC."""
    return at_ms / 1000 / DAY_S
