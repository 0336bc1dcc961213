"""The readers on the real files, held against counts that the csv module takes without them."""

import csv
import gzip
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from models.events import AccountOpened, Complaint, Contact, FeedEvent, PageView, ProfileChanged, Transaction, epoch_ms
from streams.codecs import decode_feed_event
from streams.feed_files import write_feed
from streams.recorded.berka import read_berka
from streams.recorded.calls1999 import read_calls1999
from streams.recorded.cfpb2015 import read_cfpb2015
from streams.recorded.cmb2020 import read_cmb2020
from streams.recorded.tally import Tally
from tests.support.feeds import NOW_MS
from tests.support.recorded_data import recorded_directory

pytestmark = pytest.mark.recorded

Reader = Callable[[Path, Tally], Iterator[FeedEvent]]
RawRow = dict[str, str]

FILES: dict[str, tuple[Reader, str, tuple[str, ...]]] = {
    "cmb2020": (
        read_cmb2020,
        ",",
        ("cmb2020_transactions.csv", "cmb2020_page_views.csv", "cmb2020_customers.csv"),
    ),
    "calls1999": (read_calls1999, "\t", ("bank_calls_1999_02.tsv",)),
    "berka": (
        read_berka,
        ";",
        ("berka_transactions_1993.csv", "berka_account.csv", "berka_client.csv", "berka_disp.csv"),
    ),
    "cfpb2015": (read_cfpb2015, ",", ("cfpb_complaints_2015.csv",)),
}


class Imported:
    """One set, read once: its events, its tally and its raw rows by file."""

    def __init__(self, name: str) -> None:
        self.reader, delimiter, files = FILES[name]
        self.directory = recorded_directory()
        self.tally = Tally()
        self.events = list(self.reader(self.directory, self.tally))
        self.raw: dict[str, list[RawRow]] = {}
        for file in files:
            with gzip.open(self.directory / f"{file}.gz", "rt", newline="") as stream:
                self.raw[file] = list(csv.DictReader(stream, delimiter=delimiter))

    @property
    def transactions(self) -> list[Transaction]:
        return [event for event in self.events if isinstance(event, Transaction)]


@pytest.fixture(scope="module")
def cmb2020() -> Imported:
    return Imported("cmb2020")


@pytest.fixture(scope="module")
def calls1999() -> Imported:
    return Imported("calls1999")


@pytest.fixture(scope="module")
def berka() -> Imported:
    return Imported("berka")


@pytest.fixture(scope="module")
def cfpb2015() -> Imported:
    return Imported("cfpb2015")


@pytest.fixture(params=FILES)
def imported(request: pytest.FixtureRequest) -> Imported:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Imported)
    return found


def cents(text: str) -> int:
    return round(abs(float(text)) * 100)


def test_every_event_survives_the_strict_decoder(imported: Imported) -> None:
    """No event would be refused by a feed, and nothing is lost in writing it."""
    encoder = msgspec.json.Encoder(order="deterministic")
    for event in imported.events:
        again, at_ms = decode_feed_event(encoder.encode(event), NOW_MS)
        assert again == event
        assert at_ms == epoch_ms(event.occurred_at)
        assert again.occurred_at.utcoffset() == event.occurred_at.utcoffset()


def test_events_come_in_time_order(imported: Imported) -> None:
    """The runner merges files by time and relies on each one's order."""
    moments = [event.occurred_at.timestamp() for event in imported.events]

    assert moments == sorted(moments)


def test_every_row_is_accounted_for(imported: Imported) -> None:
    """Rows read are the rows of the files, and events are counted by type."""
    assert imported.tally.rows_read == {file: len(rows) for file, rows in imported.raw.items()}
    assert imported.tally.events == Counter(str(event.__struct_config__.tag) for event in imported.events)


