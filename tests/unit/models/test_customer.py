"""The aggregate survives storage byte for byte, and stays small whatever is thrown at it."""

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import asset_outflow, counters, repeated_inquiry
from models.alerts import instant
from models.case_state import DEPARTED, DEPARTED_BYTES, MAX_CASES, MAX_MILESTONES
from models.churn_state import MAX_DEPARTURES, MAX_OBSERVATIONS, ChurnState, Departure, Observation
from models.customer import (
    AGGREGATE_VERSION,
    BOUNDS,
    MAX_ACCOUNTS,
    MAX_CONTACTS_PER_REASON,
    MAX_FLOW_DAYS,
    MAX_PRODUCTS,
    MAX_REASONS,
    RECENT_EVENT_IDS,
    RECENT_ID_BYTES,
    Customer,
    Flows,
    decode_customer,
    encode_customer,
)
from models.events import Complaint, Event
from models.inquiries import inquiries_of
from models.money_flows import days_of, largest_of
from tests.unit.models.build import (
    KINDS,
    Folded,
    account_opened,
    any_event,
    balance,
    complaint,
    contact,
    into,
    login,
    ms,
    out,
    page_view,
    policies,
    product_opened,
    profile,
)

OF_BEFORE = Path(__file__).resolve().parents[2] / "data" / "aggregates"
TYPICAL_BYTES = 2_000
"""A customer of everyday habits stays below this."""
WORST_BYTES = 390_000
"""Nobody whose ids are ASCII gets above this."""
WORST_UNICODE_BYTES = 1_300_000
"""Nobody gets above this: 128 characters of an id are up to 512 bytes."""


@given(st.lists(any_event(), max_size=60), st.lists(st.integers(0, 90), max_size=3))
def test_storage_is_byte_stable(events: list[Event], ticks: list[int]) -> None:
    """Decoding and encoding again gives the same bytes, after whatever has happened."""
    folded = Folded().see(*events)
    for day in sorted(ticks):
        folded.tick(ms(day))
    if folded.known is None:
        return
    body = encode_customer(folded.customer)
    assert decode_customer(body) == folded.customer
    assert encode_customer(decode_customer(body)) == body


@given(st.lists(any_event(), min_size=1, max_size=60), st.data())
def test_a_stored_customer_goes_on_alike(events: list[Event], data: st.DataObject) -> None:
    """Whether a customer was kept in memory or came back from the store makes no difference to what follows."""
    cut = data.draw(st.integers(1, len(events)))
    kept, stored = Folded().see(*events), Folded().see(*events[:cut])
    stored.known = decode_customer(encode_customer(stored.customer))
    stored.see(*events[cut:])
    assert encode_customer(stored.customer) == encode_customer(kept.customer)
    assert stored.alerts == kept.alerts


@pytest.mark.parametrize("body", [b"\x91\x01", b"\x80", b"\x93\xa1c\xa1x\x00", b"\xc0"])
def test_anything_else_is_refused(body: bytes) -> None:
    """Bytes that are no aggregate are not taken for one."""
    with pytest.raises(msgspec.ValidationError):
        decode_customer(body)


def stored_before(version: int, name: str) -> tuple[bytes, dict[str, Any]]:
    """An aggregate as the build with `version` has stored it, and its fields."""
    stored = base64.b64decode(json.loads((OF_BEFORE / f"version_{version}.json").read_text())[name])
    return stored, dict(zip(Customer.__struct_fields__, msgspec.msgpack.decode(stored), strict=True))


def assert_kept(now: Customer, before: dict[str, Any], otherwise_packed: set[str]) -> None:
    assert {name: value for name, value in msgspec.structs.asdict(now).items() if name not in otherwise_packed} == {
        field.name: msgspec.convert(before[field.name], field.type)
        for field in msgspec.structs.fields(Customer)
        if field.name not in otherwise_packed
    }
    assert now.version == AGGREGATE_VERSION
    assert decode_customer(encode_customer(now)) == now


@pytest.mark.parametrize("name", ["everyday 1", "everyday 2"])
def test_an_aggregate_of_version_1_goes_on_as_one_of_today(name: str) -> None:
    """What the build before packed numbers has stored is read, with every figure, and stored as this one does."""
    stored, before = stored_before(1, name)
    now = decode_customer(stored)
    assert now.flows is not None
    cells = [cell for code in now.counted if (cell := counters.cell(now, code)) is not None]
    assert [total for cell in cells for total in cell] == before["cells"]
    assert len(cells) > 5
    assert msgspec.to_builtins(inquiries_of(now)) == before["inquiries"] != {}
    flows = dict(zip(Flows.__struct_fields__, before["flows"], strict=True))
    assert [part for day in days_of(now.flows) for part in day] == flows["days"] != []
    assert [[one.cents, one.day, one.event_id] for one in largest_of(now.flows)] == flows["largest_ids"] != []
    assert_kept(now, before, {"version", "cells", "inquiries", "flows"})


