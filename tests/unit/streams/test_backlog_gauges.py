"""Open alerts and waiting outputs: the gauges say what the store holds, whoever raised and committed it."""

from collections.abc import Collection

from models.alerts import OPEN_STATES, Alert
from streams.backlog_gauges import BacklogGauges
from streams.metrics import Metrics
from streams.processor import ShardProcessor
from streams.stores.memory import MemoryStore
from tests.support.complaint_ledger import DAY_MS, HOUR_MS, START_MS, CaseLedger, policies

DESK = policies("1", ("desk", "answered", 4.0))
RULE = "complaint_sla"


class Process:
    """One process over a store."""

    def __init__(self, store: MemoryStore, *shards: int) -> None:
        self.store = store
        self.metrics = Metrics()
        self.shards = set(shards)
        self.last: dict[str, Alert] = {}

    async def fold(self, shard: int, bodies: list[bytes]) -> None:
        processor = ShardProcessor(self.store, shard)
        position = await processor.open()
        report = await processor.process(position, bodies[position:])
        self.metrics.saw_batch(shard, report, processor.clock_ms)
        self.last |= {one.body.alert_id: one.body for one in report.outputs if isinstance(one.body, Alert)}

    async def refresh(self) -> None:
        await BacklogGauges(self.store, self.metrics).refresh(self.owned)

    def owned(self) -> Collection[int]:
        return self.shards

    @property
    def open_by_what_was_said(self) -> int:
        return sum(one.state in OPEN_STATES for one in self.last.values())

    @property
    def open_alerts(self) -> float | None:
        return self.metrics.registry.get_sample_value("ebbwatch_open_alerts", {"rule": RULE})

    def waiting(self, shard: int) -> float | None:
        return self.metrics.registry.get_sample_value("ebbwatch_outbox_records", {"shard": str(shard)})


def late_cases(count: int) -> CaseLedger:
    """Cases that are answered too late or not at all; the last of them is answered an hour after the limit."""
    made = CaseLedger(DESK)
    for number in range(count):
        made.step(f"case-{number}", "received", START_MS)
    made.tick(START_MS + 5 * HOUR_MS)
    return made


async def test_open_alerts_are_counted_through_restarts_and_to_their_end() -> None:
    """By hand: three promises are broken; one is kept too late, which a process hears of that raised none of them."""
    store = MemoryStore()
    first = Process(store, 0)
    await first.refresh()
    assert (first.open_alerts, first.waiting(0)) == (0, 0)
    made = late_cases(3)
    await first.fold(0, made.bodies)
    await first.refresh()
    assert first.open_alerts == first.open_by_what_was_said == 3
    assert first.waiting(0) == await store.outbox_depth(0) == len(await store.outbox(0, 1000)) >= 3

    made.step("case-2", "responded", START_MS + 5 * HOUR_MS)
    second = Process(store, 0)
    await second.fold(0, made.bodies)
    await second.refresh()
    assert second.open_alerts == 2
    await store.clear_outbox(0, 10_000)
    made.tick(START_MS + 401 * DAY_MS)
    await second.fold(0, made.bodies)
    await second.refresh()
    assert second.open_alerts == 0, "cases have left, and so have their alerts"


async def test_shards_add_up_and_one_that_is_handed_over_vanishes() -> None:
    """The sum over processes counts each shard once, also when it moves while it is being counted."""
    store = MemoryStore()
    one, other = Process(store, 0, 1), Process(store)
    for shard, count in ((0, 2), (1, 3)):
        await one.fold(shard, late_cases(count).bodies)
    await one.refresh()
    assert one.open_alerts == 5

    one.metrics.forget(1)
    one.shards.discard(1)
    other.shards.add(1)
    await other.refresh()
    assert (one.open_alerts, other.open_alerts) == (2, 3)
    assert (one.waiting(1), other.waiting(0)) == (None, None)

    class Moving(MemoryStore):
        async def outbox_depth(self, shard: int) -> int:
            late.shards.clear()
            return await super().outbox_depth(shard)

    late = Process(Moving(), 0)
    await late.fold(0, late_cases(2).bodies)
    await late.refresh()
    assert (late.open_alerts, late.waiting(0)) == (0, None)
