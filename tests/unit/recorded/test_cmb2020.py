import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from models.events import FeedEvent, PageView, ProfileChanged, Transaction
from streams.recorded.cmb2020 import read_cmb2020
from streams.recorded.tally import Tally
from tests.unit.recorded.tables import in_time_order, read_all, write_table

BEIJING = timezone(timedelta(hours=8))
TRANSACTIONS, PAGE_VIEWS, CUSTOMERS = (f"cmb2020_{name}.csv" for name in ("transactions", "page_views", "customers"))
TRANSACTION_HEADER = "id,Dat_Flg1_Cd,Dat_Flg3_Cd,Trx_Cod1_Cd,Trx_Cod2_Cd,trx_tm,cny_trx_amt"
CUSTOMER = {
    "id": "C1",
    "age": "31",
    "acdm_deg_cd": "31",
    "fin_rsk_ases_grd_cd": "3",
    "l6mon_daim_aum_cd": "5",
    "bk1_cur_year_mon_avg_agn_amt_cd": "4",
    "cur_debit_min_opn_dt_cnt": "400",
    "cur_credit_min_opn_dt_cnt": "100",
    "cur_debit_cnt": "1",
    "cur_credit_cnt": "2",
    "dnl_mbl_bnk_ind": "1",
    "dnl_bind_cmb_lif_ind": "0",
    "l6mon_agn_ind": "1",
    "l12mon_buy_fin_mng_whl_tms": "0",
    "l12_mon_fnd_buy_whl_tms": "7",
    "l12_mon_insu_buy_whl_tms": "0",
    "l12_mon_gld_buy_whl_tms": "\\N",
    "loan_act_ind": "0",
}


def write_set(
    directory: Path,
    transactions: list[str] | None = None,
    views: list[str] | None = None,
    customers: list[dict[str, str]] | None = None,
) -> None:
    write_table(directory / f"{TRANSACTIONS}.gz", TRANSACTION_HEADER, transactions or [])
    write_table(directory / f"{PAGE_VIEWS}.gz", "id,page_no,page_tm", views or [])
    rows = [",".join((CUSTOMER | changes).values()) for changes in customers or []]
    write_table(directory / CUSTOMERS, ",".join(CUSTOMER), rows)


def read(directory: Path) -> tuple[list[FeedEvent], Tally]:
    return read_all(read_cmb2020, directory)


def one_transaction(directory: Path, *rows: str) -> Transaction:
    write_set(directory, list(rows))
    event = read(directory)[0][0]
    assert isinstance(event, Transaction)
    return event


def test_a_transaction_carries_the_row(tmp_path: Path) -> None:
    """Every cell with a known meaning is in the event, and the offset of its local time."""
    event = one_transaction(tmp_path, "C1,B,B,01,0103,2019-05-07 12:30:05,-48.5")

    assert event == Transaction(
        event_id=event.event_id,
        customer_id="cmb2020-C1",
        occurred_at=datetime(2019, 5, 7, 12, 30, 5, tzinfo=BEIJING),
        account_id="cmb2020-C1-credit",
        amount=48.5,
        currency="CNY",
        direction="out",
        kind="card",
        counterparty="merchant",
    )
    assert event.occurred_at.utcoffset() == timedelta(hours=8)
    assert event.balance_after is None


