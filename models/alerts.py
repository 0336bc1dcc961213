"""The life of an alert: raised, updated when worse, resolved, then quiet for a while.

A rule decides; this file keeps the state, derives the identity and words the record. An alert's id comes from
its cause (rule, customer, subject, and the event or deadline that raised it), so a replay finds the same
id again. Each report is one revision of it.
"""

from datetime import UTC, datetime
from typing import get_args

from msgspec import Struct

from models.context import FoldContext, Output, Reason, Stream
from models.customer import AlertState, Customer
from models.events import Tier
from models.identity import digest_of

ALERT_STATES = ("raised", "updated", "acknowledged", "resolved", "retracted")
OPEN_STATES = ("raised", "updated", "acknowledged")
"""The states in which somebody still has something to do."""
SEVERITIES = ("warning", "critical")
TIERS: tuple[str, ...] = get_args(Tier)

Figures = dict[str, int | float | str]


class Alert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One revision of an alert, as consumers of ``ebbwatch.alerts`` see it.

    `state` is raised, updated, acknowledged (somebody answered it: `figures.feedback`), resolved, or retracted: what it
    said turned out not to have been so. `figures` are what the decision was made on, amounts in units of the reporting
    currency; `evidence` the ids of the events behind it.
    Consumers upsert by `alert_id`: the highest `revision` wins.
    """

    alert_id: str
    revision: int
    rule: str
    state: str
    customer_id: str
    subject: str
    severity: str
    tier: str
    stage: str
    raised_at: datetime
    at: datetime
    triggers: list[str]
    figures: Figures
    evidence: list[str]
    summary: str
    action: str
    action_zh: str
    policy_version: str
    policy_digest: str


class Finding(Struct, kw_only=True):
    """What a rule found worth reporting: everything about an alert but its life."""

    severity: str
    measure: int
    triggers: list[str]
    figures: Figures
    evidence: list[str]
    summary: str
    action: str
    action_zh: str


def open_alerts_index(rule: str) -> str:
    """Sorted index of the alerts of a rule that are open, by the time they were raised in ms."""
    return f"alerts:{rule}"


def alert_id(rule: str, customer_id: str, subject: str, cause: str) -> str:
    """16 hex digits that the same cause always yields; `cause` names an event or a deadline."""
    return digest_of(rule, customer_id, subject, cause).hex()


def find(customer: Customer, rule: str, subject: str) -> AlertState | None:
    """The alert that is open or cooling for this rule and subject."""
    for state in customer.alerts:
        if state.rule == rule and state.subject == subject:
            return state
    return None


def raise_alert(
    customer: Customer,
    rule: str,
    subject: str,
    cause: str,
    finding: Finding,
    at_ms: int,
    due_ms: int,
    ctx: FoldContext,
) -> AlertState:
    """Open an alert and report it; `due_ms` is when time alone could change it."""
    state = AlertState(
        rule=rule,
        subject=subject,
        alert_id=alert_id(rule, customer.customer_id, subject, cause),
        revision=1,
        raised_ms=at_ms,
        updated_ms=at_ms,
        severity=finding.severity,
        measure=finding.measure,
        triggers=finding.triggers,
        due_ms=due_ms,
    )
    customer.alerts.append(state)
    ctx.decide(rule, Reason.RAISED)
    report(customer, state, "raised", finding, at_ms, ctx)
    return state


def update_alert(customer: Customer, state: AlertState, finding: Finding, at_ms: int, ctx: FoldContext) -> None:
    """Report that an open alert got worse."""
    state.revision += 1
    state.updated_ms = at_ms
    state.severity = finding.severity
    state.measure = finding.measure
    state.triggers = finding.triggers
    ctx.decide(state.rule, Reason.WORSE)
    report(customer, state, "updated", finding, at_ms, ctx)


def acknowledge_alert(customer: Customer, state: AlertState, finding: Finding, at_ms: int, ctx: FoldContext) -> None:
    """Report that an open alert was answered; how bad it is stays as it was last reported."""
    state.revision += 1
    state.updated_ms = at_ms
    report(customer, state, "acknowledged", finding, at_ms, ctx)


def resolve_alert(
    customer: Customer, state: AlertState, finding: Finding, at_ms: int, cooldown_ms: int, ctx: FoldContext
) -> None:
    """Close an alert and keep quiet about its subject until the cooldown is over."""
    state.revision += 1
    state.updated_ms = at_ms
    state.cooling_until_ms = state.due_ms = at_ms + cooldown_ms
    ctx.decide(state.rule, Reason.RESOLVED)
    report(customer, state, "resolved", finding, at_ms, ctx)
    if cooldown_ms == 0:
        forget(customer, state)


def forget(customer: Customer, state: AlertState) -> None:
    """Drop a cooled-down alert from the aggregate."""
    customer.alerts = [kept for kept in customer.alerts if kept is not state]


def keeps_quiet(customer: Customer, state: AlertState, now_ms: int, ctx: FoldContext) -> bool:
    """Whether a resolved alert is still cooling down at `now_ms`; once it is not, it is forgotten."""
    if state.cooling_until_ms is not None and now_ms < state.cooling_until_ms:
        ctx.decide(state.rule, Reason.COOLDOWN)
        return True
    forget(customer, state)
    ctx.decide(state.rule, Reason.COOLDOWN_OVER)
    return False


def instant(at_ms: int) -> datetime:
    """`at_ms` as an aware datetime in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def report(
    customer: Customer,
    state: AlertState,
    life: str,
    finding: Finding,
    at_ms: int,
    ctx: FoldContext,
    policy: tuple[str, str] | None = None,
) -> None:
    """Put out one revision, and keep the index of open alerts; every revision of every rule passes here.

    `policy` is the version and digest that it was decided by, else those in force.
    """
    version, digest = policy or (ctx.rules.policies.version, ctx.rules.digest)
    body = Alert(
        alert_id=state.alert_id,
        revision=state.revision,
        rule=state.rule,
        state=life,
        customer_id=customer.customer_id,
        subject=state.subject,
        severity=state.severity,
        tier=customer.tier,
        stage=customer.stage,
        raised_at=instant(state.raised_ms),
        at=instant(at_ms),
        triggers=state.triggers,
        figures={**finding.figures, "feedback": ", ".join(state.feedback)} if state.feedback else finding.figures,
        evidence=finding.evidence,
        summary=finding.summary,
        action=finding.action,
        action_zh=finding.action_zh,
        policy_version=version,
        policy_digest=digest,
    )
    ctx.outputs.append(Output(Stream.ALERTS, customer.customer_id, f"{state.alert_id}.{state.revision}", body))
    ctx.rank(open_alerts_index(state.rule), state.alert_id, float(state.raised_ms) if life in OPEN_STATES else None)
