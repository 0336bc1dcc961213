"""One micro-batch: load, fold, commit; and what happens when one of them fails."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pytest

from benchmarks.policies import policies_of
from config.policies import policy_digest, policy_document
from models.alerts import Alert
from models.context import Fate
from models.customer import decode_customer
from models.events import PolicyActivated, Tick
from models.shard import LedgerError, decode_documents
from streams.codecs import decode_feed_event, encode_control_record, encode_event_record
from streams.names import DUE_INDEX
from streams.processor import BatchReport, ShardProcessor
from streams.stores.base import Commit, PositionConflict
from streams.stores.memory import MemoryStore
from tests.support.feeds import NOW_MS, START_MS, line

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

UNSCORED = policies_of(scores=False)
"""The churn score makes everybody due from time to time, and says things of its own."""


def policy() -> bytes:
    policies = UNSCORED
    return encode_control_record(PolicyActivated(digest=policy_digest(policies), document=policy_document(policies)), 0)


def tick(at_ms: int) -> bytes:
    return encode_control_record(Tick(at=datetime.fromtimestamp(at_ms / 1000, UTC)), at_ms)


def contact(number: int, at_ms: int, customer: str = "c1") -> bytes:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
    event, event_ms = decode_feed_event(
        line("contact", event_id=f"e{number}", customer_id=customer, occurred_at=at), NOW_MS
    )
    return encode_event_record(event, event_ms, "feed:1", number)


def asking(customers: Sequence[str] = ("c1",)) -> list[bytes]:
    """A ledger in which each customer asks three times, and time passes until the alerts are over."""
    records = [policy(), tick(START_MS)]
    number = 0
    for hour in range(3):
        for customer in customers:
            records.append(contact(number, START_MS + hour * HOUR_MS, customer))
            number += 1
    records += [tick(START_MS + day * DAY_MS) for day in range(1, 15)]
    return records


class Counting(MemoryStore):
    """A store that tells what was asked of it, and may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.documents: list[bytes | None] = []
        self.fail: Exception | None = None

    async def load(self, shard: int, customer_ids: Sequence[str]) -> list[bytes | None]:
        self.loaded += customer_ids
        return await super().load(shard, customer_ids)

    async def commit(self, shard: int, commit: Commit) -> None:
        if self.fail is not None:
            raise self.fail
        self.documents.append(commit.documents)
        await super().commit(shard, commit)


async def run(store: MemoryStore, records: list[bytes], size: int, cache: int = 50_000) -> list[BatchReport]:
    processor = ShardProcessor(store, 0, cache)
    await processor.open()
    return [await processor.process(start, records[start : start + size]) for start in range(0, len(records), size)]


async def picture(store: MemoryStore) -> object:
    """Everything that the store holds of the shard."""
    return (
        await store.open_shard(0),
        store.customers_of(0),
        await store.due(0, DUE_INDEX, 1e18),
        await store.outbox(0, 10_000),
    )


async def test_a_batch_is_committed_whole() -> None:
    """Position, customer, deadline and alert are in the store, and the report counts them."""
    store = Counting()
    (report,) = await run(store, asking()[:5], 100)

    assert (await store.open_shard(0)).position == report.position == report.records == 5
    assert report.fates == {Fate.CONTROL: 2, Fate.FOLDED: 3}
    assert (report.customers_changed, report.customers_loaded) == (1, 1)
    (alert,) = [output.body for output in report.outputs]
    assert isinstance(alert, Alert)
    assert (alert.rule, alert.state) == ("repeated_inquiry", "raised")
    (entry,) = await store.outbox(0, 9)
    assert (entry.topic, entry.key, entry.output_id) == ("ebbwatch.alerts", "c1", f"{alert.alert_id}.1")
    envelope = msgspec.json.decode(entry.body)
    assert (envelope["specversion"], envelope["type"], envelope["id"]) == (
        "1.0",
        "ebbwatch.alert.raised",
        entry.output_id,
    )
    assert envelope["data"]["evidence"] == ["e0", "e1", "e2"]
    ((due_ms, member),) = await store.due(0, DUE_INDEX, 1e18)
    assert (due_ms, member) == (decode_customer(store.customers_of(0)["c1"]).due_ms, "c1")


async def test_policies_are_committed_when_they_change() -> None:
    """What is large is written with the batch that changed it, again when that commit failed, and with no other."""
    store = Counting()
    records = [*asking()[:4], policy(), *asking()[4:6]]
    processor = ShardProcessor(store, 0)
    await processor.open()
    store.fail = ConnectionError()
    with pytest.raises(ConnectionError):
        await processor.process(0, records[:1])
    store.fail = None
    await processor.open()
    for offset, body in enumerate(records):
        await processor.process(offset, [body])

    held = (await store.open_shard(0)).documents
    assert decode_documents(held).policy["version"] == UNSCORED.version
    assert store.documents == [held, None, None, None, held, None, None]
    fresh = ShardProcessor(store, 0)
    await fresh.open()
    assert fresh.policies == UNSCORED


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("cache", [1, 50_000])
async def test_batches_of_any_size_leave_the_same(size: int, cache: int) -> None:
    """Neither where a batch ends nor who is cached changes a byte of what is kept."""
    records = asking([f"c{number}" for number in range(9)])
    whole, cut = MemoryStore(), MemoryStore()
    await run(whole, records, 1000)
    await run(cut, records, size, cache)

    assert await picture(cut) == await picture(whole)
    assert len(await whole.outbox(0, 999)) == 18, "each was raised and resolved"


