"""The policies as the fold reads them: looked up once, in cents and milliseconds."""

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

    def cents(self, amount: float, currency: str) -> int | None:
        """`amount` in hundredths of the reporting currency; None where the policies know no rate, or it is absurd."""
        per_unit = self.cents_per_unit.get(currency)
        if per_unit is None:
            return None
        cents = round(amount * per_unit)
        return cents if -MAX_CENTS <= cents <= MAX_CENTS else None
