"""Who a customer is: drawn once, before anything happens. Money in cents, rates per day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from models.events import ProfileChanged, Tier
from streams.simulator.draws import Draws, Weighted
from streams.simulator.parameters import CURRENCY, DAY_S, HOUR_S, SimulationParameters
from streams.simulator.rhythm import OFFICE, time_of_day
from streams.simulator.teller import CORE_AUM_CENTS, POTENTIAL_AUM_CENTS, Channel, Holding, Teller

Work = Literal["employed", "self_employed", "retired", "student", "none"]

_AUM_MEDIAN_CENTS: Final[dict[Tier, int]] = {"core": 850_000_00, "potential": 130_000_00, "basic": 14_000_00}
_AUM_BOUNDS_CENTS: Final[dict[Tier, tuple[int, int]]] = {
    "core": (CORE_AUM_CENTS + 20_000_00, 60_000_000_00),
    "potential": (POTENTIAL_AUM_CENTS + 2_000_00, CORE_AUM_CENTS - 20_000_00),
    "basic": (800_00, POTENTIAL_AUM_CENTS - 2_000_00),
}
_BANDS: Final[dict[Tier, tuple[int, int]]] = {"core": (5, 10), "potential": (3, 8), "basic": (1, 6)}
_SAVERS: Final[dict[Tier, float]] = {"core": 0.90, "potential": 0.60, "basic": 0.25}
_INVESTED: Final[dict[Tier, tuple[float, ...]]] = {
    # Chance of a first, second and third invested product.
    "core": (0.95, 0.70, 0.40),
    "potential": (0.65, 0.25),
    "basic": (0.08,),
}
_SAVERS_SHARE: Final = 0.55
_ACTIVITY_OF_TIER: Final[dict[Tier, float]] = {"core": 1.3, "potential": 1.1, "basic": 0.9}
_INVESTED_CODES: Final = Weighted({"time_deposit": 5.0, "wealth": 3.0, "fund": 2.0})
_PAY_DAYS: Final = Weighted({5: 2.0, 8: 1.0, 10: 4.0, 15: 4.0, 20: 1.5, 25: 2.0, 28: 1.0})
_CHANNELS: Final[Weighted[Channel]] = Weighted({"phone": 5.0, "chat": 4.0, "branch": 1.5, "email": 1.0})
_EDUCATION: Final = Weighted({"school": 3.0, "college": 4.0, "bachelor": 5.0, "master": 1.5})
_LOWEST_INCOME_CENTS: Final = 3_600_00
_INCOME_STEP: Final = 1.32


@dataclass(slots=True)
class Persona:
    """One customer. ``activity`` is a heavy-tailed factor on what the customer does of own accord (about 1)."""

    tier: Tier
    joined_s: int
    opened_at: datetime
    birth_year: int
    age_years: int
    work: Work
    income_band: int
    monthly_income_cents: int
    education: str
    risk_rating: int
    preferred_channel: Channel
    adviser: str | None
    activity: float
    inquiries_a_day: float
    paid_here: bool
    pay_day: int
    rent_cents: int
    instalment_cents: int
    insurance_cents: int
    family_share: float
    card_budget_cents: int
    saving_share: float
    elsewhere_share: float
    savings_account: bool
    card_account: bool
    aum_cents: int
    current_share: float
    holdings: list[Holding]
    maturities: dict[str, int]

    @property
    def is_newcomer(self) -> bool:
        """Whether the customer joins within the simulated time."""
        return self.joined_s > 0

    def stated(self, teller: Teller) -> ProfileChanged:
        """The first profile: everything the bank knows."""
        return ProfileChanged(
            event_id="-",
            customer_id=teller.name,
            occurred_at=teller.now,
            tier=self.tier,
            aum=self.aum_cents / 100,
            currency=CURRENCY,
            opened_at=self.opened_at,
            birth_year=self.birth_year,
            income_band=self.income_band,
            education=self.education,
            risk_rating=self.risk_rating,
            products=sorted(holding.code for holding in teller.holdings.values()),
            preferred_channel=self.preferred_channel,
            adviser=self.adviser,
        )


def draw_persona(number: int, parameters: SimulationParameters) -> Persona:
    """The customer of this number (1 is the first); depends on the seed and the number, not on the population."""
    draws = Draws(parameters.seed, number, "persona")
    share = draws.random()
    tier: Tier = "basic"
    if share < parameters.core_share:
        tier = "core"
    elif share < parameters.core_share + parameters.potential_share:
        tier = "potential"
    joined_s = 0
    if draws.chance(parameters.newcomer_share):
        joined_s = draws.integer(0, max(0, parameters.days * 8 // 10 - 1)) * DAY_S + time_of_day(OFFICE, draws)
    age = min(85, max(18, round(42 + 14 * draws.normal() + (6 if tier == "core" else 0))))
    work = _work(age, draws)
    band = min(10, draws.integer(*_BANDS[tier]))
    income = int(_LOWEST_INCOME_CENTS * _INCOME_STEP ** (band - 1) * draws.lognormal(1.0, 0.15))
    if work in ("student", "none"):
        band, income = 1, income // 3
    low, high = _AUM_BOUNDS_CENTS[tier]
    aum = min(high, max(low, int(draws.lognormal(_AUM_MEDIAN_CENTS[tier], 0.8))))
    activity = draws.pareto(0.30, 14.0, 1.25) * _ACTIVITY_OF_TIER[tier] * parameters.activity
    # Nobody opened an account as a child.
    tenure_days = 30 + int(draws.exponential(6.0) * 365) % max(1, min(25, age - 17) * 365)
    opened_at = parameters.origin - timedelta(days=tenure_days) + timedelta(seconds=time_of_day(OFFICE, draws))
    tenant = draws.chance(0.40)
    earns = work in ("employed", "self_employed", "retired")
    owner = not tenant and draws.chance(0.35) and earns
    persona = Persona(
        tier=tier,
        joined_s=joined_s,
        opened_at=parameters.origin + timedelta(seconds=joined_s) if joined_s else opened_at,
        birth_year=parameters.start.year - age,
        age_years=age,
        work=work,
        income_band=band,
        monthly_income_cents=income,
        education=draws.weighted(_EDUCATION),
        risk_rating=draws.integer(1, 3 if age > 55 else 5),
        preferred_channel=draws.weighted(_CHANNELS),
        adviser=f"ADV-{draws.integer(1, 40):03d}" if tier == "core" else None,
        activity=activity,
        inquiries_a_day=0.010 * draws.lognormal(1.0, 0.7) * min(activity, 4.0) ** 0.3,
        paid_here=draws.chance(0.75),
        pay_day=15 if work == "retired" else draws.weighted(_PAY_DAYS),
        rent_cents=int(income * draws.uniform(0.18, 0.30)) // 50_00 * 50_00 if tenant else 0,
        instalment_cents=int(income * draws.uniform(0.12, 0.25)) // 1_00 * 1_00 if owner else 0,
        insurance_cents=int(income * draws.uniform(0.01, 0.04)) if draws.chance(0.12) and earns else 0,
        family_share=draws.uniform(0.10, 0.35) if draws.chance(0.7) else 0.0,
        card_budget_cents=int(income * draws.uniform(0.22, 0.42) * min(activity, 6.0) ** 0.25),
        saving_share=draws.uniform(0.05, 0.20),
        elsewhere_share=draws.uniform(0.04, 0.12) if draws.chance(0.25) else 0.0,
        savings_account=draws.chance(_SAVERS[tier]),
        card_account=draws.chance(0.30 if tier == "core" else 0.06),
        aum_cents=aum,
        current_share=1.0,
        holdings=[],
        maturities={},
    )
    if persona.is_newcomer:
        # A newcomer brings the first money on the first day and has no products yet.
        persona.card_account = False
        return persona
    _draw_holdings(persona, number, draws)
    return persona


def _work(age: int, draws: Draws) -> Work:
    if age >= 60:
        return "retired"
    if age <= 22:
        return "student"
    share = draws.random()
    return "employed" if share < 0.78 else "self_employed" if share < 0.94 else "none"


def _draw_holdings(persona: Persona, number: int, draws: Draws) -> None:
    """What is held on the first day, with the days on which it matures (funds never do)."""
    invested_share = 0.0
    for chance in _INVESTED[persona.tier]:
        if not draws.chance(chance):
            break
        share = draws.uniform(0.15, 0.30)
        code = draws.weighted(_INVESTED_CODES)
        product_id = f"P-C{number:06d}-{len(persona.holdings) + 1:02d}"
        cents = int(persona.aum_cents * share) // 1_000_00 * 1_000_00
        matures_day = draws.integer(1, 300)
        if cents:
            persona.holdings.append(Holding(product_id, code, cents))
            invested_share += share
            if code != "fund":
                persona.maturities[product_id] = matures_day
    plain = [("mortgage", persona.instalment_cents > 0), ("insurance", persona.insurance_cents > 0)]
    plain += [("credit_card", draws.chance(0.35)), ("mobile_banking", draws.chance(0.85))]
    for code, held in plain:
        if held:
            product_id = f"P-C{number:06d}-{len(persona.holdings) + 1:02d}"
            persona.holdings.append(Holding(product_id, code, 0))
    if persona.savings_account:
        persona.current_share = 1.0 - _SAVERS_SHARE * draws.uniform(0.6, 1.2)


def open_books(persona: Persona, teller: Teller) -> None:
    """Balances and holdings at the first midnight; their sum is the assets that the profile states."""
    teller.tier = persona.tier
    if persona.is_newcomer:
        return
    for holding in persona.holdings:
        teller.holdings[holding.product_id] = Holding(holding.product_id, holding.code, holding.cents)
    liquid = persona.aum_cents - sum(holding.cents for holding in persona.holdings)
    card = min(liquid // 4, persona.card_budget_cents // 2) if persona.card_account else 0
    teller.balances[teller.current_account] = current = int((liquid - card) * persona.current_share)
    if persona.savings_account:
        teller.balances[teller.savings_account] = liquid - card - current
    if persona.card_account:
        teller.balances[teller.card_account] = card


def introduce(teller: Teller, persona: Persona) -> None:
    """The first profile; a newcomer's accounts are opened and the first money brought along."""
    if persona.is_newcomer:
        teller.open_account(teller.current_account, "current")
        if persona.savings_account:
            teller.open_account(teller.savings_account, "savings")
        teller.profile(persona.stated(teller))
        teller.receive(persona.aum_cents, "transfer", "own_elsewhere")
        return
    teller.profile(persona.stated(teller))


def introduced_s(persona: Persona, draws: Draws) -> int:
    """When the first profile comes: in the first night hour, or on joining."""
    return persona.joined_s or draws.integer(0, HOUR_S - 1)
