"""Transactions with balances of Czech accounts from 1993 on (the "financial" set of the PKDD'99 challenge, Berka)."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.events import (
    AccountOpened,
    Counterparty,
    Direction,
    FeedEvent,
    ProfileChanged,
    Transaction,
    TransactionKind,
)
from streams.recorded.berka_order import Booking, in_order_of_balances
from streams.recorded.cells import parse_count, parse_day_of_1900s, parse_money
from streams.recorded.tables import Row, read_table
from streams.recorded.tally import Tally

TRANSACTIONS = "berka_transactions_1993.csv"
ACCOUNTS = "berka_account.csv"
CLIENTS = "berka_client.csv"
DISPOSITIONS = "berka_disp.csv"
ZONE = ZoneInfo("Europe/Prague")

NOON = time(12)
"""Stands for the unknown time of day: midnight in Prague is the day before in UTC, noon is the same date from
UTC-11 to UTC+12."""

_DIRECTIONS: dict[str, Direction] = {"PRIJEM": "in", "VYDAJ": "out", "VYBER": "out"}

_BY_SYMBOL: dict[str, tuple[TransactionKind, Counterparty]] = {
    "UROK": ("interest", "bank"),
    "SANKC. UROK": ("interest", "bank"),
    "SLUZBY": ("fee", "bank"),
    "POJISTNE": ("insurance", "unknown"),
    "UVER": ("loan", "unknown"),
    "SIPO": ("bill", "unknown"),
    "DUCHOD": ("payroll", "unknown"),
}
"""The payment's own symbol says more than the way it was made. A pension comes monthly, like pay, and is counted
as such."""

_BY_OPERATION: dict[str, tuple[TransactionKind, Counterparty]] = {
    "VKLAD": ("cash", "unknown"),
    "VYBER": ("cash", "unknown"),
    "VYBER KARTOU": ("card", "unknown"),
    "PREVOD Z UCTU": ("transfer", "unknown"),
    "PREVOD NA UCET": ("transfer", "unknown"),
}

_PROFILE, _OPENED, _TRANSACTION = range(3)
_Ranked = tuple[date, int, int, int, FeedEvent]


class _Account(NamedTuple):
    number: int
    owner: int
    opened: date


def read_berka(directory: Path, tally: Tally) -> Iterator[FeedEvent]:
    """Yield the events of the four files in `directory`, by day, all at noon.

    Within a day: profiles, then openings, then transactions; each by account number, and an account's
    transactions in the order that their balances show (`berka_order`). Raises `RecordedDataError`.
    """
    accounts = _accounts(directory, _owners(directory, tally), tally)
    rows = _transaction_rows(directory, accounts, tally)
    days = [booking.day for booking, _ in rows.values()]
    ranked: list[_Ranked] = []
    if days:
        window = (min(days), max(days))
        active = {int(row["account_id"]) for _, row in rows.values()}
        members = [account for account in accounts.values() if _belongs(account, window, active, tally)]
        ranked += _openings(members, window)
        ranked += _profiles(directory, members, window, tally)
        ranked += _transactions(rows, accounts, tally)
    ranked.sort(key=lambda each: each[:4])
    for *_, event in ranked:
        yield tally.written(event)


def _owners(directory: Path, tally: Tally) -> dict[int, int]:
    """Account number -> client number of its owner; who may merely dispose of it is left out."""
    owners: dict[int, int] = {}
    for row in read_table(directory, DISPOSITIONS, ("client_id", "account_id", "type"), tally, delimiter=";"):
        client, account = parse_count(row["client_id"]), parse_count(row["account_id"])
        if client is None or account is None:
            tally.leave_out(DISPOSITIONS, "number_unreadable")
        elif row["type"].strip() != "OWNER":
            tally.leave_out(DISPOSITIONS, "not_the_owner")
        elif account in owners:
            tally.leave_out(DISPOSITIONS, "second_owner")
        else:
            owners[account] = client
    return owners


def _accounts(directory: Path, owners: dict[int, int], tally: Tally) -> dict[int, _Account]:
    accounts: dict[int, _Account] = {}
    for row in read_table(directory, ACCOUNTS, ("account_id", "date"), tally, delimiter=";"):
        number, opened = parse_count(row["account_id"]), parse_day_of_1900s(row["date"])
        if number is None:
            tally.leave_out(ACCOUNTS, "number_unreadable")
        elif opened is None:
            tally.leave_out(ACCOUNTS, "date_unreadable")
        elif number not in owners:
            tally.leave_out(ACCOUNTS, "without_owner")
        elif number in accounts:
            tally.leave_out(ACCOUNTS, "account_repeated")
        else:
            accounts[number] = _Account(number, owners[number], opened)
    return accounts


def _transaction_rows(directory: Path, accounts: dict[int, _Account], tally: Tally) -> dict[int, tuple[Booking, Row]]:
    columns = ("trans_id", "account_id", "date", "type", "operation", "amount", "balance", "k_symbol")
    rows: dict[int, tuple[Booking, Row]] = {}
    for row in read_table(directory, TRANSACTIONS, columns, tally, delimiter=";"):
        booking = _booking(row, accounts)
        if isinstance(booking, str):
            tally.leave_out(TRANSACTIONS, booking)
        elif booking.trans_id in rows:
            tally.leave_out(TRANSACTIONS, "trans_id_repeated")
        else:
            rows[booking.trans_id] = (booking, row)
    return rows


def _booking(row: Row, accounts: dict[int, _Account]) -> Booking | str:
    """The row's place in its account's day, or the reason that it becomes no event."""
    number, account = parse_count(row["trans_id"]), parse_count(row["account_id"])
    day = parse_day_of_1900s(row["date"])
    direction = _DIRECTIONS.get(row["type"].strip())
    amount, balance = parse_money(row["amount"]), parse_money(row["balance"])
    if number is None:
        return "trans_id_unreadable"
    if account not in accounts:
        return "account_unknown"
    if day is None:
        return "date_unreadable"
    if direction is None:
        return "direction_unknown"
    if amount is None or amount < 0:
        return "amount_unreadable"
    if round(amount * 100) == 0:
        return "amount_zero"
    if balance is None:
        return "balance_unreadable"
    change_cents = round(amount * 100) if direction == "in" else -round(amount * 100)
    return Booking(number, day, change_cents, round(balance * 100))


def _belongs(account: _Account, window: tuple[date, date], active: set[int], tally: Tally) -> bool:
    if account.opened > window[1]:
        tally.leave_out(ACCOUNTS, "opened_after_the_window")
        return False
    if account.opened < window[0] and account.number not in active:
        tally.leave_out(ACCOUNTS, "without_transactions_in_the_window")
        return False
    return True


def _openings(members: list[_Account], window: tuple[date, date]) -> Iterator[_Ranked]:
    for account in members:
        if account.opened >= window[0]:
            event = AccountOpened(
                event_id=f"berka-opened-{account.number}",
                customer_id=f"berka-{account.owner}",
                occurred_at=_at(account.opened),
                account_id=f"berka-account-{account.number}",
            )
            yield account.opened, _OPENED, account.number, 0, event


def _profiles(directory: Path, members: list[_Account], window: tuple[date, date], tally: Tally) -> Iterator[_Ranked]:
    """One profile an owner, on the day that the first of the accounts opened, or the window did."""
    first: dict[int, _Account] = {}
    for account in sorted(members, key=lambda each: (each.opened, each.number)):
        first.setdefault(account.owner, account)
    for row in read_table(directory, CLIENTS, ("client_id", "birth_number"), tally, delimiter=";"):
        client = parse_count(row["client_id"])
        if client is None:
            tally.leave_out(CLIENTS, "number_unreadable")
            continue
        owned = first.pop(client, None)
        if owned is None:
            tally.leave_out(CLIENTS, "owns_no_account_in_the_window")
            continue
        birth_year = _birth_year(row["birth_number"])
        if birth_year is None:
            tally.note(CLIENTS, "birth_number_unreadable")
        day = max(owned.opened, window[0])
        event = ProfileChanged(
            event_id=f"berka-profile-{client}",
            customer_id=f"berka-{client}",
            occurred_at=_at(day),
            opened_at=_at(owned.opened),
            birth_year=birth_year,
        )
        yield day, _PROFILE, owned.number, client, event


def _birth_year(birth_number: str) -> int | None:
    """``yymmdd`` with 50 added to the month of a woman's birth."""
    text = birth_number.strip()
    month = parse_count(text[2:4])
    if len(text) != 6 or month is None:
        return None
    day = parse_day_of_1900s(f"{text[:2]}{month - 50 if month > 50 else month:02}{text[4:]}")
    return None if day is None else day.year


