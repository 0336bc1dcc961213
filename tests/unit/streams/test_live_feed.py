"""Live feeds: lines as they come, and no waiting for those that do not."""

import queue
import threading
from collections.abc import Iterator

import pytest

from streams.feed_reader import Feed, FeedError, Meter, Progress
from streams.ingest import Accepted, DeadLetter, Ingest
from streams.live_feed import LiveFeed
from tests.support.feeds import login


class Hand:
    """A feed whose lines are given by hand."""

    def __init__(self, source: str, known: Progress | None = None) -> None:
        self._given: queue.Queue[bytes | Exception | None] = queue.Queue()
        self.feed = Feed(source, source, known or Progress(), self._lines(), Meter())

    def open(self) -> Feed:
        return self.feed

    def give(self, *lines: bytes | Exception | None) -> None:
        for line in lines:
            self._given.put(line)

    def _lines(self) -> Iterator[bytes]:
        while (line := self._given.get(timeout=60)) is not None:
            if isinstance(line, Exception):
                raise line
            yield line


async def take_all(live: LiveFeed) -> tuple[list[Accepted | DeadLetter], dict[str, Progress], int]:
    """Take until every feed has ended."""
    results: list[Accepted | DeadLetter] = []
    progress: dict[str, Progress] = {}
    lines = 0
    while not live.ended:
        taken = await live.take(2, 60)
        results += taken.results
        progress |= taken.progress
        lines += taken.lines
    return results, progress, lines


async def test_lines_come_as_they_are_given() -> None:
    """Accepted, refused and blank lines are counted, each feed in its own order, until all have ended."""
    one, two = Hand("one"), Hand("two", Progress(7, 5))
    one.give(login(1), b"", b"bad", login(2), None)
    two.give(login(3), None)
    live = LiveFeed([one.open, two.open], Ingest())
    results, progress, lines = await take_all(live)

    assert lines == 5
    assert [result.customer_id for result in results if isinstance(result, Accepted) and b'"one"' in result.body] == [
        "c1",
        "c2",
    ]
    assert b'"source":"two","source_offset":7' in b"".join(r.body for r in results if isinstance(r, Accepted))
    (letter,) = [result for result in results if isinstance(result, DeadLetter)]
    assert (letter.source, letter.source_offset) == ("one", 2)
    assert progress == {
        "one": Progress().after([login(1), b"", b"bad", login(2)]),
        "two": Progress(7, 5).after([login(3)]),
    }
    assert await live.take(5, 60) == ([], {}, 0), "nothing is waited for after the end"


async def test_a_quiet_feed_holds_nothing_up() -> None:
    """While nothing comes, taking returns empty-handed; what another feed gives is taken."""
    quiet, busy = Hand("quiet"), Hand("busy")
    live = LiveFeed([quiet.open, busy.open], Ingest())
    assert await live.take(5, 0) == ([], {}, 0)
    assert not live.ended
    busy.give(login(1))
    taken = await live.take(5, 60)
    assert taken.lines == 1

    quiet.give(None)
    busy.give(None)
    assert (await take_all(live))[2] == 0


async def test_no_more_is_taken_than_asked_for() -> None:
    """A burst is cut into batches and loses nothing."""
    hand = Hand("one")
    hand.give(*(login(number) for number in range(10)), None)
    live = LiveFeed([hand.open], Ingest())
    first = await live.take(3, 60)
    assert 1 <= first.lines <= 3
    rest = await take_all(live)

    assert first.lines + rest[2] == 10
    assert hand.feed.progress == Progress().after([login(number) for number in range(10)])


async def test_an_error_in_a_feed_surfaces() -> None:
    """What reading raises is raised where lines are taken, after the lines before it."""
    hand = Hand("one")
    live = LiveFeed([hand.open], Ingest())
    hand.give(login(1))
    assert (await live.take(1, 60)).lines == 1
    hand.give(FeedError("cut short"))

    with pytest.raises(FeedError, match="cut short"):
        await live.take(5, 60)


async def test_no_feeds_have_ended() -> None:
    """Without feeds there is nothing to wait for."""
    live = LiveFeed([], Ingest())

    assert live.ended
    assert await live.take(5, 60) == ([], {}, 0)


async def test_closing_ends_the_reading() -> None:
    """After closing, a feed that still gives lines is not read on."""
    hand = Hand("one")
    before = set(threading.enumerate())
    live = LiveFeed([hand.open], Ingest())
    (reader,) = set(threading.enumerate()) - before
    live.close()
    hand.give(login(1), login(2), None)
    reader.join(timeout=60)

    assert not reader.is_alive()
    assert await live.take(5, 0) == ([], {}, 0)

    assert hand.feed.progress.lines == 0
