"""Straight lines over a stream: what each kind of contender must put out, and the states it must leave.

Two for the full work, because a peer knows no ticks: the fold for each key alone, and the fold of whole shards.
"""

from collections.abc import Callable, Collection

from benchmarks.peers.full_work import FullWork
from benchmarks.peers.reduced_work import ReducedWork
from benchmarks.peers.stream import PARTITIONS, Expected, Stream
from models.context import Stream as OutputStream
from models.customer import Customer, decode_customer, encode_customer
from models.shard import ShardDocuments, ShardFold, ShardState
from streams.cloud_events import cloud_event
from streams.codecs import decode_ledger_run, encode_json

Seed = Callable[[bytes], bytes | None]
"""The state that a customer begins with, by key."""


def by_key(stream: Stream, work: FullWork | ReducedWork, seed: Seed, marks: Collection[int]) -> Expected:
    """What a processor with a state for each key must do; states after each prefix in `marks`."""
    expected = Expected()
    states: dict[bytes, bytes] = {}
    for number, (partition, offset, key, body) in enumerate(stream.in_order(len(stream))):
        if number in marks:
            expected.states[number] = {key: hash(state) for key, state in states.items()}
        before = states.get(key)
        state, outputs = work.apply(body, seed(key) if before is None else before)
        if state is not None:
            states[key] = state
        for _, output in outputs:
            expected.outputs[output] = (partition, offset)
    if len(stream) in marks:
        expected.states[len(stream)] = {key: hash(state) for key, state in states.items()}
    return expected


def by_shard(stream: Stream, seed: Seed, marks: Collection[int]) -> Expected:
    """What we must do: ticks fire deadlines, and where the policies score customers, those who are due are scored."""
    expected = Expected()
    shards = [ShardFold(ShardState(), ShardDocuments()) for _ in range(PARTITIONS)]
    customers: dict[str, Customer] = {}
    for fold in shards:
        fold.begin(customers, [])
    for number, (partition, offset, key, body) in enumerate(stream.in_order(len(stream))):
        if number in marks:
            expected.states[number] = _hashes(customers)
        (record,) = decode_ledger_run((body,))
        fold = shards[partition]
        if record.source and key.decode() not in customers:
            state = seed(key)
            if state is not None:
                customers[key.decode()] = decode_customer(state)
        fold.apply(record)
        if fold.ctx is not None and (fold.ctx.outputs or fold.ctx.scored):
            results = fold.take()
            expected.scored += results.scored
            for output in results.outputs:
                if output.stream is not OutputStream.ALERTS:
                    continue
                body = encode_json(cloud_event(output))
                if record.source:
                    expected.outputs[body] = (partition, offset)
                else:
                    expected.timed.add(body)
    if len(stream) in marks:
        expected.states[len(stream)] = _hashes(customers)
    return expected


def _hashes(customers: dict[str, Customer]) -> dict[bytes, int]:
    return {customer_id.encode(): hash(encode_customer(customer)) for customer_id, customer in customers.items()}
