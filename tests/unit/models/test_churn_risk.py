"""The alert of a high score: raised, updated when worse, resolved well below, quiet for a while, and never twice."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.alerts import Alert, instant
from models.churn_risk import RULE
from models.context import Reason
from models.customer import MAX_REASONS
from models.events import AlertFeedback
from tests.unit.models.build import SHIPPED, account_closed, balance, contact, fresh_id, login, ms, profile
from tests.unit.models.churn_ledger import ChurnLedger, activated, churn_policies, flat_model, model_record

HIGH, RESOLVE_BELOW, WORSE_BY, CRITICAL, COOLDOWN_DAYS = 0.30, 0.18, 0.15, 0.60, 14
RAISED, UPDATED, RESOLVED = "raised", "updated", "resolved"
Step = tuple[float, float]
"""A day, and the score from then on."""


def there() -> ChurnLedger:
    """A customer whom the shard knows since more than a week, and whose assets are known."""
    return ChurnLedger().see(profile(ms(0), aum=20_000.0), login(ms(0)))


def go(ledger: ChurnLedger, steps: Sequence[Step], **slopes: float) -> ChurnLedger:
    for day, p in steps:
        ledger.put(model_record(flat_model(p, f"m{day}", **slopes))).see(login(ms(day))).tick(ms(day, 1))
    return ledger


def lives(ledger: ChurnLedger) -> list[tuple[str, str]]:
    """State and severity of each report; every alert's revisions count up from 1."""
    revisions: dict[str, int] = {}
    for alert in ledger.alerts:
        revisions[alert.alert_id] = revisions.get(alert.alert_id, 0) + 1
        assert alert.revision == revisions[alert.alert_id]
    return [(alert.state, alert.severity) for alert in ledger.alerts]


def answered(day: float, alert: Alert, **words: str) -> AlertFeedback:
    fields: dict[str, str] = {"action": "acknowledged", "rule": RULE, **words}
    return AlertFeedback(
        event_id=fresh_id(),
        customer_id="c",
        occurred_at=instant(ms(day)),
        alert_id=alert.alert_id,
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("steps", "reports"),
    [
        pytest.param([(8, 0.299)], [], id="not high"),
        pytest.param([(8, 0.301)], [(RAISED, "warning")], id="high"),
        pytest.param([(8, 0.6)], [(RAISED, "critical")], id="critical at once"),
        pytest.param([(8, 0.31), (9, 0.25), (10, 0.31), (11, 0.19)], [(RAISED, "warning")], id="trembling"),
        pytest.param([(8, 0.31), (9, 0.179)], [(RAISED, "warning"), (RESOLVED, "warning")], id="well below"),
        pytest.param([(8, 0.31), (9, 0.459)], [(RAISED, "warning")], id="not enough worse"),
        pytest.param([(8, 0.31), (9, 0.461)], [(RAISED, "warning"), (UPDATED, "warning")], id="worse"),
        pytest.param(
            [(8, 0.31), (9, 0.44), (10, 0.47), (11, 0.5)],
            [(RAISED, "warning"), (UPDATED, "warning")],
            id="worse than was reported last",
        ),
        pytest.param([(8, 0.5), (9, 0.6)], [(RAISED, "warning"), (UPDATED, "critical")], id="critical now"),
        pytest.param([(8, 0.7), (9, 0.5), (10, 0.61)], [(RAISED, "critical")], id="critical still"),
        pytest.param([(8, 0.31), (9, 0.1), (20, 0.9)], [(RAISED, "warning"), (RESOLVED, "warning")], id="quiet"),
        pytest.param(
            [(8, 0.31), (9, 0.1), (23.1, 0.9)],
            [(RAISED, "warning"), (RESOLVED, "warning"), (RAISED, "critical")],
            id="after the cooldown",
        ),
        pytest.param([(6, 0.9)], [], id="who has just come"),
    ],
)
def test_life(steps: list[Step], reports: list[tuple[str, str]]) -> None:
    """Between raised and resolved it says only what somebody should act upon."""
    assert lives(go(there(), steps)) == reports


