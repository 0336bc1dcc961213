"""Moves between a customer's own accounts, found as two rows of the same amount in opposite directions.

The set names no counterparty account, but it holds both sides of such moves: every transfer on the third means of
payment has its twin on the debit side in the very same second, and the repayment of a credit card leaves the debit
side and is posted on the card a day later.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from models.events import Direction
from streams.recorded.cmb2020_codes import CARD_REPAYMENT, CREDIT, DEBIT, OTHER_MEANS, TRANSFER

REPAYMENT_POSTED_WITHIN = timedelta(hours=25)
"""1,614 of 1,638 repayments are posted 24 hours later, to the minute; an hour more is ours."""


class Movement(NamedTuple):
    """One row's part in the search for pairs; ``event_id`` is unique."""

    event_id: str
    customer: str
    at: datetime
    direction: Direction
    means: str
    code: str
    amount: Decimal


def own_account_moves(movements: Iterable[Movement]) -> set[str]:
    """The event ids of rows with a twin on another account of the same customer; each twin is used once."""
    outgoing: dict[tuple[str, str, Decimal], list[Movement]] = defaultdict(list)
    incoming: dict[tuple[str, str, Decimal], list[Movement]] = defaultdict(list)
    for movement in sorted(movements, key=lambda each: (each.at, each.event_id)):
        if movement.code in (TRANSFER, CARD_REPAYMENT):
            side = outgoing if movement.direction == "out" else incoming
            side[movement.customer, movement.code, movement.amount].append(movement)
    paired: set[str] = set()
    for key, leaving in outgoing.items():
        arriving = incoming.get(key, [])
        if key[1] == CARD_REPAYMENT:
            _pair(leaving, arriving, DEBIT, CREDIT, REPAYMENT_POSTED_WITHIN, paired)
        else:
            # The third means first: all its transfers have a twin, which must not be spent on another row.
            for source, target in ((DEBIT, OTHER_MEANS), (OTHER_MEANS, DEBIT), (DEBIT, DEBIT)):
                _pair(leaving, arriving, source, target, timedelta(0), paired)
    return paired


def _pair(
    leaving: list[Movement],
    arriving: list[Movement],
    source: str,
    target: str,
    within: timedelta,
    paired: set[str],
) -> None:
    for out in leaving:
        if out.means != source or out.event_id in paired:
            continue
        for into in arriving:
            if into.means == target and into.event_id not in paired and timedelta(0) <= into.at - out.at <= within:
                paired.update((out.event_id, into.event_id))
                break
