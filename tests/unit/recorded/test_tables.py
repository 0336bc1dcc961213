import gzip
from pathlib import Path

import pytest

from streams.recorded.tables import RecordedDataError, read_table
from streams.recorded.tally import Tally


def rows(directory: Path) -> list[dict[str, str]]:
    return list(read_table(directory, "things.csv", ("a", "b"), Tally()))


@pytest.mark.parametrize("text", ["a,b,c\n1,2,3\n", "\ufeffb,a,c\r\n2,1,3\r\n", "a,b,c\n\n1,2,3"])
def test_plain_and_gzipped_read_alike(tmp_path: Path, text: str) -> None:
    """Column order, line ends, blank lines and a byte-order mark make no difference."""
    (tmp_path / "things.csv").write_bytes(text.encode())
    plain = rows(tmp_path)
    (tmp_path / "things.csv.gz").write_bytes(gzip.compress(text.encode()))

    assert plain == rows(tmp_path) == [{"a": "1", "b": "2", "c": "3"}]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error says which names were looked for."""
    with pytest.raises(RecordedDataError, match=r"neither things\.csv\.gz nor things\.csv"):
        rows(tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """Another set under the same name is refused at its first line."""
    (tmp_path / "things.csv").write_text("a;b\n1;2\n")

    with pytest.raises(RecordedDataError, match="no column a, b"):
        rows(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"a,b\n" + b"1,2\n" * 9, mtime=0)[:-9],
        b"a,b\n1,2\n",
        gzip.compress(b"a,b\n\xff\xfe,2\n", mtime=0),
        gzip.compress(b"a,b\n" + b"1,2\n" * 9, mtime=0)[:14] + b"\xff" * 30,
    ],
)
def test_a_damaged_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    """A download cut short must not pass for a smaller set."""
    (tmp_path / "things.csv.gz").write_bytes(content)

    with pytest.raises(RecordedDataError, match="is damaged"):
        rows(tmp_path)
