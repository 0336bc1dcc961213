"""A case in order: whatever arrives when, its steps stand by business time, and what does not fit is counted."""

from itertools import permutations

import msgspec
import pytest

from config.complaint_policies import CaseSteps
from models.case_state import MAX_MILESTONES, CaseState, add_milestone, said
from models.case_timeline import MAX_CYCLES, timeline
from models.events import STANDARD_STEPS, epoch_ms
from tests.unit.models.case_builders import MINUTE_MS, at, case, line, step, steps, words


def order(text: str) -> list[str]:
    return [moment.step for moment in line(text).moments]


def test_steps_stand_by_business_time_in_whatever_order_they_arrive() -> None:
    """Every order of arrival gives one and the same timeline."""
    told = steps("received Mon 09:00, responded Mon 09:30, paused Mon 10:00, resumed Mon 11:00, closed Tue 09:00")
    expected = line(told)
    assert [moment.step for moment in expected.moments] == ["received", "responded", "paused", "resumed", "closed"]
    assert all(line(list(arrival)) == expected for arrival in permutations(told))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("received", "responded"),
        ("received", "closed"),
        ("reclassified", "responded"),
        ("extension_granted", "paused"),
        ("paused", "resumed"),
        ("responded", "investigated"),
        ("investigated", "plan_proposed"),
        ("plan_proposed", "plan_confirmed"),
        ("compensation_proposed", "compensation_approved"),
        ("compensation_approved", "closed"),
        ("remedied", "closed"),
        ("anything_else", "closed"),
        ("closed", "called_back"),
        ("called_back", "escalated"),
        ("closed", "reopened"),
        ("withdrawn", "reopened"),
    ],
)
def test_equal_times_stand_as_they_usually_follow(earlier: str, later: str) -> None:
    """Of two steps at the same time, the one that usually comes first comes first, whichever arrived first."""
    before = "received Mon 08:00, " if earlier != "received" else ""
    for first, second in ((earlier, later), (later, earlier)):
        assert order(f"{before}{first} Mon 09:00, {second} Mon 09:00")[-2:] == [earlier, later]


@pytest.mark.parametrize(
    ("told", "last"),
    [
        ("received Mon 08:00, paused Mon 09:00, resumed Mon 09:00", ["paused", "resumed"]),
        ("received Mon 08:00, paused Mon 09:00, resumed Mon 10:00, paused Mon 10:00", ["resumed", "paused"]),
        (
            "received Mon 08:00, paused Mon 09:00, paused Mon 10:00, resumed Mon 10:00, resumed{cause=x} Mon 10:00",
            ["resumed", "resumed", "paused"],
        ),
        (
            "received Mon 08:00, paused Mon 09:00, resumed Mon 10:00, paused Mon 11:00, resumed Mon 11:00",
            ["paused", "resumed"],
        ),
        (
            "received Mon 08:00, paused Mon 09:00, closed Mon 10:00, reopened Tue 09:00, paused Tue 10:00, "
            "resumed Tue 10:00",
            ["paused", "resumed"],
        ),
    ],
)
def test_paused_and_resumed_within_an_instant_leaves_a_case_as_it_was(told: str, last: list[str]) -> None:
    """A pause that changes its reason goes on, and one that takes no time is none; in whatever order they arrived."""
    assert order(told)[-len(last) :] == last
    assert line(list(reversed(steps(told)))) == line(told)


# --- how a case begins ------------------------------------------------------------------------------


def test_a_case_begins_with_its_receipt() -> None:
    """Its first cycle runs from the receipt on."""
    told = line("received Mon 09:00, responded Mon 10:00")
    assert (words(told.opened_ms), told.inferred, told.cycles, told.state) == ("Mon 09:00", False, 1, "open")


def test_a_receipt_never_heard_of_is_inferred_from_the_first_step() -> None:
    """A case that nobody opened begins with what was first heard of it, and says that this is inferred."""
    told = line("responded{business=loan;priority=high} Mon 10:00, closed Mon 11:00")
    assert (words(told.opened_ms), told.inferred, told.contradictory) == ("Mon 10:00", True, 0)
    assert [moment.step for moment in told.moments] == ["received", "responded", "closed"]
    assert told.first == {"business": "loan", "priority": "high"}


def test_a_receipt_that_arrives_late_takes_the_place_of_the_inferred_one() -> None:
    """Once the receipt is heard of, nothing is inferred any more."""
    told = line("responded Mon 10:00, received Mon 09:00")
    assert (words(told.opened_ms), told.inferred) == ("Mon 09:00", False)
    assert [moment.step for moment in told.moments] == ["received", "responded"]


def test_a_case_heard_of_again_begins_with_its_reopening() -> None:
    """What was before has left: the reopening is not preceded by a receipt that nobody told."""
    told = line("reopened{business=card} Mon 09:00, reclassified{priority=high} Mon 10:00, closed Mon 11:00")
    assert [(moment.step, moment.cycle) for moment in told.moments] == [
        ("reopened", 0),
        ("reclassified", 0),
        ("closed", 0),
    ]
    assert (told.inferred, told.cycles, told.state, told.contradictory) == (True, 1, "closed", 0)


