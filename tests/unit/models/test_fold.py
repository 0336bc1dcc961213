"""What one event does to one customer, whenever and in whatever order it arrives."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import counters
from models.alerts import instant
from models.context import Reason
from models.customer import MAX_ACCOUNTS, MAX_PRODUCTS, RECENT_EVENT_IDS, RECENT_ID_BYTES, encode_customer
from models.decay import value
from models.events import Event, Tier
from models.fold import fold
from models.inquiries import inquiries_of
from models.money_flows import days_of, largest_of
from tests.unit.models.build import (
    KINDS,
    Folded,
    account_closed,
    account_opened,
    any_event,
    balance,
    cells,
    complaint,
    contact,
    into,
    login,
    ms,
    out,
    page_view,
    policies,
    product_closed,
    product_opened,
    profile,
)

# --- duplicates ------------------------------------------------------------------------------------


@given(st.lists(any_event(), min_size=1, max_size=40), st.data())
def test_a_duplicate_changes_nothing(events: list[Event], data: st.DataObject) -> None:
    """An event whose id was seen lately leaves the customer, the outputs and the decisions alone."""
    folded = Folded().see(*events)
    again = data.draw(st.sampled_from(events))
    before = encode_customer(folded.customer)
    outputs, decisions = len(folded.ctx.outputs), dict(folded.ctx.decisions)
    assert fold(folded.customer, again, ms(0), folded.ctx) is None
    assert encode_customer(folded.customer) == before
    assert (len(folded.ctx.outputs), folded.ctx.decisions) == (outputs, decisions)


def test_the_ring_forgets_the_oldest_id() -> None:
    """Exactly the latest ids are remembered: the one before them counts again."""
    folded = Folded().see(*(login(ms(0), event_id=f"e{i}") for i in range(RECENT_EVENT_IDS)))
    assert fold(folded.customer, login(ms(0), event_id="e0"), ms(0), folded.ctx) is None
    folded.see(login(ms(0), event_id="one more"))
    assert fold(folded.customer, login(ms(0), event_id="e1"), ms(0), folded.ctx) is None
    assert fold(folded.customer, login(ms(0), event_id="e0"), ms(0), folded.ctx) is not None
    assert len(folded.customer.recent) == RECENT_EVENT_IDS * RECENT_ID_BYTES


@pytest.mark.parametrize("event", [contact(ms(1), "card", event_id="e"), out(ms(1), 900, event_id="e")])
def test_evidence_is_known_however_late_it_comes_again(event: Event) -> None:
    """The ring has forgotten the id, but a rule counts the event still: it is not one more call, nor more money."""
    folded = Folded().see(event, *(login(ms(1)) for _ in range(2 * RECENT_EVENT_IDS)))
    for later in (page_view(ms(1)), out(ms(2), 10), contact(ms(2), "card")):
        folded.see(later)
        before = encode_customer(folded.customer)
        assert fold(folded.customer, event, ms(1), folded.ctx) is None
        assert encode_customer(folded.customer) == before


def test_another_event_is_no_evidence() -> None:
    """Of the same reason or day, but under an id of its own; or under that id, but on another day."""
    folded = Folded().see(contact(ms(1), "card", event_id="a"), out(ms(1), 900, event_id="b"))
    folded.see(*(login(ms(1)) for _ in range(2 * RECENT_EVENT_IDS)))
    for event, at_ms in (
        (contact(ms(1), "card", event_id="c"), ms(1)),
        (contact(ms(1), "loan", event_id="a"), ms(1)),
        (out(ms(1), 900, event_id="d"), ms(1)),
        (out(ms(0), 900, event_id="b"), ms(0)),
    ):
        assert fold(folded.customer, event, at_ms, folded.ctx) is not None


@pytest.mark.parametrize("shift", range(1, RECENT_ID_BYTES))
def test_an_id_across_two_ids_is_no_duplicate(shift: int) -> None:
    """The end of one remembered id and the beginning of the next are not an id; a true one behind it is found."""
    digest = hashlib.blake2b(b"new", digest_size=RECENT_ID_BYTES).digest()
    across = b"\0" * shift + digest + b"\1" * (RECENT_ID_BYTES - shift)
    folded = Folded().see(login(ms(0)))
    folded.customer.recent = across
    assert fold(folded.customer, login(ms(0), event_id="new"), ms(0), folded.ctx) is not None
    folded.customer.recent = across + digest
    assert fold(folded.customer, login(ms(0), event_id="new"), ms(0), folded.ctx) is None


# --- time ------------------------------------------------------------------------------------------


def test_a_late_event_counts_at_its_own_time() -> None:
    """What happened earlier weighs less, whenever it is heard of."""
    folded = Folded().see(login(ms(30)), login(ms(0)))
    by_30 = value(cells(folded.customer)[counters.LOGIN], ms(30), folded.customer.landmark_ms)[1]
    assert by_30 == pytest.approx(1.5)
    assert (folded.customer.first_ms, folded.customer.last_ms) == (ms(0), ms(30))


def test_a_customer_of_1990_comes_back() -> None:
    """A gap of decades between two events is no overflow."""
    folded = Folded().see(account_opened(ms(-13_000)), contact(ms(-13_000)), out(ms(0), 5), contact(ms(0)))
    by_7, by_30, by_90 = value(counters.activity(folded.customer), ms(0), folded.customer.landmark_ms)
    assert (by_7, by_30, by_90) == pytest.approx((2.0, 2.0, 2.0))
    assert inquiries_of(folded.customer)["card"].cell == pytest.approx([1.0, 1.0, 1.0])


def test_an_event_of_decades_ago_is_no_underflow() -> None:
    """The oldest event that is accepted, arriving last, is remembered and weighs nothing."""
    folded = Folded().see(out(ms(0), 5), out(ms(-13_000), 7))
    assert folded.customer.first_ms == ms(-13_000)
    worth = value(cells(folded.customer)[counters.MONEY_OUT], ms(0), folded.customer.landmark_ms)
    assert worth == pytest.approx((500.0, 500.0, 500.0))


@given(st.lists(any_event(days=40), min_size=2, max_size=30, unique_by=lambda event: event.event_id), st.data())
def test_order_does_not_matter_to_counts(events: list[Event], data: st.DataObject) -> None:
    """Counters are the same in any order, but for rounding; days of money are the same to the cent.

    A case begins with the tier that the customer has when it is first heard of, so its promises may differ.
    """
    shuffled = data.draw(st.permutations(events))
    one, other = Folded().see(*events).customer, Folded().see(*shuffled).customer
    assert (one.events, one.unvalued, one.first_ms, one.last_ms) == (
        other.events,
        other.unvalued,
        other.first_ms,
        other.last_ms,
    )
    counted, recounted = cells(one), cells(other)
    counted.pop(counters.SLA_BREACH, None)
    recounted.pop(counters.SLA_BREACH, None)
    assert counted.keys() == recounted.keys()
    for code, cell in counted.items():
        worth = value(cell, one.last_ms, one.landmark_ms)
        assert value(recounted[code], other.last_ms, other.landmark_ms) == pytest.approx(worth, rel=1e-9)
    # The customer's next money settles how far the window has moved on.
    settle = out(ms(41), 1, event_id="settle")
    for folded in (one, other):
        fold(folded, settle, ms(41), Folded().ctx)
    assert one.flows is not None
    assert other.flows is not None
    assert (one.flows.first_day, one.flows.rolled_day) == (other.flows.first_day, other.flows.rolled_day)
    assert one.flows.days == other.flows.days


# --- counters --------------------------------------------------------------------------------------

ACTIVE = -1
"""Stands for one unit of activity, which is derived."""
COUNTED: dict[str, tuple[Callable[[], Event], dict[int, float]]] = {
    "login": (lambda: login(ms(0)), {counters.LOGIN: 1, ACTIVE: 1}),
    "failed login": (lambda: login(ms(0), succeeded=False), {counters.LOGIN_FAILED: 1}),
    "page view": (lambda: page_view(ms(0)), {counters.PAGE_VIEW: 1, ACTIVE: 1}),
    "contact": (lambda: contact(ms(0)), {counters.CONTACT_IN: 1, ACTIVE: 1}),
    "abandoned contact": (
        lambda: contact(ms(0), outcome="abandoned"),
        {counters.CONTACT_IN: 1, counters.CONTACT_ABANDONED: 1, ACTIVE: 1},
    ),
    "outbound contact": (lambda: contact(ms(0), direction="outbound"), {counters.CONTACT_OUT: 1}),
    "complaint": (lambda: complaint(ms(0), "received"), {counters.COMPLAINT: 1}),
    "later step of a complaint": (lambda: complaint(ms(0), "closed"), {}),
    "money out": (lambda: out(ms(0), 12.34), {20: 1, counters.MONEY_OUT: 1234, ACTIVE: 1}),
    "money in": (lambda: into(ms(0), 12.34), {20: 1, counters.MONEY_IN: 1234, ACTIVE: 1}),
    "foreign money": (lambda: out(ms(0), 10, currency="USD"), {20: 1, counters.MONEY_OUT: 7200, ACTIVE: 1}),
    "money without a rate": (lambda: out(ms(0), 10, currency="XXX"), {20: 1, ACTIVE: 1}),
    "own account": (
        lambda: out(ms(0), 10, counterparty="own_account"),
        {20: 1, counters.OWN_OUT: 1000, ACTIVE: 1},
    ),
    "own account elsewhere": (
        lambda: out(ms(0), 10, counterparty="own_elsewhere"),
        {20: 1, counters.MONEY_OUT: 1000, counters.OWN_ELSEWHERE_OUT: 1000, ACTIVE: 1},
    ),
    "from own account elsewhere": (
        lambda: into(ms(0), 10, counterparty="own_elsewhere"),
        {20: 1, counters.MONEY_IN: 1000, ACTIVE: 1},
    ),
    "maturity": (
        lambda: into(ms(0), 10, kind="investment", counterparty="bank"),
        {28: 1, counters.OWN_IN: 1000, ACTIVE: 1},
    ),
    "payroll": (lambda: into(ms(0), 10, kind="payroll"), {23: 1, counters.OWN_IN: 1000, ACTIVE: 1}),
    "fee": (lambda: out(ms(0), 10, kind="fee"), {25: 1, counters.OWN_OUT: 1000}),
    "interest": (lambda: into(ms(0), 10, kind="interest"), {26: 1, counters.OWN_IN: 1000}),
    "account opened": (lambda: account_opened(ms(0)), {}),
    "profile": (lambda: profile(ms(0), aum=1.0), {}),
}


@pytest.mark.parametrize(("build", "expected"), COUNTED.values(), ids=COUNTED.keys())
def test_what_is_counted(build: Callable[[], Event], expected: dict[int, float]) -> None:
    """Each kind of event counts where it should, and nowhere else."""
    customer = Folded().see(build()).customer
    counted = {code: cell[0] for code, cell in cells(customer).items()}
    if active := counters.activity(customer)[0]:
        counted[ACTIVE] = active
    assert counted == expected


OWN_ACTS: dict[str, Event] = {
    "card payment": out(ms(2), 10, kind="card", counterparty="merchant"),
    "money without a rate": out(ms(2), 10, currency="XXX"),
    "own account": out(ms(2), 10, counterparty="own_account"),
    "payroll": into(ms(2), 10, kind="payroll"),
    "cash": out(ms(2), 10, kind="cash", counterparty="bank"),
    "fund bought": out(ms(2), 10, kind="investment", counterparty="bank"),
    "login": login(ms(2)),
    "page view": page_view(ms(2)),
    "call": contact(ms(2)),
}
NO_OWN_ACTS: dict[str, Event] = {
    "fee": out(ms(2), 10, kind="fee"),
    "interest": into(ms(2), 10, kind="interest"),
    "loan instalment": out(ms(2), 10, kind="loan"),
    "maturity": into(ms(2), 10, kind="investment", counterparty="bank"),
    "paid by the bank": into(ms(2), 10, counterparty="bank"),
    "failed login": login(ms(2), succeeded=False),
    "call by the bank": contact(ms(2), direction="outbound"),
    "complaint closed": complaint(ms(2), "closed"),
    "profile": profile(ms(2), aum=1.0),
}


@pytest.mark.parametrize("event", OWN_ACTS.values(), ids=OWN_ACTS.keys())
def test_what_the_customer_does_ends_the_silence(event: Event) -> None:
    """Own acts are remembered by their business time, whatever came first."""
    assert Folded().see(login(ms(1)), event, login(ms(0))).customer.last_active_ms == ms(2)


@pytest.mark.parametrize("event", NO_OWN_ACTS.values(), ids=NO_OWN_ACTS.keys())
def test_what_the_bank_does_leaves_the_silence(event: Event) -> None:
    """Postings and calls of the bank do not pass for a sign of life."""
    assert Folded().see(event).customer.last_active_ms == 0
    assert Folded().see(login(ms(1)), event).customer.last_active_ms == ms(1)


def test_every_kind_of_transaction_has_its_own_counter() -> None:
    """No kind shares a counter with another or with anything else."""
    assert set(counters.TRANSACTION_KINDS) == set(KINDS)
    codes = list(counters.NAMES.values())
    assert len(set(codes)) == len(codes)
    assert set(counters.TRANSACTION_KINDS.values()) < set(codes)


def test_money_without_a_rate_is_activity_not_money() -> None:
    """An amount in a currency that the policies do not list is counted as unvalued, and moves no flow."""
    customer = Folded().see(out(ms(0), 10, currency="XXX", balance_after=5.0)).customer
    assert customer.unvalued == 1
    assert customer.flows is None
    assert customer.accounts[0].balance_cents is None


def test_money_beyond_counting_is_not_counted() -> None:
    """The largest amount in the dearest currency must not break the stored form."""
    dear = policies(currencies__rates={"CNY": 1.0, "XAU": 1e6})
    folded = Folded(dear).see(out(ms(0), 1e12, currency="XAU", balance_after=-1e12), out(ms(0), 1e12))
    assert folded.customer.unvalued == 1
    assert folded.customer.flows is not None
    assert [out for _, _, out in days_of(folded.customer.flows)] == [10**14]
    assert encode_customer(folded.customer)


def test_less_than_a_cent_is_nothing() -> None:
    """An amount that rounds to no cents moves nothing and raises nothing."""
    folded = Folded().see(*(out(ms(day), 0.001) for day in range(5)))
    assert folded.customer.flows is not None
    assert [out for _, _, out in days_of(folded.customer.flows)] == [0] * 5
    assert largest_of(folded.customer.flows) == []


# --- accounts and products -------------------------------------------------------------------------


def balances(folded: Folded) -> dict[str, int | None]:
    return {account.account_id: account.balance_cents for account in folded.customer.accounts}


def test_an_older_balance_never_replaces_a_newer_one() -> None:
    """A balance that comes late is history."""
    folded = Folded().see(balance(ms(2), 200), balance(ms(1), 100))
    assert balances(folded) == {"a": 20_000}
    assert balances(folded.see(balance(ms(2), 300))) == {"a": 30_000}
    assert balances(folded.see(out(ms(3), 50))) == {"a": 30_000}


def test_a_late_balance_is_better_than_none() -> None:
    """An account whose balance was never stated takes the first statement, however late it comes."""
    folded = Folded().see(out(ms(2), 5), balance(ms(1), 100))
    assert balances(folded) == {"a": 10_000}
    assert folded.customer.accounts[0].balance_at_ms == ms(1)


def test_a_closed_account_holds_nothing() -> None:
    """The money of a closed account is no longer here; each closing is counted."""
    folded = Folded().see(balance(ms(0), 100), balance(ms(0), 7, "b"), account_closed(ms(1)))
    assert balances(folded) == {"a": None, "b": 700}
    assert folded.see(account_closed(ms(2), "unheard of")).customer.closed_accounts == 2


def test_what_comes_late_does_not_bring_a_closed_account_back() -> None:
    """A balance from before the closing is history; one from after it is an account opened anew."""
    folded = Folded().see(balance(ms(0), 100), account_closed(ms(2)), balance(ms(1), 90))
    assert balances(folded) == {"a": None}
    assert balances(folded.see(balance(ms(3), 5))) == {"a": 500}


def test_the_banks_own_downgrade_holds() -> None:
    """Who is above a threshold already stays where the bank has put them; crossing it anew upgrades."""
    folded = Folded().see(balance(ms(0), 600_000))
    assert folded.customer.tier == "core"
    folded.see(profile(ms(1), tier="basic"), balance(ms(2), 650_000))
    assert folded.customer.tier == "basic"
    folded.see(balance(ms(3), 1_000), balance(ms(4), 600_000))
    assert folded.customer.tier == "core"


def test_too_many_accounts_forget_the_longest_silent() -> None:
    """The account whose balance is oldest gives way."""
    folded = Folded().see(*(balance(ms(i), i + 1, f"a{i}") for i in range(MAX_ACCOUNTS)))
    folded.see(balance(ms(50), 1, "a0"), balance(ms(51), 1, "new"))
    assert len(folded.customer.accounts) == MAX_ACCOUNTS
    assert {"a0", "new"} <= balances(folded).keys()
    assert "a1" not in balances(folded)


def test_products_come_and_go() -> None:
    """A product is held until it ends; two of a kind are two."""
    folded = Folded().see(account_opened(ms(0), product="current"), product_opened(ms(1), "fund"))
    folded.see(product_opened(ms(1), "fund"), product_closed(ms(2), "fund"), product_closed(ms(2), "none of these"))
    assert folded.see(product_closed(ms(3), None)).customer.products == ["current", "fund"]
    folded.see(*(product_opened(ms(4), f"p{i}") for i in range(MAX_PRODUCTS)))
    assert folded.customer.products == [f"p{i}" for i in range(MAX_PRODUCTS)]


# --- payroll ---------------------------------------------------------------------------------------


def test_payroll_cadence() -> None:
    """The usual interval follows pay days; a second payment of the same pay day is none of its own."""
    pay = [into(ms(day), 5_000 + day, kind="payroll") for day in (0, 30, 31, 60)]
    payroll = Folded().see(*pay).customer.payroll
    assert payroll is not None
    assert payroll.interval_days == pytest.approx(30.0)
    assert (payroll.count, payroll.last_ms, payroll.last_cents) == (3, ms(60), 506_000)


def test_payroll_that_comes_late_or_goes_out_is_no_pay_day() -> None:
    """What is heard of after a later pay day does not turn the cadence back; an employer's own payments are none."""
    folded = Folded().see(into(ms(30), 1, kind="payroll"), into(ms(0), 1, kind="payroll"))
    folded.see(out(ms(60), 1, kind="payroll"))
    payroll = folded.customer.payroll
    assert payroll is not None
    assert (payroll.count, payroll.last_ms, payroll.interval_days) == (1, ms(30), None)


