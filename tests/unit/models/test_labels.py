"""The ledger of labels: who is observed when, what is told of it, when, and what is put right."""

import random
from collections.abc import Callable, Iterable
from math import sin
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import churn_tick, labels
from models.alerts import instant
from models.churn_records import Observed, Settled
from models.churn_state import MAX_OBSERVATIONS, ChurnState, Observation
from models.context import FoldContext, Output, Reason
from models.customer import Customer
from models.decay import DAY_MS
from models.events import Event, LedgerRecord, Tick, epoch_ms
from models.feature_list import STANDARD_SET
from models.features import feature_matrix
from models.fold import CHURN_PAUSE_MS
from models.rules import ChurnRules, Rules
from streams.codecs import decode_ledger_run
from tests.support.histories import History
from tests.unit.models.build import (
    HOUR_MS,
    SHIPPED,
    account_closed,
    any_event,
    balance,
    contact,
    login,
    ms,
    profile,
    record,
    tick,
)
from tests.unit.models.churn_ledger import ChurnLedger, activated, assert_honest, churn_policies, told_until

LEFT, STAYED = "left", "stayed"


def active(ledger: ChurnLedger, first: int, days: int, who: str = "c") -> ChurnLedger:
    """A login and a tick a day."""
    for day in range(first, first + days):
        ledger.see(login(ms(day, 1), customer_id=who)).tick(ms(day + 1))
    return ledger


def outcomes(ledger: ChurnLedger) -> list[tuple[float, str, int]]:
    """Day of the observation, outcome and revision, in the order told."""
    return [((epoch_ms(one.observed_at) - ms(0)) / DAY_MS, one.outcome, one.revision) for one in ledger.settled]


def observed_days(ledger: ChurnLedger) -> list[float]:
    return [(epoch_ms(one.at) - ms(0)) / DAY_MS for one in ledger.observed]


# --- who is observed, and when -----------------------------------------------------------------------


def test_once_a_week_at_a_moment_of_their_own() -> None:
    """Whatever happens between, and whoever has just come is no example yet."""
    ledger = active(ChurnLedger(), 0, 60)
    days = observed_days(ledger)
    assert 7 <= days[0] <= 15
    assert days == [days[0] + 7 * week for week in range(len(days))]
    assert len(days) == (60 - days[0]) // 7 + 1
    assert ledger.decisions[labels.RULE, Reason.OBSERVED] == len(days)
    assert_honest(ledger)


def test_what_an_observation_says() -> None:
    """The score and the features of that very tick, the model in force, and the time at which the outcome is known."""
    ledger = active(ChurnLedger(), 0, 20)
    first = ledger.observed[0]
    assert (first.due - first.at).days == 30
    assert (first.model_version, first.tier) == ("cold", "basic")
    assert 0.0 < first.score < 0.1
    values = np.frombuffer(first.features, "<f4")
    assert len(values) == len(STANDARD_SET.features)
    [place] = [n for n, feature in enumerate(STANDARD_SET.features) if feature.name == "logins_7d"]
    assert values[place] > 0


def test_customers_are_spread_over_the_period() -> None:
    """A bank that is first heard of at once does not come due at once, and everybody's moments are a period apart."""
    churn = Rules(churn_policies()).churn
    assert churn is not None
    day_of = [(labels.next_look_ms(f"c{n}", ms(0), churn) - ms(0)) / DAY_MS for n in range(7_000)]
    assert all(0 < day <= 7 for day in day_of)
    assert min(np.histogram(day_of, bins=7, range=(0, 7))[0]) > 850
    for now_ms in (0, ms(0), ms(3, 5)):
        at_ms = labels.next_look_ms("c", now_ms, churn)
        assert now_ms < at_ms <= now_ms + 7 * DAY_MS
        assert labels.next_look_ms("c", at_ms, churn) == at_ms + 7 * DAY_MS
        assert labels.next_look_ms("c", at_ms - 1, churn) == at_ms


