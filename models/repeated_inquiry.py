"""Repeated inquiry (重复咨询): the same question again and again is a complaint in the making.

`contacts` inbound contacts for the same reason within `window_days` (of 24 hours), whatever the channel and
whether or not they were answered, raise an alert for that customer and reason. More contacts in the window than it was
reported with update it. It is resolved when the passage of time leaves fewer than `contacts` in the window, and then
cools down.
"""

from bisect import bisect_right

from models.alerts import Figures, Finding, find, forget, instant, keeps_quiet, raise_alert, resolve_alert, update_alert
from models.context import FoldContext, Reason
from models.customer import MAX_CONTACTS_PER_REASON, MAX_REASONS, AlertState, Customer, Inquiry
from models.decay import Weights
from models.inquiries import inquiries_of, keep_inquiries
from models.rules import Rules

RULE = "repeated_inquiry"


def on_contact(customer: Customer, reason: str, event_id: str, at_ms: int, by: Weights, ctx: FoldContext) -> None:
    """Remember an inbound contact that began at `at_ms` and decide on its reason."""
    rules = ctx.rules
    now_ms = max(customer.last_ms, ctx.clock_ms)
    inquiry = _remember(customer, reason, event_id, at_ms, now_ms, by, ctx)
    if reason in rules.inquiry_ignored:
        ctx.decide(RULE, Reason.IGNORED)
        return
    if at_ms <= now_ms - rules.inquiry_window_ms:
        ctx.decide(RULE, Reason.STALE)
        return
    state = find(customer, RULE, reason) if customer.alerts else None
    if state is not None and state.cooling_until_ms is not None:
        if keeps_quiet(customer, state, now_ms, ctx):
            return
        state = None
    _decide(customer, reason, inquiry, state, now_ms, f"event:{event_id}", ctx)


def is_remembered(customer: Customer, reason: str, event_id: str) -> bool:
    """Whether the contact is among the latest for its reason."""
    if event_id.encode() not in customer.inquiries:  # as nearly always, and nothing has to be decoded
        return False
    inquiry = inquiries_of(customer).get(reason)
    return inquiry is not None and event_id in inquiry.event_ids


def on_due(customer: Customer, state: AlertState, due_ms: int, ctx: FoldContext) -> None:
    """Time alone: contacts have left the window, or the cooldown is over."""
    rules = ctx.rules
    inquiry = inquiries_of(customer)[state.subject]
    ignored = state.subject in rules.inquiry_ignored
    if state.cooling_until_ms is not None:
        if not keeps_quiet(customer, state, due_ms, ctx) and not ignored:
            _decide(customer, state.subject, inquiry, None, due_ms, f"deadline:{due_ms}", ctx)
        return
    contacts = _count(inquiry, due_ms, rules)
    if contacts >= rules.inquiry_contacts and not ignored:  # the policy changed since the deadline was set
        state.due_ms = _due_ms(inquiry, rules)
        ctx.decide(RULE, Reason.UNCHANGED)
        return
    finding = _finding(customer, state.subject, inquiry, due_ms, ctx)
    resolve_alert(customer, state, finding, due_ms, rules.inquiry_cooldown_ms, ctx)


def standing(customer: Customer, state: AlertState, now_ms: int, ctx: FoldContext) -> Finding:
    """What an open alert says at `now_ms`."""
    return _finding(customer, state.subject, inquiries_of(customer)[state.subject], now_ms, ctx)


def dismiss(customer: Customer, state: AlertState, now_ms: int, ctx: FoldContext) -> None:
    """Close an open alert because somebody says that there is nothing in it."""
    resolve_alert(customer, state, standing(customer, state, now_ms, ctx), now_ms, ctx.rules.inquiry_cooldown_ms, ctx)


