"""Everyday money: income on pay days, rent and bills at month start, cards, cash, people, savings, fees, interest."""

from collections.abc import Iterator
from math import exp
from typing import Final

from streams.simulator.draws import Draws
from streams.simulator.life import Life
from streams.simulator.parameters import DAY_S, HOUR_S
from streams.simulator.rhythm import CARD_WEEK, OFFICE, SHOPPING, WAKING, time_of_day
from streams.simulator.teller import Teller

CARD_PAYMENTS_A_DAY: Final = 0.62
_TRANSFERS_A_DAY: Final = 0.10
_RECEIVED_A_DAY: Final = 0.05
_CASH_A_DAY: Final = 0.02
_LARGE_PURCHASES_A_DAY: Final = 0.004
_CARD_SIGMA: Final = 1.1
_CARD_MEAN_OVER_MEDIAN: Final = exp(_CARD_SIGMA**2 / 2)
_QUARTER_ENDS: Final = (3, 6, 9, 12)
_INTEREST_DAY: Final = 21


def plan_money(life: Life) -> None:
    """Everything that moves on the accounts in an ordinary life."""
    draws = life.draws("money")
    for year, month in life.calendar.months:
        _plan_income(life, draws, year, month)
        _plan_obligations(life, draws, year, month)
        _plan_bank_postings(life, draws, year, month)
    _plan_cards(life, draws)
    _plan_people(life, draws)
    _plan_large_purchases(life, life.draws("purchases"))


def _income_flows(life: Life, day: int) -> bool:
    return 0 <= day < life.calendar.days and life.pace.of("income")[day] >= 0.5


