"""The books of one customer: every event is written here, numbered, with the balance it leaves behind.

All money inside is whole cents (fen), so that running balances are exact; it becomes a float of yuan in the event.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from models.events import (
    AccountClosed,
    AccountOpened,
    Complaint,
    ComplaintStep,
    Contact,
    Counterparty,
    Direction,
    FeedEvent,
    Login,
    PageView,
    ProductClosed,
    ProductOpened,
    ProfileChanged,
    Tier,
    Transaction,
    TransactionKind,
)
from streams.simulator.parameters import CURRENCY

CORE_AUM_CENTS = 500_000_00
POTENTIAL_AUM_CENTS = 50_000_00
_ROUND_CENTS = 1_000_00

Responsibility = Literal["bank", "customer", "third_party"]
Channel = Literal["phone", "chat", "branch", "email"]
Outcome = Literal["answered", "abandoned", "voicemail"]


def tier_of(aum_cents: int) -> Tier:
    """Tier by assets under management; the same thresholds as the shipped policies."""
    return "core" if aum_cents >= CORE_AUM_CENTS else "potential" if aum_cents >= POTENTIAL_AUM_CENTS else "basic"


@dataclass(slots=True)
class Holding:
    """A product held; ``cents`` is the money in it (0 where none is invested, such as a loan)."""

    product_id: str
    code: str
    cents: int


class Teller:
    """Writes the events of one customer in time order; ``at_s`` (from the origin) is moved on by the timeline.

    Money operations refuse silently what the books do not allow (too little money, account closed): a refused card
    payment leaves no posting at a bank either.
    """

    def __init__(self, number: int, origin: datetime) -> None:
        self.name = f"C{number:06d}"
        self.origin = origin
        self.at_s = 0
        self.events: list[FeedEvent] = []
        self.balances: dict[str, int] = {}
        self.holdings: dict[str, Holding] = {}
        self.tier: Tier = "basic"
        self._numbers: dict[str, int] = {}

    # Names ---------------------------------------------------------------------------------------------------

    @property
    def current_account(self) -> str:
        """The account for everyday money."""
        return f"A-{self.name}-1"

    @property
    def savings_account(self) -> str:
        """The second account, where there is one."""
        return f"A-{self.name}-2"

    @property
    def card_account(self) -> str:
        """The third account, where there is one: money set aside for card payments."""
        return f"A-{self.name}-3"

    @property
    def now(self) -> datetime:
        """Local time of what is being done."""
        return self.origin + timedelta(seconds=self.at_s)

    @property
    def aum_cents(self) -> int:
        """Assets under management: all balances and all invested money."""
        return sum(self.balances.values()) + sum(holding.cents for holding in self.holdings.values())

    def number(self, letter: str) -> int:
        """The next number of a kind of id, from 1."""
        number = self._numbers[letter] = self._numbers.get(letter, 0) + 1
        return number

    def _id(self, letter: str) -> str:
        return f"{letter}-{self.name}-{self.number(letter):06d}"

    # Money ---------------------------------------------------------------------------------------------------

    def _post(
        self, account: str, cents: int, direction: Direction, kind: TransactionKind, counterparty: Counterparty
    ) -> None:
        self.balances[account] += cents if direction == "in" else -cents
        self.events.append(
            Transaction(
                event_id=self._id("T"),
                customer_id=self.name,
                occurred_at=self.now,
                account_id=account,
                amount=cents / 100,
                currency=CURRENCY,
                direction=direction,
                kind=kind,
                counterparty=counterparty,
                balance_after=self.balances[account] / 100,
            )
        )

    def receive(
        self, cents: int, kind: TransactionKind, counterparty: Counterparty, account: str | None = None
    ) -> None:
        """Money comes in."""
        account = account or self.current_account
        if cents > 0 and account in self.balances:
            self._post(account, cents, "in", kind, counterparty)

    def pay(
        self,
        cents: int,
        kind: TransactionKind,
        counterparty: Counterparty,
        account: str | None = None,
        *,
        must: bool = False,
    ) -> bool:
        """Money goes out, if there is enough; ``must`` tops the account up from savings first."""
        account = account if account in self.balances else self.current_account
        if cents <= 0 or account not in self.balances:
            return False
        lacking = cents - self.balances[account]
        if lacking > 0:
            if not must:
                return False
            self.move(-(-lacking // _ROUND_CENTS) * _ROUND_CENTS, self.savings_account, account)
            if self.balances[account] < cents:
                return False
        self._post(account, cents, "out", kind, counterparty)
        return True

    def pay_share(self, share: float, kind: TransactionKind, counterparty: Counterparty, unit_cents: int = 1) -> int:
        """Pay this share of the current balance, rounded down to ``unit_cents``; the cents paid."""
        cents = int(self.balances.get(self.current_account, 0) * share) // unit_cents * unit_cents
        return cents if self.pay(cents, kind, counterparty) else 0

    def move(self, cents: int, source: str, target: str) -> bool:
        """Between two own accounts: two postings at the same second."""
        if source not in self.balances or target not in self.balances or not 0 < cents <= self.balances[source]:
            return False
        self._post(source, cents, "out", "transfer", "own_account")
        self._post(target, cents, "in", "transfer", "own_account")
        return True

    def move_share(self, share: float, source: str, target: str, unit_cents: int = 1) -> int:
        """Move this share of the source's balance; the cents moved."""
        cents = int(self.balances.get(source, 0) * share) // unit_cents * unit_cents
        return cents if self.move(cents, source, target) else 0

    def post_interest(self, account: str, yearly_rate: float, months: int) -> None:
        """The bank pays interest on what is there today."""
        self.receive(int(self.balances.get(account, 0) * yearly_rate * months / 12), "interest", "bank", account)

    # Accounts and products -----------------------------------------------------------------------------------

    def open_account(self, account: str, product: str) -> None:
        """A new account with nothing on it."""
        self.balances[account] = 0
        self.events.append(
            AccountOpened(
                event_id=self._id("O"),
                customer_id=self.name,
                occurred_at=self.now,
                account_id=account,
                product=product,
            )
        )

    def invest(self, product_id: str, code: str, share: float, least_cents: int = _ROUND_CENTS) -> int:
        """Put a share of the current balance into a product, in whole thousands of yuan; the cents invested."""
        cents = int(self.balances.get(self.current_account, 0) * share) // _ROUND_CENTS * _ROUND_CENTS
        if cents < least_cents:
            return 0
        self.holdings[product_id] = Holding(product_id, code, cents)
        self.events.append(
            ProductOpened(
                event_id=self._id("O"),
                customer_id=self.name,
                occurred_at=self.now,
                product_id=product_id,
                product=code,
                amount=cents / 100,
                currency=CURRENCY,
            )
        )
        self._post(self.current_account, cents, "out", "investment", "bank")
        return cents

    def end_product(self, product_id: str, *, matured: bool, gain: float = 0.0) -> int:
        """A product ends and its money comes back with ``gain`` (share of the principal); the cents paid out."""
        holding = self.holdings.get(product_id)
        if holding is None or self.current_account not in self.balances:
            return 0
        del self.holdings[product_id]
        cents = holding.cents + int(holding.cents * gain)
        self.events.append(
            ProductClosed(
                event_id=self._id("O"),
                customer_id=self.name,
                occurred_at=self.now,
                product_id=product_id,
                product=holding.code,
                matured=matured,
                amount=cents / 100 if cents else None,
                currency=CURRENCY if cents else None,
            )
        )
        self.receive(cents, "investment", "bank")
        return cents

    def gather(self) -> None:
        """All savings and invested money onto the current account."""
        for product_id in [holding.product_id for holding in self.holdings.values() if holding.cents]:
            self.end_product(product_id, matured=False)
        for account in list(self.balances):
            if account != self.current_account:
                self.move_share(1.0, account, self.current_account)

    def close_everything(self, initiated_by: Literal["customer", "bank"]) -> None:
        """End every product, pay out what is left, close every account."""
        if not self.balances:
            return
        self.gather()
        for product_id in list(self.holdings):
            self.end_product(product_id, matured=False)
        self.pay_share(1.0, "transfer", "own_elsewhere" if initiated_by == "customer" else "unknown")
        for account in sorted(self.balances, reverse=True):
            del self.balances[account]
            self.events.append(
                AccountClosed(
                    event_id=self._id("O"),
                    customer_id=self.name,
                    occurred_at=self.now,
                    account_id=account,
                    initiated_by=initiated_by,
                )
            )

    # Channels ------------------------------------------------------------------------------------------------

    def login(self, channel: str, succeeded: bool) -> None:
        """A login, or an attempt."""
        self.events.append(
            Login(
                event_id=self._id("L"),
                customer_id=self.name,
                occurred_at=self.now,
                channel=channel,
                succeeded=succeeded,
            )
        )

    def view(self, page: str) -> None:
        """A page was looked at."""
        self.events.append(PageView(event_id=self._id("V"), customer_id=self.name, occurred_at=self.now, page=page))

    def contact(
        self,
        direction: Literal["inbound", "outbound"],
        channel: Channel,
        reason: str,
        outcome: Outcome,
        *,
        purpose: str | None = None,
        queued_s: float = 0.0,
        csat: int | None = None,
        nps: int | None = None,
        into: list[FeedEvent] | None = None,
    ) -> None:
        """A contact; ``into`` collects the event for the ground truth. Nobody calls a customer who has no account."""
        if direction == "outbound" and not self.balances:
            return
        event = Contact(
            event_id=self._id("K"),
            customer_id=self.name,
            occurred_at=self.now,
            call_id=f"CALL-{self.name}-{self.number('call'):05d}",
            direction=direction,
            channel=channel,
            reason=reason,
            outcome=outcome,
            purpose=purpose,
            queued_s=queued_s,
            csat=csat,
            nps=nps,
        )
        self.events.append(event)
        if into is not None:
            into.append(event)

    def complaint(
        self,
        case_id: str,
        step: ComplaintStep,
        into: list[Complaint],
        *,
        business: str | None = None,
        cause: str | None = None,
        channel: str | None = None,
        priority: str | None = None,
        responsibility: Responsibility | None = None,
        satisfied: bool | None = None,
    ) -> None:
        """One step of a case; ``into`` collects the event for the ground truth."""
        event = Complaint(
            event_id=self._id("Q"),
            customer_id=self.name,
            occurred_at=self.now,
            case_id=case_id,
            step=step,
            business=business,
            cause=cause,
            channel=channel,
            priority=priority,
            responsibility=responsibility,
            satisfied=satisfied,
        )
        self.events.append(event)
        into.append(event)

    # Profile -------------------------------------------------------------------------------------------------

    def profile(self, stated: ProfileChanged) -> None:
        """State what the template says, now; its id and time are replaced."""
        self.events.append(replace(stated, event_id=self._id("U"), occurred_at=self.now))

    def restate_assets(self) -> None:
        """The bank's own periodic statement of assets, products and, when a threshold was crossed, tier."""
        if not self.balances:
            return
        aum_cents = self.aum_cents
        tier = tier_of(aum_cents)
        self.profile(
            ProfileChanged(
                event_id="-",
                customer_id=self.name,
                occurred_at=self.now,
                aum=aum_cents / 100,
                currency=CURRENCY,
                tier=tier if tier != self.tier else None,
                products=sorted(holding.code for holding in self.holdings.values()),
            )
        )
        self.tier = tier
