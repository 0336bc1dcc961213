"""The policies of the churn score: what attrition is, how it is observed, and when a score is told."""

from typing import Annotated

from msgspec import Meta, field

from config.sections import Section, Text

MOST_OBSERVATIONS = 64
"""Observations of one customer that are remembered at once."""
Days = Annotated[int, Meta(ge=1, le=366)]
Share = Annotated[float, Meta(gt=0, lt=1)]


class Attrition(Section, frozen=True):
    """When a customer is gone: the last account closed, the balance down for good, or silence (`models.attrition`).

    `balance_share` is of the trailing mean of the known assets, whose half-life is `balance_half_life_days`;
    `balance_floor`, in the reporting currency, is the least mean that can be lost.
    """

    silence_days: Days
    balance_share: Share
    balance_hold_days: Days
    balance_half_life_days: Days
    balance_floor: Annotated[float, Meta(ge=0, le=1e12)]


class Texts(Section, frozen=True):
    """A sentence, in English and Chinese."""

    action: Text
    action_zh: Text


class Bands(Section, frozen=True):
    """Scores from which the risk is called medium, and high."""

    medium: Share
    high: Share

    def __post_init__(self) -> None:
        """High stands above medium."""
        if self.high <= self.medium:
            raise ValueError("high: expected more than medium")


class ChurnRisk(Section, frozen=True):
    """The churn-risk alert (see `models.churn_risk`), raised when the score is in the high band."""

    resolve_ratio: Share
    worse_by: Share
    critical: Share
    cooldown_days: Annotated[int, Meta(ge=0, le=366)]
    tiers: dict[str, Texts]
    stages: dict[str, Texts] = field(default_factory=dict)
    reasons: dict[str, Texts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """There is something to do for every tier."""
        if set(self.tiers) != {"core", "potential", "basic"}:
            raise ValueError("tiers: expected a sentence for each of core, potential and basic")


class ChurnPolicy(Section, frozen=True):
    """P(attrition within `horizon_days`); without this table of the document nobody is scored.

    Who has changed is scored at the first tick after the next whole `score_every_s`: once, however much has happened.
    """

    horizon_days: Days
    observe_every_days: Days
    late_days: Annotated[int, Meta(ge=0, le=366)]
    base_rate: Share
    score_every_s: Annotated[int, Meta(ge=1, le=86_400)]
    told_delta: Share
    stale_days: Days
    bands: Bands
    attrition: Attrition
    alert: ChurnRisk

    def __post_init__(self) -> None:
        """What is remembered of a customer stays small, and the alert ends below where it begins."""
        kept = (self.horizon_days + self.late_days) // self.observe_every_days + 1
        if kept > MOST_OBSERVATIONS:
            raise ValueError(
                f"observe_every_days: expected at most {MOST_OBSERVATIONS} observations in horizon_days and late_days"
            )
        if self.alert.critical < self.bands.high:
            raise ValueError("alert.critical: expected at least bands.high")
