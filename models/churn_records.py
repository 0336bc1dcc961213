"""What the churn score says to the outside: scores to whoever acts, observations and outcomes to the learner.

An observation leaves when it is made and is not kept in the aggregate: the learner needs the figures at once, to know
how each is spread, and again when the outcome is known, be it years later when a correction comes. The aggregate keeps
its time alone, and what has been told of it.
"""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from models.events import Instant

STAYED: Final = "stayed"
LEFT: Final = "left"
CLOSED_BY_BANK: Final = "closed_by_bank"
OUTCOMES: Final = (STAYED, LEFT, CLOSED_BY_BANK)
"""What became of a customer within the horizon; whom the bank has put out says nothing about who leaves."""

LOW: Final = "low"
MEDIUM: Final = "medium"
HIGH: Final = "high"
GONE: Final = "gone"
BANDS: Final = (LOW, MEDIUM, HIGH, GONE)
"""How high the risk is; `gone` is no risk any more."""


MOST_REVISIONS: Final = 1_000_000
"""More corrections of one outcome than anybody will hear of; beyond 64 bits, it could not be stored."""


class ScoreReason(Struct, frozen=True):
    """A group of features (`models.feature_schema.Group`) and what it adds to the logit; `feature` moves it most."""

    code: str
    contribution: float
    feature: str


class ScoreTold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A score that is worth telling: the first, one in another band, one that has moved, or one that has grown old.

    `score` is P(attrition within `horizon_days`), none for who is gone; `logit` is `intercept` plus what `reasons` add,
    those that raise it most first. `gone_by` names the part of the policy (`models.attrition`).
    """

    customer_id: str
    at: datetime
    score: float | None = None
    band: str
    band_before: str
    horizon_days: int
    logit: float = 0.0
    intercept: float
    reasons: list[ScoreReason] = field(default_factory=list)
    model_version: str
    tier: str
    stage: str
    gone_by: str = ""


class Observed(Struct, frozen=True, kw_only=True):
    """A customer as seen at one moment: the features as little-endian float32, in the order of the schema.

    `score` is what the model in force, `model_version`, said; the outcome is known at `due`, and not before.
    """

    observation_id: str
    at: Instant
    due: Instant
    schema: str
    schema_version: int
    features: bytes
    score: float
    model_version: str
    tier: str


class Settled(Struct, frozen=True, kw_only=True):
    """What became of an observation; a higher `revision` corrects what was told before."""

    observation_id: str
    at: Instant
    observed_at: Instant
    outcome: str
    revision: Annotated[int, Meta(ge=0, le=MOST_REVISIONS)]
