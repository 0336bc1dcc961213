"""What a customer's aggregate keeps for the churn score: what was told, when they were gone, who has been observed."""

from typing import Final

from msgspec import Struct, field

from config.churn_policies import MOST_OBSERVATIONS

MAX_OBSERVATIONS: Final = MOST_OBSERVATIONS
MAX_DEPARTURES: Final = 4
NEVER_TOLD: Final = -1.0


class Departure(Struct, array_like=True, gc=False):
    """A time at which the customer was gone by the policy, and by which part of it (`models.attrition`).

    `found_ms` is when it was first known that the customer is gone: what happened may be heard of later.
    """

    at_ms: int
    by: str
    found_ms: int


class Observation(Struct, array_like=True, gc=False):
    """An observation that can still be settled or corrected: its time, and the end of its horizon.

    `outcome` is what was told last, and `told` how often something was.
    """

    at_ms: int
    due_ms: int
    outcome: str = ""
    told: int = 0


class ChurnState(Struct, array_like=True, gc=False):
    """See the module.

    `score`, `band` and `told_ms` are of what was told last; `look_ms` is the next time at which the customer is looked
    at even if nothing happens. `usual_cents` is the trailing mean of the known assets as of `usual_ms`, when they were
    `assets_cents`; it stands still while they are low, since `low_since_ms` (0: they are not). `gone_ms` and `gone_by`
    are 0 and empty for who is there.
    """

    score: float = NEVER_TOLD
    band: str = ""
    told_ms: int = 0
    look_ms: int = 0
    usual_cents: float = 0.0
    usual_ms: int = 0
    assets_cents: float = 0.0
    low_since_ms: int = 0
    gone_ms: int = 0
    gone_by: str = ""
    departures: list[Departure] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
