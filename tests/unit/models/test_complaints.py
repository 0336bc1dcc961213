"""Complaint cases within a customer: nothing that is heard is lost, and what it does to counters and indexes."""

from typing import Any

import msgspec
import pytest

from config.policies import policies_from_document, policy_document
from models import counters
from models.case_state import MAX_CASES, MAX_MILESTONES
from models.complaints import CASE_RULE, MEMBER_SEPARATOR, deadlines_index, open_cases_index
from models.context import ClockEvent, Reason
from models.customer import decode_customer, encode_customer
from models.decay import DAY_MS, REBASE_AFTER_MS, weights
from models.events import Complaint
from tests.unit.models.build import SHIPPED, contact, login
from tests.unit.models.case_builders import HOUR_MS, MINUTE_MS, around_the_clock, at, clock_policy, step, steps
from tests.unit.models.case_watch import Watched, check_waiting, need, promising


def of_case(name: str, text: str) -> list[Complaint]:
    """Steps of a case of this name."""
    return [msgspec.structs.replace(event, case_id=name, event_id=f"{name}:{event.event_id}") for event in steps(text)]


def counted(watched: Watched, code: int = counters.SLA_BREACH) -> list[float]:
    return counters.cell(watched.customer, code) or [0.0, 0.0, 0.0]


# --- whatever is heard -----------------------------------------------------------------------------


def test_an_unknown_step_is_kept_and_counted() -> None:
    """A word that no policy knows is counted once, stays with the case, and moves nothing."""
    watched = Watched(promising()).hear("received Mon 09:00, frobnicated Mon 09:10, responded Mon 09:20")
    assert watched.decided(Reason.UNKNOWN_STEP) == 1
    [case] = watched.customer.cases
    assert [milestone.step for milestone in case.milestones] == ["received", "frobnicated", "responded"]
    assert case.unknown == 1


def test_contradictory_steps_are_kept_and_counted() -> None:
    """A second receipt and a closing of a closed case are counted each, and the first of them holds."""
    watched = Watched(promising()).hear("received Mon 09:00, received Mon 10:00, closed Mon 11:00, closed Mon 12:00")
    assert watched.decided(Reason.CONTRADICTORY) == 2
    assert watched.events == {ClockEvent.MET: 1}
    assert watched.ctx.used == [("care", "closing", 0.5)]


def test_a_step_from_before_the_receipt_counts_as_taken_at_it() -> None:
    """A closing from before the receipt is contradictory, and keeps the promise at no time at all."""
    watched = Watched(promising()).hear("received Mon 09:00, closed Mon 08:00")
    assert watched.decided(Reason.CONTRADICTORY) == 1
    assert watched.ctx.used == [("care", "closing", 0.0)]


def test_a_case_that_was_never_opened_is_inferred_until_its_receipt_comes() -> None:
    """A step of an unknown case opens it; the receipt that follows is in order, and none of both is lost."""
    watched = Watched(promising()).hear("responded Mon 12:00")
    assert watched.decided(Reason.INFERRED) == 1
    assert watched.decided(Reason.OPENED) == 0
    assert watched.indexes[open_cases_index("care")] == float(at("Mon 12:00"))
    watched.hear("received{business=cards} Mon 09:00, closed Mon 12:30")
    assert watched.decided(Reason.CONTRADICTORY) == watched.decided(Reason.UNKNOWN_STEP) == 0
    watched.tick(at("Mon+6 09:00"))
    [verdict] = watched.verdicts
    assert (verdict.inferred, verdict.business, verdict.steps) == (False, "cards", 3)
    assert [clock.verdict for clock in verdict.clocks] == ["met"]


def test_the_same_step_twice_is_one() -> None:
    """A step that the bank's systems tell twice, under two ids, counts once: a callback too."""
    events = steps("received Mon 09:00, called_back{satisfied=no} Mon 10:00")
    again = msgspec.structs.replace(events[1], event_id="again")
    watched = Watched(promising()).hear([*events, again])
    assert watched.decided(Reason.UNCHANGED) == 1
    assert counted(watched, counters.DISSATISFIED) == list(weights(at("Mon 10:00"), at("Mon 09:00")))


