"""The reduced work, which a peer in another language can do byte for byte alike. This is its only definition.

- **Input**: one JSON object a record, as `encode` below makes it: the fields of a transaction. All of them are decoded;
  `occurred_at` and the codes stay text.
- **State** of a customer: 60 doubles, little-endian, 480 bytes; all zero for a customer never seen before.
  Slot 0 counts the customer's transactions. Of every transaction, slot 1 takes the sum of the amounts, slot 2 of their
  squares, slot 3 the largest amount, slot 4 the latest balance. Slots 5 to 18 take the sum of amounts by kind (its
  place in `KINDS`) and direction, at 5 + 2 * place + (0 out, 1 in). Slots 19 to 42 take the sum of amounts by hour, at
  19 + the two digits behind the T of `occurred_at`. Slots 43 to 47 take the sum of amounts by counterparty (its place
  in `COUNTERPARTIES`); the others stay zero, so that the state has its size.
- **Output**: at every 200th transaction of a customer, one record keyed by the customer: `{"customer_id": ...,
  "events": ...}`. So that outputs come evenly from the beginning on, it is the transaction at which (count + the CRC-32
  of the customer's id) is a multiple of 200.
"""

import zlib
from array import array
from typing import TypeAlias

import msgspec
from msgspec import Struct

from models.events import Transaction

KINDS = ("transfer", "card", "cash", "bill", "payroll", "fee", "other")
COUNTERPARTIES = ("own_account", "own_elsewhere", "person", "merchant", "bank")
SLOTS = 60
STATE_BYTES = SLOTS * 8
OUTPUT_EVERY = 200
_EMPTY = bytes(STATE_BYTES)
Slots: TypeAlias = "array[float]"


class Moved(Struct, frozen=True, gc=False):
    """A transaction as this work reads it."""

    event_id: str
    customer_id: str
    occurred_at: str
    account_id: str
    amount: float
    currency: str
    direction: str
    kind: str
    counterparty: str
    balance_after: float


class Milestone(Struct, frozen=True, gc=False):
    """The output."""

    customer_id: str
    events: int


_decoder = msgspec.json.Decoder(Moved)
_encoder = msgspec.json.Encoder()
_KIND_SLOTS = {
    (kind, direction): 5 + 2 * place + side
    for place, kind in enumerate(KINDS)
    for side, direction in enumerate(("out", "in"))
}
_COUNTERPARTY_SLOTS = {counterparty: 43 + place for place, counterparty in enumerate(COUNTERPARTIES)}


def encode(event: Transaction) -> bytes:
    """The input record of a transaction."""
    assert event.balance_after is not None
    return _encoder.encode(
        Moved(
            event_id=event.event_id,
            customer_id=event.customer_id,
            occurred_at=event.occurred_at.isoformat(),
            account_id=event.account_id,
            amount=event.amount,
            currency=event.currency,
            direction=event.direction,
            kind=event.kind,
            counterparty=event.counterparty,
            balance_after=event.balance_after,
        )
    )


def decode(body: bytes) -> Moved:
    """Inverse of `encode`."""
    return _decoder.decode(body)


def decode_run(bodies: list[bytes]) -> list[Moved]:
    """`decode` for many records at once."""
    return _decoder.decode_lines(b"\n".join(bodies))


def opened(state: bytes | None) -> Slots:
    """The state's slots, to be worked on."""
    slots = array("d")
    slots.frombytes(_EMPTY if state is None else state)
    return slots


def add(slots: Slots, moved: Moved) -> bytes | None:
    """Count one transaction in; the output's body where one is due."""
    amount = moved.amount
    count = slots[0] = slots[0] + 1.0
    slots[1] += amount
    slots[2] += amount * amount
    if amount > slots[3]:
        slots[3] = amount
    slots[4] = moved.balance_after
    slots[_KIND_SLOTS[moved.kind, moved.direction]] += amount
    slots[19 + int(moved.occurred_at[11:13])] += amount
    slots[_COUNTERPARTY_SLOTS[moved.counterparty]] += amount
    if (int(count) + zlib.crc32(moved.customer_id.encode())) % OUTPUT_EVERY:
        return None
    return _encoder.encode(Milestone(moved.customer_id, int(count)))


class ReducedWork:
    """The reduced work, a record at a time."""

    def apply(self, body: bytes, state: bytes | None) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        """The customer's state after the record `body`, and the outputs as (key, body)."""
        moved = _decoder.decode(body)
        slots = opened(state)
        output = add(slots, moved)
        return slots.tobytes(), [] if output is None else [(moved.customer_id.encode(), output)]
