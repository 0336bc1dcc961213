"""Contacts with the bank: inquiries, queues, abandoned calls and call-backs, reviews, campaigns, planted episodes."""

from dataclasses import dataclass, field
from typing import Final, Literal

from models.events import FeedEvent
from streams.simulator.draws import Draws, Weighted
from streams.simulator.life import Life
from streams.simulator.parameters import DAY_S, HOUR_S
from streams.simulator.rhythm import CALL_WEEK, OFFICE, time_of_day
from streams.simulator.teller import Channel, Teller
from streams.simulator.truth import Episode, Newcomer

_REASONS: Final = Weighted(
    {
        "balance_question": 2.0,
        "card_issue": 3.0,
        "transfer_failed": 2.5,
        "fee_question": 2.0,
        "app_login": 2.5,
        "loan_question": 1.2,
        "deposit_rates": 1.5,
        "limit_change": 1.0,
        "statement": 1.0,
        "lost_card": 0.7,
        "suspicious_payment": 0.8,
    }
)
EPISODE_REASONS: Final = Weighted(
    {"transfer_failed": 3.0, "card_issue": 2.5, "fee_question": 2.5, "app_login": 2.0, "suspicious_payment": 1.0}
)
_QUEUE_MEDIAN_S: Final[dict[Channel, float]] = {"phone": 70.0, "chat": 35.0, "branch": 420.0, "email": 0.0}
_QUEUE_SIGMA: Final = 1.2
_EASY_CHANNELS: Final[tuple[Channel, ...]] = ("phone", "chat")
_MONDAY_FACTOR: Final = 4.0
_PATIENCE_S: Final[dict[Channel, float]] = {"phone": 600.0, "chat": 500.0, "branch": 4_000.0, "email": 1.0}
_MAX_QUEUE_S: Final = 5_400.0
_EPISODE_S: Final = 6 * DAY_S + 12 * HOUR_S
_LEAST_EPISODE: Final = 3
_CAMPAIGNS_A_DAY: Final = 0.006


def plan_service(life: Life) -> None:
    """Inquiries of an ordinary life, and what the bank does of its own accord."""
    draws = life.draws("service")
    pace = life.pace.of("inquiry")
    for day in range(life.first_day, life.calendar.days):
        rate = life.persona.inquiries_a_day * pace[day] * CALL_WEEK[life.calendar.weekday(day)]
        for _ in range(draws.poisson(rate)):
            plan_inquiry(life, draws, day * DAY_S + time_of_day(OFFICE, draws), draws.weighted(_REASONS))
    _plan_outbound(life, life.draws("outbound"))


def plan_inquiry(
    life: Life,
    draws: Draws,
    at_s: int,
    reason: str,
    *,
    into: list[FeedEvent] | None = None,
    mood: float = 0.0,
) -> None:
    """One inbound contact with its wait; with ``into`` it is part of an episode and always gets through.

    ``mood`` from 0 (as usual) to -1 (angry) lowers the ratings.
    """
    channel = life.persona.preferred_channel if draws.chance(0.6) else draws.one_of(_EASY_CHANNELS)
    busy = _MONDAY_FACTOR if channel in ("phone", "branch") and life.calendar.is_busy_monday(at_s) else 1.0
    median = _QUEUE_MEDIAN_S[channel] * busy
    queued_s = round(min(_MAX_QUEUE_S, draws.lognormal(median, _QUEUE_SIGMA)), 1) if median else 0.0
    patience_s = draws.exponential(_PATIENCE_S[channel]) + 20.0
    if into is None and queued_s > patience_s and channel != "email":
        _plan_abandoned(life, draws, at_s, reason, channel, round(patience_s, 1))
        return
    csat = nps = None
    if draws.chance(0.22):
        csat = max(0, min(10, round(8.3 + 1.4 * draws.normal() - queued_s / 400 + 5 * mood)))
    if draws.chance(0.07):
        nps = max(0, min(10, round(7.8 + 1.8 * draws.normal() - queued_s / 400 + 5 * mood)))
    life.timeline.customer(
        at_s,
        Teller.contact,
        "inbound",
        channel,
        reason,
        "answered",
        queued_s=queued_s,
        csat=csat,
        nps=nps,
        into=into,
    )


