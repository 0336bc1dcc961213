"""Figures of a proof, for people: `make proofs` shows them."""

from collections.abc import Iterable, Mapping, Sequence


def show(title: str, **figures: object) -> None:
    """One line: the title, then each figure with its name."""
    print(
        f"\n[proof] {title}: "
        + ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in figures.items())
    )


def show_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A small table under a title."""
    lines = [[*header], *([_text(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\n[proof] {title}")
    for line in lines:
        cells = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        print("  " + "  ".join([line[0].ljust(widths[0]), *cells]))


def counted(counts: Mapping[str, int]) -> str:
    """Counts in words, the largest first."""
    return ", ".join(
        f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
