"""Steps of one instant: how they stand is how they usually follow, in the standard's words and in a bank's own."""

from itertools import permutations
from typing import Any

import pytest

from config.complaint_policies import CaseSteps
from config.policies import document_from_toml, load_policies, policies_from_document
from models import sla
from models.case_timeline import Timeline, timeline
from models.complaint_rules import ComplaintRules, pinned_policies
from models.sla import Verdict
from tests.support.policy_files import POLICIES, whole_text
from tests.unit.models.case_builders import at, case, clock, only_run, runs, steps, used, words

NEW_YORK = "America/New_York"
BERLIN = "Europe/Berlin"


def test_a_pause_that_changes_its_reason_goes_on() -> None:
    """Resumed and paused within one instant is still paused; paused and resumed within one instant still runs."""
    on_hold = only_run(clock(), "received Mon 09:00, paused Mon 10:00, resumed Mon 11:00, paused Mon 11:00")
    running = only_run(clock(), "received Mon 09:00, paused Mon 11:00, resumed Mon 11:00, paused{cause=x} Mon 11:00")
    assert [sla.verdict(run, at("Mon 12:00")) for run in (on_hold, running)] == [Verdict.PAUSED, Verdict.RUNNING]
    assert [used(run, at("Mon 12:00")) for run in (on_hold, running)] == [1, 3]
    assert [span.ran for span in on_hold.spans] == [True, False]


@pytest.mark.parametrize("arrival", ["received Mon 09:00, closed Mon 09:00", "closed Mon 09:00, received Mon 09:00"])
def test_settled_on_receipt(arrival: str) -> None:
    """A case that is received and closed within the same instant has used nothing and is met."""
    run = only_run(clock(), arrival)
    assert (sla.verdict(run, at("Tue 09:00")), used(run, at("Tue 09:00"))) == (Verdict.MET, 0)


def reordered(told: str) -> str:
    return ", ".join(reversed(told.split(", ")))


ONE_INSTANT = {
    "a stop before its start": ({"start": ["forwarded"], "stop": ["responded"]}, "responded", Verdict.MET),
    "a stop behind its start": ({"start": ["responded"], "stop": ["forwarded"]}, "forwarded", Verdict.MET),
    "a cancellation before its start": ({"start": ["escalated"], "cancel": ["closed"]}, "closed", Verdict.CANCELLED),
    "a cancellation behind its start": ({"start": ["responded"], "cancel": ["closed"]}, "closed", Verdict.CANCELLED),
    "a stop with what it must state": (
        {"start": ["forwarded"], "stop": [{"step": "responded", "where": {"satisfied": ["yes"]}}]},
        "responded{satisfied=yes}",
        Verdict.MET,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "ends", "says"), ONE_INSTANT.values(), ids=ONE_INSTANT.keys())
def test_what_ends_a_clock_at_the_instant_of_its_start_ends_it(
    changes: dict[str, Any], ends: str, says: Verdict
) -> None:
    """Steps of one instant have no order: wherever they stand, and in whatever order they arrive, it ends at once."""
    steps = f"received Mon 08:00, {changes['start'][0]} Mon 09:00, {ends} Mon 09:00, whatever Mon 18:00"
    for told in (steps, reordered(steps)):
        run = only_run(clock(**changes), told)
        assert (sla.verdict(run, at("Tue 09:00")), used(run, at("Tue 09:00"))) == (says, 0)
        assert (words(run.ended_ms), run.ended_by) == ("Mon 09:00", f"{ends}@{at('Mon 09:00')}")
        assert [(span.from_ms, span.to_ms) for span in run.spans] == [(at("Mon 09:00"), at("Mon 09:00"))]


@pytest.mark.parametrize(
    "told",
    [
        # A minute apart is no instant.
        "received Mon 08:00, responded Mon 08:59, forwarded Mon 09:00",
        # What states something else is no stop.
        "received Mon 08:00, responded{satisfied=no} Mon 09:00, forwarded Mon 09:00",
    ],
)
def test_nothing_else_ends_a_clock_at_its_start(told: str) -> None:
    """What came before the instant, or says something else, leaves the clock running."""
    stop = [{"step": "responded", "where": {"satisfied": ["-"]}}]
    run = only_run(clock(start=["forwarded"], stop=stop), told)
    assert sla.verdict(run, at("Mon 10:00")) is Verdict.RUNNING


def test_a_closing_at_the_instant_of_a_reopening_ends_the_cycle_before() -> None:
    """The clock of the new cycle runs on: what was closed was what is reopened."""
    closed, reopened = runs(clock(), "received Mon 09:00, closed Mon 10:00, reopened Mon 10:00")
    assert [sla.verdict(run, at("Mon 11:00")) for run in (closed, reopened)] == [Verdict.MET, Verdict.RUNNING]


def test_the_first_of_what_ends_a_clock_at_once_stands() -> None:
    """Of a stop and a cancellation at the instant of the start, the one that usually comes first ends it."""
    using = clock(start=["escalated"], stop=["responded"], cancel=["closed"])
    run = only_run(using, "received Mon 08:00, closed Mon 09:00, escalated Mon 09:00, responded Mon 09:00")
    assert (run.end, run.ended_by) == ("stopped", f"responded@{at('Mon 09:00')}")


