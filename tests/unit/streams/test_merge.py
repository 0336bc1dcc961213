"""Merging feeds: one sequence in time order, the same however it is cut."""

import gzip
import random
from pathlib import Path

import pytest

from streams.codecs import decode_ledger_run
from streams.feed_reader import FeedError, Progress, open_feeds
from streams.ingest import Accepted, DeadLetter, Ingest
from streams.merge import MergedFeeds
from tests.support.feeds import NOW_MS, login, write

Place = tuple[str, str, int]


def place(result: Accepted | DeadLetter) -> Place:
    """Where a result came from, and whether it was accepted."""
    if isinstance(result, DeadLetter):
        return ("refused", result.source, result.source_offset)
    (record,) = decode_ledger_run([result.body])
    return ("accepted", record.source, record.source_offset)


def merged(paths: list[str], known: dict[str, Progress] | None = None) -> MergedFeeds:
    return MergedFeeds(open_feeds(paths, known or {}), Ingest(), NOW_MS)


def drain(
    feeds: MergedFeeds, sizes: list[int], seen: list[Place] | None = None
) -> tuple[list[Place], dict[str, Progress], list[int]]:
    """Everything, taken in stretches of the given sizes over and over; with the final progress and the line counts.

    What was taken is in `seen` even where a feed turns out damaged.
    """
    places: list[Place] = [] if seen is None else seen
    progress: dict[str, Progress] = {}
    counts: list[int] = []
    while True:
        taken = feeds.take(sizes[len(counts) % len(sizes)])
        if not taken.lines:
            return places, progress, counts
        places += [place(result) for result in taken.results]
        progress |= taken.progress
        counts.append(taken.lines)


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Three feeds with ties, late records, blank lines and records that are refused, also at their beginnings."""
    chooser = random.Random(11)
    paths = []
    for feed in range(3):
        minute = 0.0
        lines: list[bytes] = [b"bad first"] if feed == 1 else []
        for number in range(60):
            minute += chooser.choice((0, 0, 1, 2))
            lines.append(login(1000 * feed + number, minute - chooser.choice((0, 0, 0, 7))))
            lines += [[], [b""], [b"not json"], [b" \r", b"{}"]][chooser.choice((0, 0, 0, 1, 2, 3))]
        paths.append(write(tmp_path / f"{feed}.ndjson", lines))
    return paths


def test_sorted_feeds_merge_like_a_stable_sort(tmp_path: Path) -> None:
    """Feeds in order give all their records by time; of equal times the feed named first goes first."""
    chooser = random.Random(3)
    everything = []
    paths = []
    for feed in range(7):
        minutes = sorted(chooser.randrange(100) for _ in range(50))
        rows = [(minute, feed, number) for number, minute in enumerate(minutes)]
        everything += rows
        paths.append(
            write(tmp_path / f"{feed}.ndjson", [login(100 * feed + number, minute) for minute, _, number in rows])
        )
    sources = [feed.source for feed in open_feeds(paths, {})]

    places, _, _ = drain(merged(paths), [17])

    assert places == [
        ("accepted", sources[feed], number) for _, feed, number in sorted(everything, key=lambda row: row[:2])
    ]


@pytest.mark.parametrize("sizes", [[1], [2], [7], [1, 50, 3], [64]])
def test_the_sequence_does_not_depend_on_how_it_is_taken(paths: list[str], sizes: list[int]) -> None:
    """Stretches of any size add up to the same sequence and the same progress."""
    whole, progress, counts = drain(merged(paths), [100_000])
    assert len(counts) == 1

    places, in_stretches, taken = drain(merged(paths), sizes)
    assert places == whole
    assert in_stretches == progress
    assert all(count <= sizes[number % len(sizes)] for number, count in enumerate(taken))


def test_a_resume_at_every_point_gives_the_same_remainder(paths: list[str]) -> None:
    """Interrupted after any line, what follows is what would have followed."""
    whole, _, counts = drain(merged(paths), [100_000])
    first = merged(paths)
    known: dict[str, Progress] = {}
    done: list[Place] = []
    for _ in range(counts[0]):
        taken = first.take(1)
        done += [place(result) for result in taken.results]
        known |= taken.progress
        rest, _, _ = drain(merged(paths, known), [100_000])
        assert done + rest == whole


def test_blank_and_refused_lines_keep_their_place(tmp_path: Path) -> None:
    """A blank line is counted and dropped; a refused one follows the record before it."""
    one = write(tmp_path / "one", [login(1, 1), b"", b"bad", login(2, 5)])
    two = write(tmp_path / "two", [login(11, 2), b"bad", login(12, 4)])
    first, second = (feed.source for feed in open_feeds([one, two], {}))

    places, progress, _ = drain(merged([one, two]), [2])

    assert places == [
        ("accepted", first, 0),
        ("refused", first, 2),
        ("accepted", second, 0),
        ("refused", second, 1),
        ("accepted", second, 2),
        ("accepted", first, 3),
    ]
    assert {source: at.lines for source, at in progress.items()} == {first: 4, second: 3}


def test_a_late_record_goes_first_but_stays_behind_its_own(tmp_path: Path) -> None:
    """A record that is late in its feed is late in the sequence too; its feed is never reordered."""
    one = write(tmp_path / "one", [login(1, 10), login(2, 1), login(3, 11)])
    two = write(tmp_path / "two", [login(11, 5), login(12, 10), login(13, 12)])
    first, second = (feed.source for feed in open_feeds([one, two], {}))

    assert [(source, offset) for _, source, offset in drain(merged([one, two]), [9])[0]] == [
        (second, 0), (first, 0), (first, 1), (second, 1), (first, 2), (second, 2)
    ]  # fmt: skip


def test_what_came_before_damage_is_handed_out_first(tmp_path: Path) -> None:
    """A feed that is damaged in its middle gives all that stands before the damage, whatever the size of a stretch."""
    path = tmp_path / "feed.ndjson.gz"
    whole = gzip.compress(b"".join(login(number) + b"\n" for number in range(20_000)))
    path.write_bytes(whole[: len(whole) // 2])
    given = []
    for size in (7, 100_000):
        feeds = merged([str(path)])
        places: list[Place] = []
        with pytest.raises(FeedError, match="damaged or cut short"):
            drain(feeds, [size], places)
        given.append(len(places))
    assert given[0] == given[1] > 1_000


def test_nothing_to_merge() -> None:
    """No feeds give no lines, again and again."""
    feeds = merged([])

    assert feeds.take(5) == ([], {}, 0)
    assert feeds.take(5) == ([], {}, 0)


@pytest.mark.parametrize("most", [1, 4, 1000])
def test_a_stretch_ends_before_a_time(paths: list[str], most: int) -> None:
    """What is of that time or later begins a stretch of its own, and nothing is taken in another order."""
    whole, _, _ = drain(merged(paths), [1000])
    feeds, found = merged(paths), list[Place]()
    before_ms = NOW_MS
    while (taken := feeds.take(most, before_ms)).lines:
        times = [result.at_ms for result in taken.results if isinstance(result, Accepted)]
        assert all(at_ms < before_ms for at_ms in times[1:])
        found += [place(result) for result in taken.results]
        before_ms = (times or [before_ms])[-1] + 120_000
    assert found == whole
