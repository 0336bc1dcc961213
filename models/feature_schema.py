"""The features of the churn score by name: what each says, which way it should count, and which standard says so.

A model knows its features by name and order alone. So what a name means never changes: another meaning, transform or
order is another version of the schema, and a snapshot of the former is refused.

`sign` is +1 where more should mean a higher risk, -1 where it should mean a lower one, 0 where nobody says. `source`
names what says so: a part of the bank's standards, or "ours". The cold model starts from the signs, and the sign check
warns where what was learnt contradicts a standard.
"""

from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from models.churn_curves import FeatureSchema


class Group(StrEnum):
    """What a person is told to be the reason: features that say the same thing count together."""

    OUTFLOW = "outflow"
    INFLOW = "inflow"
    OWN_MOVES = "own_moves"
    INACTIVITY = "inactivity"
    DISENGAGEMENT = "disengagement"
    PAYROLL_LOST = "payroll_lost"
    COMPLAINT_RISK = "complaint_risk"
    SERVICE_FAILURE = "service_failure"
    RELATIONSHIP = "relationship"
    LIFE_STAGE = "life_stage"
    PERSON = "person"


class Transform(StrEnum):
    """How the plain figure becomes the value of a feature."""

    LOG1P = "log(1 + x)"
    ASINH = "asinh(x)"
    LOG_RATIO = "log((1 + x) / (1 + y))"
    INDICATOR = "1 or 0"
    LINEAR = "linear"


CHURN_INDICATORS: Final = "churn indicators"
REPEATED_INQUIRY: Final = "repeated inquiry"
OURS: Final = "ours"
Sign = Literal[-1, 0, 1]


class Feature(Struct, frozen=True):
    """One column of the feature matrix."""

    name: str
    sentence: str
    group: Group
    transform: Transform
    sign: Sign = 0
    source: str = ""
    sensitive: bool = False


class FeatureSet(Struct, frozen=True):
    """The features that a model sees, in order."""

    schema: FeatureSchema
    features: tuple[Feature, ...]


class Quantity(Struct, frozen=True):
    """Something counted (`models.counters`) that becomes features: its pace at some half-lives, and how that changes.

    `levels` are places in `models.decay.HALF_LIVES_DAYS`; `level` and `change` are the signs of the two kinds.
    """

    name: str
    words: str
    codes: tuple[int, ...]
    group: Group
    levels: tuple[int, ...] = (0, 1, 2)
    changes: bool = False
    level: Sign = 0
    change: Sign = 0
    source: str = ""