def _plan_abandoned(life: Life, draws: Draws, at_s: int, reason: str, channel: Channel, queued_s: float) -> None:
    life.timeline.customer(at_s, Teller.contact, "inbound", channel, reason, "abandoned", queued_s=queued_s)
    share = draws.random()
    if share < 0.45:
        # The bank calls back, in working hours.
        back_s = at_s + draws.integer(HOUR_S // 4, 3 * HOUR_S)
        if back_s % DAY_S >= 20 * HOUR_S:
            back_s = (back_s // DAY_S + 1) * DAY_S + time_of_day(OFFICE, draws)
        outcome: Literal["answered", "voicemail"] = "answered" if draws.chance(0.8) else "voicemail"
        if life.timeline.has_customer(at_s):
            life.timeline.bank(back_s, Teller.contact, "outbound", "phone", reason, outcome, purpose="call_back")
    elif share < 0.80:
        retry_s = at_s + draws.integer(300, 5_400)
        retry_queue_s = round(draws.lognormal(40.0, 0.8), 1)
        life.timeline.customer(retry_s, Teller.contact, "inbound", "phone", reason, "answered", queued_s=retry_queue_s)


def _plan_outbound(life: Life, draws: Draws) -> None:
    persona, calendar = life.persona, life.calendar
    for day in range(life.first_day + 1, calendar.days):
        if draws.chance(_CAMPAIGNS_A_DAY) and calendar.weekday(day) < 5:
            at_s = day * DAY_S + time_of_day(OFFICE, draws)
            answered = draws.chance(0.5) and life.timeline.has_customer(at_s)
            outcome: Literal["answered", "voicemail"] = "answered" if answered else "voicemail"
            life.timeline.bank(at_s, Teller.contact, "outbound", "phone", "offer", outcome, purpose="campaign")
    if persona.tier == "core":
        # One review a quarter.
        for first in range(draws.integer(0, 89), calendar.days, 91):
            at_s = calendar.working_day_from(first) * DAY_S + time_of_day(OFFICE, draws)
            if life.timeline.has_customer(at_s):
                life.timeline.bank(
                    at_s, Teller.contact, "outbound", "phone", "review", "answered", purpose="quarterly_review"
                )
    if persona.is_newcomer:
        _plan_welcome(life, draws)


def _plan_welcome(life: Life, draws: Draws) -> None:
    """Most newcomers are called within three days, some never."""
    at_s = life.persona.joined_s + draws.integer(20, 60) * HOUR_S
    at_s = at_s // DAY_S * DAY_S + time_of_day(OFFICE, draws)
    welcomed = draws.chance(0.8) and at_s < life.timeline.end_s
    if welcomed:
        life.timeline.bank(at_s, Teller.contact, "outbound", "phone", "welcome", "answered", purpose="needs_survey")
    life.truth.newcomer = Newcomer(
        customer_id=life.teller.name,
        joined_at=life.at(life.persona.joined_s),
        welcomed_at=life.at(at_s) if welcomed else None,
    )


@dataclass(slots=True)
class PlannedEpisode:
    """Repeated inquiries as planned; the events come in while the life is run."""

    reason: str
    last_s: int
    led_to: Literal["nothing", "complaint", "leaving"]
    events: list[FeedEvent] = field(default_factory=list)

    def truth(self) -> Episode | None:
        """What became of it: None when life ended before the third contact."""
        if len(self.events) < _LEAST_EPISODE:
            return None
        return Episode(
            customer_id=self.events[0].customer_id,
            reason=self.reason,
            contacted_at=[event.occurred_at for event in self.events],
            event_ids=[event.event_id for event in self.events],
            led_to=self.led_to,
        )


def plan_episode(
    life: Life, draws: Draws, first_s: int, led_to: Literal["nothing", "complaint", "leaving"]
) -> PlannedEpisode:
    """Three to six contacts for one reason within 6.5 days from ``first_s``, in office hours of any weekday."""
    count = draws.integer(_LEAST_EPISODE, 6)
    first_day = first_s // DAY_S
    times: set[int] = {first_s}
    while len(times) < count:
        at_s = (first_day + draws.integer(0, 6)) * DAY_S + time_of_day(OFFICE, draws)
        # Half an hour apart at least: nobody calls again while still in the line.
        if first_s < at_s <= first_s + _EPISODE_S and all(abs(at_s - other) > HOUR_S // 2 for other in times):
            times.add(at_s)
    planned = PlannedEpisode(draws.weighted(EPISODE_REASONS), max(times), led_to)
    for order, at_s in enumerate(sorted(times)):
        plan_inquiry(life, draws, at_s, planned.reason, into=planned.events, mood=-0.15 * order)
    return planned
