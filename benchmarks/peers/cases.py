"""What is measured: the full work at two sizes, and the reduced work."""

from collections.abc import Sequence

import msgspec

from benchmarks.peers.contender import Contender
from benchmarks.peers.full_work import FullWork
from benchmarks.peers.oracle import by_key, by_shard
from benchmarks.peers.reduced_work import ReducedWork
from benchmarks.peers.stream import Expected
from benchmarks.peers.streams_made import EPISODE_EVERY, full_stream, month_old, reduced_stream, scored
from benchmarks.peers.trial import Case, prefix
from benchmarks.scored_bank import scored_bank

REDUCED_CUSTOMERS = 10_000
_BANK_CUSTOMERS, _BANK_DAYS = 1_000, 50
"""Of the bank that the model of the scored case is learnt from."""


def full_case(
    customers: int, events: int, extra: int, contenders: Sequence[Contender], episode_every: int = EPISODE_EVERY
) -> Case:
    """`events` that wait in the topic and `extra` ones for what comes after, of customers with a month behind them."""
    stream = full_stream(customers, events + extra, episode_every, steady_from=events)
    main = len(stream) * events // (events + extra)
    seed = month_old(customers)
    marks = {ticks: {prefix(main, c.share) for c in contenders if c.knows_ticks is ticks} for ticks in (False, True)}
    return Case(
        title=f"full work, {customers:,} customers",
        customers=customers,
        stream=stream,
        main=main,
        expected_by_key=by_key(stream, FullWork(), seed, marks[False]) if marks[False] else Expected(),
        expected_by_shard=by_shard(stream, seed, marks[True]) if marks[True] else Expected(),
        seed=seed,
        seeded=True,
    )


def scored_case(plain: Case, contenders: Sequence[Contender]) -> Case:
    """The events, states and times of a full case, by policies that score, with a model that was learnt."""
    stream = scored(plain.stream, scored_bank(_BANK_CUSTOMERS, _BANK_DAYS).model)
    main = plain.main + len(stream) - len(plain.stream)
    marks = {prefix(main, contender.share) for contender in contenders}
    expected = by_shard(stream, plain.seed, marks)
    title = f"{plain.title}, scored {expected.scored / stream.events_between(0, len(stream)):.2f} times an event"
    return msgspec.structs.replace(
        plain, title=title, stream=stream, main=main, expected_by_key=Expected(), expected_by_shard=expected
    )


def reduced_case(events: int, contenders: Sequence[Contender]) -> Case:
    """`events` transactions of customers who are new."""
    stream = reduced_stream(REDUCED_CUSTOMERS, events)
    marks = {prefix(events, contender.share) for contender in contenders}
    expected = by_key(stream, ReducedWork(), _nothing, marks)
    return Case(
        title="reduced work",
        customers=REDUCED_CUSTOMERS,
        stream=stream,
        main=events,
        expected_by_key=expected,
        expected_by_shard=expected,
        seed=_nothing,
        seeded=False,
    )


def _nothing(_key: bytes) -> None:
    return None