def test_each_time_is_another_alert() -> None:
    """What is raised after a cooldown has an id of its own."""
    ledger = go(there(), [(8, 0.31), (9, 0.1), (24, 0.9)])
    assert [alert.alert_id == ledger.alerts[0].alert_id for alert in ledger.alerts] == [True, True, False]
    assert ledger.decisions[RULE, Reason.COOLDOWN_OVER] == 1


def test_only_what_is_kept_quiet_is_counted_so() -> None:
    """A low score in the cooldown is nothing that would have been said."""
    ledger = go(there(), [(8, 0.31), (9, 0.1), (10, 0.1), (20, 0.9)])
    assert ledger.decisions[RULE, Reason.COOLDOWN] == 1


def test_what_is_resolved_does_not_end_again() -> None:
    """Whoever goes in the cooldown has no alert that could end."""
    ledger = go(there(), [(8, 0.31), (9, 0.1)]).see(account_closed(ms(10))).tick(ms(10, 1))
    assert lives(ledger) == [(RAISED, "warning"), (RESOLVED, "warning")]


def test_what_it_says() -> None:
    """The score and what is at stake, the groups that raise it, the strongest first, and what to do about them."""
    risen = {"silence": -1.0, "page_views_7d": -0.2, "assets": 0.1}
    alert = go(there(), [(8, 0.4)], **risen).alerts[0]
    p = alert.figures["score"]
    assert isinstance(p, float)
    assert {key: alert.figures[key] for key in ("assets", "currency", "horizon_days", "model_version")} == {
        "assets": 20_000.0,
        "currency": "CNY",
        "horizon_days": 30,
        "model_version": "m8",
    }
    assert alert.figures["value_at_risk"] == pytest.approx(p * 20_000, abs=2)
    assert alert.triggers == ["inactivity", "disengagement"]
    assert f"{p:.0%}" in alert.summary
    assert "inactivity, disengagement" in alert.summary
    texts = churn_policies().churn
    assert texts is not None
    for part in (texts.alert.tiers["basic"], texts.alert.reasons["inactivity"]):
        assert part.action in alert.action
        assert part.action_zh in alert.action_zh


def test_by_tier() -> None:
    """What is to be done depends on who the customer is."""
    ledger = go(there().see(profile(ms(1), tier="core")), [(8, 0.4)])
    texts = churn_policies().churn
    assert texts is not None
    assert ledger.alerts[0].action.startswith(texts.alert.tiers["core"].action)
    assert "no single reason" in ledger.alerts[0].summary


def test_three_reasons_are_enough() -> None:
    """The others are in the score."""
    risen = {"silence": -9.0, "transactions_90d": -9.0, "logins_30d": -9.0, "assets": -9.0, "products": -9.0}
    [alert] = go(there(), [(8, 0.4)], **risen, inquiries_30d=-9.0, money_in_30d=-9.0).alerts
    assert len(alert.triggers) == 3


def test_nothing_is_at_risk_of_who_owes() -> None:
    """An overdrawn account is no value that could be lost."""
    ledger = go(ChurnLedger().see(balance(ms(0), -500.0), login(ms(0))), [(8, 0.4)])
    assert (ledger.alerts[0].figures["assets"], ledger.alerts[0].figures["value_at_risk"]) == (-500.0, 0.0)


def test_the_end_of_a_customer_ends_it() -> None:
    """Whoever is gone is called in vain; back again within the cooldown nothing is said."""
    ledger = go(there(), [(8, 0.5)]).see(account_closed(ms(9))).tick(ms(9, 1), ms(9, 2))
    assert lives(ledger) == [(RAISED, "warning"), (RESOLVED, "warning")]
    assert ledger.alerts[-1].summary == "The customer is gone."
    go(ledger.see(balance(ms(9, 12), 5)), [(10, 0.9)])
    assert len(ledger.alerts) == 2
    assert len(go(ledger, [(24, 0.9)]).alerts) == 3


