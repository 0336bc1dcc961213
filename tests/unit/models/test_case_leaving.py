"""How a case leaves: when, with which last word, and what becomes of whatever comes for it afterwards."""

from typing import Any

import msgspec

from config.policies import Policies
from models import counters
from models.alerts import instant
from models.case_state import DEPARTED, DIGEST_BYTES
from models.case_verdict import ClockVerdict, RequirementVerdict
from models.context import Reason, Stream
from models.decay import DAY_MS
from models.events import Complaint
from tests.unit.models.build import profile
from tests.unit.models.case_builders import HOUR_MS, at, clock_policy, step, steps
from tests.unit.models.case_watch import Watched, check_alerts, check_waiting, need, open_alerts, promising


def handling(**complaints: Any) -> Policies:
    """Closing in four hours, a callback within two days of it, a confirmed plan; cases stay for ten days."""
    callback = clock_policy(name="called_back", start=["closed"], stop=["called_back"], target=2, unit="days")
    extended = clock_policy(extensions=[{"name": "complex", "by": 4, "source": "test"}])
    return promising(extended, callback, needs=(need(),), complaints={"grace_days": 10} | complaints)


def departed(text: str, using: Policies | None = None, until: str = "Mon+9 09:00") -> Watched:
    """A customer whose steps are heard of at their own time, some time later."""
    watched = Watched(using or handling())
    for event in steps(text):
        watched.tick(round(event.occurred_at.timestamp() * 1000)).see(event)
    return watched.tick(at(until))


# --- when and as what ------------------------------------------------------------------------------


def test_the_last_word_on_a_case_is_complete() -> None:
    """Whoever reads the record knows the case, every promise on it, and by which policies it was judged."""
    using = handling()
    watched = Watched(using).see(profile(at("Mon 08:00"), tier="core"))
    for event in steps(
        "received{business=cards;cause=fees;channel=phone;region=cn;priority=high} Mon 09:00, "
        "extension_granted{extension=complex} Mon 09:30, whatever Mon 09:40, "
        "investigated{responsibility=bank} Mon 10:00, closed Mon 15:00, "
        "called_back{satisfied=no;channel=email} Fri 09:00, plan_confirmed Fri 10:00, closed Fri 11:00"
    ):
        watched.tick(round(event.occurred_at.timestamp() * 1000)).see(event)
    watched.tick(at("Mon+4 09:00"))
    [output] = [output for output in watched.ctx.outputs if output.stream is Stream.CASES]
    assert (output.key, output.output_id[:5]) == ("c", "case.")
    [verdict] = watched.verdicts
    assert msgspec.to_builtins(verdict) == msgspec.to_builtins(
        {
            "case_id": "case",
            "customer_id": "c",
            "ended": "closed",
            "at": instant(at("Mon 15:00") + 10 * DAY_MS),
            "opened_at": instant(at("Mon 09:00")),
            "closed_at": instant(at("Mon 15:00")),
            "cycles": 1,
            "tier": "core",
            "business": "cards",
            "cause": "fees",
            "channel": "phone",
            "region": "cn",
            "priority": "high",
            "responsibility": "bank",
            "satisfied": False,
            "clocks": [
                ClockVerdict(
                    profile="care",
                    valid_from="2020-01-01",
                    clock="closing",
                    cycle=0,
                    verdict="met",
                    started_at=instant(at("Mon 09:00")),
                    target=8.0,
                    used=6.0,
                    unit="hours",
                    due_at=instant(at("Mon 17:00")),
                    ended_at=instant(at("Mon 15:00")),
                    extensions=["complex"],
                ),
                ClockVerdict(
                    profile="care",
                    valid_from="2020-01-01",
                    clock="called_back",
                    cycle=0,
                    verdict="late",
                    started_at=instant(at("Mon 15:00")),
                    target=2.0,
                    used=3.75,
                    unit="days",
                    due_at=instant(at("Wed 15:00")),
                    ended_at=instant(at("Fri 09:00")),
                ),
            ],
            "requirements": [
                RequirementVerdict(
                    profile="care",
                    requirement="confirmed",
                    cycle=0,
                    verdict="made_good",
                    asked_at=instant(at("Mon 15:00")),
                )
            ],
            "steps": 8,
            "unknown": 1,
            "contradictory": 2,
            "policy_version": "test",
            "policy_digest": watched.ctx.pins.current.digest,
        }
    )


