"""The repeated-inquiry rule against a simulation that recounts everything at every moment."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from models.alerts import Alert, alert_id, instant
from models.context import Reason
from models.customer import MAX_CONTACTS_PER_REASON, MAX_REASONS
from models.decay import DAY_MS
from models.inquiries import inquiries_of
from models.repeated_inquiry import RULE
from tests.unit.models.build import MINUTE_MS, Folded, contact, login, ms, out, policies, profile


def rule(**changes: Any) -> Folded:
    return Folded(policies(**{f"repeated_inquiry__{key}": value for key, value in changes.items()}))


def three(**more: Any) -> list[Any]:
    return [contact(ms(day), event_id=f"k{day}", **more) for day in range(3)]


# --- one by one ------------------------------------------------------------------------------------


def test_three_contacts_in_a_week_raise() -> None:
    """The third contact for the same reason raises, whatever the channel and the outcome."""
    folded = Folded().see(contact(ms(0), channel="chat", outcome="abandoned", event_id="k0"))
    folded.see(contact(ms(3), channel="branch", event_id="k1"))
    assert folded.reasons == [Reason.BELOW_THRESHOLD] * 2
    folded.see(contact(ms(6.99), channel="email", event_id="k2"))
    [alert] = folded.alerts
    assert alert.alert_id == alert_id(RULE, "c", "card", "event:k2")
    assert (alert.state, alert.severity, alert.subject, alert.revision) == ("raised", "warning", "card", 1)
    assert alert.evidence == ["k0", "k1", "k2"]
    assert alert.figures == {
        "contacts": 3,
        "window_days": 7,
        "first_contact_at": instant(ms(0)).isoformat(),
        "last_contact_at": instant(ms(6.99)).isoformat(),
    }
    assert alert.at == alert.raised_at == instant(ms(6.99))
    assert folded.customer.due_ms == ms(7)


@pytest.mark.parametrize(("last_ms", "told"), [(ms(7) - 1, ["raised"]), (ms(7), [])])
def test_the_edge_of_the_window(last_ms: int, told: list[str]) -> None:
    """A contact counts for seven days of 24 hours, not a millisecond longer."""
    assert Folded().see(contact(ms(0)), contact(ms(3)), contact(last_ms)).told == told


def test_reasons_are_counted_apart() -> None:
    """Three questions about three things are no repeated inquiry, nor are calls that the bank makes."""
    folded = Folded().see(contact(ms(0), "card"), contact(ms(0), "loan"), contact(ms(0), "fees"))
    folded.see(*(contact(ms(1), "card", direction="outbound") for _ in range(5)), login(ms(1)), out(ms(1), 5))
    assert folded.alerts == []


def test_more_contacts_update_and_become_critical() -> None:
    """Each further contact in the window is worth a report; from the fifth on it is critical."""
    folded = Folded().see(*(contact(ms(0, hour)) for hour in range(10)))
    assert folded.told == ["raised", *["updated"] * 5]  # the eighth is the last that is counted
    assert [alert.severity for alert in folded.alerts] == ["warning", "warning", *["critical"] * 4]
    assert [alert.figures["contacts"] for alert in folded.alerts] == [3, 4, 5, 6, 7, 8]
    assert len({alert.alert_id for alert in folded.alerts}) == 1
    assert folded.alerts[-1].summary.startswith("At least 8 contacts")
    assert folded.reasons[-2:] == [Reason.UNCHANGED] * 2


def test_it_is_resolved_at_its_exact_time() -> None:
    """The alert ends when the window holds too few contacts, to the millisecond, however late the tick."""
    folded = Folded().see(*three()).tick(ms(7) - 1)
    assert folded.told == ["raised"]
    folded.tick(ms(8.5))
    resolved = folded.alerts[-1]
    assert (resolved.state, resolved.at, resolved.revision) == ("resolved", instant(ms(7)), 2)
    assert resolved.evidence == ["k1", "k2"]
    assert resolved.figures["contacts"] == 2
    assert folded.state(RULE, "card").cooling_until_ms == ms(10)


def test_quiet_while_cooling_down_then_raised_by_deadline() -> None:
    """Contacts during the cooldown count: if they are enough when it ends, the deadline raises."""
    folded = Folded().see(*three()).tick(ms(7))
    folded.see(*(contact(ms(8, hour), event_id=f"again{hour}") for hour in range(3)))
    assert folded.reasons[-3:] == [Reason.COOLDOWN] * 3
    folded.tick(ms(20))
    assert folded.told == ["raised", "resolved", "raised", "resolved"]
    again = folded.alerts[2]
    assert again.alert_id == alert_id(RULE, "c", "card", f"deadline:{ms(10)}")
    assert again.at == instant(ms(10))
    assert again.evidence == ["again0", "again1", "again2"]
    assert folded.alerts[3].at == instant(ms(15))


def test_a_contact_at_the_very_end_of_the_cooldown() -> None:
    """The cooldown is over when it ends, even if the contact of that moment comes before the tick."""
    folded = Folded().see(*three()).tick(ms(7)).see(contact(ms(8)), contact(ms(10) - 1))
    assert folded.reasons[-1] == Reason.COOLDOWN
    folded.see(contact(ms(10), event_id="last"))
    assert folded.told == ["raised", "resolved", "raised"]
    assert folded.alerts[-1].alert_id == alert_id(RULE, "c", "card", "event:last")


def test_what_comes_after_the_deadline_does_not_move_it() -> None:
    """A contact that is heard of before the tick, but after the deadline, leaves the resolution where it was."""
    folded = Folded().see(*three(), contact(ms(8.5), event_id="after")).tick(ms(8.6))
    assert folded.told == ["raised", "resolved"]
    assert (folded.alerts[-1].at, folded.alerts[-1].evidence) == (instant(ms(7)), ["k1", "k2"])


def test_quiet_after_the_cooldown() -> None:
    """When the cooldown ends with too few contacts, nothing is kept."""
    folded = Folded().see(*three()).tick(ms(30))
    assert folded.told == ["raised", "resolved"]
    assert folded.customer.alerts == []
    assert folded.reasons[-2:] == [Reason.COOLDOWN_OVER, Reason.BELOW_THRESHOLD]


def test_a_late_contact_counts_where_it_belongs() -> None:
    """With the clock ahead, a contact of the window raises now; an older one is stale."""
    folded = Folded().see(contact(ms(5)), contact(ms(6))).tick(ms(8))
    folded.see(contact(ms(1)))
    assert folded.reasons[-1] == Reason.STALE
    folded.see(contact(ms(4), event_id="late"))
    [alert] = folded.alerts
    assert (alert.at, alert.figures["first_contact_at"]) == (instant(ms(8)), instant(ms(4)).isoformat())
    assert alert.alert_id == alert_id(RULE, "c", "card", "event:late")
    assert folded.customer.due_ms == ms(11)


def test_contacts_further_apart_never_count_together() -> None:
    """Without any tick, a contact that comes late is judged by the customer's latest time, not by its own."""
    folded = Folded().see(contact(ms(10)), contact(ms(9.5)), contact(ms(2)))
    assert folded.alerts == []
    assert folded.reasons[-1] == Reason.STALE


