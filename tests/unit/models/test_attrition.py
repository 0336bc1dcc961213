"""Who is gone, since when and by what: the date is that of the fact, whoever looks and whenever it is heard."""

import random
from collections.abc import Sequence
from copy import deepcopy
from math import exp2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.attrition import BALANCE, CLOSED, CLOSED_BY_BANK, SILENCE, look, next_ms
from models.churn_state import MAX_DEPARTURES, ChurnState
from models.decay import DAY_MS
from models.events import AccountClosed, Event
from models.rules import ChurnRules, Rules
from tests.unit.models.build import (
    CHURN,
    Folded,
    account_closed,
    account_opened,
    balance,
    into,
    login,
    ms,
    policies,
    profile,
)
from tests.unit.models.churn_ledger import ChurnLedger, churn_policies

POLICIES = churn_policies()
RULES = Rules(POLICIES)
Step = Event | float
"""An event that is heard, or the day of a look."""


def churn_rules(rules: Rules = RULES) -> ChurnRules:
    assert rules.churn is not None
    return rules.churn


def after(steps: Sequence[Step], rules: Rules = RULES) -> ChurnState:
    """What is known after these, in order."""
    folded, state = Folded(POLICIES), ChurnState()
    for step in steps:
        if isinstance(step, Event):
            folded.see(step)
        else:
            look(folded.customer, state, ms(step), rules, churn_rules(rules))
    assert bool(state.gone_ms) == bool(state.gone_by)
    assert not state.gone_ms or (state.departures[-1].at_ms, state.departures[-1].by) == (state.gone_ms, state.gone_by)
    return state


def departures(state: ChurnState) -> list[tuple[float, str]]:
    return [((departure.at_ms - ms(0)) / DAY_MS, departure.by) for departure in state.departures]


def by_bank(day: float, account_id: str = "a") -> AccountClosed:
    return AccountClosed(
        event_id=f"bank{day}{account_id}",
        customer_id="c",
        occurred_at=account_closed(ms(day)).occurred_at,
        account_id=account_id,
        initiated_by="bank",
    )


TWO = [account_opened(ms(0)), account_opened(ms(0), "b")]
RICH: list[Step] = [login(ms(0)), balance(ms(0), 100_000), 1]
"""Since day 1 the usual balance is known; interest is no act, so silence would be complete on day 60."""


