import json
import zlib
from array import array
from itertools import pairwise
from pathlib import Path
from typing import cast

import msgspec
import pytest

from benchmarks.peers import reduced_work
from benchmarks.peers.broker import Broker
from benchmarks.peers.full_work import FullWork
from benchmarks.peers.oracle import by_key, by_shard
from benchmarks.peers.pacer import Pacer
from benchmarks.peers.probe import window
from benchmarks.peers.reduced_work import OUTPUT_EVERY, STATE_BYTES, ReducedWork
from benchmarks.peers.report import latencies, one, rates, ratio
from benchmarks.peers.stream import PARTITIONS
from benchmarks.peers.streams_made import full_stream, month_old, reduced_stream, scored
from benchmarks.peers.trial import Figures
from benchmarks.policies import policies_of, unscored_policies_file
from config.policies import load_policies
from models.scoring_model import cold_model

CUSTOMERS = 40


def test_steady_outputs_give_the_rate_between_the_two_shares() -> None:
    """What comes one by one is counted between the moments at which a quarter and 95 % were done."""
    timeline = [(number * 1.0, number * 10) for number in range(101)]
    start_s, end_s, records = window(timeline, 1000, 0.25, 0.95)
    assert (start_s, end_s, records) == (25.0, 95.0, 700)


def test_a_commit_that_is_read_in_pieces_is_one_moment() -> None:
    """Work that was done before the first commit shows is not counted as done in no time."""
    timeline = [(5.0, 300), (5.01, 450), (5.02, 500), (10.0, 800), (10.01, 1000)]
    start_s, end_s, records = window(timeline, 1000, 0.25, 0.95)
    assert (start_s, end_s, records) == (5.02, 10.01, 500)


def test_one_commit_of_everything_tells_no_rate() -> None:
    """A single commit is one moment: no time, no records."""
    start_s, end_s, records = window([(5.0, 600), (5.1, 1000)], 1000, 0.25, 0.95)
    assert (end_s - start_s, records) == (0.0, 0)


def test_a_prefix_and_the_rest_are_the_stream() -> None:
    """What waits in the topic and what is fed afterwards hold every record once, in order."""
    stream = full_stream(CUSTOMERS, 2000)
    first, rest = stream.slices(0, 900), stream.slices(900, len(stream))
    for partition in range(PARTITIONS):
        assert first[partition] + rest[partition] == stream.partitions[partition]
    assert stream.events_between(0, 900) + stream.events_between(900, len(stream)) == 2000
    assert len(list(stream.in_order(900))) == sum(stream.ends(900)) == 900


