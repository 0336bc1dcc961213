"""Features are a function of the aggregate and the moment, finite, and say what their names say."""

import random
import struct
from collections.abc import Sequence
from math import log1p

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import asset_outflow, counters, money_flows, relationship
from models.alerts import instant
from models.customer import Customer, decode_customer, encode_customer
from models.decay import DAY_MS, daily_rates, weights
from models.events import Complaint, Event, epoch_ms
from models.feature_facts import Floats
from models.feature_list import FEATURES, SENSITIVE_SET, STANDARD_SET
from models.feature_schema import FeatureSet
from models.features import feature_matrix
from models.rules import Rules
from tests.unit.models.build import (
    SHIPPED,
    Folded,
    account_closed,
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

RULES = Rules(SHIPPED)
NOW_MS = ms(60)
Row = dict[str, float]


def row(customer: Customer, at_ms: int = NOW_MS, rules: Rules = RULES, chosen: FeatureSet = SENSITIVE_SET) -> Row:
    [values] = feature_matrix([customer], at_ms, rules, chosen).tolist()
    return dict(zip(chosen.schema.features, values, strict=True))


def after(*events: Event, at_ms: int = NOW_MS) -> Row:
    """Features once these have happened."""
    return row(Folded().see(*events).customer, at_ms)


def population(size: int, seed: int) -> list[Customer]:
    """Customers with some months of money, logins, calls and complaints behind them, each in their own measure."""
    draw = random.Random(seed)
    customers = []
    for number in range(size):
        folded = Folded().see(login(ms(draw.uniform(0, 20)), customer_id=f"c{number}"))
        if draw.random() < 0.7:
            band = draw.randrange(1, 11)
            folded.see(
                profile(ms(1), birth_year=draw.randrange(1930, 2005), income_band=band, aum=draw.uniform(0, 1e6))
            )
        for _ in range(draw.randrange(40)):
            at_ms, amount = ms(draw.uniform(0, 59)), round(draw.lognormvariate(6, 2) + 0.01, 2)
            kind = draw.choice(("card", "transfer", "payroll", "investment", "fee"))
            money = draw.choice((out, into))
            folded.see(
                money(at_ms, amount, kind=kind, counterparty=draw.choice(("own_elsewhere", "person", "bank"))),
                draw.choice((login(at_ms), page_view(at_ms), contact(at_ms, f"r{draw.randrange(3)}"))),
            )
        if draw.random() < 0.2:
            folded.see(complaint(ms(50), "received"))
        folded.tick(ms(60))
        customers.append(folded.customer)
    return customers


def in_batches(customers: Sequence[Customer], size: int) -> Floats:
    parts = [customers[start : start + size] for start in range(0, len(customers), size)]
    return np.concatenate([feature_matrix(part, NOW_MS, RULES, SENSITIVE_SET) for part in parts])


# --- a function of the aggregate and the moment ------------------------------------------------------


@given(st.lists(any_event(), min_size=1, max_size=60), st.sampled_from((-9_000, -800, 0, 20, 59, 61, 90, 500, 9_000)))
def test_every_value_is_finite(events: list[Event], day: float) -> None:
    """Whatever an aggregate holds, and whenever it is asked, nothing in the row would poison a model."""
    folded = Folded().see(*events)
    matrix = feature_matrix([folded.customer], ms(day), RULES, SENSITIVE_SET)
    assert matrix.shape == (1, len(FEATURES))
    assert matrix.dtype == np.float64
    assert np.isfinite(matrix).all()


def test_the_largest_amounts_stay_finite() -> None:
    """Neither the largest amounts nor the smallest assets make anything overflow, years later included."""
    largest = [out(ms(day, hour), 1e12, counterparty="own_elsewhere") for day in range(60) for hour in range(9)]
    folded = Folded().see(profile(ms(0), aum=0.0), balance(ms(0), 0.0), *largest)
    for day in (60, 2_000, 9_000):
        assert np.isfinite(feature_matrix([folded.customer], ms(day), RULES, SENSITIVE_SET)).all()
    folded.see(login(ms(4_000)), out(ms(5_900), 1e12))
    assert np.isfinite(feature_matrix([folded.customer], ms(6_000), RULES, SENSITIVE_SET)).all()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 63, 64, 65])
def test_a_row_does_not_depend_on_its_batch(size: int) -> None:
    """A customer gets the same bits alone, in any company and at any place."""
    customers = population(150, 7)
    whole = in_batches(customers, len(customers))
    assert in_batches(customers, size).tobytes() == whole.tobytes()
    order = list(range(len(customers)))
    random.Random(size).shuffle(order)
    assert in_batches([customers[at] for at in order], size).tobytes() == whole[order].tobytes()