@pytest.mark.parametrize(
    ("steps", "found", "is_gone"),
    [
        pytest.param([*TWO, account_closed(ms(1)), 9], [], False, id="one account of two"),
        pytest.param([*TWO, account_closed(ms(1)), by_bank(2, "b"), 9], [(2, CLOSED_BY_BANK)], True, id="bank last"),
        pytest.param([*TWO, by_bank(1), account_closed(ms(2), "b"), 9], [(2, CLOSED)], True, id="customer last"),
        pytest.param([*TWO, account_closed(ms(2), "b"), by_bank(1), 9], [(2, CLOSED)], True, id="heard in disorder"),
        pytest.param([account_closed(ms(3)), 3], [(3, CLOSED)], True, id="never heard of before, looked at once"),
        pytest.param([account_closed(ms(3)), 9, 12, 15], [(3, CLOSED)], True, id="found once"),
        pytest.param(
            [account_closed(ms(3)), 9, balance(ms(10), 5), 11], [(3, CLOSED)], False, id="a later statement reopens"
        ),
        pytest.param(
            [balance(ms(0), 9), account_closed(ms(3)), balance(ms(3), 0), 9],
            [(3, CLOSED)],
            True,
            id="the last statement has the time of the closing",
        ),
        pytest.param(
            [account_closed(ms(3)), 9, balance(ms(10), 5), 11, account_closed(ms(20)), 25],
            [(3, CLOSED), (20, CLOSED)],
            True,
            id="reopened, and closed again",
        ),
        pytest.param(
            [account_opened(ms(0)), 60, account_closed(ms(20)), 70], [(20, CLOSED)], True, id="closing heard late"
        ),
        pytest.param(
            [account_opened(ms(0)), account_closed(ms(3)), 9, account_opened(ms(1), "b"), 12],
            [],
            False,
            id="another account was there all along",
        ),
        pytest.param(
            [account_opened(ms(0)), account_closed(ms(3)), 9, account_opened(ms(4), "b"), 12],
            [(3, CLOSED)],
            False,
            id="another account came after",
        ),
        pytest.param([login(ms(0)), 59.999], [], False, id="not silent for long enough"),
        pytest.param([login(ms(0)), 60], [(60, SILENCE)], True, id="silent to the millisecond"),
        pytest.param([login(ms(0)), login(ms(1), succeeded=False), 61], [(60, SILENCE)], True, id="no act of theirs"),
        pytest.param([profile(ms(2)), 70], [], False, id="known from a profile alone"),
        pytest.param([profile(ms(2)), 70, account_closed(ms(71)), 72], [(71, CLOSED)], True, id="and then closed"),
        pytest.param([login(ms(0)), 70, login(ms(71)), 72], [(60, SILENCE)], False, id="back again"),
        pytest.param([login(ms(0)), 70, login(ms(60)), 70.5], [], False, id="an act at the very end of silence"),
        pytest.param([login(ms(0)), 70, login(ms(30)), 71], [], False, id="an act in what seemed silence"),
        pytest.param([login(ms(0)), 70, login(ms(5)), 71], [(65, SILENCE)], True, id="silence began later"),
        pytest.param(
            [login(ms(0)), 70, login(ms(80)), 81, 150], [(60, SILENCE), (140, SILENCE)], True, id="gone for good"
        ),
        pytest.param([*RICH, balance(ms(5), 9_000), 5, 18.9], [], False, id="low, and not held"),
        pytest.param([*RICH, balance(ms(5), 9_000), 5, 19], [(19, BALANCE)], True, id="low and held"),
        pytest.param([*RICH, balance(ms(5), 9_000), 5, 30], [(19, BALANCE)], True, id="dated when it was held"),
        pytest.param([*RICH, balance(ms(5), 11_000), 5, 30], [], False, id="not low enough"),
        pytest.param(
            [*RICH, balance(ms(5), 9_000), 5, balance(ms(9), 50_000), 9, balance(ms(10), 9_000), 10, 23.9],
            [],
            False,
            id="interrupted",
        ),
        pytest.param(
            [*RICH, balance(ms(5), 9_000), 5, balance(ms(9), 50_000), 9, balance(ms(10), 9_000), 10, 24],
            [(24, BALANCE)],
            True,
            id="interrupted, and held anew",
        ),
        pytest.param([*RICH, balance(ms(5), 9_000), 5, 20, balance(ms(21), 50_000), 21], [(19, BALANCE)], False),
        pytest.param([balance(ms(0), 4_999), 1, balance(ms(5), 0), 5, 30], [], False, id="too little to be lost"),
        pytest.param([balance(ms(0), -9_000), 1, balance(ms(5), -90_000), 5, 30], [], False, id="overdrawn"),
        pytest.param([*RICH, balance(ms(5), -50), 5, 19], [(19, BALANCE)], True, id="fell below nothing"),
        pytest.param([*RICH, balance(ms(5), 0), 5, 61], [(19, BALANCE)], True, id="the first of two conditions"),
        pytest.param(
            [login(ms(0)), account_opened(ms(0)), account_closed(ms(70)), 80],
            [(60, SILENCE)],
            True,
            id="silent, then closed",
        ),
        pytest.param([*RICH, balance(ms(50), 0), 50, 65], [(60, SILENCE)], True, id="silent, then low for long enough"),
        pytest.param(
            [*RICH, balance(ms(50), 0), 50, 61, 70], [(60, SILENCE)], True, id="silence came before the hold was over"
        ),
    ],
)
def test_when_and_by_what(steps: Sequence[Step], found: list[tuple[float, str]], is_gone: bool) -> None:
    """Each way to go, to return, and to be heard of late."""
    state = after(steps)
    assert departures(state) == found
    assert bool(state.gone_ms) == is_gone


