"""The same input gives the same states and alerts, byte for byte: again, in other batches, interrupted, given twice."""

import gzip
import json
import shutil
from pathlib import Path
from random import Random

import pytest

from models.context import Fate
from models.customer import RECENT_EVENT_IDS
from streams.feed_reader import Progress
from tests.support import bank, settings
from tests.support.embedded import embedded, metric, run, stop_after
from tests.support.figures import show, show_table
from tests.support.kept import Kept, kept, same

pytestmark = pytest.mark.proof

DUPLICATES = "ebbwatch_ledger_records_total"


def feed_of(path: Path, customers: int, days: int) -> Path:
    return bank.write(path, bank.lines(customers, days, settings.seed()))


def assert_same(found: Kept, expected: Kept) -> None:
    assert all(same(found, expected).values()), same(found, expected)


def nothing_changed(after: Kept, before: Kept) -> bool:
    """Whether customers, indexes, clocks and outputs are what they were."""
    return (
        after.customers == before.customers
        and after.indexes == before.indexes
        and after.clocks_ms == before.clocks_ms
        and after.alerts == before.alerts
        and after.dead_letters == before.dead_letters
        and after.waiting == before.waiting == 0
    )


async def test_same_input_twice(tmp_path: Path) -> None:
    """Two fresh directories end up alike, ledger included."""
    feed = feed_of(tmp_path / "feed.ndjson", 300, 60)
    await run(tmp_path / "one", feed)
    await run(tmp_path / "two", feed)
    one = await kept(tmp_path / "one")

    assert_same(await kept(tmp_path / "two"), one)
    assert one.alerts
    show(
        "same input twice",
        customers=len(one.everyone),
        records=sum(one.positions),
        alerts=len(one.alerts),
        differences=0,
    )


@pytest.mark.parametrize(
    ("customers", "days", "batches"), [(60, 30, (1, 7, 1000)), (300, 60, (7 * 64, 1000, 5000))], ids=["small", "large"]
)
async def test_same_input_in_other_batches(tmp_path: Path, customers: int, days: int, batches: tuple[int, ...]) -> None:
    """Batches of any size, and a cache that keeps nearly nobody, leave the same bytes."""
    feed = feed_of(tmp_path / "feed.ndjson", customers, days)
    await run(tmp_path / "default", feed)
    expected = await kept(tmp_path / "default")
    rows = [("16384", sum(expected.positions), len(expected.everyone), len(expected.alerts), 0)]
    for batch in batches:
        await run(tmp_path / str(batch), feed, batch=batch, cache=100_000 if batch == 7 else 16)
        found = await kept(tmp_path / str(batch))
        assert_same(found, expected)
        rows.append((str(batch), sum(found.positions), len(found.everyone), len(found.alerts), 0))
    assert expected.alerts
    show_table(
        f"same input in other batches ({len(bank.lines(customers, days, settings.seed())):,} lines)",
        ["batch", "records", "customers", "alerts", "differences"],
        rows,
    )


async def test_shards_do_not_matter_to_a_customer(tmp_path: Path) -> None:
    """With one shard and with three, every customer and every alert has the same bytes."""
    feed = feed_of(tmp_path / "feed.ndjson", 300, 60)
    await run(tmp_path / "one", feed, shards=1)
    await run(tmp_path / "three", feed, shards=3, batch=777)
    one, three = await kept(tmp_path / "one"), await kept(tmp_path / "three")

    assert three.everyone == one.everyone
    assert three.alert_bodies == one.alert_bodies
    assert len(set(three.clocks_ms + one.clocks_ms)) == 1
    assert all(three.customers)
    show(
        "1 shard and 3",
        customers_by_shard=" + ".join(str(len(shard)) for shard in three.customers),
        alerts=len(three.alerts),
        differences=0,
    )


async def test_stopped_and_resumed(tmp_path: Path) -> None:
    """Several feeds with late and malformed lines, stopped and started again all the time, merge as if in one go."""
    draw = Random(settings.seed())
    parts: list[list[bytes]] = [[], [], []]
    for line in bank.lines(60, 30, settings.seed()):
        draw.choice(parts).append(line)
    for part in parts:
        for _ in range(60):
            place = draw.randrange(len(part) - 30)
            part.insert(place + draw.randrange(30), part.pop(place))
        for _ in range(150):
            part.insert(draw.randrange(len(part)), draw.choice([b"", b"{", b"no json", b'{"type":"login"}']))
    feeds = [bank.write(tmp_path / f"{number}.ndjson", part) for number, part in enumerate(parts)]
    await run(tmp_path / "whole", *feeds)
    whole = await kept(tmp_path / "whole")

    stops = 0
    ended = False
    while not ended:
        job = embedded(tmp_path / "stopped", *feeds, batch=draw.randrange(1, 20))
        report = await job.run(stop_after(job, draw.randrange(1, 4)))
        ended = report.lines == 0
        stops += not ended
    stopped = await kept(tmp_path / "stopped")

    assert_same(stopped, whole)
    assert whole.dead_letters
    show(
        "stopped and resumed",
        stops=stops,
        lines=sum(map(len, parts)),
        dead_letters=len(whole.dead_letters),
        differences=0,
    )