@pytest.mark.parametrize("name", FILES)
def test_files_sorted_otherwise_give_the_same_bytes(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Neither ids nor order depend on where a row stood in its file."""
    found = request.getfixturevalue(name)
    delimiter = FILES[name][1]
    for file, rows in found.raw.items():
        shuffled = random.Random(11).sample(rows, len(rows))
        with (tmp_path / file).open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(shuffled)
    first, second = tmp_path / "first.ndjson.gz", tmp_path / "second.ndjson.gz"
    write_feed(str(first), found.events)
    write_feed(str(second), found.reader(tmp_path, Tally()))

    assert first.read_bytes() == second.read_bytes()


def test_cmb_money_is_all_there(cmb2020: Imported) -> None:
    """Cents and counts by customer, direction and account equal those of the raw rows."""
    raw: Counter[tuple[str, ...]] = Counter()
    money: Counter[tuple[str, ...]] = Counter()
    means = {"A": "debit", "B": "credit", "C": "other"}
    for row in cmb2020.raw["cmb2020_transactions.csv"]:
        assert row["cny_trx_amt"].startswith("-") == (row["Dat_Flg1_Cd"] == "B")
        account = f"cmb2020-{row['id']}-{means[row['Dat_Flg3_Cd']]}"
        key = (f"cmb2020-{row['id']}", account, "out" if row["Dat_Flg1_Cd"] == "B" else "in")
        raw[key] += 1
        money[key] += cents(row["cny_trx_amt"])
    seen: Counter[tuple[str, ...]] = Counter()
    moved: Counter[tuple[str, ...]] = Counter()
    for event in cmb2020.transactions:
        key = (event.customer_id, event.account_id, event.direction)
        seen[key] += 1
        moved[key] += round(event.amount * 100)

    assert seen == raw
    assert moved == money
    assert len(cmb2020.transactions) == 142_645
    assert len({event.event_id for event in cmb2020.transactions}) == 142_645


def test_cmb_times_are_those_of_the_rows(cmb2020: Imported) -> None:
    """Local clock times come through unchanged, midnight ones included."""
    raw = Counter((row["id"], row["trx_tm"]) for row in cmb2020.raw["cmb2020_transactions.csv"])
    seen = Counter(
        (event.customer_id.removeprefix("cmb2020-"), f"{event.occurred_at:%Y-%m-%d %H:%M:%S}")
        for event in cmb2020.transactions
    )

    assert seen == raw
    midnight = sum(n for (_, moment), n in raw.items() if moment.endswith("00:00:00"))
    assert cmb2020.tally.notes["cmb2020_transactions.csv", "at_midnight"] == midnight == 1_682


def test_cmb_kinds_follow_the_codes(cmb2020: Imported) -> None:
    """Counts by kind equal counts of the codes that stand for it."""
    raw = Counter(
        (row["Dat_Flg1_Cd"], row["Dat_Flg3_Cd"], row["Trx_Cod2_Cd"]) for row in cmb2020.raw["cmb2020_transactions.csv"]
    )
    kinds = Counter((event.kind, event.direction) for event in cmb2020.transactions)

    assert kinds["payroll", "in"] == raw["C", "A", "0201"]
    assert kinds["interest", "in"] == raw["C", "A", "0204"]
    assert kinds["cash", "in"] == raw["C", "A", "0207"]
    assert kinds["cash", "out"] == raw["B", "A", "0133"] + raw["B", "B", "0133"]
    assert kinds["fee", "out"] == raw["B", "A", "0134"] + raw["B", "B", "0134"]
    assert kinds["loan", "out"] == raw["B", "A", "0105"] + raw["B", "B", "0310"]
    assert kinds["transfer", "in"] + kinds["transfer", "out"] == sum(
        n for (_, _, code), n in raw.items() if code in ("0308", "0309")
    )


def test_cmb_own_account_moves_have_two_sides(cmb2020: Imported) -> None:
    """What leaves one own account arrives on another, to the cent; the third means' transfers all have a twin."""
    balance: Counter[str] = Counter()
    alone = 0
    for event in cmb2020.transactions:
        own = event.counterparty == "own_account"
        if own and event.kind == "transfer":
            balance[event.customer_id] += round(event.amount * 100) * (1 if event.direction == "in" else -1)
        alone += event.account_id.endswith("-other") and event.kind == "transfer" and not own

    assert set(balance.values()) == {0}
    assert alone == 0


def test_cmb_repeated_views_share_their_id(cmb2020: Imported) -> None:
    """As many ids as distinct rows, as many events as rows."""
    rows = Counter((r["id"], r["page_no"], r["page_tm"]) for r in cmb2020.raw["cmb2020_page_views.csv"])
    ids = Counter(event.event_id for event in cmb2020.events if isinstance(event, PageView))

    assert sorted(ids.values()) == sorted(rows.values())
    assert sum(ids.values()) == 95_669
    assert cmb2020.tally.notes["cmb2020_page_views.csv", "reported_again_under_the_same_event_id"] == sum(
        n - 1 for n in rows.values()
    )


def test_cmb_profiles_say_what_the_rows_say(cmb2020: Imported) -> None:
    """One profile a customer before everything else, with the fields that the codes give."""
    rows = {f"cmb2020-{row['id']}": row for row in cmb2020.raw["cmb2020_customers.csv"]}
    head = cmb2020.events[: len(rows)]
    assert {event.customer_id for event in head} == set(rows)
    bands = {str(n): tier for n, tier in enumerate(["basic"] * 2 + ["potential"] * 3 + ["core"] * 5)}
    for event in head:
        assert isinstance(event, ProfileChanged)
        row = rows[event.customer_id]
        assert event.birth_year == 2019 - int(row["age"])
        assert event.tier == bands.get(row["l6mon_daim_aum_cd"])
        assert event.risk_rating == (
            int(row["fin_rsk_ases_grd_cd"]) if row["fin_rsk_ases_grd_cd"] in ("1", "2", "3", "4", "5") else None
        )
        assert ("payroll" in (event.products or [])) == (row["l6mon_agn_ind"] == "1")
        assert ("credit_card" in (event.products or [])) == (int(row["cur_credit_cnt"]) > 0)
        assert event.opened_at is None or event.opened_at <= event.occurred_at
    assert cmb2020.tally.events["profile"] == len(rows) + 56


def test_calls_are_those_of_identified_customers(calls1999: Imported) -> None:
    """Contacts by customer and reason equal a plain count, and so does every reason for leaving a call out."""
    expected: Counter[tuple[str, str, str]] = Counter()
    left_out: Counter[str] = Counter()
    for row in calls1999.raw["bank_calls_1999_02.tsv"]:
        if row["customer_id"] == "0":
            left_out["customer_unidentified"] += 1
        elif "E+" in row["customer_id"]:
            left_out["customer_id_damaged"] += 1
        elif row["outcome"] == "PHANTOM":
            left_out["phantom_call"] += 1
        else:
            expected[f"calls1999-{row['customer_id']}", row["type"], row["outcome"]] += 1
    names = {"answered": "AGENT", "abandoned": "HANG"}
    found = Counter(
        (event.customer_id, event.reason, names[event.outcome])
        for event in calls1999.events
        if isinstance(event, Contact)
    )

    assert found == expected
    assert {reason: n for (_, reason), n in calls1999.tally.left_out.items()} == left_out
    assert len(calls1999.events) == sum(expected.values()) == 13_543
    assert len({event.event_id for event in calls1999.events}) == 13_543
    assert len({event.call_id for event in calls1999.events if isinstance(event, Contact)}) == 13_543


def test_calls_keep_their_times_and_waits(calls1999: Imported) -> None:
    """Arrival by the local clock and seconds in the queue are the row's."""
    rows = {
        f"calls1999-{row['vru+line']}-{row['call_id']}-{row['date']}": row
        for row in calls1999.raw["bank_calls_1999_02.tsv"]
    }
    for event in calls1999.events:
        assert isinstance(event, Contact)
        row = rows[event.call_id]
        local = event.occurred_at
        assert f"{local:%y%m%d} {local.hour}:{local:%M:%S}" == f"{row['date']} {row['vru_entry']}"
        assert event.queued_s == float(row["q_time"])
        assert (event.direction == "outbound") == (row["type"] == "TT")


def test_berka_money_is_all_there(berka: Imported) -> None:
    """Every transaction has its amount, direction, balance and date, on the owner of its account."""
    owners = {row["account_id"]: row["client_id"] for row in berka.raw["berka_disp.csv"] if row["type"] == "OWNER"}
    by_id = {event.event_id: event for event in berka.transactions}
    rows = berka.raw["berka_transactions_1993.csv"]
    assert len(rows) == len(by_id) == len(berka.transactions) == 49_102
    for row in rows:
        event = by_id[f"berka-trx-{row['trans_id']}"]
        assert event.customer_id == f"berka-{owners[row['account_id']]}"
        assert event.account_id == f"berka-account-{row['account_id']}"
        assert event.amount == float(row["amount"])
        assert event.balance_after == float(row["balance"])
        assert event.direction == ("in" if row["type"] == "PRIJEM" else "out")
        assert f"{event.occurred_at:%y%m%d %H:%M}" == f"{row['date']} 12:00"


def test_berka_kinds_follow_symbols_and_operations(berka: Imported) -> None:
    """Counts by kind equal plain counts over the two columns."""
    raw: Counter[str] = Counter()
    for row in berka.raw["berka_transactions_1993.csv"]:
        raw[row["k_symbol"].strip() or row["operation"]] += 1
    kinds = Counter(event.kind for event in berka.transactions)

    assert kinds == {
        "interest": raw["UROK"] + raw["SANKC. UROK"],
        "fee": raw["SLUZBY"],
        "insurance": raw["POJISTNE"],
        "loan": raw["UVER"],
        "bill": raw["SIPO"],
        "payroll": raw["DUCHOD"],
        "cash": raw["VKLAD"] + raw["VYBER"],
        "card": raw["VYBER KARTOU"],
        "transfer": raw["PREVOD Z UCTU"] + raw["PREVOD NA UCET"],
    }


def test_berka_balances_follow_one_another(berka: Imported) -> None:
    """In the order of the events each balance is the one before plus the amount, but for the noted gaps."""
    balances: dict[str, float] = {}
    gaps: dict[str, set[datetime]] = defaultdict(set)
    for event in berka.transactions:
        assert event.balance_after is not None
        signed = event.amount if event.direction == "in" else -event.amount
        before = balances.get(event.account_id)
        if before is not None and abs(before + signed - event.balance_after) > 0.105:
            gaps[event.account_id].add(event.occurred_at)
        balances[event.account_id] = event.balance_after

    assert (
        sum(map(len, gaps.values()))
        == berka.tally.notes["berka_transactions_1993.csv", "balance_does_not_follow_from_the_day_before"]
        == 28
    )


def test_berka_accounts_open_with_their_first_transaction(berka: Imported) -> None:
    """Each account of the window opens once, before any money moves on it, and its owner is described first."""
    dates = {row["account_id"]: row["date"] for row in berka.raw["berka_account.csv"]}
    births = {row["client_id"]: row["birth_number"] for row in berka.raw["berka_client.csv"]}
    opened: set[str] = set()
    described: set[str] = set()
    for event in berka.events:
        if isinstance(event, ProfileChanged):
            described.add(event.customer_id)
            assert event.birth_year == 1900 + int(births[event.customer_id.removeprefix("berka-")][:2])
        elif isinstance(event, AccountOpened):
            assert event.customer_id in described
            opened.add(event.account_id)
            assert f"{event.occurred_at:%y%m%d}" == dates[event.account_id.removeprefix("berka-account-")]
        elif isinstance(event, Transaction):
            assert event.account_id in opened

    assert len(opened) == len(described) == sum(int(day) <= 940331 for day in dates.values()) == 1_229


def test_cfpb_complaints_are_all_there(cfpb2015: Imported) -> None:
    """Each row is one case that is received and then forwarded; counts by product and issue are plain counts."""
    rows = cfpb2015.raw["cfpb_complaints_2015.csv"]
    steps = [event for event in cfpb2015.events if isinstance(event, Complaint)]
    received = {event.case_id: event for event in steps if event.step == "received"}
    forwarded = {event.case_id: event for event in steps if event.step == "forwarded"}
    cases = {f"cfpb2015-{row['Complaint ID']}" for row in rows}

    assert len(rows) == len(received) == 28_156
    assert set(received) == set(forwarded) == cases
    assert len(steps) == len(cfpb2015.events) == len({event.event_id for event in steps}) == 2 * 28_156
    assert not cfpb2015.tally.left_out
    codes = {"Bank account or service": "bank_account", "Money transfers": "money_transfer"}
    codes["Other financial service"] = "other"
    products = Counter(codes.get(row["Product"], row["Product"].lower().replace(" ", "_")) for row in rows)
    assert Counter(event.business for event in received.values()) == products
    assert len(products) == 11
    assert Counter(event.cause for event in received.values()) == Counter(row["Issue"] or None for row in rows)
    assert {event.customer_id for event in steps} == cases
    assert {(event.region, event.channel) for event in received.values()} == {("us", "regulator")}


def test_cfpb_days_are_those_of_the_rows(cfpb2015: Imported) -> None:
    """Both days come through by the local calendar, and nothing is dated that the set does not date."""
    days: dict[tuple[str, str], str] = {}
    for event in cfpb2015.events:
        assert isinstance(event, Complaint)
        local = event.occurred_at
        days[event.case_id, event.step] = f"{local.month}/{local.day}/{local.year}"
    expected = {}
    for row in cfpb2015.raw["cfpb_complaints_2015.csv"]:
        expected[f"cfpb2015-{row['Complaint ID']}", "received"] = row["Date received"]
        expected[f"cfpb2015-{row['Complaint ID']}", "forwarded"] = row["Date sent to company"]

    assert days == expected


def test_cfpb_undated_answers_are_counted(cfpb2015: Imported) -> None:
    """Whether the company answered in time is no event, and is not lost either."""
    rows = cfpb2015.raw["cfpb_complaints_2015.csv"]
    timely = Counter(row["Timely response?"] for row in rows)
    odd = sum(row["Company response"] == "Untimely response" and row["Timely response?"] == "Yes" for row in rows)

    assert {remark: n for (_, remark), n in cfpb2015.tally.notes.items()} == {
        "answered_in_time_on_an_unknown_day": timely["Yes"],
        "not_answered_in_time": timely["No"],
        "untimely_response_called_timely": odd,
        "issue_missing_or_too_long": sum(not row["Issue"] for row in rows),
    }
    assert (timely["Yes"], timely["No"], odd) == (27_444, 712, 1)