@pytest.mark.parametrize(
    ("flag", "means", "code", "kind", "counterparty"),
    [
        ("C", "A", "0201", "payroll", "unknown"),
        ("C", "A", "0204", "interest", "bank"),
        ("C", "A", "0207", "cash", "unknown"),
        ("B", "A", "0133", "cash", "unknown"),
        ("B", "B", "0133", "cash", "unknown"),
        ("B", "A", "0134", "fee", "bank"),
        ("B", "B", "0134", "fee", "bank"),
        ("B", "A", "0105", "loan", "bank"),
        ("B", "A", "0301", "investment", "bank"),
        ("C", "A", "0301", "investment", "bank"),
        ("B", "A", "0302", "investment", "bank"),
        ("C", "A", "0302", "investment", "bank"),
        ("B", "A", "0304", "other", "own_account"),
        ("C", "A", "0304", "other", "own_account"),
        ("B", "A", "0306", "investment", "unknown"),
        ("C", "A", "0306", "investment", "unknown"),
        ("B", "B", "0310", "loan", "bank"),
        ("C", "B", "0310", "loan", "bank"),
        ("C", "B", "0209", "card", "merchant"),
        ("C", "A", "0209", "other", "unknown"),
        ("B", "B", "0136", "card", "unknown"),
        ("B", "A", "0136", "other", "unknown"),
        ("B", "A", "0103", "other", "merchant"),
        ("B", "A", "0132", "other", "unknown"),
        ("B", "B", "0130", "other", "unknown"),
        ("B", "C", "0103", "other", "unknown"),
        ("C", "C", "0208", "other", "unknown"),
        ("B", "A", "0308", "transfer", "unknown"),
        ("C", "B", "0309", "transfer", "unknown"),
        ("B", "A", "9999", "other", "unknown"),
    ],
)
def test_a_code_means_what_the_rows_show(
    tmp_path: Path, flag: str, means: str, code: str, kind: str, counterparty: str
) -> None:
    """A code whose meaning the rows do not show stays other and unknown."""
    sign = "-" if flag == "B" else ""
    event = one_transaction(tmp_path, f"C1,{flag},{means},{code[:2]},{code},2019-05-07 12:30:05,{sign}100")

    assert (event.kind, event.counterparty) == (kind, counterparty)
    assert event.direction == ("out" if flag == "B" else "in")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (" ,B,A,01,0103,2019-05-07 12:30:05,-5", "customer_missing"),
        (f"{'C' * 200},B,A,01,0103,2019-05-07 12:30:05,-5", "customer_missing"),
        ("C1,X,A,01,0103,2019-05-07 12:30:05,-5", "direction_unknown"),
        ("C1,B,D,01,0103,2019-05-07 12:30:05,-5", "means_of_payment_unknown"),
        ("C1,B,A,01,0103,2019-05-32 12:30:05,-5", "time_unreadable"),
        ("C1,B,A,01,0103,2019-05-07,-5", "time_unreadable"),
        ("C1,B,A,01,0103,2019-05-07 12:30:05,five", "amount_unreadable"),
        ("C1,B,A,01,0103,2019-05-07 12:30:05,NaN", "amount_unreadable"),
        ("C1,B,A,01,0103,2019-05-07 12:30:05,-1e13", "amount_unreadable"),
        ("C1,B,A,01,0103,2019-05-07 12:30:05,-1_0", "amount_unreadable"),
        ("C1,B,A,01,0103,2019-05-07 12:30:05,0.00", "amount_zero"),
        ("C1,B,A,01,0103,2019-05-07 12:30:05,5", "sign_contradicts_direction"),
        ("C1,C,A,02,0201,2019-05-07 12:30:05,-5", "sign_contradicts_direction"),
        ("C1,B,A,01,0103", "cells_missing_or_extra"),
    ],
)
def test_a_transaction_that_cannot_be_mapped_is_counted(tmp_path: Path, row: str, reason: str) -> None:
    """A row becomes an event or a count, never nothing."""
    write_set(tmp_path, [row])

    events, tally = read(tmp_path)

    assert events == []
    assert tally.rows_read[TRANSACTIONS] == 1
    assert tally.left_out == {(TRANSACTIONS, reason): 1}


