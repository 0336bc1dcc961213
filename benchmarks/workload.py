"""The event mix that the benchmarks run on: seeded, uniform over the customers, which is the hardest for a cache."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from models.events import Contact, FeedEvent, Login, PageView, ProfileChanged, Transaction

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 30
_KINDS = ("transfer", "card", "card", "card", "cash", "bill", "payroll")
_REASONS = ("card", "loan", "fees", "limit")


def events(customers: int, count: int, seed: int) -> Iterator[FeedEvent]:
    """`count` events of `customers` customers over `DAYS` days, in time order.

    60 % transactions with a balance, 18 % page views, 14 % logins, 7 % inbound contacts, 1 % profiles.
    """
    draw = random.Random(seed)
    for number in range(count):
        customer = f"C{draw.randrange(customers):07d}"
        at = START + timedelta(seconds=number * DAYS * 86_400 / count)
        yield _event(draw, f"E-{number:09d}", customer, at)


def _event(draw: random.Random, event_id: str, customer: str, at: datetime) -> FeedEvent:
    choice = draw.random()
    if choice < 0.60:
        kind = draw.choice(_KINDS)
        return Transaction(
            event_id=event_id,
            customer_id=customer,
            occurred_at=at,
            account_id=f"A-{customer}-1",
            amount=round(draw.lognormvariate(4.5, 1.3) + 0.01, 2),
            currency="CNY",
            direction="in" if kind == "payroll" or draw.random() < 0.2 else "out",
            kind=kind,  # type: ignore[arg-type]
            counterparty="merchant" if kind == "card" else "person",
            balance_after=round(draw.lognormvariate(9, 1), 2),
        )
    if choice < 0.78:
        return PageView(event_id=event_id, customer_id=customer, occurred_at=at, page=f"P{draw.randrange(29)}")
    if choice < 0.92:
        return Login(event_id=event_id, customer_id=customer, occurred_at=at, channel="app", succeeded=True)
    if choice < 0.99:
        return Contact(
            event_id=event_id,
            customer_id=customer,
            occurred_at=at,
            call_id=event_id,
            direction="inbound",
            channel="phone",
            reason=draw.choice(_REASONS),
            outcome="answered",
        )
    return ProfileChanged(
        event_id=event_id,
        customer_id=customer,
        occurred_at=at,
        birth_year=1980,
        aum=round(draw.lognormvariate(10, 1), 2),
    )