def test_who_is_gone_is_not_observed() -> None:
    """Nor scored; once they are back they are."""
    ledger = active(ChurnLedger(), 0, 20).see(balance(ms(20), 5), account_closed(ms(20))).days(ms(20), 70)
    assert max(observed_days(ledger)) <= 20
    scored = ledger.scored
    active(ledger.see(balance(ms(91), 5)), 91, 20)
    assert ledger.scored > scored
    assert max(observed_days(ledger)) > 91
    assert_honest(ledger)


def test_nothing_is_observed_of_the_first_week() -> None:
    """However long ago the shard began."""
    ledger = active(ChurnLedger(), 0, 30, "old")
    for day in range(30, 36):
        ledger.see(login(ms(day, 1))).tick(ms(day + 1))
    assert ledger.customers["c"].churn is not None
    assert {one.customer_id for one in ledger.scores} == {"old"}


# --- what is told of it, and when --------------------------------------------------------------------


def test_both_outcomes_wait_for_the_horizon() -> None:
    """Who leaves at once is told of as late as who stays; who left after the horizon had stayed."""
    ledger = active(ChurnLedger(), 0, 31)
    seen = len(ledger.observed)
    ledger.see(balance(ms(31), 9), account_closed(ms(31))).tick(ms(31, 1)).days(ms(31), 40, HOUR_MS)
    assert len(outcomes(ledger)) == len(ledger.observed) == seen
    for day, outcome, revision in outcomes(ledger):
        assert (outcome, revision) == (LEFT if day + 30 >= 31 else STAYED, 0)
    for observed, settled in zip(ledger.observed, ledger.settled, strict=True):
        assert 0 <= epoch_ms(settled.at) - epoch_ms(observed.due) <= HOUR_MS
    assert_honest(ledger)


def test_nothing_is_told_a_moment_before() -> None:
    """Whoever is looked at just before the end of the horizon, as somebody active always is, has no outcome yet."""
    ledger = active(ChurnLedger(churn_policies(score_every_s=1)), 0, 16)
    due_ms = epoch_ms(ledger.observed[0].due)
    ledger.days(ms(16), 20).see(login(due_ms - 5_000), account_closed(due_ms - 5_000)).tick(due_ms - 1_000, due_ms - 1)
    assert (ledger.scores[-1].band, ledger.settled) == ("gone", [])
    ledger.tick(due_ms + 1_000)
    assert [one.observation_id for one in ledger.settled] == [ledger.observed[0].observation_id]


def test_the_edges_of_the_horizon() -> None:
    """A departure at the very end of it counts; the first moment after does not."""
    for late_ms, outcome in ((0, LEFT), (1, STAYED)):
        ledger = active(ChurnLedger(), 0, 16)
        due_ms = epoch_ms(ledger.observed[0].due)
        ledger.see(balance(ms(17), 9)).days(ms(17), (due_ms - ms(18)) / DAY_MS)
        ledger.see(login(due_ms - HOUR_MS), account_closed(due_ms + late_ms)).tick(due_ms + HOUR_MS)
        assert outcomes(ledger)[0][1:] == (outcome, 0)


def test_whom_the_bank_puts_out_is_told_apart() -> None:
    """It says nothing about who leaves."""
    closing = account_closed(ms(20))
    closing = type(closing)(
        event_id="e", customer_id="c", occurred_at=closing.occurred_at, account_id="a", initiated_by="bank"
    )
    ledger = active(ChurnLedger(), 0, 20).see(closing).days(ms(20), 60)
    assert {outcome for _, outcome, _ in outcomes(ledger)} == {"closed_by_bank"}
    assert ledger.decisions[labels.RULE, Reason.OUTCOME_CLOSED_BY_BANK] == len(ledger.observed)


