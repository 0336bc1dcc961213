"""What the simulator planted in complaints, beside what was told of them; `CLOCKS` and `FAILURES` hold all the names.

Everything here is read from the truth, the events and the output files, and nothing from the code that is judged.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from models.events import Complaint, FeedEvent, ProfileChanged
from streams.simulator import Truth
from tests.support.kept import lines_of

CLOCKS = {
    ("care", "responded"): "care/responded",
    ("care", "progress_reported"): "care/progress_reported",
    ("care", "investigated"): "care/investigated",
    ("care", "plan_confirmed"): "care/plan_confirmed",
    ("care", "called_back"): "care/called_back",
    ("crm", "responded"): "crm/responded",
    ("crm", "progress_reported"): "crm/progress_reported",
    ("crm", "closed"): "crm/closed",
}
"""Profile and step of the truth -> the configured clock, by profile and name."""

FAILURES = {
    "responsibility_missing": "care/responsibility_missing",
    "plan_not_confirmed": "care/plan_not_confirmed",
    "compensation_not_approved": "care/compensation_not_approved",
    "remediation_missing": "care/remediation_missing",
    "callback_by_other_channel": "care/callback_by_other_channel",
    "dissatisfied_not_escalated": "care/escalated",
    "second_callback_missing": "crm/second_callback",
}
"""Process failure of the truth -> the configured requirement, or the clock, that tells of it."""

CUT_OFF = timedelta(days=8)
"""What follows a callback comes within seven days; where the simulated time ends before, nobody knows."""

SLA, PROCESS = "complaint_sla", "complaint_process"
_JUDGED = {*CLOCKS.values(), *FAILURES.values()}


def promise(subject: str) -> str:
    """Profile and name within "case/profile/name/cycle"; no id of the simulator has a slash."""
    return subject.split("/", 1)[1].rsplit("/", 1)[0]


class Told(Struct):
    """What a run said: `broken` are the subjects told late or missing and not taken back by the end."""

    broken: set[str] = field(default_factory=set)
    retracted: set[str] = field(default_factory=set)
    by_state: Counter[str] = field(default_factory=Counter)
    repeated: list[str] = field(default_factory=list)
    """Subjects told broken while they were already: each should be told once."""
    due_at: dict[str, datetime] = field(default_factory=dict)
    """Subject -> deadline, of the clocks told broken."""
    final: dict[str, str] = field(default_factory=dict)
    """Subject -> verdict of the case's last record, clocks and requirements alike."""
    left: Counter[str] = field(default_factory=Counter)
    """How often each case had its last word."""


def told(output: Path) -> Told:
    """Read what a run has put out."""
    found = Told()
    for line in lines_of(output / "alerts.ndjson"):
        alert = json.loads(line)["data"]
        if alert["rule"] in (SLA, PROCESS):
            _take_in(found, alert)
    for line in lines_of(output / "cases.ndjson"):
        record = json.loads(line)["data"]
        if "clocks" not in record:
            continue
        found.left[record["case_id"]] += 1
        for clock in record["clocks"]:
            subject = f"{record['case_id']}/{clock['profile']}/{clock['clock']}/{clock['cycle']}"
            found.final[subject] = clock["verdict"]
        for asked in record["requirements"]:
            subject = f"{record['case_id']}/{asked['profile']}/{asked['requirement']}/{asked['cycle']}"
            found.final[subject] = asked["verdict"]
    return found


def _take_in(found: Told, alert: dict[str, Any]) -> None:
    subject, state = alert["subject"], alert["state"]
    found.by_state[f"{alert['rule']} {state}"] += 1
    if state == "retracted":
        found.broken.discard(subject)
        found.retracted.add(subject)
    elif state in ("raised", "updated") and {"breached", "overrun", "missing"} & set(alert["triggers"]):
        if subject in found.broken and "overrun" not in alert["triggers"]:
            found.repeated.append(subject)
        found.broken.add(subject)
        if "due_at" in alert["figures"]:
            found.due_at[subject] = datetime.fromisoformat(alert["figures"]["due_at"])


