"""Feeds given as files: NDJSON, plain or gzip, one JSON object a line; `-` is standard input.

A feed is known by what it holds and not by its name: its source is the fingerprint of its first line, and what was
read of it before is checked against a running checksum before reading goes on. So a file that was moved, copied, or
given twice is the same source, and one that merely begins alike is another.
"""

import gzip
import hashlib
import os
import sys
import zlib
from collections.abc import Iterator
from enum import Enum
from itertools import zip_longest
from pathlib import Path

from msgspec import Struct

from streams.codecs import MAX_RECORD_BYTES

STDIN = "-"
SUFFIXES = (".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz")
_LONGEST_LINE_BYTES = 2 * MAX_RECORD_BYTES
"""What is kept of a line: enough to tell that it is too long, whatever its length."""


class FeedError(ValueError):
    """A feed that cannot be read; the message names the file and what to do."""


class _FewerLines(FeedError):
    """A feed with fewer lines than were read of it."""


class Progress(Struct, frozen=True):
    """How much of a source is in the ledger: lines, and their running CRC-32 (each line with its newline)."""

    lines: int = 0
    crc: int = 0

    def after(self, lines: list[bytes]) -> "Progress":
        """The progress once `lines` are in as well."""
        if not lines:
            return self
        return Progress(self.lines + len(lines), zlib.crc32(b"\n".join(lines) + b"\n", self.crc))


class Meter(Struct):
    """How much of a file has been read, in bytes of the file as it is stored; 0 of 0 for what is no file.

    `unfinished` tells that the line given last has no newline behind it: someone may still be writing it.
    """

    size_bytes: int = 0
    read_bytes: int = 0
    unfinished: bool = False


class Feed(Struct):
    """One open feed: its source id, and its `lines` from where reading goes on, after `progress.lines` of them."""

    name: str
    source: str
    progress: Progress
    lines: Iterator[bytes]
    meter: Meter


def feed_files(paths: list[str]) -> list[str]:
    """The files that `paths` name, directories replaced by the feed files in them, sorted; raises `FeedError`."""
    found: list[str] = []
    for path in paths:
        if path != STDIN and Path(path).is_dir():
            inside = sorted(str(file) for file in Path(path).iterdir() if file.name.endswith(SUFFIXES))
            if not inside:
                raise FeedError(f"{path}: holds no feed file ({', '.join(SUFFIXES)})")
            found += inside
        elif path == STDIN and STDIN in found:
            raise FeedError("standard input can be given only once")
        elif path == STDIN or Path(path).is_file():
            found.append(path)
        elif Path(path).exists():
            raise FeedError(f"{path}: is neither a file nor a directory; give what it holds as standard input (-)")
        else:
            raise FeedError(f"{path}: no such file or directory")
    return found


def open_feeds(paths: list[str], known: dict[str, Progress]) -> list[Feed]:
    """Open every feed at the place where it was left; `known` is the progress of each source id.

    Of feeds given twice in `paths` only one is opened. Raises `FeedError`.
    """
    feeds: dict[str, Feed] = {}
    for path in feed_files(paths):
        first = next(_lines(path), None) if path != STDIN else None
        if path == STDIN:
            feed = open_stdin(known, feeds)
        elif first is None:
            continue  # an empty file is a feed on which nothing has happened yet
        else:
            feed = _open_file(path, first, known, feeds)
        if feed is not None:
            feeds[feed.source] = feed
    return list(feeds.values())