@pytest.mark.parametrize("size", [1, 2, 100])
async def test_a_tick_that_lags_behind_hides_no_deadline(size: int) -> None:
    """Where a zombie wrote a tick from the past, deadlines still fire at the first tick that reached them."""
    records = [*asking()[:5], tick(START_MS + 9 * DAY_MS), tick(START_MS + DAY_MS), contact(9, START_MS + 9 * DAY_MS)]
    whole, cut = MemoryStore(), MemoryStore()
    await run(whole, records[:5], 100)
    processor = ShardProcessor(whole, 0)
    await processor.open()
    await processor.process(5, records[5:])
    await run(cut, records, size)

    assert await picture(cut) == await picture(whole)
    assert [entry.output_id[-2:] for entry in await whole.outbox(0, 9)] == [".1", ".2"]


async def test_due_customers_are_loaded_for_their_tick() -> None:
    """A tick alone loads whom it concerns from the store, and nobody else."""
    store = Counting()
    records = asking(["c1", "c2"])
    await run(store, records[:8], 100)
    fresh = ShardProcessor(store, 0)
    await fresh.open()
    store.loaded.clear()
    await fresh.process(8, [tick(START_MS + 3 * DAY_MS)])
    assert store.loaded == []

    report = await fresh.process(9, [tick(START_MS + 8 * DAY_MS)])
    assert sorted(store.loaded) == ["c1", "c2"]
    assert [output.body.state for output in report.outputs if isinstance(output.body, Alert)] == ["resolved"] * 2


async def test_the_cache_spares_loading() -> None:
    """A customer of the last batch is not asked for again."""
    store = Counting()
    records = asking()
    await run(store, records, 1)

    assert store.loaded == ["c1"]


async def test_records_below_the_position_are_skipped() -> None:
    """A batch that begins too early is folded from the position on, and one that lies behind it not at all."""
    store, twice = MemoryStore(), MemoryStore()
    records = asking()
    await run(store, records, 100)
    processor = ShardProcessor(twice, 0)
    await processor.open()
    await processor.process(0, records[:4])
    report = await processor.process(1, records[1:])
    assert report.records == len(records) - 4
    report = await processor.process(0, records[:3])

    assert (report.records, report.outputs, report.position) == (0, [], len(records))
    assert await picture(twice) == await picture(store)


async def test_a_gap_is_refused() -> None:
    """Records that are missing are not made up, and the processor stays usable."""
    store = MemoryStore()
    records = asking()
    processor = ShardProcessor(store, 0)
    await processor.open()
    with pytest.raises(LookupError, match="shard 0 expects offset 0, was given 1"):
        await processor.process(1, records[1:])

    await processor.process(0, records)
    assert processor.position == len(records)


async def test_a_shard_must_be_opened() -> None:
    """Before it was opened nothing is known of it."""
    processor = ShardProcessor(MemoryStore(), 0)
    assert (processor.position, processor.clock_ms) == (0, 0)
    with pytest.raises(RuntimeError, match="open the shard first"):
        await processor.process(0, [policy()])


async def test_a_conflict_drops_what_is_cached() -> None:
    """The loser of a race believes the store again after opening, and goes on from where it stands."""
    store = MemoryStore()
    records = asking()
    ours, theirs = ShardProcessor(store, 0), ShardProcessor(store, 0)
    for processor in (ours, theirs):
        await processor.open()
    await ours.process(0, records[:4])
    assert await theirs.open() == 4
    await theirs.process(4, records[4:6])
    with pytest.raises(PositionConflict):
        await ours.process(4, records[4:5])
    with pytest.raises(RuntimeError, match="open the shard first"):
        await ours.process(4, records[4:5])

    assert await ours.open() == 6
    await ours.process(6, records[6:])
    alone = MemoryStore()
    await run(alone, records, 100)
    assert await picture(store) == await picture(alone)


async def test_a_failing_commit_leaves_nothing_in_memory() -> None:
    """Aggregates that were folded but not kept are forgotten, so the batch can be folded again."""
    store = Counting()
    records = asking()
    processor = ShardProcessor(store, 0)
    await processor.open()
    await processor.process(0, records[:3])
    before = await picture(store)
    store.fail = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        await processor.process(3, records[3:])
    assert await picture(store) == before
    with pytest.raises(RuntimeError, match="open the shard first"):
        await processor.process(3, records[3:])

    store.fail = None
    assert await processor.open() == 3
    await processor.process(3, records[3:])
    alone = MemoryStore()
    await run(alone, records, 100)
    assert await picture(store) == await picture(alone)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (encode_control_record(PolicyActivated(digest="x", document={"version": "x"}), 0), ValueError),
        (b'{"v":1,"at_ms":1,"event":{"type":"unheard_of"}}', msgspec.ValidationError),
        (b"not json", msgspec.DecodeError),
        (encode_event_record(*decode_feed_event(line("login"), NOW_MS), "", -1), LedgerError),
    ],
)
async def test_a_failing_fold_leaves_nothing_behind(bad: bytes, error: type[Exception]) -> None:
    """A record that cannot be folded stops the shard before it; what came before it in the batch is not kept."""
    store = MemoryStore()
    records = asking()
    processor = ShardProcessor(store, 0)
    await processor.open()
    await processor.process(0, records[:3])
    before = await picture(store)
    with pytest.raises(error):
        await processor.process(3, [records[3], bad])

    assert await picture(store) == before
    with pytest.raises(RuntimeError, match="open the shard first"):
        await processor.process(3, records[3:])
    await processor.open()
    await processor.process(3, records[3:])
    alone = MemoryStore()
    await run(alone, records, 100)
    assert await picture(store) == await picture(alone)


async def test_a_ledger_begins_with_its_policies() -> None:
    """Nothing is decided before there are policies to decide by."""
    processor = ShardProcessor(MemoryStore(), 0)
    await processor.open()
    with pytest.raises(LedgerError, match="begins with a policy_activated record"):
        await processor.process(0, [tick(START_MS)])
