"""What is counted of a customer, by durable code: codes are stored, so none is ever reused for something else.

A code fits into a byte: the aggregate keeps the codes that it has counted in one string of bytes, and their cells,
packed, in another.
"""

from struct import Struct
from typing import Final

from models.customer import Customer
from models.decay import Cell, Weights, rebased

MONEY_IN: Final = 2
"""External money in, cents."""
MONEY_OUT: Final = 3
"""External money out, cents."""
OWN_IN: Final = 4
"""Own-account moves, the bank's own postings, payroll and maturities coming in, cents."""
OWN_OUT: Final = 5
"""The same going out, cents."""
LOGIN: Final = 10
LOGIN_FAILED: Final = 11
PAGE_VIEW: Final = 12
CONTACT_IN: Final = 13
CONTACT_OUT: Final = 14
CONTACT_ABANDONED: Final = 15
COMPLAINT: Final = 16

TRANSACTION_KINDS: Final[dict[str, int]] = {
    "transfer": 20,
    "card": 21,
    "cash": 22,
    "payroll": 23,
    "bill": 24,
    "fee": 25,
    "interest": 26,
    "loan": 27,
    "investment": 28,
    "insurance": 29,
    "other": 30,
}
"""One counter for each kind of transaction."""


NAMES: Final[dict[str, int]] = {
    "money in": MONEY_IN,
    "money out": MONEY_OUT,
    "own or bank, in": OWN_IN,
    "own or bank, out": OWN_OUT,
    **{f"transactions: {kind}": code for kind, code in TRANSACTION_KINDS.items()},
    "logins": LOGIN,
    "failed logins": LOGIN_FAILED,
    "page views": PAGE_VIEW,
    "contacts by the customer": CONTACT_IN,
    "contacts abandoned": CONTACT_ABANDONED,
    "contacts by the bank": CONTACT_OUT,
    "complaints": COMPLAINT,
}
"""Every counter, in words."""
MONEY: Final = frozenset({MONEY_IN, MONEY_OUT, OWN_IN, OWN_OUT})
"""Counters in cents; the others count events."""
_ACTIVITIES: Final = frozenset({LOGIN, PAGE_VIEW, CONTACT_IN}) | {
    code for kind, code in TRANSACTION_KINDS.items() if kind not in ("fee", "interest")
}
_CELL: Final = Struct("<3d")
"""A cell as it is packed: three little-endian doubles. Packed, a counter costs 25 bytes and is never decoded whole."""


def count(customer: Customer, code: int, by: Weights, amount: float = 1.0) -> None:
    """Add `amount` at the time whose `models.decay.weights` are `by`."""
    place = customer.counted.find(code)
    if place < 0:
        customer.counted += bytes((code,))
        customer.cells += _CELL.pack(amount * by[0], amount * by[1], amount * by[2])
        return
    place *= _CELL.size
    cells = customer.cells
    by_7, by_30, by_90 = _CELL.unpack_from(cells, place)
    _CELL.pack_into(cells, place, by_7 + amount * by[0], by_30 + amount * by[1], by_90 + amount * by[2])


def cell(customer: Customer, code: int) -> Cell | None:
    """The decayed sums of one counter; None when nothing was ever counted."""
    place = customer.counted.find(code)
    return None if place < 0 else list(_CELL.unpack_from(customer.cells, place * _CELL.size))


def activity(customer: Customer) -> Cell:
    """Decayed count of whatever the customer did: transactions, logins, page views, inbound contacts."""
    total = [0.0, 0.0, 0.0]
    for code, cell in zip(customer.counted, _CELL.iter_unpack(customer.cells), strict=True):
        if code in _ACTIVITIES:
            total[0] += cell[0]
            total[1] += cell[1]
            total[2] += cell[2]
    return total


def move_landmark(customer: Customer, at_ms: int) -> None:
    """Express every cell relative to `at_ms`, before weights grow out of a float's range."""
    cells = list(_CELL.iter_unpack(customer.cells))
    customer.cells = bytearray().join(_CELL.pack(*rebased(list(cell), customer.landmark_ms, at_ms)) for cell in cells)
    for inquiry in customer.inquiries.values():
        inquiry.cell = rebased(inquiry.cell, customer.landmark_ms, at_ms)
    customer.landmark_ms = at_ms
