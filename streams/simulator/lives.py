"""One whole life: drawn, planned theme by theme, run through the books."""

from streams.simulator.cases import PlannedCase, case_truth, plan_complaints
from streams.simulator.decoys import plan_decoy
from streams.simulator.departures import draw_departure
from streams.simulator.digital import plan_digital
from streams.simulator.drift import plan_wallet
from streams.simulator.leaving import attriter_truth, plan_leaving
from streams.simulator.life import Life, LivedLife
from streams.simulator.money import plan_money
from streams.simulator.parameters import DAY_S, HOUR_S, SimulationParameters
from streams.simulator.persona import draw_persona, introduce, introduced_s, open_books
from streams.simulator.products import plan_products
from streams.simulator.rhythm import Calendar
from streams.simulator.service import PlannedEpisode, plan_service
from streams.simulator.teller import Teller


def live(number: int, parameters: SimulationParameters, calendar: Calendar) -> LivedLife:
    """The life of the customer of this number (from 1); depends on the parameters and the number alone."""
    persona = draw_persona(number, parameters)
    life = Life(number, parameters, calendar, persona)
    open_books(persona, life.teller)
    life.timeline.bank(introduced_s(persona, life.draws("profile")), introduce, persona)
    if not persona.is_newcomer:
        # Nothing before the first profile.
        life.timeline.begin_s = HOUR_S
    departure = draw_departure(life)
    if departure is not None:
        life.onset_s = departure.onset_s
    plan_decoy(life)
    cases: list[PlannedCase] = []
    episodes: list[PlannedEpisode] = []
    if departure is not None:
        plan_leaving(life, departure, cases, episodes)
    plan_wallet(life)
    plan_money(life)
    plan_products(life)
    plan_digital(life)
    plan_service(life)
    episodes += plan_complaints(life, cases)
    _plan_profile_updates(life)
    life.timeline.run(life.teller)
    truth = life.truth
    truth.attriter = attriter_truth(life, departure) if departure is not None else None
    truth.episodes = [episode for episode in (planned.truth() for planned in episodes) if episode]
    truth.cases = [case for case in (case_truth(planned, life) for planned in cases) if case]
    return LivedLife(life.teller.events, truth)


def _plan_profile_updates(life: Life) -> None:
    """The bank restates assets: monthly for core and potential customers, quarterly for basic ones."""
    for year, month in life.calendar.months:
        if life.persona.tier != "basic" or month % 3 == 1:
            at_s = life.calendar.number(year, month, 1) * DAY_S + 2 * HOUR_S + life.number % HOUR_S
            if at_s > life.persona.joined_s:
                life.timeline.bank(at_s, Teller.restate_assets)
