"""The policies as the fold reads them: looked up once, in cents and milliseconds."""

from config.churn_policies import ChurnPolicy
from config.policies import OutflowTier, Policies, policy_digest
from models.decay import DAY_MS
from models.local_days import LocalDays

TIER_RANK = {"basic": 0, "potential": 1, "core": 2}
MAX_CENTS = 10**15
"""Largest amount that counts as money; the sums of thousands of these still fit the 64 bits of the stored form."""


class OutflowThresholds:
    """Asset-outflow thresholds of one tier, amounts in cents."""

    __slots__ = (
        "action",
        "action_zh",
        "assets_share",
        "floor",
        "habit_multiple",
        "large_multiple",
        "large_share",
    )

    def __init__(self, policy: OutflowTier) -> None:
        """Convert one tier's table of the policy document."""
        self.assets_share = policy.assets_share
        self.habit_multiple = policy.habit_multiple
        self.large_share = policy.large_share
        self.large_multiple = policy.large_multiple
        self.floor = round(policy.floor * 100)
        self.action = policy.action
        self.action_zh = policy.action_zh


class ChurnRules:
    """The churn score's policy, amounts in cents and times in milliseconds."""

    __slots__ = (
        "balance_floor",
        "balance_half_life_ms",
        "balance_hold_ms",
        "balance_share",
        "base_rate",
        "cooldown_ms",
        "critical",
        "high",
        "horizon_days",
        "horizon_ms",
        "late_ms",
        "medium",
        "observe_every_ms",
        "reasons",
        "resolve_below",
        "score_every_ms",
        "silence_ms",
        "stages",
        "stale_ms",
        "tiers",
        "told_delta",
        "worse_by",
    )

    def __init__(self, policy: ChurnPolicy) -> None:
        """Convert the table of the policy document."""
        self.horizon_days = policy.horizon_days
        self.horizon_ms = policy.horizon_days * DAY_MS
        self.observe_every_ms = policy.observe_every_days * DAY_MS
        self.late_ms = policy.late_days * DAY_MS
        self.base_rate = policy.base_rate
        self.score_every_ms = policy.score_every_s * 1000
        self.told_delta = policy.told_delta
        self.stale_ms = policy.stale_days * DAY_MS
        self.medium, self.high = policy.bands.medium, policy.bands.high

        attrition = policy.attrition
        self.silence_ms = attrition.silence_days * DAY_MS
        self.balance_share = attrition.balance_share
        self.balance_hold_ms = attrition.balance_hold_days * DAY_MS
        self.balance_half_life_ms = attrition.balance_half_life_days * DAY_MS
        self.balance_floor = round(attrition.balance_floor * 100)

        alert = policy.alert
        self.critical = alert.critical
        self.resolve_below = alert.resolve_ratio * policy.bands.high
        self.worse_by = alert.worse_by
        self.cooldown_ms = alert.cooldown_days * DAY_MS
        self.tiers, self.stages, self.reasons = alert.tiers, alert.stages, alert.reasons

    def score_due_ms(self, clock_ms: int) -> int:
        """When a customer who changes at `clock_ms` is scored."""
        return clock_ms - clock_ms % self.score_every_ms + self.score_every_ms


class Rules:
    """One policy version, ready for the hot path; immutable by convention."""

    def __init__(self, policies: Policies) -> None:
        """Compile `policies`, which have been validated already."""
        self.policies = policies
        self.digest = policy_digest(policies)
        self.days = LocalDays(policies.bank.zone)
        self.reporting_currency = policies.currencies.reporting
        self.cents_per_unit = {code: 100.0 * rate for code, rate in policies.currencies.rates.items()}
        self.core_assets = round(policies.tiers.core_assets * 100)
        self.potential_assets = round(policies.tiers.potential_assets * 100)

        outflow = policies.asset_outflow
        self.outflow = outflow
        self.outflow_window_days = outflow.window_days
        self.outflow_by_tier = {
            "core": OutflowThresholds(outflow.core),
            "potential": OutflowThresholds(outflow.potential),
            "basic": OutflowThresholds(outflow.basic),
        }
        self.outflow_cold_floor = round(outflow.cold_floor * 100)
        self.outflow_cooldown_ms = outflow.cooldown_days * DAY_MS
        self.aum_valid_ms = outflow.aum_valid_days * DAY_MS

        inquiry = policies.repeated_inquiry
        self.inquiry_contacts = inquiry.contacts
        self.inquiry_critical = inquiry.critical_contacts
        self.inquiry_window_ms = inquiry.window_days * DAY_MS
        self.inquiry_cooldown_ms = inquiry.cooldown_days * DAY_MS
        self.inquiry_ignored = frozenset(inquiry.ignored_reasons)
        self.inquiry_actions = {
            "core": (inquiry.actions.core, inquiry.actions_zh.core),
            "potential": (inquiry.actions.potential, inquiry.actions_zh.potential),
            "basic": (inquiry.actions.basic, inquiry.actions_zh.basic),
        }

        self.churn = ChurnRules(policies.churn) if policies.churn is not None else None
        """None where nobody is scored."""

    def cents(self, amount: float, currency: str) -> int | None:
        """`amount` in hundredths of the reporting currency; None where the policies know no rate, or it is absurd."""
        per_unit = self.cents_per_unit.get(currency)
        if per_unit is None:
            return None
        cents = round(amount * per_unit)
        return cents if -MAX_CENTS <= cents <= MAX_CENTS else None
