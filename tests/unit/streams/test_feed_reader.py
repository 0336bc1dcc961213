"""Feeds as files: whole lines, once each, whatever the file is called and however it is packed."""

import gzip
import io
import json
import os
import random
import tracemalloc
import zlib
from pathlib import Path

import pytest

from streams.codecs import MAX_RECORD_BYTES
from streams.feed_reader import Feed, FeedError, Progress, feed_files, open_feeds
from tests.support.feeds import login, write


def read(path: Path | str, known: dict[str, Progress] | None = None) -> list[bytes]:
    """All lines that a single feed has to give."""
    feeds = open_feeds([str(path)], known or {})
    return [line for feed in feeds for line in feed.lines]


def part(path: Path | str, lines: int) -> dict[str, Progress]:
    """The progress of a source of which so many lines were read."""
    (feed,) = open_feeds([str(path)], {})
    return {feed.source: feed.progress.after([next(feed.lines) for _ in range(lines)])}


def opened(*paths: str, known: dict[str, Progress] | None = None) -> list[Feed]:
    return open_feeds(list(paths), known or {})


LINES = [login(number) for number in range(20)]


# --- lines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [b"", b"\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_line_is_read(tmp_path: Path, ending: bytes, packed: bool) -> None:
    """Plain or gzip, with or without a newline at the end: the same lines and the same source."""
    body = b"\n".join(LINES) + ending
    path = tmp_path / ("feed.ndjson.gz" if packed else "feed.ndjson")
    path.write_bytes(gzip.compress(body) if packed else body)
    (feed,) = opened(str(path))

    assert list(feed.lines) == LINES
    assert feed.source == opened(write(tmp_path / "plain.ndjson", LINES))[0].source
    assert feed.meter.read_bytes == feed.meter.size_bytes == path.stat().st_size


def test_lines_are_handed_on_as_they_are(tmp_path: Path) -> None:
    """Blank lines and carriage returns keep their place in the count; judging them is not the reader's business."""
    path = tmp_path / "feed"
    path.write_bytes(b"one\r\n\r\n\n  \ntwo\n\n")

    assert read(path) == [b"one\r", b"\r", b"", b"  ", b"two", b""]


def test_an_empty_file_is_a_quiet_feed(tmp_path: Path) -> None:
    """Nothing has happened on it yet, packed or not."""
    (tmp_path / "a.ndjson").touch()
    (tmp_path / "b.ndjson.gz").touch()
    (tmp_path / "c.ndjson.gz").write_bytes(gzip.compress(b""))

    assert opened(str(tmp_path)) == []


def test_a_gzip_file_of_many_members(tmp_path: Path) -> None:
    """Files that were packed apart and put together are one feed."""
    path = tmp_path / "feed.gz"
    path.write_bytes(gzip.compress(LINES[0] + b"\n" + LINES[1][:9]) + gzip.compress(LINES[1][9:] + b"\n" + LINES[2]))

    assert read(path) == LINES[:3]


def test_lines_survive_any_block_boundary(tmp_path: Path) -> None:
    """Lines of all sizes around the size of a block come back whole."""
    chooser = random.Random(7)
    sizes = [
        1,
        MAX_RECORD_BYTES - 1,
        MAX_RECORD_BYTES,
        MAX_RECORD_BYTES + 1,
        2 * MAX_RECORD_BYTES - 1,
        2 * MAX_RECORD_BYTES,
    ]
    lines = [bytes([97 + number % 26]) * size for number, size in enumerate(chooser.choices(sizes, k=60))]

    assert read(write(tmp_path / "feed", lines)) == lines


@pytest.mark.parametrize("packed", [False, True])
def test_an_endless_line_fills_no_memory(tmp_path: Path, packed: bool) -> None:
    """Of a line of many megabytes only enough is kept to tell that it is too long; the next ones are whole."""
    body = LINES[0] + b"\n" + b"x" * (12 << 20) + b"\n" + LINES[1] + b"\n" + b"y" * (1 << 20)
    path = tmp_path / ("feed.gz" if packed else "feed")
    path.write_bytes(gzip.compress(body, 1) if packed else body)
    del body
    tracemalloc.start()
    lines = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert lines == [LINES[0], b"x" * 2 * MAX_RECORD_BYTES, LINES[1], b"y" * 2 * MAX_RECORD_BYTES]
    assert peak < 4 << 20


# --- what cannot be read ------------------------------------------------------------------------------------


def packed_noise() -> bytes:
    """Gzip data long enough that damage lies behind the first block."""
    chooser = random.Random(7)
    return gzip.compress(b"".join(b"%d\n" % chooser.getrandbits(900) for _ in range(3000)))


