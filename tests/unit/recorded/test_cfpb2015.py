import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from models.events import Complaint
from streams.recorded.cfpb2015 import read_cfpb2015
from streams.recorded.tally import Tally
from tests.unit.recorded.tables import in_time_order, read_all, write_table

COMPLAINTS = "cfpb_complaints_2015.csv"
COMPLAINT = {
    "": "0",
    "Complaint ID": "9000001",
    "Product": "Mortgage",
    "Sub-product": "Other mortgage",
    "Issue": '"Servicing, payments"',
    "Sub-issue": "",
    "State": "ZZ",
    "ZIP code": "00000",
    "Date received": "1/9/2015",
    "Date sent to company": "1/12/2015",
    "Company response": "Closed with explanation",
    "Timely response?": "Yes",
    "Consumer disputed?": "No",
}


def write_complaints(directory: Path, *complaints: dict[str, str]) -> None:
    rows = [",".join((COMPLAINT | changes).values()) for changes in complaints]
    write_table(directory / f"{COMPLAINTS}.gz", ",".join(COMPLAINT), rows)


def read(directory: Path, *complaints: dict[str, str]) -> tuple[list[Complaint], Tally]:
    write_complaints(directory, *complaints)
    events, tally = read_all(read_cfpb2015, directory)
    return [event for event in events if isinstance(event, Complaint)], tally


def test_a_complaint_is_received_and_forwarded(tmp_path: Path) -> None:
    """Two steps with the row's two days; what the row does not date is not there, nor who complained."""
    new_york = timezone(timedelta(hours=-5))

    events, tally = read(tmp_path, {})

    assert events == [
        Complaint(
            event_id="cfpb2015-received-9000001",
            customer_id="cfpb2015-9000001",
            occurred_at=datetime(2015, 1, 9, 12, tzinfo=new_york),
            case_id="cfpb2015-9000001",
            step="received",
            business="mortgage",
            cause="Servicing, payments",
            channel="regulator",
            region="us",
        ),
        Complaint(
            event_id="cfpb2015-forwarded-9000001",
            customer_id="cfpb2015-9000001",
            occurred_at=datetime(2015, 1, 12, 13, tzinfo=new_york),
            case_id="cfpb2015-9000001",
            step="forwarded",
        ),
    ]
    assert [event.occurred_at.utcoffset() for event in events] == [timedelta(hours=-5)] * 2
    assert tally.notes == {(COMPLAINTS, "answered_in_time_on_an_unknown_day"): 1}


def test_summer_time_is_that_of_the_day(tmp_path: Path) -> None:
    """A complaint of winter that is sent in summer time has an offset for each step."""
    events, _ = read(tmp_path, {"Date received": "3/6/2015", "Date sent to company": "3/9/2015"})

    assert [event.occurred_at.utcoffset() for event in events] == [timedelta(hours=-5), timedelta(hours=-4)]


def test_a_complaint_is_received_before_it_is_sent_on_the_same_day(tmp_path: Path) -> None:
    """Nothing has to guess which of two steps of one day came first."""
    events, _ = read(tmp_path, {"Date sent to company": "1/9/2015"})

    assert [event.step for event in events] == ["received", "forwarded"]
    assert events[0].occurred_at < events[1].occurred_at
    assert events[0].occurred_at.date() == events[1].occurred_at.date()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Complaint ID": ""}, "complaint_id_unreadable"),
        ({"Complaint ID": "9.0E+06"}, "complaint_id_unreadable"),
        ({"Date received": ""}, "date_received_unreadable"),
        ({"Date received": "2/30/2015"}, "date_received_unreadable"),
        ({"Date received": "13/1/2015"}, "date_received_unreadable"),
        ({"Date received": "1/9/15"}, "date_received_unreadable"),
        ({"Date received": "2015-01-09"}, "date_received_unreadable"),
        ({"Date sent to company": "1/-2/2015"}, "date_sent_unreadable"),
        ({"Date sent to company": "1/12"}, "date_sent_unreadable"),
        ({"Date sent to company": "1/8/2015"}, "sent_before_received"),
        ({"Product": "Virtual currency"}, "product_unknown"),
        ({"Product": ""}, "product_unknown"),
        ({"State": "Z,Z"}, "cells_missing_or_extra"),
    ],
)
def test_a_complaint_that_cannot_be_mapped_is_counted(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    """A row becomes events or a count, never nothing."""
    events, tally = read(tmp_path, changes)

    assert events == []
    assert tally.left_out == {(COMPLAINTS, reason): 1}
    assert tally.rows_read == {COMPLAINTS: 1}
    assert tally.notes == {}


@pytest.mark.parametrize(
    ("changes", "remarks"),
    [
        ({"Timely response?": "No"}, {"not_answered_in_time"}),
        ({"Timely response?": ""}, {"timeliness_unknown"}),
        (
            {"Company response": "Untimely response"},
            {"answered_in_time_on_an_unknown_day", "untimely_response_called_timely"},
        ),
        ({"Company response": "Untimely response", "Timely response?": "No"}, {"not_answered_in_time"}),
        ({"Issue": " "}, {"issue_missing_or_too_long", "answered_in_time_on_an_unknown_day"}),
        ({"Issue": "x" * 65}, {"issue_missing_or_too_long", "answered_in_time_on_an_unknown_day"}),
    ],
)
def test_what_is_odd_or_undated_is_noted(tmp_path: Path, changes: dict[str, str], remarks: set[str]) -> None:
    """The complaint is kept, and what could not become a part of an event is counted."""
    events, tally = read(tmp_path, changes)

    assert [event.step for event in events] == ["received", "forwarded"]
    assert tally.notes == {(COMPLAINTS, remark): 1 for remark in remarks}
    assert (events[0].cause is None) == ("issue_missing_or_too_long" in remarks)


def test_a_complaint_stated_twice_counts_once(tmp_path: Path) -> None:
    """Of two rows with one id the same one counts, whichever comes first in the file."""
    rows = [{"Date sent to company": "1/14/2015"}, {"Date sent to company": "1/13/2015"}]
    one_way, tally = read(tmp_path, *rows)
    other_way, _ = read(tmp_path, *reversed(rows))

    assert one_way == other_way
    assert [event.occurred_at.day for event in one_way] == [9, 13]
    assert tally.left_out == {(COMPLAINTS, "complaint_repeated"): 1}


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    """Steps come in the order of time, whatever the file's."""
    complaints = [
        {
            "Complaint ID": str(9_000_000 + 7 * n % 50),
            "Date received": f"1/{9 + n % 3}/2015",
            "Date sent to company": f"1/{11 + n % 5}/2015",
        }
        for n in range(50)
    ]
    in_order, _ = read(tmp_path, *complaints)
    random.Random(5).shuffle(complaints)

    shuffled, _ = read(tmp_path, *complaints)

    assert shuffled == in_order
    assert len(in_order) == 100
    assert in_time_order([*shuffled])
