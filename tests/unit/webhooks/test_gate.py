"""What an endpoint is told at once, by its list, or never; and that no kill and no order of arrival changes it."""

import os
from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from pathlib import Path
from signal import SIGKILL
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import convert

from config.endpoints import Endpoint, StdoutEndpoint
from models.alerts import Alert, alert_id, instant
from streams.notifier_metrics import NotifierMetrics
from streams.webhooks.daily_lists import PATIENCE_MS, DailyLists
from streams.webhooks.gate import Gate, ranked
from streams.webhooks.intake import Intake
from streams.webhooks.payload import Renderer
from streams.webhooks.queue import DeliveryQueue
from streams.webhooks.records import Listed
from tests.support.alerts import START_MS, made_alert, record_of, webhook_id

DESK = "desk"
RISK = "churn_risk"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FIRST_LIST_MS = START_MS + HOUR_MS
"""`START_MS` is 08:00 in UTC; lists are due at nine."""
TOP = {"rules": [RISK], "k": 2, "at": "09:00", "zone": "UTC", "keep_days": 2}


def risk(customer: str, score: float, revision: int = 1, hour: float = 0, **fields: Any) -> Alert:
    """A churn-risk alert as the fold raises it, `hour` hours after the start."""
    figures = {"score": score, **fields.pop("figures", {})}
    made: dict[str, Any] = {
        "rule": RISK,
        "alert_id": alert_id(RISK, customer, "", "tick:1"),
        "at": instant(START_MS + round(hour * HOUR_MS)),
        "severity": "warning",
        "figures": figures,
        **fields,
    }
    return made_alert(customer, revision, **made)


