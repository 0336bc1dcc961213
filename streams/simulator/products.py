"""Invested money: deposits and wealth products open, mature, and are taken up again."""

from dataclasses import dataclass
from typing import Final

from models.events import Tier
from streams.simulator.draws import Draws, Weighted
from streams.simulator.life import Life
from streams.simulator.parameters import DAY_S, HOUR_S
from streams.simulator.rhythm import OFFICE, time_of_day
from streams.simulator.teller import Channel, Outcome, Teller
from streams.simulator.truth import Decoy

_OPENED_A_DAY: Final[dict[Tier, float]] = {"core": 0.0040, "potential": 0.0025, "basic": 0.0008}
_TERM_DAYS: Final = Weighted({30: 4.0, 60: 2.0, 90: 3.0, 180: 2.0})
_CODES: Final = Weighted({"time_deposit": 5.0, "wealth": 4.0})
_REINVESTED_SHARE: Final = 0.55
_SPENT_SHARE: Final = 0.15
_DECOY_LEAST_SHARE: Final = 0.10
"""A reinvested deposit counts as a decoy when it moves at least this share of the customer's assets."""


@dataclass(slots=True)
class _Maturity:
    """A product that matures, and what the customer then does with the money."""

    life: Life
    product_id: str
    next_id: str
    began_s: int = 0
    cents: int = 0

    def remind(self, teller: Teller, channel: Channel, outcome: Outcome) -> None:
        if self.product_id in teller.holdings:
            teller.contact("outbound", channel, "deposit_maturity", outcome, purpose="maturity_reminder")

    def come(self, teller: Teller, gain: float) -> None:
        self.began_s = teller.at_s
        self.cents = teller.end_product(self.product_id, matured=True, gain=gain)

    def reinvest(self, teller: Teller, code: str) -> None:
        balance = teller.balances.get(teller.current_account, 0)
        if not self.cents or balance < self.cents:
            return
        large = self.cents >= _DECOY_LEAST_SHARE * teller.aum_cents
        if teller.invest(self.next_id, code, min(1.0, self.cents / balance)) and large and self.life.onset_s is None:
            self.life.truth.decoys.append(
                Decoy(
                    customer_id=teller.name,
                    kind="deposit_reinvested",
                    began_at=self.life.at(self.began_s),
                    ended_at=teller.now,
                )
            )

    def spend(self, teller: Teller, share: float) -> None:
        teller.pay(int(self.cents * share) // 100_00 * 100_00, "transfer", "own_elsewhere")


def plan_products(life: Life) -> None:
    """Maturities of what was held on the first day, and new products with their own maturities."""
    draws = life.draws("products")
    count = len(life.persona.holdings)
    for product_id, day in life.persona.maturities.items():
        count += 1
        _plan_maturity(life, draws, product_id, f"P-{life.teller.name}-{count:02d}", day)
    for day in range(life.first_day + 1, life.calendar.days):
        if draws.chance(_OPENED_A_DAY[life.persona.tier]):
            count += 1
            product_id = f"P-{life.teller.name}-{count:02d}"
            at_s = life.calendar.working_day_from(day) * DAY_S + time_of_day(OFFICE, draws)
            life.timeline.customer(
                at_s, Teller.invest, product_id, draws.weighted(_CODES), draws.uniform(0.2, 0.5), 5_000_00
            )
            count += 1
            next_id = f"P-{life.teller.name}-{count:02d}"
            _plan_maturity(life, draws, product_id, next_id, day + draws.weighted(_TERM_DAYS))


def _plan_maturity(life: Life, draws: Draws, product_id: str, next_id: str, day: int) -> None:
    maturity = _Maturity(life, product_id, next_id)
    day = life.calendar.working_day_from(day)
    at_s = day * DAY_S + 5 * HOUR_S + draws.integer(0, HOUR_S)
    life.timeline.bank(at_s, maturity.come, draws.uniform(0.003, 0.02))
    reminded_s = life.calendar.working_day_from(day - draws.integer(4, 8)) * DAY_S + time_of_day(OFFICE, draws)
    if life.persona.tier != "basic":
        channel: Channel = "phone" if life.persona.tier == "core" else "email"
        outcome: Outcome = "answered" if draws.chance(0.75) else "voicemail"
        life.timeline.bank(reminded_s, maturity.remind, channel, outcome)
    share = draws.random()
    then_s = day * DAY_S + draws.integer(0, 5) * DAY_S + time_of_day(OFFICE, draws)
    if share < _REINVESTED_SHARE:
        life.timeline.customer(then_s, maturity.reinvest, draws.weighted(_CODES))
    elif share < _REINVESTED_SHARE + _SPENT_SHARE:
        life.timeline.customer(then_s, maturity.spend, draws.uniform(0.3, 0.9))
