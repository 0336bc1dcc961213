"""Feed files as one sequence of addressed lines, read ahead in a thread of its own."""

import queue
import threading
import time
from collections.abc import Iterator
from heapq import merge

from streams.codecs import MAX_AHEAD_MS
from streams.feed_address import Addressed, address
from streams.feed_reader import STDIN, Feed, FeedError, open_feeds, open_stdin

_READ_AHEAD = 65_536
_PAUSE_S = 0.002


class FeedSource:
    """Reads feeds, several of them merged by time, while what was read before is being sent.

    Waiting for standard input holds nothing up: `take` says what is there.
    """

    def __init__(self, paths: list[str]) -> None:
        """Open the files and begin to read; raises `FeedError`."""
        self._files = open_feeds([path for path in paths if path != STDIN], {}) if paths != [STDIN] else []
        self._stdin = STDIN in paths
        self._lines: queue.SimpleQueue[Addressed] = queue.SimpleQueue()
        self._error: Exception | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._read, daemon=True, name="feeds")
        self._thread.start()

    @property
    def share_read(self) -> float | None:
        """How much of the files has been read, from 0 to 1; None where the end is not known."""
        size = sum(feed.meter.size_bytes for feed in self._files)
        if self._stdin or not size:
            return None
        return sum(feed.meter.read_bytes for feed in self._files) / size

    @property
    def ended(self) -> bool:
        """Whether all lines have been taken."""
        return not self._thread.is_alive() and self._lines.empty()

    def take(self) -> Addressed | None:
        """The next line; None where there is none yet, or no more. Raises `FeedError` where the feed is damaged."""
        try:
            return self._lines.get_nowait()
        except queue.Empty:
            if self._error is not None and self.ended:
                raise self._error from None
            return None

    def close(self) -> None:
        """Stop reading as soon as that can be."""
        self._closed = True

    def _read(self) -> None:
        try:
            feeds = [_addressed(feed) for feed in self._opened()]
            for _, line in feeds[0] if len(feeds) == 1 else merge(*feeds, key=_time):
                if self._closed:
                    return
                self._lines.put(line)
                while self._lines.qsize() >= _READ_AHEAD and not self._closed:
                    time.sleep(_PAUSE_S)
        except FeedError as error:
            self._error = error

    def _opened(self) -> list[Feed]:
        if not self._stdin:
            return self._files
        stdin = open_stdin({}, {feed.source: feed for feed in self._files})
        return self._files if stdin is None else [*self._files, stdin]


def _addressed(feed: Feed) -> Iterator[tuple[int, Addressed]]:
    """The lines of a feed, each with the time of its place: its own, or where it has none the one before it."""
    at_ms = 0
    latest_ms = time.time_ns() // 1_000_000 + MAX_AHEAD_MS
    for line in feed.lines:
        if not line or line.isspace():
            continue
        addressed = address(line)
        if 0 < addressed.at_ms <= latest_ms:
            at_ms = addressed.at_ms
        elif addressed.at_ms:
            addressed = addressed._replace(at_ms=0)
        yield at_ms, addressed


def _time(item: tuple[int, Addressed]) -> int:
    return item[0]
