"""Short builders of events, policies and ledger records, and one customer driven through the fold."""

from collections import Counter
from datetime import UTC, datetime
from itertools import count
from typing import Any, Self

from hypothesis import strategies as st

from benchmarks.policies import policies_of
from config.policies import Policies, load_policies, policies_from_document, policy_document
from models import counters
from models.alerts import Alert, alert_id, instant
from models.context import FoldContext, Reason
from models.customer import AlertState, Customer
from models.decay import DAY_MS, Cell
from models.events import (
    SCHEMA_VERSION,
    AccountClosed,
    AccountOpened,
    AlertFeedback,
    Complaint,
    ComplaintStep,
    Contact,
    Control,
    Event,
    LedgerRecord,
    Login,
    PageView,
    ProductClosed,
    ProductOpened,
    ProfileChanged,
    Tick,
    Transaction,
    TransactionKind,
    epoch_ms,
)
from models.fold import fold, fold_due
from models.rules import Rules

MIDNIGHT_MS = epoch_ms(datetime(2026, 1, 4, 16, tzinfo=UTC))
"""Monday 5 January 2026, 00:00 in Asia/Shanghai, the zone of the shipped policies (which has no summer time)."""
HOUR_MS = 3_600_000
MINUTE_MS = 60_000

_ids = count(1)


def ms(day: float = 0, hour: float = 0) -> int:
    """`day` days and `hour` hours after `MIDNIGHT_MS`."""
    return MIDNIGHT_MS + round(day * DAY_MS + hour * HOUR_MS)


SHIPPED = policies_of(scores=False)
"""Without the churn score, which makes every change due at a tick; its own tests have it."""
CHURN: Any = policy_document(load_policies())["churn"]
"""The churn score's table of the shipped policies: `policies(churn=CHURN)`."""


def policies(**changes: Any) -> Policies:
    """The shipped policies with some keys changed: `policies(asset_outflow__window_days=7)`."""
    document = policy_document(SHIPPED)
    for path, value in changes.items():
        *tables, key = path.split("__")
        table = document
        for name in tables:
            table = table[name]
        table[key] = value
    return policies_from_document(document)


def fresh_id() -> str:
    """An event id that nothing else has."""
    return f"event-{next(_ids)}"


def _common(at_ms: int, event_id: str | None, customer_id: str) -> dict[str, Any]:
    return {"event_id": event_id or fresh_id(), "customer_id": customer_id, "occurred_at": instant(at_ms)}


def out(at_ms: int, amount: float, *, event_id: str | None = None, customer_id: str = "c", **more: Any) -> Transaction:
    """Money leaving by transfer to a person, unless told otherwise."""
    return _money("out", at_ms, amount, event_id, customer_id, more)


def into(at_ms: int, amount: float, *, event_id: str | None = None, customer_id: str = "c", **more: Any) -> Transaction:
    """Money coming by transfer from a person, unless told otherwise."""
    return _money("in", at_ms, amount, event_id, customer_id, more)


def _money(
    direction: str, at_ms: int, amount: float, event_id: str | None, customer_id: str, more: dict[str, Any]
) -> Transaction:
    fields: dict[str, Any] = {
        "account_id": "a",
        "currency": "CNY",
        "kind": "transfer",
        "counterparty": "person",
        "direction": direction,
        "amount": amount,
    }
    return Transaction(**_common(at_ms, event_id, customer_id), **(fields | more))


def balance(at_ms: int, amount: float, account_id: str = "a", **more: Any) -> Transaction:
    """Interest of one cent: says what the balance is and moves no external money."""
    return into(at_ms, 0.01, kind="interest", counterparty="bank", balance_after=amount, account_id=account_id, **more)


def contact(
    at_ms: int, reason: str = "card", *, event_id: str | None = None, customer_id: str = "c", **more: Any
) -> Contact:
    """An answered inbound call, unless told otherwise."""
    fields: dict[str, Any] = {
        "call_id": "call",
        "direction": "inbound",
        "channel": "phone",
        "reason": reason,
        "outcome": "answered",
    }
    return Contact(**_common(at_ms, event_id, customer_id), **(fields | more))


