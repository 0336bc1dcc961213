"""What the truth says can be found in the events."""

from collections import Counter
from datetime import timedelta
from typing import get_args

import msgspec
import pytest

from models.events import AccountClosed, Complaint, Contact, FeedEvent, ProductOpened, Transaction
from streams.simulator import Simulation, SimulationParameters, Truth, is_customer_initiated, simulate
from streams.simulator.truth import Attriter, DecoyKind, Ending

Lives = dict[str, list[FeedEvent]]


def gone(truth: Truth, ending: Ending) -> list[Attriter]:
    found = [a for a in truth.attriters if a.ending == ending and a.attrited_at is not None]
    assert found, "the shared bank has such customers"
    return found


def after(attriter: Attriter, lives: Lives) -> list[FeedEvent]:
    return [e for e in lives[attriter.customer_id] if attriter.attrited_at and e.occurred_at > attriter.attrited_at]


def test_truth_survives_json(bank: Simulation) -> None:
    """The truth as JSON can be read back as it was."""
    assert msgspec.json.decode(msgspec.json.encode(bank.truth), type=Truth) == bank.truth


def test_every_kind_of_leaving_occurs(bank: Simulation) -> None:
    """All six kinds are planted, each with an onset before its end."""
    kinds = Counter(attriter.kind for attriter in bank.truth.attriters)
    assert len(kinds) == 6
    for attriter in bank.truth.attriters:
        assert attriter.attrited_at is None or attriter.onset_at <= attriter.attrited_at < bank.truth.ended_at


@pytest.mark.parametrize("ending", ["silent", "closed"])
def test_nothing_of_their_own_after_leaving(bank: Simulation, by_customer: Lives, ending: Ending) -> None:
    """Who has fallen silent or closed the accounts does nothing any more."""
    for attriter in gone(bank.truth, ending):
        assert not any(map(is_customer_initiated, after(attriter, by_customer)))


def test_silence_begins_with_the_last_activity(bank: Simulation, by_customer: Lives) -> None:
    """Silence begins at the last thing that the customer did."""
    for attriter in gone(bank.truth, "silent"):
        own = [event.occurred_at for event in by_customer[attriter.customer_id] if is_customer_initiated(event)]
        assert attriter.attrited_at == attriter.last_activity_at == own[-1]


def test_closure_is_the_closing_of_the_last_account(bank: Simulation, by_customer: Lives) -> None:
    """Closed means an account_closed event at that very second, by whom the truth says."""
    for attriter in gone(bank.truth, "closed"):
        closings = [event for event in by_customer[attriter.customer_id] if isinstance(event, AccountClosed)]
        assert closings[-1].occurred_at == attriter.attrited_at
        assert closings[-1].initiated_by == attriter.closed_by
    closers = {attriter.closed_by for attriter in gone(bank.truth, "closed")}
    assert closers == {"customer", "bank"}


def test_collapse_is_held(bank: Simulation, by_customer: Lives) -> None:
    """After a collapse no account regains a fifth of what the customer once had, to the end."""
    for attriter in gone(bank.truth, "collapsed"):
        highest = max(e.balance_after or 0.0 for e in by_customer[attriter.customer_id] if isinstance(e, Transaction))
        later = [e.balance_after or 0.0 for e in after(attriter, by_customer) if isinstance(e, Transaction)]
        assert all(balance < 0.2 * highest for balance in later)


def test_only_the_leaving_close(bank: Simulation, events: list[FeedEvent]) -> None:
    """Every closed account belongs to a planted closure."""
    planted = {attriter.customer_id for attriter in bank.truth.attriters if attriter.ending == "closed"}
    assert {event.customer_id for event in events if isinstance(event, AccountClosed)} <= planted


def test_episodes_hold_their_contacts(bank: Simulation, events: list[FeedEvent]) -> None:
    """An episode is three to six answered inbound contacts for one reason within seven days, in this order."""
    contacts = {event.event_id: event for event in events if isinstance(event, Contact)}
    assert bank.truth.episodes
    for episode in bank.truth.episodes:
        found = [contacts[event_id] for event_id in episode.event_ids]
        assert 3 <= len(found) <= 6
        assert [contact.occurred_at for contact in found] == episode.contacted_at
        assert {(contact.customer_id, contact.reason) for contact in found} == {(episode.customer_id, episode.reason)}
        assert {contact.direction for contact in found} == {"inbound"}
        assert timedelta() < episode.contacted_at[-1] - episode.contacted_at[0] < timedelta(days=7)