def _open_file(path: str, first: bytes, known: dict[str, Progress], opened: dict[str, Feed]) -> Feed | None:
    fingerprint = hashlib.blake2b(first, digest_size=6).hexdigest()
    shorter: _FewerLines | None = None
    for attempt in range(1, 1000):
        source = f"feed:{fingerprint}" if attempt == 1 else f"feed:{fingerprint}~{attempt}"
        if source in opened:
            if opened[source].name == STDIN:
                raise FeedError(f"{path}: begins like standard input: give only one of them")
            twin = _compare(path, opened[source].name)
            if twin is _Twin.DIFFERENT:
                continue
            if twin is _Twin.NOTHING_NEW:
                return None
        if shorter is not None and source not in known:
            raise shorter
        progress = known.get(source, Progress())
        meter = Meter()
        lines = _lines(path, meter)
        try:
            if _skip(lines, progress, path):
                return Feed(path, source, progress, lines, meter)
        except _FewerLines as error:
            shorter = shorter or error  # unless it is one of the other feeds that begin alike
    raise FeedError(f"{path}: too many different feeds begin with the same line")


def open_stdin(known: dict[str, Progress], opened: dict[str, Feed]) -> Feed | None:
    """Open standard input, which waits for its first line; None when it ends before that. Raises `FeedError`."""
    lines = _split(_stdin_blocks(), Meter())
    first = next(lines, None)
    if first is None:
        return None
    source = f"feed:{hashlib.blake2b(first, digest_size=6).hexdigest()}"
    if source in opened:
        raise FeedError(f"standard input begins like {opened[source].name}: give only one of them")
    progress = known.get(source, Progress())
    whole = _chain(first, lines)
    if not _skip(whole, progress, "standard input"):
        raise FeedError("standard input begins like a feed that was read before, but goes on differently")
    return Feed(STDIN, source, progress, whole, Meter())


def _skip(lines: Iterator[bytes], progress: Progress, name: str) -> bool:
    """Read past what is known already; whether it is indeed what was read before."""
    crc = 0
    for read in range(progress.lines):
        line = next(lines, None)
        if line is None:
            raise _FewerLines(
                f"{name}: has {read} lines, but {progress.lines} were read of a feed that begins with the same line;"
                " whether it is that feed cut short or another one cannot be told, so it is not read"
            )
        crc = zlib.crc32(line + b"\n", crc)
    return crc == progress.crc


class _Twin(Enum):
    NOTHING_NEW = 1
    GOES_ON = 2
    DIFFERENT = 3


def _compare(path: str, other: str) -> _Twin:
    """What a file adds to another one that begins with the same line."""
    for mine, theirs in zip_longest(_lines(path), _lines(other)):
        if theirs is None:
            return _Twin.GOES_ON
        if mine is None:
            return _Twin.NOTHING_NEW
        if mine != theirs:
            return _Twin.DIFFERENT
    return _Twin.NOTHING_NEW


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _lines(path: str, meter: Meter | None = None) -> Iterator[bytes]:
    meter = meter or Meter()
    return _split(_blocks(path, meter), meter)


def _blocks(path: str, meter: Meter) -> Iterator[bytes]:
    try:
        with open(path, "rb") as raw:
            meter.size_bytes = os.fstat(raw.fileno()).st_size
            stream = gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == b"\x1f\x8b" else raw
            while block := stream.read1(_LONGEST_LINE_BYTES):
                meter.read_bytes = raw.tell()
                yield block
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FeedError(f"{path}: the compressed data are damaged or cut short ({type(error).__name__})") from None
    except OSError as error:
        raise FeedError(f"{path}: cannot be read ({error.strerror})") from None


def _stdin_blocks() -> Iterator[bytes]:
    # Past its buffer: a thread that waits in there makes the interpreter abort when it ends.
    source = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
    while block := source.read(_LONGEST_LINE_BYTES):
        yield block


def _split(blocks: Iterator[bytes], meter: Meter) -> Iterator[bytes]:
    """Lines without their newline; one that is far too long is cut, so that no line can fill the memory."""
    rest = b""
    for block in blocks:
        first, *others = block.split(b"\n")
        rest = (rest + first)[:_LONGEST_LINE_BYTES]
        if others:
            yield rest
            rest = others.pop()
            yield from others
    if rest:
        meter.unfinished = True
        yield rest