def login(at_ms: int, succeeded: bool = True, *, event_id: str | None = None, customer_id: str = "c") -> Login:
    """A login to the app."""
    return Login(**_common(at_ms, event_id, customer_id), channel="app", succeeded=succeeded)


def page_view(at_ms: int, customer_id: str = "c") -> PageView:
    """A look at a page."""
    return PageView(**_common(at_ms, None, customer_id), page="home")


def profile(at_ms: int, *, customer_id: str = "c", **stated: Any) -> ProfileChanged:
    """A profile statement."""
    return ProfileChanged(**_common(at_ms, None, customer_id), **stated)


def account_opened(at_ms: int, account_id: str = "a", product: str | None = None) -> AccountOpened:
    """An account came into being."""
    return AccountOpened(**_common(at_ms, None, "c"), account_id=account_id, product=product)


def account_closed(at_ms: int, account_id: str = "a") -> AccountClosed:
    """An account was closed."""
    return AccountClosed(**_common(at_ms, None, "c"), account_id=account_id)


def product_opened(at_ms: int, product: str) -> ProductOpened:
    """A product was taken up."""
    return ProductOpened(**_common(at_ms, None, "c"), product_id="p", product=product)


def product_closed(at_ms: int, product: str | None) -> ProductClosed:
    """A product ended."""
    return ProductClosed(**_common(at_ms, None, "c"), product_id="p", product=product)


def complaint(at_ms: int, step: ComplaintStep) -> Complaint:
    """One step of a complaint."""
    return Complaint(**_common(at_ms, None, "c"), case_id="case", step=step, business="card", channel="phone")


class Noted(Counter[tuple[str, Reason]]):
    """Counted decisions that also remember their order."""

    def __init__(self) -> None:
        """Nothing decided yet."""
        self.order: list[Reason] = []
        super().__init__()

    def __setitem__(self, decision: tuple[str, Reason], times: int) -> None:
        """Count and note one more."""
        self.order.append(decision[1])
        super().__setitem__(decision, times)


class Folded:
    """One customer driven through the fold; results accumulate in `ctx`."""

    def __init__(self, using: Policies | None = None) -> None:
        """Begin with a customer not heard of yet and a clock that has not ticked."""
        self.ctx = FoldContext(Rules(using or SHIPPED))
        self.ctx.decisions = self.noted = Noted()
        self.known: Customer | None = None

    def see(self, *events: Event) -> Self:
        """Fold events in the order given."""
        for event in events:
            self.known = fold(self.known, event, epoch_ms(event.occurred_at), self.ctx) or self.known
        return self

    def tick(self, now_ms: int) -> Self:
        """Let time reach `now_ms`."""
        self.ctx.clock_ms = max(self.ctx.clock_ms, now_ms)
        if self.known is not None:
            fold_due(self.known, now_ms, self.ctx)
        return self

    def adopt(self, using: Policies) -> Self:
        """Decide by other policies from here on."""
        self.ctx.rules = Rules(using)
        self.ctx.pins.activate(self.ctx.rules)
        return self

    @property
    def reasons(self) -> list[Reason]:
        """Every decision so far, in order."""
        return self.noted.order

    @property
    def customer(self) -> Customer:
        """The customer as it is now."""
        assert self.known is not None
        return self.known

    @property
    def alerts(self) -> list[Alert]:
        """Everything reported so far."""
        return [output.body for output in self.ctx.outputs if isinstance(output.body, Alert)]

    @property
    def told(self) -> list[str]:
        """The state that each report speaks of, in order."""
        return [alert.state for alert in self.alerts]

    def state(self, rule: str, subject: str = "") -> AlertState:
        """The alert that is open or cooling."""
        [found] = [state for state in self.customer.alerts if (state.rule, state.subject) == (rule, subject)]
        return found


def cells(customer: Customer) -> dict[int, Cell]:
    """Every counter that has counted anything, by code."""
    found = {code: counters.cell(customer, code) for code in range(256)}
    return {code: cell for code, cell in found.items() if cell is not None}


def record(event: Event | Control, source: str = "", offset: int = -1, at_ms: int | None = None) -> LedgerRecord:
    """A ledger record; the business time is the event's own."""
    if at_ms is None:
        at_ms = epoch_ms(event.at) if isinstance(event, Tick) else epoch_ms(getattr(event, "occurred_at", instant(0)))
    return LedgerRecord(v=SCHEMA_VERSION, at_ms=at_ms, event=event, source=source, source_offset=offset)