@pytest.mark.parametrize(
    "begins",
    ["received{business=card} Mon 09:00", "responded{business=card} Mon 09:00", "reopened{business=card} Mon 09:00"],
)
def test_what_was_known_at_the_beginning_never_changes_by_later_steps(begins: str) -> None:
    """The profiles of a case are chosen by it, so that a later step must not change it."""
    told = line(f"{begins}, reclassified{{business=loan;priority=high}} Mon 10:00")
    assert told.first == {"business": "card"}
    assert told.known == {"business": "loan", "priority": "high"}


# --- what does not fit ------------------------------------------------------------------------------


def test_the_first_of_several_receipts_opens_the_case() -> None:
    """A second receipt is counted and opens nothing."""
    told = line("received Mon 10:00, received{business=card} Mon 09:00")
    assert (words(told.opened_ms), told.contradictory, len(told.moments)) == ("Mon 09:00", 1, 1)


def test_a_closing_of_a_closed_case_is_counted_and_closes_nothing() -> None:
    """The first closing stands, whether the second is a closing or a withdrawal."""
    for second in ("closed", "withdrawn"):
        told = line(f"received Mon 09:00, closed Mon 10:00, {second} Mon 11:00")
        assert (words(told.closed_ms or 0), told.state, told.contradictory) == ("Mon 10:00", "closed", 1)


def test_a_step_from_before_the_receipt_is_counted_and_moved_to_it() -> None:
    """No clock can have been stopped before the case began."""
    told = line("received Mon 09:00, responded Mon 08:00, investigated Mon 10:00")
    assert [(moment.step, words(moment.at_ms)) for moment in told.moments] == [
        ("received", "Mon 09:00"),
        ("responded", "Mon 09:00"),
        ("investigated", "Mon 10:00"),
    ]
    assert told.contradictory == 1


def test_work_on_a_closed_case_is_counted_and_a_callback_is_not() -> None:
    """After the closing, calling back and escalating are what the standard asks for; anything before it is odd."""
    told = line("received Mon 09:00, closed Mon 10:00, called_back Mon 11:00, escalated Mon 12:00, responded Mon 13:00")
    assert told.contradictory == 1
    assert [moment.step for moment in told.moments][-1] == "responded"


def test_a_reopening_of_an_open_case_is_counted_and_begins_a_cycle() -> None:
    """Somebody has missed a closing: what follows belongs to the new cycle all the same."""
    told = line("received Mon 09:00, reopened Mon 10:00")
    assert (told.contradictory, told.cycles, told.moments[-1].cycle) == (1, 2, 1)


def test_steps_without_a_meaning_are_kept_and_counted() -> None:
    """A step that no policy knows is unknown, and stays in the case."""
    told = line("received Mon 09:00, consulted Mon 10:00, closed Mon 11:00")
    assert (told.unknown, told.contradictory) == (1, 0)
    assert [moment.step for moment in told.moments] == ["received", "consulted", "closed"]


# --- cycles and states ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "state", "closed", "cycles"),
    [
        ("received Mon 09:00", "open", "never", 1),
        ("received Mon 09:00, closed Mon 10:00", "closed", "Mon 10:00", 1),
        ("received Mon 09:00, withdrawn Mon 10:00", "withdrawn", "Mon 10:00", 1),
        ("received Mon 09:00, closed Mon 10:00, called_back Mon 11:00", "closed", "Mon 10:00", 1),
        ("received Mon 09:00, closed Mon 10:00, reopened Mon 11:00", "open", "never", 2),
        ("received Mon 09:00, withdrawn Mon 10:00, reopened Mon 11:00", "open", "never", 2),
        ("received Mon 09:00, closed Mon 10:00, reopened Mon 11:00, closed Mon 12:00", "closed", "Mon 12:00", 2),
    ],
)
def test_state(told: str, state: str, closed: str, cycles: int) -> None:
    """Open, closed or withdrawn, as the last cycle has it."""
    found = line(told)
    assert (found.state, words(found.closed_ms), found.cycles) == (state, closed, cycles)


def test_reopenings_beyond_reason_begin_no_cycle() -> None:
    """A system that reopens all the time cannot make a case grow without bound."""
    told = [step("received", at("Mon 09:00"))]
    told += [step("reopened", at("Mon 09:00") + number * MINUTE_MS) for number in range(1, MAX_CYCLES + 3)]
    assert line(told).cycles == MAX_CYCLES


def test_a_bank_names_its_own_steps() -> None:
    """Which steps open, close, withdraw and reopen a case is the policy's to say."""
    own = CaseSteps(opened=("new",), closed=("solved", "rejected"), withdrawn=("void",), reopened=("again",))
    state = case("new Mon 09:00, rejected Mon 10:00, again Mon 11:00, void Mon 12:00")
    told = timeline(state, own, STANDARD_STEPS | {"new", "rejected", "again", "void"})
    assert (told.cycles, told.state, told.unknown, told.contradictory) == (2, "withdrawn", 0, 0)