def test_a_case_leaves_at_the_end_of_its_grace() -> None:
    """A closed case stays for the days of grace, to the millisecond, and what it asks for leaves with it."""
    watched = departed(
        "received Mon 09:00, plan_confirmed Mon 09:30, closed Mon 10:00, called_back Mon 11:00", until="Thu+1 09:59"
    )
    assert watched.customer.due_ms == at("Thu+1 10:00")
    assert watched.verdicts == []
    watched.tick(at("Thu+1 10:00"))
    [verdict] = watched.verdicts
    assert (verdict.ended, verdict.at) == ("closed", instant(at("Thu+1 10:00")))
    assert (watched.customer.cases, watched.customer.due_ms) == ([], 0)
    assert set(watched.indexes.values()) == {None}
    assert watched.decided(Reason.LEFT) == 1


def test_a_case_that_nobody_closes_is_abandoned() -> None:
    """A case leaves so long after the last news of it; what it had promised is broken for good."""
    watched = departed("received Mon 09:00, responded Tue 09:00", handling(abandoned_days=5), until="Mon+1 09:00")
    [verdict] = watched.verdicts
    assert (verdict.ended, verdict.at) == ("abandoned", instant(at("Sun 09:00")))
    assert verdict.closed_at is None
    assert [(clock.clock, clock.verdict, clock.used) for clock in verdict.clocks] == [("closing", "breached", 144.0)]
    assert watched.life == [("raised", "breached"), ("updated", "overrun"), ("resolved", "left")]
    assert watched.sla[-1].severity == "critical"


def test_a_withdrawn_case_leaves_as_withdrawn() -> None:
    """Withdrawal ends a case as closing does."""
    [verdict] = departed("received Mon 09:00, withdrawn Mon 10:00").verdicts
    assert (verdict.ended, verdict.at) == ("withdrawn", instant(at("Thu+1 10:00")))
    assert [(clock.clock, clock.verdict) for clock in verdict.clocks] == [("closing", "cancelled")]


def test_what_is_still_to_be_decided_is_waited_for() -> None:
    """Grace of no days ends when the callback's time is over, and not before."""
    watched = departed("received Mon 09:00, closed Mon 10:00", handling(grace_days=0), until="Wed 09:59")
    assert watched.verdicts == []
    watched.tick(at("Wed 11:00"))
    [verdict] = watched.verdicts
    assert verdict.at == instant(at("Wed 10:00") + 1)
    assert [(clock.clock, clock.verdict) for clock in verdict.clocks] == [
        ("closing", "met"),
        ("called_back", "breached"),
    ]
    assert watched.life == [("raised", "missing"), ("raised", "breached"), ("resolved", "left"), ("resolved", "left")]


def test_a_wait_for_evidence_is_waited_for() -> None:
    """With no grace and no clock left, a requirement is still judged at its time."""
    watched = departed("received Mon 09:00, closed Mon 10:00", promising(needs=(need(),), complaints={"grace_days": 0}))
    assert watched.verdicts[0].at == instant(at("Mon 10:10"))
    assert watched.life == [("raised", "missing"), ("resolved", "left")]
    assert [one.verdict for one in watched.verdicts[0].requirements] == ["missing"]


def test_without_grace_a_case_that_promises_nothing_leaves_with_its_closing() -> None:
    """A closing with nothing left to decide is the last word at once; one ahead of time is, when its time comes."""
    using = promising(complaints={"grace_days": 0})
    watched = departed("received Mon 09:00, closed Mon 10:00", using, until="Mon 10:00")
    assert [verdict.at for verdict in watched.verdicts] == [instant(at("Mon 10:00"))]
    ahead = Watched(using).hear("received Mon 09:00").tick(at("Mon 09:30")).hear("closed Mon 10:00")
    assert ahead.verdicts == []
    check_waiting(ahead)
    assert [verdict.at for verdict in ahead.tick(at("Mon 12:00")).verdicts] == [instant(at("Mon 10:00"))]


def test_reopening_within_the_grace_keeps_the_case() -> None:
    """A case that is reopened stays, with both of its cycles in the last word."""
    text = "received Mon 09:00, closed Mon 10:00, reopened Fri 09:00, closed Fri 15:00"
    [verdict] = departed(text, until="Mon+5 09:00").verdicts
    assert (verdict.cycles, verdict.at) == (2, instant(at("Fri 15:00") + 10 * DAY_MS))
    assert [(clock.clock, clock.cycle, clock.verdict) for clock in verdict.clocks] == [
        ("closing", 0, "met"),
        ("closing", 1, "late"),
        ("called_back", 0, "late"),
        ("called_back", 1, "breached"),
    ]