def test_who_was_gone_unheard_when_observed_has_left() -> None:
    """A closing that is heard a day late is no reason to call whoever was observed meanwhile somebody who stayed."""
    ledger = active(ChurnLedger(), 0, 20)
    last_ms = epoch_ms(ledger.observed[-1].at)
    ledger.see(account_closed(last_ms - HOUR_MS)).days(ms(20), 60)
    assert {outcome for _, outcome, _ in outcomes(ledger)} == {LEFT}
    assert_honest(ledger)


def test_late_news_corrects_what_was_told() -> None:
    """Under the same id, with the next revision: left after all, or there after all."""
    ledger = active(ChurnLedger(), 0, 10).days(ms(10), 40)  # silent since, and not for long enough yet
    day = observed_days(ledger)[0]
    assert outcomes(ledger)[0] == (day, STAYED, 0)
    names = [one.observation_id for one in ledger.observed]
    ledger.see(account_closed(ms(12))).tick(ms(51))
    assert (day, LEFT, 1) in outcomes(ledger)
    ledger.see(balance(ms(11), 5, "b"), login(ms(50))).tick(ms(52))  # another account was there all along
    assert (day, STAYED, 2) in outcomes(ledger)
    assert ledger.decisions[labels.RULE, Reason.CORRECTED] == len([one for one in outcomes(ledger) if one[2]])
    assert {one.observation_id for one in ledger.settled} <= {*names}
    assert_honest(ledger)


def test_a_silence_that_was_none_is_corrected() -> None:
    """A login that arrives weeks late says that nobody was gone."""
    ledger = active(ChurnLedger(), 0, 15).days(ms(15), 90)
    left = [one for one in outcomes(ledger) if one[1] == LEFT]
    assert left
    ledger.see(login(ms(40))).tick(ms(106))
    corrected = [one for one in outcomes(ledger) if one[2] == 1]
    assert [day for day, _, _ in corrected] == [day for day, _, _ in left if day + 30 < 100]  # gone on day 100
    assert len(corrected) > 2
    assert_honest(ledger)


def test_what_is_too_old_is_not_corrected() -> None:
    """Sixty days after its horizon an observation is forgotten, and what is kept stays bounded."""
    ledger = active(ChurnLedger(), 0, 200)
    kept = [(one.at_ms - ms(0)) / DAY_MS for one in ledger.churn().observations]
    assert min(kept) > 200 - 90 - 7
    assert len(kept) <= 14
    ledger.see(account_closed(ms(20))).tick(ms(201))
    assert min(day for day, _, revision in outcomes(ledger) if revision) >= min(kept)
    assert_honest(ledger)


def test_at_most_so_many_are_kept() -> None:
    """Whatever the policies have been."""
    churn = Rules(churn_policies()).churn
    assert churn is not None
    customer, state = Customer("c", 0, 0, 0), ChurnState()
    ctx = FoldContext(Rules(SHIPPED))
    for at_ms in range(MAX_OBSERVATIONS + 9):
        labels.observe(customer, state, b"", 0.5, at_ms, churn, ctx)
    assert [one.at_ms for one in state.observations] == [*range(9, MAX_OBSERVATIONS + 9)]


# --- the policies change -----------------------------------------------------------------------------


def test_an_observation_keeps_its_horizon() -> None:
    """A horizon that is changed counts from the next observation on, and what is due first is told first."""
    ledger = active(ChurnLedger(), 0, 20)
    before = len(ledger.observed)
    active(ledger.put(activated(churn_policies(horizon_days=5))), 20, 60)
    assert [(one.due - one.at).days for one in ledger.observed] == [30] * before + [5] * (len(ledger.observed) - before)
    due = {one.observation_id: one.due for one in ledger.observed}
    assert all((one.at - due[one.observation_id]).days < 1 for one in ledger.settled)
    assert_honest(ledger)


