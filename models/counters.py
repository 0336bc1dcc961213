"""What is counted of a customer, by durable code: codes are stored, so none is ever reused for something else."""

from typing import Final

from models.customer import Customer
from models.decay import REBASE_AFTER_MS, Weights, rebased

ACTIVITY: Final = 1
"""Whatever the customer did: transactions but fees and interest, logins, page views, inbound contacts."""
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


def count(customer: Customer, code: int, by: Weights, amount: float = 1.0) -> None:
    """Add `amount` at the time whose `models.decay.weights` are `by`."""
    cell = customer.counters.get(code)
    if cell is None:
        customer.counters[code] = [amount * by[0], amount * by[1], amount * by[2]]
    else:
        cell[0] += amount * by[0]
        cell[1] += amount * by[1]
        cell[2] += amount * by[2]


def keep_landmark_near(customer: Customer, at_ms: int) -> None:
    """Move the landmark of every cell up to `at_ms` before weights grow out of a float's range."""
    if at_ms - customer.landmark_ms <= REBASE_AFTER_MS:
        return
    for code, cell in customer.counters.items():
        customer.counters[code] = rebased(cell, customer.landmark_ms, at_ms)
    for inquiry in customer.inquiries.values():
        inquiry.cell = rebased(inquiry.cell, customer.landmark_ms, at_ms)
    customer.landmark_ms = at_ms
