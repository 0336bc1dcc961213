"""Complaint policies in few words, one customer's cases driven through the fold, and what may never be otherwise."""

from collections import Counter
from typing import Any

import msgspec

from config.calendars import CalendarPolicy
from config.complaint_policies import ClockPolicy
from config.policies import Policies, policies_from_document, policy_document
from models.alerts import Alert
from models.case_alerts import PROCESS_RULE, SLA_RULE
from models.case_verdict import CaseVerdict, LateStep
from models.complaints import CASE_RULE, MEMBER_SEPARATOR
from models.context import ClockEvent, Reason
from models.events import Complaint, epoch_ms
from tests.unit.models.build import SHIPPED, Folded
from tests.unit.models.case_builders import calendar, clock_policy, profile_policy, steps

Requirement = dict[str, Any]

FOLLOWS = {
    "": {"raised"},
    "raised": {"updated", "resolved", "retracted"},
    "updated": {"updated", "resolved", "retracted"},
    "resolved": {"raised", "retracted"},
    "retracted": {"raised"},
}
"""What an alert may say next. Taken back or over, it is raised again only by what was heard since."""


def need(**changes: Any) -> Requirement:
    """Closing needs a confirmed plan, ten minutes later at the latest, unless told else."""
    usual: Requirement = {
        "name": "confirmed",
        "title": "Plan confirmed",
        "title_zh": "方案确认",
        "source": "test",
        "at": ["closed"],
        "needs": ["plan_confirmed"],
    }
    return usual | changes


def promising(
    *clocks: ClockPolicy,
    needs: tuple[Requirement, ...] = (),
    days: CalendarPolicy | None = None,
    version: str = "test",
    complaints: dict[str, Any] | None = None,
    **profile: Any,
) -> Policies:
    """Policies with one profile `care` for every case; without any clock the one of `clock_policy`."""
    parts = {"clocks": [msgspec.to_builtins(one) for one in clocks or (clock_policy(),)], "requirements": list(needs)}
    care = profile_policy(**(parts | profile))
    table = {"profiles": [msgspec.to_builtins(care)], "selection": [{"profiles": ["care"]}]} | (complaints or {})
    calendars = {"days": msgspec.to_builtins(days or calendar())}
    return policies_from_document(
        policy_document(SHIPPED) | {"version": version, "complaints": table, "calendars": calendars}
    )


class Watched(Folded):
    """One customer's cases."""

    def hear(self, text: str | list[Complaint]) -> "Watched":
        """Take in steps told in words (see `case_builders.steps`), or events, in the order given."""
        self.see(*(steps(text) if isinstance(text, str) else text))
        return self

    @property
    def sla(self) -> list[Alert]:
        """Every revision about a clock."""
        return [alert for alert in self.alerts if alert.rule == SLA_RULE]

    @property
    def process(self) -> list[Alert]:
        """Every revision about a requirement."""
        return [alert for alert in self.alerts if alert.rule == PROCESS_RULE]

    @property
    def life(self) -> list[tuple[str, str]]:
        """State and trigger of every revision about a case, in order."""
        return [(one.state, one.triggers[0]) for one in self.alerts if one.rule in (SLA_RULE, PROCESS_RULE)]

    @property
    def times(self) -> list[int]:
        """When each of them was told."""
        return [epoch_ms(alert.at) for alert in self.alerts if alert.rule in (SLA_RULE, PROCESS_RULE)]

    @property
    def verdicts(self) -> list[CaseVerdict]:
        """The last word on each case that has left."""
        return [output.body for output in self.ctx.outputs if isinstance(output.body, CaseVerdict)]

    @property
    def late_steps(self) -> list[LateStep]:
        """Steps that came for cases which had left."""
        return [output.body for output in self.ctx.outputs if isinstance(output.body, LateStep)]

    @property
    def events(self) -> Counter[ClockEvent]:
        """What happened to clocks, whichever."""
        found: Counter[ClockEvent] = Counter()
        for (_, _, event), times in self.ctx.clocks.items():
            found[event] += times
        return found

    @property
    def indexes(self) -> dict[str, float | None]:
        """Last score in each index of cases; one case is assumed."""
        moved = self.ctx.rankings.items()
        return {index: score for (index, member), score in moved if MEMBER_SEPARATOR in member}

    def decided(self, reason: Reason) -> int:
        """How often steps and cases were decided on for this reason."""
        return self.ctx.decisions[CASE_RULE, reason]


def check_alerts(alerts: list[Alert]) -> None:
    """Every alert has revisions from 1 on without a gap, each of which may follow the one before."""
    last: dict[str, Alert] = {}
    for alert in alerts:
        before = last.get(alert.alert_id)
        assert alert.revision == (before.revision + 1 if before else 1)
        assert alert.state in FOLLOWS[before.state if before else ""], (before, alert)
        assert before is None or (before.raised_at, before.subject) == (alert.raised_at, alert.subject)
        last[alert.alert_id] = alert


def open_alerts(alerts: list[Alert]) -> set[str]:
    """Subjects of the alerts that are still open."""
    last = {alert.alert_id: alert for alert in alerts if alert.rule in (SLA_RULE, PROCESS_RULE)}
    return {alert.subject for alert in last.values() if alert.state in ("raised", "updated")}


def check_waiting(folded: Folded) -> None:
    """After a tick, whatever waits does so for a time to come; nothing waits only when there is nothing to wait for."""
    customer = folded.customer
    assert all(case.due_ms > folded.ctx.clock_ms for case in customer.cases)
    assert customer.due_ms == min((case.due_ms for case in customer.cases), default=0)
