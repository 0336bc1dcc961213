"""Complaints to the Consumer Financial Protection Bureau of the USA, January to March 2015.

The set says when a complaint came and when it was sent to the company, and of the company's answer only *whether* it
came in time. So a case here has these two steps and no more: a step with a made-up date would turn every verdict on
it into fiction.
"""

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.events import Complaint, FeedEvent
from streams.recorded.cells import LONGEST_CODE, parse_american_day, parse_count, parse_name
from streams.recorded.tables import Row, read_table
from streams.recorded.tally import Tally

COMPLAINTS = "cfpb_complaints_2015.csv"
ZONE = ZoneInfo("America/New_York")
REGION = "us"
CHANNEL = "regulator"
"""How every one of them came to the company; how the consumer reached the bureau, this edition does not say."""

FORWARDED = "forwarded"
"""The step of our own at which the bureau sends a complaint to the company: the statutory time runs from here."""

RECEIVED_AT = time(12)
FORWARDED_AT = time(13)
"""Stand for unknown times of day. An hour apart, since nearly half are sent on the day they came, and sent later."""

_BUSINESSES = {
    "Bank account or service": "bank_account",
    "Consumer loan": "consumer_loan",
    "Credit card": "credit_card",
    "Credit reporting": "credit_reporting",
    "Debt collection": "debt_collection",
    "Money transfers": "money_transfer",
    "Mortgage": "mortgage",
    "Other financial service": "other",
    "Payday loan": "payday_loan",
    "Prepaid card": "prepaid_card",
    "Student loan": "student_loan",
}
_COLUMNS = (
    *("Complaint ID", "Product", "Issue", "Date received", "Date sent to company"),
    *("Company response", "Timely response?"),
)
_TIMELINESS = {"Yes": "answered_in_time_on_an_unknown_day", "No": "not_answered_in_time"}


class _Filed(NamedTuple):
    """A complaint as its row states it; of two rows with one id the smaller counts, whatever the file's order."""

    number: int
    received: date
    sent: date
    product: str
    issue: str
    response: str
    timely: str


def read_cfpb2015(directory: Path, tally: Tally) -> Iterator[FeedEvent]:
    """Yield ``received`` and ``forwarded`` of each complaint, in time order; ties by complaint number.

    Raises `RecordedDataError`.
    """
    complaints: dict[int, _Filed] = {}
    for row in read_table(directory, COMPLAINTS, _COLUMNS, tally):
        filed = _filed(row)
        if isinstance(filed, str):
            tally.leave_out(COMPLAINTS, filed)
            continue
        if filed.number in complaints:
            tally.leave_out(COMPLAINTS, "complaint_repeated")
        complaints[filed.number] = min(filed, complaints.get(filed.number, filed))
    steps = [step for filed in complaints.values() for step in _steps(filed, tally)]
    for _, _, complaint in sorted(steps, key=lambda each: each[:2]):
        yield tally.written(complaint)


def _filed(row: Row) -> _Filed | str:
    """The complaint, or the reason that it becomes no event."""
    number = parse_count(row["Complaint ID"])
    received, sent = parse_american_day(row["Date received"]), parse_american_day(row["Date sent to company"])
    if number is None:
        return "complaint_id_unreadable"
    if received is None:
        return "date_received_unreadable"
    if sent is None:
        return "date_sent_unreadable"
    if sent < received:
        return "sent_before_received"
    if row["Product"].strip() not in _BUSINESSES:
        return "product_unknown"
    said = (row[column].strip() for column in ("Product", "Issue", "Company response", "Timely response?"))
    return _Filed(number, received, sent, *said)


def _steps(filed: _Filed, tally: Tally) -> Iterator[tuple[datetime, int, Complaint]]:
    business, cause = _BUSINESSES[filed.product], parse_name(filed.issue, LONGEST_CODE)
    if cause is None:
        tally.note(COMPLAINTS, "issue_missing_or_too_long")
    tally.note(COMPLAINTS, _TIMELINESS.get(filed.timely, "timeliness_unknown"))
    if (filed.response, filed.timely) == ("Untimely response", "Yes"):
        tally.note(COMPLAINTS, "untimely_response_called_timely")
    case_id = f"cfpb2015-{filed.number}"
    for step, at in (
        ("received", datetime.combine(filed.received, RECEIVED_AT, tzinfo=ZONE)),
        (FORWARDED, datetime.combine(filed.sent, FORWARDED_AT, tzinfo=ZONE)),
    ):
        first = step == "received"
        event = Complaint(
            event_id=f"cfpb2015-{step}-{filed.number}",
            # The set does not say who complained: each complaint has a customer of its own.
            customer_id=case_id,
            occurred_at=at,
            case_id=case_id,
            step=step,
            business=business if first else None,
            cause=cause if first else None,
            channel=CHANNEL if first else None,
            region=REGION if first else None,
        )
        yield at, filed.number, event