@given(st.lists(any_event(customers=4), min_size=1, max_size=60), st.integers(0, 90))
def test_any_company_leaves_a_row_alone(events: list[Event], day: int) -> None:
    """The same for whatever histories."""
    folded: dict[str, Folded] = {}
    for event in events:
        folded.setdefault(event.customer_id, Folded()).see(event)
    customers = [one.customer for one in folded.values()]
    whole = feature_matrix(customers, ms(day), RULES, SENSITIVE_SET)
    alone = [feature_matrix([customer], ms(day), RULES, SENSITIVE_SET) for customer in customers]
    assert np.concatenate(alone).tobytes() == whole.tobytes()


def test_no_customers_make_no_rows() -> None:
    """A tick on which nobody changed is nothing special."""
    assert feature_matrix([], NOW_MS, RULES).shape == (0, len(STANDARD_SET.features))


@given(st.lists(any_event(), min_size=1, max_size=60), st.integers(0, 120))
def test_looking_changes_nothing(events: list[Event], day: int) -> None:
    """An aggregate is the same bytes after it was looked at, and a stored one gives the same row."""
    customer = Folded().see(*events).customer
    before = encode_customer(customer)
    matrix = feature_matrix([customer], ms(day), RULES, SENSITIVE_SET)
    assert encode_customer(customer) == before
    again = feature_matrix([decode_customer(before)], ms(day), RULES, SENSITIVE_SET)
    assert again.tobytes() == matrix.tobytes()


@given(st.lists(any_event(), min_size=2, max_size=60), st.data())
def test_the_future_does_not_matter(events: list[Event], data: st.DataObject) -> None:
    """What is known at a moment is the same whatever happens later, in whatever order."""
    events = sorted(events, key=lambda event: event.occurred_at)
    cut = data.draw(st.integers(1, len(events) - 1))
    at_ms = epoch_ms(events[cut - 1].occurred_at)
    futures: tuple[list[Event], ...] = (events[cut:], [], data.draw(st.permutations(events[cut:])))
    seen = []
    for future in futures:
        folded = Folded().see(*events[:cut])
        matrix = feature_matrix([folded.customer], at_ms, RULES, SENSITIVE_SET)
        kept = matrix.tobytes()
        folded.see(*future).tick(ms(90))
        assert matrix.tobytes() == kept
        seen.append(kept)
    assert seen[0] == seen[1] == seen[2]


def test_where_the_landmark_stands_does_not_matter() -> None:
    """Sums that were moved to another landmark mean the same."""
    customers = population(40, 3)
    before = feature_matrix(customers, NOW_MS, RULES, SENSITIVE_SET)
    for customer in customers:
        counters.move_landmark(customer, ms(31))
    np.testing.assert_allclose(feature_matrix(customers, NOW_MS, RULES, SENSITIVE_SET), before, rtol=1e-9, atol=1e-9)


def test_counters_of_a_later_release_are_passed_over() -> None:
    """A code that no feature knows, written before a rollback, disturbs none of the others."""
    customer = Folded().see(out(ms(1), 10), login(ms(2))).customer
    before = row(customer)
    customer.counted += bytes((255,))
    customer.cells += struct.pack("<3d", 1e300, 1e300, 1e300)
    assert row(customer) == before


# --- the figures are those of the fold and its rules --------------------------------------------------


@pytest.mark.parametrize("day", [59.5, 60, 75, 140])
def test_paces_are_those_of_the_counters(day: float) -> None:
    """A pace is `decay.daily_rates` of its counter, so a short history is not taken for a quiet one."""
    for customer in population(30, 11):
        found = row(customer, ms(day))
        for name, code, unit in (("logins", counters.LOGIN, 1), ("money_out", counters.MONEY_OUT, 100)):
            cell = counters.cell(customer, code) or [0.0, 0.0, 0.0]
            rates = daily_rates(cell, ms(day), customer.landmark_ms, customer.first_ms)
            by_7, by_30, by_90 = (log1p(rate * 30 / unit) for rate in rates)
            assert found[f"{name}_7d"] == pytest.approx(by_7)
            assert found[f"{name}_30d"] == pytest.approx(by_30)
            assert found[f"{name}_90d"] == pytest.approx(by_90)
            assert found[f"{name}_7d_to_30d"] == pytest.approx(by_7 - by_30, abs=1e-9)
            assert found[f"{name}_30d_to_90d"] == pytest.approx(by_30 - by_90, abs=1e-9)


