"""The churn score of one customer of an embedded run: why it is what it is, and how it came about.

The history is not read from what was told but lived again from the ledger (`streams.churn_replay`), and checked: at the
end the aggregate must be the one in the store, byte for byte. Where it is not, `is_same` is false, and what is shown is
what the ledger says.
"""

from pathlib import Path

from msgspec import Struct

from models.churn_explained import Explained, explain
from models.churn_moves import Move, moves_of
from models.churn_tick import is_known
from models.churn_what_if import WhatIf, what_would_lower
from models.customer import Customer, encode_customer
from models.rules import Rules
from models.scoring_model import ScoringModel
from streams.churn_replay import Life, Replay, model_in_force, records_of, sorted_marks
from streams.ledger import EmbeddedLedger
from streams.names import LEDGER_FILE, STATE_FILE
from streams.sharding import shard_of
from streams.stores.sqlite import SqliteStore


class Story(Struct):
    """Everything that is known of one customer's score as of `clock_ms`, the time of the shard.

    `explained` is None for who is not scored: gone, not known for long enough, or there is no policy for it.
    """

    customer: Customer
    rules: Rules
    clock_ms: int
    model: ScoringModel
    explained: Explained | None
    what_if: list[WhatIf]
    life: Life
    moves: list[Move]
    is_same: bool


async def churn_story(data: Path, customer_id: str) -> Story | None:
    """The story of a customer, None for one who has never been seen; reads the shard's whole ledger."""
    ledger, store = EmbeddedLedger(data / LEDGER_FILE), SqliteStore(data / STATE_FILE)
    try:
        shard = shard_of(customer_id, ledger.shards)
        while True:
            position = (await store.open_shard(shard)).position
            (body,) = await store.load(shard, [customer_id])
            if (await store.open_shard(shard)).position == position:
                break  # no run has committed in between
        if body is None:
            return None
        replay = Replay(customer_id)
        for records in records_of(ledger, shard, customer_id, position):
            replay.take(records)
        replay.finish()
    finally:
        await store.close()
        ledger.close()
    return _told(replay, body)


def _told(replay: Replay, stored: bytes) -> Story | None:
    customer, ctx, life = replay.customer, replay.fold.ctx, replay.life
    if customer is None or ctx is None:
        return None
    rules, clock_ms, model = ctx.rules, ctx.clock_ms, model_in_force(replay.fold)
    churn, explained, what_if, moves = rules.churn, None, [], []
    is_same = encode_customer(customer) == stored
    life.marks = sorted_marks(life.marks)
    if churn is not None:
        moves = moves_of(life.told, life.held, life.marks, churn, rules)
        if is_known(customer, clock_ms, churn) and not (customer.churn is not None and customer.churn.gone_ms):
            explained = explain(customer, clock_ms, rules, churn, model, ctx.scoring)
            what_if = what_would_lower(customer, clock_ms, rules, ctx.scoring)
    return Story(customer, rules, clock_ms, model, explained, what_if, life, moves, is_same)