# --- profile, tier and stage -----------------------------------------------------------------------


def test_an_absent_field_leaves_what_was_known() -> None:
    """A partial statement changes what it states and nothing else."""
    folded = Folded().see(profile(ms(0), birth_year=1970, education="school", products=["fund"], aum=10.0))
    known = folded.see(profile(ms(1), education="university")).customer
    assert (known.profile.birth_year, known.profile.education, known.profile.aum_cents) == (1970, "university", 1_000)
    assert known.products == ["fund"]


def test_a_late_statement_fills_gaps_only() -> None:
    """What is stated late is taken over where nothing was known."""
    folded = Folded().see(profile(ms(5), education="university", aum=20.0))
    folded.see(profile(ms(1), education="school", birth_year=1970, aum=10.0, opened_at=instant(ms(-99)), tier="core"))
    known = folded.customer.profile
    assert (known.education, known.birth_year, known.aum_cents) == ("university", 1970, 2_000)
    assert (known.opened_ms, known.tier) == (ms(-99), "core")
    assert known.stated_ms == ms(5)


def test_assets_under_management_are_in_the_reporting_currency() -> None:
    """A statement in another currency is converted; one without a rate states nothing."""
    folded = Folded().see(profile(ms(0), aum=100.0, currency="USD"))
    assert folded.customer.profile.aum_cents == 72_000
    assert folded.see(profile(ms(1), aum=1.0, currency="XXX")).customer.profile.aum_cents == 72_000


