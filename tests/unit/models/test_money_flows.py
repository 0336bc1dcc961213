"""Flows by local day against a plain dictionary of days."""

from collections import defaultdict
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.customer import Flows
from models.events import Counterparty, TransactionKind
from models.money_flows import (
    Outflow,
    days_of,
    draining_days,
    habitual_daily_outflow,
    is_external,
    is_own_act,
    largest_of,
    record_inflow,
    record_outflow,
    roll,
)
from tests.unit.models.build import KINDS, into, out

Move = tuple[int, int, int]
"""A day, cents in, cents out."""

cents = st.one_of(st.integers(1, 100), st.integers(1, 10**14))
moves = st.lists(
    st.tuples(st.integers(0, 90), cents, st.booleans()).map(lambda m: (m[0], 0, m[1]) if m[2] else (m[0], m[1], 0)),
    min_size=1,
    max_size=60,
)


def recorded(history: list[Move], window_days: int) -> Flows:
    flows = None
    for i, move in enumerate(history):
        flows = recorded_one(flows, i, move, window_days)
    assert flows is not None
    return flows


def recorded_one(flows: Flows | None, i: int, move: Move, window_days: int) -> Flows:
    day, cents_in, cents_out = move
    if cents_out:
        return record_outflow(flows, Outflow(cents_out, day, f"e{i}"), window_days)
    return record_inflow(flows, day, cents_in, window_days)


class Oracle:
    """All days ever, and every figure worked out from them afresh."""

    def __init__(self, history: list[Move], window_days: int, today: int) -> None:
        self.into: defaultdict[int, int] = defaultdict(int)
        self.out: defaultdict[int, int] = defaultdict(int)
        for day, cents_in, cents_out in history:
            self.into[day] += cents_in
            self.out[day] += cents_out
        self.first = min(day for day, _, _ in history)
        self.before = today - window_days
        self.window = range(today - window_days + 1, today + 1)

    def net(self) -> int:
        return sum(self.out[day] - self.into[day] for day in self.window)

    def habit(self) -> float:
        weights = {day: 0.5 ** ((self.before - day) / 90) for day in range(self.first, self.before + 1)}
        return float(sum(self.out[day] * weight for day, weight in weights.items()) / sum(weights.values()))

    def draining(self, least: float) -> int:
        return sum(self.out[day] - self.into[day] > least for day in self.window if self.into[day] or self.out[day])


@given(moves, st.integers(2, 31), st.integers(0, 60), st.integers(1, 60), st.floats(0, 1e6))
def test_equals_brute_force(history: list[Move], window_days: int, later: int, need: int, least: float) -> None:
    """Net, habit and draining days are what the raw days say, in whatever order they came."""
    flows = recorded(history, window_days)
    today = max(day for day, _, _ in history) + later
    roll(flows, today, window_days)
    oracle = Oracle(history, window_days, today)
    moved = {day for day, _, _ in history}
    assert flows.net_cents == oracle.net()
    assert draining_days(flows, least) == oracle.draining(least)
    assert list(days_of(flows)) == [(day, oracle.into[day], oracle.out[day]) for day in oracle.window if day in moved]
    known_days = oracle.before - oracle.first + 1
    habit = habitual_daily_outflow(flows, need)
    if known_days < need:
        assert habit is None
    else:
        assert habit == pytest.approx(oracle.habit(), rel=1e-9, abs=1e-9)


@given(moves, st.integers(2, 31), st.data())
def test_order_does_not_matter(history: list[Move], window_days: int, data: st.DataObject) -> None:
    """Days are exact in any order; the habit is, but for rounding."""
    shuffled = data.draw(st.permutations(history))
    one, other = recorded(history, window_days), recorded(shuffled, window_days)
    assert (one.days, one.net_cents) == (other.days, other.net_cents)
    assert (one.first_day, one.rolled_day) == (other.first_day, other.rolled_day)
    habits = [habitual_daily_outflow(flows, 1) or 0.0 for flows in (one, other)]
    assert habits[0] == pytest.approx(habits[1], rel=1e-9, abs=1e-9)