@pytest.mark.parametrize("words", [{"action": "dismissed"}, {"outcome": "false_alarm"}])
def test_a_dismissed_alert_is_closed(words: dict[str, str]) -> None:
    """And stays so for the cooldown, however high the score; afterwards the next score may raise another."""
    ledger = go(there(), [(8, 0.5)])
    ledger.see(answered(8.5, ledger.alerts[0], **words))
    assert lives(ledger) == [(RAISED, "warning"), (RESOLVED, "warning")]
    go(ledger, [(9, 0.9), (22, 0.9)])
    assert len(ledger.alerts) == 2
    assert len(go(ledger, [(22.6, 0.9)]).alerts) == 3


def test_an_answer_says_what_was_reported() -> None:
    """An acknowledged alert repeats the score it was reported with, and goes on."""
    ledger = go(there(), [(8, 0.5), (9, 0.4)])
    ledger.see(answered(9.5, ledger.alerts[0]))
    assert [alert.state for alert in ledger.alerts] == [RAISED, "acknowledged"]
    assert ledger.alerts[-1].figures["score"] == 0.5
    assert [alert.state for alert in go(ledger, [(10, 0.1)]).alerts][-1] == RESOLVED


def test_an_alert_that_outlives_its_policy() -> None:
    """Without the table it stays open and can be answered; with the table back it follows the score again."""
    ledger = go(there(), [(8, 0.5)]).put(activated(SHIPPED)).days(ms(9), 10)
    ledger.see(answered(19, ledger.alerts[0]))
    assert [alert.state for alert in ledger.alerts] == [RAISED, "acknowledged"]
    go(ledger.put(activated(churn_policies())), [(20, 0.1)])
    assert ledger.alerts[-1].state == RESOLVED


def test_dismissed_without_a_policy_it_is_forgotten() -> None:
    """There is no cooldown where nobody is scored."""
    ledger = go(there(), [(8, 0.5)]).put(activated(SHIPPED))
    ledger.see(answered(9, ledger.alerts[0], action="dismissed"))
    assert ledger.alerts[-1].state == RESOLVED
    assert ledger.customers["c"].alerts == []


def test_there_is_room_for_it_beside_all_others() -> None:
    """Every reason that a customer can ask about, and a high score: as many alerts as the aggregate promises."""
    asks = [contact(ms(8, n / 99), f"r{n % MAX_REASONS}") for n in range(MAX_REASONS * 4)]
    ledger = go(there().see(*asks), [(8.5, 0.5), (8.6, 0.1), (8.7, 0.5)])
    assert len(ledger.customers["c"].alerts) == MAX_REASONS + 1
    assert len(go(ledger, [(30, 0.5)]).customers["c"].alerts) <= MAX_REASONS + 2


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from((0.05, 0.17, 0.19, 0.29, 0.31, 0.47, 0.61, 0.9)), st.integers(1, 9))))
def test_any_course_of_a_score(course: list[tuple[float, int]]) -> None:
    """Against the rule as a sentence: open between high and well below, quiet after, an update only when worse."""
    ledger, day = there(), 8
    expected, reported, quiet_until, critical = [], 0.0, 0.0, False
    for p, wait in course:
        go(ledger, [(day, p)])
        if reported and p < RESOLVE_BELOW:
            expected.append(RESOLVED)
            reported, quiet_until = 0.0, day + COOLDOWN_DAYS
        elif reported and (p >= reported + WORSE_BY or (p >= CRITICAL and not critical)):
            expected.append(UPDATED)
            reported, critical = p, p >= CRITICAL
        elif not reported and p >= HIGH and day >= quiet_until:
            expected.append(RAISED)
            reported, critical = p, p >= CRITICAL
        day += wait
    assert [alert.state for alert in ledger.alerts] == expected
    assert sum(state.rule == RULE for state in ledger.customers["c"].alerts) <= 1
