"""The evidence behind the meanings in cmb2020_codes.py: each figure that docs/recorded-data.md quotes."""

import csv
import gzip
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import pytest

from tests.support.recorded_data import recorded_directory

pytestmark = pytest.mark.recorded

Raw = dict[str, str]


def table(name: str) -> list[Raw]:
    with gzip.open(recorded_directory() / f"cmb2020_{name}.csv.gz", "rt", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Raw]]:
    """Raw rows by direction, means and second-level code, such as "CA0201"."""
    found: dict[str, list[Raw]] = defaultdict(list)
    for row in table("transactions"):
        found[row["Dat_Flg1_Cd"] + row["Dat_Flg3_Cd"] + row["Trx_Cod2_Cd"]].append(row)
    return found


@pytest.fixture(scope="module")
def customers() -> dict[str, Raw]:
    return {row["id"]: row for row in table("customers")}


def moment(row: Raw) -> datetime:
    return datetime.fromisoformat(row["trx_tm"])


def amount(row: Raw) -> str:
    return row["cny_trx_amt"].lstrip("-")


def who(found: list[Raw]) -> set[str]:
    return {row["id"] for row in found}


def holding(people: set[str], customers: dict[str, Raw], column: str) -> int:
    return sum(customers[each][column] not in ("0", "-1", "\\N") for each in people)


def test_the_means_are_the_cards_held(rows: dict[str, list[Raw]], customers: dict[str, Raw]) -> None:
    """A goes with a debit card and B with a credit card, which many of the other's users do not hold."""
    users = {means: who([row for key, some in rows.items() if key[1] == means for row in some]) for means in "AB"}

    assert (len(users["A"]), holding(users["A"], customers, "cur_debit_cnt")) == (1518, 1517)
    assert (len(users["B"]), holding(users["B"], customers, "cur_credit_cnt")) == (2733, 2723)
    assert holding(users["B"], customers, "cur_debit_cnt") == 1842


def test_how_common_the_products_are(rows: dict[str, list[Raw]], customers: dict[str, Raw]) -> None:
    """Among all debit users: what the shares below are held against."""
    users = who([row for key, some in rows.items() if key[1] == "A" for row in some])
    common = {
        column: round(100 * holding(users, customers, column) / len(users))
        for column in (
            "l6mon_agn_ind",
            "loan_act_ind",
            "l12_mon_fnd_buy_whl_tms",
            "l12mon_buy_fin_mng_whl_tms",
        )
    }

    assert list(common.values()) == [29, 14, 21, 7]


def test_day_counts_run_back_from_the_first_of_july(rows: dict[str, list[Raw]], customers: dict[str, Raw]) -> None:
    """New debit cards were first used on the day that this reading makes their opening."""
    first: dict[str, datetime] = {}
    for key, some in rows.items():
        if key[1] == "A":
            for row in some:
                first[row["id"]] = min(moment(row), first.get(row["id"], moment(row)))
    opened = {
        each: datetime(2019, 7, 1) - timedelta(days=int(customers[each]["cur_debit_min_opn_dt_cnt"]))  # noqa: DTZ001
        for each in first
        if customers[each]["cur_debit_min_opn_dt_cnt"] not in ("-1", "\\N")
    }
    new = [each for each, day in opened.items() if day >= datetime(2019, 5, 1)]  # noqa: DTZ001

    assert (len(new), sum(first[each].date() == opened[each].date() for each in new)) == (27, 23)


@pytest.mark.parametrize(
    ("key", "column", "people", "holders"),
    [
        ("BA0105", "loan_act_ind", 46, 46),
        ("BA0301", "l12_mon_fnd_buy_whl_tms", 110, 110),
        ("CA0301", "l12_mon_fnd_buy_whl_tms", 115, 111),
        ("BA0302", "l12mon_buy_fin_mng_whl_tms", 69, 68),
        ("CA0302", "l12mon_buy_fin_mng_whl_tms", 66, 64),
        ("CA0201", "l6mon_agn_ind", 293, 258),
    ],
)
def test_a_code_belongs_to_a_product(
    rows: dict[str, list[Raw]],
    customers: dict[str, Raw],
    key: str,
    column: str,
    people: int,
    holders: int,
) -> None:
    """Nearly everyone with the code has the product, which few debit users have."""
    users = who(rows[key])

    assert (len(users), holding(users, customers, column)) == (people, holders)


def test_salary_comes_on_the_same_days(rows: dict[str, list[Raw]]) -> None:
    """Of those paid in both months, most are paid within three days of the same day of the month."""
    days: dict[str, dict[int, set[int]]] = defaultdict(lambda: {5: set(), 6: set()})
    for row in rows["CA0201"]:
        days[row["id"]][moment(row).month].add(moment(row).day)
    both = [found for found in days.values() if found[5] and found[6]]
    near = [found for found in both if any(abs(a - b) <= 3 for a in found[5] for b in found[6])]

    assert (len(both), len(near)) == (230, 214)


def test_interest_is_posted_on_the_quarter_day(rows: dict[str, list[Raw]], customers: dict[str, Raw]) -> None:
    """In China deposits bear interest to the 20th of a quarter's last month, and it is posted the night after."""
    assert len(rows["CA0204"]) == 1892
    assert sum(row["trx_tm"].startswith("2019-06-21") for row in rows["CA0204"]) == 1592
    others = [row for row in rows["CA0204"] if not row["trx_tm"].startswith("2019-06-21")]
    assert sum(holding({row["id"]}, customers, "l12mon_buy_fin_mng_whl_tms") for row in others) == 248


