"""The churn-risk alert (流失预警): the score is high, and somebody should call.

Raised when the score reaches the high band, updated when it has risen by `worse_by` or has become critical, and
resolved when it has fallen below `resolve_ratio` of the band or the customer is gone: between the two it stays, so
that a score that trembles around a threshold says nothing twice.
"""

from config.churn_policies import Texts
from models.alerts import Figures, Finding, find, keeps_quiet, raise_alert, resolve_alert, update_alert
from models.churn_records import ScoreReason
from models.context import FoldContext, Reason
from models.customer import AlertState, Customer
from models.relationship import known_assets
from models.rules import ChurnRules

RULE = "churn_risk"
SCALE = 10_000
"""An alert's measure is the score in whole parts of this."""
MOST_REASONS = 3
_NO_DEADLINE = 0
"""An open alert changes with the score, not with time."""


def may_decide(customer: Customer, score: float, churn: ChurnRules) -> bool:
    """Whether a score could say anything: it seldom does, and finding reasons costs more than this."""
    return score >= churn.high or (bool(customer.alerts) and find(customer, RULE, "") is not None)


def decide(
    customer: Customer, score: float, reasons: list[ScoreReason], now_ms: int, churn: ChurnRules, ctx: FoldContext
) -> None:
    """Decide on a new score of a customer who is there; `reasons` come with the strongest first."""
    state = find(customer, RULE, "") if customer.alerts else None
    if state is not None and state.cooling_until_ms is not None:
        if score < churn.high or keeps_quiet(customer, state, now_ms, ctx):
            return
        state = None
    codes = [reason.code for reason in reasons if reason.contribution > 0.0][:MOST_REASONS]
    if state is None:
        if score >= churn.high:
            finding = _finding(customer, score, codes, now_ms, churn, ctx)
            raise_alert(customer, RULE, "", f"tick:{now_ms}", finding, now_ms, _NO_DEADLINE, ctx)
        return
    if score < churn.resolve_below:
        finding = _finding(customer, score, codes, now_ms, churn, ctx)
        resolve_alert(customer, state, finding, now_ms, churn.cooldown_ms, ctx)
        return
    worse = score * SCALE >= state.measure + churn.worse_by * SCALE
    if worse or (state.severity == "warning" and score >= churn.critical):
        update_alert(customer, state, _finding(customer, score, codes, now_ms, churn, ctx), now_ms, ctx)
    else:
        ctx.decide(RULE, Reason.UNCHANGED)


def gone(customer: Customer, now_ms: int, churn: ChurnRules, ctx: FoldContext) -> None:
    """The customer is gone: what was open ends."""
    state = find(customer, RULE, "") if customer.alerts else None
    if state is None or state.cooling_until_ms is not None:
        return
    finding = standing(customer, state, now_ms, ctx)
    finding.summary = "The customer is gone."
    resolve_alert(customer, state, finding, now_ms, churn.cooldown_ms, ctx)


def standing(customer: Customer, state: AlertState, now_ms: int, ctx: FoldContext) -> Finding:
    """What an open alert says: the score it was last reported with."""
    return _finding(customer, state.measure / SCALE, state.triggers, now_ms, ctx.rules.churn, ctx)


def dismiss(customer: Customer, state: AlertState, now_ms: int, ctx: FoldContext) -> None:
    """Close an open alert because somebody says that there is nothing in it."""
    cooldown_ms = ctx.rules.churn.cooldown_ms if ctx.rules.churn is not None else 0
    resolve_alert(customer, state, standing(customer, state, now_ms, ctx), now_ms, cooldown_ms, ctx)


def on_due(customer: Customer, state: AlertState, due_ms: int, ctx: FoldContext) -> None:
    """The cooldown is over: the next score may raise another alert."""
    keeps_quiet(customer, state, due_ms, ctx)


def _finding(
    customer: Customer, score: float, codes: list[str], now_ms: int, churn: ChurnRules | None, ctx: FoldContext
) -> Finding:
    """`churn` is None when the policies have ceased to score, and an alert is left."""
    assets, _ = known_assets(customer, now_ms, ctx.rules)
    figures: Figures = {"score": round(score, 4), "model_version": ctx.scoring.version}
    if assets is not None:
        figures["currency"] = ctx.rules.reporting_currency
        figures["assets"] = assets / 100
        figures["value_at_risk"] = round(score * max(assets, 0)) / 100
    texts: list[Texts] = []
    within, critical = "", False
    if churn is not None:
        figures["horizon_days"] = churn.horizon_days
        within, critical = f" within {churn.horizon_days} days", score >= churn.critical
        by_reason = churn.reasons.get(codes[0]) if codes else None
        found = (churn.tiers[customer.tier], by_reason, churn.stages.get(customer.stage))
        texts = [text for text in found if text is not None]
    named = ", ".join(code.replace("_", " ") for code in codes) or "no single reason"
    return Finding(
        severity="critical" if critical else "warning",
        measure=round(score * SCALE),
        triggers=codes,
        figures=figures,
        evidence=[],
        summary=f"Risk of {score:.0%} to be gone{within}: {named}.",
        action=" ".join(text.action for text in texts),
        action_zh="".join(text.action_zh for text in texts),
    )