def tick(at_ms: int) -> LedgerRecord:
    """A tick as the ledger holds it."""
    return record(Tick(at=instant(at_ms)))


# --- arbitrary events ------------------------------------------------------------------------------

KINDS: tuple[TransactionKind, ...] = (
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
)


def _codes(prefix: str, count: int) -> st.SearchStrategy[str]:
    return st.integers(1, count).map(lambda i: f"{prefix}{i}")


@st.composite
def any_event(draw: st.DrawFn, customers: int = 1, days: int = 60) -> Event:
    """Any event of any customer, somewhere within `days`; ids repeat now and then."""
    event_id = draw(st.one_of(st.integers(0, 10**9).map(str), st.integers(0, 20).map(str)))
    at_ms = ms(0) + draw(st.integers(0, days * 24 * 4)) * 15 * MINUTE_MS + draw(st.sampled_from((0, 1, 899_999)))
    common = _common(at_ms, event_id, f"c{draw(st.integers(1, customers))}")
    optional = st.one_of(st.none(), st.floats(-1e6, 1e7))
    match draw(st.integers(0, 14)):
        case 0:
            return AccountOpened(**common, account_id=draw(_codes("a", 20)), product=draw(_codes("p", 4)))
        case 1:
            return AccountClosed(**common, account_id=draw(_codes("a", 20)))
        case 2:
            return ProductOpened(**common, product_id="p", product=draw(_codes("p", 30)))
        case 3:
            return ProductClosed(**common, product_id="p", product=draw(st.one_of(st.none(), _codes("p", 30))))
        case 4:
            return Login(**common, channel="app", succeeded=draw(st.booleans()))
        case 5:
            return PageView(**common, page="home")
        case 6:
            return Complaint(**common, case_id="case", step=draw(st.sampled_from(("received", "closed"))))
        case 7:
            return ProfileChanged(
                **common,
                aum=draw(st.one_of(st.none(), st.floats(0, 1e6))),
                tier=draw(st.sampled_from((None, None, "core", "potential", "basic"))),
                currency=draw(st.sampled_from((None, "USD", "XXX"))),
                opened_at=draw(st.sampled_from((None, instant(ms(-400)), instant(ms(-20))))),
                products=draw(st.one_of(st.none(), st.lists(_codes("p", 30), max_size=30))),
                education=draw(st.sampled_from((None, "school"))),
                adviser=draw(st.sampled_from((None, "x", "y"))),
            )
        case 14:
            rule, subject = draw(st.sampled_from((("asset_outflow", ""), ("repeated_inquiry", "r1"))))
            cause = f"event:{draw(st.integers(0, 20))}"  # ids of events that there may be
            return AlertFeedback(
                **common,
                alert_id=alert_id(rule, common["customer_id"], subject, cause),
                action=draw(st.sampled_from(("acknowledged", "contacted", "dismissed", "snoozed"))),
                outcome=draw(st.sampled_from((None, "retained", "lost", "false_alarm", "unreachable", "other"))),
            )
        case 8 | 9:
            return Contact(
                **common,
                call_id="call",
                direction=draw(st.sampled_from(("inbound", "inbound", "inbound", "outbound"))),
                channel="chat",
                reason=draw(st.one_of(_codes("r", 2), _codes("r", 16))),
                outcome=draw(st.sampled_from(("answered", "abandoned"))),
            )
        case _:
            return Transaction(
                **common,
                account_id=draw(_codes("a", 3)),
                amount=draw(st.one_of(st.floats(0.01, 1e5), st.sampled_from((0.001, 1e12)))),
                currency=draw(st.sampled_from(("CNY", "CNY", "CNY", "USD", "JPY", "XXX"))),
                direction=draw(st.sampled_from(("in", "out", "out"))),
                kind=draw(st.one_of(st.just("transfer"), st.sampled_from(KINDS))),
                counterparty=draw(
                    st.sampled_from(("own_account", "own_elsewhere", "person", "merchant", "bank", "unknown"))
                ),
                balance_after=draw(optional),
            )
