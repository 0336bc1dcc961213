"""Open cases and promises that are due: the gauges say what the store's indexes hold of the shards that are owned."""

import logging
from collections.abc import Sequence
from datetime import date

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from models.context import ClockEvent
from streams.complaint_gauges import ComplaintGauges
from streams.complaint_metrics import WITHIN
from streams.metrics import Metrics
from streams.processor import ShardProcessor
from streams.promises import Watched
from streams.stores.memory import MemoryStore
from tests.support.complaint_ledger import DAY_MS, HOUR_MS, START_MS, CaseLedger, policies

DESK = policies("1", ("desk", "answered", 4.0))


class Counting(MemoryStore):
    """A store that tells how often it was asked to count."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    async def counts(self, shard: int, asked: Sequence[tuple[str, float]]) -> list[int]:
        self.asked.append(shard)
        return await super().counts(shard, asked)


class Process:
    """One process over a store: what it folded, and its metrics."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.metrics = Metrics()
        self.gauges = ComplaintGauges(store, self.metrics.complaints)
        self.shards: dict[int, ShardProcessor] = {}

    async def fold(self, shard: int, bodies: Sequence[bytes]) -> None:
        """Fold what of a shard's ledger has not been folded, in one batch."""
        processor = self.shards.setdefault(shard, ShardProcessor(self.store, shard))
        position = await processor.open()
        report = await processor.process(position, bodies[position:])
        self.metrics.saw_batch(shard, report, processor.clock_ms)

    def owned(self) -> dict[int, Watched]:
        return {shard: processor.watched for shard, processor in self.shards.items()}

    async def refresh(self) -> None:
        await self.gauges.refresh(self.owned)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"ebbwatch_{name}", labels)

    def due(self, profile: str, clock: str) -> dict[str, float | None]:
        return {within: self.value("sla_due", profile=profile, clock=clock, within=within) for within in WITHIN}

    def labels(self, label: str) -> set[str]:
        """Every value that a label has anywhere on the page."""
        return {
            sample.labels[label]
            for family in text_string_to_metric_families(generate_latest(self.metrics.registry).decode())
            for sample in family.samples
            if label in sample.labels
        }


def ledger() -> CaseLedger:
    """Cases received over half a week, one answered, one closed; it is Tuesday 09:00."""
    made = CaseLedger(DESK)
    made.tick(START_MS)
    for number, hours in enumerate((0, 1, 20, 21.5, 23.9)):
        made.step(f"case-{number}", "received", START_MS + int(hours * HOUR_MS))
    made.step("case-1", "responded", START_MS + 2 * HOUR_MS)
    made.step("case-3", "responded", START_MS + 22 * HOUR_MS)
    made.step("case-3", "closed", START_MS + 23 * HOUR_MS)
    made.tick(START_MS + DAY_MS)
    return made


async def test_gauges_say_what_is_open_and_when_it_is_due() -> None:
    """By hand: one case is overdue, one due at this instant, one in four hours; answered and closed ones are not."""
    process = Process(Counting())
    await process.fold(0, ledger().bodies)
    await process.refresh()

    assert process.value("open_cases", profile="desk") == 4
    assert process.due("desk", "answered") == {"overdue": 1, "1h": 1, "24h": 2, "72h": 2, "all": 3}
    # Two working days: until 09:00 on Wednesday, 10:00 on Wednesday, and on Thursday.
    assert process.due("desk", "solved") == {"overdue": 0, "1h": 0, "24h": 1, "72h": 4, "all": 4}


async def test_an_overdue_promise_is_overdue_to_the_millisecond() -> None:
    """At its deadline a promise is still kept; a millisecond later it is not."""
    process = Process(MemoryStore())
    made = CaseLedger(DESK)
    made.step("case", "received", START_MS)
    for over_ms, overdue in ((0, 0), (1, 1)):
        made.tick(START_MS + 4 * HOUR_MS + over_ms)
        await process.fold(0, made.bodies)
        await process.refresh()
        assert process.value("sla_due", profile="desk", clock="answered", within="overdue") == overdue
    assert process.value("sla_events_total", profile="desk", clock="answered", event="breached") == 1


async def test_zeros_are_there_as_soon_as_policies_are() -> None:
    """A first breach is an increase: what can happen to a clock is exported before anything does."""
    process = Process(MemoryStore())
    await process.fold(0, CaseLedger(DESK).bodies)
    await process.refresh()

    for event in ClockEvent:
        assert process.value("sla_events_total", profile="desk", clock="answered", event=event.value) == 0
    assert process.value("sla_used_ratio_count", profile="desk", clock="solved") == 0
    assert process.value("open_cases", profile="desk") == 0
    assert set(process.due("desk", "answered").values()) == {0}


async def test_what_clocks_used_is_observed_when_they_stop() -> None:
    """A quarter of the four hours, and one and a half of them."""
    process = Process(MemoryStore())
    made = CaseLedger(DESK)
    for case, hours in (("soon", 1), ("late", 6)):
        made.step(case, "received", START_MS)
        made.step(case, "responded", START_MS + hours * HOUR_MS)
    await process.fold(0, made.bodies)

    name = {"profile": "desk", "clock": "answered"}
    assert process.value("sla_used_ratio_sum", **name) == 1.75
    assert process.value("sla_used_ratio_bucket", **name, le="0.25") == 1
    assert process.value("sla_used_ratio_bucket", **name, le="1.25") == 1
    assert process.value("sla_events_total", **name, event="met") == 1
    assert process.value("sla_events_total", **name, event="late") == 1