def test_a_departure_is_known_since_it_was_found() -> None:
    """A date that is put right later does not change when the customer was found to be gone."""
    state = after([login(ms(0)), account_opened(ms(0)), 61, account_closed(ms(20)), 70])
    assert [(each.at_ms, each.found_ms) for each in state.departures] == [(ms(20), ms(61))]


def test_the_oldest_departures_are_forgotten() -> None:
    """Who comes and goes for years keeps the last few."""
    steps: list[Step] = []
    for time in range(7):
        steps += [login(ms(100 * time)), 100 * time, 100 * time + 70]
    assert departures(after(steps)) == [(100 * time + 60, SILENCE) for time in range(7 - MAX_DEPARTURES, 7)]


def test_the_mean_is_of_what_was_there() -> None:
    """It follows what lay there between looks, to the half-life, and stands still while assets are low."""
    state = after([balance(ms(0), 100_000), 0, balance(ms(90), 20_000), 90])
    assert state.usual_cents == pytest.approx(100_000_00)  # the fall has only just come
    state = after([balance(ms(0), 100_000), 0, balance(ms(0, 1), 20_000), 1 / 24, 90 + 1 / 24])
    assert state.usual_cents == pytest.approx(60_000_00)
    state = after([balance(ms(0), 100_000), 0, balance(ms(0, 1), 1_000), 1 / 24, 50, 90])
    assert (state.usual_cents, state.low_since_ms) == (100_000_00, ms(0, 1))
    state = after([balance(ms(0), 100_000), 0, balance(ms(9), 1_000), 9, balance(ms(40), 80_000), 40, 130])
    assert state.usual_cents == pytest.approx(90_000_00)


def test_money_that_passes_through_is_no_habit() -> None:
    """A house that is paid for in a day does not make an everyday balance look low."""
    usual = after([balance(ms(0), 6_000), 0, 7, balance(ms(7), 1e6), 7, balance(ms(7, 1), 6_000), 7 + 1 / 24, 30])
    assert (usual.low_since_ms, usual.departures) == (0, [])


def test_stated_assets_that_grow_old_are_not_lost() -> None:
    """That a statement is no longer relied on is no outflow; one that says less is."""
    rich: list[Step] = [profile(ms(0), aum=500_000.0), balance(ms(0), 8_000), 1.0, 59.0, login(ms(59)), login(ms(115))]
    old = after([*rich, 99, 100.5, 115, 130])
    assert (old.departures, old.low_since_ms) == ([], 0)
    assert old.usual_cents == pytest.approx(8_000_00)
    less = after([*rich, 99, profile(ms(100), aum=0.0), 100, 114])
    assert departures(less) == [(114, BALANCE)]
    held = after([profile(ms(0), aum=500_000.0), login(ms(0)), 1, profile(ms(2), aum=1.0), 2, login(ms(59)), 110])
    assert departures(held) == [(16, BALANCE)]  # low until nothing was known any more, and nobody said otherwise


def test_assets_that_are_relied_on_no_longer_are_not_lost() -> None:
    """Nor does it matter whether time or a stricter policy says that a statement is too old."""
    steps: list[Step] = [profile(ms(0), aum=500_000.0), balance(ms(0), 8_000), login(ms(40)), 1, 50]
    folded, state = Folded(POLICIES), after(steps)
    folded.see(*(step for step in steps if isinstance(step, Event)))
    strict = Rules(policies(churn=deepcopy(CHURN), asset_outflow__aum_valid_days=30))
    for day in (51, 70, 90):
        look(folded.customer, state, ms(day), strict, churn_rules(strict))
    assert (state.departures, state.low_since_ms) == ([], 0)


def test_nothing_is_lost_of_nothing() -> None:
    """Where the floor is nothing, an account that was always empty has not been emptied."""
    rules = Rules(churn_policies(attrition__balance_floor=0.0))
    assert after([balance(ms(0), 0), 1, balance(ms(2), -5), 2, 30], rules).departures == []
    assert departures(after([balance(ms(0), 1), 1, balance(ms(2), 0), 2, 30], rules)) == [(16, BALANCE)]