@pytest.mark.parametrize("keep", [5, 15, 1000, -1, -4])
def test_a_truncated_gzip_file_is_named(tmp_path: Path, keep: int) -> None:
    """A download that was cut short is an error, not the end of the feed."""
    path = tmp_path / "cut.ndjson.gz"
    path.write_bytes(packed_noise()[:keep])

    with pytest.raises(FeedError, match=r"cut\.ndjson\.gz: the compressed data are damaged or cut short"):
        read(path)


@pytest.mark.parametrize(("name", "packed"), [("feed.ndjson", True), ("feed.ndjson.gz", False)])
def test_gzip_is_known_by_its_content(tmp_path: Path, name: str, packed: bool) -> None:
    """A feed whose name says something else than its content is read as what it is."""
    path = tmp_path / name
    body = b"\n".join(LINES) + b"\n"
    path.write_bytes(gzip.compress(body) if packed else body)
    assert read(path) == LINES


@pytest.mark.parametrize("damage", ["in the middle", "in the checksum", "behind the end"])
def test_a_damaged_gzip_file_is_named(tmp_path: Path, damage: str) -> None:
    """Wherever the damage is, it is noticed."""
    body = bytearray(packed_noise())
    match damage:
        case "in the middle":
            body[len(body) // 2] ^= 0xFF
        case "in the checksum":
            body[-6] ^= 0xFF
        case _:
            body += b"garbage"
    path = tmp_path / "bad.ndjson.gz"
    path.write_bytes(body)

    with pytest.raises(FeedError, match=r"bad\.ndjson\.gz: the compressed data are damaged"):
        read(path)


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    """A path that is not there, and a directory with nothing to read, are said so."""
    with pytest.raises(FeedError, match="nowhere: no such file or directory"):
        opened(str(tmp_path / "nowhere"))
    with pytest.raises(FeedError, match="holds no feed file"):
        opened(str(tmp_path))


def test_a_pipe_by_name_is_not_called_missing(tmp_path: Path) -> None:
    """What is neither file nor directory cannot be read twice, so standard input is suggested."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(FeedError, match="pipe: is neither a file nor a directory"):
        opened(str(tmp_path / "pipe"))


def test_a_file_that_vanishes_is_named(tmp_path: Path) -> None:
    """Between opening and reading, a feed can go away."""
    path = tmp_path / "feed"
    (feed,) = opened(write(path, LINES))
    path.unlink()

    with pytest.raises(FeedError, match=r"feed: cannot be read \(No such file or directory\)"):
        list(feed.lines)


# --- directories ------------------------------------------------------------------------------------------------


def test_a_directory_is_its_feed_files_sorted(tmp_path: Path) -> None:
    """Only feed files count, sorted by name, so that equal times fall in a known order."""
    for name in ("b.ndjson", "a.jsonl.gz", "c.jsonl", "d.ndjson.gz", "notes.txt", ".e.ndjson.1.partial", "B.ndjson"):
        (tmp_path / name).touch()
    other = write(tmp_path / "notes.txt", LINES)

    found = feed_files([other, str(tmp_path)])
    assert [Path(path).name for path in found] == [
        "notes.txt", "B.ndjson", "a.jsonl.gz", "b.ndjson", "c.jsonl", "d.ndjson.gz"
    ]  # fmt: skip


# --- which source is it? --------------------------------------------------------------------------------------------


def test_a_file_given_twice_is_read_once(tmp_path: Path) -> None:
    """By the same name, by a path around it, as a copy or packed: one source, opened once."""
    path = write(tmp_path / "feed.ndjson", LINES)
    copy = write(tmp_path / "copy.ndjson", LINES)
    packed = tmp_path / "packed.ndjson.gz"
    packed.write_bytes(gzip.compress(b"\n".join(LINES)))

    (feed,) = opened(path, path, f"{tmp_path}/./feed.ndjson", copy, str(packed))
    assert feed.name == path


def test_a_copy_goes_on_where_the_original_was_left(tmp_path: Path) -> None:
    """A source is what it holds: a moved or packed copy is not read again."""
    known = part(write(tmp_path / "feed", LINES), 12)
    packed = tmp_path / "moved.ndjson.gz"
    packed.write_bytes(gzip.compress(b"\n".join(LINES)))

    assert read(packed, known) == LINES[12:]


@pytest.mark.parametrize("lines", [0, 1, 19, 20])
def test_reading_goes_on_anywhere(tmp_path: Path, lines: int) -> None:
    """Resumed at any line, the rest follows and the progress ends the same."""
    path = write(tmp_path / "feed", LINES)
    known = part(path, lines)
    (feed,) = opened(path, known=known)
    rest = list(feed.lines)

    assert rest == LINES[lines:]
    assert feed.progress.lines == lines
    assert feed.progress.after(rest) == Progress(20, zlib.crc32(b"".join(one + b"\n" for one in LINES)))


def test_a_file_that_has_grown_gives_its_new_lines(tmp_path: Path) -> None:
    """What was appended since is all that is read."""
    known = part(write(tmp_path / "feed", LINES[:8]), 8)

    assert read(write(tmp_path / "feed", LINES), known) == LINES[8:]


@pytest.mark.parametrize("longer_first", [False, True])
def test_a_longer_copy_is_the_same_source(tmp_path: Path, longer_first: bool) -> None:
    """Of two copies of which one goes on, the longer is read, whichever is named first."""
    short = write(tmp_path / "short", LINES[:5])
    long = write(tmp_path / "long", LINES)
    (feed,) = opened(*((long, short) if longer_first else (short, long)))

    assert list(feed.lines) == LINES


def test_files_that_only_begin_alike_are_different_sources(tmp_path: Path) -> None:
    """Two feeds with the same first line are both read, and each goes on by itself."""
    one = write(tmp_path / "one", [LINES[0], *LINES[1:5]])
    two = write(tmp_path / "two", [LINES[0], *LINES[5:12]])
    feeds = opened(one, two)
    assert len({feed.source for feed in feeds}) == 2
    known = {feed.source: feed.progress.after(list(feed.lines)) for feed in feeds}

    for paths in ((one, two), (two, one), (one,), (two,), (two, two, one)):
        assert [list(feed.lines) for feed in opened(*paths, known=known)] == [[]] * len(set(paths)), paths


def test_one_of_two_that_begin_alike_goes_on_alone(tmp_path: Path) -> None:
    """The shorter one is known by itself, whether or not the longer one is given with it."""
    one = write(tmp_path / "one", LINES)
    two = write(tmp_path / "two", [LINES[0], LINES[5], LINES[6]])
    known = {feed.source: feed.progress.after(list(feed.lines)) for feed in opened(one, two)}
    grown = write(tmp_path / "two", [LINES[0], LINES[5], LINES[6], LINES[7]])

    assert read(grown, known) == [LINES[7]]


def test_a_change_within_what_was_read_makes_another_source(tmp_path: Path) -> None:
    """A file of which a read line was changed is read from its beginning, under another name."""
    path = write(tmp_path / "feed", LINES)
    known = part(path, 10)
    changed = [*LINES[:4], login(99), *LINES[5:]]
    (feed,) = opened(write(tmp_path / "feed", changed), known=known)

    assert feed.source not in known
    assert list(feed.lines) == changed


def test_a_change_behind_what_was_read_is_just_what_follows(tmp_path: Path) -> None:
    """Lines that were not read yet may change."""
    path = write(tmp_path / "feed", LINES)
    known = part(path, 10)

    assert read(write(tmp_path / "feed", [*LINES[:10], login(99)]), known) == [login(99)]


def test_a_shortened_file_is_refused(tmp_path: Path) -> None:
    """A known feed that lost lines may be a truncated copy or another feed, so it is not read, and says why."""
    known = part(write(tmp_path / "feed", LINES), 10)

    with pytest.raises(FeedError, match="has 4 lines, but 10 were read of a feed that begins with the same line"):
        opened(write(tmp_path / "feed", LINES[:4]), known=known)


# --- standard input -------------------------------------------------------------------------------------------------


class _Stdin:
    def __init__(self, body: bytes) -> None:
        self.buffer = io.BufferedReader(io.BytesIO(body))


def given(monkeypatch: pytest.MonkeyPatch, *lines: bytes) -> None:
    monkeypatch.setattr("sys.stdin", _Stdin(b"".join(line + b"\n" for line in lines)))


def test_standard_input_is_a_feed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same lines by file or by pipe are the same source, and go on from the same place."""
    known = part(write(tmp_path / "feed", LINES), 7)
    given(monkeypatch, *LINES)

    assert read("-", known) == LINES[7:]


def test_empty_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that ends at once is a feed on which nothing happened."""
    given(monkeypatch)

    assert opened("-") == []


def test_standard_input_cannot_be_read_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Given twice, or beside a file that begins alike, it is refused rather than split or lost."""
    given(monkeypatch, *LINES)
    with pytest.raises(FeedError, match="only once"):
        opened("-", "-")
    path = write(tmp_path / "feed", LINES)
    for paths in (("-", path), (path, "-")):
        given(monkeypatch, *LINES)
        with pytest.raises(FeedError, match="give only one of them"):
            opened(*paths)


def test_standard_input_that_goes_on_differently_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It cannot be read again under another name, so it is an error."""
    known = part(write(tmp_path / "feed", LINES), 7)
    given(monkeypatch, LINES[0], *LINES[10:])

    with pytest.raises(FeedError, match="goes on differently"):
        opened("-", known=known)


def test_progress_does_not_depend_on_stretches() -> None:
    """The checksum of lines taken in many stretches is that of all at once."""
    stretched = Progress()
    for start in range(0, 20, 3):
        stretched = stretched.after(LINES[start : start + 3])

    assert stretched == Progress().after(LINES)
    assert stretched.after([]) == stretched
    assert json.loads(LINES[0])["event_id"] == "e0"