def test_equal_transactions_stay_apart(tmp_path: Path) -> None:
    """Two equal fares are two payments: their ids differ by a number, and by no more."""
    row = "C1,B,A,01,0111,2019-05-07 08:30:05,-2"
    write_set(tmp_path, [row, row, row])

    events, tally = read(tmp_path)

    ids = [event.event_id for event in events]
    assert [each.rsplit("-", 1)[1] for each in ids] == ["1", "2", "3"]
    assert len({each.rsplit("-", 1)[0] for each in ids}) == 1
    assert tally.notes[TRANSACTIONS, "equal_to_another_row"] == 2


def test_the_same_amount_written_otherwise_is_the_same_transaction(tmp_path: Path) -> None:
    """A file exported again with other decimals gives the same ids."""
    first = one_transaction(tmp_path, "C1,B,A,01,0111,2019-05-07 08:30:05,-20")
    second = one_transaction(tmp_path, "C1,B,A,01,0111,2019-05-07 08:30:05,-20.00")

    assert first == second


def test_midnight_is_kept_and_counted(tmp_path: Path) -> None:
    """What the bank posts at midnight stays there."""
    write_set(tmp_path, ["C1,C,B,02,0213,2019-05-07 00:00:00,0.1"])

    events, tally = read(tmp_path)

    assert events[0].occurred_at == datetime(2019, 5, 7, tzinfo=BEIJING)
    assert tally.notes[TRANSACTIONS, "at_midnight"] == 1


def counterparties(directory: Path, *rows: str) -> list[str]:
    write_set(directory, list(rows))
    return [event.counterparty for event in read(directory)[0] if isinstance(event, Transaction)]


@pytest.mark.parametrize(("source", "target"), [("A", "C"), ("C", "A"), ("A", "A")])
def test_a_transfer_with_a_twin_is_between_own_accounts(tmp_path: Path, source: str, target: str) -> None:
    """The same amount leaves one account and reaches another in the same second."""
    assert counterparties(
        tmp_path,
        f"C1,B,{source},03,0308,2019-05-07 10:00:00,-800",
        f"C1,C,{target},03,0308,2019-05-07 10:00:00,800",
    ) == ["own_account", "own_account"]


@pytest.mark.parametrize(
    "other",
    [
        "C1,C,C,03,0308,2019-05-07 10:00:01,800",
        "C1,C,C,03,0308,2019-05-07 10:00:00,800.01",
        "C2,C,C,03,0308,2019-05-07 10:00:00,800",
        "C1,B,C,03,0308,2019-05-07 10:00:00,-800",
        "C1,C,C,03,0309,2019-05-07 10:00:00,800",
    ],
)
def test_a_transfer_without_an_exact_twin_is_unknown(tmp_path: Path, other: str) -> None:
    """Another second, amount, customer, direction or code is no twin."""
    found = counterparties(tmp_path, "C1,B,A,03,0308,2019-05-07 10:00:00,-800", other)

    assert found == ["unknown", "unknown"]


def test_a_twin_is_used_once(tmp_path: Path) -> None:
    """Two transfers and one arrival: one of the two went elsewhere."""
    found = counterparties(
        tmp_path,
        "C1,B,A,03,0308,2019-05-07 10:00:00,-800",
        "C1,B,A,03,0308,2019-05-07 10:00:00,-800",
        "C1,C,C,03,0308,2019-05-07 10:00:00,800",
    )

    assert sorted(found) == ["own_account", "own_account", "unknown"]


def test_the_third_means_of_payment_gets_its_twin_first(tmp_path: Path) -> None:
    """Of two arrivals in one second, the transfer belongs to the account that never stands alone."""
    write_set(
        tmp_path,
        [
            "C1,C,A,03,0308,2019-05-07 10:00:00,800",
            "C1,B,A,03,0308,2019-05-07 10:00:00,-800",
            "C1,C,C,03,0308,2019-05-07 10:00:00,800",
        ],
    )
    by_account = {
        (event.account_id, event.direction): event.counterparty
        for event in read(tmp_path)[0]
        if isinstance(event, Transaction)
    }

    assert by_account["cmb2020-C1-other", "in"] == "own_account"
    assert by_account["cmb2020-C1-debit", "in"] == "unknown"