def planted_clocks(truth: Truth) -> dict[str, str]:
    """Subject -> verdict of every clock of the truth."""
    return {
        f"{case.case_id}/{CLOCKS[clock.profile, clock.clock]}/{clock.cycle}": clock.verdict
        for case in truth.cases
        for clock in case.clocks
    }


def planted_deadlines(truth: Truth) -> dict[str, datetime]:
    """Subject -> deadline of every clock of wall time."""
    return {
        f"{case.case_id}/{CLOCKS[clock.profile, clock.clock]}/{clock.cycle}": clock.due_at
        for case in truth.cases
        for clock in case.clocks
        if clock.due_at is not None
    }


def planted_failures(truth: Truth) -> set[tuple[str, str]]:
    """(Case, configured name) of every planted failure of the process that had shown in time."""
    cut_off = _cut_off(truth)
    return {
        (case.case_id, FAILURES[name])
        for case in truth.cases
        for name in case.process_failures
        if not (name in ("dissatisfied_not_escalated", "second_callback_missing") and case.case_id in cut_off)
    }


class Failures(Struct):
    """Failures of the process that the events show; `undecided` ones depend on what came after the end."""

    shown: set[str] = field(default_factory=set)
    undecided: set[str] = field(default_factory=set)


def shown_failures(truth: Truth, events: Iterable[FeedEvent]) -> Failures:
    """Every failure that can be seen in the steps of a case, planted or not, as "case/profile/name/cycle".

    Some are not planted: a customer who has left confirms no plan, and the bank closes the case without.
    """
    cases: dict[str, list[Complaint]] = defaultdict(list)
    preferred: dict[str, str] = {}
    found = Failures()
    for event in events:
        if isinstance(event, Complaint):
            cases[event.case_id].append(event)
        elif isinstance(event, ProfileChanged) and event.preferred_channel is not None:
            assert preferred.setdefault(event.customer_id, event.preferred_channel) == event.preferred_channel
    for case_id, steps in cases.items():
        begins = [at for at, event in enumerate(steps) if event.step in ("received", "reopened")]
        for number, begin in enumerate(begins):
            end = begins[number + 1] if number + 1 < len(begins) else len(steps)
            last = number + 1 == len(begins)
            names = _shown_in_cycle(steps[begin:end], preferred.get(steps[begin].customer_id), last=last)
            found.shown |= {f"{case_id}/{FAILURES[name]}/{number}" for name in names}
            if case_id in _cut_off(truth):
                for name in ("dissatisfied_not_escalated", "second_callback_missing"):
                    found.undecided.add(f"{case_id}/{FAILURES[name]}/{number}")
    return found


def _shown_in_cycle(cycle: list[Complaint], preferred: str | None, *, last: bool) -> set[str]:
    """Names of the truth; `last`: no reopening follows, so whatever was to come would have come."""
    named = {event.step for event in cycle}
    callbacks = [event for event in cycle if event.step == "called_back"]
    responsibilities = {event.responsibility for event in cycle if event.responsibility is not None}
    shown: set[str] = set()
    if "investigated" in named and not responsibilities:
        shown.add("responsibility_missing")
    if "closed" in named:
        if "plan_confirmed" not in named:
            shown.add("plan_not_confirmed")
        if "compensation_proposed" in named and "compensation_approved" not in named:
            shown.add("compensation_not_approved")
        if "bank" in responsibilities and "remedied" not in named:
            shown.add("remediation_missing")
    if callbacks and callbacks[0].channel != preferred:
        shown.add("callback_by_other_channel")
    if any(event.satisfied is False for event in callbacks) and "escalated" not in named:
        shown.add("dissatisfied_not_escalated")
    if len(callbacks) == 1 and last:
        shown.add("second_callback_missing")
    return shown


def _cut_off(truth: Truth) -> set[str]:
    since = truth.ended_at - CUT_OFF
    return {case.case_id for case in truth.cases if max(step.at for step in case.steps) >= since}