def test_a_table_that_comes_back_finds_everybody() -> None:
    """While nobody is scored nothing is told; afterwards those come back who have done nothing since."""
    ledger = active(ChurnLedger(), 0, 20)
    told = len(ledger.outputs)
    ledger.put(activated(SHIPPED)).days(ms(20), 30)
    assert len(ledger.outputs) == told
    assert not [one for one in ledger.customers.values() if one.due_ms <= ledger.shard.state.clock_ms]
    ledger.put(activated(churn_policies())).days(ms(50), CHURN_PAUSE_MS / DAY_MS)
    assert [one for one in outcomes(ledger) if one[1] == STAYED]
    ledger.days(ms(57), 40)
    assert LEFT in {outcome for _, outcome, _ in outcomes(ledger)}  # by silence, though no event has come
    assert_honest(ledger)


# --- no leak -----------------------------------------------------------------------------------------


def test_an_outcome_that_is_told_early_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check that the tests rely on fails when a leak is planted: positives before the end of the horizon."""
    ledger = active(ChurnLedger(), 0, 20).see(account_closed(ms(20)))
    assert_honest(ledger)
    told: Callable[..., None] = labels.settle

    def early(customer: Customer, state: ChurnState, now_ms: int, churn: ChurnRules, ctx: FoldContext) -> None:
        kept = state.observations
        for one in kept:
            if labels.outcome_of(one, state.departures) == LEFT and not one.told:
                labels._tell(customer, one, LEFT, now_ms, ctx)
        told(customer, state, now_ms, churn, ctx)

    monkeypatch.setattr(labels, "settle", early)
    ledger.days(ms(20), 2)
    with pytest.raises(AssertionError, match="told before its time"):
        assert_honest(ledger)


def futures(seed: int) -> tuple[list[LedgerRecord], list[LedgerRecord], list[LedgerRecord], int]:
    """A past of a few customers, and two futures: as they went on, and the same in another order and other amounts."""
    draw = random.Random(seed)
    using = churn_policies(horizon_days=6, observe_every_days=2, late_days=9, attrition__silence_days=5)
    records, until = [activated(using)], 25
    events: list[tuple[float, Event]] = []
    for n in range(160):
        who, day = f"c{draw.randrange(6)}", draw.uniform(0, 40)
        match draw.randrange(6):
            case 0:
                event: Event = login(ms(day), customer_id=who)
            case 1:
                event = profile(ms(day), customer_id=who, aum=draw.uniform(0, 1e6))
            case 2:
                event = contact(ms(day), customer_id=who)
            case 3 if draw.random() < 0.5:
                closing = account_closed(ms(day))
                event = type(closing)(
                    event_id=f"x{n}", customer_id=who, occurred_at=closing.occurred_at, account_id="a"
                )
            case _:
                event = balance(ms(day), draw.lognormvariate(9, 2), customer_id=who)
        events.append((day, event))
    events.sort(key=lambda one: one[0])
    past = [event for day, event in events if day < until]
    future = [event for day, event in events if day >= until]

    def told(chosen: Iterable[Event], first: int, first_day: int, last_day: int) -> list[LedgerRecord]:
        queue, found = [*chosen], []
        for day in range(first_day, last_day):
            while queue and epoch_ms(queue[0].occurred_at) < ms(day + 1):
                found.append(record(queue.pop(0), "feed", first))
                first += 1
            found.append(tick(ms(day + 1)))
        return [*found, *(record(event, "feed", first + n) for n, event in enumerate(queue)), tick(ms(last_day + 1))]

    before = [*records, *told(past, 0, 0, until)]
    other = [
        type(event)(
            **{name: getattr(event, name) for name in event.__struct_fields__ if name != "occurred_at"},
            occurred_at=instant(at),
        )
        for event, at in zip(future, sorted(epoch_ms(one.occurred_at) for one in future), strict=True)
        if draw.random() < 0.7
    ]
    draw.shuffle(other)
    return before, told(future, 1_000, until + 1, 45), told(other, 1_000, until + 1, 45), ms(until)


def said(records: list[LedgerRecord], until_ms: int) -> list[Output]:
    """What was said by then, where all the records come in one batch, the future beside the past."""
    return told_until(ChurnLedger(SHIPPED).put(*records), until_ms)


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_the_future_changes_nothing_that_was_said(seed: int) -> None:
    """Scores, features and outcomes told by a moment are the same whatever comes after: shuffled, changed, left out."""
    past, as_it_was, otherwise, until_ms = futures(seed)
    straight = said(past, until_ms)
    assert len([one for one in straight if isinstance(one.body, Observed)]) > 5
    assert len([one for one in straight if isinstance(one.body, Settled)]) > 2
    assert said([*past, *as_it_was], until_ms) == straight == said([*past, *otherwise], until_ms)


def test_features_that_know_the_future_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above fails when a leak is planted: one feature that knows what is yet to come."""
    past, as_it_was, otherwise, until_ms = futures(3)
    honest: Callable[..., Any] = feature_matrix
    for records in ([*past, *as_it_was], [*past, *otherwise]):
        ahead = sum(sin(entry.at_ms) for entry in records if not isinstance(entry.event, Tick))

        def leaking(*args: Any, ahead: float = ahead) -> Any:
            matrix = honest(*args)
            matrix[:, 0] += ahead
            return matrix

        monkeypatch.setattr(churn_tick, "feature_matrix", leaking)
        assert said(records, until_ms) != said_honestly(monkeypatch, honest, past, until_ms)