@pytest.mark.parametrize("day", [59.5, 60, 66, 90, 140])
def test_net_outflow_is_that_of_the_rule(day: float) -> None:
    """Features and alerts never disagree on how much has left and how much would be too much."""
    for customer in population(40, 5):
        found = row(customer, ms(day))
        flows = customer.flows
        if flows is None:
            assert found["net_outflow"] == found["net_outflow_to_threshold"] == 0.0
            continue
        money_flows.roll(flows, RULES.days.day_of(ms(day)), RULES.outflow_window_days)
        measure = asset_outflow.measure(customer, flows, ms(day), RULES)
        assert np.sinh(found["net_outflow"]) == pytest.approx(measure.net / 100, abs=1e-6)
        assert np.sinh(found["net_outflow_to_threshold"]) == pytest.approx(measure.net / measure.threshold)
        share = measure.net / measure.assets if measure.assets else 0.0
        assert np.sinh(found["net_outflow_to_assets"]) == pytest.approx(share)


@pytest.mark.parametrize("day", [59.5, 95, 130, 400])
def test_the_stage_is_the_one_that_the_fold_would_find(day: float) -> None:
    """The lifecycle stage of a silent customer goes on, though the aggregate's own waits for an event."""
    lively: list[Event] = [login(ms(0)), *(out(ms(45 + hour / 8), 1) for hour in range(112))]
    known: list[Event] = [profile(ms(0), opened_at=instant(ms(-400))), *lively]
    stages = set()
    for customer in (*population(40, 9), Folded().see(*lively).customer, Folded().see(*known).customer):
        found = row(customer, ms(day))
        relationship.refresh_stage(customer, RULES.days.day_of(ms(day)), ms(day), RULES)
        flags = {stage: found[f"stage_{stage}"] for stage in ("acquisition", "growth", "decline")}
        assert flags == {stage: float(stage == customer.stage) for stage in flags}
        stages.add(customer.stage)
    assert stages >= ({"acquisition", "growth"} if day < 60 else {"decline"})


# --- what the names say -------------------------------------------------------------------------------


def test_a_steady_habit_looks_steady_from_the_start() -> None:
    """Two payments a day are sixty a month by every half-life, however short the history."""
    for days in (10, 40, 200):
        events = [out(ms(0, hour), 10, kind="card") for hour in range(0, days * 24, 12)]
        found = after(*events, at_ms=ms(days))
        for half_life in (7, 30, 90):
            assert found[f"payments_{half_life}d"] == pytest.approx(log1p(60), abs=0.03)
        assert found["payments_7d_to_30d"] == pytest.approx(0.0, abs=0.02)


HABIT = [out(ms(day), 100, kind="card") for day in range(0, 60, 2)]
CASE_OPEN = [complaint(ms(59), "received")]
CASE_CLOSED = [*CASE_OPEN, complaint(ms(59, 1), "closed")]
EARLY, LATE = (ms(5), ms(12), ms(19)), (ms(52), ms(56), ms(59))


def _dissatisfied(at_ms: int) -> Complaint:
    called = complaint(at_ms, "called_back")
    fields = {name: getattr(called, name) for name in called.__struct_fields__}
    return Complaint(**(fields | {"satisfied": False}))


