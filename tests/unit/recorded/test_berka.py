import random
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from models.events import AccountOpened, FeedEvent, ProfileChanged, Transaction
from streams.recorded.berka import ZONE, read_berka
from streams.recorded.berka_order import Booking, in_order_of_balances
from streams.recorded.tally import Tally
from tests.unit.recorded.tables import in_time_order, read_all, write_table

TRANSACTIONS, ACCOUNTS, CLIENTS, DISPOSITIONS = (
    f"berka_{name}.csv" for name in ("transactions_1993", "account", "client", "disp")
)
HEADERS = {
    TRANSACTIONS: "trans_id;account_id;date;type;operation;amount;balance;k_symbol;bank;account",
    ACCOUNTS: "account_id;district_id;frequency;date",
    CLIENTS: "client_id;birth_number;district_id",
    DISPOSITIONS: "disp_id;client_id;account_id;type",
}
OPENING = "1;10;930105;PRIJEM;VKLAD;1000.00;1000.00;;;"
SET = {
    TRANSACTIONS: [OPENING],
    ACCOUNTS: ["10;1;POPLATEK MESICNE;930105"],
    CLIENTS: ["77;605312;1"],
    DISPOSITIONS: ["1;77;10;OWNER"],
}


def read(directory: Path, **changes: list[str]) -> tuple[list[FeedEvent], Tally]:
    for name, rows in (SET | changes).items():
        write_table(directory / f"{name}.gz", HEADERS[name], [row.replace("'", '"') for row in rows])
    return read_all(read_berka, directory)


def noon(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=ZONE)


def test_an_account_opens_before_its_first_transaction(tmp_path: Path) -> None:
    """Profile, opening and first deposit of the same day come in that order."""
    events, _ = read(tmp_path)

    assert events == [
        ProfileChanged(
            event_id="berka-profile-77",
            customer_id="berka-77",
            occurred_at=noon(1993, 1, 5),
            opened_at=noon(1993, 1, 5),
            birth_year=1960,
        ),
        AccountOpened(
            event_id="berka-opened-10",
            customer_id="berka-77",
            occurred_at=noon(1993, 1, 5),
            account_id="berka-account-10",
        ),
        Transaction(
            event_id="berka-trx-1",
            customer_id="berka-77",
            occurred_at=noon(1993, 1, 5),
            account_id="berka-account-10",
            amount=1000.0,
            currency="CZK",
            direction="in",
            kind="cash",
            balance_after=1000.0,
        ),
    ]
    assert events[0].occurred_at.utcoffset() == timedelta(hours=1)


def test_summer_time_moves_the_offset(tmp_path: Path) -> None:
    """Noon in Prague in July is 10 o'clock UTC."""
    events, _ = read(tmp_path, **{TRANSACTIONS: ["1;10;930705;PRIJEM;VKLAD;5.00;5.00;;;"]})

    assert events[-1].occurred_at.utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize(
    ("way", "operation", "symbol", "kind", "counterparty"),
    [
        ("PRIJEM", "VKLAD", "", "cash", "unknown"),
        ("VYDAJ", "VYBER", "", "cash", "unknown"),
        ("VYDAJ", "VYBER", " ", "cash", "unknown"),
        ("VYBER", "VYBER", "", "cash", "unknown"),
        ("VYDAJ", "VYBER KARTOU", "", "card", "unknown"),
        ("PRIJEM", "PREVOD Z UCTU", "", "transfer", "unknown"),
        ("VYDAJ", "PREVOD NA UCET", " ", "transfer", "unknown"),
        ("PRIJEM", "", "UROK", "interest", "bank"),
        ("VYDAJ", "VYBER", "SANKC. UROK", "interest", "bank"),
        ("VYDAJ", "VYBER", "SLUZBY", "fee", "bank"),
        ("VYDAJ", "PREVOD NA UCET", "POJISTNE", "insurance", "unknown"),
        ("VYDAJ", "PREVOD NA UCET", "UVER", "loan", "unknown"),
        ("VYDAJ", "PREVOD NA UCET", "SIPO", "bill", "unknown"),
        ("VYDAJ", "VYBER", "SIPO", "bill", "unknown"),
        ("PRIJEM", "PREVOD Z UCTU", "DUCHOD", "payroll", "unknown"),
    ],
)
def test_symbol_and_operation_give_the_kind(
    tmp_path: Path, way: str, operation: str, symbol: str, kind: str, counterparty: str
) -> None:
    """What a payment was for counts before the way it was made."""
    row = f"2;10;930106;'{way}';'{operation}';12.50;500.00;'{symbol}';;"
    events, _ = read(tmp_path, **{TRANSACTIONS: [OPENING, row]})

    event = events[-1]
    assert isinstance(event, Transaction)
    assert (event.kind, event.counterparty, event.amount) == (kind, counterparty, 12.5)
    assert event.direction == ("in" if way == "PRIJEM" else "out")