def _plan_income(life: Life, draws: Draws, year: int, month: int) -> None:
    persona, calendar, income = life.persona, life.calendar, life.persona.monthly_income_cents
    day = calendar.payday(year, month, persona.pay_day)
    at_s = day * DAY_S + 9 * HOUR_S + draws.integer(0, 2 * HOUR_S)
    amount = int(income * draws.lognormal(1.0, 0.03))
    if persona.work in ("employed", "retired"):
        if _income_flows(life, day):
            if persona.paid_here:
                life.timeline.bank(at_s, Teller.receive, amount, "payroll", "unknown")
            else:
                life.timeline.customer(at_s + 6 * HOUR_S, Teller.receive, amount, "transfer", "own_elsewhere")
    elif persona.work == "self_employed":
        for _ in range(max(1, draws.poisson(4.0))):
            paid = calendar.working_day_from(calendar.number(year, month, draws.integer(1, 28)))
            cents = int(draws.lognormal(income / 5.5, 0.7))
            if _income_flows(life, paid):
                life.timeline.bank(
                    paid * DAY_S + time_of_day(OFFICE, draws), Teller.receive, cents, "transfer", "unknown"
                )
    elif _income_flows(life, day):
        life.timeline.bank(at_s, Teller.receive, amount // 100_00 * 100_00, "transfer", "person")
    _plan_savings(life, draws, at_s + draws.integer(4 * HOUR_S, 2 * DAY_S), amount)


def _plan_savings(life: Life, draws: Draws, at_s: int, income_cents: int) -> None:
    persona, teller = life.persona, life.teller
    family_s = at_s + draws.integer(HOUR_S, 3 * HOUR_S)
    family = int(income_cents * persona.family_share * draws.uniform(0.8, 1.2)) // 100_00 * 100_00
    if _spends(life, at_s // DAY_S):
        life.timeline.customer(family_s, Teller.pay, family, "transfer", "person")
    if not _income_flows(life, at_s // DAY_S):
        return
    saved = int(income_cents * persona.saving_share * draws.uniform(0.6, 1.4)) // 100_00 * 100_00
    if persona.savings_account:
        life.timeline.customer(at_s, Teller.move, saved, teller.current_account, teller.savings_account)
    if persona.card_account:
        card = persona.card_budget_cents // 3 // 100_00 * 100_00
        life.timeline.customer(at_s + 40, Teller.move, card, teller.current_account, teller.card_account)
    elsewhere = int(income_cents * persona.elsewhere_share * draws.uniform(0.7, 1.3)) // 100_00 * 100_00
    life.timeline.customer(at_s + 300, Teller.pay, elsewhere, "transfer", "own_elsewhere")


def _plan_obligations(life: Life, draws: Draws, year: int, month: int) -> None:
    persona, calendar = life.persona, life.calendar
    rent_day = calendar.number(year, month, draws.integer(1, 4))
    _plan_bill(life, draws, rent_day, persona.rent_cents, "person")
    for _ in range(2 if persona.activity < 0.5 else 3):
        # Utilities and the telephone, most of them in the first week.
        cents = int(draws.lognormal(110_00, 0.6))
        _plan_bill(life, draws, calendar.number(year, month, draws.integer(1, 9)), cents, "merchant")
    if persona.insurance_cents:
        at_s = calendar.number(year, month, 12) * DAY_S + 10 * HOUR_S
        if _spends(life, at_s // DAY_S):
            life.timeline.customer(at_s, Teller.pay, persona.insurance_cents, "insurance", "merchant", must=True)
    if persona.instalment_cents:
        # Collected by the bank, also from a customer who has fallen silent.
        at_s = calendar.number(year, month, 20) * DAY_S + 6 * HOUR_S
        life.timeline.bank(at_s, Teller.pay, persona.instalment_cents, "loan", "bank", must=True)


def _spends(life: Life, day: int) -> bool:
    return 0 <= day < life.calendar.days and life.pace.of("bill")[day] >= 0.5


def _plan_bill(life: Life, draws: Draws, day: int, cents: int, counterparty: str) -> None:
    at_s = day * DAY_S + time_of_day(WAKING, draws)
    if not cents or not _spends(life, day):
        return
    if counterparty == "person":
        life.timeline.customer(at_s, Teller.pay, cents, "transfer", "person", must=True)
    else:
        life.timeline.customer(at_s, Teller.pay, cents, "bill", "merchant", must=True)


def _plan_bank_postings(life: Life, draws: Draws, year: int, month: int) -> None:
    day_s = life.calendar.number(year, month, _INTEREST_DAY) * DAY_S + 2 * HOUR_S + draws.integer(0, HOUR_S)
    teller = life.teller
    if month in _QUARTER_ENDS:
        life.timeline.bank(day_s, Teller.post_interest, teller.current_account, 0.002, 3)
    if life.persona.savings_account:
        life.timeline.bank(day_s + 60, Teller.post_interest, teller.savings_account, 0.009, 1)
    if life.persona.tier == "basic" and life.number % 2:
        fee_s = life.calendar.number(year, month, 10) * DAY_S + 3 * HOUR_S
        life.timeline.bank(fee_s, Teller.pay, 3_00, "fee", "bank")


def _plan_cards(life: Life, draws: Draws) -> None:
    persona, pace, first_weekday = life.persona, life.pace.of("card"), life.calendar.first_weekday
    payments_a_day = CARD_PAYMENTS_A_DAY * persona.activity
    median = max(9_00, persona.card_budget_cents / (30.4 * payments_a_day) / _CARD_MEAN_OVER_MEDIAN)
    account = life.teller.card_account if persona.card_account else None
    customer = life.timeline.customer
    for day in range(life.first_day, life.calendar.days):
        rate = payments_a_day * pace[day] * CARD_WEEK[(first_weekday + day) % 7]
        for _ in range(draws.poisson(rate)):
            cents = max(1_00, int(draws.lognormal(median, _CARD_SIGMA)))
            at_s = day * DAY_S + time_of_day(SHOPPING, draws)
            customer(at_s, Teller.pay, cents, "card", "merchant", account if draws.chance(0.5) else None)


def _person_days(life: Life, draws: Draws, rate: float) -> Iterator[int]:
    pace = life.pace.of("transfer")
    for day in range(life.first_day, life.calendar.days):
        for _ in range(draws.poisson(rate * pace[day])):
            yield day * DAY_S + time_of_day(WAKING, draws)


def _plan_people(life: Life, draws: Draws) -> None:
    persona = life.persona
    busy = min(persona.activity, 5.0)
    median = max(50_00, persona.monthly_income_cents * 0.018 / max(busy, 0.7))
    for at_s in _person_days(life, draws, _TRANSFERS_A_DAY * busy):
        life.timeline.customer(at_s, Teller.pay, _round_sum(draws.lognormal(median, 0.9)), "transfer", "person")
    for at_s in _person_days(life, draws, _RECEIVED_A_DAY * busy):
        life.timeline.customer(at_s, Teller.receive, _round_sum(draws.lognormal(median, 0.9)), "transfer", "person")
    notes = 100_00 * (2.0 if persona.age_years >= 55 else 1.0)
    for at_s in _person_days(life, draws, _CASH_A_DAY * (2.5 if persona.age_years >= 55 else 1.0)):
        cents = int(draws.lognormal(4.0, 0.6)) * int(notes)
        life.timeline.customer(at_s, Teller.pay, cents, "cash", "bank")


def _plan_large_purchases(life: Life, draws: Draws) -> None:
    """Furniture, a journey, school fees: once in a while half a month's to two months' income at once."""
    pace = life.pace.of("card")
    for day in range(life.first_day, life.calendar.days):
        if draws.chance(_LARGE_PURCHASES_A_DAY * pace[day]):
            cents = int(life.persona.monthly_income_cents * draws.lognormal(0.9, 0.5))
            at_s = day * DAY_S + time_of_day(SHOPPING, draws)
            life.timeline.customer(at_s, Teller.pay, cents, "card", "merchant", must=True)


def _round_sum(cents: float) -> int:
    """People send each other round sums."""
    unit = 10_00 if cents < 500_00 else 100_00 if cents < 5_000_00 else 1_000_00
    return max(1, round(cents / unit)) * unit