@pytest.mark.parametrize("name", ["everyday 1", "everyday 2"])
def test_an_aggregate_of_version_2_goes_on_as_one_of_today(name: str) -> None:
    """What the build has stored that kept the ids of the largest outflows as an encoded list is read as well."""
    stored, before = stored_before(2, name)
    now = decode_customer(stored)
    assert now.flows is not None
    flows = dict(zip(Flows.__struct_fields__, before["flows"], strict=True))
    ids = msgspec.msgpack.decode(flows.pop("largest_ids"))
    assert "" in ids
    assert now.flows.largest_ids.split("\n") == [*ids, ""]
    assert [one.event_id for one in largest_of(now.flows)] == [event_id for event_id in ids if event_id]
    assert {name: getattr(now.flows, name) for name in flows} == flows
    assert_kept(now, before, {"version", "flows"})


def test_an_aggregate_of_version_2_without_money_goes_on() -> None:
    """Nothing but the version tells it from one of today."""
    stored, before = stored_before(2, "no money moved")
    assert before["flows"] is None
    assert_kept(decode_customer(stored), before, {"version"})


def test_an_aggregate_of_a_later_version_is_refused() -> None:
    """A worker that has not been brought up to date must not make up what it cannot read."""
    _, before = stored_before(2, "no money moved")
    later = msgspec.msgpack.encode([*(before | {"version": AGGREGATE_VERSION + 1}).values()])
    with pytest.raises(msgspec.ValidationError):
        decode_customer(later)


def assert_bounds(customer: Customer) -> None:
    sizes = {
        "recent event ids": len(customer.recent) // RECENT_ID_BYTES,
        "accounts": len(customer.accounts),
        "products": len(customer.products),
        "contact reasons": len(inquiries_of(customer)),
        "contacts for each reason": max((len(i.times_ms) for i in inquiries_of(customer).values()), default=0),
        "days of flows, and the largest outflow of each": (
            max(len(list(days_of(customer.flows))), len(largest_of(customer.flows))) if customer.flows else 0
        ),
        "alerts open or cooling down": len(customer.alerts),
        "words of feedback on each alert": max((len(state.feedback) for state in customer.alerts), default=0),
        "complaint cases": len(customer.cases),
        "milestones of each case": max((len(case.milestones) for case in customer.cases), default=0),
        "complaint cases that have left, and later steps": len(customer.departed) // DEPARTED_BYTES,
        "observations for the churn score": len(customer.churn.observations) if customer.churn else 0,
        "times at which the customer was gone": len(customer.churn.departures) if customer.churn else 0,
    }
    assert sizes.keys() == BOUNDS.keys()
    assert all(size <= BOUNDS[name] for name, size in sizes.items())
    assert len({(state.rule, state.subject) for state in customer.alerts}) == len(customer.alerts)
    assert {state.subject for state in customer.alerts} - {""} <= inquiries_of(customer).keys()


@given(st.lists(any_event(), max_size=150), st.sampled_from((2, 14, 31)))
def test_every_list_has_its_bound(events: list[Event], window_days: int) -> None:
    """No list outgrows what BOUNDS says of it, and no alert outlives the contacts it stands on."""
    folded = Folded(policies(asset_outflow__window_days=window_days, asset_outflow__sustained_days=1))
    for event in events:
        folded.see(event)
        assert_bounds(folded.customer)


def hostile(fill: str) -> Customer:
    """A customer who fills every field: `fill` is the character that ids and codes consist of."""

    def text(stem: str, length: int) -> str:
        return stem + fill * (length - len(stem))

    days = MAX_FLOW_DAYS
    changes = {"window_days": days, "sustained_days": 1, "cold_floor": 1.0, "cooldown_days": 0}
    folded = Folded(policies(**{f"asset_outflow__{key}": value for key, value in changes.items()}))
    # A profile and the longest lists first, so that what follows has to push something out each time.
    folded.see(profile(ms(0), customer_id=text("", 128), education=text("", 64), adviser=text("", 128)))
    folded.see(profile(ms(0), preferred_channel=text("", 64), opened_at=instant(ms(0)), aum=1e12, tier="potential"))
    folded.see(profile(ms(0), birth_year=1980, income_band=3, risk_rating=2))
    for i in range(2_000):
        folded.see(product_opened(ms(0, i / 1000), text(f"p{i}", 64)))
        folded.see(balance(ms(0, i / 1000), -1e12 + i, text(f"a{i}", 128)))
        folded.see(account_opened(ms(0, i / 1000), text(f"a{i}", 128)))
    for kind in KINDS:
        folded.see(into(ms(0, 3), 1e12, kind=kind), out(ms(0, 3), 1e12, kind=kind))
    folded.see(complaint(ms(0, 3), "received"), login(ms(0, 3)), login(ms(0, 3), succeeded=False), page_view(ms(0, 3)))
    folded.see(contact(ms(0, 3), text("r", 64), direction="outbound"))
    folded.see(into(ms(0, 4), 5_000, kind="payroll"), into(ms(0.3 + 20), 5_000, kind="payroll"))
    folded.see(out(ms(1), 1e12, currency="XXX"))
    for day in range(days * 2):
        for i in range(20):
            event_id = text(f"{day}-{i}-", 128)
            folded.see(out(ms(day, i / 10), 1e12, event_id=event_id, currency="GBP", account_id=text("a1999", 128)))
            folded.see(into(ms(day, i / 10), 1, currency="GBP", account_id=text("a1999", 128)))
    last = days * 2 - 1
    for i in range(3_000):
        reason = text(f"r{i % 400}-", 64)
        folded.see(contact(ms(last, i / 1000), reason, event_id=text(f"k{i}-", 128), outcome="abandoned"))
    for i in range(MAX_REASONS * 20):
        reason = text(f"r{388 + i % MAX_REASONS}-", 64)
        folded.see(contact(ms(last, 5 + i / 1000), reason, event_id=text(f"l{i}-", 128), outcome="abandoned"))
    folded.known = hostile_cases(folded, text)
    folded.customer.churn = ChurnState(
        departures=[Departure(ms(day), "closed_by_bank", ms(day)) for day in range(MAX_DEPARTURES)],
        observations=[Observation(ms(day), ms(day + 30), "closed_by_bank", 2) for day in range(MAX_OBSERVATIONS)],
    )
    return folded.customer