# --- what is known ----------------------------------------------------------------------------------


def test_a_later_statement_takes_the_place_of_an_earlier_one() -> None:
    """Each step knows what had been said by then, and no more."""
    told = line("received{priority=low;region=cn} Mon 09:00, reclassified{priority=high} Mon 10:00")
    assert [moment.known["priority"] for moment in told.moments] == ["low", "high"]
    assert [moment.known["region"] for moment in told.moments] == ["cn", "cn"]


def test_the_channel_of_a_case_is_that_of_its_beginning() -> None:
    """The channel of a callback is not that of the complaint."""
    told = line("received{channel=app} Mon 09:00, closed Mon 10:00, called_back{channel=phone} Mon 11:00")
    assert told.known["channel"] == "app"
    assert told.moments[-1].said["channel"] == "phone"


def test_a_new_cycle_forgets_what_belonged_to_the_last() -> None:
    """Responsibility, satisfaction and the plan are found anew; business and priority stay."""
    told = line(
        "received{business=card;priority=high} Mon 09:00, investigated{responsibility=bank} Mon 10:00, "
        "plan_proposed{actions=compensate+remediate} Mon 11:00, closed{satisfied=no} Mon 12:00, reopened Tue 09:00"
    )
    assert told.moments[-2].known == {
        "business": "card",
        "priority": "high",
        "responsibility": "bank",
        "actions": ["compensate", "remediate"],
        "satisfied": "no",
    }
    assert told.known == {"business": "card", "priority": "high"}


def test_extensions_and_callbacks_are_of_their_step_alone() -> None:
    """That one extension was granted does not make every later step grant it again."""
    told = line("received Mon 09:00, extension_granted{extension=complex} Mon 10:00, responded Mon 11:00")
    assert told.moments[1].said == {"extension": "complex"}
    assert all("extension" not in moment.known for moment in told.moments)


@pytest.mark.parametrize(
    ("preferred", "channel", "expected"),
    [("phone", "phone", "preferred"), ("app", "phone", "other"), (None, "phone", None), ("app", None, None)],
)
def test_a_callback_says_whether_it_came_by_the_preferred_channel(
    preferred: str | None, channel: str | None, expected: str | None
) -> None:
    """Where either channel is not known, nothing is said about it."""
    told = [step("received", at("Mon 09:00")), step("called_back", at("Mon 10:00"), channel=channel)]
    assert line(told, preferred=preferred).moments[-1].said.get("callback") == expected


def test_what_a_step_says() -> None:
    """Only fields that a step states are in it; yes and no are words."""
    assert said(step("closed", 0)) == {}
    full = step(
        "closed", 0, business="card", cause="fee", channel="app", region="cn", satisfied=True, actions=["explain"]
    )
    assert said(full) == {
        "business": "card",
        "cause": "fee",
        "channel": "app",
        "region": "cn",
        "satisfied": "yes",
        "actions": ["explain"],
    }  # fmt: skip


# --- what is kept -----------------------------------------------------------------------------------


def taken(state: CaseState, told: str) -> list[bool]:
    return [add_milestone(state, event, epoch_ms(event.occurred_at), None) for event in steps(told)]


def test_a_step_told_twice_is_there_once() -> None:
    """The same step at the same time with the same content is one, whatever its event id."""
    state = case("received Mon 09:00")
    again = step("received", at("Mon 09:00"), event_id="another")
    assert not add_milestone(state, again, at("Mon 09:00"), None)
    assert taken(state, "received{priority=high} Mon 09:00, received Mon 09:01") == [True, True]
    assert len(state.milestones) == 3


def test_which_of_two_like_steps_arrives_first_does_not_matter() -> None:
    """What is kept of them is the same, the event id included."""
    told = [
        step("received", at("Mon 09:00"), event_id="m"),
        step("received", at("Mon 09:00"), event_id="z"),
        step("received", at("Mon 09:00"), event_id="a"),
        step("received", at("Mon 09:00"), event_id="k", cause="fee"),
    ]
    [expected, *others] = [case(list(arrival)).milestones for arrival in permutations(told)]
    assert [milestone.event_id for milestone in expected] == ["a", "k"]
    assert all(other == expected for other in others)


def test_a_case_keeps_so_many_steps_and_counts_the_rest() -> None:
    """A system that repeats itself without end cannot make a case grow without bound."""
    state = case("received Mon 09:00")
    for number in range(1, MAX_MILESTONES + 2):
        event = step("responded", at("Mon 09:00") + number * MINUTE_MS)
        assert add_milestone(state, event, epoch_ms(event.occurred_at), None) is (number < MAX_MILESTONES)
    assert (len(state.milestones), state.dropped) == (MAX_MILESTONES, 2)
    assert taken(state, "received Mon 09:00") == [False]
    assert state.dropped == 2


def test_a_case_is_the_same_after_it_was_stored() -> None:
    """Nothing that decides about a case is lost on its way through the store."""
    state = case("received{priority=high} Mon 09:00, plan_proposed{actions=explain+assist} Mon 10:00")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=CaseState) == state