def test_service_failure_shows_in_order(bank: Simulation) -> None:
    """Whom service drove away asked repeatedly, complained and left, in this order."""
    cases = {case.customer_id: case for case in bank.truth.cases if case.origin == "service_failure"}
    episodes = {e.customer_id: e for e in bank.truth.episodes if e.led_to == "leaving"}
    shown = 0
    for attriter in bank.truth.attriters:
        if attriter.kind == "service_failure" and attriter.attrited_at and attriter.customer_id in cases:
            received_at = cases[attriter.customer_id].steps[0].at
            assert attriter.onset_at <= episodes[attriter.customer_id].contacted_at[0]
            assert episodes[attriter.customer_id].contacted_at[-1] < received_at < attriter.attrited_at
            shown += 1
    assert shown > 0


def test_decoys_are_there_and_stay(bank: Simulation, by_customer: Lives) -> None:
    """Every kind of decoy occurs; the customer does something of his own after it, or the time was too short."""
    kinds = {decoy.kind for decoy in bank.truth.decoys}
    assert kinds == set(get_args(DecoyKind))
    onsets = {attriter.customer_id: attriter.onset_at for attriter in bank.truth.attriters}
    for decoy in bank.truth.decoys:
        assert decoy.began_at <= decoy.ended_at <= onsets.get(decoy.customer_id, bank.truth.ended_at)


def test_a_holiday_is_silent_and_ends(bank: Simulation, by_customer: Lives) -> None:
    """Nothing of the customer's own doing within a holiday; something within four weeks after it."""
    holidays = [decoy for decoy in bank.truth.decoys if decoy.kind == "holiday_silence"]
    returned = 0
    for holiday in holidays:
        own = [event.occurred_at for event in by_customer[holiday.customer_id] if is_customer_initiated(event)]
        assert not [at for at in own if holiday.began_at <= at < holiday.ended_at]
        returned += any(holiday.ended_at <= at < holiday.ended_at + timedelta(days=28) for at in own)
    assert returned == len(holidays) > 0


def test_a_reinvested_deposit_is_matured_and_taken_up_again(bank: Simulation, by_customer: Lives) -> None:
    """The maturity and the new product are both there, at the times stated."""
    for decoy in bank.truth.decoys:
        if decoy.kind == "deposit_reinvested":
            at = {(type(event).__name__, event.occurred_at) for event in by_customer[decoy.customer_id]}
            assert ("ProductClosed", decoy.began_at) in at
            assert (ProductOpened.__name__, decoy.ended_at) in at


def test_newcomers_have_no_past(bank: Simulation, by_customer: Lives) -> None:
    """A newcomer's first event is the opening of an account, when the truth says."""
    assert bank.truth.newcomers
    for newcomer in bank.truth.newcomers:
        first = by_customer[newcomer.customer_id][0]
        assert first.occurred_at == newcomer.joined_at
        assert type(first).__name__ == "AccountOpened"


def test_drift_changes_the_mix() -> None:
    """After the drift fewer leave over service, more over lost pay and in silence, and older customers leave more."""
    parameters = SimulationParameters(customers=500, days=100, seed=3, attrition_rate=0.9, activity=0.1, drift_day=50)
    truth = simulate(parameters).truth
    kinds = {drifted: Counter[str]() for drifted in (False, True)}
    for attriter in truth.attriters:
        kinds[attriter.signals_reversed][attriter.kind] += 1
        assert attriter.signals_reversed == (attriter.onset_at >= truth.began_at + timedelta(days=50))
    share = {drifted: counts["service_failure"] / counts.total() for drifted, counts in kinds.items()}
    assert share[True] < 0.5 * share[False]


def test_drift_leaves_earlier_leaving_alone() -> None:
    """Who leaves before the drift leaves in the same way without it."""
    plain = SimulationParameters(customers=120, days=90, seed=5, attrition_rate=0.5, activity=0.1)
    drifting = msgspec.structs.replace(plain, drift_day=60)
    before = [a for a in simulate(drifting).truth.attriters if not a.signals_reversed]
    expected = {a.customer_id: (a.kind, a.onset_at, a.reason) for a in simulate(plain).truth.attriters}
    assert before
    assert all(expected[a.customer_id] == (a.kind, a.onset_at, a.reason) for a in before if a.ending != "silent")


def test_case_steps_are_the_events(bank: Simulation, events: list[FeedEvent]) -> None:
    """The truth's cases hold every complaint event once, in order."""
    told = Counter((step.event_id, step.step, step.at) for case in bank.truth.cases for step in case.steps)
    assert told == Counter((e.event_id, e.step, e.occurred_at) for e in events if isinstance(e, Complaint))
    assert all(case.steps == sorted(case.steps, key=lambda step: step.at) for case in bank.truth.cases)
    assert all(case.steps[0].step == "received" for case in bank.truth.cases)