@given(moves, st.integers(2, 31), st.lists(st.integers(0, 90), max_size=5))
def test_rolling_early_changes_nothing(history: list[Move], window_days: int, rolls: list[int]) -> None:
    """The window may be moved on at any time up to the present: what follows comes out the same."""
    ordered = sorted(history)
    often = recorded(ordered[:1], window_days)
    for i, move in enumerate(ordered[1:], 1):
        for today in rolls:
            if today <= move[0]:
                roll(often, today, window_days)
        often = recorded_one(often, i, move, window_days)
    once = recorded(ordered, window_days)
    assert (often.days, often.net_cents) == (once.days, once.net_cents)
    assert largest_of(often) == largest_of(once)
    assert often.habit_cents == pytest.approx(once.habit_cents, rel=1e-12)


@given(moves, st.integers(2, 31))
def test_the_largest_outflow_of_each_day_is_kept(history: list[Move], window_days: int) -> None:
    """Of each day of the window its largest outflow is kept, whatever the order of arrival, and of no other day."""
    flows = recorded(history, window_days)
    largest: dict[int, int] = {}
    for day, _, cents_out in history:
        if cents_out and day > flows.rolled_day:
            largest[day] = max(largest.get(day, 0), cents_out)
    assert [(outflow.day, outflow.cents) for outflow in largest_of(flows)] == sorted(largest.items())
    for outflow in largest_of(flows):
        assert history[int(outflow.event_id[1:])] == (outflow.day, 0, outflow.cents)


def test_nothing_is_kept_of_a_window_that_is_empty() -> None:
    """Flows whose days have all become habit are stored as if no day had ever been in the window."""
    flows = recorded([(0, 0, 100), (1, 50, 0)], 14)
    roll(flows, 15, 14)
    assert (list(days_of(flows)), largest_of(flows)) == ([], [])
    assert (bytes(flows.days), flows.largest_ids) == (b"", "")


def test_of_equal_outflows_of_a_day_the_earlier_is_kept() -> None:
    """A second outflow that is no larger replaces none."""
    flows = recorded([(0, 0, 100)] * 3, 14)
    assert [outflow.event_id for outflow in largest_of(flows)] == ["e0"]


def test_the_edge_of_the_window() -> None:
    """A window of 14 days holds today and the 13 days before: the fourteenth before is habit."""
    flows = recorded([(10, 0, 500), (23, 0, 1)], 14)
    assert flows.net_cents == 501
    roll(flows, 24, 14)
    assert flows.net_cents == 1
    assert habitual_daily_outflow(flows, 1) == pytest.approx(500.0)
    assert habitual_daily_outflow(flows, 2) is None
    roll(flows, 23, 14)
    assert flows.rolled_day == 10


def test_quiet_days_belong_to_the_habit() -> None:
    """A usual day is a mean over all days, those on which nothing moved included."""
    flows = recorded([(0, 0, 1_000), (20, 0, 1)], 2)
    habit = habitual_daily_outflow(flows, 1)
    assert habit is not None
    assert 0 < habit < 1_000 / 19


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_external(kind: TransactionKind) -> None:
    """Payroll, fees, interest, loans, own-account moves and the bank's own postings are not external; the rest is."""
    others: tuple[Counterparty, ...] = ("own_elsewhere", "person", "merchant", "unknown")
    ours: tuple[Counterparty, ...] = ("own_account", "bank")
    inner = kind in ("payroll", "fee", "interest", "loan")
    assert all(is_external(out(0, 1, kind=kind, counterparty=other)) is not inner for other in others)
    assert not any(is_external(out(0, 1, kind=kind, counterparty=our)) for our in ours)


@pytest.mark.parametrize("kind", KINDS)
def test_external_money_is_an_own_act(kind: TransactionKind) -> None:
    """The fold asks no further where money is external."""
    moves = [move(0, 1, kind=kind, counterparty=other) for move in (into, out) for other in get_args(Counterparty)]
    assert all(is_own_act(one) for one in moves if is_external(one))
    assert all(is_own_act(one) for one in moves if kind == "payroll" and one.counterparty != "bank")
    assert not any(is_own_act(one) for one in moves if kind in ("fee", "interest", "loan"))
