"""Customers who for a while look like leaving and stay: what a good score must not fall for."""

from typing import Final

from streams.simulator.draws import Draws, Weighted
from streams.simulator.life import Life
from streams.simulator.pace import OWN_DOING, SPENDING
from streams.simulator.parameters import DAY_S, HOUR_S
from streams.simulator.rhythm import OFFICE, WAKING, time_of_day
from streams.simulator.teller import Teller
from streams.simulator.truth import Decoy, DecoyKind

_KINDS: Final[Weighted[DecoyKind]] = Weighted(
    {
        "house_purchase": 2.0,
        "holiday_silence": 3.0,
        "seasonal_spender": 2.5,
        "own_account_move": 2.5,
        "job_change": 2.0,
    }
)
_QUIET_START_DAYS: Final = 10
_AFTER_DAYS: Final = 7
"""A decoy ends so many days before the simulated time, and before a later leaving, so that the return shows."""


def plan_decoy(life: Life) -> None:
    """At most one decoy in a life (reinvested deposits come on top, see `products`)."""
    draws = life.draws("decoy")
    rate = life.parameters.decoy_rate
    if rate <= 0.0:
        return
    begin_day = life.first_day + _QUIET_START_DAYS + int(min(draws.exponential(90.0 / rate), 1e6))
    kind = draws.weighted(_KINDS)
    if kind == "own_account_move" and not life.persona.savings_account:
        kind = "holiday_silence"
    if kind == "job_change" and not (life.persona.work == "employed" and life.persona.paid_here):
        kind = "seasonal_spender"
    length_days = {
        "house_purchase": 35,
        "holiday_silence": draws.integer(10, 20),
        "seasonal_spender": 50,
        "own_account_move": draws.integer(1, 3),
        "job_change": 33,
    }[kind]
    stays_until_s = life.timeline.end_s if life.onset_s is None else life.onset_s
    if (begin_day + length_days + _AFTER_DAYS) * DAY_S > stays_until_s:
        return
    end_day = begin_day + length_days
    began_s = begin_day * DAY_S + time_of_day(OFFICE, draws)
    match kind:
        case "house_purchase":
            _buy_house(life, draws, began_s)
        case "holiday_silence":
            life.pace.hold(OWN_DOING, begin_day, end_day, 0.0)
            life.timeline.away_s = range(begin_day * DAY_S, end_day * DAY_S)
            life.pace.hold(SPENDING, begin_day - 3, begin_day, 1.3)
            began_s = begin_day * DAY_S
        case "seasonal_spender":
            life.pace.hold(("card", "transfer"), begin_day, begin_day + 20, 2.4)
            life.pace.hold(("card", "transfer", "login"), begin_day + 20, end_day, 0.30)
            began_s = begin_day * DAY_S
        case "own_account_move":
            current, savings = life.teller.current_account, life.teller.savings_account
            life.timeline.customer(began_s, Teller.move_share, draws.uniform(0.7, 0.95), current, savings, 100_00)
            back_s = end_day * DAY_S - draws.integer(2 * HOUR_S, 5 * HOUR_S)
            life.timeline.customer(back_s, Teller.move_share, draws.uniform(0.2, 0.5), savings, current, 100_00)
        case _:
            # One month's pay is missing; the next employer pays again.
            life.pace.hold(("income",), begin_day, end_day, 0.0)
            began_s = begin_day * DAY_S
    life.truth.decoys.append(
        Decoy(customer_id=life.teller.name, kind=kind, began_at=life.at(began_s), ended_at=life.at(end_day * DAY_S))
    )


def _buy_house(life: Life, draws: Draws, at_s: int) -> None:
    """Nearly everything goes to the seller at once; family and the pay days bring some of it back."""
    life.timeline.customer(at_s - 900, Teller.gather)
    life.timeline.customer(at_s, Teller.pay_share, draws.uniform(0.60, 0.80), "transfer", "unknown", 1_000_00)
    life.pace.hold(("card",), at_s // DAY_S, at_s // DAY_S + 35, 1.3)
    for _ in range(2):
        back_s = at_s + draws.integer(7, 34) * DAY_S
        back_s = back_s // DAY_S * DAY_S + time_of_day(WAKING, draws)
        cents = int(life.persona.aum_cents * draws.uniform(0.08, 0.20)) // 1_000_00 * 1_000_00
        life.timeline.bank(back_s, Teller.receive, cents, "transfer", draws.one_of(("person", "own_elsewhere")))