def hostile_cases(folded: Folded, text: Callable[[str, int], str]) -> Customer:
    """More cases than there is room for, with more steps, each of which says all it can; reopened again and again."""
    for case in range(MAX_CASES + DEPARTED):
        for i in range(MAX_MILESTONES * 2):
            folded.see(
                Complaint(
                    event_id=text(f"c{case}-{i}-", 128),
                    customer_id="c1",
                    occurred_at=instant(ms(0, i / 1000)),
                    case_id=text(f"case{case}-", 128),
                    step=("received", "closed", "reopened", text("s", 64))[i % 4],
                    business=text(f"b{i}-", 64),
                    cause=text(f"c{i}-", 64),
                    channel=text(f"h{i}-", 64),
                    priority=text(f"p{i}-", 64),
                    responsibility="third_party",
                    satisfied=False,
                    region=text(f"r{i}-", 64),
                    actions=[text(f"{n}-{i}-", 64) for n in range(8)],
                    extension=text(f"e{i}-", 64),
                )
            )
    return folded.customer


@pytest.mark.parametrize(("fill", "limit"), [("x", WORST_BYTES), ("\U0001f4b8", WORST_UNICODE_BYTES)])
def test_a_hostile_customer_stays_small(fill: str, limit: int) -> None:
    """Thousands of accounts, products, reasons and the longest ids do not outgrow the documented limit."""
    customer = hostile(fill)
    assert_bounds(customer)
    flows = customer.flows
    assert flows is not None
    full = (len(customer.accounts), len(customer.products), len(inquiries_of(customer)), len(largest_of(flows)))
    assert full == (MAX_ACCOUNTS, MAX_PRODUCTS, MAX_REASONS, MAX_FLOW_DAYS)
    assert len(list(days_of(flows))) == MAX_FLOW_DAYS
    assert all(len(inquiry.event_ids) == MAX_CONTACTS_PER_REASON for inquiry in inquiries_of(customer).values())
    assert len(customer.recent) == RECENT_EVENT_IDS * RECENT_ID_BYTES
    assert [state.rule for state in customer.alerts].count(repeated_inquiry.RULE) == MAX_REASONS
    assert [state.rule for state in customer.alerts].count(asset_outflow.RULE) == 1
    size = len(encode_customer(customer))
    assert limit * 0.9 < size < limit


def everyday(seed: int) -> Customer:
    """Four months of a customer with two accounts, payroll, daily spending, logins, and a call now and then."""
    draw = random.Random(seed)
    folded = Folded()
    folded.see(profile(ms(0), birth_year=1985, income_band=5, adviser="adviser-17", aum=120_000.0))
    money = 60_000.0
    for day in range(120):
        events: list[Event] = []
        if day % 30 == 9:
            money += 12_000
            events.append(into(ms(day, 9), 12_000, kind="payroll", account_id="acct-000123456-01", balance_after=money))
        for i in range(draw.randrange(4)):
            amount = draw.lognormvariate(4.5, 1.0)
            money -= amount
            kind = draw.choice(("card", "transfer", "bill", "cash"))
            event_id = f"txn-{seed}-{day:03d}-{i}"
            account_id = f"acct-000123456-0{draw.randrange(1, 3)}"
            events.append(
                out(ms(day, 10 + i), amount, kind=kind, event_id=event_id, account_id=account_id, balance_after=money)
            )
        if draw.random() < 0.4:
            events += [login(ms(day, 18)), page_view(ms(day, 18.1)), page_view(ms(day, 18.2))]
        if draw.random() < 0.03:
            events.append(contact(ms(day, 19), draw.choice(("card_block", "fees", "loan")), event_id=f"call-{day:06d}"))
        folded.see(*events)
        folded.tick(ms(day + 1))
    return folded.customer


def test_an_everyday_customer_is_small() -> None:
    """What a million customers cost is decided by the everyday ones."""
    sizes = [len(encode_customer(everyday(seed))) for seed in range(5)]
    assert max(sizes) < TYPICAL_BYTES
