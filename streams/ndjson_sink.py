"""Outputs of an embedded run: one NDJSON file for each topic, each output in it exactly once.

Each line is the output's JSON object with `shard` and `sequence` put in front. The file itself tells what it holds, so
a delivery that is repeated after a crash is dropped, and a line that a crash cut short is cut off.
"""

import os
from collections.abc import Mapping, Sequence
from io import BufferedRandom
from pathlib import Path

import msgspec
from msgspec import Struct

from streams.stores.base import OutboxEntry


class Place(Struct):
    """What stands in front of each line."""

    shard: int
    sequence: int


def output_file(directory: Path, topic: str) -> Path:
    """The file of a topic: `alerts.ndjson` for `ebbwatch.alerts`."""
    return directory / f"{topic.removeprefix('ebbwatch.')}.ndjson"


class OutputFileError(ValueError):
    """An output file holds something that was not written by a run."""

    def __init__(self, path: Path, line: int) -> None:
        """Name the place and the cure."""
        super().__init__(
            f"{path}: line {line} is no output of ebbwatch: take it out, or move the file away and delete state.sqlite3"
            " (the next run makes both again from the ledger; dead letters have no other copy)"
        )


class NdjsonFile:
    """One output file; appended durably, never twice the same sequence of a shard."""

    def __init__(self, path: Path) -> None:
        """Open or create `path`, and find out what it holds already."""
        path.touch(mode=0o600)
        self._file: BufferedRandom = path.open("r+b")
        self._highest: dict[int, int] = {}
        decoder = msgspec.json.Decoder(Place)
        end = 0
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                place = decoder.decode(line)
            except msgspec.MsgspecError:
                self._file.close()
                raise OutputFileError(path, number) from None
            self._highest[place.shard] = place.sequence
            end += len(line)
        self._file.seek(end)
        self._file.truncate()

    def highest(self, shard: int) -> int:
        """The highest sequence number of a shard that the file holds; 0 for none."""
        return self._highest.get(shard, 0)

    def append(self, shard: int, entries: Sequence[tuple[int, bytes]]) -> None:
        """Append (sequence, JSON object) in order, but those that the file holds; on the disk when this returns."""
        highest = self.highest(shard)
        fresh = [(sequence, body) for sequence, body in entries if sequence > highest]
        if not fresh:
            return
        for sequence, body in fresh:
            self._file.write(b'{"shard":%d,"sequence":%d,' % (shard, sequence) + body[1:] + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._highest[shard] = fresh[-1][0]

    def close(self) -> None:
        """Close the file; nothing appended is lost by not calling it."""
        self._file.close()


class NdjsonSink:
    """Implements `streams.relay.Sink` in a directory, one file for each topic."""

    def __init__(self, directory: Path) -> None:
        """Write into `directory`, which exists."""
        self._directory = directory
        self._files: dict[str, NdjsonFile] = {}

    def file(self, topic: str) -> NdjsonFile:
        """The file of a topic, opened on first use."""
        if topic not in self._files:
            self._files[topic] = NdjsonFile(output_file(self._directory, topic))
        return self._files[topic]

    def lacks(self, shard: int, delivered: Mapping[str, int]) -> bool:
        """Whether a file holds less of a shard than was `delivered` to its topic."""
        return any(self.file(topic).highest(shard) < sequence for topic, sequence in delivered.items())

    async def deliver(self, shard: int, entries: Sequence[OutboxEntry]) -> None:
        """See `Sink.deliver`."""
        by_topic: dict[str, list[tuple[int, bytes]]] = {}
        for entry in entries:
            by_topic.setdefault(entry.topic, []).append((entry.sequence, entry.body))
        for topic, bodies in by_topic.items():
            self.file(topic).append(shard, bodies)

    def close(self) -> None:
        """Close every file."""
        for file in self._files.values():
            file.close()
