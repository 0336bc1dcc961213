"""Writing feed files: newline-delimited JSON of feed events, whole or not there at all."""

import gzip
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from models.events import FeedEvent

STDOUT = "-"
_BUFFER_BYTES = 1 << 17
_GZIP_LEVEL = 6


def write_feed(path: str, events: Iterable[FeedEvent]) -> int:
    """Write `events` to `path`, one JSON object a line, and return how many there were.

    Gzipped when the name ends in ``.gz``, without a time or a name in the header: equal events give equal bytes.
    ``-`` is standard output. A file appears under its name when it is complete and on disk; an error on the
    way, also one that `events` raises, leaves what was there before. Raises `OSError`.
    """
    if path == STDOUT:
        count = _write_lines(sys.stdout.buffer, events)
        sys.stdout.buffer.flush()
        return count
    # Resolved, so that a file behind a symbolic link is replaced rather than the link.
    with _whole_or_nothing(Path(path).resolve()) as raw:
        if not path.endswith(".gz"):
            return _write_lines(raw, events)
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=_GZIP_LEVEL) as packed:
            # Lines are short, and each call into the compressor costs more than its bytes.
            buffered = io.BufferedWriter(packed, _BUFFER_BYTES)
            count = _write_lines(buffered, events)
            buffered.flush()
            buffered.detach()
            return count


def _write_lines(stream: BinaryIO | io.BufferedWriter, events: Iterable[FeedEvent]) -> int:
    encoder = msgspec.json.Encoder(order="deterministic")
    line = bytearray()
    count = 0
    for event in events:
        encoder.encode_into(event, line)
        line += b"\n"
        stream.write(line)
        count += 1
    return count


@contextmanager
def _whole_or_nothing(path: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes take the name `path` when the block ends well, and vanish when it does not."""
    if path.exists() and not path.is_file():  # a pipe or a device cannot be renamed to
        with path.open("wb", buffering=_BUFFER_BYTES) as raw:
            yield raw
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb", buffering=_BUFFER_BYTES) as raw:
            yield raw
            raw.flush()
            os.fsync(raw.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
