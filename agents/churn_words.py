"""A churn score in words: what each feature says of the customer, in figures that a person can read."""

from datetime import datetime
from zoneinfo import ZoneInfo

from agents.case_words import time_words
from models.attrition import BALANCE, CLOSED, CLOSED_BY_BANK, SILENCE
from models.churn_explained import Share
from models.churn_records import ScoreTold
from models.events import epoch_ms
from models.feature_schema import Group, Transform

GROUP_WORDS = {
    Group.OUTFLOW: "money leaves for good",
    Group.INFLOW: "what comes in from outside",
    Group.OWN_MOVES: "what is moved within the relationship",
    Group.INACTIVITY: "what the customer does becomes less, or has stopped",
    Group.DISENGAGEMENT: "the customer looks in less often, and asks less",
    Group.PAYROLL_LOST: "the salary no longer comes",
    Group.COMPLAINT_RISK: "the same question again and again",
    Group.SERVICE_FAILURE: "complaints, broken promises, unanswered calls, fees, failed logins",
    Group.RELATIONSHIP: "what the customer has here",
    Group.LIFE_STAGE: "how old the relationship is, and where it stands",
    Group.PERSON: "who the customer is",
}
GONE_WORDS = {
    CLOSED: "the last account was closed",
    CLOSED_BY_BANK: "the bank closed the last account",
    BALANCE: "the known assets stayed down to a small share of what they usually were",
    SILENCE: "nothing was done for too long",
}
_MONEY = ("money_", "own_")
_AMOUNTS = frozenset({"net_outflow", "assets"})
_SHARES = frozenset({"net_outflow_to_assets", "net_outflow_to_threshold"})
_DAYS = frozenset({"silence", "tenure"})
_TIERS = ("basic", "potential", "core")
_MOST_RATIO = 20.0
_ROUNDING = 1e-6
"""A whole number comes back from its logarithm with an error, by far less than this."""


def figure_words(share: Share, plain: float, currency: str) -> str:
    """A plain figure of a feature with its unit."""
    name, transform = share.feature.name, share.feature.transform
    if transform is Transform.INDICATOR:
        return ("no", "yes")[round(plain)] if plain in (0.0, 1.0) else f"{plain:.0%} of customers"
    if transform is Transform.LOG_RATIO:
        return f"{plain:.0%} of before" if plain < _MOST_RATIO else f"{plain:,.0f} times before"
    if name == "tier":
        return (
            _TIERS[round(plain)]
            if plain in (0.0, 1.0, 2.0)
            else f"between {_TIERS[int(plain)]} and {_TIERS[int(plain) + 1]}"
        )
    if name in _AMOUNTS or name.startswith(_MONEY):
        return f"{currency} {plain:,.0f}"
    if name in _SHARES:
        return f"{plain:.0%}"
    if name in _DAYS:
        return f"{plain:,.1f} days" if plain < 10 else f"{plain:,.0f} days"
    return f"{plain:,.0f}" if plain >= 100 or abs(plain - round(plain)) < _ROUNDING else f"{plain:,.1f}"


def share_words(share: Share, currency: str) -> str:
    """A feature of one customer as a sentence."""
    return f"{share.feature.sentence}: {figure_words(share, share.plain, currency)}"


def told_words(told: ScoreTold, zone: ZoneInfo) -> str:
    """A score as it was told: ``34.2 % (high) on Tue 2026-03-10 16:00``."""
    score = "gone" if told.score is None else f"{score_words(told.score)} ({told.band})"
    return f"{score} on {instant_words(told.at, zone)}"


def score_words(score: float) -> str:
    """A probability: ``34.2 %``."""
    return f"{score:.1%}".replace("%", " %")


def instant_words(at: datetime, zone: ZoneInfo) -> str:
    """As `agents.case_words.time_words`."""
    return time_words(epoch_ms(at), zone)
