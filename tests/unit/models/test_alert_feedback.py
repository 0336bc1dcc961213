"""Feedback on alerts: remembered once, told on, closed where it was nothing; never twice, whatever comes how often."""

from itertools import permutations
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alert_feedback import COUNTED
from models.alert_feedback import RULE as FEEDBACK
from models.alerts import ALERT_STATES, OPEN_STATES, instant
from models.asset_outflow import RULE as OUTFLOW
from models.context import Reason
from models.customer import MAX_FEEDBACK, decode_customer, encode_customer
from models.events import AlertFeedback, FeedbackAction, FeedbackOutcome
from models.fold import _ANSWERABLE, _ON_DUE
from models.repeated_inquiry import RULE as INQUIRY
from tests.unit.models.build import Folded, contact, fresh_id, into, ms, out, profile

LEFT = 60_000.0
"""Of assets of 100,000: enough for one outflow to raise, and twice as much is critical."""


def outflow(amount: float = LEFT) -> Folded:
    """An open alert about an outflow, raised at the end of day 0."""
    return Folded().see(profile(ms(0), tier="core", aum=100_000.0), out(ms(0, 20), amount))


def inquiry() -> Folded:
    """An open alert about a question that was asked three times, raised on day 2."""
    return Folded().see(*(contact(ms(day)) for day in range(3)))


def answer(folded: Folded, at_ms: int, action: FeedbackAction, outcome: FeedbackOutcome | None = None) -> AlertFeedback:
    return said(folded.alerts[0].alert_id, at_ms, action, outcome)


def said(alert: str, at_ms: int, action: Any, outcome: Any = None, rule: str | None = None) -> AlertFeedback:
    return AlertFeedback(
        event_id=fresh_id(),
        customer_id="c",
        occurred_at=instant(at_ms),
        alert_id=alert,
        action=action,
        outcome=outcome,
        rule=rule,
    )


def counted(folded: Folded) -> dict[tuple[str, Reason], int]:
    """What was decided because of feedback."""
    mine = {*COUNTED.values(), Reason.UNKNOWN_ALERT, Reason.AFTER_CLOSING}
    return {
        key: times for key, times in folded.ctx.decisions.items() if times and (key[1] in mine or key[0] == FEEDBACK)
    }


def test_every_rule_can_be_answered_and_every_word_is_counted() -> None:
    """A rule that is added without an answer, or a word without a reason, would end the fold at the first feedback."""
    assert _ANSWERABLE.keys() == _ON_DUE.keys()
    words = {*get_args(FeedbackAction), *get_args(FeedbackOutcome)}
    assert COUNTED.keys() == words
    assert len(set(COUNTED.values())) == len(words) == MAX_FEEDBACK
    assert "acknowledged" in OPEN_STATES
    assert set(OPEN_STATES) < set(ALERT_STATES)


def test_an_answered_alert_says_so_and_stays_open() -> None:
    """A further revision with the figures of now, as bad as it was; what gets worse is still told, with the answer."""
    folded = outflow()
    folded.see(answer(folded, ms(1), "acknowledged"))
    raised, acknowledged = folded.alerts
    assert (acknowledged.state, acknowledged.revision, acknowledged.at) == ("acknowledged", 2, instant(ms(1)))
    assert (acknowledged.alert_id, acknowledged.severity) == (raised.alert_id, raised.severity)
    assert acknowledged.figures["net_outflow"] == LEFT
    assert acknowledged.figures["feedback"] == "acknowledged"
    assert "feedback" not in raised.figures
    folded.see(answer(folded, ms(1, 1), "contacted", "unreachable"), out(ms(1, 2), LEFT))
    assert folded.told == ["raised", "acknowledged", "acknowledged", "updated"]
    assert folded.alerts[-1].figures["feedback"] == "acknowledged, contacted, unreachable"
    assert counted(folded) == {
        (OUTFLOW, Reason.FEEDBACK_ACKNOWLEDGED): 1,
        (OUTFLOW, Reason.FEEDBACK_CONTACTED): 1,
        (OUTFLOW, Reason.FEEDBACK_UNREACHABLE): 1,
    }


def test_an_answer_says_what_is_true_by_then() -> None:
    """The window of that day, and the figures in it; but not that an alert that was critical is less so."""
    folded = outflow(2 * LEFT).see(into(ms(5), 1.5 * LEFT))
    folded.see(answer(folded, ms(10), "snoozed"))
    raised, snoozed = folded.alerts
    assert (raised.severity, raised.figures["window_from"]) == ("critical", "2025-12-23")
    assert (snoozed.severity, snoozed.figures["window_from"]) == ("critical", "2026-01-02")
    assert snoozed.figures["net_outflow"] == LEFT / 2