# --- as shipped, and in a bank's own words -----------------------------------------------------------


def verdicts(rules: ComplaintRules, told: str, zone: str, asked_at: str) -> dict[str, tuple[Verdict, float]]:
    """Profile and clock -> how it stands, and what it has used."""
    found = timeline(case(told, zone), rules.policy.steps, rules.known_steps)
    profiles = rules.profiles(found.first, "basic", found.opened_ms)
    return {
        f"{profile.name}/{using.policy.name}": (sla.verdict(run, at(asked_at, zone)), used(run, at(asked_at, zone)))
        for profile in profiles
        for using in profile.clocks
        for run in sla.run_clock(using, found.moments)
    }


def test_a_complaint_answered_on_the_day_it_was_forwarded() -> None:
    """A feed of whole days has both at one midnight: the answer is in time, and an answer by closing is final too."""
    rules = ComplaintRules(pinned_policies(load_policies()))
    forwarded = "received{region=us} 2026-09-11 00:00, forwarded 2026-09-14 00:00"
    for answer, final in (("responded", Verdict.BREACHED), ("closed", Verdict.MET)):
        for told in (f"{forwarded}, {answer} 2026-09-14 00:00", reordered(f"{forwarded}, {answer} 2026-09-14 00:00")):
            found = verdicts(rules, told, NEW_YORK, "2026-12-01 00:00")
            assert (found["cfpb/response"], found["cfpb/final_response"][0]) == ((Verdict.MET, 0), final)


DESK_CLOCK = """
[[complaints.profiles.clocks]]
name = "called_back"
title = "User called back"
title_zh = "回访"
source = "ours"
start = ["closed", "settled"]
stop = ["called_back"]
target = 24
unit = "hours"
[[complaints.profiles.requirements]]
"""


def test_the_help_desk_closes_in_its_own_words_and_calls_back_at_once() -> None:
    """Settled and called back within an instant: the ticket is closed, and the callback has kept its promise."""
    text = whole_text(POLICIES / "good" / "helpdesk.toml")
    text = text.replace('closed = ["closed"]', 'closed = ["closed", "settled"]')
    text = text.replace("[[complaints.profiles.requirements]]\n", DESK_CLOCK.lstrip(), 1)
    text = text.replace('stop = ["closed"]', 'stop = ["closed", "settled"]')
    rules = ComplaintRules(pinned_policies(policies_from_document(document_from_toml(text))))
    told = "opened Mon 09:00, assigned Mon 09:10"
    at_once = [f"{name} Mon 11:00" for name in ("resolved", "settled", "called_back")]
    for arrival in permutations(at_once):
        found = verdicts(rules, ", ".join((told, *arrival)), BERLIN, "Thu 11:00")
        kept = [found[f"helpdesk/{name}"] for name in ("resolution", "called_back")]
        assert kept == [(Verdict.MET, 2), (Verdict.MET, 0)]
    apart = verdicts(rules, f"{told}, settled Mon 11:00, called_back Wed 11:00", BERLIN, "Thu 11:00")
    assert apart["helpdesk/called_back"] == (Verdict.LATE, 48)


OWN = CaseSteps(opened=("new",), closed=("answered",), withdrawn=("cancelled",), reopened=("again",))


def by_own_words(told: str) -> Timeline:
    return timeline(case(told), OWN, frozenset(one.step for one in steps(told)))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        # By their names alone they would stand the other way round.
        ("resolved", "answered"),
        ("assigned", "again"),
        ("answered", "again"),
        ("called_back", "cancelled"),
        ("answered", "called_back"),
        ("answered", "cancelled"),
        ("cancelled", "again"),
    ],
)
def test_a_banks_own_steps_stand_where_the_standard_ones_do(earlier: str, later: str) -> None:
    """Closing comes behind work and before calling back, withdrawing behind that, reopening behind them all."""
    for first, second in permutations((earlier, later)):
        found = by_own_words(f"new Mon 08:00, {first} Mon 09:00, {second} Mon 09:00").moments
        assert [moment.step for moment in found] in (["new", earlier, later], ["new", earlier])


@pytest.mark.parametrize(
    ("told", "state", "cycles", "contradictory"),
    [
        ("new Mon 08:00, answered Mon 09:00, again Mon 09:00", "open", 2, 0),
        ("new Mon 08:00, cancelled Mon 09:00, again Mon 09:00", "open", 2, 0),
        # Closed and withdrawn at once is closed, as with the standard's words.
        ("new Mon 08:00, answered Mon 09:00, cancelled Mon 09:00", "closed", 1, 1),
    ],
)
def test_own_words_at_one_instant_leave_a_case_as_the_standard_ones_would(
    told: str, state: str, cycles: int, contradictory: int
) -> None:
    """Reopened in the instant of its closing, a case is open again; nothing about that is odd."""
    for arrival in (told, reordered(told)):
        found = by_own_words(arrival)
        assert (found.state, found.cycles, found.contradictory) == (state, cycles, contradictory)
