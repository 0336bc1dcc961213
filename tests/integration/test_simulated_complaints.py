"""Complaint clocks against the simulator's truth: no false and no missed breach, in whatever order news arrives."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from msgspec import Struct

from benchmarks.policies import policies_of
from config.policies import Policies
from models.events import Complaint, FeedEvent, Login
from streams.feed_files import write_feed
from streams.simulator import BANK_ZONE, SimulationParameters, Truth, simulate
from tests.support import settings
from tests.support.complaint_truth import (
    CLOCKS,
    FAILURES,
    Failures,
    Told,
    planted_clocks,
    planted_deadlines,
    planted_failures,
    promise,
    shown_failures,
    told,
)
from tests.support.embedded import embedded
from tests.support.figures import counted, show, show_table

pytestmark = pytest.mark.proof

UNSCORED = policies_of(scores=False)
"""Complaints have nothing to do with the score, and learning it is most of a run: one run with it has to do."""
QUIET_DAYS = 60
"""Time that passes after the end, so that nearly every case that was closed has left with its last word."""
VERDICTS = {
    "met": {"met"},
    "late": {"late", "breached"},
    "cancelled": {"cancelled"},
    "undecided": {"met", "late", "breached", "cancelled", "superseded"},
}
"""Verdict of the truth -> what a last word may say of it."""
BROKEN = {"late", "breached", "missing", "made_good"}


class Bank(Struct):
    """A simulated bank that complains a lot, and what can be seen in its events."""

    truth: Truth
    events: list[FeedEvent]
    clocks: dict[str, str]
    shown: Failures


@pytest.fixture(scope="module")
def bank() -> Bank:
    parameters = SimulationParameters(
        customers=1_500,
        days=120,
        seed=settings.seed(),
        complaint_rate=0.6,
        episode_rate=0.05,
        late_share=0.3,
        process_failure_share=0.4,
        activity=0.2,
    )
    with simulate(parameters) as simulation:
        events = list(simulation.events())
        truth = simulation.truth
    return Bank(truth, events, planted_clocks(truth), shown_failures(truth, events))


@pytest.fixture(scope="module")
def in_order(bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Told:
    return run_over([*bank.events, *quiet(bank)], tmp_path_factory.mktemp("in-order"))


def run_over(events: list[FeedEvent], directory: Path, policies: Policies | None = None) -> Told:
    """What an embedded run over `events`, in this order of arrival, says; by the shipped policies unless told."""
    feed, data = directory / "feed.ndjson", directory / "data"
    write_feed(str(feed), events)
    asyncio.run(embedded(data, feed, policies=policies).run())
    return told(data / "out")


def quiet(bank: Bank) -> Iterator[FeedEvent]:
    """Nothing but the passage of time: somebody who never complains logs in every six hours."""
    for number in range(4 * QUIET_DAYS):
        at = bank.truth.ended_at + timedelta(hours=6 * number)
        yield Login(event_id=f"quiet-{number}", customer_id="QUIET", occurred_at=at, channel="app", succeeded=True)


def shuffled_within_days(events: list[FeedEvent], draw: Random) -> list[FeedEvent]:
    """Each local day's events in an order of their own: all of a day arrive before the next begins."""
    drawn = [(event.occurred_at.astimezone(BANK_ZONE).date(), draw.random(), event) for event in events]
    return [event for _, _, event in sorted(drawn, key=lambda one: one[:2])]


def told_again(events: list[FeedEvent], draw: Random) -> list[FeedEvent]:
    """Every third complaint step arrives again, at once or up to 20 days later; half of them under another id."""
    arrivals: list[tuple[datetime, int, FeedEvent]] = []
    for place, event in enumerate(events):
        arrivals.append((event.occurred_at, place, event))
        if isinstance(event, Complaint) and draw.random() < 1 / 3:
            again = draw.choice([event, msgspec.structs.replace(event, event_id=f"{event.event_id}-again")])
            delay = draw.choice([timedelta(), timedelta(hours=1), timedelta(days=20)])
            arrivals.append((event.occurred_at + delay, len(events) + place, again))
    return [event for _, _, event in sorted(arrivals, key=lambda one: one[:2])]


