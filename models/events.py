"""The event vocabulary: what the feeds carry, and the control records that the ledger adds.

Every feed event is one frozen struct tagged by ``type`` (untracked by the cyclic garbage collector: events are trees,
and there are many). Field limits live in the types, so that the strict
decoder (`streams.codecs`) and the generated JSON Schemas can never disagree. Amounts are in units of the
event's own currency, times are RFC 3339 with an offset, ``*_s`` are seconds.

Unknown extra fields are ignored, so that an upstream team may add one without filling the dead letters.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, TypeAlias, get_args

from msgspec import Meta, Struct, field

SCHEMA_VERSION = 1
"""Version of the canonical encoding in the ledger; raised when an old reader could misread a new record."""

MAX_AMOUNT = 1e12
"""Largest amount of one event; keeps every amount exact when it is turned into integer hundredths."""

Id = Annotated[str, Meta(min_length=1, max_length=128)]
"""An identifier given by the bank; opaque to us."""
Code = Annotated[str, Meta(min_length=1, max_length=64)]
"""A short code from a vocabulary that the bank owns (a page, a contact reason, a product)."""
Instant = Annotated[datetime, Meta(tz=True)]
"""A point in time; a naive time is refused."""
Amount = Annotated[float, Meta(gt=0, le=MAX_AMOUNT)]
Balance = Annotated[float, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
Currency = Annotated[str, Meta(min_length=3, max_length=3, extra_json_schema={"pattern": "^[A-Z]{3}$"})]
"""Three capital letters, which ingest sees to: looked at by the decoder, they took a quarter of its time."""
AlertId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", max_length=16)]  # to Python "$" allows a newline behind
"""An alert's id, which is ours; nothing else fits, since no pseudonym replaces it."""
Seconds = Annotated[float, Meta(ge=0, le=604_800)]
Rating = Annotated[int, Meta(ge=0, le=10)]

TransactionKind = Literal[
    "transfer",
    "card",
    "cash",
    "payroll",
    "bill",
    "fee",
    "interest",
    "loan",
    "investment",
    "insurance",
    "other",
]
Direction = Literal["in", "out"]
Counterparty = Literal["own_account", "own_elsewhere", "person", "merchant", "bank", "unknown"]
Tier = Literal["core", "potential", "basic"]
ComplaintStep = Literal[
    "received",
    "responded",
    "progress_reported",
    "investigated",
    "plan_proposed",
    "plan_confirmed",
    "compensation_proposed",
    "compensation_approved",
    "remedied",
    "closed",
    "called_back",
    "escalated",
    "paused",
    "resumed",
    "reopened",
    "reclassified",
    "withdrawn",
    "extension_granted",
]
FeedbackAction = Literal["acknowledged", "contacted", "dismissed", "snoozed"]
FeedbackOutcome = Literal["retained", "lost", "false_alarm", "unreachable", "other"]
STANDARD_STEPS: Final = frozenset(get_args(ComplaintStep))
"""The steps that the bank's standards know."""


class FeedEvent(Struct, frozen=True, kw_only=True, gc=False, tag_field="type", omit_defaults=True):
    """What every feed event carries: who, when (business time) and the bank's own id of the event."""

    event_id: Id
    customer_id: Id
    occurred_at: Instant


class Transaction(FeedEvent, frozen=True, kw_only=True, gc=False, tag="transaction"):
    """Money moved on an account; ``amount`` is positive, ``direction`` says which way."""

    account_id: Id
    amount: Amount
    currency: Currency
    direction: Direction
    kind: TransactionKind
    counterparty: Counterparty = "unknown"
    balance_after: Balance | None = None


class AccountOpened(FeedEvent, frozen=True, kw_only=True, gc=False, tag="account_opened"):
    """An account came into being."""

    account_id: Id
    product: Code | None = None


class AccountClosed(FeedEvent, frozen=True, kw_only=True, gc=False, tag="account_closed"):
    """An account was closed; ``initiated_by`` keeps voluntary and involuntary attrition apart."""

    account_id: Id
    initiated_by: Literal["customer", "bank"] = "customer"


class ProductOpened(FeedEvent, frozen=True, kw_only=True, gc=False, tag="product_opened"):
    """The customer took up a product."""

    product_id: Id
    product: Code
    amount: Amount | None = None
    currency: Currency | None = None


class ProductClosed(FeedEvent, frozen=True, kw_only=True, gc=False, tag="product_closed"):
    """A product ended; ``matured`` tells an expected end from one the customer chose."""

    product_id: Id
    product: Code | None = None
    matured: bool = False
    amount: Amount | None = None
    currency: Currency | None = None


class Login(FeedEvent, frozen=True, kw_only=True, gc=False, tag="login"):
    """A login, or an attempt at one, to a digital channel."""

    channel: Code
    succeeded: bool


class PageView(FeedEvent, frozen=True, kw_only=True, gc=False, tag="page_view"):
    """A page of a digital channel was looked at."""

    page: Code


