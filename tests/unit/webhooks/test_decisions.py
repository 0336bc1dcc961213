"""What an answer means, and a notifier that is killed at any moment, against what it promises."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec import convert, structs

from config.endpoints import Endpoint, StdoutEndpoint
from streams.notifier_metrics import NotifierMetrics
from streams.webhooks.decisions import NOT_KNOWN, Attempt, Decisions, Lane, Way
from streams.webhooks.line_sinks import StdoutSink
from streams.webhooks.outcome import Outcome, Result
from streams.webhooks.queue import DeliveryQueue
from streams.webhooks.records import AlertFacts, Taken
from tests.support.alerts import START_MS

CRM = "crm"
DELIVERED = Result(Outcome.DELIVERED, 204)
FAILED = Result(Outcome.FAILED, 500)
GONE = Result(Outcome.GONE, 410)
LIMIT_S = 2.0
OPTIONS: dict[str, Any] = {"attempts": 4, "backoff_first_s": 10.0, "backoff_most_s": 60.0, "max_in_flight": 3}


class Bench:
    """A notifier without a loop and without a network: the test is the clock and the receiver."""

    def __init__(self, path: Path, seed: int = 7, **options: Any) -> None:
        self.path = path
        self.options = {**OPTIONS, **options}
        self.metrics = NotifierMetrics([CRM])
        self.draw = Random(seed)
        self.now_ms = 1_000_000
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.endpoint: Endpoint = convert({"kind": "stdout", "name": CRM, **self.options}, StdoutEndpoint)
        self.queue = DeliveryQueue(self.path)
        self.queue._database.execute("PRAGMA synchronous = OFF")  # no power is cut here
        self.lane = Lane(Way(self.endpoint, StdoutSink(), LIMIT_S))
        self.decisions = Decisions(self.queue, self.metrics, self.draw)

    def crash(self) -> None:
        """Kill -9 and start again: what is kept is kept, what was under way is forgotten."""
        self.queue.close()
        self._begin_anew()

    def take(self, *alerts: tuple[str, str], severity: str = "warning", state: str = "raised") -> None:
        facts = AlertFacts(alert_id="a", revision=1, rule="any", state=state, severity=severity, at_ms=0)
        taken = [Taken(webhook_id, customer, {CRM: b"{}"}, facts) for webhook_id, customer in alerts]
        disabled = {CRM} if self.queue.standing(CRM).disabled else set()
        self.queue.take(taken, {0: self.now_ms}, self.now_ms, disabled)

    def begin(self) -> list[Attempt]:
        with self.queue.change():
            standing = self.queue.standing(CRM)
            begun = self.decisions.begin(self.lane, standing, self.now_ms)
            self.queue.save(standing)
        self.lane.in_flight |= {attempt.delivery.number for attempt in begun}
        return begun

    def enter(self, attempt: Attempt, result: Result) -> None:
        with self.queue.change():
            standing = self.queue.standing(CRM)
            self.decisions.enter(attempt, result, standing, self.now_ms)
            self.queue.save(standing)
        self.lane.in_flight.discard(attempt.delivery.number)

    def due_in_s(self) -> float:
        due_ms = self.queue.next_due_ms(CRM)
        assert due_ms is not None
        return (due_ms - self.now_ms) / 1000


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """One with an empty queue."""
    made = Bench(tmp_path / "notifier.sqlite3")
    yield made
    made.queue.close()


def ids(attempts: list[Attempt]) -> list[str]:
    return [attempt.delivery.webhook_id for attempt in attempts]


def test_no_more_than_fit(bench: Bench) -> None:
    """`max_in_flight` at a time, and what has been answered makes room."""
    bench.take(*((f"a{n}.1", f"C{n}") for n in range(5)))
    begun = bench.begin()
    assert ids(begun) == ["a0.1", "a1.1", "a2.1"]
    assert bench.begin() == []
    bench.enter(begun[0], DELIVERED)
    assert ids(bench.begin()) == ["a3.1"]


def test_a_failure_is_repeated_later_each_time_and_parked_in_the_end(bench: Bench) -> None:
    """Within the limit of its attempt; after the last one it is kept with what was answered."""
    bench.take(("a.1", "C1"), ("a.2", "C1"))
    for limit_s in (10.0, 30.0, 60.0):
        (attempt,) = bench.begin()
        bench.enter(attempt, FAILED)
        assert 0 <= bench.due_in_s() <= limit_s
        bench.now_ms += 60_000
    (attempt,) = bench.begin()
    bench.enter(attempt, FAILED)
    (parked,) = bench.queue.parked(CRM, 10)
    assert (parked.webhook_id, parked.attempts, parked.last) == ("a.1", 4, "failed 500")
    assert ids(bench.begin()) == ["a.2"]


def test_killed_in_the_last_attempt_it_is_parked(bench: Bench) -> None:
    """Nobody knows what came of it, and there is no attempt left; it is kept, and can be replayed."""
    bench.take(("a.1", "C1"))
    for _ in range(4):
        assert ids(bench.begin()) == ["a.1"]
        bench.crash()
        assert bench.begin() == []
        bench.now_ms += 100_000
    assert bench.begin() == []
    assert bench.queue.parked(CRM, 10)[0].last == NOT_KNOWN


def test_a_crash_loop_waits_like_any_other(bench: Bench) -> None:
    """Started a hundred times within the time limit of an attempt, it makes none."""
    bench.take(("a.1", "C1"))
    assert len(bench.begin()) == 1
    for _ in range(100):
        bench.crash()
        assert bench.begin() == []
        bench.now_ms += round(LIMIT_S * 10)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_keeps_the_whole_endpoint_waiting(bench: Bench, status: int) -> None:
    """It is the receiver that asks, not the delivery."""
    bench.take(("a.1", "C1"))
    (attempt,) = bench.begin()
    outcome = Outcome.THROTTLED if status == 429 else Outcome.FAILED
    bench.enter(attempt, Result(outcome, status, 120.0))
    bench.take(("b.1", "C2"))
    bench.now_ms += 119_999
    assert bench.begin() == []
    bench.now_ms += 1
    assert sorted(ids(bench.begin())) == ["a.1", "b.1"]


def test_429_does_not_open_the_circuit(bench: Bench) -> None:
    """A receiver that says when it can take more is alive."""
    bench.take(*((f"a{n}.1", f"C{n}") for n in range(60)))
    for _ in range(15):
        for attempt in bench.begin():
            bench.enter(attempt, Result(Outcome.THROTTLED, 429, 1.0))
        bench.now_ms += 1000
    assert not bench.queue.standing(CRM).half_open


def test_quiet_hours_keep_all_but_the_worst_waiting(bench: Bench) -> None:
    """In order once they are over, whoever is killed meanwhile; what breaks them takes its customer's others along."""
    bench.now_ms = START_MS  # 16:00 in China
    bench.options["quiet_hours"] = [{"from": "16:00", "to": "08:00", "zone": "Asia/Shanghai"}]
    bench.crash()
    bench.take(("a.1", "C1"), ("b.1", "C2"), ("c.1", "C3"))
    bench.take(("b.2", "C2"), severity="critical")
    bench.take(("b.3", "C2"))
    bench.take(("c.2", "C3"), severity="critical", state="resolved")
    for expected in ("b.1", "b.2"):
        (attempt,) = bench.begin()
        assert attempt.delivery.webhook_id == expected
        bench.enter(attempt, DELIVERED)
    bench.crash()
    bench.now_ms = START_MS + 16 * 3_600_000 - 1
    assert bench.begin() == []
    breaks = bench.lane.quiet.breaks(bench.now_ms)
    assert bench.queue.next_due_ms(CRM, breaks) is None
    assert bench.queue.depth(CRM, breaks) == (4, 0, 0)
    assert bench.queue.depth(CRM).oldest_ms == START_MS
    bench.now_ms += 1
    assert ids(bench.begin()) == ["a.1", "c.1", "b.3"]