def test_open_alerts_are_resolved_when_their_case_leaves() -> None:
    """No alert outlives its case, be it about a clock or a requirement, and what was broken stays counted."""
    watched = departed("received Mon 09:00, closed Mon 10:00")
    assert open_alerts(watched.alerts) == set()
    assert [(alert.state, *alert.triggers) for alert in watched.sla][-1] == ("resolved", "left")
    assert [(alert.state, *alert.triggers) for alert in watched.process] == [
        ("raised", "missing"),
        ("resolved", "left"),
    ]
    assert watched.sla[-1].summary.endswith("the case is no longer watched.")
    check_alerts(watched.alerts)
    assert counters.cell(watched.customer, counters.SLA_BREACH) is not None


# --- afterwards ------------------------------------------------------------------------------------


def test_a_step_that_comes_too_late_is_recorded_and_opens_nothing() -> None:
    """A step of a case that has left is told where its last word was told, once, and judged by nobody."""
    watched = departed("received Mon 09:00, closed Mon 10:00")
    told = len(watched.alerts)
    late = steps("called_back{satisfied=no} Tue 09:00")[0]
    watched.see(late)
    [record] = watched.late_steps
    assert (record.case_id, record.customer_id, record.step, record.event_id, record.at) == (
        "case", "c", "called_back", late.event_id, instant(at("Tue 09:00")),
    )  # fmt: skip
    assert watched.decided(Reason.AFTER_LEAVING) == 1
    assert (watched.customer.cases, watched.customer.due_ms, len(watched.alerts)) == ([], 0, told)
    watched.customer.recent = b""  # forgotten as an event, it is still known as a step that came too late
    watched.see(late)
    assert len(watched.late_steps) == 1
    assert watched.decided(Reason.UNCHANGED) == 1


def test_a_second_receipt_of_a_case_that_has_left_opens_nothing() -> None:
    """A receipt under the number of a case that has left is a late step: only a reopening brings a case back."""
    watched = departed("received Mon 09:00, closed Mon 10:00").hear("received Mon+9 10:00")
    assert [record.step for record in watched.late_steps] == ["received"]
    assert watched.customer.cases == []


def test_a_reopened_case_that_had_left_is_another_case() -> None:
    """It begins with its reopening, has identities of its own, and a last word of its own."""
    watched = departed("received Mon 09:00, closed Mon 16:00")
    watched.hear("reopened Mon+9 10:00").tick(at("Mon+9 15:00")).hear("closed Mon+9 15:00").tick(at("Mon+13 09:00"))
    first, second = watched.verdicts
    assert (second.opened_at, second.cycles, second.inferred) == (instant(at("Mon+9 10:00")), 1, True)
    assert second.clocks[0].verdict == "late"
    closing = [alert for alert in watched.sla if "/closing/" in alert.subject]
    assert [(alert.state, *alert.triggers) for alert in closing] == [
        ("raised", "breached"),
        ("resolved", "late"),
    ] * 2
    assert len({alert.alert_id for alert in closing}) == 2
    assert len({output.output_id for output in watched.ctx.outputs}) == len(watched.ctx.outputs)
    assert first.case_id == second.case_id
    assert watched.hear("called_back Mon+13 10:00").late_steps[-1].step == "called_back"


def test_so_many_departures_are_remembered() -> None:
    """The memory of what has left has a bound; what is forgotten opens a case again, as inferred."""
    watched = Watched(promising(complaints={"grace_days": 0}))

    def whole(number: int) -> list[Complaint]:
        told = steps("received Mon 09:00, closed Mon 10:00")
        return [msgspec.structs.replace(one, case_id=f"k{number}", event_id=f"{number}{one.step}") for one in told]

    watched.tick(at("Mon 12:00"))
    watched.hear(whole(0))
    each = len(watched.customer.departed)
    for number in range(1, DEPARTED + 1):
        watched.hear(whole(number))
    assert len(watched.customer.departed) == DEPARTED * each
    watched.customer.recent = b""
    watched.hear(whole(1)[1:])
    assert len(watched.late_steps) == 1
    watched.hear([msgspec.structs.replace(step("responded", at("Mon 12:00")), case_id="k0")])
    assert [case.case_id for case in watched.customer.cases] == ["k0"]
    assert watched.decided(Reason.INFERRED) == 1


def test_everything_about_a_case_that_left_is_forgotten_but_a_digest() -> None:
    """A customer whose cases have left keeps next to nothing of them in the aggregate, and pins no policy."""
    watched = departed("received Mon 09:00, closed Mon 10:00").tick(at("Mon+9 09:00") + HOUR_MS)
    assert watched.customer.cases == []
    assert 0 < len(watched.customer.departed) <= 2 * DIGEST_BYTES
    assert watched.ctx.pins._counts == {}
