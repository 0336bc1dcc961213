"""A console for tables: as wide as the terminal, and wide enough for whoever reads a pipe or a file."""

from rich.console import Console

_ELSEWHERE = 240


def wide_console() -> Console:
    """What it prints is neither markup nor highlighted: it may come from a feed."""
    return Console(markup=False, highlight=False, width=None if Console().is_terminal else _ELSEWHERE)
