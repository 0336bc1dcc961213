"""`make bench-scores`: what the churn score costs, as a table for people and one line of JSON.

Ticks: customers of a simulated bank, features included, through `models.churn_tick.assess` as a shard calls it, with a
model that was learnt from the weeks before; between two ticks everybody lives on for six hours, so that some are told,
observed and settled. CPU time, since whoever else is on the machine does not count.

Shard: decode, load, fold, score, encode and commit to SQLite, of customers who are in the store with a month behind
them, with and without scoring in alternating rounds. A month is squeezed into seconds, with 50 events of each customer
and a tick each six hours, so that a tick scores some hundreds as one of a large bank does, and nearly every event has
its customer scored (`scorings_an_event`): the worst case, and that of a replay. Beside it the same as it is live at
full load: 50,000 events to a second of the events' time and a tick each second; as shipped, where a customer is scored
once in `score_every_s` of 900, and with a `score_every_s` of 1, where whoever has changed is scored at each tick.

Learner: observations and outcomes a second, with and without the forest in its shadow, each transaction durable.

Figures on a busy machine are worth nothing: measure while nothing else runs.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from msgspec import structs
from rich.console import Console
from rich.table import Table

from benchmarks.peers.streams_made import month_old
from benchmarks.policies import policies_of
from benchmarks.scored_bank import TICK_MS, ScoredBank, learnt_model, scored_bank, with_ticks
from benchmarks.workload import events
from models.churn_tick import AT_ONCE, assess, is_known
from models.context import FoldContext
from models.customer import Customer
from models.events import FeedEvent, epoch_ms
from models.fold import fold
from models.rules import Rules
from models.scoring_model import ScoringModel, ready
from models.shard import ShardState, encode_state
from streams.codecs import encode_model_record, encode_policies_record
from streams.garbage import tune_garbage_collection
from streams.processor import ShardProcessor
from streams.stores.base import Commit
from streams.stores.sqlite import SqliteStore

SIZES = (1, 16, 256, 1_000)
_CUSTOMERS = 1_200
"""Some have left by the time that 1,000 are looked at, and some have only come."""
_PAST_DAYS = 50
_MORE_DAYS = 15
_BETWEEN_MS = 6 * TICK_MS
"""From one tick to the next, in both."""
_OF_SMALL = {256: 3, 16: 8, 1: 60}
"""How many ticks of each size are cut from one population, every other time."""
_BATCH = 16_384
_LIVE_TICK_MS = 1_000
_LIVE_EVENTS_PER_S = 50_000
_LIVE_CUSTOMERS = 10_000
_SHIPPED_EVERY_S = 900


def tick_costs(bank: ScoredBank) -> dict[int, list[float]]:
    """µs a customer of each tick, by its size."""
    ctx = FoldContext(Rules(policies_of(scores=True)), bank.clock_ms, scoring=ready(bank.model))
    churn = ctx.rules.churn
    assert churn is not None
    customers = {customer.customer_id: customer for customer in bank.customers}
    costs: dict[int, list[float]] = {size: [] for size in SIZES}
    next_ms, number = bank.clock_ms + _BETWEEN_MS, 0
    for event in bank.events:
        at_ms = epoch_ms(event.occurred_at)
        while at_ms >= next_ms:
            ctx.clock_ms = next_ms
            there = [
                customer
                for customer in customers.values()
                if is_known(customer, next_ms, churn) and not (customer.churn is not None and customer.churn.gone_ms)
            ]
            for size, some in _cut(there, number):
                costs[size].append(_tick_us(some, next_ms, ctx))
            next_ms, number = next_ms + _BETWEEN_MS, number + 1
        known = fold(customers.get(event.customer_id), event, at_ms, ctx)  # type: ignore[arg-type]
        if known is not None:
            customers[event.customer_id] = known
        ctx.take()
    return costs


def _cut(there: Sequence[Customer], number: int) -> list[tuple[int, Sequence[Customer]]]:
    """Ticks of one size or of the others, in turn; nobody is in two of them."""
    if number % 2 == 0:
        return [(SIZES[-1], there[: SIZES[-1]])]
    found, start = [], 0
    for size, count in _OF_SMALL.items():
        for _ in range(count):
            found.append((size, there[start : start + size]))
            start += size
    return found


def _tick_us(some: Sequence[Customer], now_ms: int, ctx: FoldContext) -> float:
    churn = ctx.rules.churn
    assert churn is not None
    assert len(some) in SIZES, "the bank is too small"
    started_ns = time.process_time_ns()
    for first in range(0, len(some), AT_ONCE):
        assess(some[first : first + AT_ONCE], now_ms, churn, ctx)
    taken_us = (time.process_time_ns() - started_ns) / 1000 / len(some)
    ctx.take()
    return taken_us


class Round(NamedTuple):
    """What a shard took for one round of events, and how often a customer was scored."""

    seconds: float
    cpu_s: float
    scored: int


async def shard_round(path: Path, customers: int, records: Sequence[bytes]) -> Round:
    """Let a shard on a fresh store work off `records`."""
    store, seed = SqliteStore(path), month_old(customers)
    await store.open_shard(0)
    bodies = [(f"C{number:07d}", seed(f"C{number:07d}".encode()) or b"") for number in range(customers)]
    await store.commit(0, Commit(expected_position=0, position=0, state=encode_state(ShardState()), customers=bodies))
    processor, scored = ShardProcessor(store, 0), 0
    await processor.open()
    started_s, cpu_s = time.perf_counter(), time.process_time()
    for start in range(0, len(records), _BATCH):
        scored += (await processor.process(start, records[start : start + _BATCH])).scored
        await store.clear_outbox(0, 1 << 62)  # as the relay does
    found = Round(time.perf_counter() - started_s, time.process_time() - cpu_s, scored)
    await store.close()
    return found


def shard_rounds(
    model: ScoringModel, customers: int, count: int, rounds: int, *, live_every_s: int = 0
) -> dict[bool, list[Round]]:
    """Rounds with and without scoring, in alternating order."""
    stream = list(events(customers, count, seed=1))
    policies = {scores: policies_of(scores=scores) for scores in (False, True)}
    if live_every_s:
        stream = _at_full_load(stream)
        churn = policies[True].churn
        assert churn is not None
        policies[True] = structs.replace(policies[True], churn=structs.replace(churn, score_every_s=live_every_s))
    body = list(with_ticks(stream, _LIVE_TICK_MS if live_every_s else _BETWEEN_MS))
    records = {scores: [encode_policies_record(policies[scores], 0), *body] for scores in (False, True)}
    records[True].insert(1, encode_model_record(model, 0))
    found: dict[bool, list[Round]] = {False: [], True: []}
    for number in range(rounds):
        for scores in (False, True) if number % 2 == 0 else (True, False):
            with TemporaryDirectory(dir=".", prefix=".bench-") as directory:
                path = Path(directory) / "state.sqlite3"
                found[scores].append(asyncio.run(shard_round(path, customers, records[scores])))
    return found


def _at_full_load(stream: list[FeedEvent]) -> list[FeedEvent]:
    """The same events in the same order, so many in each second."""
    first = stream[0].occurred_at
    step = timedelta(seconds=1) / _LIVE_EVENTS_PER_S
    return [structs.replace(event, occurred_at=first + number * step) for number, event in enumerate(stream)]


def _ratio(rounds: dict[bool, list[Round]], part: Callable[[Round], float]) -> float:
    """What scoring leaves of the rate, round by round; by CPU time it can be told on a busy machine too."""
    pairs = zip(rounds[False], rounds[True], strict=True)
    return statistics.median(part(without) / part(scored) for without, scored in pairs)


def learner_rate(bank: ScoredBank, *, forest: bool) -> float:
    """Records a second."""
    with TemporaryDirectory(dir=".", prefix=".bench-") as directory:
        started_s = time.perf_counter()
        learnt_model(Path(directory), bank.examples, forest=forest)
        return len(bank.examples) / (time.perf_counter() - started_s)


def _summary(name: str, rounds: dict[bool, list[Round]], count: int, console: Console) -> dict[str, float]:
    """A table of the rounds, and what the line of JSON says of them."""
    an_event = rounds[True][0].scored / count
    rates = {scores: count / statistics.median(one.seconds for one in each) for scores, each in rounds.items()}
    cpu_us = {scores: statistics.median(one.cpu_s for one in each) / count * 1e6 for scores, each in rounds.items()}
    ratio, cpu_ratio = _ratio(rounds, lambda one: one.seconds), _ratio(rounds, lambda one: one.cpu_s)
    table = Table("a shard on SQLite", "events/s, median", "µs of CPU an event", title=f"Shard, {name}", box=None)
    table.add_row("not scoring", f"{rates[False]:,.0f}", f"{cpu_us[False]:.1f}")
    table.add_row(f"{an_event:.2f} scorings an event", f"{rates[True]:,.0f}", f"{cpu_us[True]:.1f}")
    table.add_row("of the rate without", f"{ratio:.2f}", f"{cpu_ratio:.2f}")
    console.print(table)
    return {
        "events_per_s": round(rates[False]),
        "events_per_s_scored": round(rates[True]),
        "scored_ratio": round(ratio, 2),
        "scored_ratio_cpu": round(cpu_ratio, 2),
        "scorings_an_event": round(an_event, 2),
    }


def main() -> None:
    """Measure, print the tables, end with the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000, help="customers in the store of the shard")
    parser.add_argument("--events", type=int, default=50_000, help="events of a round of the shard")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the shard, each with and without scoring")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    console = Console()
    console.print("[dim]a bank that is simulated, scored and learnt from ...[/]")
    bank = scored_bank(_CUSTOMERS, _PAST_DAYS, _MORE_DAYS)
    tune_garbage_collection()
    console.print("[dim]ticks ...[/]")
    costs = tick_costs(bank)
    console.print("[dim]a shard with and without scoring ...[/]")
    rounds = shard_rounds(bank.model, options.customers, options.events, options.rounds)
    console.print("[dim]... as it is live at full load ...[/]")
    live_count = 4 * options.events
    live = {
        every_s: shard_rounds(bank.model, _LIVE_CUSTOMERS, live_count, options.rounds, live_every_s=every_s)
        for every_s in (_SHIPPED_EVERY_S, 1)
    }
    console.print("[dim]the learner ...[/]")
    learner = {name: learner_rate(bank, forest=forest) for name, forest in (("alone", False), ("forest", True))}

    table = Table("customers in the tick", "µs a customer, median", "best", "of ticks", title="Scoring", box=None)
    for size, taken_us in costs.items():
        table.add_row(f"{size:,}", f"{statistics.median(taken_us):.1f}", f"{min(taken_us):.1f}", f"{len(taken_us):,}")
    console.print(table)
    squeezed = _summary("a month squeezed into seconds", rounds, options.events, console)
    at_full_load = {
        str(every_s): _summary(f"live at full load, score_every_s {every_s}", each, live_count, console)
        for every_s, each in live.items()
    }
    console.print(f"Learner: {learner['alone']:,.0f} records/s, {learner['forest']:,.0f} with the forest")
    print(
        json.dumps(
            {
                "score_us_a_customer": {str(size): round(statistics.median(each), 1) for size, each in costs.items()},
                "squeezed": squeezed,
                "live": at_full_load,
                "learner_records_per_s": round(learner["alone"]),
                "learner_records_per_s_with_forest": round(learner["forest"]),
                "model": bank.model.version,
            }
        )
    )


if __name__ == "__main__":
    main()