@pytest.mark.parametrize(
    ("assets", "tier"),
    [(-5.0, "basic"), (49_999.99, "basic"), (50_000.0, "potential"), (499_999.99, "potential"), (500_000.0, "core")],
)
def test_crossing_a_threshold_upgrades(assets: float, tier: Tier) -> None:
    """Known assets at a threshold or above lift the customer into its tier, by balances or by statement."""
    assert Folded().see(balance(ms(0), assets)).customer.tier == tier
    assert Folded().see(profile(ms(0), aum=max(assets, 0))).customer.tier == tier
    halves = Folded().see(balance(ms(0), assets - 1_000, "a"), balance(ms(0), 1_000, "b"))
    assert halves.customer.tier == tier


def test_growing_balances_upgrade() -> None:
    """An account that grows over a threshold lifts the customer, as a new one does."""
    folded = Folded().see(balance(ms(0), 10), balance(ms(1), 60_000))
    assert folded.customer.tier == "potential"
    assert folded.see(balance(ms(2), 500_000)).customer.tier == "core"


def test_losing_assets_does_not_downgrade() -> None:
    """A customer who takes money away keeps the tier until the bank says otherwise."""
    folded = Folded().see(balance(ms(0), 600_000), balance(ms(1), 10), profile(ms(2), aum=0.0))
    assert folded.customer.tier == "core"
    assert folded.see(profile(ms(3), tier="basic")).customer.tier == "basic"


