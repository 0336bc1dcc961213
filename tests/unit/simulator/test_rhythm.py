"""The weekly, daily and monthly rhythm and the heavy tails can be seen in the events."""

from collections import Counter
from datetime import timedelta
from statistics import mean, median

from models.events import Contact, FeedEvent, Login, PageView, Transaction
from streams.simulator import Simulation

Lives = dict[str, list[FeedEvent]]


def transactions(events: list[FeedEvent], kind: str) -> list[Transaction]:
    return [event for event in events if isinstance(event, Transaction) and event.kind == kind]


def inbound_calls(events: list[FeedEvent]) -> list[Contact]:
    contacts = [event for event in events if isinstance(event, Contact)]
    return [event for event in contacts if event.direction == "inbound" and event.channel == "phone"]


def test_weekend_card_spending(events: list[FeedEvent]) -> None:
    """A weekend day sees at least 1.3 times the card payments of a working day."""
    days = Counter(event.occurred_at.weekday() for event in transactions(events, "card"))
    assert (days[5] + days[6]) / 2 > 1.3 * sum(days[day] for day in range(5)) / 5


def test_payroll_comes_on_pay_days(events: list[FeedEvent]) -> None:
    """Payroll comes on the pay days of the month, or on the Friday before when that is a weekend."""
    paydays = {5, 8, 10, 15, 20, 25, 28}
    payrolls = transactions(events, "payroll")
    shifted = 0
    for event in payrolls:
        day = event.occurred_at
        assert day.weekday() < 5
        if day.day not in paydays:
            assert day.weekday() == 4
            assert paydays & {(day + timedelta(days=1)).day, (day + timedelta(days=2)).day}
            shifted += 1
    assert 0 < shifted < len(payrolls) / 2


def test_bills_at_month_start(events: list[FeedEvent]) -> None:
    """All bills come within the first nine days of the month."""
    assert {event.occurred_at.day for event in transactions(events, "bill")} <= set(range(1, 10))


def test_calls_in_working_hours_logins_in_the_evening(events: list[FeedEvent]) -> None:
    """Most calls come from eight to six on weekdays; more logins from six to midnight than from six to noon."""
    calls = inbound_calls(events)
    assert mean(8 <= call.occurred_at.hour < 18 and call.occurred_at.weekday() < 5 for call in calls) > 0.8
    hours = Counter(event.occurred_at.hour // 6 for event in events if isinstance(event, Login))
    assert hours[3] > 1.5 * hours[1]


def test_queues_are_longer_on_monday_mornings(events: list[FeedEvent]) -> None:
    """The usual wait on a Monday morning is at least twice that of other times."""
    waits: dict[bool, list[float]] = {True: [], False: []}
    for call in inbound_calls(events):
        waits[call.occurred_at.weekday() == 0 and 8 <= call.occurred_at.hour < 12].append(call.queued_s)
    assert median(waits[True]) > 2 * median(waits[False])


def test_abandoned_calls_and_call_backs(events: list[FeedEvent]) -> None:
    """Some calls are abandoned, and some of those called back for the same reason on the same or the next day."""
    contacts = [event for event in events if isinstance(event, Contact)]
    abandoned = [event for event in contacts if event.outcome == "abandoned"]
    back = [event for event in contacts if event.purpose == "call_back"]
    assert 0.02 < len(abandoned) / len(inbound_calls(events)) < 0.4
    assert back
    for event in back:
        assert any(
            first.customer_id == event.customer_id
            and first.reason == event.reason
            and timedelta() < event.occurred_at - first.occurred_at < timedelta(days=1)
            for first in abandoned
        )


def test_several_views_a_login_and_some_failures(events: list[FeedEvent]) -> None:
    """A visit looks at several pages; a few logins fail."""
    logins = [event for event in events if isinstance(event, Login)]
    views = sum(isinstance(event, PageView) for event in events)
    assert 2 < views / len(logins) < 4
    assert 0.01 < mean(not login.succeeded for login in logins) < 0.1


def test_a_few_customers_make_most_of_it(by_customer: Lives) -> None:
    """The busiest tenth of the customers holds more than 30 % of the transactions."""
    counts = sorted(
        (sum(isinstance(event, Transaction) for event in life) for life in by_customer.values()), reverse=True
    )
    assert sum(counts[: len(counts) // 10]) > 0.30 * sum(counts)


def test_amounts_have_a_heavy_tail(events: list[FeedEvent]) -> None:
    """The mean card payment is well above the median."""
    amounts = [event.amount for event in transactions(events, "card")]
    assert mean(amounts) > 1.7 * median(amounts)


def test_the_bank_books_even_for_the_silent(bank: Simulation, by_customer: Lives) -> None:
    """Fees and interest go on after a customer has fallen silent."""
    silent = [attriter for attriter in bank.truth.attriters if attriter.ending == "silent" and attriter.attrited_at]
    booked = sum(
        isinstance(event, Transaction) and event.kind in ("fee", "interest")
        for attriter in silent
        for event in by_customer[attriter.customer_id]
        if attriter.attrited_at and event.occurred_at > attriter.attrited_at
    )
    assert booked > 0


def test_volume(bank: Simulation) -> None:
    """A customer makes about 150 to 300 events in 120 days."""
    assert 150 < bank.event_count / bank.truth.parameters.customers < 300
