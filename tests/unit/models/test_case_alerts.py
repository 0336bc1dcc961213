"""The life of an alert about a clock or a requirement, and what each revision says."""

from typing import Any

import pytest

from config.policies import Policies
from models.alerts import alert_id, instant
from models.case_alerts import PROCESS_RULE, SLA_RULE
from models.context import ClockEvent, Reason
from tests.unit.models.build import profile
from tests.unit.models.case_builders import HOUR_MS, around_the_clock, at, calendar, clock_policy, steps
from tests.unit.models.case_watch import Watched, check_alerts, need, promising


def four_hours(**changes: Any) -> Policies:
    """Closed within four hours; a warning after three, an overrun after eight."""
    return promising(clock_policy(**{"warnings": [{"percent": 75}], **changes}))


def received(using: Policies | None = None, text: str = "received Mon 09:00") -> Watched:
    """A case whose receipt is heard of at once."""
    return Watched(using or four_hours()).hear(text)


# --- one clock -------------------------------------------------------------------------------------


def test_a_clock_warns_breaks_overruns_and_ends_late() -> None:
    """Due soon, breached, overrun and resolved are revisions of one alert, each told at its own time."""
    watched = received().tick(at("Mon 23:00"))
    watched.hear("closed Tue 00:00")
    assert watched.life == [
        ("raised", "due_soon"),
        ("updated", "breached"),
        ("updated", "overrun"),
        ("resolved", "late"),
    ]
    assert watched.times == [at("Mon 12:00"), at("Mon 13:00") + 1, at("Mon 17:00"), at("Tue 00:00")]
    assert {alert.alert_id for alert in watched.sla} == {alert_id(SLA_RULE, "c", "case/care/closing/0", "case:1")}
    assert [alert.revision for alert in watched.sla] == [1, 2, 3, 4]
    assert [alert.severity for alert in watched.sla] == ["warning", "critical", "critical", "critical"]
    assert watched.events == {
        ClockEvent.WARNED: 1,
        ClockEvent.BREACHED: 1,
        ClockEvent.LATE: 1,
    }
    assert watched.ctx.used == [("care", "closing", 15 / 4)]


def test_a_breach_says_what_was_promised_and_what_was_done() -> None:
    """Figures, evidence and words name the promise, its deadline, and the steps that it stands on."""
    watched = received(text="received{channel=phone;business=cards;priority=high} Mon 09:00").tick(at("Mon 13:30"))
    breach = watched.sla[-1]
    assert breach.figures == {
        "profile": "care",
        "clock": "closing",
        "cycle": 0,
        "verdict": "breached",
        "started_at": instant(at("Mon 09:00")).isoformat(),
        "target": 4.0,
        "used": 4.0,
        "unit": "hours",
        "due_at": instant(at("Mon 13:00")).isoformat(),
        "business": "cards",
        "channel": "phone",
        "priority": "high",
    }
    assert breach.summary == "Closing (Care): not kept within 4 hours."
    assert (breach.action, breach.action_zh, breach.policy_version) == ("Act.", "处理。", "test")
    assert breach.evidence == [steps("received{channel=phone;business=cards;priority=high} Mon 09:00")[0].event_id]
    assert breach.raised_at == instant(at("Mon 12:00"))
    assert watched.sla[0].summary == "Closing (Care): 3 of 4 hours used."
    watched.hear("closed Mon 15:00")
    late = watched.sla[-1]
    assert (late.figures["used"], late.figures["verdict"]) == (6.0, "late")
    assert late.figures["ended_at"] == instant(at("Mon 15:00")).isoformat()
    assert late.evidence == [breach.evidence[0], steps("closed Mon 15:00")[0].event_id]
    assert late.summary == "Closing (Care): done, but not within 4 hours."


def test_a_warning_that_was_heeded_is_resolved_as_met() -> None:
    """What is done in time after its warning closes the alert, and no breach was ever told."""
    watched = received().tick(at("Mon 12:30")).hear("closed Mon 13:00").tick(at("Tue 09:00"))
    assert watched.life == [("raised", "due_soon"), ("resolved", "met")]
    assert watched.events == {ClockEvent.WARNED: 1, ClockEvent.MET: 1}
    assert watched.ctx.used == [("care", "closing", 1.0)]


