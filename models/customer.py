"""The customer aggregate: everything that is remembered of one customer, in bounded space.

The aggregate is what the store keeps and the cache holds. It is encoded as a MessagePack array (field order is the
schema: add fields at the end, with a default, and raise `AGGREGATE_VERSION` when an old reader would misread them).
Every list in it has a bound, listed in `BOUNDS`, so its size has one too (ARCHITECTURE.md, "Size").

Numbers that come in rows are packed into bytes, and what few events read stays encoded: scattered over memory as
objects, they were what encoding an aggregate waited for.

Amounts are integer hundredths of the reporting currency ("cents"), so that sums are exact and do not depend on the
order of events. Times are milliseconds since 1970 UTC (``_ms``), days are local day numbers (``_day``).
"""

from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct, field

from models.case_state import DEPARTED, MAX_CASES, MAX_MILESTONES, CaseState
from models.churn_state import MAX_DEPARTURES, MAX_OBSERVATIONS, ChurnState
from models.customer_of_before import upgraded
from models.decay import Cell
from models.events import FeedbackAction, FeedbackOutcome

AGGREGATE_VERSION: Final = 3

RECENT_EVENT_IDS: Final = 32
RECENT_ID_BYTES: Final = 8
MAX_ACCOUNTS: Final = 16
MAX_PRODUCTS: Final = 24
MAX_REASONS: Final = 12
MAX_CONTACTS_PER_REASON: Final = 8
MAX_FLOW_DAYS: Final = 31
MAX_FEEDBACK: Final = len(get_args(FeedbackAction)) + len(get_args(FeedbackOutcome))

BOUNDS: Final = {
    "recent event ids": RECENT_EVENT_IDS,
    "accounts": MAX_ACCOUNTS,
    "products": MAX_PRODUCTS,
    "contact reasons": MAX_REASONS,
    "contacts for each reason": MAX_CONTACTS_PER_REASON,
    "days of flows, and the largest outflow of each": MAX_FLOW_DAYS,
    "alerts open or cooling down": MAX_REASONS + 2,
    "words of feedback on each alert": MAX_FEEDBACK,
    "complaint cases": MAX_CASES,
    "milestones of each case": MAX_MILESTONES,
    "complaint cases that have left, and later steps": DEPARTED,
    "observations for the churn score": MAX_OBSERVATIONS,
    "times at which the customer was gone": MAX_DEPARTURES,
}


class Account(Struct, array_like=True, gc=False):
    """One account: its id, last known balance in cents (None when never stated) and when that was.

    A closed one is remembered with no balance, so that what comes late does not bring it back; `balance_at_ms` is then
    when it was closed, and `by_bank` whether the bank did.
    """

    account_id: str
    balance_cents: int | None
    balance_at_ms: int
    closed: bool = False
    by_bank: bool = False


class Flows(Struct, array_like=True, gc=False):
    """External money of recent local days, exact, and the habit that older days have become.

    `days` holds 32 bytes for each day on which external money moved, ascending, all after `rolled_day`; `largest_ids` a
    line for each of them, with the event id of its largest outflow (ingest refuses ids with a line break);
    `models.money_flows` keeps both. `net_cents` is what left on these days less what came. Days up to `rolled_day` have
    become `habit_cents`: a forward-decayed sum of their outflows (half-life 90 days, relative to `landmark_day`).
    """

    first_day: int
    landmark_day: int
    rolled_day: int
    days: bytearray = field(default_factory=bytearray)
    largest_ids: str = ""
    habit_cents: float = 0.0
    net_cents: int = 0


class Payroll(Struct, array_like=True, gc=False):
    """Payroll cadence: the last pay day, the usual interval in days (None until two were seen), how many."""

    last_ms: int
    interval_days: float | None
    count: int
    last_cents: int


class Inquiry(Struct, array_like=True, gc=False):
    """Inbound contacts for one reason: decayed count, and the latest times and event ids, oldest first."""

    cell: Cell
    times_ms: list[int] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)


class AlertState(Struct, array_like=True, gc=False):
    """An alert that is open, or one that is resolved and still cooling down (`cooling_until_ms` set).

    `measure` is the figure that the alert was last reported with (cents, contacts, or 1/10,000 of a score), `due_ms`
    when time alone could change it (0: never). `feedback` holds each word that it was answered with
    (`models.alert_feedback`), sorted.
    """

    rule: str
    subject: str
    alert_id: str
    revision: int
    raised_ms: int
    updated_ms: int
    severity: str
    measure: int
    triggers: list[str]
    due_ms: int
    cooling_until_ms: int | None = None
    feedback: list[str] = field(default_factory=list)


class Profile(Struct, array_like=True, gc=False):
    """What the bank stated of the customer; None is "not stated". `aum_cents` is in the reporting currency."""

    tier: str | None = None
    aum_cents: int | None = None
    aum_at_ms: int = 0
    opened_ms: int | None = None
    birth_year: int | None = None
    income_band: int | None = None
    education: str | None = None
    risk_rating: int | None = None
    preferred_channel: str | None = None
    adviser: str | None = None
    stated_ms: int = 0


class Customer(Struct, array_like=True, gc=False):
    """One customer's aggregate; `models.fold` is the only writer.

    `counted` and `cells` are its decayed counters: a byte and three sums each; `models.counters` keeps them.
    `inquiries` stays encoded; `models.inquiries` reads and keeps it. `departed` holds 16 bytes for each of the latest
    complaint cases that have left, and of the steps that came for them since.
    `last_active_ms` is the latest own act (`models.money_flows.is_own_act`, a login, a page view, a contact); 0: none.
    `churn_due_ms` is when the customer must be scored next: at the next tick once something has changed.
    """

    customer_id: str
    first_ms: int
    last_ms: int
    landmark_ms: int
    version: Literal[3] = AGGREGATE_VERSION
    events: int = 0
    unvalued: int = 0
    recent: bytes = b""
    tier: str = "basic"
    stage: str = "acquisition"
    stage_day: int = -1
    counted: bytes = b""
    cells: bytearray = field(default_factory=bytearray)
    accounts: list[Account] = field(default_factory=list)
    products: list[str] = field(default_factory=list)
    profile: Profile = field(default_factory=Profile)
    flows: Flows | None = None
    payroll: Payroll | None = None
    inquiries: bytes = b""
    alerts: list[AlertState] = field(default_factory=list)
    closed_accounts: int = 0
    due_ms: int = 0
    cases: list[CaseState] = field(default_factory=list)
    departed: bytes = b""
    cases_opened: int = 0
    last_active_ms: int = 0
    churn: ChurnState | None = None
    churn_due_ms: int = 0


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Customer)


def encode_customer(customer: Customer) -> bytes:
    """The stored form; equal aggregates have equal bytes."""
    return _encoder.encode(customer)


def decode_customer(body: bytes) -> Customer:
    """Inverse of `encode_customer`, of an earlier version too; raises `msgspec.ValidationError` on anything else."""
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError:
        earlier = upgraded(body)
        if earlier is None:
            raise
        return _decoder.decode(earlier)