def test_when_to_look_again() -> None:
    """At the end of silence or of the hold, whichever comes first; a customer with a clock ahead waits for it."""
    folded, state = Folded(POLICIES).see(balance(ms(0), 100_000), login(ms(3))), ChurnState()
    look(folded.customer, state, ms(4), RULES, churn_rules())
    assert next_ms(folded.customer, state, churn_rules()) == ms(63)
    folded.see(balance(ms(5), 0))
    look(folded.customer, state, ms(5), RULES, churn_rules())
    assert next_ms(folded.customer, state, churn_rules()) == ms(19)


def test_a_policy_of_silence_counts_from_where_it_stands() -> None:
    """A longer silence takes back what was found, and a shorter one dates it earlier."""
    steps: list[Step] = [login(ms(0)), 65]
    for days, found in ((90, []), (30, [(30, SILENCE)]), (60, [(60, SILENCE)])):
        folded, state = Folded(POLICIES).see(login(ms(0))), after(steps)
        rules = Rules(churn_policies(attrition__silence_days=days))
        look(folded.customer, state, ms(66), rules, churn_rules(rules))
        assert departures(state) == found


@settings(max_examples=10)
@given(st.lists(st.integers(1, 100), min_size=1, max_size=10), st.integers(0, 10**6))
def test_silences_are_found_whenever_they_end(gaps: list[int], name: int) -> None:
    """Each gap in the acts that is long enough, to the millisecond, wherever the weekly looks of a customer fall."""
    days = [sum(gaps[:count]) + 0.01 for count in range(len(gaps) + 1)]
    ledger, last = ChurnLedger(), 0.0
    for day in days:
        ledger.days(ms(last), day - last).see(login(ms(day), customer_id=f"c{name}"))
        last = int(day)
    ledger.days(ms(last), 80)
    gone = [day + 60 for day, after_it in zip(days, [*days[1:], 1e9], strict=True) if after_it - day > 60.5]
    assert [departure.at_ms for departure in ledger.churn(f"c{name}").departures] == [
        ms(day) for day in gone[-MAX_DEPARTURES:]
    ]


@settings(max_examples=20)
@given(st.integers(0, 10**9))
def test_balances_are_found_low_whoever_looks(seed: int) -> None:
    """Date of departure and mean are those of a straight sum over the statements, without any look in between."""
    draw = random.Random(seed)
    ledger = ChurnLedger(churn_policies(attrition__silence_days=366))
    now, levels = 0, []
    for _ in range(draw.randrange(2, 8)):
        level = float(draw.choice((0, 300, 4_000, 60_000, 90_000, 200_000)) + draw.randrange(99))
        ledger.see(balance(ms(now), level, customer_id=f"c{seed}"))
        levels.append((now, level))
        step = draw.choice((1, 2, 9, 15, 40))
        ledger.days(ms(now), step)
        now += step
    state = ledger.churn(f"c{seed}")
    looked = (state.usual_ms - ms(0)) / DAY_MS
    usual, low_since, gone, held = levels[0][1], None, [], False
    for (day, level), (until, _) in zip(levels, [*levels[1:], (now, 0.0)], strict=True):
        first = day + 1  # the tick at which it is looked at
        if not (usual >= 5_000 and level <= 0.1 * usual):
            low_since, held = None, False
            share = 1.0 - exp2(-(min(until + 1, looked) - first) / 90)
            usual += share * (level - usual)
            continue
        low_since = first if low_since is None else low_since
        if not held and low_since + 14 <= until:
            gone.append(ms(low_since + 14))
            held = True
    assert [departure.at_ms for departure in state.departures] == gone
    assert state.usual_cents == pytest.approx(usual * 100, rel=1e-9)


def test_money_coming_in_is_no_act() -> None:
    """Who is only paid to is as silent as before; who pays in is not."""
    assert departures(after([login(ms(0)), into(ms(30), 5, kind="interest", counterparty="bank"), 61])) == [
        (60, SILENCE)
    ]
    assert after([login(ms(0)), into(ms(30), 5), 61]).departures == []
