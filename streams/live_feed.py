"""Live feeds: lines are taken as they come, and time passes whether or not they do."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable

from streams.feed_reader import Feed
from streams.ingest import Accepted, DeadLetter, Ingest
from streams.merge import Taken

_WAITING_LINES = 65_536


class LiveFeed:
    """Reads each feed in a thread of its own, so that a quiet feed holds nothing up."""

    def __init__(self, openers: list[Callable[[], Feed | None]], ingest: Ingest) -> None:
        """Open and read each feed; opening may wait as long as it likes, as standard input does for a first line."""
        self._ingest = ingest
        self._offsets: dict[str, int] = {}
        self._waiting: queue.Queue[tuple[Feed | None, bytes | BaseException | None]] = queue.Queue(_WAITING_LINES)
        self._open = len(openers)
        self._closed = threading.Event()
        for opener in openers:
            # A daemon: a thread that waits for a terminal's next line cannot be told to stop.
            threading.Thread(target=self._read, args=(opener,), daemon=True, name="feed").start()

    @property
    def ended(self) -> bool:
        """Whether every feed has ended and all of it was taken."""
        return self._open == 0 and self._waiting.empty()

    async def take(self, most_lines: int, wait_s: float) -> Taken:
        """The lines that have come, at most `most_lines`; waits up to `wait_s` for the first."""
        lines: dict[str, tuple[Feed, list[bytes]]] = {}
        results: list[Accepted | DeadLetter] = []
        taken = 0
        deadline_s = time.monotonic() + wait_s
        while taken < most_lines:
            try:
                feed, line = self._waiting.get_nowait()
            except queue.Empty:
                if taken or self._open == 0 or time.monotonic() >= deadline_s:
                    break
                await asyncio.sleep(0.005)
                continue
            if isinstance(line, BaseException):
                raise line
            if line is None or feed is None:
                self._open -= 1
                continue
            taken += 1
            offset = self._offsets.setdefault(feed.source, feed.progress.lines)
            self._offsets[feed.source] = offset + 1
            lines.setdefault(feed.source, (feed, []))[1].append(line)
            if line and not line.isspace():
                now_ms = time.time_ns() // 1_000_000
                results.append(self._ingest.accept(line, feed.source, offset, now_ms))
        progress = {}
        for source, (feed, read) in lines.items():
            feed.progress = progress[source] = feed.progress.after(read)
        return Taken(results, progress, taken)

    def close(self) -> None:
        """Let the reading threads end as soon as they can."""
        self._closed.set()

    def _read(self, opener: Callable[[], Feed | None]) -> None:
        feed: Feed | None = None
        end: BaseException | None = None
        try:
            feed = opener()
            for line in feed.lines if feed is not None else ():
                if self._closed.is_set():
                    return
                self._waiting.put((feed, line))
        except Exception as error:
            end = error
        self._waiting.put((feed, end))
