"""Repeated inquiries in recorded calls: every alert equals a count by hand over the raw file."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import Struct, field

from tests.support.command_line import ebbwatch
from tests.support.figures import counted, show
from tests.support.kept import lines_of
from tests.support.recorded_data import recorded_directory

pytestmark = [pytest.mark.recorded, pytest.mark.proof]

# As config/policies.toml states them.
CONTACTS = 3
CRITICAL = 5
WINDOW_S = 7 * 86_400
COOLDOWN_S = 3 * 86_400
REMEMBERED = 8
"""Contacts of one reason that an aggregate keeps: a count never says more."""
ISRAEL_WINTER_S = 2 * 3600
"""February knows no summer time in Israel."""

Key = tuple[str, str]
Life = tuple[str, str, str, int, int]
"""Customer, reason, state, epoch second, contacts in the window."""


class Thread(Struct):
    """What a count by hand knows of one customer and one reason."""

    times: list[int] = field(default_factory=list)
    deadline: int | None = None
    cooling: bool = False
    reported: int = 0


def raw_calls() -> list[tuple[int, str, str]]:
    """(epoch second, customer, reason) of every identified call that counts as a contact, in the order of arrival."""
    calls = []
    with gzip.open(recorded_directory() / "bank_calls_1999_02.tsv.gz", "rt", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            customer = row["customer_id"].strip()
            if customer in ("", "0") or not customer.isdigit() or row["outcome"].strip() == "PHANTOM":
                continue
            hour, minute, second = map(int, row["vru_entry"].split(":"))
            day = row["date"]
            midnight = datetime(1900 + int(day[:2]), int(day[2:4]), int(day[4:]), tzinfo=UTC)
            at = int(midnight.timestamp()) - ISRAEL_WINTER_S + 3600 * hour + 60 * minute + second
            calls.append((at, f"calls1999-{customer}", row["type"].strip()))
    return sorted(calls)


def lives(calls: list[tuple[int, str, str]]) -> list[Life]:
    """Every alert that should have been raised, updated or resolved, by brute force.

    Ticks come on whole minutes that event time reaches, before the event that reaches them.
    """
    threads: dict[Key, Thread] = defaultdict(Thread)
    found: list[Life] = []
    for at, customer, reason in calls:
        if reason == "TT":  # the bank's own call
            continue
        thread = threads[customer, reason]
        _pass_time(thread, (customer, reason), at // 60 * 60, found)
        thread.times.append(at)
        if thread.cooling and thread.deadline is not None:
            if at < thread.deadline:
                continue
            thread.deadline, thread.cooling = None, False
        _count(thread, (customer, reason), at, found)
    for key, thread in threads.items():
        _pass_time(thread, key, calls[-1][0] // 60 * 60, found)
    return found


def _pass_time(thread: Thread, key: Key, now: int, found: list[Life]) -> None:
    while thread.deadline is not None and thread.deadline <= now:
        at = thread.deadline
        if thread.cooling:
            thread.deadline, thread.cooling = None, False
            _count(thread, key, at, found)
        else:
            found.append((*key, "resolved", at, _within(thread, at)))
            thread.deadline, thread.cooling = at + COOLDOWN_S, True


def _count(thread: Thread, key: Key, at: int, found: list[Life]) -> None:
    contacts = _within(thread, at)
    if contacts < CONTACTS:
        return
    if thread.deadline is None:
        found.append((*key, "raised", at, contacts))
        thread.reported = contacts
    elif contacts > thread.reported:
        found.append((*key, "updated", at, contacts))
        thread.reported = contacts
    thread.deadline = sorted(thread.times)[-CONTACTS] + WINDOW_S


def _within(thread: Thread, at: int) -> int:
    return min(sum(at - WINDOW_S < when <= at for when in thread.times), REMEMBERED)


def test_alerts_equal_a_count_by_hand(tmp_path: Path) -> None:
    """Same customers, reasons, times and counts, for alerts raised, updated and resolved."""
    feed, data = tmp_path / "calls.ndjson.gz", tmp_path / "data"
    imported = ebbwatch("import", "calls1999", recorded_directory(), "-o", feed)
    assert imported.returncode == 0, imported.stderr
    ran = ebbwatch("run", "--embedded", "--data", data, "--metrics-port", 0, feed)
    assert ran.returncode == 0, ran.stderr

    told = [json.loads(line)["data"] for line in lines_of(data / "out" / "alerts.ndjson")]
    assert {alert["rule"] for alert in told} <= {"repeated_inquiry", "churn_risk"}
    alerts = [alert for alert in told if alert["rule"] == "repeated_inquiry"]
    raised: list[Life] = [
        (
            alert["customer_id"],
            alert["subject"],
            alert["state"],
            _second(alert["at"]),
            alert["figures"]["contacts"],
        )
        for alert in alerts
    ]
    calls = raw_calls()
    expected = lives(calls)

    assert len(calls) == 13_543
    assert sorted(raised) == sorted(expected)
    for alert in alerts:
        contacts = alert["figures"]["contacts"]
        assert len(alert["evidence"]) == max(contacts, 1)
        if alert["state"] != "resolved":  # which keeps the severity that it had
            assert alert["severity"] == ("critical" if contacts >= CRITICAL else "warning")
    show(
        "repeated_inquiry on calls1999",
        identified_calls=len(calls),
        inbound=sum(reason != "TT" for _, _, reason in calls),
        alerts_by_state=counted(Counter(life for _, _, life, _, _ in raised)),
        by_hand=counted(Counter(life for _, _, life, _, _ in expected)),
        raised_by_reason=counted(Counter(reason for _, reason, life, _, _ in raised if life == "raised")),
        customers=len({customer for customer, *_ in raised}),
        differences=len(set(raised) ^ set(expected)),
    )


def _second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