def test_410_keeps_everything(bench: Bench) -> None:
    """Nothing begins any more, what was under way may still succeed, and what comes is parked."""
    bench.take(*((f"a{n}.1", f"C{n}") for n in range(5)))
    first, second, third = bench.begin()
    bench.enter(first, GONE)
    bench.enter(second, DELIVERED)
    bench.enter(third, FAILED)
    bench.take(("b.1", "C9"))
    bench.crash()
    bench.now_ms += 10**9
    assert bench.begin() == []
    assert {one.webhook_id for one in bench.queue.parked(CRM, 10)} == {"a0.1", "a2.1", "a3.1", "a4.1", "b.1"}
    value = bench.metrics.registry.get_sample_value
    assert value("ebbwatch_webhook_parked_total", {"endpoint": CRM, "reason": "disabled"}) == 5


def test_a_dead_endpoint_costs_a_probe_now_and_then(bench: Bench) -> None:
    """In ten days with a thousand deliveries waiting, and crashes, not a thousand attempts."""
    bench.take(*((f"a{n}.1", f"C{n}") for n in range(1000)))
    began_ms, attempts = bench.now_ms, 0
    while bench.now_ms - began_ms < 10 * 86_400_000:
        begun = bench.begin()
        attempts += len(begun)
        for attempt in begun:
            bench.enter(attempt, FAILED)
        if attempts % 7 == 0:
            bench.crash()
        with bench.queue.change():
            bench.decisions.give_up_old(bench.lane, bench.queue.standing(CRM), bench.now_ms)
        bench.now_ms = max(bench.now_ms + 60_000, bench.queue.standing(CRM).open_until_ms)
    # The most that 15 minutes, shortened to a half by the jitter, allow; and what opened it.
    assert 100 < attempts <= 240 * 8 + 20
    assert bench.queue.depth(CRM).waiting == 0  # after 72 hours all was parked
    assert bench.queue.depth(CRM).parked == 1000