def _remember(
    customer: Customer, reason: str, event_id: str, at_ms: int, now_ms: int, by: Weights, ctx: FoldContext
) -> Inquiry:
    inquiries = inquiries_of(customer)
    inquiry = inquiries.get(reason)
    if inquiry is None:
        if len(inquiries) >= MAX_REASONS:
            _forget_oldest_reason(customer, inquiries, now_ms, ctx)
        inquiry = inquiries[reason] = Inquiry([0.0, 0.0, 0.0])
    cell = inquiry.cell
    cell[0] += by[0]
    cell[1] += by[1]
    cell[2] += by[2]
    place = bisect_right(inquiry.times_ms, at_ms)
    inquiry.times_ms.insert(place, at_ms)
    inquiry.event_ids.insert(place, event_id)
    if len(inquiry.times_ms) > MAX_CONTACTS_PER_REASON:
        del inquiry.times_ms[0], inquiry.event_ids[0]
    keep_inquiries(customer, inquiries)
    return inquiry


def _forget_oldest_reason(customer: Customer, inquiries: dict[str, Inquiry], now_ms: int, ctx: FoldContext) -> None:
    alerts = {state.subject: state for state in customer.alerts if state.rule == RULE}
    # A reason with an alert is kept while there is another: its deadline needs the contacts.
    idle = [reason for reason in inquiries if reason not in alerts] or list(inquiries)
    oldest = min(idle, key=lambda reason: (inquiries[reason].times_ms[-1], reason))
    inquiry = inquiries.pop(oldest)
    if (state := alerts.get(oldest)) is not None:
        if state.cooling_until_ms is None:
            resolve_alert(customer, state, _finding(customer, oldest, inquiry, now_ms, ctx), now_ms, 0, ctx)
        else:
            forget(customer, state)


def _count(inquiry: Inquiry, now_ms: int, rules: Rules) -> int:
    begin, end = _window(inquiry, now_ms, rules)
    return end - begin


def _window(inquiry: Inquiry, now_ms: int, rules: Rules) -> tuple[int, int]:
    times = inquiry.times_ms
    return bisect_right(times, now_ms - rules.inquiry_window_ms), bisect_right(times, now_ms)


def _decide(
    customer: Customer,
    reason: str,
    inquiry: Inquiry,
    state: AlertState | None,
    now_ms: int,
    cause: str,
    ctx: FoldContext,
) -> None:
    rules = ctx.rules
    contacts = _count(inquiry, now_ms, rules)
    if state is None:
        if contacts < rules.inquiry_contacts:
            ctx.decide(RULE, Reason.BELOW_THRESHOLD)
            return
        finding = _finding(customer, reason, inquiry, now_ms, ctx)
        raise_alert(customer, RULE, reason, cause, finding, now_ms, _due_ms(inquiry, rules), ctx)
        return
    if contacts < rules.inquiry_contacts:
        # The deadline has passed already, or the policy asks for more contacts now: the deadline resolves it.
        ctx.decide(RULE, Reason.UNCHANGED)
        return
    state.due_ms = _due_ms(inquiry, rules)
    if contacts <= state.measure:
        ctx.decide(RULE, Reason.UNCHANGED)
        return
    update_alert(customer, state, _finding(customer, reason, inquiry, now_ms, ctx), now_ms, ctx)


def _due_ms(inquiry: Inquiry, rules: Rules) -> int:
    """When the window will hold fewer contacts than an alert needs."""
    return inquiry.times_ms[-rules.inquiry_contacts] + rules.inquiry_window_ms


def _finding(customer: Customer, reason: str, inquiry: Inquiry, now_ms: int, ctx: FoldContext) -> Finding:
    rules = ctx.rules
    days = rules.inquiry_window_ms // 86_400_000
    begin, end = _window(inquiry, now_ms, rules)
    times, ids = inquiry.times_ms[begin:end], inquiry.event_ids[begin:end]
    contacts = len(times)
    if not contacts:
        times, ids = inquiry.times_ms[-1:], inquiry.event_ids[-1:]
    at_least = "At least " if contacts == MAX_CONTACTS_PER_REASON else ""
    figures: Figures = {
        "contacts": contacts,
        "window_days": days,
        "first_contact_at": instant(times[0]).isoformat(),
        "last_contact_at": instant(times[-1]).isoformat(),
    }
    action, action_zh = rules.inquiry_actions[customer.tier]
    return Finding(
        severity="critical" if contacts >= rules.inquiry_critical else "warning",
        measure=contacts,
        triggers=["repeated"],
        figures=figures,
        evidence=list(ids),
        summary=f"{at_least}{contacts} contacts for the same reason ({reason}) in {days} days.",
        action=action,
        action_zh=action_zh,
    )
