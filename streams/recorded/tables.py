"""Rows of a delimited text file, gzipped or not, by column name; a damaged file is an error that names it."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from streams.recorded.tally import Tally

Row = dict[str, str]


class RecordedDataError(Exception):
    """A file of a data set is missing, is not what its name says, or ends too soon."""


def read_table(
    directory: Path, name: str, columns: tuple[str, ...], tally: Tally, delimiter: str = ","
) -> Iterator[Row]:
    """Yield the rows of ``name`` (or ``name.gz``) in `directory`; `columns` must be among its own.

    Raises `RecordedDataError`. A row with too few or too many cells is counted as ``cells_missing_or_extra``.
    """
    path = _find(directory, name)
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        # "utf-8-sig": a byte-order mark must not become part of the first column's name.
        with opened(path, "rt", encoding="utf-8-sig", newline="") as stream:
            yield from _rows(csv.reader(stream, delimiter=delimiter), name, columns, tally)
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, csv.Error) as error:
        raise RecordedDataError(f"{path} is damaged: {error}") from error


def _find(directory: Path, name: str) -> Path:
    for path in (directory / f"{name}.gz", directory / name):
        if path.is_file():
            return path
    raise RecordedDataError(f"{directory} holds neither {name}.gz nor {name}")


def _rows(reader: Iterator[list[str]], name: str, columns: tuple[str, ...], tally: Tally) -> Iterator[Row]:
    header = next(reader, [])
    missing = [column for column in columns if column not in header]
    if missing:
        raise RecordedDataError(f"{name} has no column {', '.join(missing)}; its columns: {', '.join(header)}")
    width = len(header)
    for cells in reader:
        if not cells:  # a blank line is no row
            continue
        tally.read(name)
        if len(cells) == width:
            yield dict(zip(header, cells, strict=True))
        else:
            tally.leave_out(name, "cells_missing_or_extra")
