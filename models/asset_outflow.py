"""Asset outflow (资产转出): money ebbs out of the bank faster than this customer's own measure explains.

The measure is net external outflow over the last `window_days` local days (see `models.money_flows` for what is
external), held against

- the customer's assets where they are known (balances, or assets under management stated recently): the share
  `assets_share` of what there was at the start of the window, and no less than `usual_multiple` of the habit;
- otherwise the customer's own habit: `habit_multiple` times the habitual outflow of as many days;

and never less than the tier's floor (`cold_floor` while no habit is known). Three triggers: *sustained* (over the
threshold, with at least `sustained_days` draining days), *rapid* (not that many days yet, but `critical_ratio` times
the threshold: many transfers at once are no better than one large one) and *large_transaction* (one transaction that
is large by itself, while the net outflow stands above the level at which an alert would be resolved).
"""

from msgspec import Struct

from models import money_flows
from models.alerts import Figures, Finding, find, keeps_quiet, raise_alert, resolve_alert, update_alert
from models.context import FoldContext, Reason
from models.customer import AlertState, Customer, Flows
from models.money_flows import Outflow
from models.relationship import known_assets
from models.rules import OutflowThresholds, Rules

RULE = "asset_outflow"
INDEX = "asset_outflow"
"""Sorted index of customers with an open alert, by net outflow in cents."""

NO_BASIS = "none"
MOST_EVIDENCE = 8
"""Most event ids named by an alert: the largest outflow of a day each, the largest of them first."""
_LOWEST_CENTS = 1
_BELOW_FLOOR = (RULE, Reason.BELOW_FLOOR)


class Measure(Struct):
    """The rule's figures for one customer on one day; amounts in cents."""

    today: int
    net: int
    threshold: float
    large_threshold: float
    drain_threshold: float
    basis: str
    assets: int | None
    habit_daily: float | None


def on_money_moved(customer: Customer, moved: Outflow | None, event_id: str, at_ms: int, ctx: FoldContext) -> None:
    """Decide after the event `event_id` moved external money; `moved` is the outflow, or None when money came in.

    `at_ms` is the latest time known: the business time of the event, or what it came later than.
    """
    flows = customer.flows
    assert flows is not None, "money moved, so there are flows"
    state = find(customer, RULE, "") if customer.alerts else None
    if state is None:
        if moved is None:
            return
        net = flows.net_cents
        if net < ctx.rules.outflow_by_tier[customer.tier].floor:
            ctx.decisions[_BELOW_FLOOR] += 1
            return
    _decide(customer, flows, state, moved, at_ms, f"event:{event_id}", ctx)


def on_due(customer: Customer, state: AlertState, due_ms: int, ctx: FoldContext) -> None:
    """Time alone: each local midnight an open alert is looked at again; a cooled-down one may come back."""
    flows = customer.flows
    assert flows is not None, "an outflow alert has flows behind it"
    money_flows.roll(flows, ctx.rules.days.day_of(due_ms), ctx.rules.outflow_window_days)
    _decide(customer, flows, state, None, due_ms, f"deadline:{due_ms}", ctx)


def standing(customer: Customer, state: AlertState, now_ms: int, ctx: FoldContext) -> Finding:
    """What an open alert says at `now_ms`."""
    flows = customer.flows
    assert flows is not None, "an outflow alert has flows behind it"
    money_flows.roll(flows, ctx.rules.days.day_of(now_ms), ctx.rules.outflow_window_days)
    return _finding(customer, flows, measure(customer, flows, now_ms, ctx.rules), state.triggers, ctx)


def dismiss(customer: Customer, state: AlertState, now_ms: int, ctx: FoldContext) -> None:
    """Close an open alert because somebody says that there is nothing in it."""
    _resolve(customer, state, standing(customer, state, now_ms, ctx), now_ms, ctx)


def measure(customer: Customer, flows: Flows, at_ms: int, rules: Rules) -> Measure:
    """The figures as they stand at `at_ms`; the basis is "none" where neither assets nor a habit are known."""
    tier = rules.outflow_by_tier[customer.tier]
    window = rules.outflow_window_days
    net = flows.net_cents
    habit_daily = money_flows.habitual_daily_outflow(flows, rules.outflow.history_days)
    assets, basis = known_assets(customer, at_ms, rules)
    if assets is not None:
        # What there was when the window began: what there is now, and what has left since.
        assets = max(assets + net if basis == "balances" else assets, _LOWEST_CENTS)
        usual = 0.0 if habit_daily is None else habit_daily * window * rules.outflow.usual_multiple
        least = max(usual, rules.outflow_cold_floor if habit_daily is None else tier.floor)
        threshold = max(tier.assets_share * assets, least)
        large = max(tier.large_share * assets, least)
        drain = max(rules.outflow.drain_share * assets, rules.outflow.drain_multiple * (habit_daily or 0.0))
    elif habit_daily is not None:
        basis = "habit"
        threshold = max(tier.habit_multiple * habit_daily * window, tier.floor)
        large = max(tier.large_multiple * habit_daily * window, tier.floor)
        drain = rules.outflow.drain_multiple * habit_daily
    else:
        # Nothing is raised on this; an alert that was open before (the last account closed) has to end all the same.
        basis = NO_BASIS
        threshold = large = rules.outflow_cold_floor
        drain = 0.0
    today, last_day = rules.days.day_of(at_ms), money_flows.last_day(flows)
    return Measure(
        today=today if last_day is None else max(today, last_day),
        net=net,
        threshold=threshold,
        large_threshold=large,
        drain_threshold=drain,
        basis=basis,
        assets=assets,
        habit_daily=habit_daily,
    )