def test_what_is_done_before_any_warning_is_told_nowhere() -> None:
    """A promise that is kept quietly raises nothing, but is counted."""
    watched = received().tick(at("Mon 10:00")).hear("closed Mon 10:00").tick(at("Fri 10:00"))
    assert watched.life == []
    assert watched.events == {ClockEvent.MET: 1}


def test_a_step_in_time_that_is_heard_late_retracts_the_breach() -> None:
    """What was told as broken and was kept after all is retracted, and counted as retracted."""
    watched = received().tick(at("Mon 16:00")).hear("closed Mon 13:00")
    assert watched.life == [("raised", "due_soon"), ("updated", "breached"), ("retracted", "in_time")]
    assert watched.times[-1] == at("Mon 16:00")
    assert watched.sla[-1].severity == "warning"
    assert watched.events == {
        ClockEvent.WARNED: 1,
        ClockEvent.BREACHED: 1,
        ClockEvent.RETRACTED: 1,
        ClockEvent.MET: 1,
    }
    assert watched.tick(at("Wed 09:00")).life[3:] == []


def test_a_breach_that_ended_late_is_retracted_too() -> None:
    """Even after it was resolved as late, an earlier step that is heard of takes the breach back."""
    watched = received().tick(at("Mon 16:00")).hear("closed Mon 15:00, closed Mon 12:00")
    assert watched.life[2:] == [("resolved", "late"), ("retracted", "in_time")]
    check_alerts(watched.sla)


def test_an_earlier_receipt_that_is_heard_late_breaks_the_promise() -> None:
    """The clock counts from the receipt, whenever that is heard of; the breach is told when it is known."""
    watched = received(text="responded Mon 12:00").tick(at("Mon 13:30")).hear("received Mon 09:00")
    assert watched.life == [("raised", "breached")]
    assert watched.times == [at("Mon 13:30")]
    assert watched.sla[0].figures["due_at"] == instant(at("Mon 13:00")).isoformat()
    assert "receipt" not in watched.sla[0].figures


def test_a_receipt_heard_very_late_is_an_overrun_at_once() -> None:
    """What is overrun already is told once, as bad as it is."""
    watched = Watched(four_hours()).tick(at("Tue 09:00")).hear("received Mon 09:00")
    assert watched.life == [("raised", "overrun")]
    assert watched.sla[0].summary == "Closing (Care): 24 hours used of 4 hours."


def test_an_inferred_receipt_is_named() -> None:
    """An alert about a case that was never opened says so."""
    watched = received(text="responded Mon 09:00").tick(at("Mon 14:00"))
    assert watched.sla[-1].figures["receipt"] == "inferred"


@pytest.mark.parametrize(
    ("text", "now", "life"),
    [
        # A pause holds back what would have come.
        ("received Mon 09:00, paused Mon 11:00", "Tue 09:00", []),
        ("received Mon 09:00, paused Mon 11:00, resumed Tue 08:00", "Tue 09:30", [("raised", "due_soon")]),
        ("received Mon 09:00, paused Mon 11:00, resumed Tue 08:00", "Tue 10:30", ["due_soon", "breached"]),
        # A warning stays through a pause.
        ("received Mon 09:00, paused Mon 12:30", "Tue 09:00", [("raised", "due_soon")]),
        ("received Mon 09:00, paused Mon 12:30, resumed Tue 08:00", "Tue 08:10", [("raised", "due_soon")]),
        # The customer withdraws.
        ("received Mon 09:00, withdrawn Mon 11:00", "Tue 09:00", []),
    ],
)
def test_pauses_and_withdrawals(text: str, now: str, life: list[Any]) -> None:
    """Nothing is told of time that did not count, and a warning is given once."""
    watched = Watched(four_hours())
    for event in steps(text):
        watched.tick(round(event.occurred_at.timestamp() * 1000)).see(event)
    watched.tick(at(now))
    expected = [
        one if isinstance(one, tuple) else ("raised" if not i else "updated", one) for i, one in enumerate(life)
    ]
    assert watched.life == expected


def test_a_withdrawal_closes_what_is_open() -> None:
    """A warning is resolved as cancelled; a breach that had happened stays one."""
    warned = received().tick(at("Mon 12:30")).hear("withdrawn Mon 12:30")
    assert warned.life == [("raised", "due_soon"), ("resolved", "cancelled")]
    broken = received().tick(at("Mon 14:00")).hear("withdrawn Mon 14:00")
    assert broken.life[1:] == [("updated", "breached"), ("resolved", "cancelled")]
    assert broken.sla[-1].figures["verdict"] == "late"
    assert broken.events[ClockEvent.RETRACTED] == 0


