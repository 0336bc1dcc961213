"""The fold: one customer and one event, or one deadline, to the customer as it is then and what there is to say.

Pure: no IO, no clock, no randomness. Speed comes from folding in place: whoever calls owns the aggregate it passes
in, and drops it if the batch is not committed.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from models import (
    alert_feedback,
    asset_outflow,
    case_alerts,
    churn_risk,
    complaints,
    counters,
    money_flows,
    relationship,
    repeated_inquiry,
)
from models.alert_feedback import Answerable
from models.context import FoldContext
from models.counters import count
from models.customer import RECENT_EVENT_IDS, RECENT_ID_BYTES, AlertState, Customer
from models.decay import DAY_MS, REBASE_AFTER_MS, Weights, weights
from models.events import (
    AccountClosed,
    AccountOpened,
    AlertFeedback,
    Complaint,
    Contact,
    Event,
    FeedEvent,
    Login,
    PageView,
    ProductClosed,
    ProductOpened,
    ProfileChanged,
    Transaction,
)
from models.money_flows import INTERNAL_COUNTERPARTIES, INTERNAL_KINDS, Outflow
from models.rules import ChurnRules

_ID_HASH = blake2b(digest_size=RECENT_ID_BYTES)
"""Of an empty id, to be copied: making a new one costs more than hashing."""
_KEPT_ID_BYTES = (RECENT_EVENT_IDS - 1) * RECENT_ID_BYTES
STAGE_EVERY_DAYS = 7
"""How often the lifecycle stage is looked at again, when something happens."""
CHURN_PAUSE_MS = 7 * DAY_MS
"""How often it is asked whether the policies score again, once they have ceased to."""
_Handler = Callable[[Customer, Any, int, int, Weights, FoldContext], None]


def new_customer(customer_id: str, at_ms: int) -> Customer:
    """A customer first heard of at `at_ms`."""
    return Customer(customer_id=customer_id, first_ms=at_ms, last_ms=at_ms, landmark_ms=at_ms)


def fold(customer: Customer | None, event: Event, at_ms: int, ctx: FoldContext) -> Customer | None:
    """The customer after `event`, whose business time is `at_ms`; None for a duplicate, which changes nothing.

    A duplicate is an event whose id is among the customer's latest `RECENT_EVENT_IDS`, or whose id a rule keeps as
    evidence: however late it is said again, it is not one more call, nor more money. Outputs and decisions go to `ctx`.
    """
    rules = ctx.rules
    hashed = _ID_HASH.copy()
    hashed.update(event.event_id.encode())
    digest = hashed.digest()
    day = rules.days.day_of(at_ms)
    if customer is None:
        customer = new_customer(event.customer_id, at_ms)
    elif digest in customer.recent and _is_recent(customer.recent, digest):
        return None
    elif type(event) is Transaction:
        if customer.flows is not None and money_flows.is_largest(customer.flows, event.event_id, day):
            return None
    elif type(event) is Contact and repeated_inquiry.is_remembered(customer, event.reason, event.event_id):
        return None
    customer.recent = customer.recent[-_KEPT_ID_BYTES:] + digest
    customer.events += 1
    if at_ms > customer.last_ms:
        customer.last_ms = at_ms
        if at_ms - customer.landmark_ms > REBASE_AFTER_MS:
            counters.move_landmark(customer, at_ms)
    elif at_ms < customer.first_ms:
        customer.first_ms = at_ms
    by = weights(at_ms, customer.landmark_ms)
    if day >= customer.stage_day + STAGE_EVERY_DAYS:
        # Before the event is counted: at the moment of an event, any pace looks like a burst.
        relationship.refresh_stage(customer, day, at_ms, rules)
    _HANDLERS[type(event)](customer, event, at_ms, day, by, ctx)
    if rules.churn is not None:
        _score_soon(customer, ctx.clock_ms, rules.churn)
    if customer.alerts or customer.cases:
        customer.due_ms = next_due_ms(customer)
    else:
        customer.due_ms = customer.churn_due_ms
    return customer


def fold_due(customer: Customer, now_ms: int, ctx: FoldContext) -> None:
    """Let every deadline of the customer that has come by `now_ms` fire, in order, each at its own time.

    Scoring is none of them: `models.churn_tick` does it for many at once, and sets `churn_due_ms` again.
    """
    if 0 < customer.churn_due_ms <= now_ms:
        # While nobody is scored they stay due: who has gone silent meanwhile would never be heard of again.
        customer.churn_due_ms = ctx.clock_ms + CHURN_PAUSE_MS if ctx.rules.churn is None else 0
    elif ctx.rules.churn is not None:
        _score_soon(customer, ctx.clock_ms, ctx.rules.churn)
    while 0 < customer.due_ms <= now_ms:
        due_ms = customer.due_ms
        for state in [state for state in customer.alerts if state.due_ms == due_ms]:
            _ON_DUE[state.rule](customer, state, due_ms, ctx)
        complaints.on_due(customer, due_ms, ctx)
        customer.due_ms = next_due_ms(customer)
        assert customer.due_ms == 0 or customer.due_ms > due_ms, "a deadline that fires moves on"


def _score_soon(customer: Customer, clock_ms: int, churn: ChurnRules) -> None:
    due_ms = churn.score_due_ms(clock_ms)
    if due_ms < customer.churn_due_ms or not customer.churn_due_ms:
        customer.churn_due_ms = due_ms


def next_due_ms(customer: Customer) -> int:
    """The earliest time at which something of this customer needs a tick; 0 when nothing does."""
    times = [state.due_ms for state in customer.alerts if state.due_ms]
    if customer.cases:
        times += [case.due_ms for case in customer.cases]
    if customer.churn_due_ms:
        times.append(customer.churn_due_ms)
    return min(times, default=0)


def _is_recent(recent: bytes, digest: bytes) -> bool:
    place = recent.find(digest)
    while place > 0 and place % RECENT_ID_BYTES:  # found across two ids: not one of them
        place = recent.find(digest, place + 1)
    return place >= 0


def _transaction(customer: Customer, event: Transaction, at_ms: int, day: int, by: Weights, ctx: FoldContext) -> None:
    rules = ctx.rules
    kind = event.kind
    count(customer, counters.TRANSACTION_KINDS[kind], by)
    counterparty = event.counterparty
    # What `money_flows.is_external` says; a call would cost more than the question.
    external = counterparty not in INTERNAL_COUNTERPARTIES and kind not in INTERNAL_KINDS
    if at_ms > customer.last_active_ms and (external or money_flows.is_own_act(event)):
        customer.last_active_ms = at_ms
    cents = rules.cents(event.amount, event.currency)
    balance = event.balance_after
    balance_cents = None if balance is None else rules.cents(balance, event.currency)
    grew = relationship.see_balance(customer, event.account_id, balance_cents, at_ms)
    if grew and customer.tier != "core":
        assets, basis = relationship.known_assets(customer, at_ms, rules)
        before = assets - grew if assets is not None and basis == "balances" else assets
        relationship.upgrade_tier(customer, before, assets, rules)
    if cents is None:
        customer.unvalued += 1
        return
    comes_in = event.direction == "in"
    if not external:
        count(customer, counters.OWN_IN if comes_in else counters.OWN_OUT, by, cents)
        if kind == "payroll" and comes_in:
            relationship.see_payroll(customer, cents, at_ms)
        return
    now_ms = max(customer.last_ms, ctx.clock_ms)
    window_days = rules.outflow_window_days
    moved: Outflow | None = None
    if comes_in:
        count(customer, counters.MONEY_IN, by, cents)
        flows = customer.flows = money_flows.record_inflow(customer.flows, day, cents, window_days)
    else:
        count(customer, counters.MONEY_OUT, by, cents)
        if counterparty == "own_elsewhere":
            count(customer, counters.OWN_ELSEWHERE_OUT, by, cents)
        moved = Outflow(cents, day, event.event_id)
        flows = customer.flows = money_flows.record_outflow(customer.flows, moved, window_days)
    if now_ms > at_ms:
        money_flows.roll(flows, rules.days.day_of(now_ms), window_days)
        if day <= flows.rolled_day:
            moved = None  # too late to have moved anything within the window
    asset_outflow.on_money_moved(customer, moved, event.event_id, now_ms, ctx)


def _account_opened(
    customer: Customer, event: AccountOpened, at_ms: int, day: int, by: Weights, ctx: FoldContext
) -> None:
    relationship.see_balance(customer, event.account_id, None, at_ms)
    if event.product is not None:
        relationship.open_product(customer, event.product)


def _account_closed(
    customer: Customer, event: AccountClosed, at_ms: int, day: int, by: Weights, ctx: FoldContext
) -> None:
    relationship.close_account(customer, event.account_id, at_ms, by_bank=event.initiated_by == "bank")


def _product_opened(
    customer: Customer, event: ProductOpened, at_ms: int, day: int, by: Weights, ctx: FoldContext
) -> None:
    relationship.open_product(customer, event.product)


def _product_closed(
    customer: Customer, event: ProductClosed, at_ms: int, day: int, by: Weights, ctx: FoldContext
) -> None:
    relationship.close_product(customer, event.product)


def _login(customer: Customer, event: Login, at_ms: int, day: int, by: Weights, ctx: FoldContext) -> None:
    if event.succeeded:
        if at_ms > customer.last_active_ms:
            customer.last_active_ms = at_ms
        count(customer, counters.LOGIN, by)
    else:
        count(customer, counters.LOGIN_FAILED, by)


def _page_view(customer: Customer, event: PageView, at_ms: int, day: int, by: Weights, ctx: FoldContext) -> None:
    if at_ms > customer.last_active_ms:
        customer.last_active_ms = at_ms
    count(customer, counters.PAGE_VIEW, by)


def _contact(customer: Customer, event: Contact, at_ms: int, day: int, by: Weights, ctx: FoldContext) -> None:
    if event.direction == "outbound":
        count(customer, counters.CONTACT_OUT, by)
        return
    if at_ms > customer.last_active_ms:
        customer.last_active_ms = at_ms
    count(customer, counters.CONTACT_IN, by)
    if event.outcome == "abandoned":
        count(customer, counters.CONTACT_ABANDONED, by)
    repeated_inquiry.on_contact(customer, event.reason, event.event_id, at_ms, by, ctx)


def _feedback(customer: Customer, event: AlertFeedback, at_ms: int, day: int, by: Weights, ctx: FoldContext) -> None:
    alert_feedback.on_feedback(customer, event, _ANSWERABLE, ctx)


def _complaint(customer: Customer, event: Complaint, at_ms: int, day: int, by: Weights, ctx: FoldContext) -> None:
    if event.step == "received":
        count(customer, counters.COMPLAINT, by)
    complaints.on_step(customer, event, at_ms, by, ctx)


def _profile(customer: Customer, event: ProfileChanged, at_ms: int, day: int, by: Weights, ctx: FoldContext) -> None:
    rules = ctx.rules
    before, _ = relationship.known_assets(customer, at_ms, rules)
    relationship.see_profile(customer, event, at_ms, rules)
    if event.tier is None:
        now, _ = relationship.known_assets(customer, at_ms, rules)
        relationship.upgrade_tier(customer, before, now, rules)


_HANDLERS: dict[type[FeedEvent], _Handler] = {
    Transaction: _transaction,
    AccountOpened: _account_opened,
    AccountClosed: _account_closed,
    ProductOpened: _product_opened,
    ProductClosed: _product_closed,
    Login: _login,
    PageView: _page_view,
    Contact: _contact,
    AlertFeedback: _feedback,
    Complaint: _complaint,
    ProfileChanged: _profile,
}

_ON_DUE: dict[str, Callable[[Customer, AlertState, int, FoldContext], None]] = {
    asset_outflow.RULE: asset_outflow.on_due,
    repeated_inquiry.RULE: repeated_inquiry.on_due,
    churn_risk.RULE: churn_risk.on_due,
}

_ANSWERABLE = {
    asset_outflow.RULE: Answerable(asset_outflow.standing, asset_outflow.dismiss),
    repeated_inquiry.RULE: Answerable(repeated_inquiry.standing, repeated_inquiry.dismiss),
    churn_risk.RULE: Answerable(churn_risk.standing, churn_risk.dismiss),
}
"""What feedback on an alert of a rule can bring about; every rule of `_ON_DUE` is here."""

RULES = (*_ON_DUE, case_alerts.SLA_RULE, case_alerts.PROCESS_RULE)
"""Every rule that can raise an alert, by name."""
