"""Several feeds become one sequence in time order, the same one however often it is interrupted."""

from heapq import heapify, heappop, heapreplace
from typing import NamedTuple

from streams.feed_reader import Feed, FeedError, Progress
from streams.ingest import Accepted, DeadLetter, Ingest


class Taken(NamedTuple):
    """A stretch of the merged sequence: what became of its lines, and how far each source has come with it."""

    results: list[Accepted | DeadLetter]
    progress: dict[str, Progress]
    lines: int


class _Head:
    """The next line of one feed, already judged, and the lines taken since progress was last reported."""

    def __init__(self, feed: Feed, rank: int) -> None:
        self.feed = feed
        self.rank = rank
        self.offset = feed.progress.lines
        self.taken: list[bytes] = []
        self.line = b""
        self.result: Accepted | DeadLetter | None = None
        self.at_ms = 0


class MergedFeeds:
    """Merges feeds by business time; of equal times the feed that was named first goes first.

    A feed is taken in its own order: a record that comes late in its feed comes late in the merged sequence too, and
    one that was refused keeps its place behind the record before it. Only the next line of each feed decides, and
    those are the same after a restart, so what follows is as well.
    """

    def __init__(self, feeds: list[Feed], ingest: Ingest, now_ms: int) -> None:
        """`now_ms` is the wall clock, against which times in the future are refused."""
        self._ingest = ingest
        self._now_ms = now_ms
        self._error: FeedError | None = None
        self.unfinished_lines = 0
        """Last lines without a newline that are no whole record yet; they are left for the next run."""
        heads = [_Head(feed, rank) for rank, feed in enumerate(feeds)]
        self._heads = [(head.at_ms, head.rank, head) for head in heads if self._advance(head)]
        self._feeds = feeds
        heapify(self._heads)

    def take(self, most_lines: int, before_ms: int = 0) -> Taken:
        """The next stretch, of at most `most_lines` lines; no lines when all feeds have ended.

        With `before_ms` it ends before the next line of that time or later, unless that is its first. A line that was
        refused has the time of the one before it, and none at the beginning.
        A feed that turns out damaged raises `FeedError` once everything before the damage has been handed out.
        """
        results: list[Accepted | DeadLetter] = []
        touched: dict[int, _Head] = {}
        lines = 0
        heads = self._heads
        while heads and lines < most_lines and self._error is None:
            _, _, head = heads[0]
            if 0 < before_ms <= head.at_ms and lines:
                break
            touched[head.rank] = head
            rival = min(heads[1:3], default=None)
            while True:
                if head.result is not None:
                    results.append(head.result)
                head.taken.append(head.line)
                lines += 1
                if not self._advance(head):
                    heappop(heads)
                    break
                ends = lines >= most_lines or 0 < before_ms <= head.at_ms
                if ends or (rival is not None and (head.at_ms, head.rank) > rival[:2]):
                    heapreplace(heads, (head.at_ms, head.rank, head))
                    break
        if self._error is not None and not lines:
            raise self._error
        progress = {}
        for head in touched.values():
            head.feed.progress = progress[head.feed.source] = head.feed.progress.after(head.taken)
            head.taken = []
        return Taken(results, progress, lines)

    def _advance(self, head: _Head) -> bool:
        try:
            line = next(head.feed.lines, None)
        except FeedError as error:
            self._error = error
            return False
        if line is None:
            return False
        head.line = line
        head.result = None
        if line and not line.isspace():
            head.result = result = self._ingest.accept(line, head.feed.source, head.offset, self._now_ms)
            if type(result) is Accepted:
                head.at_ms = result.at_ms
            elif head.feed.meter.unfinished:
                self.unfinished_lines += 1
                return False
        head.offset += 1
        return True
