"""Small tables in the formats of the recorded sets; every row in these tests is invented."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from models.events import FeedEvent
from streams.recorded.tally import Tally

Reader = Callable[[Path, Tally], Iterator[FeedEvent]]


def write_table(path: Path, header: str, rows: Iterable[str]) -> None:
    """Write `header` and `rows`, gzipped where the name says so."""
    text = "".join(f"{line}\n" for line in (header, *rows))
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def read_all(reader: Reader, directory: Path) -> tuple[list[FeedEvent], Tally]:
    """All events of the set in `directory`, and what became of its rows."""
    tally = Tally()
    return list(reader(directory, tally)), tally


def in_time_order(events: list[FeedEvent]) -> bool:
    """Whether no event is earlier than the one before it."""
    moments = [event.occurred_at for event in events]
    return all(before <= after for before, after in pairwise(moments))
