"""Alerts about a case: one identity for each clock and each requirement in each cycle, and what each revision says."""

from enum import IntEnum

from msgspec import Struct

from models import sla
from models.alerts import OPEN_STATES, Figures, Finding, alert_id, instant, report
from models.case_demands import Asked
from models.case_state import CaseState, Told
from models.case_view import CaseView
from models.complaint_rules import Profile
from models.context import FoldContext, Reason
from models.customer import AlertState, Customer
from models.sla import ClockRun, Verdict

SLA_RULE = "complaint_sla"
PROCESS_RULE = "complaint_process"


class Level(IntEnum):
    """How bad it is."""

    NONE = 0
    DUE_SOON = 1
    BREACHED = 2
    OVERRUN = 3


TRIGGERS = {Level.DUE_SOON: "due_soon", Level.BREACHED: "breached", Level.OVERRUN: "overrun"}
_REASONS = {
    "raised": Reason.RAISED,
    "updated": Reason.WORSE,
    "resolved": Reason.RESOLVED,
    "retracted": Reason.RETRACTED,
}


class Telling(Struct):
    """Where an alert about a case goes: whose case it is, when it is told, and what the case looks like then."""

    customer: Customer
    case: CaseState
    view: CaseView
    now_ms: int
    at_ms: int
    ctx: FoldContext

    def clock(self, profile: Profile, run: ClockRun, told: Told, life: str, trigger: str) -> None:
        """Put out one revision about a clock."""
        clock, told_level = run.clock, Level(told.level)
        severity = "warning"
        if told_level is Level.BREACHED:
            severity = profile.severity_by_tier[self.case.tier]
        elif told_level is Level.OVERRUN:
            severity = "critical"
        at_ms = run.ended_ms if run.ended_ms is not None else max(self.now_ms, run.started_ms)
        used = clock.amount(sla.used(run, at_ms))
        figures: Figures = {
            "profile": profile.name,
            "clock": clock.policy.name,
            "cycle": run.cycle,
            "verdict": sla.verdict(run, self.now_ms).value,
            "started_at": instant(run.started_ms).isoformat(),
            "target": clock.amount(run.target),
            "used": round(used, 4),
            "unit": clock.policy.unit,
        }
        due_ms = sla.deadline(run)
        if due_ms is not None:
            figures["due_at"] = instant(due_ms).isoformat()
        if run.ended_ms is not None:
            figures["ended_at"] = instant(run.ended_ms).isoformat()
        if run.granted:
            figures["extensions"] = ", ".join(run.granted)
        title = f"{clock.policy.title} ({profile.policy.title})"
        self._put_out(
            SLA_RULE,
            run.key,
            told,
            life,
            Finding(
                severity=severity,
                measure=0,
                triggers=[trigger],
                figures=self._with_case(figures),
                evidence=[event_id for event_id in (run.started_by, run.ended_by) if event_id],
                summary=f"{title}: {_clock_words(trigger, clock.amount(run.target), used, clock.policy.unit)}",
                action=profile.policy.action,
                action_zh=profile.policy.action_zh,
            ),
        )

    def demand(self, profile: Profile, asked: Asked, told: Told, life: str, trigger: str) -> None:
        """Put out one revision about a requirement."""
        policy = asked.demand.policy
        figures: Figures = {
            "profile": profile.name,
            "requirement": policy.name,
            "cycle": asked.cycle,
            "asked_at": instant(asked.asked_ms).isoformat(),
            "judged_at": instant(asked.judged_ms).isoformat(),
        }
        if asked.made_good_ms is not None:
            figures["made_good_at"] = instant(asked.made_good_ms).isoformat()
        self._put_out(
            PROCESS_RULE,
            asked.key,
            told,
            life,
            Finding(
                severity=policy.severity,
                measure=0,
                triggers=[trigger],
                figures=self._with_case(figures),
                evidence=[asked.asked_by],
                summary=f"{policy.title} ({profile.policy.title}): {_DEMAND_WORDS[trigger]}",
                action=profile.policy.action,
                action_zh=profile.policy.action_zh,
            ),
        )

    def unfounded(self, told: Told, life: str) -> None:
        """Put out one revision about a clock or requirement that the case, as is known by now, never called for."""
        profile, name, cycle = told.key.split("/")
        policies = [one for one in self.view.rules.policy.profiles if one.name == profile]
        clocks = [(policy, clock) for policy in policies for clock in policy.clocks if clock.name == name]
        demands = [(policy, demand) for policy in policies for demand in policy.requirements if demand.name == name]
        policy, thing = (clocks or demands)[-1]
        figures: Figures = {"profile": profile, "clock" if clocks else "requirement": name, "cycle": int(cycle)}
        self._put_out(
            SLA_RULE if clocks else PROCESS_RULE,
            told.key,
            told,
            life,
            Finding(
                severity="warning",
                measure=0,
                triggers=["unfounded"],
                figures=self._with_case(figures),
                evidence=[],
                summary=f"{thing.title} ({policy.title}): what came late shows that this was not called for.",
                action=policy.action,
                action_zh=policy.action_zh,
            ),
        )

    def _with_case(self, figures: Figures) -> Figures:
        figures.update(self.view.line.stated)
        if self.view.line.inferred:
            figures["receipt"] = "inferred"
        return figures

    def _put_out(self, rule: str, key: str, told: Told, life: str, finding: Finding) -> None:
        told.revision += 1
        told.open = life in OPEN_STATES
        if told.revision == 1:
            told.raised_ms = self.at_ms
        state = AlertState(
            rule=rule,
            subject=_subject(self.case, key),
            alert_id=case_alert_id(rule, self.customer.customer_id, self.case, key),
            revision=told.revision,
            raised_ms=told.raised_ms,
            updated_ms=self.at_ms,
            severity=finding.severity,
            measure=0,
            triggers=finding.triggers,
            due_ms=0,
        )
        self.ctx.decide(rule, _REASONS[life])
        rules = self.view.rules
        report(self.customer, state, life, finding, self.at_ms, self.ctx, (rules.version, rules.digest))


def case_alert_id(rule: str, customer_id: str, case: CaseState, key: str) -> str:
    """The identity of the alert about the clock or requirement `key` of a case."""
    return alert_id(rule, customer_id, _subject(case, key), f"case:{case.number}")


def _subject(case: CaseState, key: str) -> str:
    return f"{case.case_id}/{key}"


def _clock_words(trigger: str, target: float, used: float, unit: str) -> str:
    limit = f"{target:g} {unit.replace('_', ' ')}"
    if trigger == "due_soon":
        return f"{used:.3g} of {limit} used."
    return {
        "breached": f"not kept within {limit}.",
        "overrun": f"{used:.3g} {unit.replace('_', ' ')} used of {limit}.",
        "met": f"kept within {limit}.",
        "late": f"done, but not within {limit}.",
        "in_time": f"it was kept within {limit}; word of that came late.",
        "moved": f"the time limit has moved to {limit}.",
        "cancelled": "not needed any more.",
        "superseded": "the case was reopened.",
        "unknown": "the calendar does not reach the time limit any more.",
        "left": "the case is no longer watched.",
    }[trigger]


_DEMAND_WORDS = {
    "missing": "not done when it was due.",
    "made_good": "done after it was due.",
    "in_time": "it was done in time; word of that came late.",
    "left": "the case is no longer watched.",
}

ENDS = {
    Verdict.MET: "met",
    Verdict.LATE: "late",
    Verdict.CANCELLED: "cancelled",
    Verdict.SUPERSEDED: "superseded",
    Verdict.UNKNOWN: "unknown",
}
"""How the verdict on a clock that has ended is told and counted."""
