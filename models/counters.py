"""What is counted of a customer, by durable code: codes are stored, so none is ever reused for something else.

A code fits into a byte: the aggregate keeps the codes it has counted in one string of bytes, and their cells in
another, which costs less to keep, encode and decode than a mapping, or than a list of numbers.
"""

from struct import Struct
from typing import Final

from models.customer import Customer
from models.decay import Cell, Weights, rebased
from models.inquiries import inquiries_of, keep_inquiries

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
SLA_BREACH: Final = 17
"""Promises on complaints broken, at the deadline of each."""
DISSATISFIED: Final = 18
"""Callbacks after which the customer was still dissatisfied."""
OWN_ELSEWHERE_OUT: Final = 19
"""Of the external money out, what went to the customer's own accounts at other banks, cents."""

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
    "money out, to own accounts elsewhere": OWN_ELSEWHERE_OUT,
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
    "broken promises on complaints": SLA_BREACH,
    "dissatisfied callbacks": DISSATISFIED,
}
"""Every counter, in words."""
MONEY: Final = frozenset({MONEY_IN, MONEY_OUT, OWN_IN, OWN_OUT, OWN_ELSEWHERE_OUT})
"""Counters in cents; the others count events."""
ACTIVITIES: Final = frozenset({LOGIN, PAGE_VIEW, CONTACT_IN}) | {
    code for kind, code in TRANSACTION_KINDS.items() if kind not in ("fee", "interest")
}
"""Counters of what a customer does."""
_CELL: Final = Struct("<3d")
"""Three sums; the cells of a customer lie one behind the other."""
_BYTES: Final = _CELL.size
_read, _write = _CELL.unpack_from, _CELL.pack_into


def count(customer: Customer, code: int, by: Weights, amount: float = 1.0) -> None:
    """Add `amount` at the time whose `models.decay.weights` are `by`."""
    at = customer.counted.find(code) * _BYTES
    cells = customer.cells
    by_7, by_30, by_90 = by
    if at < 0:
        customer.counted += bytes((code,))
        cells += _CELL.pack(amount * by_7, amount * by_30, amount * by_90)
        return
    in_7, in_30, in_90 = _read(cells, at)
    _write(cells, at, in_7 + amount * by_7, in_30 + amount * by_30, in_90 + amount * by_90)


def cell(customer: Customer, code: int) -> Cell | None:
    """The decayed sums of one counter; None when nothing was ever counted."""
    at = customer.counted.find(code) * _BYTES
    return None if at < 0 else list(_read(customer.cells, at))


def activity(customer: Customer) -> Cell:
    """Decayed count of whatever the customer did: transactions, logins, page views, inbound contacts."""
    total = [0.0, 0.0, 0.0]
    for code, sums in zip(customer.counted, _CELL.iter_unpack(customer.cells), strict=True):
        if code in ACTIVITIES:
            for horizon, worth in enumerate(sums):
                total[horizon] += worth
    return total


def move_landmark(customer: Customer, at_ms: int) -> None:
    """Express every cell relative to `at_ms`, before weights grow out of a float's range."""
    cells = customer.cells
    for at in range(0, len(cells), _BYTES):
        _write(cells, at, *rebased(list(_read(cells, at)), customer.landmark_ms, at_ms))
    inquiries = inquiries_of(customer)
    for inquiry in inquiries.values():
        inquiry.cell = rebased(inquiry.cell, customer.landmark_ms, at_ms)
    keep_inquiries(customer, inquiries)
    customer.landmark_ms = at_ms
