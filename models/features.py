"""What the churn score knows of customers at one moment: one row of numbers each, from their aggregates alone.

No time but `at_ms` comes in, and nothing is written to an aggregate, so that a replay gives the same rows. Every value
is finite, whatever an aggregate holds. Each is worked out element by element from its own customer, in one order of
operations, so that a row is the same bits alone and in a tick of a thousand.

What each feature says is in `models.feature_list`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np

from models.counters import ACTIVITIES, MONEY
from models.customer import Customer
from models.decay import DAY_MS, HALF_LIVES_DAYS, LN_2
from models.feature_facts import PLACES, Facts, Floats, decayed_sums, look_up
from models.feature_list import FEATURES, QUANTITIES, STANDARD_SET
from models.feature_schema import FeatureSet
from models.rules import Rules

MONTH_DAYS: Final = 30
"""A pace is given for so many days."""
MIDDLE_AGE: Final = 45.0
AGE_STEP: Final = 15.0
MIDDLE_BAND: Final = 5.5
BAND_STEP: Final = 2.5
"""An unknown age or income band counts as the middle one; that it is unknown is a feature of its own."""

_MOST_DOUBLINGS: Final = 64.0
"""An `at_ms` before the aggregate's own time makes its sums grow: so far, and no further."""
_HALF_LIVES: Final = np.array(HALF_LIVES_DAYS, np.float64)[:, None]
_LONGEST: Final = float(HALF_LIVES_DAYS[-1])
_ACTIVE: Final = [PLACES[code] for code in sorted(ACTIVITIES)]
_ROWS: Final = {feature.name: row for row, feature in enumerate(FEATURES)}
_LEVELS: Final = [3 * at + place for at, quantity in enumerate(QUANTITIES) for place in quantity.levels]
_SHORTER: Final = [3 * at + place for at, quantity in enumerate(QUANTITIES) if quantity.changes for place in (0, 1)]
_LONGER: Final = [row + 1 for row in _SHORTER]
_COUNTED: Final = len(_LEVELS) + len(_SHORTER)
"""So many rows come first and are worked out at once."""


def feature_matrix(
    customers: Sequence[Customer], at_ms: int, rules: Rules, chosen: FeatureSet = STANDARD_SET
) -> Floats:
    """Features of n customers at `at_ms`: n rows, a column for each of `chosen`, in its order."""
    facts = look_up(customers, at_ms, rules)
    width = len(facts.first_ms)
    sums = decayed_sums(customers, width)
    days = np.maximum(at_ms - facts.first_ms, DAY_MS) / DAY_MS
    factors = _worth((facts.landmark_ms - at_ms) / DAY_MS, _HALF_LIVES) * MONTH_DAYS / _seen_days(days, _HALF_LIVES)
    activity = _total(sums, _ACTIVE)
    rows = np.full((len(FEATURES), width), np.nan)  # one that is forgotten shows
    paces = _paces(sums, factors)
    rows[: len(_LEVELS)] = paces[_LEVELS]
    rows[len(_LEVELS) : _COUNTED] = paces[_SHORTER] - paces[_LONGER]
    others = {
        **_outflow(facts),
        **_silence(facts, activity[-1], at_ms),
        **_payroll(facts, at_ms),
        "same_reason_7d": np.log1p(facts.same_reason_7 * factors[0]),
        "same_reason_30d": np.log1p(facts.same_reason_30 * factors[1]),
        **_relationship(facts),
        **_life_stage(facts, activity * factors, at_ms, rules),
        **_person(facts, rules.days.date_of(rules.days.day_of(at_ms))),
    }
    for name, values in others.items():
        rows[_ROWS[name]] = values
    return rows[[_ROWS[name] for name in chosen.schema.features], : len(customers)].T


def _worth(days: Floats, half_life_days: Floats | float) -> Floats:
    """What one is worth when moved by so many days, back into the past by negative ones."""
    worth: Floats = np.exp2(np.minimum(days / half_life_days, _MOST_DOUBLINGS))
    return worth


def _seen_days(days: Floats, half_life_days: Floats | float) -> Floats:
    """What a steady one a day is worth after so many days (`models.decay.daily_rates`)."""
    seen: Floats = half_life_days / LN_2 * (1.0 - np.exp2(-days / half_life_days))
    return seen


def _total(sums: Floats, places: Sequence[int]) -> Floats:
    # One by one: how numpy adds up many at once depends on their layout.
    total: Floats = sums[places[0]]
    for place in places[1:]:
        total = total + sums[place]
    return total


