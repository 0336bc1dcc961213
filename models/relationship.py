"""What the relationship is: accounts, products, profile, tier and lifecycle stage."""

from models import counters
from models.customer import MAX_ACCOUNTS, MAX_PRODUCTS, Account, Customer, Payroll
from models.decay import DAY_MS, daily_rates
from models.events import ProfileChanged, epoch_ms
from models.rules import TIER_RANK, Rules


def see_balance(customer: Customer, account_id: str, balance_cents: int | None, at_ms: int) -> int:
    """Remember an account and, when stated, its balance; by how many cents what is known to be there has grown.

    An older statement never replaces a newer one, nor brings a closed account back.
    """
    for account in customer.accounts:
        if account.account_id == account_id:
            before = account.balance_cents
            if balance_cents is None or (account.closed and at_ms == account.balance_at_ms):
                return 0  # of two things of one instant, such as a day, closing is the last
            if at_ms < account.balance_at_ms and (account.closed or before is not None):
                return 0
            account.balance_cents = balance_cents
            account.balance_at_ms = at_ms
            account.closed = False
            return max(balance_cents - (before or 0), 0)
    _remember_account(customer, Account(account_id, balance_cents, at_ms))
    return max(balance_cents or 0, 0)


def close_account(customer: Customer, account_id: str, at_ms: int, *, by_bank: bool) -> None:
    """Close an account: its balance no longer counts as assets."""
    customer.closed_accounts += 1
    for account in customer.accounts:
        if account.account_id == account_id:
            account.balance_cents, account.balance_at_ms, account.closed = None, at_ms, True
            account.by_bank = by_bank
            return
    _remember_account(customer, Account(account_id, None, at_ms, closed=True, by_bank=by_bank))


def _remember_account(customer: Customer, account: Account) -> None:
    if len(customer.accounts) >= MAX_ACCOUNTS:
        oldest = min(customer.accounts, key=lambda one: (not one.closed, one.balance_at_ms, one.account_id))
        customer.accounts.remove(oldest)
    customer.accounts.append(account)


def open_product(customer: Customer, product: str) -> None:
    """Remember a product; the oldest is forgotten when there are too many."""
    customer.products.append(product)
    del customer.products[:-MAX_PRODUCTS]


def close_product(customer: Customer, product: str | None) -> None:
    """Forget one product of this kind, if it is remembered."""
    if product in customer.products:
        customer.products.remove(product)


def known_assets(customer: Customer, at_ms: int, rules: Rules) -> tuple[int | None, str]:
    """Assets in cents and what they are known from: "aum" or "balances"; (None, "") when they are not.

    Assets under management count while they are recent (`aum_valid_days`); whichever figure is larger knows more of
    the customer.
    """
    total: int | None = None
    for account in customer.accounts:
        cents = account.balance_cents
        if cents is not None:
            total = cents if total is None else total + cents
    profile = customer.profile
    aum = profile.aum_cents
    if aum is not None and at_ms - profile.aum_at_ms <= rules.aum_valid_ms and (total is None or aum > total):
        return aum, "aum"
    return total, "" if total is None else "balances"


def upgrade_tier(customer: Customer, before: int | None, now: int | None, rules: Rules) -> None:
    """Crossing an asset threshold upgrades by itself; whoever is above it already stays where the bank has put them.

    `before` and `now` are the known assets, in cents, before and after what has just happened.
    """
    if now is None:
        return
    for tier, threshold in (("core", rules.core_assets), ("potential", rules.potential_assets)):
        if now >= threshold:
            crossed = before is None or before < threshold
            if crossed and TIER_RANK[tier] > TIER_RANK[customer.tier]:
                customer.tier = tier
            return


def see_payroll(customer: Customer, cents: int, at_ms: int) -> None:
    """Keep the payroll cadence; a second payment within four days belongs to the same pay day."""
    payroll = customer.payroll
    if payroll is None:
        customer.payroll = Payroll(at_ms, None, 1, cents)
        return
    gap_days = (at_ms - payroll.last_ms) / DAY_MS
    if gap_days < 4:
        return
    usual = payroll.interval_days
    payroll.interval_days = gap_days if usual is None else 0.7 * usual + 0.3 * gap_days
    payroll.last_ms = at_ms
    payroll.last_cents = cents
    payroll.count += 1


def see_profile(customer: Customer, stated: ProfileChanged, at_ms: int, rules: Rules) -> None:
    """Take over what was stated; a statement older than the last one only fills what is still unknown."""
    profile = customer.profile
    newer = at_ms >= profile.stated_ms
    for name in ("birth_year", "income_band", "education", "risk_rating", "preferred_channel", "adviser"):
        value = getattr(stated, name)
        if value is not None and (newer or getattr(profile, name) is None):
            setattr(profile, name, value)
    if stated.opened_at is not None and (newer or profile.opened_ms is None):
        profile.opened_ms = epoch_ms(stated.opened_at)
        customer.stage_day = -1  # the next event looks at the stage in this light
    if stated.products is not None and (newer or not customer.products):
        customer.products = stated.products[:MAX_PRODUCTS]
    if stated.aum is not None:
        cents = rules.cents(stated.aum, stated.currency or rules.reporting_currency)
        if cents is None:
            customer.unvalued += 1
        elif at_ms >= profile.aum_at_ms:
            profile.aum_cents, profile.aum_at_ms = cents, at_ms
    if stated.tier is not None and (newer or profile.tier is None):
        profile.tier = customer.tier = stated.tier
    if newer:
        profile.stated_ms = at_ms


def refresh_stage(customer: Customer, day: int, at_ms: int, rules: Rules) -> None:
    """Lifecycle stage from the pace of what the customer does, lately against usually."""
    customer.stage_day = day
    policy = rules.policies.lifecycle
    began_ms = customer.first_ms if customer.profile.opened_ms is None else customer.profile.opened_ms
    if at_ms - began_ms < policy.acquisition_days * DAY_MS:
        customer.stage = "acquisition"
        return
    _, lately, usually = daily_rates(counters.activity(customer), at_ms, customer.landmark_ms, customer.first_ms)
    if usually > 0 and lately >= policy.growth_ratio * usually:
        customer.stage = "growth"
    elif lately <= policy.decline_ratio * usually:
        customer.stage = "decline"
    else:
        customer.stage = "maturity"
