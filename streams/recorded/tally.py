"""What became of every row of an import: nothing is dropped without a count."""

from collections import Counter
from collections.abc import Iterator

from models.events import FeedEvent


class Tally:
    """Counts of one import.

    ``rows_read`` by file; ``events`` by type; ``left_out`` by (file, reason): rows that became no event;
    ``notes`` by (file, remark): rows that did become an event, with something about them worth knowing.
    """

    def __init__(self) -> None:
        self.rows_read: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.left_out: Counter[tuple[str, str]] = Counter()
        self.notes: Counter[tuple[str, str]] = Counter()

    def read(self, file: str) -> None:
        """One more row of `file` was read."""
        self.rows_read[file] += 1

    def leave_out(self, file: str, reason: str) -> None:
        """A row of `file` becomes no event, because of `reason`."""
        self.left_out[file, reason] += 1

    def note(self, file: str, remark: str) -> None:
        """A row of `file` becomes an event, and `remark` holds of it."""
        self.notes[file, remark] += 1

    def written(self, event: FeedEvent) -> FeedEvent:
        """Count `event` under its type, and hand it back."""
        self.events[str(event.__struct_config__.tag)] += 1
        return event

    def lines(self) -> Iterator[str]:
        """The summary for people, a line at a time, in an order that depends on the counts' names alone."""
        yield from _table("rows read", self.rows_read)
        yield from _table("events", self.events)
        yield from _table("rows left out", {f"{file}: {why}": n for (file, why), n in self.left_out.items()})
        yield from _table("of note", {f"{file}: {what}": n for (file, what), n in self.notes.items()})


def _table(title: str, counts: Counter[str] | dict[str, int]) -> Iterator[str]:
    yield f"{title}: {sum(counts.values()):,}" if title != "of note" else f"{title}:"
    for name in sorted(counts):
        yield f"  {counts[name]:>9,}  {name}"