def test_ignored_reasons_raise_nothing() -> None:
    """A reason that says nothing is counted and never decided on."""
    folded = rule(ignored_reasons=["card"]).see(*three())
    assert folded.reasons == [Reason.IGNORED] * 3
    assert len(inquiries_of(folded.customer)["card"].times_ms) == 3


def test_a_reason_ignored_later_is_resolved_and_stays_away() -> None:
    """A policy that ignores a reason from here on ends its alert at the next deadline; a cooldown brings none back."""
    ignoring = policies(repeated_inquiry__ignored_reasons=["card"])
    folded = Folded().see(*three()).adopt(ignoring).see(*(contact(ms(3, hour)) for hour in range(5))).tick(ms(30))
    assert folded.told == ["raised", "resolved"]
    assert folded.alerts[-1].at == instant(ms(7))
    cooling = Folded().see(*three()).tick(ms(7)).see(*(contact(ms(8)) for _ in range(5))).adopt(ignoring).tick(ms(30))
    assert cooling.told == ["raised", "resolved"]


def test_a_policy_that_asks_for_more() -> None:
    """An open alert that the new policy would not raise is resolved at the deadline it was given."""
    folded = Folded().see(*three()).adopt(policies(repeated_inquiry__contacts=5)).see(contact(ms(3)))
    assert folded.reasons[-1] == Reason.UNCHANGED
    folded.tick(ms(30))
    assert folded.told == ["raised", "resolved"]
    assert folded.alerts[-1].at == instant(ms(7))


def test_a_policy_that_asks_for_less() -> None:
    """An open alert that the new policy would still raise is not resolved before its time."""
    folded = rule(contacts=5).see(*(contact(ms(day)) for day in range(5))).adopt(policies()).tick(ms(30))
    assert folded.told == ["raised", "resolved"]
    assert folded.alerts[-1].at == instant(ms(9))


