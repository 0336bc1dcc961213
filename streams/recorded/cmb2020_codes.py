"""What the codes of the CMB 2020 transactions mean, as far as that can honestly be said.

The competition named the columns and the two directions; it published no meaning for the payment and category
codes. A meaning stands here only where the rows themselves show it (docs/recorded-data.md has the figures);
every other row keeps kind ``other`` and counterparty ``unknown``.
"""

from typing import NamedTuple

from models.events import Counterparty, Direction, TransactionKind

DIRECTIONS: dict[str, Direction] = {"B": "out", "C": "in"}
"""``Dat_Flg1_Cd``, the one code whose meaning was published: B expense, C income."""

MEANS = {"A": "debit", "B": "credit", "C": "other"}
"""``Dat_Flg3_Cd`` names what was paid with: who used A holds a debit card, who used B a credit card."""

DEBIT, CREDIT, OTHER_MEANS = "A", "B", "C"
TRANSFER, CARD_REPAYMENT = "0308", "0309"


class Meaning(NamedTuple):
    """What one transaction is, in the event vocabulary."""

    kind: TransactionKind
    counterparty: Counterparty


UNKNOWN = Meaning("other", "unknown")

_SPENDING = frozenset(f"01{number:02}" for number in (*range(1, 5), *range(7, 19), 22, 23, *range(25, 30)))
"""Categories that credit cards were used for too, by ten customers or more, and a credit card buys from
merchants; 0130..0136 are left out because they hold fees, cash, and what fits nowhere else."""

_CARD_PURCHASES = _SPENDING | {"0105", "0106", "0124"}

_SHOWN_BY_THE_ROWS: dict[tuple[Direction, str, str], Meaning] = {
    ("in", DEBIT, "0201"): Meaning("payroll", "unknown"),
    ("in", DEBIT, "0204"): Meaning("interest", "bank"),
    ("in", DEBIT, "0207"): Meaning("cash", "unknown"),
    ("out", DEBIT, "0133"): Meaning("cash", "unknown"),
    ("out", CREDIT, "0133"): Meaning("cash", "unknown"),
    ("out", DEBIT, "0134"): Meaning("fee", "bank"),
    ("out", CREDIT, "0134"): Meaning("fee", "bank"),
    ("out", DEBIT, "0105"): Meaning("loan", "bank"),
    ("in", DEBIT, "0301"): Meaning("investment", "bank"),
    ("out", DEBIT, "0301"): Meaning("investment", "bank"),
    ("in", DEBIT, "0302"): Meaning("investment", "bank"),
    ("out", DEBIT, "0302"): Meaning("investment", "bank"),
    ("in", DEBIT, "0304"): Meaning("other", "own_account"),
    ("out", DEBIT, "0304"): Meaning("other", "own_account"),
    ("in", DEBIT, "0306"): Meaning("investment", "unknown"),
    ("out", DEBIT, "0306"): Meaning("investment", "unknown"),
    ("in", CREDIT, "0310"): Meaning("loan", "bank"),
    ("out", CREDIT, "0310"): Meaning("loan", "bank"),
    ("in", CREDIT, "0209"): Meaning("card", "merchant"),
    ("out", CREDIT, "0136"): Meaning("card", "unknown"),
}


def meaning_of(direction: Direction, means: str, code: str) -> Meaning:
    """What a row of these codes is by its codes alone; pairs of rows say more (`cmb2020_pairs`)."""
    shown = _SHOWN_BY_THE_ROWS.get((direction, means, code))
    if shown is not None:
        return shown
    if code in (TRANSFER, CARD_REPAYMENT):
        return Meaning("transfer", "unknown")
    if direction == "out" and means == CREDIT and code in _CARD_PURCHASES:
        return Meaning("card", "merchant")
    if direction == "out" and means == DEBIT and code in _SPENDING:
        return Meaning("other", "merchant")
    return UNKNOWN
