"""The relay and the NDJSON sink together: every output once, whatever is repeated or cut short."""

import json
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from streams.ndjson_sink import NdjsonSink, output_file
from streams.relay import Relay
from streams.stores.base import Commit, NewOutput, OutboxEntry
from streams.stores.memory import MemoryStore

ALERTS, SCORES = "ebbwatch.alerts", "ebbwatch.scores"


class Crash(RuntimeError):
    """The process ends here."""


class CrashesBeforeClearing(MemoryStore):
    """A store whose outbox cannot be cleared while `down`."""

    down = True

    async def clear_outbox(self, shard: int, through_sequence: int) -> None:
        if self.down:
            raise Crash
        await super().clear_outbox(shard, through_sequence)


@pytest.fixture
def sinks(tmp_path: Path) -> Iterator["Sinks"]:
    opened = Sinks(tmp_path)
    yield opened
    opened.close()


class Sinks:
    """Opens one sink after another over the same directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._opened: list[NdjsonSink] = []

    def open(self) -> NdjsonSink:
        self._opened.append(NdjsonSink(self.directory))
        return self._opened[-1]

    def close(self) -> None:
        for sink in self._opened:
            sink.close()

    def lines(self, topic: str = ALERTS) -> list[dict[str, Any]]:
        return [json.loads(line) for line in output_file(self.directory, topic).read_bytes().splitlines()]

    def places(self, topic: str = ALERTS) -> list[tuple[int, int]]:
        return [(line["shard"], line["sequence"]) for line in self.lines(topic)]


async def fill(store: MemoryStore, shard: int, count: int, topics: Sequence[str] = (ALERTS,)) -> None:
    """Put `count` more outputs into the outbox of a shard."""
    position = (await store.open_shard(shard)).position
    outputs = [
        NewOutput(
            topics[number % len(topics)], "k", f"{shard}-{position + number}", b'{"id":"%d"}' % (position + number)
        )
        for number in range(count)
    ]
    await store.commit(shard, Commit(expected_position=position, position=position + count, state=b"", outputs=outputs))


async def test_outputs_are_delivered_in_order(sinks: Sinks) -> None:
    """Each output is one line with its place in front, and the outbox is empty afterwards."""
    store = MemoryStore()
    await fill(store, 0, 3)

    assert await Relay(store, sinks.open()).drain(0) == 3
    assert sinks.lines() == [{"shard": 0, "sequence": number, "id": str(number - 1)} for number in (1, 2, 3)]
    assert await store.outbox(0, 9) == []
    assert output_file(sinks.directory, ALERTS).name == "alerts.ndjson"


async def test_an_empty_outbox_makes_no_file(sinks: Sinks) -> None:
    """Nothing to deliver, nothing written."""
    assert await Relay(MemoryStore(), sinks.open()).drain(0) == 0
    assert list(sinks.directory.iterdir()) == []


async def test_more_than_the_relay_reads_at_once(sinks: Sinks) -> None:
    """An outbox of any length is drained whole."""
    store = MemoryStore()
    await fill(store, 0, 2501)

    assert await Relay(store, sinks.open()).drain(0) == 2501
    assert sinks.places() == [(0, number) for number in range(1, 2502)]


async def test_each_topic_has_its_file(sinks: Sinks) -> None:
    """Sequences of a shard run through all its topics, so a file may show gaps but never a repeat."""
    store = MemoryStore()
    await fill(store, 0, 4, (ALERTS, SCORES))
    await Relay(store, sinks.open()).drain(0)

    assert sinks.places(ALERTS) == [(0, 1), (0, 3)]
    assert sinks.places(SCORES) == [(0, 2), (0, 4)]


async def test_a_repeated_delivery_changes_nothing(sinks: Sinks) -> None:
    """Entries that the file holds are dropped, the new ones among them are kept."""
    sink = sinks.open()
    entries = [OutboxEntry(number, ALERTS, "k", str(number), b'{"id":"%d"}' % number) for number in range(1, 6)]
    await sink.deliver(0, entries[:3])
    await sink.deliver(0, entries[:3])
    await sink.deliver(0, entries[1:])

    assert sinks.places() == [(0, number) for number in range(1, 6)]


async def test_a_crash_between_delivering_and_clearing_repeats_nothing(sinks: Sinks) -> None:
    """The next run delivers the same entries again, and the file, opened anew, drops them."""
    store = CrashesBeforeClearing()
    await fill(store, 0, 3)
    with pytest.raises(Crash):
        await Relay(store, sinks.open()).drain(0)
    with pytest.raises(Crash):
        await Relay(store, sinks.open()).drain(0)
    store.down = False
    await fill(store, 0, 2)

    assert await Relay(store, sinks.open()).drain(0) == 5
    assert sinks.places() == [(0, number) for number in range(1, 6)]


async def test_shards_share_a_file(sinks: Sinks) -> None:
    """Each shard counts for itself, whatever the order in which they deliver, and after a restart."""
    store = MemoryStore()
    await fill(store, 0, 2)
    await fill(store, 1, 3)
    sink = sinks.open()
    for shard in (1, 0):
        await Relay(store, sink).drain(shard)
    await fill(store, 0, 1)
    fresh = sinks.open()
    await Relay(store, fresh).drain(0)
    await fresh.deliver(1, [OutboxEntry(3, ALERTS, "k", "3", b'{"id":"again"}')])

    assert sinks.places() == [(1, 1), (1, 2), (1, 3), (0, 1), (0, 2), (0, 3)]


@pytest.mark.parametrize("cut", [1, 2, 10, 33])
async def test_a_torn_last_line_is_cut(sinks: Sinks, cut: int) -> None:
    """A line that a crash left without its end is cut off and written again, whole."""
    store = MemoryStore()
    await fill(store, 0, 3)
    await Relay(store, sinks.open()).drain(0)
    path = output_file(sinks.directory, ALERTS)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])

    fresh = sinks.open()
    await fresh.deliver(0, [OutboxEntry(3, ALERTS, "k", "3", b'{"id":"2"}')])

    assert path.read_bytes() == whole


async def test_a_file_torn_in_its_only_line_starts_anew(sinks: Sinks) -> None:
    """What is left of a first line is nothing."""
    output_file(sinks.directory, ALERTS).write_bytes(b'{"shard":0,"sequ')
    await sinks.open().deliver(0, [OutboxEntry(1, ALERTS, "k", "1", b'{"id":"1"}')])

    assert sinks.places() == [(0, 1)]


async def test_only_the_owner_may_read(sinks: Sinks) -> None:
    """Outputs name customers."""
    await sinks.open().deliver(0, [OutboxEntry(1, ALERTS, "k", "1", b'{"id":"1"}')])

    assert stat.S_IMODE(output_file(sinks.directory, ALERTS).stat().st_mode) == 0o600