def test_alerts_of_a_stream_come_from_its_beginning_to_its_end() -> None:
    """Progress is read off the alerts, so every part of the stream must raise some."""
    stream = full_stream(1000, 20_000)
    expected = by_key(stream, FullWork(), month_old(1000), {len(stream)})
    alerts = [expected.within(stream.ends(len(stream) * part // 10)) for part in range(11)]
    assert all(before < after for before, after in pairwise(alerts))


def test_with_and_without_ticks_the_same_alerts_are_raised_at_first() -> None:
    """Before the first deadline, folding by key and folding by shard say the same, byte for byte."""
    stream = full_stream(1000, 10_000)
    seed = month_old(1000)
    by_keys, by_shards = (by_key(stream, FullWork(), seed, {300}), by_shard(stream, seed, {300}))
    assert by_keys.states[300] == by_shards.states[300]
    early = {body for body, (_, offset) in by_keys.outputs.items() if offset < 75}
    assert early
    assert early <= by_shards.outputs.keys()


def test_a_scored_stream_is_the_same_but_for_policies_and_model() -> None:
    """Customers are scored by the model, the events cause the same alerts, and no peer is told of it."""
    stream, seed = full_stream(CUSTOMERS, 2000), month_old(CUSTOMERS)
    rate = policies_of(scores=True).churn.base_rate  # type: ignore[union-attr]
    scoring = scored(stream, msgspec.structs.replace(cold_model(rate), version="000007-made-up"))
    assert len(scoring) == len(stream) + PARTITIONS
    assert scoring.events_between(0, len(scoring)) == 2000
    for before, after in zip(stream.partitions, scoring.partitions, strict=True):
        assert b"model_activated" in after[1][1]
        assert before[1:] == after[2:]
    without, found = by_shard(stream, seed, ()), by_shard(scoring, seed, ())
    assert without.scored == 0
    assert 1500 < found.scored < 2500
    ids, ids_without = ([json.loads(body)["id"] for body in each.outputs] for each in (found, without))
    assert ids == ids_without != []
    assert not any(b"churn" in body for body in without.timed)


def test_what_is_compared_with_peers_does_not_score(tmp_path: Path) -> None:
    """A worker without the score is told by a file; no line of its table is left in it."""
    assert policies_of(scores=True).churn is not None
    assert load_policies(unscored_policies_file(tmp_path)).churn is None
    assert "[churn" not in (tmp_path / "unscored.toml").read_text()


def test_the_ratio_of_two_rates_is_none_where_one_is_void() -> None:
    """What a failed contender leaves of another's rate is not a number."""
    rates_found: dict[str, int | None] = {"a": 30, "b": 40, "void": None}
    assert ratio(rates_found, "a", "b") == 0.75
    assert ratio(rates_found, "void", "b") is None
    assert ratio(rates_found, "a", "missing") is None


def test_everybody_begins_with_a_month_behind_them() -> None:
    """The seeded aggregates are of customers, of the size that a month leaves, and end with the last customer."""
    seed = month_old(CUSTOMERS)
    first = seed(b"C0000000")
    assert first is not None
    assert len(first) > 700
    assert seed(b"C0000040") is None
    assert seed(b"ebbwatch.control") is None


def test_reduced_work_sums_as_it_is_defined() -> None:
    """Three transactions leave the sums that the definition names, in 480 bytes."""
    stream = reduced_stream(1, 3)
    work, state = ReducedWork(), None
    bodies = [body for _, _, _, body in stream.in_order(3)]
    for body in bodies:
        state, _ = work.apply(body, state)
    assert state is not None
    assert len(state) == STATE_BYTES
    slots = array("d")
    slots.frombytes(state)
    moves = [reduced_work.decode(body) for body in bodies]
    assert slots[0] == 3.0
    assert slots[1] == pytest.approx(sum(moved.amount for moved in moves))
    assert slots[2] == pytest.approx(sum(moved.amount**2 for moved in moves))
    assert slots[3] == max(moved.amount for moved in moves)
    assert slots[4] == moves[-1].balance_after
    for part in (slots[5:19], slots[19:43], slots[43:48]):
        assert sum(part) == pytest.approx(slots[1])


def test_reduced_work_puts_out_at_every_200th_transaction() -> None:
    """One output for each 200 transactions of a customer, at the counts that its id says."""
    stream = reduced_stream(1, 1000)
    expected = by_key(stream, ReducedWork(), lambda _: None, ())
    phase = zlib.crc32(b"C0000000") % OUTPUT_EVERY
    counts = [count for count in range(1, 1001) if (count + phase) % OUTPUT_EVERY == 0]
    assert list(expected.outputs) == [b'{"customer_id":"C0000000","events":%d}' % count for count in counts]


def test_a_contender_without_rounds_has_no_rate() -> None:
    """The figure of one that failed is null, never a number."""
    found = rates({"good": [Figures(rate=10, first_output_s=1), Figures(rate=30, first_output_s=1)], "void": []})
    assert found == {"good": 20, "void": None}


def test_latencies_are_percentiles_over_all_rounds() -> None:
    """p50 and p99 are taken over what all rounds found together."""
    first = Figures(rate=1, first_output_s=1, latency_ms=[float(number) for number in range(50)])
    second = Figures(rate=1, first_output_s=1, latency_ms=[float(number) for number in range(50, 100)])
    assert latencies({"x": [first, second]}) == {"x": {"p50": 50.0, "p99": 99.0, "of": 100}}


def test_each_round_is_a_line_of_json() -> None:
    """Whoever looks on learns the figures of a contender when it is done, in the words of the last line."""
    figures = Figures(
        rate=10.4, first_output_s=1, cpu_s_per_million={"worker": 2.0}, memory_mb={"worker": 3, "broker": 9}
    )
    figures.latency_ms = [1.0, 2.0]
    figures.pacer_late_ms = 3.25
    found = json.loads(one("a case", 2, "somebody", figures))
    assert (found["case"], found["round"], found["contender"], found["rate"]) == ("a case", 2, "somebody", 10)
    assert found["latency_ms"] == {"p50": 2.0, "p99": 2.0, "of": 2}
    assert found["cpu_s_per_million"] == {"worker": 2.0}
    assert found["memory_mb"] == {"worker": 3}
    assert found["pacer_late_ms"] == 3.2


def test_a_record_counts_as_sent_when_it_is_due() -> None:
    """By its place in the whole stream, whichever partition it is in; what was not fed has no time."""
    stream = full_stream(50, 400)
    pacer = Pacer(cast(Broker, None), "topic", stream, at=100)
    records = pacer.records(200)
    assert [partition for partition, _, _ in records] == list(stream.places[100:200])
    assert [(key, body) for _, _, key, body in list(stream.in_order(200))[100:]] == [each[1:] for each in records]

    places = [(partition, offset) for partition, offset, _, _ in stream.in_order(300)]
    assert pacer.sent_s(*places[100]) is None
    pacer.started(1_000.0, rate=10.0)
    assert [pacer.sent_s(*places[number]) for number in (100, 101, 199)] == [1_000.0, 1_000.1, 1_009.9]
    assert pacer.sent_s(*places[99]) is None
    assert pacer.sent_s(*places[200]) is None
