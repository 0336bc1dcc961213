"""What the features of the churn score are worked out from: facts of many customers side by side, a row for each fact.

Looking things up customer by customer is what features cost, so each aggregate is gone through once.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import asset_outflow, money_flows
from models.complaints import open_cases_index
from models.counters import ACTIVITIES
from models.customer import Customer, Flows
from models.feature_list import QUANTITIES
from models.inquiries import inquiries_of
from models.relationship import known_assets
from models.rules import TIER_RANK, Rules

Floats: TypeAlias = NDArray[np.float64]

USUAL_PAYROLL_DAYS: Final = 31
"""Ours: the interval of a payroll that has come once."""

_LANES: Final = 64
"""Rows are filled up to a multiple of this: numpy may work out the end of a row by other instructions than its body."""
_OPEN: Final = open_cases_index("")

_CODES: Final = sorted({code for quantity in QUANTITIES for code in quantity.codes} | ACTIVITIES)
PLACES: Final = {code: place for place, code in enumerate(_CODES)}
"""The row of each counter in `decayed_sums`."""
_PLACE_OF_CODE: Final = np.array([PLACES.get(code, len(_CODES)) for code in range(256)])


class Facts(NamedTuple):
    """Facts of customers, in the order of these; 0 where there is nothing. Behind the last customer all are 0."""

    first_ms: Floats
    landmark_ms: Floats
    last_active_ms: Floats
    net_cents: Floats
    threshold_cents: Floats
    assets_then_cents: Floats
    assets_cents: Floats
    assets_unknown: Floats
    payroll_ms: Floats
    payroll_days: Floats
    same_reason_7: Floats
    same_reason_30: Floats
    open_cases: Floats
    products: Floats
    accounts: Floats
    closed_accounts: Floats
    tier: Floats
    began_ms: Floats
    began_unknown: Floats
    birth_year: Floats
    income_band: Floats


def look_up(customers: Sequence[Customer], at_ms: int, rules: Rules) -> Facts:
    """The facts as they stand at `at_ms`; no aggregate is changed."""
    window_days, ignored = rules.outflow_window_days, rules.inquiry_ignored
    rolled_day = rules.days.day_of(at_ms) - window_days
    found: list[float] = []
    for customer in customers:
        assets, _ = known_assets(customer, at_ms, rules)
        net, threshold, assets_then = 0.0, 0.0, 0.0
        if (flows := customer.flows) is not None:
            if flows.rolled_day < rolled_day:
                flows = _rolled(flows, rolled_day + window_days, window_days)
            measure = asset_outflow.measure(customer, flows, at_ms, rules)
            net, threshold, assets_then = measure.net, measure.threshold, measure.assets or 0.0
        accounts = len(customer.accounts)
        for account in customer.accounts:
            accounts -= account.closed
        payroll = customer.payroll
        same_7, same_30 = 0.0, 0.0
        for reason, inquiry in inquiries_of(customer).items():
            if reason not in ignored:
                by_7, by_30, _ = inquiry.cell
                if by_7 > same_7:  # max() would take longer than all else here
                    same_7 = by_7
                if by_30 > same_30:
                    same_30 = by_30
        profile = customer.profile
        began_ms = profile.opened_ms
        found += (
            customer.first_ms,
            customer.landmark_ms,
            customer.last_active_ms,
            net,
            threshold,
            assets_then,
            0.0 if assets is None else assets,
            assets is None,
            0.0 if payroll is None else payroll.last_ms,
            0.0 if payroll is None else payroll.interval_days or USUAL_PAYROLL_DAYS,
            same_7,
            same_30,
            _open_cases(customer) if customer.cases else 0.0,
            len(customer.products),
            accounts,
            customer.closed_accounts,
            TIER_RANK[customer.tier],
            customer.first_ms if began_ms is None else began_ms,
            began_ms is None,
            profile.birth_year or 0.0,
            profile.income_band or 0.0,
        )
    rows = np.zeros((len(Facts._fields), -(-len(customers) // _LANES) * _LANES), np.float64)
    rows[:, : len(customers)] = np.array(found, np.float64).reshape(len(customers), len(rows)).T
    return Facts(*rows)


def _rolled(flows: Flows, today: int, window_days: int) -> Flows:
    """The flows with the window of today; the customer's own are left alone."""
    copy = msgspec.structs.replace(flows, days=flows.days.copy())
    money_flows.roll(copy, today, window_days)
    return copy


def _open_cases(customer: Customer) -> int:
    """Cases that are open and that any promise is kept for."""
    return sum(any(index.startswith(_OPEN) for index in case.listed) for case in customer.cases)


def decayed_sums(customers: Sequence[Customer], width: int) -> Floats:
    """Decayed sums by counter (`PLACES`) and half-life, each relative to its customer's landmark.

    The last row holds what no feature is about, such as the counters of a later release.
    """
    counted = np.frombuffer(b"".join([customer.counted for customer in customers]), np.uint8)
    sums = np.frombuffer(b"".join([customer.cells for customer in customers]), "<f8")
    lengths = np.array([len(customer.counted) for customer in customers], np.intp)
    owner = np.repeat(np.arange(len(customers)), lengths)
    cells = np.zeros((len(_CODES) + 1, 3, width), np.float64)
    cells[_PLACE_OF_CODE[counted], :, owner] = sums.reshape(-1, 3)
    return cells
