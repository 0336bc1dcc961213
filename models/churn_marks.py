"""What a customer did, and what was done to them, as marks on a line of time: what a score moves by."""

from enum import StrEnum

from msgspec import Struct

from models.events import (
    AccountClosed,
    AccountOpened,
    Complaint,
    Contact,
    Event,
    Login,
    PageView,
    ProductClosed,
    ProductOpened,
    Transaction,
)
from models.money_flows import is_external, is_own_act
from models.rules import Rules


class Kind(StrEnum):
    """What a mark stands for."""

    MONEY_OUT = "money out"
    MONEY_IN = "money in"
    SALARY = "salary"
    ACT = "own act"
    LOOK = "login or page view"
    FAILED_LOGIN = "failed login"
    CONTACT = "contact"
    ABANDONED = "contact abandoned"
    COMPLAINT = "complaint"
    BROKEN = "promise broken"
    CLOSED = "closed"
    OPENED = "opened"


OWN_ACTS = frozenset({Kind.ACT, Kind.LOOK, Kind.CONTACT, Kind.ABANDONED, Kind.SALARY, Kind.MONEY_OUT, Kind.MONEY_IN})
"""Marks that end a silence."""


class Mark(Struct, frozen=True):
    """One mark; `words` say which (a reason, a product), `cents` how much money in the reporting currency."""

    at_ms: int
    kind: Kind
    words: str = ""
    cents: int = 0


def marks_of(event: Event, at_ms: int, rules: Rules) -> list[Mark]:
    """The marks of one event: none for what the bank posts by itself."""
    match event:
        case Transaction():
            return _money(event, at_ms, rules)
        case Login():
            return [Mark(at_ms, Kind.LOOK if event.succeeded else Kind.FAILED_LOGIN)]
        case PageView():
            return [Mark(at_ms, Kind.LOOK)]
        case Contact(direction="inbound"):
            return [Mark(at_ms, Kind.ABANDONED if event.outcome == "abandoned" else Kind.CONTACT, event.reason)]
        case Complaint(step="received"):
            return [Mark(at_ms, Kind.COMPLAINT, event.business or "")]
        case AccountClosed():
            return [Mark(at_ms, Kind.CLOSED, f"an account (by the {event.initiated_by})")]
        case ProductClosed():
            return [Mark(at_ms, Kind.CLOSED, f"{event.product or 'a product'}{' (matured)' if event.matured else ''}")]
        case AccountOpened():
            return [Mark(at_ms, Kind.OPENED, "an account")]
        case ProductOpened():
            return [Mark(at_ms, Kind.OPENED, event.product)]
    return []


def _money(event: Transaction, at_ms: int, rules: Rules) -> list[Mark]:
    cents = rules.cents(event.amount, event.currency) or 0
    if event.kind == "payroll" and event.direction == "in":
        return [Mark(at_ms, Kind.SALARY, cents=cents)]
    if is_external(event):
        words = "to an own account elsewhere" if event.counterparty == "own_elsewhere" else ""
        return [Mark(at_ms, Kind.MONEY_OUT if event.direction == "out" else Kind.MONEY_IN, words, cents)]
    return [Mark(at_ms, Kind.ACT)] if is_own_act(event) else []
