"""External money of one customer by local day: an exact window, and the habit that older days have become.

External is what crosses the border of the customer's relationship with the bank. Moves between own accounts here,
payroll, fees, interest, loans and whatever the bank itself is the other side of (a matured deposit, a fund bought)
are not. An account of the customer's own at another bank *is* outside: that is where assets ebb to.
"""

from math import exp2

from models.customer import Flows, Outflow
from models.events import Transaction

INTERNAL_KINDS = frozenset({"payroll", "fee", "interest", "loan"})
INTERNAL_COUNTERPARTIES = frozenset({"own_account", "bank"})
POSTED_KINDS = frozenset({"fee", "interest", "loan"})
BOUGHT_KINDS = frozenset({"investment", "insurance"})
HABIT_HALF_LIFE_DAYS = 90
_DECAY_A_DAY = exp2(-1 / HABIT_HALF_LIFE_DAYS)


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
        _add(flows.days, day, cents, 0)
    return flows


def record_outflow(flows: Flows | None, outflow: Outflow, window_days: int) -> Flows:
    """Add external money that left; what the window has left behind goes into the habit."""
    day, cents = outflow.day, outflow.cents
    flows = _reaching(flows, day, window_days)
    if day > flows.rolled_day:
        flows.net_cents += cents
        _add(flows.days, day, 0, cents)
        if cents:
            _keep_largest(flows.largest, outflow)
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
    days = flows.days
    gone = 0
    while gone < len(days) and days[gone] <= rolled_day:
        flows.net_cents -= days[gone + 2] - days[gone + 1]
        flows.habit_cents += days[gone + 2] * _habit_weight(flows, days[gone])
        gone += 3
    if gone:
        del days[:gone]
        flows.largest = [outflow for outflow in flows.largest if outflow.day > rolled_day]


def habitual_daily_outflow(flows: Flows, history_days: int) -> float | None:
    """Cents that leave on a usual day before the window: a mean over days, recent ones weigh more.

    None until the days before the window, quiet ones included, number at least `history_days`.
    """
    known_days = flows.rolled_day - flows.first_day + 1
    if known_days < history_days:
        return None
    weight_of_days = (1.0 - _DECAY_A_DAY**known_days) / (1.0 - _DECAY_A_DAY)
    return flows.habit_cents / _habit_weight(flows, flows.rolled_day) / weight_of_days


def draining_days(flows: Flows, least_cents: float) -> int:
    """Days of the window whose net outflow is more than `least_cents`."""
    days = flows.days
    return sum(out - into > least_cents for into, out in zip(days[1::3], days[2::3], strict=True))


def _habit_weight(flows: Flows, day: int) -> float:
    return exp2((day - flows.landmark_day) / HABIT_HALF_LIFE_DAYS)


def _add(days: list[int], day: int, cents_in: int, cents_out: int) -> None:
    at = len(days)
    while at and days[at - 3] > day:
        at -= 3
    if at and days[at - 3] == day:
        days[at - 2] += cents_in
        days[at - 1] += cents_out
    else:
        days[at:at] = (day, cents_in, cents_out)


def is_largest(flows: Flows, event_id: str, day: int) -> bool:
    """Whether the event is the largest outflow of its day, as far as is known."""
    largest = flows.largest
    if not largest:
        return False
    latest = largest[-1]
    if latest.day <= day:  # as nearly always
        return latest.day == day and latest.event_id == event_id
    return any(outflow.day == day and outflow.event_id == event_id for outflow in largest)


def _keep_largest(largest: list[Outflow], candidate: Outflow) -> None:
    at = len(largest)
    while at and largest[at - 1].day > candidate.day:
        at -= 1
    if not at or largest[at - 1].day < candidate.day:
        largest.insert(at, candidate)
    elif candidate.cents > largest[at - 1].cents:
        largest[at - 1] = candidate