def test_a_reason_too_many_pushes_out_an_idle_one() -> None:
    """The longest silent reason without an alert gives way, even if one with an alert is older."""
    folded = Folded().see(*three(), *(contact(ms(3, i), f"r{i}") for i in range(MAX_REASONS)))
    assert inquiries_of(folded.customer).keys() == {"card", *(f"r{i}" for i in range(1, MAX_REASONS))}
    assert folded.told == ["raised"]


def test_the_longest_silent_reason_is_pushed_out() -> None:
    """What counts is when a reason was last heard of, not when it was first."""
    folded = Folded().see(*(contact(ms(i), f"r{i:02d}") for i in range(MAX_REASONS)), contact(ms(20), "r00"))
    folded.see(contact(ms(21), "one more"))
    assert "r00" in inquiries_of(folded.customer)
    assert "r01" not in inquiries_of(folded.customer)


def test_when_every_reason_has_an_alert_the_oldest_is_resolved() -> None:
    """An alert never outlives the contacts it stands on: it is resolved when they are forgotten, at once."""
    reasons = [f"r{i:02d}" for i in range(MAX_REASONS)]
    folded = Folded().see(*(contact(ms(0, n), reason) for n in range(3) for reason in reasons))
    assert folded.told == ["raised"] * MAX_REASONS
    folded.see(contact(ms(1), "one more"))
    last = folded.alerts[-1]
    assert (last.state, last.subject, last.at) == ("resolved", "r00", instant(ms(1)))
    assert [state.subject for state in folded.customer.alerts] == reasons[1:]
    folded.tick(ms(40))
    assert folded.told.count("resolved") == MAX_REASONS
    assert folded.customer.alerts == []


def test_a_forgotten_cooldown_is_over() -> None:
    """A reason that is pushed out while it cools down leaves no deadline behind."""
    reasons = [f"r{i:02d}" for i in range(MAX_REASONS)]
    folded = Folded().see(*(contact(ms(0, n), reason) for n in range(3) for reason in reasons)).tick(ms(8))
    folded.see(contact(ms(8, 1), "one more"))
    assert len(folded.customer.alerts) == MAX_REASONS - 1
    folded.tick(ms(40))
    assert folded.customer.alerts == []


def test_the_action_is_that_of_the_tier() -> None:
    """What to do depends on who asks."""
    actions = set()
    for tier in ("core", "potential", "basic"):
        actions.add(Folded().see(profile(ms(-1), tier=tier), *three()).alerts[0].action)
    assert len(actions) == 3


# --- against brute force ---------------------------------------------------------------------------


class Asked(Struct, frozen=True):
    """A contact: when it is heard of, when it was, for which reason."""

    heard_ms: int
    at_ms: int
    reason: str
    event_id: str


Told = tuple[str, str, int, str, int]
"""State, reason, time, cause (of a raised alert), contacts."""


class Watched:
    """One reason, watched by counting all contacts heard of so far."""

    def __init__(self, reason: str, need: int, window_ms: int, cooldown_ms: int) -> None:
        self.reason, self.need, self.window_ms, self.cooldown_ms = reason, need, window_ms, cooldown_ms
        self.heard: list[int] = []
        self.reported = 0  # contacts last reported; 0 while there is no open alert
        self.quiet_until_ms = -1
        self.told: list[Told] = []

    def contacts(self, now_ms: int) -> int:
        return min(sum(now_ms - self.window_ms < at <= now_ms for at in self.heard), MAX_CONTACTS_PER_REASON)

    def time_passes(self, now_ms: int) -> None:
        contacts = self.contacts(now_ms)
        if self.reported and contacts < self.need:
            self.told.append(("resolved", self.reason, now_ms, "", contacts))
            self.reported = 0
            if self.cooldown_ms:
                self.quiet_until_ms = now_ms + self.cooldown_ms
        if now_ms == self.quiet_until_ms:
            self.quiet_until_ms = -1
            self.consider(now_ms, f"deadline:{now_ms}")

    def hear(self, asked: Asked, now_ms: int) -> None:
        self.heard.append(asked.at_ms)
        if self.quiet_until_ms < 0 and asked.at_ms > now_ms - self.window_ms:
            self.consider(now_ms, f"event:{asked.event_id}")

    def consider(self, now_ms: int, cause: str) -> None:
        contacts = self.contacts(now_ms)
        if contacts < self.need or contacts <= self.reported:
            return
        state = "updated" if self.reported else "raised"
        self.told.append((state, self.reason, now_ms, "" if self.reported else cause, contacts))
        self.reported = contacts


