"""A simulated bank that is scored: aggregates as they are after some weeks, and the model that was learnt meanwhile.

Made in memory in some seconds: one shard, a tick each hour, and the learner over what the ledger of labels put out.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from benchmarks.policies import policies_of
from models.context import Output, Stream
from models.customer import Customer, decode_customer, encode_customer
from models.events import FeedEvent, Tick, epoch_ms
from models.scoring_model import ScoringModel
from models.shard import ShardDocuments, ShardFold, ShardState
from streams.cloud_events import cloud_event
from streams.codecs import (
    decode_ledger_run,
    encode_control_record,
    encode_event_record,
    encode_json,
    encode_policies_record,
)
from streams.learner_run import Arrived, LearnerRun
from streams.simulator import SimulationParameters, simulate

TICK_MS = 3_600_000
_LEARNT_AT_ONCE = 2_000


class ScoredBank(Struct, frozen=True):
    """What is left after the first `past_days`, and the `events` of the days behind them.

    `examples` are those that the learner has had, in order; `model` is the last that came of them, a published one.
    """

    customers: list[Customer]
    clock_ms: int
    examples: list[Arrived]
    model: ScoringModel
    events: list[FeedEvent]


def scored_bank(customers: int, past_days: int, more_days: int = 0, seed: int = 1) -> ScoredBank:
    """Simulate, fold and score with the cold model, and learn."""
    parameters = SimulationParameters(customers=customers, days=past_days + more_days, attrition_rate=0.3, seed=seed)
    with simulate(parameters) as bank:
        events = list(bank.events())
    until_ms = epoch_ms(events[0].occurred_at) + past_days * 24 * TICK_MS
    past = [event for event in events if epoch_ms(event.occurred_at) < until_ms]
    fold = ShardFold(ShardState(), ShardDocuments())
    fold.begin({}, [])
    fold.apply_run(decode_ledger_run([encode_policies_record(policies_of(scores=True), 0)]))
    fold.apply_run(decode_ledger_run(list(with_ticks(past))))
    examples = [output for output in fold.take().outputs if output.stream is Stream.EXAMPLES]
    arrived = [Arrived(0, number, _body(example)) for number, example in enumerate(examples, 1)]
    with TemporaryDirectory(dir=".", prefix=".bench-") as directory:
        model = learnt_model(Path(directory), arrived)
    there = [decode_customer(encode_customer(customer)) for customer in fold.customers.values()]
    return ScoredBank(there, fold.state.clock_ms, arrived, model, events[len(past) :])


def with_ticks(events: list[FeedEvent], tick_ms: int = TICK_MS) -> Iterator[bytes]:
    """The records of events that come in order of time, with a tick in front of the first of each `tick_ms`."""
    clock_ms = 0
    for offset, event in enumerate(events):
        at_ms = epoch_ms(event.occurred_at)
        if (now_ms := at_ms - at_ms % tick_ms) > clock_ms:
            clock_ms = now_ms
            yield encode_control_record(Tick(at=datetime.fromtimestamp(now_ms / 1000, UTC)), now_ms)
        yield encode_event_record(event, at_ms, "feed:bench", offset)  # type: ignore[arg-type]


def learnt_model(directory: Path, examples: list[Arrived], *, forest: bool = False) -> ScoringModel:
    """The last model that a learner without a past publishes of `examples`."""
    churn = policies_of(scores=True).churn
    assert churn is not None
    run = LearnerRun(directory, churn.base_rate, forest=forest)
    run.grow_forest()
    published = []
    for start in range(0, len(examples), _LEARNT_AT_ONCE):
        published += run.take("bench", start + _LEARNT_AT_ONCE, examples[start : start + _LEARNT_AT_ONCE])
    run.close()
    assert published, "there are too few examples for a model"
    return published[-1]


def _body(output: Output) -> bytes:
    return encode_json(cloud_event(output))
