"""Which events a customer's own doing are: what stops when a customer falls silent."""

from models.events import (
    AccountClosed,
    AccountOpened,
    Complaint,
    Contact,
    FeedEvent,
    Login,
    PageView,
    ProductClosed,
    ProductOpened,
    Transaction,
)

_BANK_KINDS = frozenset({"fee", "interest", "loan"})
_CUSTOMER_STEPS = frozenset({"received", "plan_confirmed", "reopened", "withdrawn"})


def is_customer_initiated(event: FeedEvent) -> bool:
    """Whether the customer did this, and neither the bank, an employer nor the calendar.

    Money that comes in is not the customer's doing unless paid in as cash; fees, interest and loan instalments are
    booked by the bank, maturities and profile updates come by themselves.
    """
    match event:
        case Transaction(direction="out"):
            return event.kind not in _BANK_KINDS
        case Transaction():
            return event.kind == "cash"
        case Login() | PageView() | ProductOpened() | AccountOpened():
            return True
        case AccountClosed():
            return event.initiated_by == "customer"
        case ProductClosed():
            return not event.matured
        case Contact():
            return event.direction == "inbound"
        case Complaint():
            return event.step in _CUSTOMER_STEPS
        case _:
            return False
