"""Attrition (流失) as the policy has it: who is gone, since when, and by what.

A customer is gone when the last account is closed, when the known assets have been down to a share of their trailing
mean for some days, or when they have ceased to do anything for some days; whoever has never done anything, and is known
from a profile alone, cannot cease. The date is that at which the condition became true,
whenever it is found out, and `next_ms` says when to look: so an outcome does not depend on when somebody happens to,
and both outcomes of an observation are known when its horizon is over.
"""

from math import exp2
from typing import Final

from models.churn_state import MAX_DEPARTURES, ChurnState, Departure
from models.customer import Customer
from models.relationship import known_assets
from models.rules import ChurnRules, Rules

CLOSED: Final = "closed"
CLOSED_BY_BANK: Final = "closed_by_bank"
BALANCE: Final = "balance"
SILENCE: Final = "silence"
NEVER_MS: Final = 1 << 62


def look(customer: Customer, state: ChurnState, now_ms: int, rules: Rules, churn: ChurnRules) -> None:
    """See whether the customer is gone at `now_ms`, and remember it."""
    _follow_balance(customer, state, now_ms, rules, churn)
    if state.gone_ms and _is_disproved(customer, state, churn):
        del state.departures[-1:]
        state.gone_ms, state.gone_by = 0, ""
    found = _gone(customer, state, now_ms, churn)
    if found is None:
        state.gone_ms, state.gone_by = 0, ""
        return
    if not state.gone_ms:
        state.departures = [*state.departures[1 - MAX_DEPARTURES :], found]
    elif found.at_ms < state.gone_ms:
        for known in state.departures[-1:]:
            found.found_ms = known.found_ms
        state.departures[-1:] = [found]
    else:
        return
    state.gone_ms, state.gone_by = found.at_ms, found.by


def next_ms(customer: Customer, state: ChurnState, churn: ChurnRules) -> int:
    """When somebody who is there will be gone if nothing happens; `NEVER_MS` where nothing says so.

    Who is looked at later may be back by then.
    """
    at_ms = customer.last_active_ms + churn.silence_ms if customer.last_active_ms else NEVER_MS
    return min(at_ms, state.low_since_ms + churn.balance_hold_ms) if state.low_since_ms else at_ms


def _is_disproved(customer: Customer, state: ChurnState, churn: ChurnRules) -> bool:
    """News can come late: of an act in what was taken for silence, or of another account that was there all along."""
    if state.gone_by == SILENCE:
        return customer.last_active_ms <= state.gone_ms < customer.last_active_ms + churn.silence_ms
    if state.gone_by == BALANCE:
        return False
    return any(not account.closed and account.balance_at_ms <= state.gone_ms for account in customer.accounts)


def _follow_balance(customer: Customer, state: ChurnState, now_ms: int, rules: Rules, churn: ChurnRules) -> None:
    assets, _ = known_assets(customer, now_ms, rules)
    if assets is None:
        return  # nothing says that they have changed
    if not state.usual_ms or (not state.low_since_ms and _ran_out(customer, state, assets, now_ms, rules)):
        state.usual_cents = float(assets)
    elif not state.low_since_ms:
        share = 1.0 - exp2((state.usual_ms - now_ms) / churn.balance_half_life_ms)
        state.usual_cents += share * (state.assets_cents - state.usual_cents)
    usual = state.usual_cents
    if usual > 0.0 and usual >= churn.balance_floor and assets <= churn.balance_share * usual:
        state.low_since_ms = state.low_since_ms or now_ms
    else:
        state.low_since_ms = 0
    state.assets_cents, state.usual_ms = float(assets), now_ms


def _ran_out(customer: Customer, state: ChurnState, assets: int, now_ms: int, rules: Rules) -> bool:
    """Whether the assets as last seen were a statement that is too old to count by now: only knowledge has gone."""
    aum, age_ms = customer.profile.aum_cents, now_ms - customer.profile.aum_at_ms
    return aum is not None and state.assets_cents == aum > assets and age_ms > rules.aum_valid_ms


def _gone(customer: Customer, state: ChurnState, now_ms: int, churn: ChurnRules) -> Departure | None:
    """The condition that became true first, of those that are true."""
    found: Departure | None = None
    if customer.closed_accounts:
        found = _closed(customer, now_ms)
    if state.low_since_ms:
        found = _earlier(found, state.low_since_ms + churn.balance_hold_ms, BALANCE, now_ms)
    if customer.last_active_ms:
        found = _earlier(found, customer.last_active_ms + churn.silence_ms, SILENCE, now_ms)
    return found


def _earlier(found: Departure | None, at_ms: int, by: str, now_ms: int) -> Departure | None:
    if at_ms > now_ms or (found is not None and found.at_ms <= at_ms):
        return found
    return Departure(at_ms, by, now_ms)


def _closed(customer: Customer, now_ms: int) -> Departure | None:
    """When the last account was closed, and by whom; None while one is open."""
    last = None
    for account in customer.accounts:
        if not account.closed:
            return None
        if last is None or account.balance_at_ms > last.balance_at_ms:
            last = account
    if last is None:
        return None
    return Departure(last.balance_at_ms, CLOSED_BY_BANK if last.by_bank else CLOSED, now_ms)
