import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from models.events import Contact
from streams.recorded.calls1999 import read_calls1999
from tests.unit.recorded.tables import in_time_order, read_all, write_table

CALLS = "bank_calls_1999_02.tsv"
CALL = {
    "vru+line": "AA0901",
    "call_id": "70001",
    "customer_id": "1234567",
    "priority": "1",
    "type": "PS",
    "date": "990203",
    "vru_entry": "9:05:07",
    "vru_exit": "9:05:20",
    "vru_time": "13",
    "q_start": "9:05:20",
    "q_exit": "9:06:05",
    "q_time": "45",
    "outcome": "AGENT",
    "ser_start": "9:06:05",
    "ser_exit": "9:08:00",
    "ser_time": "115",
    "server": "NOBODY",
}


def write_calls(directory: Path, *calls: dict[str, str]) -> None:
    rows = ["\t".join((CALL | changes).values()) for changes in calls]
    write_table(directory / f"{CALLS}.gz", "\t".join(CALL), rows)


def one_call(directory: Path, **changes: str) -> Contact:
    write_calls(directory, changes)
    ((event,), _) = read_all(read_calls1999, directory)
    assert isinstance(event, Contact)
    return event


def test_an_answered_call_is_a_contact(tmp_path: Path) -> None:
    """The call's arrival, its wait and its reason are in the event."""
    event = one_call(tmp_path)

    assert event == Contact(
        event_id=event.event_id,
        customer_id="calls1999-1234567",
        occurred_at=datetime(1999, 2, 3, 9, 5, 7, tzinfo=timezone(timedelta(hours=2))),
        call_id="calls1999-AA0901-70001-990203",
        direction="inbound",
        channel="phone",
        reason="PS",
        outcome="answered",
        queued_s=45.0,
    )
    assert event.occurred_at.utcoffset() == timedelta(hours=2)


def test_a_hung_up_call_was_abandoned(tmp_path: Path) -> None:
    """Who hangs up was not answered."""
    assert one_call(tmp_path, outcome="HANG").outcome == "abandoned"


def test_a_returned_call_is_outbound(tmp_path: Path) -> None:
    """The bank called back who had left a message."""
    event = one_call(tmp_path, type="TT")

    assert (event.direction, event.reason) == ("outbound", "TT")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"customer_id": "0"}, "customer_unidentified"),
        ({"customer_id": ""}, "customer_unidentified"),
        ({"customer_id": "1.23457E+11"}, "customer_id_damaged"),
        ({"outcome": "PHANTOM"}, "phantom_call"),
        ({"outcome": "LOST"}, "outcome_unknown"),
        ({"call_id": " "}, "call_id_missing"),
        ({"vru+line": ""}, "call_id_missing"),
        ({"type": ""}, "type_missing"),
        ({"date": "990230"}, "date_unreadable"),
        ({"date": "1999-02-03"}, "date_unreadable"),
        ({"vru_entry": ""}, "entry_time_missing"),
        ({"vru_entry": "0:00:00"}, "entry_time_missing"),
        ({"vru_entry": "24:01:00"}, "entry_time_missing"),
        ({"q_time": "-3"}, "queue_time_unreadable"),
        ({"q_time": "604801"}, "queue_time_unreadable"),
    ],
)
def test_a_call_that_cannot_be_mapped_is_counted(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    """A row becomes an event or a count, never nothing."""
    write_calls(tmp_path, changes)

    events, tally = read_all(read_calls1999, tmp_path)

    assert events == []
    assert tally.left_out == {(CALLS, reason): 1}
    assert tally.rows_read == {CALLS: 1}


def test_the_first_second_after_midnight_is_a_time(tmp_path: Path) -> None:
    """Only 0:00:00 itself means that something did not happen."""
    assert one_call(tmp_path, vru_entry="0:00:01").occurred_at.second == 1


def test_a_clock_that_ran_back_is_noted(tmp_path: Path) -> None:
    """A menu that was left before it was entered is kept, and counted."""
    write_calls(tmp_path, {"vru_exit": "9:04:00"})

    events, tally = read_all(read_calls1999, tmp_path)

    assert len(events) == 1
    assert tally.notes == {(CALLS, "left_the_menu_before_entering_it"): 1}


def test_the_same_call_reported_again_is_left_out(tmp_path: Path) -> None:
    """One call is one contact."""
    write_calls(tmp_path, {}, {})

    events, tally = read_all(read_calls1999, tmp_path)

    assert len(events) == 1
    assert tally.left_out == {(CALLS, "call_reported_again"): 1}


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    """Calls come in the order of their arrival, whatever the file's."""
    calls = [{"call_id": str(70000 + n), "vru_entry": f"{7 + n % 9}:0{n % 3}:00"} for n in range(60)]
    write_calls(tmp_path, *calls)
    in_order, _ = read_all(read_calls1999, tmp_path)
    random.Random(5).shuffle(calls)
    write_calls(tmp_path, *calls)

    shuffled, _ = read_all(read_calls1999, tmp_path)

    assert shuffled == in_order
    assert in_time_order(shuffled)
