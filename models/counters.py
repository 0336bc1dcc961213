"""What is counted of a customer, by durable code: codes are stored, so none is ever reused for something else.

A code fits into a byte: the aggregate keeps the codes it has counted in one string of bytes, and their cells in one
flat list, which costs less to keep, encode and decode than a mapping.
"""

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
_SUMS: Final = 3
"""Sums of one cell; the cells of a customer lie one behind the other in one list."""


def count(customer: Customer, code: int, by: Weights, amount: float = 1.0) -> None:
    """Add `amount` at the time whose `models.decay.weights` are `by`."""
    at = customer.counted.find(code) * _SUMS
    cells = customer.cells
    by_7, by_30, by_90 = by
    if at < 0:
        customer.counted += bytes((code,))
        cells += (amount * by_7, amount * by_30, amount * by_90)
        return
    cells[at] += amount * by_7
    cells[at + 1] += amount * by_30
    cells[at + 2] += amount * by_90


def cell(customer: Customer, code: int) -> Cell | None:
    """The decayed sums of one counter; None when nothing was ever counted."""
    at = customer.counted.find(code) * _SUMS
    return None if at < 0 else customer.cells[at : at + _SUMS]


def activity(customer: Customer) -> Cell:
    """Decayed count of whatever the customer did: transactions, logins, page views, inbound contacts."""
    total = [0.0, 0.0, 0.0]
    for place, code in enumerate(customer.counted):
        if code in ACTIVITIES:
            for horizon in range(_SUMS):
                total[horizon] += customer.cells[place * _SUMS + horizon]
    return total


def move_landmark(customer: Customer, at_ms: int) -> None:
    """Express every cell relative to `at_ms`, before weights grow out of a float's range."""
    cells = customer.cells
    for at in range(0, len(cells), _SUMS):
        cells[at : at + _SUMS] = rebased(cells[at : at + _SUMS], customer.landmark_ms, at_ms)
    for inquiry in customer.inquiries.values():
        inquiry.cell = rebased(inquiry.cell, customer.landmark_ms, at_ms)
    customer.landmark_ms = at_ms