def _transactions(
    rows: dict[int, tuple[Booking, Row]], accounts: dict[int, _Account], tally: Tally
) -> Iterator[_Ranked]:
    of_account: dict[int, list[Booking]] = defaultdict(list)
    for booking, row in rows.values():
        of_account[int(row["account_id"])].append(booking)
    for number, bookings in of_account.items():
        account = accounts[number]
        balance_cents: int | None = None
        bookings.sort(key=lambda each: (each.day, each.trans_id))
        for day, group in groupby(bookings, key=lambda each: each.day):
            chain, follows = in_order_of_balances(list(group), balance_cents)
            if not follows:
                tally.note(TRANSACTIONS, "balance_does_not_follow_from_the_day_before")
            for place, booking in enumerate(chain):
                row = rows[booking.trans_id][1]
                yield day, _TRANSACTION, number, place, _transaction(booking, row, account, tally)
            balance_cents = chain[-1].balance_cents


def _transaction(booking: Booking, row: Row, account: _Account, tally: Tally) -> Transaction:
    symbol, operation = row["k_symbol"].strip(), row["operation"].strip()
    known = _BY_SYMBOL.get(symbol) or _BY_OPERATION.get(operation)
    if known is None:
        tally.note(TRANSACTIONS, "operation_and_symbol_unknown")
    kind, counterparty = known or ("other", "unknown")
    return Transaction(
        event_id=f"berka-trx-{booking.trans_id}",
        customer_id=f"berka-{account.owner}",
        occurred_at=_at(booking.day),
        account_id=f"berka-account-{account.number}",
        amount=abs(booking.change_cents) / 100,
        currency="CZK",
        direction="in" if booking.change_cents > 0 else "out",
        kind=kind,
        counterparty=counterparty,
        balance_after=booking.balance_cents / 100,
    )


def _at(day: date) -> datetime:
    return datetime.combine(day, NOON, tzinfo=ZONE)
