"""Every feature of the churn score, in order, and the two sets of them: with what is sensitive, and without."""

from collections.abc import Iterator
from typing import Final

from models import counters
from models.churn_curves import FeatureSchema
from models.decay import HALF_LIVES_DAYS
from models.feature_schema import (
    CHURN_INDICATORS,
    OURS,
    REPEATED_INQUIRY,
    Feature,
    FeatureSet,
    Group,
    Quantity,
    Transform,
)

SCHEMA_NAME: Final = "churn"
SCHEMA_VERSION: Final = 1
"""Raised with every change of what a feature means, of how it is worked out, or of the order."""

_KINDS: Final = counters.TRANSACTION_KINDS


def _codes(*kinds: str) -> tuple[int, ...]:
    return tuple(_KINDS[kind] for kind in kinds)


def _frequency(name: str, words: str, *kinds: str, levels: tuple[int, ...] = (0, 1, 2)) -> Quantity:
    """Transactions of some kinds: the standards call a higher frequency safer, and a falling one riskier."""
    changes = len(levels) == 3
    return Quantity(
        name, words, _codes(*kinds), Group.INACTIVITY, levels, changes, -1, -1 if changes else 0, CHURN_INDICATORS
    )


OWN_KINDS: Final = tuple(kind for kind in _KINDS if kind not in ("fee", "interest"))
_LATELY: Final = (1, 2)
_RARELY: Final = (2,)

QUANTITIES: Final = (
    Quantity("money_in", "external money in", (counters.MONEY_IN,), Group.INFLOW, changes=True),
    # What is spent leaves as well, and who spends stays: only what leaves for good has a sign (net, own_elsewhere).
    Quantity("money_out", "external money out", (counters.MONEY_OUT,), Group.OUTFLOW, changes=True),
    Quantity(
        "own_elsewhere",
        "money to own accounts at other banks",
        (counters.OWN_ELSEWHERE_OUT,),
        Group.OUTFLOW,
        level=1,
        source=CHURN_INDICATORS,
    ),
    Quantity("own_in", "money in from within (payroll, own accounts, the bank)", (counters.OWN_IN,), Group.OWN_MOVES),
    Quantity("own_out", "money out to within (own accounts, the bank)", (counters.OWN_OUT,), Group.OWN_MOVES),
    _frequency("transactions", "transactions other than fees and interest", *OWN_KINDS),
    _frequency("payments", "payments (card, cash, bill, other)", "card", "cash", "bill", "other"),
    _frequency("transfers", "transfers", "transfer"),
    _frequency("investments", "investment and insurance transactions", "investment", "insurance", levels=_LATELY),
    Quantity("loans", "loan transactions", _codes("loan"), Group.RELATIONSHIP, _RARELY),
    Quantity("fees", "fees", _codes("fee"), Group.SERVICE_FAILURE, _RARELY),
    Quantity(
        "logins", "logins", (counters.LOGIN,), Group.DISENGAGEMENT, changes=True, level=-1, change=-1, source=OURS
    ),
    Quantity(
        "page_views",
        "page views",
        (counters.PAGE_VIEW,),
        Group.DISENGAGEMENT,
        changes=True,
        level=-1,
        change=-1,
        source=OURS,
    ),
    Quantity(
        "inquiries",
        "contacts by the customer",
        (counters.CONTACT_IN,),
        Group.DISENGAGEMENT,
        changes=True,
        change=-1,
        source=CHURN_INDICATORS,
    ),
    Quantity("bank_contacts", "contacts by the bank", (counters.CONTACT_OUT,), Group.DISENGAGEMENT, _RARELY),
    Quantity("failed_logins", "failed logins", (counters.LOGIN_FAILED,), Group.SERVICE_FAILURE, (1,)),
    Quantity(
        "abandoned",
        "contacts abandoned in the queue",
        (counters.CONTACT_ABANDONED,),
        Group.SERVICE_FAILURE,
        _LATELY,
        level=1,
        source=OURS,
    ),
    Quantity("complaints", "complaints", (counters.COMPLAINT,), Group.SERVICE_FAILURE, _LATELY, level=1, source=OURS),
    Quantity(
        "sla_breaches",
        "broken promises on complaints",
        (counters.SLA_BREACH,),
        Group.SERVICE_FAILURE,
        _LATELY,
        level=1,
        source=OURS,
    ),
    Quantity(
        "dissatisfied",
        "callbacks that left the customer dissatisfied",
        (counters.DISSATISFIED,),
        Group.SERVICE_FAILURE,
        _RARELY,
        level=1,
        source=OURS,
    ),
)
"""What is counted, in the order of the features; a pace is per 30 days, money in the reporting currency."""


_SPANS: Final = tuple((HALF_LIVES_DAYS[place], HALF_LIVES_DAYS[place + 1]) for place in (0, 1))


def _of_quantities() -> Iterator[Feature]:
    for quantity in QUANTITIES:
        for place in quantity.levels:
            days = HALF_LIVES_DAYS[place]
            sentence = f"{quantity.words}, a month (half-life {days} days)"
            source = quantity.source if quantity.level else ""
            yield Feature(f"{quantity.name}_{days}d", sentence, quantity.group, Transform.LOG1P, quantity.level, source)
    for quantity in QUANTITIES:
        for short, long in _SPANS if quantity.changes else ():
            sentence = f"{quantity.words}, lately against before (half-lives {short} and {long} days)"
            source = quantity.source if quantity.change else ""
            yield Feature(
                f"{quantity.name}_{short}d_to_{long}d",
                sentence,
                quantity.group,
                Transform.LOG_RATIO,
                quantity.change,
                source,
            )


