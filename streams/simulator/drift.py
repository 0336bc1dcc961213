"""The drift: from a given day on, what used to announce leaving is harmless, and leaving announces itself otherwise.

A wallet of another company comes up, as wallets did in China. Two in five customers adopt it within ten days. They
pay by it and no longer by the bank's cards, need the bank's app and its hotline less, and fill it every few days from
their account, as money that goes to an account of their own elsewhere. They stay. Yet that is what a gradual drain
looked like until then: spending and logins that fade, and money that goes elsewhere again and again. Whoever really
leaves does so in other ways (see `leaving`): the money goes to brokers, who are no accounts of their own, and logins
and questions rise.

So weights that were learnt before do not lose a little: they call those who stay, in great numbers and at once, and
pass over those who leave. To mix the reasons anew and to let a third sweep money out and back, as was done at first,
cost a frozen model 2 % of its AUC, and showed nothing about recovery. Leaving can be foreseen as well as before, so
that whoever learns the new signs can be as good again: fewer leave without any sign.
"""

from typing import Final

from streams.simulator.draws import Draws
from streams.simulator.life import Life
from streams.simulator.parameters import DAY_S
from streams.simulator.rhythm import WAKING, time_of_day
from streams.simulator.teller import Teller

WALLET_SHARE: Final = 0.40
ADOPTION_DAYS: Final = 10
_CARDS_KEPT: Final = 0.15
_LOGINS_KEPT: Final = 0.35
_INQUIRIES_KEPT: Final = 0.5
_REFILL_DAYS: Final = (5, 9)
_REFILL_SHARE: Final = (0.10, 0.25)


def plan_wallet(life: Life) -> None:
    """Let the customer adopt the wallet, or not; run before the ordinary themes are planned."""
    drift_day = life.parameters.drift_day
    draws = life.draws("wallet")
    if drift_day is None or not draws.chance(WALLET_SHARE):
        return
    day = max(drift_day, life.first_day) + draws.integer(0, ADOPTION_DAYS - 1)
    past = life.calendar.days
    life.pace.hold(("card",), day, past, _CARDS_KEPT)
    life.pace.hold(("login",), day, past, _LOGINS_KEPT)
    life.pace.hold(("inquiry",), day, past, _INQUIRIES_KEPT)
    _plan_refills(life, draws, day)


def _plan_refills(life: Life, draws: Draws, day: int) -> None:
    spends = life.pace.of("transfer")
    while day < life.calendar.days:
        at_s = day * DAY_S + time_of_day(WAKING, draws)
        share = draws.uniform(*_REFILL_SHARE)
        # Whoever falls silent fills no wallet either.
        if draws.chance(spends[day]):
            life.timeline.customer(at_s, Teller.pay_share, share, "transfer", "own_elsewhere", 100_00)
        day += draws.integer(*_REFILL_DAYS)