def test_steps_of_one_millisecond_are_each_kept() -> None:
    """A whole case within one millisecond is kept, and judged as kept."""
    names = ("closed", "received", "called_back", "responded", "plan_confirmed", "reopened", "closed")
    moment = at("Mon 09:00")
    watched = Watched(promising(needs=(need(),))).hear(
        [step(name, moment, f"{name}{i}") for i, name in enumerate(names)]
    )
    watched.tick(at("Mon 09:30"))
    [case] = watched.customer.cases
    assert [one.step for one in case.milestones] == [
        "received", "responded", "plan_confirmed", "closed", "called_back", "reopened",
    ]  # fmt: skip
    assert watched.life == []
    assert watched.tick(at("Mon 14:00")).life == [("raised", "breached")]
    assert watched.sla[0].figures["cycle"] == 1


def test_milestones_beyond_the_bound_are_counted() -> None:
    """A case has room for so many steps; each further one is counted, and said in the last word."""
    chatter = [step("responded", at("Mon 09:00") + n * MINUTE_MS) for n in range(MAX_MILESTONES + 5)]
    watched = Watched(promising()).hear([*steps("received Mon 08:00, called_back Mon 08:30"), *chatter])
    assert watched.decided(Reason.NO_ROOM) == 7
    [case] = watched.customer.cases
    assert (len(case.milestones), case.dropped) == (MAX_MILESTONES, 7)
    watched.tick(at("Mon 09:00") + 500 * DAY_MS)
    assert (watched.verdicts[0].dropped, watched.verdicts[0].steps) == (7, MAX_MILESTONES + 7)


def test_a_step_told_again_and_again_makes_room() -> None:
    """A case that everybody writes into still hears that it has been closed; what was told first is kept."""
    chatter = [step("responded", at("Mon 09:00") + n * MINUTE_MS) for n in range(MAX_MILESTONES + 5)]
    watched = Watched(promising()).hear([*steps("received Mon 08:00"), *chatter, *steps("closed Mon 11:00")])
    [case] = watched.customer.cases
    assert (len(case.milestones), case.milestones[-1].step) == (MAX_MILESTONES, "closed")
    assert case.milestones[1].at_ms == at("Mon 09:00")
    assert (case.dropped, watched.decided(Reason.NO_ROOM)) == (7, 7)
    assert watched.tick(at("Tue 09:00")).life == []


def test_a_case_too_many_lets_the_oldest_closed_one_go() -> None:
    """When there is no room, a closed case leaves before any that is open, with a last word that says so."""
    watched = Watched(promising())
    for number in range(MAX_CASES):
        watched.hear(of_case(f"k{number}", "received Mon 09:00"))
    watched.hear(of_case("k3", "closed Mon 10:00")).hear(of_case("k5", "closed Mon 10:00"))
    watched.tick(at("Mon 11:00")).hear(of_case("one more", "received Mon 11:00"))
    watched.hear(of_case("two more", "received Mon 11:00"))
    assert [(verdict.case_id, verdict.ended) for verdict in watched.verdicts] == [("k3", "no_room"), ("k5", "no_room")]
    watched.hear(of_case("three more", "received Mon 11:00"))
    assert (watched.verdicts[-1].case_id, watched.verdicts[-1].clocks[0].verdict) == ("k0", "running")
    assert len(watched.customer.cases) == MAX_CASES
    assert watched.ctx.pins._counts == {watched.ctx.pins.current.digest: MAX_CASES}


def test_a_case_that_makes_room_for_one_ahead_of_time_is_judged_by_the_shards_time() -> None:
    """A receipt from the future ends the oldest case, and breaks none of its promises."""
    watched = Watched(promising())
    for number in range(MAX_CASES):
        watched.hear(of_case(f"k{number}", "received Mon 09:00"))
    watched.tick(at("Mon 10:00")).hear(of_case("ahead", "received Fri 09:00"))
    [clock] = watched.verdicts[0].clocks
    assert (clock.verdict, clock.used) == ("running", 1.0)


def test_making_room_closes_open_alerts_and_empties_indexes() -> None:
    """A case that is pushed out leaves no alert and no entry behind."""
    watched = Watched(promising())
    for number in range(MAX_CASES):
        watched.hear(of_case(f"k{number}", "received Mon 09:00"))
    watched.tick(at("Mon 14:00")).hear(of_case("one more", "received Mon 14:00"))
    assert watched.life == [*[("raised", "breached")] * MAX_CASES, ("resolved", "left")]
    member = f"c{MEMBER_SEPARATOR}k0"
    gone = {index: score for (index, who), score in watched.ctx.rankings.items() if who == member}
    assert gone == {open_cases_index("care"): None, deadlines_index("care", "closing"): None}


