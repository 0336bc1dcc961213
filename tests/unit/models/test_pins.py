"""Policies that cases began with: kept exactly as long as a case needs them, and no edit judges a case again."""

from typing import Any

import msgspec
import pytest

from config.calendars import CalendarPolicy
from config.policies import Policies, policies_from_document, policy_digest, policy_document
from models.alerts import Alert
from models.case_verdict import CaseVerdict
from models.complaint_rules import ComplaintRules, pinned_policies
from models.context import ClockEvent
from models.customer import Customer, decode_customer, encode_customer
from models.decay import DAY_MS
from models.events import Complaint, Event, LedgerRecord, PolicyActivated
from models.pins import Pins, UnknownPolicies
from models.rules import Rules
from models.shard import (
    ShardDocuments,
    ShardFold,
    ShardState,
    decode_documents,
    decode_state,
    encode_documents,
    encode_state,
)
from tests.unit.models.build import SHIPPED, record, tick
from tests.unit.models.case_builders import around_the_clock, at, calendar, clock_policy, steps
from tests.unit.models.case_watch import Watched, promising


def version(name: str, hours: float = 4, **more: Any) -> Policies:
    """Policies of this name: closed within so many hours, cases stay for a day."""
    return promising(clock_policy(target=hours), version=name, complaints={"grace_days": 1}, **more)


A, B, C = version("a"), version("b", 8), version("c", 12)
DIGESTS = {name: ComplaintRules(pinned_policies(one)).digest for name, one in (("a", A), ("b", B), ("c", C))}


class Ledger:
    """A shard over which records are folded one batch each, through the stored bytes every time."""

    def __init__(self) -> None:
        self.state, self.documents = encode_state(ShardState()), encode_documents(ShardDocuments())
        self.customers: dict[str, bytes] = {}
        self.offset = 0
        self.written: list[bool] = []
        self.verdicts: list[CaseVerdict] = []
        self.life: list[tuple[str, ...]] = []

    def fold(self, *records: LedgerRecord) -> "Ledger":
        for one in records:
            shard = ShardFold(decode_state(self.state), decode_documents(self.documents))
            customers: dict[str, Customer] = {who: decode_customer(body) for who, body in self.customers.items()}
            due = [(customer.due_ms, who) for who, customer in customers.items() if customer.due_ms]
            shard.begin(customers, due)
            shard.apply(one)
            self.customers |= {who: encode_customer(customer) for who, customer in shard.changed.items()}
            documents = encode_documents(shard.documents)
            # What is said to have changed is all that is written, and nothing is written that has not changed.
            assert shard.documents_changed or documents == self.documents
            self.written.append(shard.documents_changed)
            self.state = encode_state(shard.state)
            self.documents = documents
            bodies = [output.body for output in shard.take().outputs]
            self.verdicts += [body for body in bodies if isinstance(body, CaseVerdict)]
            self.life += [(body.state, *body.triggers) for body in bodies if isinstance(body, Alert)]
        return self

    def activate(self, using: Policies) -> "Ledger":
        return self.fold(record(PolicyActivated(digest=policy_digest(using), document=policy_document(using))))

    def hear(self, text: str, case_id: str = "case") -> "Ledger":
        for event in steps(text):
            self.offset += 1
            named = msgspec.structs.replace(event, case_id=case_id, event_id=f"{case_id}{event.event_id}")
            self.fold(record(named, "complaints/0", self.offset))
        return self

    def tick(self, now: str) -> "Ledger":
        return self.fold(tick(at(now)))

    @property
    def pinned(self) -> set[str]:
        """Names of the former versions that are kept."""
        by_digest = {digest: name for name, digest in DIGESTS.items()}
        return {by_digest[digest] for digest in decode_documents(self.documents).pinned}

    @property
    def counts(self) -> dict[str, int]:
        by_digest = {digest: name for name, digest in DIGESTS.items()}
        return {by_digest[digest]: cases for digest, cases in decode_state(self.state).cases.items()}


def test_a_former_version_is_kept_while_a_case_needs_it_and_dropped_after() -> None:
    """The document of a version is written when it is superseded with cases open, and goes with the last of them."""
    ledger = Ledger().activate(A).hear("received Mon 09:00").hear("received Mon 09:00", "other").activate(B)
    assert (ledger.pinned, ledger.counts) == ({"a"}, {"a": 2})
    ledger.hear("received Mon 10:00", "third")
    assert (ledger.pinned, ledger.counts) == ({"a"}, {"a": 2, "b": 1})
    ledger.hear("closed Mon 11:00").tick("Wed 09:00")
    assert (ledger.pinned, ledger.counts) == ({"a"}, {"a": 1, "b": 1})
    ledger.hear("closed Wed 11:00", "other").tick("Fri 09:00")
    assert (ledger.pinned, ledger.counts) == (set(), {"b": 1})
    assert ledger.hear("closed Wed 11:00", "third").counts == {}


