"""Sorted runs on disk, merged while read: what lets more customers be simulated than fit into memory."""

from collections.abc import Iterator
from contextlib import ExitStack
from heapq import merge
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from weakref import finalize

import msgspec

from models.events import Event, FeedEvent


class Spool:
    """Runs of events in a temporary directory (``TMPDIR``); about 205 bytes an event, removed with the object.

    Raises OSError when the disk is full.
    """

    def __init__(self) -> None:
        self._directory = Path(mkdtemp(prefix="ebbwatch-simulate-"))
        self._runs: list[Path] = []
        self._remove = finalize(self, rmtree, self._directory, ignore_errors=True)

    def add(self, events: list[FeedEvent]) -> None:
        """Write one run, already in time order."""
        path = self._directory / f"{len(self._runs):06d}.ndjson"
        path.write_bytes(msgspec.json.Encoder().encode_lines(events))
        self._runs.append(path)

    def merged(self) -> Iterator[FeedEvent]:
        """All runs in time order; at the same second the earlier run comes first."""
        decoder = msgspec.json.Decoder(Event)
        with ExitStack() as files:
            opened = [files.enter_context(path.open("rb", buffering=1 << 16)) for path in self._runs]
            runs = [map(decoder.decode, lines) for lines in opened]
            yield from merge(*runs, key=lambda event: event.occurred_at)

    def close(self) -> None:
        """Remove the runs."""
        self._remove()