class Desk:
    """A notifier of one endpoint without a loop, Kafka and network: the test is the clock and the receiver."""

    def __init__(self, path: Path, **wishes: Any) -> None:
        self.path = path
        self.now_ms = START_MS
        self.offset = 0
        self.metrics = NotifierMetrics([DESK])
        self.start(**wishes)

    def start(self, **wishes: Any) -> None:
        """Begin, or begin again on the same file; with no `wishes` with none."""
        self.endpoint: Endpoint = convert(
            {"kind": "stdout", "name": DESK, "customer": "none", **wishes}, StdoutEndpoint
        )
        self.queue = DeliveryQueue(self.path)
        self.queue._database.execute("PRAGMA synchronous = OFF")  # no power is cut here
        self.gate = Gate(self.queue.memory, [self.endpoint], self.metrics)
        self.lists = DailyLists(self.queue, self.gate, [self.endpoint], self.metrics, set, lambda: self.now_ms)
        nothing: Any = None
        renderer = Renderer("", None)
        self.intake = Intake(
            nothing, 1, self.queue, self.gate, [self.endpoint], renderer, self.metrics, set, lambda: None, False
        )
        self.lists.begin()

    def restart(self, **wishes: Any) -> None:
        """Kill -9, and start on the same file."""
        self.queue.close()
        self.start(**wishes)

    def take(self, *alerts: Alert) -> None:
        """As Kafka gives them."""
        records = []
        for alert in alerts:
            records.append(SimpleNamespace(value=record_of(alert), partition=0, offset=self.offset))
            self.offset += 1
        self.intake._take(records)

    def lists_at(self, now_ms: int, caught_up: bool = True) -> list[str]:
        """Let the time come; what is sent by then, in order."""
        self.now_ms = now_ms
        self.lists.make_due(caught_up)
        return self.sent()

    def sent(self) -> list[str]:
        """Deliver everything there is."""
        found: list[str] = []
        while due := self.queue.due(DESK, 10**15, 100):
            for delivery in due:
                found.append(delivery.webhook_id)
                self.queue.delivered(delivery.number)
        return found

    def withheld(self, reason: str) -> float | None:
        return self.metrics.registry.get_sample_value(
            "ebbwatch_webhook_withheld_total", {"endpoint": DESK, "reason": reason}
        )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A team that can work on two a day."""
    made = Desk(tmp_path / "notifier.sqlite3", daily_top=TOP)
    yield made
    made.queue.close()


def ids(*alerts: Alert) -> list[str]:
    return [webhook_id(alert) for alert in alerts]


# --- daily lists -----------------------------------------------------------------------------------


def test_the_most_urgent_of_a_day_and_the_others_later(desk: Desk) -> None:
    """Best first, ties by what there is to lose and then by id; what is left competes until it is too old."""
    twins = [risk(f"twin{n}", 0.5) for n in range(2)]
    twins.sort(key=lambda alert: alert.alert_id)
    rich = risk("rich", 0.5, figures={"value_at_risk": 10.0})
    best = risk("best", 0.9)
    desk.take(*reversed(twins), rich, best)
    assert desk.lists_at(FIRST_LIST_MS - 1) == []
    assert desk.lists_at(FIRST_LIST_MS) == ids(best, rich)
    newer = risk("newer", 0.6, hour=20)
    desk.take(newer)
    assert desk.lists_at(FIRST_LIST_MS + DAY_MS - 1) == []
    assert desk.lists_at(FIRST_LIST_MS + DAY_MS) == ids(newer, twins[0])
    assert desk.withheld("capacity") == 0
    assert desk.lists_at(FIRST_LIST_MS + 2 * DAY_MS) == []  # two days and an hour: too old by now
    assert desk.withheld("capacity") == 1
    assert desk.queue.memory.listed_count(DESK) == 0


def test_what_waits_is_what_is_true(desk: Desk) -> None:
    """A later revision takes the place of what waits, or takes it away; nobody is told of what is over."""
    desk.take(risk("better", 0.9), risk("worse", 0.6), risk("over", 0.95), risk("taken", 0.99))
    better, worse = risk("better", 0.55, 2), risk("worse", 0.8, 2)
    desk.take(better, worse, risk("over", 0.2, 2, state="resolved"), risk("taken", 0.99, 2, state="acknowledged"))
    assert desk.lists_at(FIRST_LIST_MS) == ids(worse, better)
    assert desk.withheld("settled") == 2
    desk.take(risk("over", 0.1, 3, state="retracted"))
    assert desk.sent() == []


def test_an_earlier_revision_that_comes_later_changes_nothing(desk: Desk) -> None:
    """As it can where a topic was made anew."""
    second = risk("c", 0.6, 2)
    desk.take(second, risk("c", 0.9))
    assert desk.lists_at(FIRST_LIST_MS) == ids(second)


@given(
    order=st.permutations(
        [(1.0, 0.0, "b"), (0.5, 9.0, "c"), (0.5, 9.0, "d"), (0.5, 8.0, "a"), (0.5, 0.0, "e"), (0.0, 99.0, "f")]
    )
)
def test_the_ranking_knows_no_order_of_arrival(order: list[tuple[float, float, str]]) -> None:
    """By score, then value, then id."""
    alerts = [Listed(name, "", RISK, b"", "warning", b"", score, value, 0) for score, value, name in order]
    assert [alert.alert_id for alert in ranked(alerts)] == ["b", "c", "d", "a", "e", "f"]


def test_what_was_delivered_is_followed_up_at_once(desk: Desk) -> None:
    """An update and the end of an alert that the team has are no new work."""
    desk.take(risk("c", 0.9))
    assert desk.lists_at(FIRST_LIST_MS) == ids(risk("c", 0.9))
    update, end = risk("c", 0.95, 2), risk("c", 0.1, 3, state="resolved")
    desk.take(update, end)
    assert desk.sent() == ids(update, end)
    assert desk.queue.memory.listed_count(DESK) == 0


def test_other_rules_do_not_wait(desk: Desk) -> None:
    """The list is for those that it names."""
    outflow = made_alert("c")
    desk.take(outflow)
    assert desk.sent() == ids(outflow)


def test_filters_speak_of_states_and_lists_of_alerts(tmp_path: Path) -> None:
    """Who wants what is raised gets the latest revision of it, but not what has ended, or is not wanted any more."""
    desk = Desk(tmp_path / "notifier.sqlite3", daily_top={**TOP, "k": 9}, states=["raised"], tiers=["core"])
    desk.take(risk("worse", 0.6), risk("over", 0.9), risk("moved", 0.9))
    worse = risk("worse", 0.8, 2)
    desk.take(worse, risk("over", 0.2, 2, state="resolved"), risk("moved", 0.9, 2, tier="basic"))
    desk.take(risk("never", 0.9, 2))
    assert desk.lists_at(FIRST_LIST_MS) == ids(worse)
    assert desk.withheld("settled") == 2


def test_a_list_waits_for_what_kafka_holds_but_not_for_ever(desk: Desk) -> None:
    """After a night without a notifier, what came in it competes; without Kafka there is a list all the same."""
    early, late = risk("early", 0.5), risk("late", 0.9)
    desk.take(early)
    desk.now_ms = FIRST_LIST_MS + 3 * HOUR_MS
    desk.restart(daily_top={**TOP, "k": 1})
    assert desk.lists_at(FIRST_LIST_MS + 3 * HOUR_MS, caught_up=False) == []
    desk.take(late)
    assert desk.lists_at(FIRST_LIST_MS + 3 * HOUR_MS + 1000) == ids(late)
    assert desk.lists_at(FIRST_LIST_MS + DAY_MS + PATIENCE_MS - 1, caught_up=False) == []
    assert desk.lists_at(FIRST_LIST_MS + DAY_MS + PATIENCE_MS, caught_up=False) == ids(early)


def test_missed_lists_are_one(desk: Desk) -> None:
    """Three days without a notifier do not make three days' work on one morning, and the first list is due next."""
    alerts = [risk(f"c{n}", n / 10, hour=70) for n in range(1, 8)]
    desk.take(*alerts)
    desk.now_ms = FIRST_LIST_MS + 3 * DAY_MS + HOUR_MS
    desk.restart(daily_top=TOP)
    assert desk.lists_at(desk.now_ms) == ids(alerts[6], alerts[5])
    assert desk.lists_at(desk.now_ms + HOUR_MS) == []


