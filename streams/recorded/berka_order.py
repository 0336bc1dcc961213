"""The order of a day's transactions on one account, read from the balances.

The Berka set has dates without clock times, and neither the rows' order in the file nor their numbers say
what came first: followed in either order, a quarter of the balances or more do not follow from the one
before. The balances themselves do: each is the one before it plus the amount.
"""

from datetime import date
from typing import NamedTuple

TOLERANCE_CENTS = 10
"""Balances of the set are rounded to a tenth of a crown."""
_MAX_STEPS = 20_000
"""A limit on the search, which a day of many equal amounts could otherwise stretch; the set needs a few dozen."""


class Booking(NamedTuple):
    """One transaction of an account; money in hundredths of a crown, ``change_cents`` signed."""

    trans_id: int
    day: date
    change_cents: int
    balance_cents: int


def in_order_of_balances(bookings: list[Booking], balance_cents: int | None) -> tuple[list[Booking], bool]:
    """One day's `bookings` as a chain of balances that begins at `balance_cents` (None: anywhere).

    Where several chains are possible the one with the lower numbers first is taken; where there is none from
    `balance_cents`, one that begins elsewhere; where there is none at all, the order of the numbers. The flag
    tells whether the chain begins where it should.
    """
    by_number = sorted(bookings)
    chain = _Search(by_number).chain_from(balance_cents)
    if chain is not None:
        return chain, True
    chain = _Search(by_number).chain_from(None)
    return (by_number if chain is None else chain), False


class _Search:
    def __init__(self, bookings: list[Booking]) -> None:
        self._bookings = bookings
        self._steps = 0

    def chain_from(self, balance_cents: int | None) -> list[Booking] | None:
        return self._extend(balance_cents, self._bookings)

    def _extend(self, balance_cents: int | None, rest: list[Booking]) -> list[Booking] | None:
        if not rest:
            return []
        for at, booking in enumerate(rest):
            self._steps += 1
            if self._steps > _MAX_STEPS:
                return None
            before_cents = booking.balance_cents - booking.change_cents
            if balance_cents is None or abs(before_cents - balance_cents) <= TOLERANCE_CENTS:
                tail = self._extend(booking.balance_cents, rest[:at] + rest[at + 1 :])
                if tail is not None:
                    return [booking, *tail]
        return None
