"""What people make of alerts, folded like everything else: the loop from an alert to its outcome is closed here.

An alert remembers each action and each outcome that it was answered with, once. So feedback that comes twice, late or
in another order leaves the same words behind and is counted once, and precision by rule can be read off the counted
decisions: of the alerts that were judged, retained and lost say that there was something in it, false_alarm that there
was nothing.
"""

from collections.abc import Callable, Mapping
from typing import Final, get_args

from msgspec import Struct

from models.alerts import Finding, acknowledge_alert
from models.case_alerts import PROCESS_RULE, SLA_RULE
from models.context import FoldContext, Reason
from models.customer import AlertState, Customer
from models.events import AlertFeedback, FeedbackAction, FeedbackOutcome

RULE: Final = "alert_feedback"
"""The rule under which feedback is counted that changes nothing."""
COUNTED: Final = {word: Reason(f"feedback_{word}") for word in (*get_args(FeedbackAction), *get_args(FeedbackOutcome))}
"""How each word is counted, under the rule of the alert."""


class Answerable(Struct, frozen=True):
    """What a rule lends to feedback on its open alerts: what such an alert says now, and how it is closed."""

    standing: Callable[[Customer, AlertState, int, FoldContext], Finding]
    dismiss: Callable[[Customer, AlertState, int, FoldContext], None]


def on_feedback(
    customer: Customer, event: AlertFeedback, answerable: Mapping[str, Answerable], ctx: FoldContext
) -> None:
    """Remember what was said of an alert of this customer, tell it on, and close what was dismissed.

    An alert that is not here has left long since, is about a complaint (those end with their case), or never was.
    """
    state = next((state for state in customer.alerts if state.alert_id == event.alert_id), None)
    if state is None:
        named = event.rule in answerable or event.rule in (SLA_RULE, PROCESS_RULE)
        ctx.decide(event.rule if named and event.rule else RULE, Reason.UNKNOWN_ALERT)
        return
    fresh = [word for word in (event.action, event.outcome) if word is not None and word not in state.feedback]
    if not fresh:
        ctx.decide(RULE, Reason.UNCHANGED)
        return
    state.feedback = sorted([*state.feedback, *fresh])
    for word in fresh:
        ctx.decide(state.rule, COUNTED[word])
    if state.cooling_until_ms is not None:
        ctx.decide(RULE, Reason.AFTER_CLOSING)
        return
    rule = answerable[state.rule]
    now_ms = max(customer.last_ms, ctx.clock_ms)
    if event.action == "dismissed" or event.outcome == "false_alarm":
        rule.dismiss(customer, state, now_ms, ctx)
    else:
        acknowledge_alert(customer, state, rule.standing(customer, state, now_ms, ctx), now_ms, ctx)