def test_documents_are_written_exactly_when_they_change() -> None:
    """Activations and the departure of a former version's last case write documents; nothing else does."""
    ledger = Ledger().activate(A).hear("received Mon 09:00").activate(B).hear("received Mon 10:00", "other")
    assert ledger.written == [True, False, True, False]
    ledger.tick("Mon 12:00").hear("closed Mon 13:00").tick("Mon 20:00").tick("Wed 09:00").tick("Wed 10:00")
    assert ledger.written[4:] == [False, False, False, True, False]
    ledger.hear("closed Wed 10:00", "other").tick("Fri 10:00")
    assert ledger.counts == {}
    assert ledger.written[9:] == [False, False]


def test_a_version_that_no_case_began_with_is_never_kept() -> None:
    """Versions that come and go between cases leave nothing behind."""
    ledger = Ledger().activate(A).activate(B).hear("received Mon 09:00").activate(C).activate(A).activate(C)
    assert (ledger.pinned, ledger.counts) == ({"b"}, {"b": 1})


def test_back_to_a_former_version() -> None:
    """A version that comes back in force is no former one; its cases never noticed, the other's stay with theirs."""
    ledger = Ledger().activate(A).hear("received Mon 09:00").activate(B).hear("received Mon 09:00", "other")
    ledger.activate(A).hear("received Mon 09:00", "third")
    assert (ledger.pinned, ledger.counts) == ({"b"}, {"a": 2, "b": 1})
    ledger.tick("Mon 14:00")
    assert ledger.life == [("raised", "breached")] * 2
    ledger.activate(B)
    assert (ledger.pinned, ledger.counts) == ({"a"}, {"a": 2, "b": 1})
    ledger.tick("Mon 18:00")
    assert ledger.life[2:] == [("updated", "overrun")] * 2 + [("raised", "breached")]
    for case_id in ("case", "other", "third"):
        ledger.hear("closed Mon 19:00", case_id)
    ledger.tick("Wed 09:00")
    assert [verdict.policy_version for verdict in ledger.verdicts] == ["a", "b", "a"]
    assert [clock.target for verdict in ledger.verdicts for clock in verdict.clocks] == [4.0, 8.0, 4.0]
    assert (ledger.pinned, ledger.counts) == (set(), {})


def test_the_same_version_again_changes_no_case() -> None:
    """Activating what is in force keeps it, and keeps no copy of it."""
    ledger = Ledger().activate(A).hear("received Mon 09:00").activate(A)
    assert (ledger.pinned, ledger.counts) == (set(), {"a": 1})
    ledger.tick("Mon 14:00").activate(A).tick("Mon 15:00")
    assert ledger.life == [("raised", "breached")]


def test_an_edit_elsewhere_is_the_same_version_to_a_case() -> None:
    """A policy document that differs in another rule only is pinned once: cases need what decides about them."""
    document = policy_document(A)
    document["repeated_inquiry"]["contacts"] = 2
    ledger = Ledger().activate(A).hear("received Mon 09:00").activate(policies_from_document(document))
    assert (ledger.pinned, ledger.counts) == (set(), {"a": 1})


def test_a_case_that_a_shard_cannot_know_stops_it() -> None:
    """A digest without its document is a broken store: folding on would make up a verdict."""
    pins = Pins(Rules(A), {}, {})
    with pytest.raises(UnknownPolicies):
        pins.of("0123456789abcdef")


def test_a_case_that_began_after_these_pins_cannot_leave_them() -> None:
    """A worker that another has overtaken may read a later customer: it is told so, by a version in force as well."""
    pins = Pins(Rules(A), {}, {})
    with pytest.raises(UnknownPolicies):
        pins.release(pins.current.digest)


def test_a_pinned_version_is_the_same_after_its_document() -> None:
    """What is read back from a document has the digest, and so the judgement, of what was written."""
    for using in (A, B, SHIPPED):
        counts: dict[str, int] = {}
        documents: dict[str, dict[str, object]] = {}
        pins = Pins(Rules(using), counts, documents)
        digest = pins.pin()
        pins.activate(Rules(C))
        assert (counts, list(documents)) == ({digest: 1}, [digest])
        again = Pins(Rules(C), dict(counts), msgspec.json.decode(msgspec.json.encode(documents)))
        assert again.of(digest).digest == digest
        assert again.of(digest).pinned == pins.of(digest).pinned == pinned_policies(using)
        again.release(digest)
        assert again.changed
        with pytest.raises(UnknownPolicies):
            again.of(digest)