async def test_a_feed_given_again_changes_nothing(tmp_path: Path) -> None:
    """In one command, in a second run, and as copies under other names; how much was not read again is counted."""
    feed = feed_of(tmp_path / "feed.ndjson", 300, 60)
    lines = len(bank.lines(300, 60, settings.seed()))
    copy = Path(shutil.copy(feed, tmp_path / "another-name.ndjson"))
    packed = tmp_path / "packed.ndjson.gz"
    packed.write_bytes(gzip.compress(feed.read_bytes()))
    await run(tmp_path / "once", feed)
    once = await kept(tmp_path / "once")

    first = await run(tmp_path / "twice", feed, feed, copy, packed)
    assert (first.report.lines, first.report.skipped_lines) == (lines, 0)
    assert_same(await kept(tmp_path / "twice"), once)

    again = await run(tmp_path / "twice", feed)
    under_other_names = await run(tmp_path / "twice", packed, copy, feed)
    assert_same(await kept(tmp_path / "twice"), once)
    for job in (again, under_other_names):
        assert (job.report.lines, job.report.skipped_lines) == (0, lines)
        assert metric(job, "ebbwatch_feed_records_accepted_total") == 0
    show(
        "a feed given again",
        lines=lines,
        times_given=8,
        read_once=lines,
        skipped_in_each_later_run=lines,
        differences=0,
    )


async def test_a_feed_that_grew_is_read_from_where_it_was_left(tmp_path: Path) -> None:
    """A file that was read and then appended to ends like the whole file read at once."""
    lines = bank.lines(60, 30, settings.seed())
    whole = bank.write(tmp_path / "whole.ndjson", lines)
    await run(tmp_path / "once", whole)
    growing = tmp_path / "growing.ndjson"
    cuts = [1, len(lines) // 3, len(lines) // 2, len(lines)]
    skipped = []
    for cut in cuts:
        bank.write(growing, lines[:cut])
        job = await run(tmp_path / "grown", growing, batch=50)
        skipped.append(job.report.skipped_lines)

    assert skipped == [0, *cuts[:-1]]
    assert_same(await kept(tmp_path / "grown"), await kept(tmp_path / "once"))


def told_otherwise(line: bytes) -> bytes:
    """The same event in other bytes: keys in another order, and a field that we do not know."""
    fields = json.loads(line)
    return json.dumps({"reported_by": "the other core system", **dict(reversed(fields.items()))}).encode()


async def test_same_events_from_another_file(tmp_path: Path) -> None:
    """Told by two files in one command, everything that matters is as if told once; the second telling is counted."""
    lines = bank.lines(300, 60, settings.seed())
    feed = bank.write(tmp_path / "feed.ndjson", lines)
    other = bank.write(tmp_path / "other.ndjson", map(told_otherwise, lines))
    await run(tmp_path / "once", feed)
    once = await kept(tmp_path / "once")

    job = await run(tmp_path / "both", feed, other)
    both = await kept(tmp_path / "both")

    assert nothing_changed(both, once)
    assert len(both.progress) == 2
    assert job.report.fates[Fate.DUPLICATE_EVENT] == len(lines)
    assert metric(job, DUPLICATES, fate="duplicate_event") == len(lines)
    assert metric(job, DUPLICATES, fate="folded") == len(lines)
    show("same events from another file, one command", events=len(lines), duplicates_counted=len(lines), differences=0)


async def test_same_events_from_another_file_later(tmp_path: Path) -> None:
    """In a second run too, as long as a customer's ring of recent event ids reaches back far enough."""
    everything = bank.lines(300, 60, settings.seed())
    seen: dict[str, int] = {}
    lines = []
    for line in everything:  # as many events of each customer as the ring holds
        customer = json.loads(line)["customer_id"]
        seen[customer] = seen.get(customer, 0) + 1
        if seen[customer] <= RECENT_EVENT_IDS:
            lines.append(line)
    feed = bank.write(tmp_path / "feed.ndjson", lines)
    other = bank.write(tmp_path / "other.ndjson", map(told_otherwise, lines))
    await run(tmp_path / "data", feed)
    before = await kept(tmp_path / "data")
    job = await run(tmp_path / "data", other)
    after = await kept(tmp_path / "data")

    assert nothing_changed(after, before)
    assert after.alerts
    assert job.report.fates[Fate.DUPLICATE_EVENT] == metric(job, DUPLICATES, fate="duplicate_event") == len(lines)
    assert job.report.fates[Fate.FOLDED] == 0
    assert sorted(after.progress.values(), key=lambda at: at.lines)[0] != Progress()
    show("same events from another file, later run", events=len(lines), duplicates_counted=len(lines), differences=0)