class Contact(FeedEvent, frozen=True, kw_only=True, gc=False, tag="contact"):
    """The customer and the bank were in contact; ``queued_s`` is the wait before an answer, in seconds."""

    call_id: Id
    direction: Literal["inbound", "outbound"]
    channel: Literal["phone", "chat", "branch", "email"]
    reason: Code
    outcome: Literal["answered", "abandoned", "voicemail"]
    purpose: Code | None = None
    queued_s: Seconds = 0.0
    csat: Rating | None = None
    nps: Rating | None = None


class AlertFeedback(FeedEvent, frozen=True, kw_only=True, gc=False, tag="alert_feedback"):
    """What somebody did about an alert, and how it ended once that is known; a later one adds to what came before.

    ``outcome``: the customer stays (retained) or leaves (lost), so there was something in it; or there was nothing in
    it (false_alarm); or nobody could tell (unreachable, other). ``rule`` is the alert's, for an alert long forgotten.
    """

    alert_id: AlertId
    action: FeedbackAction
    outcome: FeedbackOutcome | None = None
    rule: Code | None = None


class Complaint(FeedEvent, frozen=True, kw_only=True, gc=False, tag="complaint"):
    """One step in the life of a complaint case; a ``received`` step names its business and channel.

    ``step`` is open: the steps of `ComplaintStep` have a meaning of their own, a policy may give one to others, and
    what nobody knows is kept and counted. ``region`` is where the customer's rights come from; ``actions`` what a plan
    promises (compensate, remediate, explain, ...); ``extension`` which extension of the time limit was granted.
    """

    case_id: Id
    step: Code
    business: Code | None = None
    cause: Code | None = None
    channel: Code | None = None
    priority: Code | None = None
    responsibility: Literal["bank", "customer", "third_party"] | None = None
    satisfied: bool | None = None
    region: Code | None = None
    actions: Annotated[list[Code], Meta(max_length=8)] | None = None
    extension: Code | None = None


class ProfileChanged(FeedEvent, frozen=True, kw_only=True, gc=False, tag="profile"):
    """What the bank knows of the customer; an absent field leaves what was known before.

    ``aum`` is assets under management in ``currency`` (the reporting currency when absent); ``income_band``
    runs from 1 (lowest) to 10; ``risk_rating`` from 1 (steady) to 5 (aggressive).
    """

    tier: Tier | None = None
    aum: Annotated[float, Meta(ge=0, le=MAX_AMOUNT)] | None = None
    currency: Currency | None = None
    opened_at: Instant | None = None
    birth_year: Annotated[int, Meta(ge=1880, le=2100)] | None = None
    income_band: Annotated[int, Meta(ge=1, le=10)] | None = None
    education: Code | None = None
    risk_rating: Annotated[int, Meta(ge=1, le=5)] | None = None
    products: Annotated[list[Code], Meta(max_length=64)] | None = None
    preferred_channel: Code | None = None
    adviser: Id | None = None


class Tick(Struct, frozen=True, kw_only=True, tag_field="type", tag="tick"):
    """Time has reached ``at``; the only thing that makes deadlines fire."""

    at: Instant


class PolicyActivated(Struct, frozen=True, kw_only=True, tag_field="type", tag="policy_activated"):
    """From here on this shard decides by ``document``, whose content hash is ``digest``.

    The whole document travels in the ledger, so that a replay needs nothing but the ledger.
    """

    digest: str
    document: dict[str, object]


class ModelActivated(Struct, frozen=True, kw_only=True, tag_field="type", tag="model_activated"):
    """From here on this shard scores with ``document`` (`models.scoring_model`), whose content hash is ``digest``.

    The whole model travels in the ledger, so that a replay needs nothing but the ledger.
    """

    version: str
    digest: str
    document: dict[str, object] = field(default_factory=dict)


Event: TypeAlias = (
    Transaction
    | AccountOpened
    | AccountClosed
    | ProductOpened
    | ProductClosed
    | Login
    | PageView
    | Contact
    | AlertFeedback
    | Complaint
    | ProfileChanged
)
Control: TypeAlias = Tick | PolicyActivated | ModelActivated

FEED_TYPES: dict[str, tuple[type[FeedEvent], ...]] = {
    "transactions": (Transaction, AccountOpened, AccountClosed, ProductOpened, ProductClosed),
    "logins": (Login, PageView),
    "calls": (Contact, AlertFeedback),
    "complaints": (Complaint,),
    "customers": (ProfileChanged,),
}
"""Which event types each feed carries."""

EVENT_TYPES: dict[str, type[FeedEvent]] = {
    str(struct.__struct_config__.tag): struct for types in FEED_TYPES.values() for struct in types
}
"""Every feed event struct by the ``type`` that names it on the wire."""


class LedgerRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of the ledger: an event with where it came from, or a control record.

    ``source`` names a source partition ("topic/partition", or the fingerprint of a feed file) and
    ``source_offset`` the record's place in it; a shard folds each source offset at most once. Control records
    have no source.
    """

    v: int
    at_ms: int
    event: Event | Control
    source: str = ""
    source_offset: int = -1


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def epoch_ms(instant: datetime) -> int:
    """Whole milliseconds since 1970-01-01 UTC, never rounded up into the next day; `instant` carries an offset."""
    return (instant - _EPOCH) // _MILLISECOND