def _paces(sums: Floats, factors: Floats) -> Floats:
    """Log of the pace of each quantity: three rows each, one for each half-life."""
    paces = np.empty((len(QUANTITIES), *factors.shape), np.float64)
    for pace, quantity in zip(paces, QUANTITIES, strict=True):
        total = _total(sums, [PLACES[code] for code in quantity.codes])
        np.multiply(total, factors / 100.0 if quantity.codes[0] in MONEY else factors, out=pace)
    # A breach that was taken back can leave a trace below nothing.
    logs: Floats = np.log1p(np.maximum(paces, 0.0)).reshape(3 * len(QUANTITIES), factors.shape[1])
    return logs


def _outflow(facts: Facts) -> dict[str, Floats]:
    net = facts.net_cents
    known = facts.assets_then_cents > 0.0
    return {
        "net_outflow": np.arcsinh(net / 100.0),
        "net_outflow_to_assets": np.arcsinh(np.where(known, net, 0.0) / np.where(known, facts.assets_then_cents, 1.0)),
        "net_outflow_to_threshold": np.arcsinh(net / np.maximum(facts.threshold_cents, 1.0)),
    }


def _silence(facts: Facts, activity: Floats, at_ms: int) -> dict[str, Floats]:
    """The pace is that of the time before the last act, which is not counted itself: it would look like a burst."""
    never = facts.last_active_ms == 0.0
    last_ms = np.where(never, facts.first_ms, facts.last_active_ms)
    silent_days = np.maximum(at_ms - last_ms, 0.0) / DAY_MS
    days = np.maximum(last_ms - facts.first_ms, DAY_MS) / DAY_MS
    acts = np.maximum(activity * _worth((facts.landmark_ms - last_ms) / DAY_MS, _LONGEST) - 1.0, 0.0)
    return {
        "silence": np.log1p(silent_days),
        "silence_to_pace": np.log1p(silent_days * acts / _seen_days(days, _LONGEST)),
        "never_active": never.astype(np.float64),
    }


def _payroll(facts: Facts, at_ms: int) -> dict[str, Floats]:
    known = facts.payroll_days > 0.0
    waited_days = np.maximum(at_ms - facts.payroll_ms, 0.0) / DAY_MS
    intervals = np.where(known, waited_days, 0.0) / np.where(known, facts.payroll_days, 1.0)
    return {
        "payroll_overdue": np.log1p(np.maximum(intervals - 1.0, 0.0)),
        "payroll_unknown": (~known).astype(np.float64),
    }


def _relationship(facts: Facts) -> dict[str, Floats]:
    return {
        "open_cases": np.log1p(facts.open_cases),
        "products": np.log1p(facts.products),
        "accounts": np.log1p(facts.accounts),
        "closed_accounts": np.log1p(facts.closed_accounts),
        "assets": np.arcsinh(facts.assets_cents / 100.0),
        "assets_unknown": facts.assets_unknown,
        "tier": facts.tier,
    }


def _life_stage(facts: Facts, pace: Floats, at_ms: int, rules: Rules) -> dict[str, Floats]:
    """The stage as `models.relationship.refresh_stage` would find it now: the aggregate's own waits for an event."""
    policy = rules.policies.lifecycle
    age_ms = at_ms - facts.began_ms
    new = age_ms < policy.acquisition_days * DAY_MS
    lately, usually = pace[1], pace[2]
    grows = (usually > 0.0) & (lately >= policy.growth_ratio * usually)
    return {
        "tenure": np.log1p(np.maximum(age_ms, 0.0) / DAY_MS),
        "tenure_unknown": facts.began_unknown,
        "stage_acquisition": new.astype(np.float64),
        "stage_growth": (~new & grows).astype(np.float64),
        "stage_decline": (~new & ~grows & (lately <= policy.decline_ratio * usually)).astype(np.float64),
    }


def _person(facts: Facts, today: date) -> dict[str, Floats]:
    year = today.year + (today.timetuple().tm_yday - 1) / 366
    born, band = facts.birth_year, facts.income_band
    return {
        "age": np.where(born > 0.0, (year - born - MIDDLE_AGE) / AGE_STEP, 0.0),
        "age_unknown": (born == 0.0).astype(np.float64),
        "income_band": np.where(band > 0.0, (band - MIDDLE_BAND) / BAND_STEP, 0.0),
        "income_unknown": (band == 0.0).astype(np.float64),
    }