def said_honestly(
    monkeypatch: pytest.MonkeyPatch, honest: Callable[..., Any], past: list[LedgerRecord], until_ms: int
) -> list[Output]:
    with monkeypatch.context() as undo:
        undo.setattr(churn_tick, "feature_matrix", honest)
        return said(past, until_ms)


# --- anything at all ---------------------------------------------------------------------------------


@settings(max_examples=15)
@given(st.lists(st.one_of(any_event(customers=3, days=40), st.integers(0, 60), st.none()), max_size=120))
def test_the_ledger_is_honest_whatever_happens(steps: list[Event | int | None]) -> None:
    """Late news, clock jumps and changes of policy: nothing early, nothing twice, nothing never, nobody forgotten."""
    using = [
        churn_policies(horizon_days=6, observe_every_days=2, late_days=9, attrition__silence_days=5),
        churn_policies(
            horizon_days=3, observe_every_days=1, late_days=0, score_every_s=1, attrition__balance_floor=0.0
        ),
    ]
    ledger = ChurnLedger(using[0])
    for number, step in enumerate(steps):
        if step is None:
            ledger.put(activated(using[number % 2]))
        elif isinstance(step, int):
            ledger.tick(ms(step))
        else:
            ledger.see(step)
    for clock_ms in (ms(400), ms(4_000), ms(4_001)):
        ledger.tick(clock_ms)
        assert_honest(ledger)
        assert all(one.due_ms > clock_ms for one in ledger.customers.values())


def test_histories_leave_nobody_behind() -> None:
    """After each tick nobody is due in the past, and whoever was scored once has a next time."""
    outcomes_told = sum(_leaves_nobody_behind(seed) for seed in range(8))
    assert outcomes_told > 50


def _leaves_nobody_behind(seed: int) -> int:
    ledger = ChurnLedger(SHIPPED)
    for entry in decode_ledger_run(History(random.Random(seed), 400).bodies):
        ledger.put(entry)
        clock_ms = ledger.shard.state.clock_ms
        if isinstance(entry.event, Tick):
            for customer in ledger.customers.values():
                assert not 0 < customer.due_ms <= clock_ms
                assert customer.churn is None or customer.churn_due_ms > clock_ms
                assert len(customer.churn.observations if customer.churn else ()) <= MAX_OBSERVATIONS
    return len(ledger.settled)


def test_an_observation_is_small() -> None:
    """Its figures leave with it: the aggregate keeps two times, a word and a count."""
    assert Observation.__struct_fields__ == ("at_ms", "due_ms", "outcome", "told")