def test_a_policy_without_complaints_watches_nothing_and_loses_nothing() -> None:
    """Under a policy from before there were complaint rules, cases are kept and leave, and nothing is promised."""
    document = policy_document(SHIPPED)
    del document["complaints"]
    watched = Watched(policies_from_document(document)).hear("received Mon 09:00, closed Mon 10:00")
    check_waiting(watched.tick(at("Mon+1 09:00")))
    watched.tick(at("Mon+9 09:00"))
    [verdict] = watched.verdicts
    assert (verdict.ended, verdict.clocks, verdict.requirements) == ("closed", [], [])
    assert watched.life == []
    assert watched.indexes == {}


def test_a_selection_that_matches_nothing_promises_nothing() -> None:
    """A case that no entry selects is kept all the same, and leaves with its last word."""
    selection = [{"when": {"region": ["uk"]}, "profiles": ["care"]}]
    watched = Watched(promising(complaints={"selection": selection})).hear("received Mon 09:00").tick(at("Mon+1 09:00"))
    assert (watched.life, watched.indexes) == ([], {})
    watched.hear("closed Mon+1 10:00").tick(at("Mon+9 09:00"))
    assert [verdict.ended for verdict in watched.verdicts] == ["closed"]


def test_a_case_that_says_as_much_as_it_may_is_kept_in_full() -> None:
    """The longest statements survive the aggregate's bytes, and every cycle has its alerts."""
    long = "界" * 64
    watched = Watched(promising(needs=(need(),)))
    now_ms = at("Mon 09:00")
    for cycle in range(20):
        for name in ("received" if not cycle else "reopened", "closed"):
            now_ms += 5 * HOUR_MS
            said: dict[str, Any] = {"business": long, "cause": long, "region": long, "actions": [long] * 8}
            watched.see(step(name, now_ms, f"{name}{cycle}", extension=long, responsibility="bank", **said))
            watched.tick(now_ms + HOUR_MS)
            watched.known = decode_customer(encode_customer(watched.customer))
    check_waiting(watched)
    assert watched.events[ClockEvent.BREACHED] == watched.events[ClockEvent.LATE] == 8
    watched.tick(now_ms + 40 * DAY_MS)
    assert (watched.verdicts[0].cycles, watched.verdicts[0].steps) == (8, 40)
    assert watched.customer.cases == []


# --- counters --------------------------------------------------------------------------------------


def test_a_breach_counts_at_its_deadline() -> None:
    """The counter of broken promises holds the breach at the moment it happened, whenever the tick comes."""
    watched = Watched(promising()).hear("received Mon 09:00").tick(at("Fri 09:00"))
    assert counted(watched) == list(weights(at("Mon 13:00") + 1, at("Mon 09:00")))


def test_a_retracted_breach_counts_for_nothing() -> None:
    """What was none is taken back exactly, even after the counters have moved to another landmark."""
    watched = Watched(promising()).hear("received Mon 09:00").tick(at("Tue 09:00"))
    later_ms = at("Mon 09:00") + REBASE_AFTER_MS + DAY_MS
    watched.see(login(later_ms))
    assert watched.customer.landmark_ms == later_ms
    watched.hear("closed Mon 10:00")
    assert counted(watched) == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    assert watched.life[-1] == ("retracted", "in_time")


def test_a_breach_whose_deadline_turns_out_to_be_earlier_counts_there() -> None:
    """An earlier receipt moves the breach in the counter; it is one breach and not two."""
    watched = Watched(promising()).hear("received Mon 09:00").tick(at("Mon 14:00")).hear("received Mon 08:00")
    assert counted(watched) == pytest.approx(list(weights(at("Mon 12:00") + 1, at("Mon 09:00"))))
    assert watched.events == {ClockEvent.BREACHED: 1}
    assert watched.life == [("raised", "breached")]


def test_dissatisfied_callbacks_count_whenever_they_are_heard_of() -> None:
    """Each dissatisfied callback counts at its own time; satisfied and silent ones do not."""
    text = "received Mon 09:00, closed Mon 10:00, called_back{satisfied=no} Mon 11:00"
    watched = Watched(promising()).hear(f"{text}, called_back{{satisfied=yes}} Mon 12:00, called_back Mon 13:00")
    watched.tick(at("Wed 09:00")).hear("called_back{satisfied=no} Tue 11:00")
    one, other = (weights(at(when), at("Mon 09:00")) for when in ("Mon 11:00", "Tue 11:00"))
    assert counted(watched, counters.DISSATISFIED) == [a + b for a, b in zip(one, other, strict=True)]


