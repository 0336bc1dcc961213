"""Whatever is heard in whatever order, with ticks wherever they fall: what holds of cases and of their alerts."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.policies import Policies, policies_from_document, policy_document
from models import counters
from models.case_verdict import CaseVerdict
from models.context import ClockEvent
from models.customer import decode_customer, encode_customer
from models.decay import DAY_MS, weights
from models.events import Complaint, epoch_ms
from tests.unit.models.build import SHIPPED
from tests.unit.models.case_builders import MINUTE_MS, at, clock_policy, step
from tests.unit.models.case_watch import Watched, check_alerts, check_waiting, need, open_alerts, promising

BEGIN_MS = at("Mon 08:00")
DAY_MINUTES = 1440


def _rich() -> Policies:
    """Every kind of clock, two versions of a profile, another profile for some regions, and none for others."""
    many = [
        clock_policy(
            calendar="days",
            target=20,
            targets=[{"when": {"priority": ["high"]}, "target": 1}],
            warnings=[{"percent": 50}, {"percent": 90}],
            extensions=[{"name": "complex", "to": 40, "source": "test"}],
        ),
        clock_policy(
            name="working",
            unit="working_days",
            counting="next_day",
            ends="day",
            calendar="days",
            target=3,
            warnings=[{"remaining": 1}],
            extensions=[{"name": "complex", "by": 90, "source": "test"}],
        ),
        clock_policy(name="called_back", start=["closed"], stop=["called_back"], warnings=[{"percent": 50}]),
        clock_policy(name="hours", unit="business_hours", calendar="days", target=6, reset=["progress_reported"]),
    ]
    needs = (need(), need(name="remedied", when={"responsibility": ["bank"]}, needs=["remedied"], wait_minutes=0))
    document = policy_document(promising(*many, needs=needs, overrun_percent=20))
    [care] = document["complaints"]["profiles"]
    document["complaints"] |= {
        "profiles": [care, care | {"valid_from": "2026-09-15"}, care | {"name": "other"}],
        "selection": [
            {"when": {"region": ["uk"]}, "profiles": ["other"]},
            {"when": {"region": ["nowhere"]}, "profiles": []},
            {"profiles": ["care"]},
        ],
        "grace_days": 30,
        "abandoned_days": 60,
    }
    return policies_from_document(document)


RICH = _rich()
HASTY = policies_from_document(
    policy_document(RICH) | {"complaints": policy_document(RICH)["complaints"] | {"grace_days": 0, "abandoned_days": 1}}
)

STEPS = (
    "received", "responded", "progress_reported", "investigated", "plan_confirmed", "remedied", "closed", "closed",
    "called_back", "escalated", "paused", "resumed", "reopened", "reclassified", "withdrawn", "extension_granted",
    "odd",
)  # fmt: skip
SAID: dict[str, list[dict[str, Any]]] = {
    "received": [{}, {}, {"region": "uk"}, {"region": "nowhere"}, {"priority": "high"}],
    "responded": [{}, {"region": "uk"}],
    "investigated": [{"responsibility": "bank"}, {"responsibility": "customer"}, {}],
    "reclassified": [{"priority": "high"}, {"priority": "low"}, {"responsibility": "bank"}],
    "extension_granted": [{"extension": "complex"}, {"extension": "of a kind nobody knows"}],
    "called_back": [{"satisfied": False}, {"satisfied": True}, {}],
}


@st.composite
def histories(draw: st.DrawFn) -> list[Complaint]:
    """Up to a dozen steps of one case within three weeks, some at the same instant; half begin with a receipt."""
    minutes = st.one_of(st.integers(0, 3), st.integers(0, 600), st.integers(0, 20 * DAY_MINUTES))
    names = draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=12))
    told = [("received", 0)] if draw(st.booleans()) else []
    told += [(name, draw(minutes)) for name in names]
    # Far from the calendar's end, and so close to it that deadlines fall behind it.
    begin_ms = BEGIN_MS + draw(st.sampled_from((0, 0, 100, 105))) * DAY_MS
    return [
        step(name, begin_ms + minute * MINUTE_MS, f"e{number}", **draw(st.sampled_from(SAID.get(name, [{}]))))
        for number, (name, minute) in enumerate(told)
    ]


delays = st.lists(
    st.one_of(st.just(0), st.integers(-90, 90), st.integers(0, 5 * DAY_MINUTES)), min_size=13, max_size=13
)
"""Minutes after a step (before it, by a clock that runs ahead) at which it is heard of."""
gaps = st.lists(st.integers(1, 2 * DAY_MINUTES), min_size=1, max_size=8)
"""Minutes between ticks, over and over."""


def lived(using: Policies, history: list[Complaint], late: list[int], between: list[int]) -> Watched:
    """The steps as they are heard of, with ticks in between and long after; the aggregate goes through its bytes."""
    watched = Watched(using)
    heard = [
        (epoch_ms(event.occurred_at) + delay * MINUTE_MS, event) for event, delay in zip(history, late, strict=False)
    ]
    heard.sort(key=lambda one: one[0])
    now_ms, turn = heard[0][0] - 1, 0
    for heard_ms, event in heard:
        while now_ms < heard_ms:
            now_ms = min(now_ms + between[turn % len(between)] * MINUTE_MS, heard_ms)
            turn += 1
            watched.tick(now_ms)
            if watched.known is not None:
                check_waiting(watched)
                watched.known = decode_customer(encode_customer(watched.customer))
        watched.see(event)
    for day in (1, 2, 40, 500):
        check_waiting(watched.tick(now_ms + day * DAY_MS))
    return watched


def left(watched: Watched) -> list[CaseVerdict]:
    assert watched.customer.cases == []
    return watched.verdicts


# --- properties ------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(histories(), delays, gaps, st.sampled_from((RICH, RICH, HASTY, SHIPPED)))
def test_alerts_and_counters_agree_with_the_last_word(
    history: list[Complaint], late: list[int], between: list[int], using: Policies
) -> None:
    """Alerts live and end in order, none outlives its case, and what is counted is what the last words say."""
    watched = lived(using, history, late, between)
    broken = [clock for one in left(watched) for clock in one.clocks if clock.verdict in ("late", "breached")]
    check_alerts(watched.alerts)
    assert open_alerts(watched.alerts) == set()
    assert all(score is None for score in watched.ctx.rankings.values())
    assert watched.ctx.pins._counts == {}
    assert watched.events[ClockEvent.BREACHED] - watched.events[ClockEvent.RETRACTED] == len(broken)
    expected = [0.0, 0.0, 0.0]
    for clock in broken:
        assert clock.due_at is not None
        by = weights(epoch_ms(clock.due_at) + 1, watched.customer.landmark_ms)
        expected = [a + b for a, b in zip(expected, by, strict=True)]
    found = counters.cell(watched.customer, counters.SLA_BREACH) or [0.0, 0.0, 0.0]
    assert found == pytest.approx(expected, abs=1e-9)
    failed = [one for verdict in watched.verdicts for one in verdict.requirements if one.verdict != "met"]
    last = {alert.alert_id: alert.state for alert in watched.process}
    assert list(last.values()).count("resolved") == len(failed)


@settings(max_examples=150)
@given(histories(), delays, delays, gaps, gaps)
def test_the_last_word_does_not_depend_on_the_order_of_arrival(
    history: list[Complaint], late: list[int], otherwise: list[int], between: list[int], other: list[int]
) -> None:
    """A case is the set of its steps: heard in any order, with any ticks in between, it leaves with one last word."""
    [one] = left(lived(RICH, history, late, between))
    [same] = left(lived(RICH, history, otherwise, other))
    assert msgspec.to_builtins(one) == msgspec.to_builtins(same)


@settings(max_examples=80)
@given(histories(), delays, gaps, gaps)
def test_what_is_told_does_not_depend_on_ticks(
    history: list[Complaint], late: list[int], between: list[int], other: list[int]
) -> None:
    """Steps heard in one order are told of alike, at the same times, however the ticks between them fall."""
    late = [max(delay, 0) for delay in late]
    told = []
    for ticks in (between, other):
        watched = lived(RICH, history, late, ticks)
        told.append([msgspec.to_builtins(output.body) for output in watched.ctx.outputs])
    assert told[0] == told[1]