# --- calendars -------------------------------------------------------------------------------------


def days(until: str, **changes: Any) -> CalendarPolicy:
    return around_the_clock(until=until, **changes)


def working_days(name: str, known: CalendarPolicy, target: float = 3) -> Policies:
    """Closed within working days of a calendar that ends somewhere."""
    closing = clock_policy(unit="working_days", target=target, calendar="days")
    return promising(closing, days=known, version=name, complaints={"grace_days": 1})


def test_a_later_calendar_resolves_what_was_unknown() -> None:
    """Days that only a later version knows let a case of a former one be judged, at the next day's beginning."""
    watched = Watched(working_days("a", days("2026-09-15"))).hear("received Mon 09:00").tick(at("Fri 12:00"))
    assert watched.life == []
    watched.adopt(working_days("b", days("2026-12-31"), target=90)).tick(at("Sat 12:00"))
    assert watched.life == [("raised", "breached")]
    assert watched.times == [at("Sat 00:00")]
    assert watched.sla[0].figures["due_at"].startswith("2026-09-17T01:00:00")  # type: ignore[union-attr]
    watched.hear("closed Sat 13:00").tick(at("Mon+1 09:00"))
    [verdict] = watched.verdicts
    assert [(clock.verdict, clock.target) for clock in verdict.clocks] == [("late", 3.0)]
    assert verdict.policy_version == "a"


def test_a_clock_that_ended_unknown_is_judged_when_its_case_leaves() -> None:
    """What the calendar could not tell at the closing, a later one tells in the last word."""
    watched = Watched(working_days("a", days("2026-09-15"))).hear("received Mon 09:00").tick(at("Wed 12:00"))
    watched.hear("closed Wed 12:00").adopt(working_days("b", days("2026-12-31"))).tick(at("Fri 12:00"))
    assert [clock.verdict for clock in watched.verdicts[0].clocks] == ["met"]
    assert watched.life == []


def test_a_later_calendar_rewrites_no_day_that_was_known() -> None:
    """A holiday that a later version puts into the past of a case moves no deadline of it."""
    watched = Watched(working_days("a", days("2026-12-31"))).hear("received Mon 09:00").tick(at("Tue 09:00"))
    watched.adopt(working_days("b", days("2026-12-31", holidays=["2026-09-16"]))).tick(at("Thu 09:30"))
    assert watched.times == [at("Thu 09:00") + 1]


def test_a_breach_is_not_taken_back_by_a_shorter_calendar() -> None:
    """Going back to a version whose calendar ends earlier takes no breach back that was told by a longer one."""
    short = working_days("a", days("2026-09-15"))
    watched = Watched(short).hear("received Mon 09:00").adopt(working_days("b", days("2026-12-31")))
    watched.tick(at("Fri 12:00"))
    assert watched.life == [("raised", "breached")]
    watched.adopt(short).hear("responded Fri 13:00").tick(at("Mon+1 12:00")).hear("responded Mon+1 12:00")
    assert watched.life == [("raised", "breached")]
    assert watched.events == {ClockEvent.UNKNOWN: 1, ClockEvent.BREACHED: 1}
    watched.hear("closed Mon+1 13:00").tick(at("Mon+3 12:00"))
    assert watched.life[1:] == [("resolved", "left")]


def test_a_receipt_behind_the_horizon_takes_the_breach_of_an_inferred_one_back() -> None:
    """What no calendar can judge is not held to what an inferred receipt had told."""
    watched = (
        Watched(working_days("a", days("2026-09-18"), target=1)).hear("responded Wed 09:00").tick(at("Mon+1 09:00"))
    )
    assert watched.life[0] == ("raised", "breached")
    watched.hear("received Mon+1 09:00")
    assert watched.life[-1] == ("retracted", "moved")
    assert watched.events[ClockEvent.BREACHED] == watched.events[ClockEvent.RETRACTED] == 1


def test_a_calendar_of_another_zone_and_name_is_left_alone() -> None:
    """A later version without the calendar leaves the case with what it pinned."""
    watched = Watched(working_days("a", calendar())).hear("received Mon 09:00").adopt(promising(version="none"))
    assert watched.tick(at("Thu 12:00")).life == [("raised", "breached")]
    assert watched.tick(at("Mon 09:00") + 20 * DAY_MS).life[-1][0] == "updated"


def test_events_of_other_kinds_touch_no_pin() -> None:
    """Only complaints begin cases."""
    ledger = Ledger().activate(A)
    other: Event = Complaint(
        event_id="e", customer_id="c", occurred_at=steps("received Mon 09:00")[0].occurred_at, case_id="k", step="odd"
    )
    ledger.fold(record(other, "complaints/0", 0))
    assert ledger.counts == {"a": 1}