def test_a_resumption_ahead_of_the_shards_time_takes_no_warning_back() -> None:
    """A resumption that is heard of before the next tick neither resolves nor repeats the warning."""
    watched = received().tick(at("Mon 12:30")).hear("paused Mon 12:30").tick(at("Mon 15:00") - 1)
    watched.hear("resumed Mon 15:00").tick(at("Mon 15:01"))
    assert watched.life == [("raised", "due_soon")]
    assert watched.events == {ClockEvent.WARNED: 1}


def test_a_pause_in_the_night_takes_no_warning_back() -> None:
    """A warning that was given in business hours stays given when the case is paused outside them."""
    using = four_hours(calendar="days", unit="hours", target=40, warnings=[{"percent": 15}])
    watched = received(using).tick(at("Mon 16:00"))
    assert watched.life == [("raised", "due_soon")]
    watched.tick(at("Mon 22:00")).hear("paused Mon 22:00").tick(at("Tue 12:00"))
    watched.hear("resumed Tue 20:00").tick(at("Wed 09:30"))
    assert watched.life == [("raised", "due_soon")]
    assert watched.events == {ClockEvent.WARNED: 1}


def test_a_priority_that_is_raised_breaks_the_promise_then() -> None:
    """Time that is used up by a lower target breaks at the change, and the alert says which target held."""
    using = four_hours(targets=[{"when": {"priority": ["high"]}, "target": 1}])
    watched = received(using).tick(at("Mon 11:00")).hear("reclassified{priority=high} Mon 11:00").tick(at("Mon 11:30"))
    assert watched.life[0][0] == "raised"
    assert watched.life[-1][1] in ("breached", "overrun")
    last = watched.sla[-1].figures
    assert (last["target"], last["due_at"]) == (1.0, instant(at("Mon 11:00")).isoformat())


def test_an_extension_takes_a_warning_back() -> None:
    """A limit that moves resolves its warning; the warning of the new limit is a new revision of the same alert."""
    using = four_hours(extensions=[{"name": "complex", "to": 40, "source": "test"}])
    watched = received(using).tick(at("Mon 12:30")).hear("extension_granted{extension=complex} Mon 12:30")
    assert watched.life == [("raised", "due_soon"), ("resolved", "moved")]
    assert watched.sla[-1].figures["extensions"] == "complex"
    assert watched.sla[-1].figures["due_at"] == instant(at("Wed 01:00")).isoformat()
    watched.tick(at("Wed 02:00"))
    assert watched.life[2:] == [("raised", "due_soon"), ("updated", "breached")]
    assert len({alert.alert_id for alert in watched.sla}) == 1
    check_alerts(watched.sla)


def test_an_extension_that_is_heard_late_retracts_the_breach() -> None:
    """A limit that had moved before it was over was not missed."""
    using = four_hours(extensions=[{"name": "complex", "to": 40, "source": "test"}])
    watched = received(using).tick(at("Mon 14:00")).hear("extension_granted{extension=complex} Mon 12:59")
    assert watched.life[1:] == [("updated", "breached"), ("retracted", "moved")]
    assert watched.tick(at("Wed 02:00")).life[3:] == [("raised", "due_soon"), ("updated", "breached")]
    assert watched.events[ClockEvent.BREACHED] - watched.events[ClockEvent.RETRACTED] == 1


def test_an_unknown_extension_changes_nothing() -> None:
    """An extension that no policy knows is kept with the case and moves no limit."""
    watched = received().tick(at("Mon 12:30")).hear("extension_granted{extension=whatever} Mon 12:30")
    assert watched.tick(at("Mon 13:30")).life == [("raised", "due_soon"), ("updated", "breached")]


