"""A case as its pinned policies see it: the steps in order, the profiles that run, every clock and requirement."""

from msgspec import Struct

from models import case_demands, sla
from models.case_demands import Asked
from models.case_state import CaseState
from models.case_timeline import Timeline, timeline
from models.complaint_rules import ComplaintRules, Profile
from models.sla import ClockRun


class CaseView(Struct):
    """Everything that follows from the milestones of a case: nothing here is kept."""

    rules: ComplaintRules
    line: Timeline
    profiles: list[Profile]
    runs: list[tuple[Profile, ClockRun]]
    asked: list[tuple[Profile, Asked]]


def view(case: CaseState, rules: ComplaintRules) -> CaseView:
    """Run every clock and ask for every requirement of the profiles that were chosen when the case was received."""
    line = timeline(case, rules.policy.steps, rules.known_steps)
    profiles = rules.profiles(line.first, case.tier, line.opened_ms)
    taken = frozenset([moment.step for moment in line.moments])
    return CaseView(
        rules=rules,
        line=line,
        profiles=profiles,
        runs=[
            (profile, run)
            for profile in profiles
            for clock in profile.clocks
            if clock.start.may_match(taken)
            for run in sla.run_clock(clock, line.moments)
        ],
        asked=[
            (profile, asked)
            for profile in profiles
            for demand in profile.demands
            if demand.at.may_match(taken)
            for asked in case_demands.ask(demand, line.moments)
        ],
    )