MORE: dict[str, tuple[Sequence[Event], Sequence[Event], str]] = {
    "outflow": (
        [out(ms(58), 1_000)],
        [out(ms(58), 9_000)],
        "money_out_7d money_out_90d net_outflow net_outflow_to_threshold money_out_7d_to_30d",
    ),
    "outflow against assets": (
        [balance(ms(1), 90_000), out(ms(58), 1_000)],
        [balance(ms(1), 90_000), out(ms(58), 9_000)],
        "net_outflow_to_assets net_outflow_to_threshold",
    ),
    "outflow to an account elsewhere": (
        [out(ms(58), 1_000)],
        [out(ms(58), 1_000, counterparty="own_elsewhere")],
        "own_elsewhere_7d own_elsewhere_30d own_elsewhere_90d",
    ),
    "inflow": ([into(ms(58), 10)], [into(ms(58), 999)], "money_in_7d money_in_30d money_in_90d"),
    "moves within": (
        [out(ms(58), 10, counterparty="own_account"), into(ms(58), 10, counterparty="own_account")],
        [out(ms(58), 99, counterparty="own_account"), into(ms(58), 99, counterparty="own_account")],
        "own_in_7d own_in_30d own_in_90d own_out_7d own_out_30d own_out_90d",
    ),
    "frequency": ([], HABIT, "transactions_30d payments_30d"),
    "transfers": ([], [out(ms(58), 1)], "transactions_30d transfers_30d transfers_7d_to_30d"),
    "investments": ([], [out(ms(58), 1, kind="investment")], "investments_30d investments_90d transactions_90d"),
    "loans and fees": ([], [out(ms(58), 1, kind="loan"), out(ms(58), 1, kind="fee")], "loans_90d fees_90d"),
    "silence": (HABIT, HABIT[:20], "silence silence_to_pace"),
    "payroll lost": (
        [into(ms(day), 5_000, kind="payroll") for day in (0, 28, 56)],
        [into(ms(day), 5_000, kind="payroll") for day in (0, 14, 28)],
        "payroll_overdue",
    ),
    "logins falling": (
        [login(at_ms) for at_ms in EARLY],
        [login(at_ms) for at_ms in LATE],
        "logins_7d_to_30d logins_30d_to_90d",
    ),
    "page views falling": (
        [page_view(at_ms) for at_ms in EARLY],
        [page_view(at_ms) for at_ms in LATE],
        "page_views_7d_to_30d page_views_30d_to_90d",
    ),
    "inquiries falling": (
        [contact(at_ms, "a") for at_ms in EARLY],
        [contact(at_ms, "a") for at_ms in LATE],
        "inquiries_7d_to_30d inquiries_30d_to_90d",
    ),
    "inquiries on one reason": (
        [contact(at_ms, reason) for at_ms, reason in zip(LATE, "abc", strict=True)],
        [contact(at_ms, "a") for at_ms in LATE],
        "same_reason_7d same_reason_30d",
    ),
    "failed logins": ([], [login(ms(59), succeeded=False)], "failed_logins_30d"),
    "calls by the bank": ([], [contact(ms(59), direction="outbound")], "bank_contacts_90d"),
    "abandoned calls": ([contact(ms(59))], [contact(ms(59), outcome="abandoned")], "abandoned_30d abandoned_90d"),
    "complaints": ([], CASE_OPEN, "complaints_30d complaints_90d open_cases"),
    "open cases": (CASE_CLOSED, CASE_OPEN, "open_cases"),
    "dissatisfied": (CASE_CLOSED, [*CASE_CLOSED, _dissatisfied(ms(59, 2))], "dissatisfied_90d"),
    "products": ([product_opened(ms(1), "a")], [product_opened(ms(1), "a"), product_opened(ms(1), "b")], "products"),
    "accounts": ([account_opened(ms(1))], [account_opened(ms(1)), account_opened(ms(2), "b")], "accounts"),
    "accounts but for closed ones": (
        [account_opened(ms(1)), account_opened(ms(2), "b"), account_closed(ms(3))],
        [account_opened(ms(1)), account_opened(ms(2), "b")],
        "accounts",
    ),
    "closed accounts": ([account_opened(ms(1))], [account_opened(ms(1)), account_closed(ms(2))], "closed_accounts"),
    "assets by balance": ([balance(ms(1), 9)], [balance(ms(1), 99)], "assets"),
    "assets under management": ([profile(ms(1), aum=9.0)], [profile(ms(1), aum=99.0)], "assets"),
    "tier": ([profile(ms(1), tier="basic")], [profile(ms(1), tier="core")], "tier"),
    "tenure": ([], [profile(ms(1), opened_at=instant(ms(-90)))], "tenure"),
    "age": ([profile(ms(1), birth_year=2000)], [profile(ms(1), birth_year=1950)], "age"),
    "income": ([profile(ms(1), income_band=2)], [profile(ms(1), income_band=9)], "income_band"),
}


@pytest.mark.parametrize(("less", "more", "names"), MORE.values(), ids=MORE.keys())
def test_more_is_more(less: Sequence[Event], more: Sequence[Event], names: str) -> None:
    """More of what a feature is about raises it."""
    first = login(ms(0))
    low, high = after(first, *less), after(first, *more)
    for name in names.split():
        assert high[name] > low[name], name


def test_a_broken_promise_shows() -> None:
    """A complaint that nobody answers leaves its breaches behind."""
    folded = Folded().see(complaint(ms(50), "received"))
    before = row(folded.customer, ms(50))
    found = row(folded.tick(ms(60)).customer)
    assert found["sla_breaches_30d"] > before["sla_breaches_30d"] == 0.0
    assert found["sla_breaches_90d"] > before["sla_breaches_90d"] == 0.0


def test_what_was_taken_back_leaves_nothing_behind() -> None:
    """A counter that stands below nothing, by rounding or by what was heard too late, counts as nothing."""
    customer = Folded().see(login(ms(0))).customer
    counters.count(customer, counters.SLA_BREACH, weights(ms(59), customer.landmark_ms), -3.0)
    assert row(customer)["sla_breaches_30d"] == row(customer)["sla_breaches_90d"] == 0.0