def test_a_card_repayment_is_posted_a_day_later(tmp_path: Path) -> None:
    """Money that pays the own card leaves the debit side and arrives the next day."""
    assert counterparties(
        tmp_path,
        "C1,B,A,03,0309,2019-05-07 10:00:00,-800",
        "C1,C,B,03,0309,2019-05-08 10:00:00,800",
    ) == ["own_account", "own_account"]


@pytest.mark.parametrize("posted", ["2019-05-08 11:00:01", "2019-05-07 09:59:59"])
def test_a_card_repayment_from_elsewhere_is_unknown(tmp_path: Path, posted: str) -> None:
    """A card that is paid too late, or before, was paid by someone else."""
    found = counterparties(tmp_path, "C1,B,A,03,0309,2019-05-07 10:00:00,-800", f"C1,C,B,03,0309,{posted},800")

    assert found == ["unknown", "unknown"]


def test_a_view_reported_twice_keeps_one_id(tmp_path: Path) -> None:
    """Equal rows are one view: both become events, and the pipeline sees from the id that they are one."""
    view = "C1,AAO,2019-06-03 09:00:00"
    write_set(tmp_path, views=[view, "C1,CQA,2019-06-03 09:00:00", view])

    events, tally = read(tmp_path)

    assert len(events) == 3
    assert len({event.event_id for event in events}) == 2
    assert sorted(event.page for event in events if isinstance(event, PageView)) == ["AAO", "AAO", "CQA"]
    assert tally.notes[PAGE_VIEWS, "reported_again_under_the_same_event_id"] == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",AAO,2019-06-03 09:00:00", "customer_missing"),
        ("C1, ,2019-06-03 09:00:00", "page_missing"),
        (f"C1,{'P' * 65},2019-06-03 09:00:00", "page_missing"),
        ("C1,AAO,2019-06-03T09:00:00Z", "time_unreadable"),
        ("C1,AAO", "cells_missing_or_extra"),
    ],
)
def test_a_view_that_cannot_be_mapped_is_counted(tmp_path: Path, row: str, reason: str) -> None:
    """A row becomes an event or a count, never nothing."""
    write_set(tmp_path, views=[row])

    events, tally = read(tmp_path)

    assert events == []
    assert tally.left_out == {(PAGE_VIEWS, reason): 1}


def profiles(directory: Path, **changes: str) -> list[ProfileChanged]:
    write_set(directory, ["C9,B,A,01,0103,2019-05-02 12:30:05,-5"], customers=[changes])
    return [event for event in read(directory)[0] if isinstance(event, ProfileChanged)]


def test_a_profile_carries_what_is_known(tmp_path: Path) -> None:
    """Codes become fields, at the start of the first day."""
    (event,) = profiles(tmp_path)

    assert event == ProfileChanged(
        event_id=event.event_id,
        customer_id="cmb2020-C1",
        occurred_at=datetime(2019, 5, 2, tzinfo=BEIJING),
        tier="core",
        opened_at=datetime(2018, 5, 27, tzinfo=BEIJING),
        birth_year=1988,
        income_band=4,
        education="31",
        risk_rating=3,
        products=["debit_card", "credit_card", "mobile_bank", "payroll", "fund"],
    )


@pytest.mark.parametrize("unknown", ["-1", "\\N", "", "~"])
def test_an_unknown_code_leaves_the_field_out(tmp_path: Path, unknown: str) -> None:
    """A profile claims nothing that the bank did not know."""
    everything = dict.fromkeys(CUSTOMER, unknown) | {"id": "C1", "age": "31"}
    (event,) = profiles(tmp_path, **everything)

    assert event == ProfileChanged(
        event_id=event.event_id,
        customer_id="cmb2020-C1",
        occurred_at=datetime(2019, 5, 2, tzinfo=BEIJING),
        birth_year=1988,
    )