def test_a_probe_that_a_crash_cuts_off_is_not_made_again_at_once(bench: Bench) -> None:
    """Else a notifier that is started again and again would probe as often."""
    bench.take(*((f"a{n}.1", f"C{n}") for n in range(30)))
    while not bench.queue.standing(CRM).half_open:
        for attempt in bench.begin():
            bench.enter(attempt, FAILED)
    bench.now_ms = bench.queue.standing(CRM).open_until_ms
    assert len(bench.begin()) == 1
    for _ in range(10):
        bench.crash()
        assert bench.begin() == []
        bench.now_ms += 1000


def test_a_probe_that_succeeds_lets_all_go(bench: Bench) -> None:
    """And the failures before are forgotten."""
    bench.take(*((f"a{n}.1", f"C{n}") for n in range(30)))
    while not bench.queue.standing(CRM).half_open:
        for attempt in bench.begin():
            bench.enter(attempt, FAILED)
    bench.now_ms = bench.queue.standing(CRM).open_until_ms
    (probe,) = bench.begin()
    bench.enter(probe, DELIVERED)
    assert len(bench.begin()) == 3
    assert bench.queue.standing(CRM) == structs.replace(bench.queue.standing(CRM), failures=0, openings=0)


@pytest.mark.parametrize("seed", range(20))
def test_through_crashes_nothing_is_lost_and_nothing_overtakes(tmp_path: Path, seed: int) -> None:
    """Random answers, times and kills: every id arrives or is parked, in order, and within its attempts."""
    bench = Bench(tmp_path / "notifier.sqlite3", seed, attempts=6, circuit_failures=5)
    draw = Random(seed)
    waiting = [(f"a{customer}.{revision}", f"C{customer}") for revision in range(1, 9) for customer in range(6)]
    sent: dict[str, int] = defaultdict(int)
    arrived: dict[str, list[int]] = defaultdict(list)
    under_way: list[Attempt] = []
    given = {webhook_id for webhook_id, _ in waiting}
    for _ in range(20_000):
        if waiting and draw.random() < 0.2:
            bench.take(waiting.pop(0))
        if draw.random() < 0.02:
            under_way = []
            bench.crash()
        for attempt in bench.begin():
            sent[attempt.delivery.webhook_id] += 1
            under_way.append(attempt)
            if draw.random() < 0.6:  # it reaches the receiver, whether or not we get to know
                alert, revision = attempt.delivery.webhook_id.split(".")
                arrived[alert].append(int(revision))
                attempt.lane.in_flight.add(-attempt.delivery.number)
        for attempt in [one for one in under_way if draw.random() < 0.5]:
            under_way.remove(attempt)
            reached = -attempt.delivery.number in bench.lane.in_flight
            bench.lane.in_flight.discard(-attempt.delivery.number)
            bench.enter(attempt, DELIVERED if reached else FAILED)
        bench.now_ms += draw.randrange(1, 4000)
        if not waiting and not under_way and bench.queue.depth(CRM).waiting == 0:
            break
    parked = {one.webhook_id for one in bench.queue.parked(CRM, 1000)}
    everywhere = {f"{alert}.{revision}" for alert, revisions in arrived.items() for revision in revisions}
    assert everywhere | parked == given
    assert max(sent.values()) <= 6
    for revisions in arrived.values():
        first = list(dict.fromkeys(revisions))
        assert first == sorted(first)
    bench.queue.close()
