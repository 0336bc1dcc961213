"""Pictures as files, drawn in one way: with no display and no user's settings, the same is always drawn the same.

Matplotlib is loaded when a picture is drawn, and not before. Text stays text in an SVG.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS: Final = (".svg", ".png")
WIDTH_IN: Final = 12.0
DPI: Final = 100
DAY_S: Final = 86_400
_SETTINGS: Final[dict[str, Any]] = {"svg.fonttype": "none", "svg.hashsalt": "ebbwatch", "hatch.linewidth": 0.6}


class PictureError(ValueError):
    """A picture that cannot be drawn or written; the message says what to do."""


def save_picture(path: Path, height_in: float, draw: Callable[["Figure"], None]) -> None:
    """Let `draw` fill a figure, and save it, an SVG or PNG by its suffix; raises `PictureError` or `OSError`."""
    if path.suffix.lower() not in FORMATS:
        raise PictureError(f"{path}: expected a name that ends in {' or '.join(FORMATS)}")
    with figure_of(WIDTH_IN, height_in, DPI, _SETTINGS) as figure:
        draw(figure)
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
        figure.savefig(path, metadata=metadata)


@contextmanager
def figure_of(width_in: float, height_in: float, dpi: int, settings: Mapping[Any, Any]) -> "Iterator[Figure]":
    """A figure to be drawn and saved, with `settings` of Matplotlib's on top of what all pictures have."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    chosen: dict[Any, Any] = {
        **matplotlib.rcParamsDefault,
        "text.parse_math": False,
        "font.size": 10.0,
        "font.family": ["DejaVu Sans"],
        **settings,
    }
    chosen.pop("backend", None)
    with matplotlib.rc_context(chosen), warnings.catch_warnings():
        # Ids and words of a feed may be Chinese, for which the font that comes along has no glyphs.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(width_in, height_in), dpi=dpi, facecolor="white")
        FigureCanvasAgg(figure)
        yield figure


def days(at_ms: int) -> float:
    """A time as Matplotlib counts: days since 1970 UTC."""
    return at_ms / 1000 / DAY_S