def test_a_clock_that_ends_twice_is_counted_by_its_last_word() -> None:
    """When an earlier stop is heard late, the share of the target that was used is not observed twice."""
    watched = Watched(promising()).hear("received Mon 09:00").tick(at("Mon 16:00")).hear("closed Mon 15:00")
    watched.hear("closed Mon 12:00")
    assert watched.ctx.used == [("care", "closing", 1.5)]
    assert watched.events == {
        ClockEvent.BREACHED: 1,
        ClockEvent.LATE: 1,
        ClockEvent.RETRACTED: 1,
        ClockEvent.MET: 1,
    }


# --- indexes and time ------------------------------------------------------------------------------


def test_a_case_stands_in_the_indexes_of_what_runs() -> None:
    """Open cases stand by their receipt, running clocks by their deadline; what stops, pauses or closes leaves."""
    cases, due = open_cases_index("care"), deadlines_index("care", "closing")
    watched = Watched(promising()).hear("received Mon 09:00")
    assert watched.ctx.rankings == {
        (cases, f"c{MEMBER_SEPARATOR}case"): float(at("Mon 09:00")),
        (due, f"c{MEMBER_SEPARATOR}case"): float(at("Mon 13:00")),
    }
    watched.hear("paused Mon 10:00")
    assert watched.indexes == {cases: float(at("Mon 09:00")), due: None}
    watched.hear("resumed Mon 11:00")
    assert watched.indexes == {cases: float(at("Mon 09:00")), due: float(at("Mon 14:00"))}
    watched.hear("closed Mon 12:00")
    assert watched.indexes == {cases: None, due: None}
    watched.hear("reopened Mon 13:00")
    assert watched.indexes == {cases: float(at("Mon 09:00")), due: float(at("Mon 17:00"))}


def test_an_index_moves_when_it_turns_out_otherwise() -> None:
    """A receipt that brings another profile takes the case out of the indexes of the first."""
    selection = [{"when": {"region": ["uk"]}, "profiles": []}, {"profiles": ["care"]}]
    watched = Watched(promising(complaints={"selection": selection})).hear("responded Mon 09:00")
    assert None not in watched.indexes.values()
    watched.hear("received{region=uk} Mon 08:00")
    assert set(watched.indexes.values()) == {None}


def test_a_customer_waits_for_its_earliest_case_and_for_nothing_without_any() -> None:
    """The customer is due when its first case is, alerts of other rules aside, and rests when all have left."""
    watched = Watched(promising()).hear(of_case("a", "received Mon 10:00")).hear(of_case("b", "received Mon 09:00"))
    assert watched.customer.due_ms == at("Mon 13:00") + 1
    watched.see(contact(at("Mon 11:00"))).tick(at("Mon 13:30"))
    assert watched.customer.due_ms == at("Mon 14:00") + 1
    watched.tick(at("Mon 09:00") + 500 * DAY_MS)
    assert (watched.customer.due_ms, watched.customer.cases, len(watched.verdicts)) == (0, [], 2)


def test_a_calendar_that_ends_in_the_middle_of_a_case_leaves_the_promise_unknown() -> None:
    """A deadline behind the horizon is neither warned of nor broken; what is done within the known days is in time."""
    using = promising(
        clock_policy(unit="working_days", calendar="days", target=5, warnings=[{"remaining": 4}]),
        days=around_the_clock(until="2026-09-16"),
    )
    watched = Watched(using).hear("received Mon 09:00")
    for day in range(10):
        check_waiting(watched.tick(at("Mon 09:00") + day * DAY_MS))
    assert watched.life == []
    assert watched.events == {ClockEvent.UNKNOWN: 1}
    watched.hear("closed Mon+1 09:00").tick(at("Mon+8 09:00"))
    assert [clock.verdict for clock in watched.verdicts[0].clocks] == ["unknown"]


def test_a_decision_is_counted_under_the_rule_of_cases() -> None:
    """Openings and departures are counted where operators look for them."""
    watched = Watched(promising()).hear("received Mon 09:00, closed Mon 10:00").tick(at("Mon+9 09:00"))
    assert {reason: times for (rule, reason), times in watched.ctx.decisions.items() if rule == CASE_RULE} == {
        Reason.OPENED: 1,
        Reason.LEFT: 1,
    }