def test_without_the_list_what_waited_goes_at_once(desk: Desk) -> None:
    """Taking the list out of the file loses nothing, and what was over in the meantime stays unsaid."""
    first, second = risk("first", 0.6), risk("second", 0.9)
    desk.take(first, second, risk("over", 0.8), risk("over", 0.1, 2, state="resolved"))
    desk.restart()
    assert desk.sent() == ids(second, first)
    third = risk("third", 0.1)
    desk.take(third)
    assert desk.sent() == ids(third)


def test_a_disabled_endpoint_has_its_list_parked(tmp_path: Path) -> None:
    """Like everything else that comes after 410: it can be replayed."""
    desk = Desk(tmp_path / "notifier.sqlite3", daily_top=TOP)
    desk.lists = DailyLists(desk.queue, desk.gate, [desk.endpoint], desk.metrics, lambda: {DESK}, lambda: desk.now_ms)
    desk.take(risk("c", 0.9))
    assert desk.lists_at(FIRST_LIST_MS) == []
    assert [parked.last for parked in desk.queue.parked(DESK, 10)] == ["disabled"]


def killed_at(statement: int, path: Path) -> bool:
    """Make a list in a process of its own that kills itself before that statement; False when it got to the end."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = count(statement, -1)

    def look(_: str) -> None:
        if next(left) == 1:
            os.kill(os.getpid(), SIGKILL)

    try:
        desk = Desk(path, daily_top=TOP)
        desk.now_ms = FIRST_LIST_MS
        desk.queue._database.set_trace_callback(look)
        desk.lists.make_due(True)
    finally:
        os._exit(0)


def test_killed_at_every_statement_of_a_list(tmp_path: Path) -> None:
    """Afterwards there is the list or none of it; made again, nobody is told twice, and nobody is lost."""
    alerts = [risk(f"c{n}", n / 10) for n in range(1, 5)]
    whole = 0
    for statement in count(1):
        path = tmp_path / f"{statement}.sqlite3"
        desk = Desk(path, daily_top=TOP)
        desk.take(*alerts)
        desk.queue.close()
        killed = killed_at(statement, path)
        desk.start(daily_top=TOP)
        waiting = desk.queue.depth(DESK).waiting
        assert (waiting, desk.queue.memory.listed_count(DESK)) in ((0, 4), (2, 2))
        whole += waiting == 2
        assert desk.lists_at(FIRST_LIST_MS + 1) == ids(alerts[3], alerts[2])
        assert desk.lists_at(FIRST_LIST_MS + DAY_MS) == ids(alerts[1], alerts[0])
        desk.queue.close()
        if not killed:
            break
    assert statement > 10
    assert 1 <= whole < statement


# --- cooldown --------------------------------------------------------------------------------------


def outflow(customer: str, cause: str, hour: float, revision: int = 1, **fields: Any) -> Alert:
    made = {
        "alert_id": alert_id("asset_outflow", customer, "", cause),
        "at": instant(START_MS + round(hour * HOUR_MS)),
        "severity": "warning",
    }
    return made_alert(customer, revision, **{**made, **fields})


def test_one_alert_of_a_rule_and_customer_for_some_hours(tmp_path: Path) -> None:
    """Others, other customers and worse ones come through; the end is told to whoever heard of the beginning."""
    desk = Desk(tmp_path / "notifier.sqlite3", cooldown_hours={"asset_outflow": 12})
    first, other, inquiry = outflow("c", "a", 0), outflow("d", "a", 1), made_alert("c", rule="repeated_inquiry")
    desk.take(first, other, inquiry)
    desk.take(outflow("c", "a", 2, 2), outflow("c", "b", 11.99))
    assert desk.sent() == ids(first, other, inquiry)
    assert desk.withheld("cooldown") == 2
    end = outflow("c", "a", 12, 3, state="resolved")
    desk.take(end, outflow("c", "b", 11.995, 2, state="resolved"))
    assert desk.sent() == ids(end)
    assert desk.withheld("settled") == 1
    again = outflow("c", "e", 12)
    desk.take(again)
    assert desk.sent() == ids(again)
    worse = outflow("c", "e", 13, 2, severity="critical")
    desk.take(worse, outflow("c", "e", 14, 3, severity="critical"), outflow("c", "f", 15))
    assert desk.sent() == ids(worse)
    desk.restart(cooldown_hours={"asset_outflow": 12})
    desk.take(outflow("c", "g", 24.9))
    assert desk.sent() == []
    last = outflow("c", "h", 25)
    desk.take(last)
    assert desk.sent() == ids(last)


def test_a_cooldown_holds_for_lists_too(tmp_path: Path) -> None:
    """Who cools down takes nobody's place on the list."""
    desk = Desk(tmp_path / "notifier.sqlite3", daily_top={**TOP, "k": 1}, cooldown_hours={RISK: 48})
    first = risk("c", 0.9)
    desk.take(first)
    assert desk.lists_at(FIRST_LIST_MS) == ids(first)
    second, other = risk("c", 0.95, hour=30, alert_id="f" * 16), risk("d", 0.6, hour=30)
    desk.take(second, other)
    assert desk.lists_at(FIRST_LIST_MS + 2 * DAY_MS) == ids(other)
    assert desk.withheld("cooldown") == 1


