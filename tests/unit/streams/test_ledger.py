"""The embedded ledger: every record once, at its position, with everything that moves along."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from streams.feed_reader import Progress
from streams.ingest import DeadLetter, Ingest
from streams.ledger import EmbeddedLedger, LedgerMismatch
from tests.support.feeds import NOW_MS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[EmbeddedLedger]:
    made = EmbeddedLedger(path, 3)
    yield made
    made.close()


def bodies(start: int, count: int, shard: int = 0) -> list[bytes]:
    return [b"record %d of %d" % (number, shard) for number in range(start, start + count)]


def letter(offset: int) -> DeadLetter:
    refused = Ingest().accept(b"bad", "feed:1", offset, NOW_MS)
    assert isinstance(refused, DeadLetter)
    return refused


def contents(ledger: EmbeddedLedger) -> object:
    return (
        [ledger.read(shard, 0, 10_000) for shard in range(ledger.shards)],
        ledger.ends,
        ledger.progress(),
        ledger.dead_letters(100),
        ledger.clock_ms,
        ledger.policy_digest,
    )


def test_a_new_ledger_is_empty(ledger: EmbeddedLedger) -> None:
    """Nothing in any shard, no source, no time, no policies."""
    assert contents(ledger) == ([[], [], []], [0, 0, 0], {}, [], 0, "")


def test_every_window_reads_the_same_records(ledger: EmbeddedLedger) -> None:
    """From every offset, with every limit, over the boundaries of appends and of stored runs."""
    whole: list[bytes] = []
    for count in (1, 255, 256, 257, 3, 600, 1):
        more = bodies(len(whole), count)
        ledger.append({0: more})
        whole += more
    edges = {0, 1, 2, len(whole) - 1, len(whole), len(whole) + 5}
    total = 0
    for count in (1, 255, 256, 257, 3, 600, 1):
        total += count
        edges |= {
            total - 257,
            total - 256,
            total - 255,
            total - 1,
            total,
            total + 1,
            total + 255,
            total + 256,
            total + 257,
        }
    for offset in sorted(edge for edge in edges if edge >= 0):
        for limit in (0, 1, 2, 255, 256, 257, 5000):
            assert ledger.read(0, offset, limit) == whole[offset : offset + limit], (offset, limit)


def test_shards_have_their_own_positions(ledger: EmbeddedLedger) -> None:
    """One append may reach some shards; each keeps its own order and end."""
    ledger.append({0: bodies(0, 3), 2: bodies(0, 1, 2)})
    ledger.append({2: bodies(1, 2, 2), 1: []})

    assert ledger.ends == [3, 0, 3]
    assert ledger.read(2, 0, 9) == bodies(0, 3, 2)
    assert ledger.read(1, 0, 9) == []


def test_everything_moves_in_one_append(ledger: EmbeddedLedger, path: Path) -> None:
    """Records, progress, dead letters, clock and policies are kept, and are there when opened again."""
    ledger.append({0: bodies(0, 2)}, {"feed:1": Progress(5, 99)}, [letter(3), letter(4)], 1_000, (7, 8), "digest")
    before = contents(ledger)
    assert ledger.progress() == {"feed:1": Progress(5, 99)}
    assert [msgspec.json.decode(body, type=DeadLetter) for _, body in ledger.dead_letters(9)] == [letter(3), letter(4)]
    assert (ledger.clock_ms, ledger.policy_digest) == (1_000, "digest")

    again = EmbeddedLedger(path)
    assert contents(again) == before
    assert (again.witnesses, again.dead_letters_filed) == ((7, 8), 2)
    again.append({1: bodies(0, 1, 1)}, {"feed:1": Progress(6, 100), "feed:2": Progress(1, 1)})
    assert again.progress() == {"feed:1": Progress(6, 100), "feed:2": Progress(1, 1)}
    assert (again.clock_ms, again.policy_digest) == (1_000, "digest")
    again.close()


def test_a_failed_append_leaves_nothing(ledger: EmbeddedLedger, path: Path) -> None:
    """An error in the middle keeps no record, no progress and no dead letter, and the next append goes on."""
    ledger.append({0: bodies(0, 2)}, {"feed:1": Progress(2, 1)}, clock_ms=5)
    before = contents(ledger)

    with pytest.raises(AttributeError):
        ledger.append({0: bodies(2, 2), 1: bodies(0, 1, 1)}, {"feed:1": Progress(4, 2)}, [letter(1), None], 9)  # type: ignore[list-item]

    assert contents(ledger) == before
    ledger.append({0: bodies(2, 1)})
    assert ledger.read(0, 0, 9) == bodies(0, 3)


def test_dead_letters_wait_until_cleared(ledger: EmbeddedLedger, path: Path) -> None:
    """Oldest first, cleared up to and including, and never a number twice, also after reopening."""
    ledger.append({}, dead_letters=[letter(number) for number in range(5)])
    assert [sequence for sequence, _ in ledger.dead_letters(2)] == [1, 2]
    ledger.clear_dead_letters(5)
    assert ledger.dead_letters(9) == []

    again = EmbeddedLedger(path)
    again.append({}, dead_letters=[letter(9)])
    assert [sequence for sequence, _ in again.dead_letters(9)] == [6]
    again.close()


def test_the_number_of_shards_is_fixed(ledger: EmbeddedLedger, path: Path) -> None:
    """A ledger keeps the shards that it was made with; asking for others is refused with both numbers."""
    with pytest.raises(LedgerMismatch, match="was made with 3 shards, not 4"):
        EmbeddedLedger(path, 4)
    for shards in (None, 3):
        again = EmbeddedLedger(path, shards)
        assert again.shards == 3
        again.close()


def test_one_shard_unless_asked(tmp_path: Path) -> None:
    """A new ledger has one shard by default."""
    made = EmbeddedLedger(tmp_path / "other")
    assert made.shards == 1
    made.close()


def test_another_format_is_refused(ledger: EmbeddedLedger, path: Path) -> None:
    """What another version wrote is not read as if it were ours."""
    with sqlite3.connect(path) as database:
        database.execute("UPDATE about SET value = '99' WHERE name = 'format'")
    database.close()

    with pytest.raises(LedgerMismatch, match="written by another version"):
        EmbeddedLedger(path)


def test_two_writers_cannot_both_append(ledger: EmbeddedLedger, path: Path) -> None:
    """A second writer that believes in an old end is refused rather than overwriting."""
    other = EmbeddedLedger(path)
    ledger.append({0: bodies(0, 2)})

    with pytest.raises(sqlite3.IntegrityError):
        other.append({0: [b"another"]})

    assert ledger.read(0, 0, 9) == bodies(0, 2)
    other.close()
