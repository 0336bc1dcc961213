"""Calls to the centre of an Israeli bank, 1999 (the "Anonymous Bank" set of the Technion)."""

from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from models.events import Contact, FeedEvent
from streams.recorded.cells import (
    LONGEST_CODE,
    LONGEST_NAME,
    content_id,
    parse_clock,
    parse_count,
    parse_day_of_1900s,
    parse_name,
)
from streams.recorded.tables import Row, read_table
from streams.recorded.tally import Tally

CALLS = "bank_calls_1999_02.tsv"
ZONE = ZoneInfo("Asia/Jerusalem")

_COLUMNS = ("vru+line", "call_id", "customer_id", "type", "date", "vru_entry", "vru_exit", "q_time", "outcome")
_OUTCOMES: dict[str, Literal["answered", "abandoned"]] = {"AGENT": "answered", "HANG": "abandoned"}
_CALLED_BACK = "TT"
"""Customers who had left a message, held in the queue by the bank's own return call."""
_WEEK_S = 604_800


def read_calls1999(directory: Path, tally: Tally) -> Iterator[FeedEvent]:
    """Yield a contact for each identified call, in the order of the calls' arrival; ties by event id.

    Raises `RecordedDataError`.
    """
    contacts: dict[str, Contact] = {}
    for row in read_table(directory, CALLS, _COLUMNS, tally, delimiter="\t"):
        contact = _contact(row)
        if isinstance(contact, str):
            tally.leave_out(CALLS, contact)
        elif contact.event_id in contacts:
            tally.leave_out(CALLS, "call_reported_again")
        else:
            contacts[contact.event_id] = contact
            exit_from_menu = parse_clock(row["vru_exit"])
            if exit_from_menu is not None and exit_from_menu < contact.occurred_at.time():
                tally.note(CALLS, "left_the_menu_before_entering_it")
    for contact in sorted(contacts.values(), key=lambda each: (each.occurred_at.timestamp(), each.event_id)):
        yield tally.written(contact)


def _contact(row: Row) -> Contact | str:
    """The call as an event, or the reason that it becomes none."""
    customer = row["customer_id"].strip()
    outcome = row["outcome"].strip()
    day, entry = parse_day_of_1900s(row["date"]), parse_clock(row["vru_entry"])
    queued_s = parse_count(row["q_time"])
    reason = parse_name(row["type"], LONGEST_CODE)
    machine, number = parse_name(row["vru+line"], LONGEST_NAME), parse_name(row["call_id"], LONGEST_NAME)
    if customer in ("", "0"):
        return "customer_unidentified"
    if parse_count(customer) is None:
        # A spreadsheet turned long ids into 1.23457E+11: what is left of them, several customers share.
        return "customer_id_damaged"
    if outcome == "PHANTOM":
        return "phantom_call"
    if outcome not in _OUTCOMES:
        return "outcome_unknown"
    if machine is None or number is None:
        return "call_id_missing"
    if reason is None:
        return "type_missing"
    if day is None:
        return "date_unreadable"
    if entry is None or entry == time(0):
        # The set writes 0:00:00 for what did not happen.
        return "entry_time_missing"
    if queued_s is None or queued_s > _WEEK_S:
        return "queue_time_unreadable"
    # Call ids are counted by each of the six machines for itself, and start again.
    call_id = f"{machine}-{number}-{day:%y%m%d}"
    return Contact(
        event_id=content_id("calls1999", call_id, entry.isoformat(), customer, reason, outcome, str(queued_s)),
        customer_id=f"calls1999-{customer}",
        occurred_at=datetime.combine(day, entry, tzinfo=ZONE),
        call_id=f"calls1999-{call_id}",
        direction="outbound" if reason == _CALLED_BACK else "inbound",
        channel="phone",
        reason=reason,
        outcome=_OUTCOMES[outcome],
        queued_s=float(queued_s),
    )
