"""Where a worker reads on when partitions are assigned to it."""

import logging
from typing import cast

import pytest
from faust.types import TP

from streams import owned_shards
from streams.live_metrics import LiveMetrics
from streams.live_shard import LiveShard
from streams.metrics import Metrics
from streams.names import EVENTS_TOPIC
from streams.owned_shards import LedgerBehindStore, OwnedShards
from streams.transport import RunConsumer
from tests.unit.streams.test_live_shard import Fixture, Ledger, bodies

LEDGER = TP(EVENTS_TOPIC, 0)
CALLS = TP("bank.calls", 3)


class Brokers:
    """What is there of each partition: from the first offset to before the end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **there: tuple[int, int]) -> None:
        self._there = {LEDGER: there["ledger"], CALLS: there.get("calls", (0, 0))}
        monkeypatch.setattr(owned_shards, "offsets_of", self.offsets_of)

    async def offsets_of(
        self, _consumer: RunConsumer, tps: set[TP], _timeout_s: float
    ) -> tuple[dict[TP, int], dict[TP, int]]:
        return {tp: self._there[tp][0] for tp in tps}, {tp: self._there[tp][1] for tp in tps}


def owned(shard: LiveShard, metrics: Metrics, taken_over: list[int]) -> OwnedShards:
    return OwnedShards(
        lambda _number, _reading: shard,
        lambda: cast(RunConsumer, None),
        LiveMetrics(metrics.registry),
        taken_over.append,
    )


async def folded_to(position: int) -> Fixture:
    ledger = Ledger(bodies())
    it = Fixture(ledger)
    await it.shard.take(ledger.run(0, position))
    return it


async def test_the_ledger_is_read_on_from_the_store_and_feeds_from_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Kafka has committed of the ledger, the store's position counts."""
    it = await folded_to(50)
    Brokers(monkeypatch, ledger=(0, 120), calls=(0, 900))
    taken_over: list[int] = []
    shards = owned(it.shard, Metrics(), taken_over)

    assert await shards.positions({LEDGER: 77, CALLS: 400}) == {LEDGER: 50, CALLS: 400}
    assert taken_over == [0]
    assert shards.assigned == {LEDGER, CALLS}


async def test_a_feed_that_was_not_read_for_too_long_is_said_loudly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What retention has deleted behind the committed offset is counted; a feed that is new to us lacks nothing."""
    it = await folded_to(50)
    Brokers(monkeypatch, ledger=(0, 120), calls=(450, 900))
    metrics = Metrics()
    shards = owned(it.shard, metrics, [])

    with caplog.at_level(logging.CRITICAL):
        assert (await shards.positions({LEDGER: None, CALLS: 400}))[CALLS] == 450
    assert metrics.registry.get_sample_value("ebbwatch_live_feed_gap_records_total") == 50
    assert len(caplog.records) == 1

    assert (await shards.positions({LEDGER: None, CALLS: None}))[CALLS] == 450
    assert metrics.registry.get_sample_value("ebbwatch_live_feed_gap_records_total") == 50


async def test_a_store_ahead_of_its_ledger_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """New records would take offsets that are believed to be folded."""
    it = await folded_to(50)
    Brokers(monkeypatch, ledger=(0, 20))

    with pytest.raises(LedgerBehindStore, match="has been folded up to 50, but its ledger ends at 20"):
        await owned(it.shard, Metrics(), []).positions({LEDGER: None})


async def test_a_shard_that_is_handed_over_is_spoken_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sums over workers counts it once: its gauges go with it."""
    it = await folded_to(50)
    Brokers(monkeypatch, ledger=(0, 120), calls=(0, 900))
    shards = OwnedShards(
        lambda _number, _reading: it.shard, lambda: cast(RunConsumer, None), it.live, lambda _: None, it.metrics.forget
    )
    await shards.positions({LEDGER: 50, CALLS: 400})
    assert it.metrics.registry.get_sample_value("ebbwatch_shard_position", {"shard": "0"}) == 50

    await shards.positions({CALLS: 400})
    assert it.metrics.registry.get_sample_value("ebbwatch_shard_position", {"shard": "0"}) is None
    assert shards.owned == []
