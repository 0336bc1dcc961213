"""The customers of the CMB 2020 set as profile events."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from models.events import ProfileChanged, Tier
from streams.recorded.cells import LONGEST_CODE, LONGEST_NAME, content_id, parse_count, parse_name
from streams.recorded.tables import Row, read_table
from streams.recorded.tally import Tally

CUSTOMERS = "cmb2020_customers.csv"
ZONE = ZoneInfo("Asia/Shanghai")

AGE_YEAR = 2019
AS_OF = datetime(2019, 7, 1, tzinfo=ZONE)
"""The day that the ``..._dt_cnt`` columns count back from. It is not stated, the rows show it: customers whose
first debit card is newer than the window first used it on the very day that this reading makes its opening."""

_TIER_OF_ASSET_BAND: dict[int, Tier] = {
    0: "basic",
    1: "basic",
    2: "potential",
    3: "potential",
    4: "potential",
    5: "core",
    6: "core",
    7: "core",
    8: "core",
    9: "core",
}
"""Ours: the bank's bands of six months' average assets rise with the interest it paid, their limits are not known."""

_UNKNOWN_CODES = frozenset({"-1", "\\N", "~"})

_PRODUCTS = {
    "cur_debit_cnt": "debit_card",
    "cur_credit_cnt": "credit_card",
    "dnl_mbl_bnk_ind": "mobile_bank",
    "dnl_bind_cmb_lif_ind": "card_app",
    "l6mon_agn_ind": "payroll",
    "l12mon_buy_fin_mng_whl_tms": "wealth_management",
    "l12_mon_fnd_buy_whl_tms": "fund",
    "l12_mon_insu_buy_whl_tms": "insurance",
    "l12_mon_gld_buy_whl_tms": "gold",
    "loan_act_ind": "loan",
}
"""Columns whose value above zero means that the customer has, or within the year bought, the product."""

_COLUMNS = (
    "id",
    "age",
    "acdm_deg_cd",
    "fin_rsk_ases_grd_cd",
    "l6mon_daim_aum_cd",
    "bk1_cur_year_mon_avg_agn_amt_cd",
    "cur_debit_min_opn_dt_cnt",
    "cur_credit_min_opn_dt_cnt",
    *_PRODUCTS,
)


def read_profiles(
    directory: Path, start: datetime, first_seen: Mapping[str, datetime], tally: Tally
) -> Iterator[ProfileChanged]:
    """One event a customer at `start`, and one more on the opening day of who joined after it; in no order.

    `first_seen` is each customer's first transaction: an opening later than that is contradicted, and left out.
    """
    seen: set[str] = set()
    for row in read_table(directory, CUSTOMERS, _COLUMNS, tally):
        customer = parse_name(row["id"], LONGEST_NAME)
        if customer is None:
            tally.leave_out(CUSTOMERS, "customer_missing")
        elif customer in seen:
            tally.leave_out(CUSTOMERS, "customer_repeated")
        else:
            seen.add(customer)
            yield from _profiles(row, customer, start, first_seen.get(customer), tally)


def _profiles(
    row: Row, customer: str, start: datetime, first_seen: datetime | None, tally: Tally
) -> Iterator[ProfileChanged]:
    opened_at = _opened_at(row)
    if opened_at is None:
        tally.note(CUSTOMERS, "opening_unknown")
    elif first_seen is not None and first_seen < opened_at:
        tally.note(CUSTOMERS, "opening_left_out_after_first_transaction")
        opened_at = None
    joins_later = opened_at is not None and opened_at > start
    age = parse_count(row["age"])
    products = [name for column, name in _PRODUCTS.items() if (parse_count(row[column]) or 0) > 0]
    education = parse_name(row["acdm_deg_cd"], LONGEST_CODE)
    yield ProfileChanged(
        event_id=content_id("cmb2020-profile", customer),
        customer_id=f"cmb2020-{customer}",
        occurred_at=start,
        tier=_TIER_OF_ASSET_BAND.get(_number(row, "l6mon_daim_aum_cd")),
        opened_at=None if joins_later else opened_at,
        birth_year=None if age is None or age > 120 else AGE_YEAR - age,
        income_band=_code_within(row, "bk1_cur_year_mon_avg_agn_amt_cd", 1, 10, tally),
        education=None if education in _UNKNOWN_CODES else education,
        risk_rating=_code_within(row, "fin_rsk_ases_grd_cd", 1, 5, tally),
        products=products or None,
    )
    if joins_later and opened_at is not None:
        tally.note(CUSTOMERS, "joined_within_the_window")
        yield ProfileChanged(
            event_id=content_id("cmb2020-joined", customer),
            customer_id=f"cmb2020-{customer}",
            occurred_at=opened_at,
            opened_at=opened_at,
        )


def _opened_at(row: Row) -> datetime | None:
    ages_days = [
        days
        for column in ("cur_debit_min_opn_dt_cnt", "cur_credit_min_opn_dt_cnt")
        if (days := parse_count(row[column])) is not None and days < 36_525
    ]
    return AS_OF - timedelta(days=max(ages_days)) if ages_days else None


def _number(row: Row, column: str) -> int:
    number = parse_count(row[column])
    return -1 if number is None else number


def _code_within(row: Row, column: str, low: int, high: int, tally: Tally) -> int | None:
    """The code where it lies in low..high; 0 and the unknown codes say nothing, others are noted."""
    number = _number(row, column)
    if low <= number <= high:
        return number
    if number > high:
        tally.note(CUSTOMERS, f"{column}_out_of_range")
    return None