def _decide(
    customer: Customer,
    flows: Flows,
    state: AlertState | None,
    moved: Outflow | None,
    at_ms: int,
    cause: str,
    ctx: FoldContext,
) -> None:
    rules = ctx.rules
    found = measure(customer, flows, at_ms, rules)
    if state is not None and state.cooling_until_ms is not None:
        if keeps_quiet(customer, state, at_ms, ctx):
            return
        state = None
    resolve_below = rules.outflow.resolve_ratio * found.threshold
    if state is None:
        if found.basis == NO_BASIS:
            ctx.decide(RULE, Reason.NO_BASIS)
            return
        triggers = _triggers(flows, found, moved, resolve_below, rules)
        if not triggers:
            ctx.decide(RULE, Reason.BELOW_THRESHOLD)
            return
        finding = _finding(customer, flows, found, triggers, ctx)
        raise_alert(customer, RULE, "", cause, finding, at_ms, _due_ms(found, at_ms, rules), ctx)
        ctx.rank(INDEX, customer.customer_id, float(found.net))
        return
    state.due_ms = _due_ms(found, at_ms, rules)
    if found.net < resolve_below:
        _resolve(customer, state, _finding(customer, flows, found, state.triggers, ctx), at_ms, ctx)
        return
    fresh = [] if found.basis == NO_BASIS else _triggers(flows, found, moved, resolve_below, rules)
    triggers = state.triggers + [trigger for trigger in fresh if trigger not in state.triggers]
    worse = found.net >= rules.outflow.worse_ratio * state.measure
    if worse or len(triggers) > len(state.triggers) or (_severity(found, rules) == "critical" != state.severity):
        update_alert(customer, state, _finding(customer, flows, found, triggers, ctx), at_ms, ctx)
        ctx.rank(INDEX, customer.customer_id, float(found.net))
    else:
        ctx.decide(RULE, Reason.UNCHANGED)


def _resolve(customer: Customer, state: AlertState, finding: Finding, at_ms: int, ctx: FoldContext) -> None:
    resolve_alert(customer, state, finding, at_ms, ctx.rules.outflow_cooldown_ms, ctx)
    ctx.rank(INDEX, customer.customer_id, None)


def _due_ms(found: Measure, at_ms: int, rules: Rules) -> int:
    """The next local midnight; later than `at_ms` even where the clock goes back over it."""
    return max(rules.days.start_ms(found.today + 1), at_ms + 1)


def _triggers(flows: Flows, found: Measure, moved: Outflow | None, resolve_below: float, rules: Rules) -> list[str]:
    triggers = []
    if found.net >= found.threshold:
        if money_flows.draining_days(flows, found.drain_threshold) >= rules.outflow.sustained_days:
            triggers.append("sustained")
        elif found.net >= rules.outflow.critical_ratio * found.threshold:
            triggers.append("rapid")
    if moved is not None and moved.cents >= found.large_threshold and found.net >= resolve_below:
        triggers.append("large_transaction")
    return triggers


def _severity(found: Measure, rules: Rules) -> str:
    return "critical" if found.net >= rules.outflow.critical_ratio * found.threshold else "warning"


def _finding(customer: Customer, flows: Flows, found: Measure, triggers: list[str], ctx: FoldContext) -> Finding:
    rules = ctx.rules
    tier: OutflowThresholds = rules.outflow_by_tier[customer.tier]
    draining = money_flows.draining_days(flows, found.drain_threshold)
    evidence = sorted(money_flows.largest_of(flows), key=lambda outflow: (-outflow.cents, outflow.day))[:MOST_EVIDENCE]
    figures: Figures = {
        "currency": rules.reporting_currency,
        "window_from": rules.days.date_of(flows.rolled_day + 1).isoformat(),
        "window_to": rules.days.date_of(found.today).isoformat(),
        "out": sum(out for _, _, out in money_flows.days_of(flows)) / 100,
        "in": sum(into for _, into, _ in money_flows.days_of(flows)) / 100,
        "net_outflow": found.net / 100,
        "threshold": round(found.threshold) / 100,
        "draining_days": draining,
        "basis": found.basis,
    }
    if found.assets is not None:
        figures["assets_at_start"] = found.assets / 100
        if found.assets > _LOWEST_CENTS:
            figures["share_of_assets"] = round(found.net / found.assets, 4)
    if found.habit_daily is not None:
        figures["habitual_daily_outflow"] = round(found.habit_daily) / 100
    if evidence:
        figures["largest_outflow"] = evidence[0].cents / 100
    return Finding(
        severity=_severity(found, rules),
        measure=found.net,
        triggers=triggers,
        figures=figures,
        evidence=[outflow.event_id for outflow in evidence],
        summary=_summary(found, draining, rules),
        action=tier.action,
        action_zh=tier.action_zh,
    )


def _summary(found: Measure, draining: int, rules: Rules) -> str:
    amount = f"{rules.reporting_currency} {found.net / 100:,.2f}"
    window = rules.outflow_window_days
    if found.assets == _LOWEST_CENTS:
        measured = "with no assets known at its start"
    elif found.assets is not None:
        measured = f"{found.net / found.assets:.0%} of the assets known at its start"
    elif found.basis == NO_BASIS:
        measured = "neither assets nor a habit known"
    else:
        usual = (found.habit_daily or 0.0) * window
        measured = f"{found.net / usual:.1f} times the usual" if usual >= 1 else "where next to nothing is usual"
    return f"Net outflow of {amount} in {window} days, {measured}; {draining} draining days."