def test_a_reopened_case_has_an_alert_of_its_own() -> None:
    """A new cycle is a new identity; what was told of the former one stays as it was."""
    watched = received().tick(at("Mon 14:00")).hear("closed Mon 14:00, reopened Tue 09:00").tick(at("Tue 14:00"))
    assert watched.life == [
        ("raised", "due_soon"),
        ("updated", "breached"),
        ("resolved", "late"),
        ("raised", "due_soon"),
        ("updated", "breached"),
    ]
    assert [alert.subject for alert in watched.sla] == ["case/care/closing/0"] * 3 + ["case/care/closing/1"] * 2
    assert [alert.revision for alert in watched.sla] == [1, 2, 3, 1, 2]
    assert len({alert.alert_id for alert in watched.sla}) == 2
    watched.hear("closed Tue 15:00")
    assert [alert.subject for alert in watched.sla][5:] == ["case/care/closing/1"]


def test_reopening_supersedes_a_running_clock() -> None:
    """A clock of the former cycle that still ran ends, and its warning with it."""
    watched = received().tick(at("Mon 12:30")).hear("reopened Mon 12:30")
    assert watched.life == [("raised", "due_soon"), ("resolved", "superseded")]
    assert watched.decided(Reason.CONTRADICTORY) == 1


@pytest.mark.parametrize(("tier", "severity"), [("core", "critical"), ("potential", "warning"), ("basic", "warning")])
def test_a_breach_is_as_bad_as_its_tier_says(tier: str, severity: str) -> None:
    """The tier that the customer had when the case began decides, until an overrun is critical for everybody."""
    using = promising(breach={"core": "critical", "potential": "warning", "basic": "warning"})
    watched = Watched(using).see(profile(at("Mon 08:00"), tier=tier))
    watched.hear("received Mon 09:00").see(profile(at("Mon 09:30"), tier="basic" if tier == "core" else "core"))
    watched.tick(at("Mon 13:30"))
    assert [alert.severity for alert in watched.sla] == [severity]
    watched.tick(at("Mon 18:00"))
    assert [alert.severity for alert in watched.sla] == [severity, "critical"]


def test_an_overrun_of_nothing_is_critical_at_once() -> None:
    """With no allowance for an overrun, the breach itself is critical, and one revision."""
    using = promising(overrun_percent=0, breach={"core": "warning", "potential": "warning", "basic": "warning"})
    watched = received(using).tick(at("Mon 18:00"))
    assert (watched.life, watched.sla[0].severity) == ([("raised", "overrun")], "critical")
    assert watched.times == [at("Mon 13:00") + 1]


def test_a_warning_about_a_limit_that_the_calendar_no_longer_reaches() -> None:
    """A limit that moves behind the calendar's horizon resolves its warning as unknown."""
    using = promising(
        clock_policy(
            unit="working_days",
            calendar="days",
            target=3,
            warnings=[{"remaining": 2}],
            extensions=[{"name": "complex", "by": 900, "source": "test"}],
        )
    )
    watched = received(using).tick(at("Wed 10:00")).hear("extension_granted{extension=complex} Wed 10:00")
    assert watched.life == [("raised", "due_soon"), ("resolved", "unknown")]
    assert watched.sla[-1].figures["verdict"] == "unknown"
    assert "due_at" not in watched.sla[-1].figures
    assert watched.events[ClockEvent.UNKNOWN] == 1


def test_a_case_beyond_the_horizon_does_not_wake_for_every_day_since_1970() -> None:
    """A shard that has not ticked yet waits from the receipt on for a calendar that reaches farther."""
    using = promising(clock_policy(unit="working_days", calendar="days"), days=around_the_clock(until="2026-09-10"))
    watched = received(using)
    assert watched.customer.due_ms == at("Tue 00:00")
    assert watched.tick(at("Wed 12:00")).customer.due_ms == at("Thu 00:00")
    assert watched.events == {ClockEvent.UNKNOWN: 1}


# --- time ------------------------------------------------------------------------------------------


def test_a_step_ahead_of_the_shards_time_makes_nothing_expire() -> None:
    """A feed whose clock is a day ahead breaks no promise: what it tells counts when that time has come."""
    watched = received().tick(at("Mon 09:30")).hear("responded Tue 09:00")
    assert watched.life == []
    assert watched.tick(at("Mon 13:00")).life == [("raised", "due_soon")]
    watched.hear("closed Mon 13:00").tick(at("Wed 09:00"))
    assert watched.life == [("raised", "due_soon"), ("resolved", "met")]


