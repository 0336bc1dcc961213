"""The help desk of docs/complaints.md: clocks that no code knows, and every figure of that page."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest

from config.policies import document_from_toml, policies_from_document
from models.case_demands import ask
from models.case_state import CaseState, add_milestone
from models.case_timeline import Timeline, timeline
from models.complaint_rules import ComplaintRules, pinned_policies
from models.events import Complaint
from models.sla import ClockRun, Verdict, deadline, run_clock, used, verdict
from tests.support.policy_files import POLICIES, whole_text

LOG = POLICIES.parent / "helpdesk.ndjson"
POLICY_TEXT = whole_text(POLICIES / "good" / "helpdesk.toml")
RULES = ComplaintRules(pinned_policies(policies_from_document(document_from_toml(POLICY_TEXT))))
BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS = 3_600_000


class Resolution(NamedTuple):
    """What the page says of one cycle of a ticket; there is no deadline while the user's word is awaited."""

    ticket: str
    cycle: int
    due: str | None
    hours: float
    verdict: Verdict


RESOLUTIONS = [
    Resolution("T-1001", 0, None, 7.0, Verdict.MET),
    Resolution("T-1002", 0, None, 3.5, Verdict.MET),
    Resolution("T-1003", 0, "03-05T02:00+01:00", 6.5, Verdict.LATE),
    Resolution("T-1004", 0, None, 7.5, Verdict.MET),
    Resolution("T-1005", 0, "03-10T16:00+01:00", 9.0, Verdict.LATE),
    Resolution("T-1006", 0, None, 5.0, Verdict.MET),
    Resolution("T-1007", 0, "03-16T15:00+01:00", 25.0, Verdict.LATE),
    Resolution("T-1008", 0, None, 2.0, Verdict.MET),
    Resolution("T-1008", 1, None, 6.0, Verdict.MET),
    Resolution("T-1009", 0, None, 6.0, Verdict.MET),
    Resolution("T-1010", 0, None, 48.0, Verdict.MET),
    Resolution("T-1011", 0, None, 7.5, Verdict.MET),
    Resolution("T-1012", 0, "04-03T11:00+02:00", 4.0, Verdict.MET),
    Resolution("T-1013", 0, "04-02T09:00+02:00", 0.25, Verdict.CANCELLED),
    Resolution("T-1014", 0, "04-03T09:00+02:00", 72.0, Verdict.BREACHED),
    Resolution("T-1015", 0, None, 11.0, Verdict.MET),
]
LATE_REACTIONS = {"T-1003", "T-1014"}


def cases() -> dict[str, Timeline]:
    found: dict[str, CaseState] = {}
    for line in LOG.read_bytes().splitlines():
        event = msgspec.json.decode(line, type=Complaint)
        case = found.setdefault(event.case_id, CaseState(event.case_id, RULES.digest, "basic", 0))
        add_milestone(case, event, round(event.occurred_at.timestamp() * 1000), None)
    return {name: timeline(case, RULES.policy.steps, RULES.known_steps) for name, case in found.items()}


CASES = cases()
END_MS = max(line.moments[-1].at_ms for line in CASES.values())


def runs(ticket: str, name: str) -> list[ClockRun]:
    line = CASES[ticket]
    (profile,) = RULES.profiles(line.first, "basic", line.opened_ms)
    (clock,) = [clock for clock in profile.clocks if clock.policy.name == name]
    return run_clock(clock, line.moments)


@pytest.mark.parametrize("expected", RESOLUTIONS, ids=lambda expected: f"{expected.ticket}/{expected.cycle}")
def test_a_ticket_is_judged_by_its_priority(expected: Resolution) -> None:
    """Weekends, waiting and the user's word cost nothing; a change of priority keeps the time used."""
    run = runs(expected.ticket, "resolution")[expected.cycle]
    assert verdict(run, END_MS) is expected.verdict
    assert used(run, END_MS) / HOUR_MS == expected.hours
    due_ms = deadline(run)
    due = None if due_ms is None else datetime.fromtimestamp(due_ms / 1000, BERLIN).isoformat()
    assert due == (None if expected.due is None else f"2026-{expected.due[:11]}:00{expected.due[11:]}")


def test_no_other_run_of_the_clock() -> None:
    """The table above is whole: one run for each cycle of each ticket."""
    found = [(ticket, run.cycle) for ticket in CASES for run in runs(ticket, "resolution")]
    assert sorted(found) == [(one.ticket, one.cycle) for one in RESOLUTIONS]


def test_reactions() -> None:
    """Half an hour counts as half an hour to the second; the most urgent have half of it; leaving ends the wait."""
    verdicts = {ticket: verdict(run, END_MS) for ticket in CASES for run in runs(ticket, "reaction")}
    assert set(verdicts) == set(CASES)
    assert {ticket for ticket, found in verdicts.items() if found is Verdict.LATE} == LATE_REACTIONS
    assert {ticket for ticket, found in verdicts.items() if found is Verdict.CANCELLED} == {"T-1013"}
    (exactly,) = runs("T-1012", "reaction")
    assert used(exactly, END_MS) == 30 * 60_000


def test_closed_unresolved() -> None:
    """One ticket was closed without being resolved; that another's resolution came late in the log is no failure."""
    failed = set()
    for ticket, line in CASES.items():
        (profile,) = RULES.profiles(line.first, "basic", line.opened_ms)
        (demand,) = profile.demands
        failed |= {ticket for asked in ask(demand, line.moments) if not asked.met}
    assert failed == {"T-1012"}


def test_every_step_of_the_log_has_a_meaning() -> None:
    """The desk's own steps are configured, so nothing is unknown, and nothing contradicts itself."""
    assert sum(line.unknown + line.contradictory for line in CASES.values()) == 0
    assert {ticket: line.state for ticket, line in CASES.items() if line.state != "closed"} == {
        "T-1013": "withdrawn",
        "T-1014": "open",
    }
