"""What would lower a customer's score most: acts that somebody could bring about, each tried on a copy of the customer.

An act goes through the fold like an event from the feed, so the score after it is the one that would be told. It says
what the model makes of the act, and not that the act changes anybody's mind.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from models.alerts import instant
from models.churn_explained import score_at
from models.context import FoldContext
from models.customer import Customer, decode_customer, encode_customer
from models.events import Event, Login, ProductOpened, Transaction
from models.fold import fold
from models.pins import Pins
from models.rules import Rules
from models.scoring_model import Scoring

_LEAST = 0.001
"""A score that falls by less has not fallen."""
_ID = "what-if"


class WhatIf(Struct, frozen=True):
    """An act, and the score right after it."""

    words: str
    score: float


def what_would_lower(customer: Customer, at_ms: int, rules: Rules, by: Scoring) -> list[WhatIf]:
    """The acts that lower the score at `at_ms`, the most first; the customer is left alone."""
    now = score_at(customer, at_ms, rules, by)
    found: list[WhatIf] = []
    for words, act in _acts(customer, at_ms, rules):
        copy = decode_customer(encode_customer(customer))
        act(copy, FoldContext(rules, at_ms, Pins(rules, {}, {}), by))
        score = score_at(copy, at_ms, rules, by)
        if now - score >= _LEAST:
            found.append(WhatIf(words, score))
    return sorted(found, key=lambda one: one.score)


_Act = Callable[[Customer, FoldContext], None]


def _acts(customer: Customer, at_ms: int, rules: Rules) -> list[tuple[str, _Act]]:
    at, who, currency = instant(at_ms), customer.customer_id, rules.reporting_currency
    acts: list[tuple[str, _Act]] = [
        (
            "the customer logs in once",
            _event(Login(event_id=_ID, customer_id=who, occurred_at=at, channel=_ID, succeeded=True), at_ms),
        ),
        ("the customer pays by card once", _event(_money(customer, at, 1, "out", "card", currency), at_ms)),
        (
            "the customer takes one more product",
            _event(ProductOpened(event_id=_ID, customer_id=who, occurred_at=at, product_id=_ID, product=_ID), at_ms),
        ),
    ]
    net = customer.flows.net_cents if customer.flows is not None else 0
    if net > 0:
        words = (
            f"the {currency} {net / 100:,.0f} come back that left, net, in the last {rules.outflow_window_days} days"
        )
        acts.append((words, _event(_money(customer, at, net, "in", "transfer", currency), at_ms)))
    if customer.payroll is not None:
        cents = max(customer.payroll.last_cents, 1)
        acts.append(
            (
                f"the salary of {currency} {cents / 100:,.0f} comes",
                _event(_money(customer, at, cents, "in", "payroll", currency), at_ms),
            )
        )
    if customer.cases:
        acts.append(("the open complaints are closed", lambda copy, ctx: copy.cases.clear()))
    return acts


def _event(event: Event, at_ms: int) -> _Act:
    def act(copy: Customer, ctx: FoldContext) -> None:
        fold(copy, event, at_ms, ctx)

    return act


def _money(customer: Customer, at: datetime, cents: int, direction: str, kind: str, currency: str) -> Transaction:
    """Money on the account with the most, whose balance follows."""
    known = [account for account in customer.accounts if account.balance_cents is not None]
    account = max(known, key=lambda one: one.balance_cents or 0, default=None)
    after = None
    if account is not None and account.balance_cents is not None:
        after = (account.balance_cents + (cents if direction == "in" else -cents)) / 100
    return Transaction(
        event_id=_ID,
        customer_id=customer.customer_id,
        occurred_at=at,
        account_id=account.account_id if account is not None else _ID,
        amount=cents / 100,
        currency=currency,
        direction=direction,  # type: ignore[arg-type]
        kind=kind,  # type: ignore[arg-type]
        counterparty="merchant" if kind == "card" else "unknown",
        balance_after=after,
    )