def test_no_breach_is_false_and_none_is_missed(bank: Bank, in_order: Told) -> None:
    """Told broken and never taken back: exactly the clocks that the truth calls late, of those that it decides."""
    judged = set(CLOCKS.values())
    broken = {subject for subject in in_order.broken if promise(subject) in judged}
    late = {subject for subject, verdict in bank.clocks.items() if verdict == "late"}
    undecided = {subject for subject, verdict in bank.clocks.items() if verdict == "undecided"}
    rows: Counter[tuple[str, str]] = Counter()
    for subject, verdict in bank.clocks.items():
        rows[promise(subject), verdict] += 1
        rows[promise(subject), "told broken"] += subject in broken
        rows[promise(subject), "missed"] += subject in late - broken
    for subject in broken - late - undecided:
        rows[promise(subject), "false"] += 1
    columns = ("met", "late", "cancelled", "undecided", "told broken", "false", "missed")
    show_table(
        f"{len(bank.truth.cases):,} simulated complaints, {len(bank.clocks):,} clocks",
        ["clock", *columns],
        [(name, *(rows[name, column] for column in columns)) for name in CLOCKS.values()],
    )

    assert late - broken == set()
    assert broken - late - undecided == set()
    assert in_order.repeated == []
    due_at = planted_deadlines(bank.truth)
    assert all(in_order.due_at[subject] == due_at[subject] for subject in late & set(due_at))
    assert {promise(subject) for subject in late} == judged
    assert all(rows[name, "met"] > rows[name, "late"] > 5 for name in judged)


def test_no_failure_of_process_is_false_and_none_is_missed(bank: Bank, in_order: Told) -> None:
    """Every planted failure is told, and nothing is told that the steps do not show."""
    names = set(FAILURES.values())
    told_failures = {subject for subject in in_order.broken if promise(subject) in names}
    told_of_cases = {(subject.split("/", 1)[0], promise(subject)) for subject in told_failures}
    planted = planted_failures(bank.truth)
    shown, undecided = bank.shown.shown, bank.shown.undecided
    show_table(
        "failures of process",
        ["failure", "planted", "shown by the steps", "told", "false", "missed"],
        [
            (
                failure,
                sum(one == name for _, one in planted),
                sum(promise(subject) == name for subject in shown - undecided),
                sum(promise(subject) == name for subject in told_failures - undecided),
                sum(promise(subject) == name for subject in told_failures - shown - undecided),
                sum(promise(subject) == name for subject in shown - told_failures - undecided),
            )
            for failure, name in FAILURES.items()
        ],
    )

    assert planted - told_of_cases == set()
    assert told_failures - undecided == shown - undecided
    assert {name for _, name in planted} == names


def test_last_words_agree_with_the_truth(bank: Bank, in_order: Told) -> None:
    """Of cases that have left, each clock's verdict is the truth's, and each left once."""
    compared: Counter[str] = Counter()
    for subject, verdict in bank.clocks.items():
        said = in_order.final.get(subject)
        if said is not None:
            assert said in VERDICTS[verdict], subject
            compared[verdict] += 1
    closed = {case.case_id for case in bank.truth.cases if any(step.step == "closed" for step in case.steps)}
    show("last words", cases=len(in_order.left), clocks_compared=counted(compared))

    assert {subject for subject, said in in_order.final.items() if said in BROKEN} == in_order.broken & set(
        in_order.final
    )
    assert set(in_order.left.values()) == {1}
    assert closed <= set(in_order.left)
    assert min(compared["met"], compared["late"], compared["cancelled"]) > 20


def test_order_of_arrival_within_a_day_changes_nothing(bank: Bank, in_order: Told, tmp_path: Path) -> None:
    """What was told too early is taken back, and in the end the same promises are broken, case by case."""
    draw = Random(settings.seed())
    found = run_over([*shuffled_within_days(bank.events, draw), *quiet(bank)], tmp_path, UNSCORED)
    show("arrival shuffled within each day", told=counted(found.by_state), differences=0)

    assert found.broken == in_order.broken
    assert found.final == in_order.final
    assert set(found.left.values()) == {1}
    assert len(found.retracted) > 20
    assert not found.retracted & in_order.retracted


def test_steps_told_again_change_nothing(bank: Bank, in_order: Told, tmp_path: Path) -> None:
    """A step that arrives twice says no more than once, also when another system tells it under another id."""
    events = told_again(bank.events, Random(settings.seed()))
    found = run_over([*events, *quiet(bank)], tmp_path, UNSCORED)
    show("steps told again", repeated=len(events) - len(bank.events), told=counted(found.by_state), differences=0)

    assert len(events) - len(bank.events) > sum(isinstance(event, Complaint) for event in bank.events) // 4
    assert found.broken == in_order.broken
    assert found.final == in_order.final
    assert found.by_state == in_order.by_state
    assert found.repeated == []