def brute_force(history: list[Asked], step_ms: int, until_ms: int, need: int, window: int, cooldown: int) -> list[Told]:
    reasons = sorted({asked.reason for asked in history})
    watched = {reason: Watched(reason, need, window * DAY_MS, cooldown * DAY_MS) for reason in reasons}
    pending = list(history)
    for now_ms in range(ms(0), until_ms, step_ms):
        for one in watched.values():
            if one.heard:
                one.time_passes(now_ms)
        while pending and pending[0].heard_ms == now_ms:
            asked = pending.pop(0)
            watched[asked.reason].hear(asked, now_ms)
    return sorted(told for one in watched.values() for told in one.told)


def by_the_fold(history: list[Asked], step_ms: int, until_ms: int, need: int, window: int, cooldown: int) -> list[Told]:
    folded = rule(contacts=need, critical_contacts=8, window_days=window, cooldown_days=cooldown)
    pending = list(history)
    for now_ms in range(ms(0), until_ms, step_ms):
        folded.tick(now_ms)
        while pending and pending[0].heard_ms == now_ms:
            asked = pending.pop(0)
            folded.see(contact(asked.at_ms, asked.reason, event_id=asked.event_id))
    assert folded.customer.alerts == []
    causes = {
        alert_id(RULE, "c", asked.reason, f"event:{asked.event_id}"): f"event:{asked.event_id}" for asked in history
    }
    return sorted(as_told(alert, causes) for alert in folded.alerts)


def as_told(alert: Alert, causes: dict[str, str]) -> Told:
    at_ms = round(alert.at.timestamp() * 1000)
    by_deadline = alert_id(RULE, "c", alert.subject, f"deadline:{at_ms}")
    cause = f"deadline:{at_ms}" if alert.alert_id == by_deadline else causes.get(alert.alert_id, "")
    contacts = alert.figures["contacts"]
    assert isinstance(contacts, int)
    assert len(alert.evidence) == max(contacts, 1)
    return (alert.state, alert.subject, at_ms, cause if alert.state == "raised" else "", contacts)


def asked_at(moments: list[tuple[int, int, int]], step_ms: int) -> list[Asked]:
    """Contacts from (when, how much later heard of, reason), in steps, in the order in which they are heard of."""
    history = [
        Asked(ms(0) + (when + late) * step_ms, ms(0) + when * step_ms, f"r{reason}", f"k{i}")
        for i, (when, late, reason) in enumerate(moments)
    ]
    return sorted(history, key=lambda asked: asked.heard_ms)


HALF_HOURS_A_DAY = 48


@settings(max_examples=80)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 20 * HALF_HOURS_A_DAY),
            st.one_of(st.just(0), st.just(0), st.integers(0, 5 * HALF_HOURS_A_DAY)),
            st.integers(1, 2),
        ),
        min_size=1,
        max_size=60,
    ),
    st.integers(2, 5),
    st.integers(1, 7),
    st.integers(0, 4),
)
def test_equals_brute_force(moments: list[tuple[int, int, int]], need: int, window: int, cooldown: int) -> None:
    """Raised, updated and resolved exactly when recounting all contacts at every half hour says so."""
    step_ms = 30 * MINUTE_MS
    history = asked_at(moments, step_ms)
    arguments = (history, step_ms, ms(20 + 5 + 7 + 4 + 7 + 4 + 1), need, window, cooldown)
    assert by_the_fold(*arguments) == brute_force(*arguments)


@pytest.mark.parametrize("seed", range(3))
def test_equals_brute_force_every_minute(seed: int) -> None:
    """The same with a tick every minute, over bursts and lulls, with one contact in ten heard of late."""
    draw = random.Random(seed)
    moments = []
    for _ in range(12):
        burst = draw.randrange(25 * 1440)
        for _ in range(draw.randrange(1, 12)):
            late = draw.randrange(3 * 1440) if draw.random() < 0.1 else 0
            moments.append((burst + draw.randrange(4 * 1440), late, draw.randrange(1, 3)))
    history = asked_at(moments, MINUTE_MS)
    arguments = (history, MINUTE_MS, ms(55), 3, 7, 3)
    told = by_the_fold(*arguments)
    assert told == brute_force(*arguments)
    assert {state for state, *_ in told} == {"raised", "updated", "resolved"}
