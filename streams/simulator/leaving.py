"""How leaving shows: what each kind does to the pace of a life, and what it adds to it."""

from typing import Final

from models.events import Counterparty
from streams.simulator.cases import PlannedCase, add_case
from streams.simulator.departures import Departure
from streams.simulator.digital import LEAVING_PAGES, plan_visit
from streams.simulator.draws import Draws, Weighted
from streams.simulator.initiative import is_customer_initiated
from streams.simulator.life import Life
from streams.simulator.pace import OWN_DOING, SPENDING
from streams.simulator.parameters import DAY_S, HOUR_S
from streams.simulator.rhythm import EVENING, OFFICE, WAKING, time_of_day
from streams.simulator.service import PlannedEpisode, plan_episode
from streams.simulator.teller import Teller
from streams.simulator.truth import Attriter

_RESIDUAL_LOGINS_A_DAY: Final = 0.01
_RESIDUAL_PAGES: Final = Weighted({"accounts": 3.0, "statements": 1.0})


def plan_leaving(life: Life, departure: Departure, cases: list[PlannedCase], episodes: list[PlannedEpisode]) -> None:
    """Change the pace and plan the acts of leaving; run before the ordinary themes are planned.

    ``cases`` and ``episodes`` are extended with those that are part of the leaving.
    """
    draws = life.draws("leaving")
    life.timeline.left_s = min(departure.exit_s, life.timeline.end_s)
    life.pace.stop(OWN_DOING, departure.exit_day + 1)
    life.pace.stop(("income",), departure.exit_day)
    match departure.kind:
        case "gradual_drain":
            _fade(life, departure, spending=0.25, interest=0.35)
            life.pace.stop(("income",), departure.onset_day + departure.length_days // 2)
            _drain(life, draws, departure, departure.onset_day, every=(4, 9), share=(0.15, 0.35))
        case "goes_silent":
            _fade(life, departure, spending=0.05, interest=0.10)
            life.pace.stop(("income",), departure.onset_day + departure.length_days // 3)
        case "payroll_lost":
            _fade(life, departure, spending=0.30, interest=0.5)
            life.pace.stop(("income",), departure.onset_day)
            late_day = departure.onset_day + departure.length_days * 2 // 3
            _drain(life, draws, departure, late_day, every=(5, 10), share=(0.2, 0.5))
        case "service_failure":
            _fail_service(life, draws, departure, cases, episodes)
        case "sudden_exit":
            _prepare_exit(life, draws, departure.onset_day, departure.exit_day, visits=2)
        case "life_event":
            _end_by_life(life, draws, departure)
    _plan_exit(life, draws, departure)


def _fade(life: Life, departure: Departure, *, spending: float, interest: float) -> None:
    """Spending, logins and questions fade; after the drift logins and questions rise instead until the exit."""
    first, past = departure.onset_day, departure.exit_day + 1
    life.pace.ramp(SPENDING, first, past, 1.0, spending)
    if departure.drifted:
        life.pace.ramp(("login",), first, past, 2.5, 5.0)
        life.pace.ramp(("inquiry",), first, past, 3.0, 6.0)
    else:
        life.pace.ramp(("login",), first, past, 1.0, interest)
        life.pace.ramp(("inquiry",), first, past, 0.8, 0.1)


def _drain(
    life: Life, draws: Draws, departure: Departure, first_day: int, every: tuple[int, int], share: tuple[float, float]
) -> None:
    """Money leaves again and again, and savings are called in half way; after the drift it goes to brokers."""
    middle_s = (first_day + departure.exit_day) // 2 * DAY_S + time_of_day(OFFICE, draws)
    life.timeline.customer(middle_s, Teller.gather)
    day = first_day + draws.integer(0, 4)
    while day < departure.exit_day:
        at_s = day * DAY_S + time_of_day(WAKING, draws)
        life.timeline.customer(at_s, Teller.pay_share, draws.uniform(*share), "transfer", _receiver(departure), 100_00)
        day += draws.integer(*every)


def _receiver(departure: Departure) -> Counterparty:
    return "unknown" if departure.drifted else "own_elsewhere"


def _fail_service(
    life: Life, draws: Draws, departure: Departure, cases: list[PlannedCase], episodes: list[PlannedEpisode]
) -> None:
    """Asked again and again, complained, was let down, went."""
    first_s = departure.onset_day * DAY_S + time_of_day(OFFICE, draws)
    episode = plan_episode(life, draws, first_s, "leaving")
    episodes.append(episode)
    complaint_s = episode.last_s + draws.integer(HOUR_S, 48 * HOUR_S)
    received_s = add_case(life, draws, cases, complaint_s, "service_failure", episode, badly=True)
    first_day = received_s // DAY_S + 2
    life.pace.ramp(SPENDING, first_day, departure.exit_day + 1, 1.0, 0.3)
    life.pace.hold(("inquiry",), first_day, departure.exit_day + 1, 0.2)
    life.pace.stop(("income",), departure.exit_day - 8)
    _drain(life, draws, departure, max(first_day, departure.exit_day - 14), every=(3, 6), share=(0.2, 0.5))


def _prepare_exit(life: Life, draws: Draws, first_day: int, past_day: int, visits: int) -> None:
    """Visits that look at limits, statements and how to close an account."""
    for _ in range(visits):
        day = draws.integer(first_day, max(first_day, past_day - 1))
        plan_visit(life, draws, day * DAY_S + time_of_day(EVENING, draws), LEAVING_PAGES)


def _end_by_life(life: Life, draws: Draws, departure: Departure) -> None:
    """Moved away, died, or not wanted any more by the bank."""
    if departure.reason == "deceased":
        life.timeline.left_s = min(departure.onset_s, life.timeline.end_s)
        life.pace.stop((*OWN_DOING, "income"), departure.onset_day)
    elif departure.reason == "moved_away":
        _fade(life, departure, spending=0.5, interest=0.9)
        life.pace.stop(("income",), departure.exit_day - 7)
        _prepare_exit(life, draws, departure.exit_day - 7, departure.exit_day, visits=2)
    else:
        for day in (departure.onset_day, departure.exit_day - 4):
            at_s = life.calendar.working_day_from(day) * DAY_S + time_of_day(OFFICE, draws)
            if at_s < departure.exit_s:
                life.timeline.bank(
                    at_s, Teller.contact, "outbound", "phone", "compliance", "answered", purpose="compliance_notice"
                )


def _plan_exit(life: Life, draws: Draws, departure: Departure) -> None:
    if departure.kind in ("gradual_drain", "payroll_lost") and departure.ending == "closed":
        _prepare_exit(life, draws, departure.exit_day - 6, departure.exit_day, visits=2)
    match departure.ending:
        case "closed":
            life.timeline.bank(departure.exit_s, Teller.close_everything, departure.closed_by or "customer")
        case "collapsed":
            life.timeline.bank(departure.exit_s, Teller.gather)
            share = draws.uniform(0.985, 0.999)
            life.timeline.bank(departure.exit_s, Teller.pay_share, share, "transfer", _receiver(departure))
            for day in range(departure.exit_day + 1, life.calendar.days):
                # An empty account is looked at now and then.
                if draws.chance(_RESIDUAL_LOGINS_A_DAY):
                    at_s = day * DAY_S + time_of_day(EVENING, draws)
                    life.timeline.bank(at_s, Teller.login, "app", True)
                    life.timeline.bank(at_s + 9, Teller.view, draws.weighted(_RESIDUAL_PAGES))
        case "silent":
            pass


def attriter_truth(life: Life, departure: Departure) -> Attriter | None:
    """What is true about the leaving, from the events; None when the simulated time ends before the onset."""
    if departure.onset_s >= life.timeline.end_s:
        return None
    last_at = next((event.occurred_at for event in reversed(life.teller.events) if is_customer_initiated(event)), None)
    complete = departure.exit_s < life.timeline.end_s
    exit_at = life.at(departure.exit_s)
    onset_at = life.at(departure.onset_s)
    if departure.ending == "silent":
        exit_at = last_at or onset_at
        onset_at = min(onset_at, exit_at)
    return Attriter(
        customer_id=life.teller.name,
        kind=departure.kind,
        reason=departure.reason,
        ending=departure.ending,
        tier=life.teller.tier,
        onset_at=onset_at,
        attrited_at=exit_at if complete else None,
        last_activity_at=last_at,
        closed_by=departure.closed_by,
        signals_reversed=departure.drifted,
    )