@pytest.mark.parametrize(
    ("band", "tier"), [("0", "basic"), ("1", "basic"), ("2", "potential"), ("4", "potential"), ("9", "core")]
)
def test_the_asset_band_gives_the_tier(tmp_path: Path, band: str, tier: str) -> None:
    """The mapping is ours; its steps are held here."""
    assert profiles(tmp_path, l6mon_daim_aum_cd=band)[0].tier == tier


def test_a_code_outside_its_range_is_left_out_and_noted(tmp_path: Path) -> None:
    """A risk grade of 10 is none that the event vocabulary knows."""
    write_set(tmp_path, customers=[{"fin_rsk_ases_grd_cd": "10"}])

    events, tally = read(tmp_path)

    assert isinstance(events[0], ProfileChanged)
    assert events[0].risk_rating is None
    assert tally.notes[CUSTOMERS, "fin_rsk_ases_grd_cd_out_of_range"] == 1


def test_who_joins_within_the_window_is_not_known_to_before(tmp_path: Path) -> None:
    """The opening date arrives with the opening."""
    before, joined = profiles(tmp_path, cur_debit_min_opn_dt_cnt="30", cur_credit_min_opn_dt_cnt="-1")

    opening = datetime(2019, 6, 1, tzinfo=BEIJING)
    assert (before.occurred_at, before.opened_at) == (datetime(2019, 5, 2, tzinfo=BEIJING), None)
    assert (joined.occurred_at, joined.opened_at) == (opening, opening)
    assert joined.event_id != before.event_id


def test_an_opening_after_the_first_transaction_is_left_out(tmp_path: Path) -> None:
    """The oldest card of today was not the first one."""
    write_set(
        tmp_path,
        ["C1,B,A,01,0103,2019-05-02 12:30:05,-5"],
        customers=[{"cur_debit_min_opn_dt_cnt": "30", "cur_credit_min_opn_dt_cnt": "-1"}],
    )

    events, tally = read(tmp_path)

    assert [event.opened_at for event in events if isinstance(event, ProfileChanged)] == [None]
    assert tally.notes[CUSTOMERS, "opening_left_out_after_first_transaction"] == 1


def test_a_customer_is_described_once(tmp_path: Path) -> None:
    """A second row of the same customer, or one of nobody, is counted."""
    write_set(tmp_path, customers=[{}, {"age": "50"}, {"id": ""}])

    events, tally = read(tmp_path)

    assert len(events) == 1
    assert tally.left_out == {(CUSTOMERS, "customer_repeated"): 1, (CUSTOMERS, "customer_missing"): 1}


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    """A file sorted otherwise gives the same events in the same order, profiles first."""
    transactions = [
        f"C{n % 3},B,A,03,{code},2019-05-0{1 + n % 2} 0{n % 4}:00:00,-{n % 5 + 1}"
        for n in range(40)
        for code in ("0103", "0308", "0309")
    ]
    transactions += [f"C{n % 3},C,A,03,0308,2019-05-0{1 + n % 2} 0{n % 4}:00:00,{n % 5 + 1}" for n in range(20)]
    views = [f"C{n % 3},AAO,2019-05-01 0{n % 4}:00:00" for n in range(12)]
    customers = [{"id": f"C{n}"} for n in range(3)]
    write_set(tmp_path, transactions, views, customers)
    in_order, _ = read(tmp_path)
    shuffle = random.Random(5).shuffle
    for rows in (transactions, views, customers):
        shuffle(rows)
    write_set(tmp_path, transactions, views, customers)

    shuffled, tally = read(tmp_path)

    assert shuffled == in_order
    assert in_time_order(shuffled)
    assert all(isinstance(event, ProfileChanged) for event in shuffled[:3])
    assert sum(tally.events.values()) == sum(tally.rows_read.values())