def test_an_endpoint_without_wishes_remembers_nothing(tmp_path: Path) -> None:
    """Everything goes at once, as it came."""
    desk = Desk(tmp_path / "notifier.sqlite3")
    alerts = [risk("c", 0.9), risk("c", 0.95, 2), risk("c", 0.1, 3, state="resolved")]
    desk.take(*alerts)
    assert desk.sent() == ids(*alerts)
    for table in ("heard", "cooling", "listed", "lists"):
        assert desk.queue._database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608 - ours


# --- order -----------------------------------------------------------------------------------------

STORIES = st.lists(
    st.lists(
        st.tuples(st.sampled_from(("updated", "updated", "resolved", "acknowledged")), st.integers(0, 10)), max_size=3
    ),
    min_size=1,
    max_size=6,
)


def told(path: Path, order: Sequence[Alert], restarts: set[int]) -> list[str]:
    """What the team hears in three days when alerts come in this order, the notifier being killed now and then."""
    path.unlink(missing_ok=True)
    desk = Desk(path, daily_top=TOP, cooldown_hours={RISK: 6})
    for number, alert in enumerate(order):
        if number in restarts:
            desk.restart(daily_top=TOP, cooldown_hours={RISK: 6})
        desk.take(alert)
    found = [one for day in range(3) for one in desk.lists_at(FIRST_LIST_MS + day * DAY_MS)]
    desk.queue.close()
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(stories=STORIES, data=st.data())
def test_the_order_in_which_customers_come_does_not_matter(
    tmp_path: Path, stories: list[list[tuple[str, int]]], data: st.DataObject
) -> None:
    """Partitions are read in any interleaving, and notifiers die: the lists are the same, and nobody is told twice."""
    lives = [
        [risk(f"c{customer}", (customer + 1) / 10)]
        + [
            risk(f"c{customer}", score / 10, revision, revision / 10, state=state)
            for revision, (state, score) in enumerate(story, 2)
        ]
        for customer, story in enumerate(stories)
    ]
    turns = data.draw(st.permutations([customer for customer, life in enumerate(lives) for _ in life]))
    left = [iter(life) for life in lives]
    mixed = [next(left[customer]) for customer in turns]
    restarts = data.draw(st.sets(st.integers(0, len(mixed))))
    path = tmp_path / "notifier.sqlite3"
    straight = told(path, [alert for life in lives for alert in life], set())
    assert told(path, mixed, restarts) == straight
    assert len(set(straight)) == len(straight)
    ended = {alert.alert_id for life in lives for alert in life if alert.state in ("resolved", "acknowledged")}
    reopened = {
        b.alert_id for life in lives for a, b in pairwise(life) if a.state != "updated" and b.state == "updated"
    }
    assert not {one.partition(".")[0] for one in straight} & (ended - reopened)