def test_silence_is_measured_in_the_customers_own_rhythm() -> None:
    """Ten days without a sign of life say more of a daily customer than of a monthly one."""
    daily = [out(ms(day), 10, kind="card") for day in range(51)]
    monthly = [out(ms(day), 10, kind="card") for day in (0, 25, 50)]
    often, rarely = after(*daily), after(*monthly)
    assert often["silence"] == rarely["silence"] == pytest.approx(log1p(10))
    assert often["silence_to_pace"] > rarely["silence_to_pace"] > 0.0
    assert often["silence_to_pace"] == pytest.approx(log1p(10), abs=0.1)
    assert after(login(ms(50)))["silence_to_pace"] == 0.0


def test_the_bank_does_not_break_a_silence() -> None:
    """Interest and fees are posted to customers who have left in all but name."""
    found = after(login(ms(0)), *(balance(ms(day), 10) for day in range(0, 60, 5)))
    assert found["silence"] == pytest.approx(log1p(60))
    assert found["never_active"] == 0.0
    never = after(balance(ms(20), 10))
    assert never["silence"] == pytest.approx(log1p(40))
    assert never["never_active"] == 1.0


def test_payroll_is_late_by_its_own_interval() -> None:
    """A monthly salary is not late after three weeks; a weekly one is."""
    weekly = after(*(into(ms(day), 900, kind="payroll") for day in range(0, 40, 7)))
    monthly = after(*(into(ms(day), 900, kind="payroll") for day in (0, 30)))
    once = after(into(ms(35), 900, kind="payroll"))
    assert weekly["payroll_overdue"] == pytest.approx(log1p(25 / 7 - 1))
    assert monthly["payroll_overdue"] == once["payroll_overdue"] == 0.0
    assert after(into(ms(0), 900, kind="payroll"), at_ms=ms(62))["payroll_overdue"] == pytest.approx(log1p(1))
    assert (weekly["payroll_unknown"], after(login(ms(0)))["payroll_unknown"]) == (0.0, 1.0)


def test_questions_that_the_rule_ignores_are_no_complaint_risk() -> None:
    """Whoever orders cheques again and again has no trouble, if the policy says so."""
    customer = Folded().see(*(contact(at_ms, "cheques") for at_ms in LATE)).customer
    ignoring = Rules(policies(repeated_inquiry__ignored_reasons=["cheques"]))
    assert row(customer)["same_reason_30d"] > 0.0
    assert row(customer, rules=ignoring)["same_reason_30d"] == 0.0
    assert row(customer, rules=ignoring)["inquiries_30d"] == row(customer)["inquiries_30d"]


def test_what_is_not_known_lies_in_the_middle_and_says_so() -> None:
    """A missing value is 0, with an indicator beside it."""
    unknown = after(login(ms(0)))
    known = after(profile(ms(0), birth_year=1980, income_band=3, opened_at=instant(ms(-900)), aum=50.0))
    for name, indicator in (
        ("age", "age_unknown"),
        ("income_band", "income_unknown"),
        ("assets", "assets_unknown"),
        ("tenure", "tenure_unknown"),
    ):
        assert (unknown[indicator], known[indicator]) == (1.0, 0.0)
        assert known[name] != 0.0
        assert name == "tenure" or unknown[name] == 0.0
    assert known["age"] == pytest.approx((2026 - 1980 + 65 / 366 - 45) / 15, abs=0.01)
    assert known["income_band"] == pytest.approx(-1.0)
    assert known["assets"] == pytest.approx(np.arcsinh(50.0))
    assert known["tenure"] == pytest.approx(log1p(960))


def test_assets_stated_long_ago_are_not_known() -> None:
    """Assets under management count as long as the outflow rule relies on them."""
    statement = profile(ms(0), aum=50.0)
    days = RULES.aum_valid_ms / DAY_MS
    assert after(statement, at_ms=ms(days))["assets_unknown"] == 0.0
    assert after(statement, at_ms=ms(days, 1))["assets_unknown"] == 1.0


def test_the_standard_set_is_blind_to_who_the_customer_is() -> None:
    """Age, income and education change nothing unless the bank has chosen the sensitive set."""
    plain = Folded().see(login(ms(0))).customer
    stated = Folded().see(login(ms(0)), profile(ms(1), birth_year=1999, income_band=1, education="school")).customer
    assert row(plain, chosen=STANDARD_SET) == row(stated, chosen=STANDARD_SET)
    assert row(plain)["age"] != row(stated)["age"]
    both = row(stated)
    assert row(stated, chosen=STANDARD_SET) == {name: both[name] for name in STANDARD_SET.schema.features}