async def test_shards_add_up_and_one_that_is_handed_over_vanishes() -> None:
    """The sum over processes counts each shard once, before and after it moves, without waiting for a refresh."""
    store = Counting()
    one, other = Process(store), Process(store)
    bodies = ledger().bodies
    await one.fold(0, bodies)
    await one.fold(1, bodies[:-4])
    await one.refresh()
    assert one.value("open_cases", profile="desk") == 9
    assert store.asked == [0, 1], "one round trip for each shard"

    del one.shards[1]
    one.metrics.forget(1)
    assert one.value("open_cases", profile="desk") == 4
    assert one.value("shard_position", shard="1") is None
    await other.fold(1, bodies)
    await other.refresh()
    assert other.value("open_cases", profile="desk") == 4

    one.metrics.forget(0)
    assert one.value("open_cases", profile="desk") is None
    assert one.due("desk", "answered") == dict.fromkeys(WITHIN)
    assert one.value("sla_events_total", profile="desk", clock="answered", event="met") == 2, "counts stay"


async def test_a_shard_handed_over_while_it_is_counted_is_left_out() -> None:
    """The other process counts it as well by then."""

    class Moving(MemoryStore):
        async def counts(self, shard: int, asked: Sequence[tuple[str, float]]) -> list[int]:
            found = await super().counts(shard, asked)
            if shard == 1:
                del process.shards[1]
                process.metrics.forget(1)
            return found

    process = Process(Moving())
    for shard in (0, 1):
        await process.fold(shard, ledger().bodies)
    await process.refresh()

    assert process.value("open_cases", profile="desk") == 4


async def test_a_former_version_is_shown_as_long_as_a_case_pins_it() -> None:
    """Names of promises come and go with those that may still be broken: that bounds the labels."""
    process = Process(MemoryStore())
    made = CaseLedger(DESK)
    made.step("old", "received", START_MS)
    made.activate(policies("2", ("branch", "visited", 8.0)))
    made.step("new", "received", START_MS + HOUR_MS)
    made.tick(START_MS + 9 * HOUR_MS)
    await process.fold(0, made.bodies)
    await process.refresh()
    assert process.labels("profile") == {"desk", "branch"}
    assert process.value("sla_due", profile="desk", clock="answered", within="overdue") == 1

    fresh = Process(process.store)
    fresh.shards[0] = ShardProcessor(process.store, 0)
    await fresh.shards[0].open()
    await fresh.refresh()
    assert fresh.value("sla_due", profile="desk", clock="answered", within="overdue") == 1

    made.step("old", "closed", START_MS + 10 * HOUR_MS)
    made.step("old", "responded", START_MS + 10 * HOUR_MS)
    made.tick(START_MS + 3 * DAY_MS)
    await process.fold(0, made.bodies)
    await process.refresh()
    assert process.labels("profile") == {"branch"}
    assert process.labels("clock") == {"visited", "solved"}


async def test_nothing_of_a_case_is_on_the_page() -> None:
    """Neither ids of cases nor of customers: the members of the indexes stay in the store."""
    process = Process(MemoryStore())
    await process.fold(0, ledger().bodies)
    await process.refresh()

    page = generate_latest(process.metrics.registry).decode()
    assert 'ebbwatch_open_cases{profile="desk"} 4.0' in page
    assert "CANARY" not in page
    assert "case-" not in page


async def test_calendars_that_end_are_warned_of_once_a_day(caplog: pytest.LogCaptureFixture) -> None:
    """From 60 days before the horizon on, by the shard's clock; the earliest of shards that differ; never sooner."""
    process = Process(MemoryStore())
    until = date(2026, 5, 4)
    ends_ms = START_MS + 63 * DAY_MS + 15 * HOUR_MS
    shorter, longer = CaseLedger(policies("3", ("desk", "answered", 4.0), calendar_until=until)), CaseLedger(DESK)
    with caplog.at_level(logging.WARNING, "ebbwatch.calendars"):
        for at_ms in (
            ends_ms - 60 * DAY_MS,
            ends_ms - 60 * DAY_MS + 1,
            ends_ms - 60 * DAY_MS + 2,
            ends_ms - 59 * DAY_MS,
            ends_ms + HOUR_MS,
        ):
            for shard, made in enumerate((longer, shorter)):
                made.tick(at_ms)
                await process.fold(shard, made.bodies)
            await process.refresh()

    said = [record.fields for record in caplog.records]  # type: ignore[attr-defined]
    assert said == [{"calendar": "cn", "last_day": "2026-05-04", "days_left": days_left} for days_left in (59, 59, -1)]
    assert process.value("calendar_horizon_timestamp_seconds", calendar="cn") == ends_ms / 1000
    assert process.labels("calendar") == {"cn"}, "calendars that no clock uses are not shown"

    made = CaseLedger(policies("4"))
    await process.fold(2, made.bodies)
    del process.shards[0], process.shards[1]
    await process.refresh()
    assert process.labels("calendar") == set()