@pytest.mark.parametrize(("action", "outcome"), [("dismissed", None), ("contacted", "false_alarm")])
def test_what_was_nothing_is_closed_with_the_cooldown(action: FeedbackAction, outcome: FeedbackOutcome | None) -> None:
    """It is resolved, quiet for the rule's days, and back after them if what raised it is still so."""
    folded = outflow()
    folded.see(answer(folded, ms(1), action, outcome), out(ms(1, 1), LEFT))
    assert folded.told == ["raised", "resolved"]
    assert folded.state(OUTFLOW).cooling_until_ms == ms(8)
    assert folded.ctx.rankings["asset_outflow", "c"] is None
    folded.tick(ms(8) - 1)
    assert folded.told == ["raised", "resolved"]
    folded.tick(ms(8))
    assert folded.told == ["raised", "resolved", "raised"]
    assert folded.alerts[-1].alert_id != folded.alerts[0].alert_id
    assert folded.state(OUTFLOW).feedback == []


def test_a_dismissed_question_is_quiet_as_well() -> None:
    """The other rule lends the same; its deadlines go on afterwards."""
    folded = inquiry()
    folded.see(answer(folded, ms(2, 1), "dismissed"), contact(ms(2, 2)))
    assert folded.told == ["raised", "resolved"]
    assert folded.alerts[-1].figures["feedback"] == "dismissed"
    assert folded.state(INQUIRY, "card").cooling_until_ms == ms(5, 1)
    folded.tick(ms(30))
    assert folded.told == ["raised", "resolved", "raised", "resolved"]
    assert folded.customer.alerts == []


def test_what_comes_after_the_end_is_remembered_and_told_nobody() -> None:
    """While the alert cools down its outcome still counts; later there is nothing left to add it to."""
    folded = inquiry().tick(ms(7))
    assert folded.told == ["raised", "resolved"]
    folded.see(answer(folded, ms(7, 1), "contacted", "retained"))
    assert folded.state(INQUIRY, "card").feedback == ["contacted", "retained"]
    before = counted(folded)
    assert before == {
        (INQUIRY, Reason.FEEDBACK_CONTACTED): 1,
        (INQUIRY, Reason.FEEDBACK_RETAINED): 1,
        (FEEDBACK, Reason.AFTER_CLOSING): 1,
    }
    folded.tick(ms(30))
    late = said(folded.alerts[0].alert_id, ms(31), "contacted", "lost", INQUIRY)
    folded.see(late, said("0" * 16, ms(31), "dismissed", rule="no rule of ours"))
    assert counted(folded) == before | {(INQUIRY, Reason.UNKNOWN_ALERT): 1, (FEEDBACK, Reason.UNKNOWN_ALERT): 1}
    assert folded.told == ["raised", "resolved"]
    assert folded.customer.alerts == []


def test_of_a_customer_never_heard_of() -> None:
    """It is counted, and what is remembered of the customer is next to nothing."""
    folded = Folded().see(said("0" * 16, ms(0), "dismissed"))
    assert counted(folded) == {(FEEDBACK, Reason.UNKNOWN_ALERT): 1}
    assert (folded.alerts, folded.customer.due_ms, folded.customer.last_active_ms) == ([], 0, 0)


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from(get_args(FeedbackAction)),
        st.sampled_from((None, *get_args(FeedbackOutcome))),
        st.integers(0, 48),
    ),
    min_size=1,
    max_size=4,
)


@given(answers=ANSWERS, data=st.data())
def test_order_and_repeats_change_nothing_in_the_end(answers: list[tuple[Any, Any, int]], data: st.DataObject) -> None:
    """The words, the counts and whether the alert is closed are the same in any order and however often it is said."""

    def ended(order: list[tuple[Any, Any, int]]) -> tuple[object, ...]:
        folded = outflow()
        for action, outcome, hour in order:
            folded.see(answer(folded, ms(1, hour), action, outcome))
        state = folded.state(OUTFLOW)
        assert len({(alert.alert_id, alert.revision) for alert in folded.alerts}) == len(folded.alerts)
        assert len(folded.alerts) <= 1 + MAX_FEEDBACK
        told = {reason: times for (rule, reason), times in folded.ctx.decisions.items() if rule == OUTFLOW}
        assert decode_customer(encode_customer(folded.customer)) == folded.customer
        return state.feedback, state.cooling_until_ms is not None, told

    again = data.draw(st.permutations([*answers, *answers]))
    assert ended(again) == ended(answers)


def test_a_repeat_is_one_event_however_it_is_numbered() -> None:
    """The bank's duplicate (same id) and the same words under another id: no revision, nothing counted."""
    folded = outflow()
    first = answer(folded, ms(1), "contacted", "retained")
    folded.see(first)
    told, before = len(folded.alerts), counted(folded)
    folded.see(first, answer(folded, ms(0, 1), "contacted", "retained"))
    assert len(folded.alerts) == told
    assert counted(folded) == before | {(FEEDBACK, Reason.UNCHANGED): 1}


def test_every_order_of_three_leaves_the_same_bytes_on_the_alert() -> None:
    """What is remembered is sorted, so the stored form of it does not depend on who was quicker."""
    kept = set()
    actions: tuple[FeedbackAction, ...] = ("acknowledged", "contacted", "snoozed")
    for order in permutations(actions):
        folded = outflow()
        for action in order:
            folded.see(answer(folded, ms(1), action))
        kept.add(tuple(folded.state(OUTFLOW).feedback))
    assert kept == {("acknowledged", "contacted", "snoozed")}
