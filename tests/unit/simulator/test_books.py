"""The events are valid, in order, and their books add up."""

from collections import Counter, defaultdict
from itertools import pairwise

import msgspec

from models.events import (
    AccountClosed,
    Event,
    FeedEvent,
    ProductClosed,
    ProductOpened,
    ProfileChanged,
    Transaction,
)
from streams.simulator import Simulation

Lives = dict[str, list[FeedEvent]]


def cents(amount: float | None) -> int:
    assert amount is not None
    return round(amount * 100)


def test_every_event_survives_the_strict_decoder(events: list[FeedEvent]) -> None:
    """Encoded and decoded as the vocabulary's union, every event is itself."""
    decoder = msgspec.json.Decoder(Event, strict=True)
    encoder = msgspec.json.Encoder()
    assert all(decoder.decode(encoder.encode(event)) == event for event in events)


def test_time_order(bank: Simulation, events: list[FeedEvent]) -> None:
    """Events come in time order, within the simulated time."""
    times = [event.occurred_at for event in events]
    assert times == sorted(times)
    assert bank.truth.began_at <= times[0]
    assert times[-1] < bank.truth.ended_at


def test_times_are_local(events: list[FeedEvent]) -> None:
    """Times carry the bank's offset."""
    assert {str(event.occurred_at.tzinfo) for event in events} == {"UTC+08:00"}


def test_event_ids_are_unique(events: list[FeedEvent]) -> None:
    """No event id is given twice."""
    assert len({event.event_id for event in events}) == len(events)


def test_counts_of_the_truth(bank: Simulation, events: list[FeedEvent]) -> None:
    """The truth counts the events by type as they are."""
    assert bank.truth.events_by_type == Counter(str(event.__struct_config__.tag) for event in events)
    assert len(bank.truth.events_by_type) == 10, "every type of the vocabulary occurs"


def test_running_balances(by_customer: Lives) -> None:
    """Each balance is the account's last one with the amount added or taken; none is below zero."""
    for life in by_customer.values():
        balances: dict[str, int] = {}
        for event in life:
            if isinstance(event, Transaction):
                signed = cents(event.amount) * (1 if event.direction == "in" else -1)
                before = balances.get(event.account_id)
                balances[event.account_id] = after = cents(event.balance_after)
                assert after >= 0
                assert before is None or after == before + signed


def test_closed_accounts_are_empty_and_stay_closed(by_customer: Lives) -> None:
    """Nothing is left on an account when it is closed, and nothing is booked on it afterwards."""
    closed_any = False
    for life in by_customer.values():
        balances: dict[str, int] = {}
        closed: set[str] = set()
        for event in life:
            if isinstance(event, Transaction):
                assert event.account_id not in closed
                balances[event.account_id] = cents(event.balance_after)
            elif isinstance(event, AccountClosed):
                assert balances.get(event.account_id, 0) == 0
                closed.add(event.account_id)
                closed_any = True
    assert closed_any


def test_own_account_moves_come_in_pairs(by_customer: Lives) -> None:
    """What leaves one own account arrives on another at the same second."""
    for life in by_customer.values():
        moved: dict[tuple[object, int], int] = defaultdict(int)
        for event in life:
            if isinstance(event, Transaction) and event.counterparty == "own_account":
                moved[event.occurred_at, cents(event.amount)] += 1 if event.direction == "in" else -1
        assert not any(moved.values())


def test_product_money_matches_its_posting(by_customer: Lives) -> None:
    """A product's opening or end is followed by an investment posting of the same amount."""
    seen = Counter[bool]()
    for life in by_customer.values():
        for event, following in pairwise(life):
            if isinstance(event, ProductOpened | ProductClosed) and event.amount is not None:
                assert isinstance(following, Transaction)
                assert following.kind == "investment"
                assert following.amount == event.amount
                seen[isinstance(event, ProductClosed) and event.matured] += 1
    assert min(seen[True], seen[False]) > 10


def test_everybody_is_introduced_first(bank: Simulation, by_customer: Lives) -> None:
    """The first events of a life state the profile, with the tier that fits the assets."""
    thresholds = {"core": (500_000.0, 1e12), "potential": (50_000.0, 500_000.0), "basic": (0.0, 50_000.0)}
    assert len(by_customer) == bank.truth.parameters.customers
    for life in by_customer.values():
        profile = next(event for event in life[:3] if isinstance(event, ProfileChanged))
        assert profile.tier is not None
        assert profile.aum is not None
        assert profile.birth_year is not None
        assert profile.opened_at is not None
        assert profile.opened_at.year - profile.birth_year >= 16
        low, high = thresholds[profile.tier]
        assert low <= profile.aum < high