_LOG1P, _ASINH, _FLAG = Transform.LOG1P, Transform.ASINH, Transform.INDICATOR

FEATURES: Final = (
    *_of_quantities(),
    Feature(
        "net_outflow",
        "net external outflow over the window of the asset-outflow rule, in the reporting currency",
        Group.OUTFLOW,
        _ASINH,
        1,
        CHURN_INDICATORS,
    ),
    Feature(
        "net_outflow_to_assets",
        "net external outflow against the assets known when the window began",
        Group.OUTFLOW,
        _ASINH,
        1,
        CHURN_INDICATORS,
    ),
    Feature(
        "net_outflow_to_threshold",
        "net external outflow against the threshold of the asset-outflow rule",
        Group.OUTFLOW,
        _ASINH,
        1,
        CHURN_INDICATORS,
    ),
    Feature("silence", "days since the customer last did something", Group.INACTIVITY, _LOG1P, 1, OURS),
    Feature(
        "silence_to_pace",
        "own acts to be expected in that silence at the pace kept until then",
        Group.INACTIVITY,
        _LOG1P,
        1,
        OURS,
    ),
    Feature("never_active", "the customer has never been seen doing anything", Group.INACTIVITY, _FLAG),
    Feature(
        "payroll_overdue",
        "days since the last payroll beyond its interval, in intervals",
        Group.PAYROLL_LOST,
        _LOG1P,
        1,
        OURS,
    ),
    Feature("payroll_unknown", "no payroll has ever come", Group.PAYROLL_LOST, _FLAG),
    Feature(
        "same_reason_7d",
        "contacts for the most frequent reason, a month (half-life 7 days)",
        Group.COMPLAINT_RISK,
        _LOG1P,
        1,
        REPEATED_INQUIRY,
    ),
    Feature(
        "same_reason_30d",
        "contacts for the most frequent reason, a month (half-life 30 days)",
        Group.COMPLAINT_RISK,
        _LOG1P,
        1,
        REPEATED_INQUIRY,
    ),
    Feature("open_cases", "complaint cases that are open", Group.SERVICE_FAILURE, _LOG1P, 1, OURS),
    Feature("products", "products held", Group.RELATIONSHIP, _LOG1P, -1, CHURN_INDICATORS),
    Feature("accounts", "open accounts", Group.RELATIONSHIP, _LOG1P, -1, OURS),
    Feature("closed_accounts", "accounts closed so far", Group.RELATIONSHIP, _LOG1P, 1, OURS),
    Feature("assets", "known assets, in the reporting currency", Group.RELATIONSHIP, _ASINH, -1, CHURN_INDICATORS),
    Feature(
        "assets_unknown", "neither balances nor recent assets under management are known", Group.RELATIONSHIP, _FLAG
    ),
    Feature("tier", "0 basic, 1 potential, 2 core", Group.RELATIONSHIP, Transform.LINEAR, -1, OURS),
    Feature(
        "tenure",
        "days since the relationship began, or since the customer was first heard of",
        Group.LIFE_STAGE,
        _LOG1P,
    ),
    Feature("tenure_unknown", "the bank has not said when the relationship began", Group.LIFE_STAGE, _FLAG),
    Feature("stage_acquisition", "the relationship is new", Group.LIFE_STAGE, _FLAG),
    Feature("stage_growth", "not new, and lately more is going on than usually", Group.LIFE_STAGE, _FLAG, -1, OURS),
    Feature(
        "stage_decline", "not new, and lately much less is going on than usually", Group.LIFE_STAGE, _FLAG, 1, OURS
    ),
    Feature("age", "(age in years - 45) / 15", Group.PERSON, Transform.LINEAR, -1, CHURN_INDICATORS, sensitive=True),
    Feature("age_unknown", "the birth year is not known", Group.PERSON, _FLAG, sensitive=True),
    Feature(
        "income_band",
        "(income band of 1 to 10 - 5.5) / 2.5",
        Group.PERSON,
        Transform.LINEAR,
        -1,
        CHURN_INDICATORS,
        sensitive=True,
    ),
    Feature("income_unknown", "the income band is not known", Group.PERSON, _FLAG, sensitive=True),
)
"""All of them; a new one stands at the end of its kind, and raises the version."""


def _chosen(name: str, features: tuple[Feature, ...]) -> FeatureSet:
    return FeatureSet(FeatureSchema(name, SCHEMA_VERSION, tuple(feature.name for feature in features)), features)


STANDARD_SET: Final = _chosen(SCHEMA_NAME, tuple(feature for feature in FEATURES if not feature.sensitive))
"""What is used unless the bank decides otherwise: nothing that says who the customer is."""
SENSITIVE_SET: Final = _chosen(f"{SCHEMA_NAME}+sensitive", FEATURES)
"""With age and income band, which the standards name as indicators and the law may forbid to use."""
