"""Alerts as lines of JSON, into a file or on standard output: the id is in each line, since a line can come twice."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

from streams.webhooks.outcome import Outcome, Result


def line_of(webhook_id: str, body: bytes) -> bytes:
    """One line: the body, with its id in front."""
    return b'{"id":"%s",' % webhook_id.encode() + body[1:] + b"\n"


class FileSink:
    """Appends to a file, on the disk when an attempt has succeeded; opened for each, so it may be moved away."""

    def __init__(self, path: Path) -> None:
        """The file is made at the first delivery, readable by its owner alone."""
        self._path = path
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """See `Channel.start`."""

    async def send(self, webhook_id: str, body: bytes) -> Result:
        """See `Channel.send`."""
        try:
            async with self._turn:
                await asyncio.to_thread(self._append, line_of(webhook_id, body))
        except OSError:
            return Result(Outcome.UNREACHABLE)
        return Result(Outcome.DELIVERED)

    def _append(self, line: bytes) -> None:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            before = os.fstat(file).st_size
            if before and os.pread(file, 1, before - 1) != b"\n":
                line = b"\n" + line  # a crash cut the line before short; that delivery is repeated
            try:
                written = os.write(file, line)
                if written < len(line):
                    raise OSError("the disk is full")
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(file, before)
                raise
            os.fsync(file)
        finally:
            os.close(file)

    async def close(self) -> None:
        """See `Channel.close`."""


class StdoutSink:
    """Writes to standard output, and hands each line on at once."""

    async def start(self) -> None:
        """See `Channel.start`."""

    async def send(self, webhook_id: str, body: bytes) -> Result:
        """See `Channel.send`."""
        try:
            await asyncio.to_thread(self._write, line_of(webhook_id, body))
        except OSError:
            return Result(Outcome.UNREACHABLE)
        return Result(Outcome.DELIVERED)

    def _write(self, line: bytes) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    async def close(self) -> None:
        """See `Channel.close`."""
