"""Transactions, page views and customers of a Chinese retail bank, 2019-05-01..06-30 (CMB FinTech contest 2020)."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path

from models.events import FeedEvent, PageView, Transaction
from streams.recorded.cells import LONGEST_CODE, LONGEST_NAME, content_id, parse_moment, parse_money, parse_name
from streams.recorded.cmb2020_codes import DIRECTIONS, MEANS, meaning_of
from streams.recorded.cmb2020_pairs import Movement, own_account_moves
from streams.recorded.cmb2020_profiles import AS_OF, ZONE, read_profiles
from streams.recorded.tables import Row, read_table
from streams.recorded.tally import Tally

TRANSACTIONS = "cmb2020_transactions.csv"
PAGE_VIEWS = "cmb2020_page_views.csv"

_PROFILE, _PAGE_VIEW, _TRANSACTION = range(3)


def read_cmb2020(directory: Path, tally: Tally) -> Iterator[FeedEvent]:
    """Yield the events of the three files in `directory`, in time order.

    Within one second: profiles, then page views, then transactions, each by event id. Raises
    `RecordedDataError`.
    """
    movements = list(_movements(directory, tally))
    views = list(_page_views(directory, tally))
    own = own_account_moves(movements)
    first_seen: dict[str, datetime] = {}
    for movement in movements:
        first_seen[movement.customer] = min(movement.at, first_seen.get(movement.customer, movement.at))
    moments = [movement.at for movement in movements] + [view.occurred_at for view in views]
    # Before any other event, whatever part of the set the files hold.
    start = datetime.combine(min(moments, default=AS_OF), time(0), tzinfo=ZONE)
    ranked: list[tuple[float, int, str, FeedEvent]] = [
        (profile.occurred_at.timestamp(), _PROFILE, profile.event_id, profile)
        for profile in read_profiles(directory, start, first_seen, tally)
    ]
    ranked += [(view.occurred_at.timestamp(), _PAGE_VIEW, view.event_id, view) for view in views]
    for movement in movements:
        event = _transaction(movement, movement.event_id in own)
        if event.counterparty == "own_account":
            tally.note(TRANSACTIONS, "between_own_accounts")
        ranked.append((movement.at.timestamp(), _TRANSACTION, event.event_id, event))
    ranked.sort(key=lambda each: each[:3])
    for *_, ranked_event in ranked:
        yield tally.written(ranked_event)


def _movements(directory: Path, tally: Tally) -> Iterator[Movement]:
    columns = ("id", "Dat_Flg1_Cd", "Dat_Flg3_Cd", "Trx_Cod1_Cd", "Trx_Cod2_Cd", "trx_tm", "cny_trx_amt")
    occurrences: Counter[tuple[str, ...]] = Counter()
    for row in read_table(directory, TRANSACTIONS, columns, tally):
        movement = _movement(row, occurrences)
        if isinstance(movement, str):
            tally.leave_out(TRANSACTIONS, movement)
            continue
        if movement.at.time() == time(0):
            tally.note(TRANSACTIONS, "at_midnight")
        yield movement
    for count in occurrences.values():
        for _ in range(count - 1):
            tally.note(TRANSACTIONS, "equal_to_another_row")


def _movement(row: Row, occurrences: Counter[tuple[str, ...]]) -> Movement | str:
    """The row's content, or the reason that it says too little to become an event."""
    customer = parse_name(row["id"], LONGEST_NAME)
    direction = DIRECTIONS.get(row["Dat_Flg1_Cd"].strip())
    means = row["Dat_Flg3_Cd"].strip()
    at = parse_moment(row["trx_tm"], ZONE)
    signed = parse_money(row["cny_trx_amt"])
    if customer is None:
        return "customer_missing"
    if direction is None:
        return "direction_unknown"
    if means not in MEANS:
        return "means_of_payment_unknown"
    if at is None:
        return "time_unreadable"
    if signed is None:
        return "amount_unreadable"
    if signed == 0:
        return "amount_zero"
    if (signed < 0) != (direction == "out"):
        return "sign_contradicts_direction"
    code = row["Trx_Cod2_Cd"].strip()
    content = (
        customer,
        direction,
        means,
        row["Trx_Cod1_Cd"].strip(),
        code,
        at.isoformat(),
        f"{abs(signed).normalize():f}",
    )
    # Equal rows are separate transactions (two rides at the same fare): each gets a number of its own, and it
    # does not matter which gets which.
    occurrences[content] += 1
    event_id = f"{content_id('cmb2020-trx', *content)}-{occurrences[content]}"
    return Movement(event_id, customer, at, direction, means, code, abs(signed))


def _transaction(movement: Movement, between_own_accounts: bool) -> Transaction:
    meaning = meaning_of(movement.direction, movement.means, movement.code)
    return Transaction(
        event_id=movement.event_id,
        customer_id=f"cmb2020-{movement.customer}",
        occurred_at=movement.at,
        account_id=f"cmb2020-{movement.customer}-{MEANS[movement.means]}",
        amount=float(movement.amount),
        currency="CNY",
        direction=movement.direction,
        kind=meaning.kind,
        counterparty="own_account" if between_own_accounts else meaning.counterparty,
    )


def _page_views(directory: Path, tally: Tally) -> Iterator[PageView]:
    seen: set[str] = set()
    for row in read_table(directory, PAGE_VIEWS, ("id", "page_no", "page_tm"), tally):
        customer, page = parse_name(row["id"], LONGEST_NAME), parse_name(row["page_no"], LONGEST_CODE)
        at = parse_moment(row["page_tm"], ZONE)
        if customer is None:
            tally.leave_out(PAGE_VIEWS, "customer_missing")
        elif page is None:
            tally.leave_out(PAGE_VIEWS, "page_missing")
        elif at is None:
            tally.leave_out(PAGE_VIEWS, "time_unreadable")
        else:
            # No occurrence number: equal rows are one view reported twice, for the pipeline to recognise.
            event_id = content_id("cmb2020-view", customer, page, at.isoformat())
            if event_id in seen:
                tally.note(PAGE_VIEWS, "reported_again_under_the_same_event_id")
            seen.add(event_id)
            yield PageView(event_id=event_id, customer_id=f"cmb2020-{customer}", occurred_at=at, page=page)
