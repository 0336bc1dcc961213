import gzip
import os
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from models.events import FeedEvent, PageView
from streams.feed_files import write_feed


def view(n: int, hours: float = 8) -> PageView:
    moment = datetime(2019, 5, 1, 9, n, tzinfo=timezone(timedelta(hours=hours)))
    return PageView(event_id=f"e{n}", customer_id="客户", occurred_at=moment, page="P")


def test_a_line_is_one_event(tmp_path: Path) -> None:
    """JSON a line, the time with the offset that it was recorded in."""
    path = tmp_path / "feed.ndjson"

    assert write_feed(str(path), [view(1), view(22, -3.5)]) == 2

    assert path.read_text().splitlines() == [
        '{"type":"page_view","event_id":"e1","customer_id":"客户",'
        '"occurred_at":"2019-05-01T09:01:00+08:00","page":"P"}',
        '{"type":"page_view","event_id":"e22","customer_id":"客户",'
        '"occurred_at":"2019-05-01T09:22:00-03:30","page":"P"}',
    ]


def test_equal_events_give_equal_bytes(tmp_path: Path) -> None:
    """Neither the time of writing nor the file's name is in a gzipped feed."""
    first, second = tmp_path / "first.ndjson.gz", tmp_path / "second.ndjson.gz"
    write_feed(str(first), (view(n) for n in range(60)))
    os.utime(first, (1, 1))
    write_feed(str(second), (view(n) for n in range(60)))

    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes()[3:8] == bytes(5), "flags (a name) and the time in the header"
    assert gzip.decompress(first.read_bytes()).count(b"\n") == 60


@pytest.mark.parametrize("name", ["feed.ndjson", "feed.ndjson.gz"])
def test_an_interrupted_import_leaves_nothing(tmp_path: Path, name: str) -> None:
    """A feed is whole or not there; what was there before stays."""

    def stopped() -> Iterator[FeedEvent]:
        yield view(1)
        raise KeyboardInterrupt

    path = tmp_path / name
    with pytest.raises(KeyboardInterrupt):
        write_feed(str(path), stopped())
    assert list(tmp_path.iterdir()) == []

    write_feed(str(path), [view(2)])
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_feed(str(path), stopped())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_name_appears_when_the_file_is_complete(tmp_path: Path) -> None:
    """Who watches the directory never opens half a feed."""
    path = tmp_path / "feed.ndjson"

    def watched() -> Iterator[FeedEvent]:
        for n in range(3):
            assert not path.exists()
            yield view(n)

    assert write_feed(str(path), watched()) == 3
    assert path.exists()


def test_a_dash_is_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The feed can go into a pipe."""
    assert write_feed("-", [view(1)]) == 1

    assert capfdbinary.readouterr().out.startswith(b'{"type":"page_view"')


def test_a_named_pipe_is_written_through(tmp_path: Path) -> None:
    """A pipe is not replaced by a file."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    write_feed(str(path), [view(1)])
    reader.join(timeout=10)

    assert received[0].count(b"\n") == 1
    assert path.is_fifo()


def test_a_link_is_followed(tmp_path: Path) -> None:
    """The file behind a link is replaced, not the link."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_feed(str(link), [])

    assert link.is_symlink()
    assert target.read_bytes() == b""


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    """A typing mistake in the path does not make directories."""
    with pytest.raises(FileNotFoundError):
        write_feed(str(tmp_path / "missing" / "feed"), [])