def test_after_such_a_step_deadlines_are_told_at_their_own_time() -> None:
    """The deadline that a step ahead of time jumped over is still told at its own time, once."""
    watched = received().tick(at("Mon 09:30")).hear("responded Tue 09:00").tick(at("Tue 12:00"))
    assert watched.life == [("raised", "due_soon"), ("updated", "breached"), ("updated", "overrun")]
    assert watched.times == [at("Mon 12:00"), at("Mon 13:00") + 1, at("Mon 17:00")]


@pytest.mark.parametrize("every_ms", [1000 * 60, HOUR_MS, 10 * 24 * HOUR_MS])
def test_however_ticks_come_deadlines_are_told_in_order_each_at_its_own_time(every_ms: int) -> None:
    """A tick that jumps over several deadlines tells what small ones would have told."""
    second = clock_policy(name="other", target=3.5, warnings=[{"percent": 90}])
    using = promising(clock_policy(warnings=[{"percent": 75}, {"percent": 90}]), second, overrun_percent=10)
    watched = received(using)
    now_ms = at("Mon 09:00")
    while now_ms < at("Mon 18:00"):
        now_ms += every_ms
        watched.tick(now_ms)
    assert [(alert.subject.split("/")[2], *alert.triggers) for alert in watched.sla] == [
        ("closing", "due_soon"),
        ("other", "due_soon"),
        ("other", "breached"),
        ("closing", "due_soon"),
        ("other", "overrun"),
        ("closing", "breached"),
        ("closing", "overrun"),
    ]
    clock = [f"{instant(at_ms):%H:%M:%S.%f}"[:-3] for at_ms in watched.times]
    assert clock == [
        "04:00:00.000", "04:09:00.000", "04:30:00.001", "04:36:00.000", "04:51:00.000", "05:00:00.001", "05:24:00.000",
    ]  # fmt: skip


# --- requirements ----------------------------------------------------------------------------------


def demanding(**changes: Any) -> Policies:
    """No case closes without a confirmed plan; nothing else is asked."""
    return promising(clock_policy(target=900), needs=(need(**changes),))


def test_a_requirement_is_asked_after_its_wait() -> None:
    """What is missing is told when the wait is over, not when the step is taken."""
    watched = received(demanding(), "received Mon 09:00").tick(at("Mon 10:00")).hear("closed Mon 10:00")
    assert watched.tick(at("Mon 10:10") - 1).life == []
    watched.tick(at("Mon 12:00"))
    [missing] = watched.process
    assert (missing.state, missing.triggers, missing.severity) == ("raised", ["missing"], "warning")
    assert missing.at == instant(at("Mon 10:10"))
    assert missing.alert_id == alert_id(PROCESS_RULE, "c", "case/care/confirmed/0", "case:1")
    assert missing.figures == {
        "profile": "care",
        "requirement": "confirmed",
        "cycle": 0,
        "asked_at": instant(at("Mon 10:00")).isoformat(),
        "judged_at": instant(at("Mon 10:10")).isoformat(),
    }
    assert missing.evidence == [steps("closed Mon 10:00")[0].event_id]
    assert missing.summary == "Plan confirmed (Care): not done when it was due."


def test_what_is_made_good_is_resolved() -> None:
    """What comes after all closes the alert, and stays a failure."""
    watched = received(demanding(severity="critical"), "received Mon 09:00, closed Mon 10:00").tick(at("Mon 12:00"))
    watched.hear("plan_confirmed Mon 12:00, plan_confirmed Mon 13:00").tick(at("Tue 10:00"))
    assert watched.life == [("raised", "missing"), ("resolved", "made_good")]
    assert watched.process[-1].figures["made_good_at"] == instant(at("Mon 12:00")).isoformat()
    assert [alert.severity for alert in watched.process] == ["critical", "critical"]


def test_evidence_that_is_heard_late_retracts_the_failure() -> None:
    """What had been done in time, but was heard of late, was never missing."""
    watched = received(demanding(), "received Mon 09:00, closed Mon 10:00").tick(at("Mon 12:00"))
    watched.hear("plan_confirmed Mon 10:10").tick(at("Tue 10:00"))
    assert watched.life == [("raised", "missing"), ("retracted", "in_time")]


def test_evidence_in_time_retracts_even_what_was_made_good() -> None:
    """A first proof that is too late resolves; an earlier one that is heard of later retracts."""
    watched = received(demanding(), "received Mon 09:00, closed Mon 10:00").tick(at("Mon 12:00"))
    watched.hear("plan_confirmed Mon 12:00, plan_confirmed Mon 09:30")
    assert watched.life == [("raised", "missing"), ("resolved", "made_good"), ("retracted", "in_time")]


