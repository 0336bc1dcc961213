"""Logins and page views: mostly in the evening, several pages a visit, a failed attempt now and then."""

from typing import Final

from streams.simulator.draws import Draws, Weighted
from streams.simulator.life import Life
from streams.simulator.parameters import DAY_S
from streams.simulator.rhythm import EVENING, LOGIN_WEEK, time_of_day
from streams.simulator.teller import Teller

_LOGINS_A_DAY: Final = 0.24
_FURTHER_PAGES: Final = 1.7
_FAILED_SHARE: Final = 0.04
_CHANNELS: Final = Weighted({"app": 8.0, "web": 1.5, "mini_program": 1.5})
_PAGES: Final = Weighted(
    {
        "accounts": 8.0,
        "transfer": 5.0,
        "cards": 4.0,
        "payments": 4.0,
        "statements": 2.0,
        "investments": 3.0,
        "rates": 1.0,
        "loans": 0.8,
        "settings": 0.8,
        "limits": 0.5,
        "help": 0.8,
        "offers": 1.0,
        "close_account": 0.03,
    }
)
LEAVING_PAGES: Final = Weighted(
    {
        "accounts": 5.0,
        "transfer": 7.0,
        "limits": 4.0,
        "statements": 4.0,
        "rates": 2.5,
        "help": 1.5,
        "close_account": 1.2,
    }
)


def plan_digital(life: Life) -> None:
    """Visits to the app and the web over the whole life."""
    draws = life.draws("digital")
    pace, first_weekday = life.pace.of("login"), life.calendar.first_weekday
    logins_a_day = _LOGINS_A_DAY * life.persona.activity * (1.3 if life.persona.age_years < 35 else 0.9)
    for day in range(life.first_day, life.calendar.days):
        rate = logins_a_day * pace[day] * LOGIN_WEEK[(first_weekday + day) % 7]
        for _ in range(draws.poisson(rate)):
            plan_visit(life, draws, day * DAY_S + time_of_day(EVENING, draws), _PAGES)


def plan_visit(life: Life, draws: Draws, at_s: int, pages: Weighted[str]) -> None:
    """One visit: a login, perhaps after a failed one, and the pages looked at."""
    channel = draws.weighted(_CHANNELS)
    customer = life.timeline.customer
    while draws.chance(_FAILED_SHARE):
        customer(at_s, Teller.login, channel, False)
        if draws.chance(0.15):
            return
        at_s += draws.integer(8, 45)
    customer(at_s, Teller.login, channel, True)
    at_s += draws.integer(1, 4)
    customer(at_s, Teller.view, "home")
    for _ in range(draws.poisson(_FURTHER_PAGES)):
        at_s += draws.integer(4, 75)
        customer(at_s, Teller.view, draws.weighted(pages))