def test_an_unknown_operation_is_other_and_noted(tmp_path: Path) -> None:
    """A new word in the set is no reason to drop the money."""
    events, tally = read(tmp_path, **{TRANSACTIONS: ["1;10;930105;PRIJEM;SEK;9.00;9.00;;;"]})

    assert isinstance(events[-1], Transaction)
    assert events[-1].kind == "other"
    assert tally.notes[TRANSACTIONS, "operation_and_symbol_unknown"] == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x;10;930106;PRIJEM;VKLAD;5.00;5.00;;;", "trans_id_unreadable"),
        ("2;11;930106;PRIJEM;VKLAD;5.00;5.00;;;", "account_unknown"),
        ("2;10;931306;PRIJEM;VKLAD;5.00;5.00;;;", "date_unreadable"),
        ("2;10;930106;JINAM;VKLAD;5.00;5.00;;;", "direction_unknown"),
        ("2;10;930106;PRIJEM;VKLAD;;5.00;;;", "amount_unreadable"),
        ("2;10;930106;PRIJEM;VKLAD;-5.00;5.00;;;", "amount_unreadable"),
        ("2;10;930106;PRIJEM;VKLAD;0.001;5.00;;;", "amount_zero"),
        ("2;10;930106;PRIJEM;VKLAD;5.00;?;;;", "balance_unreadable"),
        (OPENING, "trans_id_repeated"),
        ("2;10", "cells_missing_or_extra"),
    ],
)
def test_a_transaction_that_cannot_be_mapped_is_counted(tmp_path: Path, row: str, reason: str) -> None:
    """A row becomes an event or a count, never nothing."""
    events, tally = read(tmp_path, **{TRANSACTIONS: [OPENING, row]})

    assert sum(isinstance(event, Transaction) for event in events) == 1
    assert tally.left_out == {(TRANSACTIONS, reason): 1}


def test_only_the_owner_is_the_customer(tmp_path: Path) -> None:
    """Who may merely dispose of an account, and who owns none in the window, is counted."""
    events, tally = read(
        tmp_path,
        **{
            CLIENTS: ["77;605312;1", "78;600101;1", "x;600101;1"],
            DISPOSITIONS: [
                "1;78;10;DISPONENT",
                "2;77;10;OWNER",
                "3;78;10;OWNER",
                "4;?;10;OWNER",
            ],
        },
    )

    assert {event.customer_id for event in events} == {"berka-77"}
    assert tally.left_out == {
        (DISPOSITIONS, "not_the_owner"): 1,
        (DISPOSITIONS, "second_owner"): 1,
        (DISPOSITIONS, "number_unreadable"): 1,
        (CLIENTS, "owns_no_account_in_the_window"): 1,
        (CLIENTS, "number_unreadable"): 1,
    }


def test_an_account_outside_the_window_is_counted(tmp_path: Path) -> None:
    """Each account becomes an opening, or a reason why not."""
    events, tally = read(
        tmp_path,
        **{
            ACCOUNTS: [
                "10;1;POPLATEK MESICNE;930105",
                "10;1;POPLATEK MESICNE;930105",
                "11;1;POPLATEK MESICNE;930106",
                "12;1;POPLATEK MESICNE;920101",
                "13;1;POPLATEK MESICNE;930105",
                "14;1;POPLATEK MESICNE;soon",
                "y;1;POPLATEK MESICNE;930105",
            ],
            DISPOSITIONS: [f"{n};77;{n};OWNER" for n in (10, 11, 12, 14)],
        },
    )

    assert sum(isinstance(event, AccountOpened) for event in events) == 1
    assert tally.left_out == {
        (ACCOUNTS, "account_repeated"): 1,
        (ACCOUNTS, "opened_after_the_window"): 1,
        (ACCOUNTS, "without_transactions_in_the_window"): 1,
        (ACCOUNTS, "without_owner"): 1,
        (ACCOUNTS, "date_unreadable"): 1,
        (ACCOUNTS, "number_unreadable"): 1,
    }


def test_an_account_older_than_the_window_did_not_open_in_it(tmp_path: Path) -> None:
    """Its owner is known from the window's first day, and the true date is in the profile."""
    events, _ = read(tmp_path, **{ACCOUNTS: ["10;1;POPLATEK MESICNE;921231"]})

    assert [type(event) for event in events] == [ProfileChanged, Transaction]
    assert isinstance(events[0], ProfileChanged)
    assert events[0].opened_at == noon(1992, 12, 31)
    assert events[0].occurred_at == noon(1993, 1, 5)


def test_an_owner_of_two_accounts_has_one_profile(tmp_path: Path) -> None:
    """The relationship began with the first account."""
    events, _ = read(
        tmp_path,
        **{
            ACCOUNTS: ["10;1;POPLATEK MESICNE;930106", "11;1;POPLATEK MESICNE;930105"],
            DISPOSITIONS: ["1;77;10;OWNER", "2;77;11;OWNER"],
            TRANSACTIONS: ["1;10;930106;PRIJEM;VKLAD;5.00;5.00;;;", "2;11;930105;PRIJEM;VKLAD;5.00;5.00;;;"],
        },
    )

    (profile,) = [event for event in events if isinstance(event, ProfileChanged)]
    assert profile.opened_at == noon(1993, 1, 5)


