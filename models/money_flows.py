"""External money of one customer by local day: an exact window, and the habit that older days have become.

External is what crosses the border of the customer's relationship with the bank. Moves between own accounts here,
payroll, fees, interest, loans and whatever the bank itself is the other side of (a matured deposit, a fund bought)
are not. An account of the customer's own at another bank *is* outside: that is where assets ebb to.
"""

import struct
from collections.abc import Iterator
from math import exp2
from typing import Final

from msgspec import Struct

from models.customer import Flows
from models.events import Transaction

INTERNAL_KINDS = frozenset({"payroll", "fee", "interest", "loan"})
INTERNAL_COUNTERPARTIES = frozenset({"own_account", "bank"})
POSTED_KINDS = frozenset({"fee", "interest", "loan"})
BOUGHT_KINDS = frozenset({"investment", "insurance"})
_DAY: Final = struct.Struct("<4q")
"""One day of `Flows.days`: its number, cents in, cents out, cents of the largest outflow."""
_read, _write = _DAY.unpack_from, _DAY.pack_into
HABIT_HALF_LIFE_DAYS = 90
_DECAY_A_DAY = exp2(-1 / HABIT_HALF_LIFE_DAYS)


class Outflow(Struct, frozen=True, gc=False):
    """One external outflow that could become evidence."""

    cents: int
    day: int
    event_id: str


def is_external(transaction: Transaction) -> bool:
    """Whether this money enters or leaves the customer's relationship with the bank."""
    return transaction.counterparty not in INTERNAL_COUNTERPARTIES and transaction.kind not in INTERNAL_KINDS


def is_own_act(transaction: Transaction) -> bool:
    """Whether the customer's doing can be seen in it, or only the bank's own posting.

    Fees, interest and loan instalments are the bank's postings, and so is what the bank is the other side of, but for
    cash, and for a fund or an insurance that the customer pays for.
    """
    kind = transaction.kind
    if transaction.counterparty != "bank":
        return kind not in POSTED_KINDS
    return kind == "cash" or (kind in BOUGHT_KINDS and transaction.direction == "out")


def record_inflow(flows: Flows | None, day: int, cents: int, window_days: int) -> Flows:
    """Add external money that came in on local day `day`."""
    flows = _reaching(flows, day, window_days)
    if day > flows.rolled_day:
        flows.net_cents -= cents
        _add(flows, day, cents, 0, "")
    return flows


def record_outflow(flows: Flows | None, outflow: Outflow, window_days: int) -> Flows:
    """Add external money that left; what the window has left behind goes into the habit."""
    day, cents = outflow.day, outflow.cents
    flows = _reaching(flows, day, window_days)
    if day > flows.rolled_day:
        flows.net_cents += cents
        _add(flows, day, 0, cents, outflow.event_id)
    else:
        flows.habit_cents += cents * _habit_weight(flows, day)
    return flows


def _reaching(flows: Flows | None, day: int, window_days: int) -> Flows:
    """The flows, with a window that ends no earlier than `day`."""
    if flows is None:
        return Flows(first_day=day, landmark_day=day, rolled_day=day - window_days)
    if day - window_days > flows.rolled_day:
        roll(flows, day, window_days)
    elif day < flows.first_day:
        flows.first_day = day
    return flows


def roll(flows: Flows, today: int, window_days: int) -> None:
    """Let the window end at `today`, if it does not end later already."""
    rolled_day = today - window_days
    if rolled_day <= flows.rolled_day:
        return
    flows.rolled_day = rolled_day
    gone = 0
    for day, into, out, _ in _DAY.iter_unpack(flows.days):
        if day > rolled_day:
            break
        flows.net_cents -= out - into
        flows.habit_cents += out * _habit_weight(flows, day)
        gone += 1
    if gone:
        del flows.days[: gone * _DAY.size]
        flows.largest_ids = flows.largest_ids.split("\n", gone)[gone]


def habitual_daily_outflow(flows: Flows, history_days: int) -> float | None:
    """Cents that leave on a usual day before the window: a mean over days, recent ones weigh more.

    None until the days before the window, quiet ones included, number at least `history_days`.
    """
    known_days = flows.rolled_day - flows.first_day + 1
    if known_days < history_days:
        return None
    weight_of_days = (1.0 - _DECAY_A_DAY**known_days) / (1.0 - _DECAY_A_DAY)
    return flows.habit_cents / _habit_weight(flows, flows.rolled_day) / weight_of_days


def days_of(flows: Flows) -> Iterator[tuple[int, int, int]]:
    """Each day of the window on which external money moved, ascending: its number, cents in, cents out."""
    return (moved[:3] for moved in _DAY.iter_unpack(flows.days))


def largest_of(flows: Flows) -> list[Outflow]:
    """The largest outflow of each day of the window on which any money left, ascending."""
    days = zip(_DAY.iter_unpack(flows.days), flows.largest_ids.split("\n")[:-1], strict=True)
    return [Outflow(cents, day, event_id) for (day, _, _, cents), event_id in days if cents]


def last_day(flows: Flows) -> int | None:
    """The latest day on which external money moved; None where it moved on none of the window."""
    days = flows.days
    return int(_read(days, len(days) - _DAY.size)[0]) if days else None


def draining_days(flows: Flows, least_cents: float) -> int:
    """Days of the window whose net outflow is more than `least_cents`."""
    return sum(out - into > least_cents for _, into, out, _ in _DAY.iter_unpack(flows.days))


def _habit_weight(flows: Flows, day: int) -> float:
    return exp2((day - flows.landmark_day) / HABIT_HALF_LIFE_DAYS)


def is_largest(flows: Flows, event_id: str, day: int) -> bool:
    """Whether the event is the largest outflow of its day, as far as is known."""
    if event_id not in flows.largest_ids:  # as nearly always
        return False
    return any(outflow.day == day and outflow.event_id == event_id for outflow in largest_of(flows))


def _add(flows: Flows, day: int, cents_in: int, cents_out: int, event_id: str) -> None:
    days = flows.days
    behind = len(days)
    while behind:
        at = behind - _DAY.size
        known, into, out, largest = _read(days, at)
        if known == day:
            _write(days, at, day, into + cents_in, out + cents_out, max(largest, cents_out))
            if cents_out > largest:
                ids = flows.largest_ids.split("\n")
                ids[at // _DAY.size] = event_id
                flows.largest_ids = "\n".join(ids)
            return
        if known < day:
            break
        behind = at
    ids = flows.largest_ids.split("\n")
    ids.insert(behind // _DAY.size, event_id if cents_out else "")
    days[behind:behind] = _DAY.pack(day, cents_in, cents_out, cents_out)
    flows.largest_ids = "\n".join(ids)