def test_a_late_statement_of_tier_takes_nothing_back() -> None:
    """An old downgrade does not undo a newer statement."""
    folded = Folded().see(profile(ms(5), tier="core"), profile(ms(1), tier="basic"))
    assert folded.customer.tier == "core"


def test_stages_of_a_relationship() -> None:
    """New, then growing, steady, and declining when activity falls off."""
    folded = Folded()
    seen = {}
    for day in range(400):
        busy = 4 if 200 <= day < 230 else 1
        if day < 260 or day % 25 == 0:
            folded.see(*(login(ms(day, 1 + i)) for i in range(busy)))
        seen[day] = folded.customer.stage
    assert [seen[day] for day in (0, 89, 150, 229, 350)] == [
        "acquisition",
        "acquisition",
        "maturity",
        "growth",
        "decline",
    ]


def test_whoever_does_nothing_is_no_growing_customer() -> None:
    """A relationship without any activity, of which only statements are heard, is declining."""
    folded = Folded().see(profile(ms(0), aum=1.0), out(ms(90), 1, kind="fee"), profile(ms(200), aum=2.0))
    assert folded.customer.stage == "decline"


def test_a_relationship_begins_when_the_bank_says() -> None:
    """A customer of many years who was first heard of today is not new."""
    folded = Folded().see(profile(ms(0), opened_at=instant(ms(-3_000))), login(ms(1)))
    assert folded.customer.stage != "acquisition"
    assert Folded().see(login(ms(1))).customer.stage == "acquisition"


def test_decisions_are_counted_with_their_reason() -> None:
    """Every outflow is decided on, and says why nothing came of it."""
    folded = Folded().see(out(ms(0), 1), out(ms(0), 60_000))
    assert folded.reasons == [Reason.BELOW_FLOOR, Reason.NO_BASIS]