@pytest.mark.parametrize(("key", "count", "hundreds"), [("BA0133", 463, 447), ("CA0207", 412, 397)])
def test_cash_comes_in_notes(rows: dict[str, list[Raw]], key: str, count: int, hundreds: int) -> None:
    """What machines pay out and take in is counted in hundreds."""
    assert len(rows[key]) == count
    assert sum(float(amount(row)) % 100 == 0 for row in rows[key]) == hundreds


def test_securities_move_while_the_exchange_is_open(rows: dict[str, list[Raw]]) -> None:
    """Not one row of code 0306 on a weekend, and one outside 9 to 16 o'clock."""
    moments = [moment(row) for row in rows["BA0306"] + rows["CA0306"]]

    assert len(moments) == 166
    assert all(each.weekday() < 5 for each in moments)
    assert sum(9 <= each.hour < 16 for each in moments) == 165


def test_currency_is_exchanged_within_a_minute(rows: dict[str, list[Raw]]) -> None:
    """Each 0304 that leaves has one that arrives, a fraction of a per cent smaller: the bank's spread."""
    ratios = []
    for out in rows["BA0304"]:
        for into in rows["CA0304"]:
            if into["id"] == out["id"] and abs((moment(into) - moment(out)).total_seconds()) <= 60:
                ratios.append(float(amount(into)) / float(amount(out)))
                break

    assert len(ratios) == len(rows["BA0304"]) == len(rows["CA0304"]) == 13
    assert 0.995 <= min(ratios) <= max(ratios) <= 0.9985


def test_transfers_on_the_third_means_have_a_twin_on_the_debit_side(rows: dict[str, list[Raw]]) -> None:
    """In the same second and to the cent, all of them."""
    for key, other, count in (("CC0308", "BA0308", 297), ("BC0308", "CA0308", 162)):
        twins = {(row["id"], row["trx_tm"], amount(row)) for row in rows[other]}
        assert len(rows[key]) == count
        assert all((row["id"], row["trx_tm"], amount(row)) in twins for row in rows[key])


def test_a_card_is_repaid_from_the_debit_side_a_day_before(rows: dict[str, list[Raw]]) -> None:
    """Of the repayments that leave, nearly all arrive on the card 24 hours later to the minute."""
    arrivals: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for row in rows["CB0309"]:
        arrivals[row["id"], amount(row)].append(moment(row))
    on_time = sum(
        any(abs((into - moment(row)).total_seconds() - 86_400) <= 60 for into in arrivals[row["id"], amount(row)])
        for row in rows["BA0309"]
    )

    assert (len(rows["BA0309"]), on_time) == (1638, 1614)


def test_instalments_come_monthly_and_sum_to_what_was_advanced(rows: dict[str, list[Raw]]) -> None:
    """June's 0310 has May's amount; what comes in is a usual number of the instalments that follow."""
    months: dict[int, Counter[tuple[str, str]]] = {5: Counter(), 6: Counter()}
    after: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for row in rows["BB0310"]:
        months[moment(row).month][row["id"], amount(row)] += 1
        after[row["id"]].append((moment(row), round(float(amount(row)) * 100)))
    advanced = sum(
        any(
            at >= moment(row) and abs(cents * number - round(float(amount(row)) * 100)) <= number
            for at, cents in after[row["id"]]
            for number in (3, 6, 10, 12, 18, 24)
        )
        for row in rows["CB0310"]
    )

    assert (months[6].total(), (months[5] & months[6]).total()) == (1734, 1443)
    assert (len(rows["CB0310"]), advanced) == (199, 176)


def test_fees_come_with_instalments_or_at_night(rows: dict[str, list[Raw]]) -> None:
    """0134 on the card falls in the second of an instalment; on the debit side it is small, and comes at 2 to 4."""
    instalments = {(row["id"], row["trx_tm"]) for row in rows["BB0310"]}
    beside = sum((row["id"], row["trx_tm"]) in instalments for row in rows["BB0134"])
    night = sum(2 <= moment(row).hour < 5 for row in rows["BA0134"])
    three = sum(float(amount(row)) == 3 for row in rows["BA0134"])

    assert (len(rows["BB0134"]), beside) == (3843, 3352)
    assert (len(rows["BA0134"]), night, three) == (618, 470, 269)


def test_refunds_equal_an_earlier_payment(rows: dict[str, list[Raw]]) -> None:
    """Half of 0209 on the card repeats an earlier purchase to the cent; one yuan more hardly ever does."""
    first: dict[tuple[str, int], datetime] = {}
    for key, some in rows.items():
        if key.startswith("BB"):
            for row in some:
                at = (row["id"], round(float(amount(row)) * 100))
                first[at] = min(first.get(at, moment(row)), moment(row))
    found = Counter[int]()
    for row in rows["CB0209"]:
        for more in (0, 100):
            earlier = first.get((row["id"], round(float(amount(row)) * 100) + more))
            found[more] += earlier is not None and earlier <= moment(row)

    assert (len(rows["CB0209"]), found[0], found[100]) == (2106, 1036, 85)