@pytest.mark.parametrize(
    ("birth_number", "year"),
    [("600312", 1960), ("605312", 1960), ("606231", 1960), ("606301", None), ("6053", None), ("ab0312", None)],
)
def test_the_birth_number_gives_the_year(tmp_path: Path, birth_number: str, year: int | None) -> None:
    """Women have 50 added to the month; a number that is no date gives no year."""
    events, tally = read(tmp_path, **{CLIENTS: [f"77;{birth_number};1"]})

    assert isinstance(events[0], ProfileChanged)
    assert events[0].birth_year == year
    assert tally.notes[CLIENTS, "birth_number_unreadable"] == (year is None)


def test_no_transactions_no_events(tmp_path: Path) -> None:
    """Without a window nothing can be placed in time."""
    events, _ = read(tmp_path, **{TRANSACTIONS: []})

    assert events == []


def test_the_balances_order_a_day(tmp_path: Path) -> None:
    """The last event of a day carries the balance that the next day begins with."""
    rows = [
        OPENING,
        "5;10;930107;VYDAJ;VYBER;100.00;1200.00;;;",
        "6;10;930107;PRIJEM;VKLAD;500.00;1300.00;;;",
        "7;10;930107;VYDAJ;VYBER;200.00;800.00;;;",
        "8;10;930108;VYDAJ;VYBER;200.00;1000.00;;;",
    ]
    events, tally = read(tmp_path, **{TRANSACTIONS: rows})

    assert [event.event_id for event in events[2:]] == [f"berka-trx-{n}" for n in (1, 7, 6, 5, 8)]
    assert tally.notes == {}


def test_a_gap_between_balances_is_noted(tmp_path: Path) -> None:
    """Money that the set does not show is not hidden."""
    _, tally = read(tmp_path, **{TRANSACTIONS: [OPENING, "2;10;930106;VYDAJ;VYBER;1.00;700.00;;;"]})

    assert tally.notes == {(TRANSACTIONS, "balance_does_not_follow_from_the_day_before"): 1}


def booking(number: int, change_cents: int, balance_cents: int) -> Booking:
    return Booking(number, date(1993, 1, 5), change_cents, balance_cents)


def test_lower_numbers_first_where_balances_leave_a_choice() -> None:
    """Money out and back in again: both orders fit, one is chosen."""
    day = [booking(4, 100, 1000), booking(2, -100, 900), booking(3, 100, 1000), booking(1, -100, 900)]

    chain, follows = in_order_of_balances(day, 1000)

    assert [each.trans_id for each in chain] == [1, 3, 2, 4]
    assert follows


def test_balances_that_make_no_chain_keep_the_numbers() -> None:
    """Without a chain the numbers are as good as any order."""
    chain, follows = in_order_of_balances([booking(2, 5, 77), booking(1, 5, 900)], 0)

    assert [each.trans_id for each in chain] == [1, 2]
    assert not follows


def test_a_chain_within_the_day_survives_a_gap_before_it() -> None:
    """A day that begins elsewhere is still in order itself."""
    chain, follows = in_order_of_balances([booking(1, -100, 800), booking(2, -100, 900)], 0)

    assert [each.trans_id for each in chain] == [2, 1]
    assert not follows


def test_rounding_to_a_tenth_breaks_no_chain() -> None:
    """Interest is posted in hundredths and balances in tenths."""
    assert in_order_of_balances([booking(1, 123, 1120)], 1000)[1]
    assert not in_order_of_balances([booking(1, 123, 1134)], 1000)[1]


def test_a_search_without_end_is_cut_short() -> None:
    """A day of many equal amounts and no chain costs a bounded time."""
    day = [booking(n, 100 if n % 2 else -100, 100 if n % 2 else 0) for n in range(40)]
    day.append(booking(99, 5, 700))

    chain, follows = in_order_of_balances(day, 0)

    assert [each.trans_id for each in chain] == sorted(each.trans_id for each in day)
    assert not follows


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    """Files sorted otherwise give the same events in the same order."""
    tables = {
        TRANSACTIONS: [
            f"{account * 100 + n};{account};9301{5 + n % 7:02};PRIJEM;VKLAD;5.00;{5 * n}.00;;;"
            for account in range(10, 15)
            for n in range(20)
        ],
        ACCOUNTS: [f"{account};1;POPLATEK MESICNE;930105" for account in range(10, 15)],
        CLIENTS: [f"{client};600101;1" for client in range(70, 75)],
        DISPOSITIONS: [f"{n};{70 + n};{10 + n};OWNER" for n in range(5)],
    }
    in_order, _ = read(tmp_path, **tables)
    for rows in tables.values():
        random.Random(5).shuffle(rows)

    shuffled, _ = read(tmp_path, **tables)

    assert shuffled == in_order
    assert in_time_order(shuffled)