def test_evidence_within_the_wait_is_in_time() -> None:
    """What follows its step within the wait is in order, whatever the order of arrival."""
    for text in ("closed Mon 10:00, plan_confirmed Mon 10:05", "plan_confirmed Mon 10:05, closed Mon 10:00"):
        watched = received(demanding()).tick(at("Mon 10:05")).hear(text).tick(at("Tue 10:00"))
        assert watched.life == []


# --- what turns out never to have been called for ----------------------------------------------------


def test_a_run_that_moves_into_another_cycle_is_taken_back() -> None:
    """A reopening that is heard late moves the callback's clock into the next cycle: the former alert is retracted."""
    callback = clock_policy(name="escalated", start=["called_back"], stop=["escalated"], target=1)
    watched = received(promising(callback), "received Mon 09:00, closed Mon 10:00, called_back Mon 11:00")
    watched.tick(at("Mon 12:30")).hear("reopened Mon 10:30")
    assert [(alert.state, *alert.triggers, alert.subject) for alert in watched.sla] == [
        ("raised", "breached", "case/care/escalated/0"),
        ("raised", "breached", "case/care/escalated/1"),
        ("retracted", "unfounded", "case/care/escalated/0"),
    ]
    assert watched.sla[-1].summary == "Closing (Care): what came late shows that this was not called for."
    assert watched.sla[-1].figures == {"profile": "care", "clock": "escalated", "cycle": 0}
    assert watched.events == {ClockEvent.BREACHED: 2, ClockEvent.RETRACTED: 1}
    watched.hear("escalated Mon 12:40")
    assert watched.life[3:] == [("resolved", "late")]
    check_alerts(watched.sla)


def test_a_receipt_that_brings_other_profiles_takes_back_those_that_it_does_not() -> None:
    """Breaches of profiles that were inferred from too little are retracted, requirements and warnings too."""
    selection = [{"when": {"region": ["uk"]}, "profiles": []}, {"profiles": ["care"]}]
    clocks = (clock_policy(), clock_policy(name="slow", target=6, warnings=[{"percent": 50}]))
    using = promising(*clocks, needs=(need(at=["responded"]),), complaints={"selection": selection})
    watched = received(using, "responded Mon 09:00").tick(at("Mon 14:00")).hear("received{region=uk} Mon 08:00")
    last = {alert.subject: (alert.state, *alert.triggers) for alert in watched.alerts}
    assert last == {
        "case/care/closing/0": ("retracted", "unfounded"),
        "case/care/slow/0": ("resolved", "unfounded"),
        "case/care/confirmed/0": ("retracted", "unfounded"),
    }
    assert watched.process[-1].figures["requirement"] == "confirmed"
    assert watched.events[ClockEvent.BREACHED] == watched.events[ClockEvent.RETRACTED] == 1
    assert watched.tick(at("Fri 09:00")).life[6:] == []


def test_a_demand_of_a_responsibility_that_was_another_is_taken_back() -> None:
    """A correction of the responsibility from before the closing takes back what the old one called for."""
    remedy = need(name="remedied", when={"responsibility": ["bank"]}, needs=["remedied"])
    text = "received Mon 09:00, investigated{responsibility=bank} Mon 09:30, closed Mon 10:00"
    watched = received(promising(clock_policy(target=900), needs=(remedy,)), text).tick(at("Mon 11:00"))
    watched.hear("reclassified{responsibility=customer} Mon 09:45")
    assert watched.life == [("raised", "missing"), ("retracted", "unfounded")]
    watched.hear("reclassified{responsibility=bank} Mon 09:50")
    assert watched.life[2:] == [("raised", "missing")]
    assert [alert.revision for alert in watched.process] == [1, 2, 3]
    check_alerts(watched.process)


def test_warnings_wait_for_business_hours() -> None:
    """A warning that would come in the night is told when the office opens, the breach at its own time."""
    using = promising(clock_policy(calendar="days", target=24, warnings=[{"percent": 50}]), days=calendar())
    watched = received(using, "received Mon 12:00").tick(at("Tue 13:00"))
    assert watched.times == [at("Tue 09:00"), at("Tue 12:00") + 1]
