"""The scenario of the drift labels what is true, when it can be known, and judges what was scored rightly."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import numpy as np
import pytest

from benchmarks.quality.attrition import HELD_DAYS, HORIZON_DAYS, SILENT_DAYS, attrition, gone_ms
from benchmarks.quality.calls import lead_times, precision_of_calls
from benchmarks.quality.labelled import Labelled
from benchmarks.quality.recovery import WindowAuc, auc_before, days_to_recover, windows
from benchmarks.quality.weekly import FEATURE_NAMES, Observed, observe_weekly
from models.decay import DAY_MS
from models.events import FeedEvent, Transaction, epoch_ms
from streams.simulator import SimulationParameters, Truth, is_customer_initiated, simulate
from streams.simulator.drift import ADOPTION_DAYS
from streams.simulator.truth import Attriter, Ending

PARAMETERS = SimulationParameters(customers=40, days=150, seed=3, attrition_rate=0.6, newcomer_share=0.2)


class Bank(NamedTuple):
    events: list[FeedEvent]
    truth: Truth
    observed: Observed


@pytest.fixture(scope="module")
def bank() -> Iterator[Bank]:
    """A small bank that many leave."""
    with simulate(PARAMETERS) as simulation:
        events = list(simulation.events())
        yield Bank(events, simulation.truth, observe_weekly(events, is_customer_initiated))


def _truth(bank: Bank, endings: dict[str, tuple[Ending, int]]) -> Truth:
    """Customers by how and on which day they leave."""
    like, began = bank.truth.attriters[0], bank.truth.began_at
    attriters = [
        Attriter(
            customer_id=customer,
            kind=like.kind,
            reason=like.reason,
            ending=ending,
            tier="basic",
            onset_at=began,
            attrited_at=began + timedelta(days=day),
            last_activity_at=None,
            closed_by=None,
            signals_reversed=False,
        )
        for customer, (ending, day) in endings.items()
    ]
    return Truth(
        parameters=PARAMETERS,
        began_at=began,
        ended_at=bank.truth.ended_at,
        events_by_type={},
        attriters=attriters,
        decoys=[],
        episodes=[],
        cases=[],
        newcomers=[],
    )


def test_labels_by_hand(bank: Bank) -> None:
    """A closure on day 50, a collapse on 60, a silence since 20 that is one on 80, a pause that is too short."""
    began_ms = epoch_ms(bank.truth.began_at)
    acts = {
        "closes": range(1, 50),
        "collapses": [*range(1, 60), 130],
        "silent": [*range(1, 21), 140],
        "pauses": [*range(1, 41), 41 + SILENT_DAYS - 1, *range(110, 150)],
        "late": [*range(1, 100)],
    }
    own = {customer: [began_ms + day * DAY_MS for day in days] for customer, days in acts.items()}
    last_ms = began_ms + 150 * DAY_MS
    truth = _truth(bank, {"closes": ("closed", 50), "collapses": ("collapsed", 60), "silent": ("silent", 20)})
    gone = gone_ms(truth, own, last_ms)
    assert {customer: (at_ms - began_ms) / DAY_MS for customer, at_ms in gone.items()} == {
        "closes": 50,
        "collapses": 60,
        "silent": 20 + SILENT_DAYS,
    }
    seen = [(day, customer) for day in (10, 20, 40, 49, 51, 70, 79, 81, 113, 114) for customer in acts]
    observed = Observed(
        [customer for _, customer in seen],
        [began_ms + day * DAY_MS for day, _ in seen],
        np.zeros((len(seen), len(FEATURE_NAMES))),
        own,
        began_ms,
        last_ms,
    )
    examples, places = attrition(observed, gone)
    leaving = {seen[place] for place, label in zip(places, examples.labels.tolist(), strict=True) if label}
    assert leaving == {
        *((day, "closes") for day in (20, 40, 49)),
        *((day, "collapses") for day in (40, 49, 51)),
        *((day, "silent") for day in (51, 70, 79)),
    }
    assert {seen[place] for place in places}.isdisjoint(
        [(51, "closes"), (70, "collapses"), (81, "silent"), (114, "pauses")]
    )
    assert (113, "pauses") in {seen[place] for place in places}
    assert set((examples.known - examples.at).tolist()) == {(HORIZON_DAYS + HELD_DAYS) * DAY_MS}


def _is_known_in_time(bank: Bank, examples: Labelled, until_ms: int) -> bool:
    """Whether who knows nothing after `until_ms` finds the labels that are said to be known by then."""
    until = bank.truth.began_at + timedelta(milliseconds=until_ms - epoch_ms(bank.truth.began_at))
    held = until - timedelta(days=HELD_DAYS)
    endings = {
        attriter.customer_id: (attriter.ending, attriter.attrited_at)
        for attriter in bank.truth.attriters
        if attriter.attrited_at is not None
        and attriter.attrited_at <= (held if attriter.ending == "collapsed" else until)
    }
    attriters = [attriter for attriter in bank.truth.attriters if attriter.customer_id in endings]
    own = {customer: [at_ms for at_ms in acts if at_ms <= until_ms] for customer, acts in bank.observed.own_ms.items()}
    truth = _truth(bank, {})
    truth.attriters.extend(attriters)
    gone = gone_ms(truth, own, until_ms)
    full = gone_ms(bank.truth, bank.observed.own_ms, bank.observed.last_ms)
    _, places = attrition(bank.observed, full)
    for place, known_ms, label in zip(places, examples.known.tolist(), examples.labels.tolist(), strict=True):
        if known_ms <= until_ms:
            at_ms, left_ms = bank.observed.at_ms[place], gone.get(bank.observed.customers[place])
            if label != (left_ms is not None and left_ms <= at_ms + HORIZON_DAYS * DAY_MS):
                return False
    return True


def test_a_label_is_known_no_sooner_than_it_can_be(bank: Bank) -> None:
    """Who hears nothing after a day finds every label that is known by then; with a leak of some days, not."""
    examples, _ = attrition(bank.observed, gone_ms(bank.truth, bank.observed.own_ms, bank.observed.last_ms))
    assert examples.labels.sum() > 20
    ends = [epoch_ms(bank.truth.began_at) + day * DAY_MS for day in range(60, 150, 10)]
    assert all(_is_known_in_time(bank, examples, end_ms) for end_ms in ends)
    leaking = examples._replace(known=examples.known - 20 * DAY_MS)
    assert not all(_is_known_in_time(bank, leaking, end_ms) for end_ms in ends)


def test_features_know_nothing_of_later_events(bank: Bank) -> None:
    """Rows up to a day are the same bits whether or not the bank goes on."""
    until = bank.truth.began_at + timedelta(days=90)
    shorter = observe_weekly([event for event in bank.events if event.occurred_at <= until], is_customer_initiated)
    rows = len(shorter.at_ms)
    assert 300 < rows < len(bank.observed.at_ms)
    assert bank.observed.customers[:rows] == shorter.customers
    assert np.array_equal(bank.observed.matrix[:rows], shorter.matrix)


def test_the_drift_begins_on_its_day() -> None:
    """The same bank with a drift: the first refills of a wallet come within ten days from it, for two in five."""
    drift_day, days = 30, 60

    def sent_elsewhere(drift_day: int | None) -> set[tuple[str, int]]:
        parameters = SimulationParameters(customers=60, days=days, seed=9, attrition_rate=0.0, drift_day=drift_day)
        with simulate(parameters) as simulation:
            began_ms = epoch_ms(simulation.truth.began_at)
            return {
                (event.customer_id, (epoch_ms(event.occurred_at) - began_ms) // DAY_MS)
                for event in simulation.events()
                if isinstance(event, Transaction) and event.direction == "out" and event.counterparty == "own_elsewhere"
            }

    refills = sent_elsewhere(drift_day) - sent_elsewhere(None)
    first: dict[str, int] = {}
    for customer, day in sorted(refills, key=lambda refill: refill[1]):
        first.setdefault(customer, day)
    assert min(first.values()) >= drift_day
    assert sum(day < drift_day + ADOPTION_DAYS + 2 for day in first.values()) > 0.8 * len(first)
    assert 60 * 0.2 < len(first) < 60 * 0.6


def _examples(labels: list[bool], days: list[int]) -> Labelled:
    at = np.array(days, np.int64) * DAY_MS
    return Labelled(("a",), np.zeros((len(days), 1)), np.array(labels), at, at, np.ones(len(days), np.bool_))


def test_recovery_by_hand() -> None:
    """Back on the first of seven good days in a row after the fall; never harmed is 0, never back is none."""

    def course(*aucs: float) -> list[WindowAuc]:
        return [WindowAuc(day + 1, auc) for day, auc in enumerate(aucs)]

    lucky, good = [0.9, 0.7, 0.9, 0.7], [0.883] * 7
    assert days_to_recover(course(*lucky, *good), 0.9) == 5
    assert days_to_recover(course(*lucky, *good[1:]), 0.9) is None
    assert days_to_recover(course(*good), 0.9) == 0
    assert days_to_recover(course(0.7, *good), 0.9) == 2


def test_areas_over_days_by_hand() -> None:
    """Right before the drift, wrong after it: each window sees only its own days."""
    days = [60, 70, 80, 90, 101, 102, 140, 141]
    examples = _examples([True, False] * 4, days)
    scores = np.array([0.9, 0.1, 0.8, 0.2, 0.1, 0.9, 0.9, 0.1])
    assert auc_before(examples, scores, 100 * DAY_MS) == 1.0
    course = {window.day: window.auc for window in windows(examples, scores, 100 * DAY_MS)}
    assert course[3] == 0.25  # days 75 to 102: one pair of four is in order
    assert course[28] == 0.0
    assert max(course) == 41


def test_calls_by_hand() -> None:
    """One call a day, nobody twice in 30 days; and the days between the first high score and the leaving."""
    customers = ["a", "b", "a", "c", "a", "d"]
    examples = _examples([True, False, True, False, True, True], [10, 10, 17, 17, 45, 45])
    scores = np.array([0.8, 0.2, 0.9, 0.1, 0.9, 0.8])
    # Day 10: a, who leaves. Day 17: a rests, so c. Day 45: a again.
    assert precision_of_calls(examples, customers, scores, 1) == pytest.approx(2 / 3)
    assert precision_of_calls(examples, customers, scores, 2) == pytest.approx(3 / 5)
    gone = {"a": 40 * DAY_MS, "c": 30 * DAY_MS, "z": 20 * DAY_MS}
    leads = lead_times(examples, customers, scores, gone, 0)
    assert (leads.leavers, leads.warned, leads.median) == (2, 1, 30.0)
