"""A case in order: its steps by business time, the cycle each belongs to, and what was known of the case by then.

A cycle begins with the receipt and with each reopening. What does not fit (a second receipt, a closing of a closed
case, a step from before the receipt) is counted as contradictory; what no policy gives a meaning is counted as unknown.
Either stays in the case.
"""

from typing import Final

from msgspec import Struct, field

from config.complaint_policies import CaseSteps
from models.case_state import RANKS, CaseState, Milestone, Said
from models.events import STANDARD_STEPS

MAX_CYCLES: Final = 8
"""Reopenings beyond are kept like any step, and move no clock."""
_NAMED: Final = ("business", "cause", "channel", "priority", "region", "responsibility")
_OF_A_CYCLE: Final = ("responsibility", "satisfied", "actions")
_OF_A_STEP: Final = ("extension", "callback")
_BEFORE_CLOSING: Final = STANDARD_STEPS - {"called_back", "escalated"}


class Moment(Struct):
    """One step as clocks see it: `said` is what the step states, `known` what is known of the case with it."""

    at_ms: int
    step: str
    cycle: int
    said: Said
    known: Said
    event_id: str


class Timeline(Struct, kw_only=True):
    """The steps of a case in order, and what follows from them alone.

    `opened_ms` begins cycle 0; it is `inferred` from the first step heard of when no receipt is known. `closed_ms` and
    `withdrawn` tell of the last cycle; `first` holds what was known at the beginning and never changes by later steps.
    `odd` names the events of contradictory steps.
    """

    moments: list[Moment]
    opened_ms: int
    inferred: bool
    cycles: int = 1
    closed_ms: int | None = None
    withdrawn: bool = False
    contradictory: int = 0
    unknown: int = 0
    odd: list[str] = field(default_factory=list)
    first: Said = field(default_factory=dict)
    known: Said = field(default_factory=dict)

    @property
    def state(self) -> str:
        """Open, closed or withdrawn."""
        if self.closed_ms is None:
            return "open"
        return "withdrawn" if self.withdrawn else "closed"

    @property
    def stated(self) -> dict[str, str]:
        """What is known of the case by now, as its alerts and its last word name it."""
        return {name: value for name in _NAMED if isinstance(value := self.known.get(name), str)}


def timeline(case: CaseState, steps: CaseSteps, known_steps: frozenset[str]) -> Timeline:
    """Put the milestones of `case`, which has at least one, in order; `known_steps` have a meaning."""
    milestones = _held(_ranked(case.milestones, steps), steps)
    first = milestones[0]
    receipt = next((one for one in milestones if one.step in steps.opened), None)
    inferred = receipt is None
    if receipt is not None:
        ordered = [receipt, *(one for one in milestones if one is not receipt)]
    elif first.step in steps.reopened:
        ordered = milestones  # the case has left before: what is new begins with its reopening
    else:
        ordered = [Milestone(first.at_ms, 0, steps.opened[0], first.event_id, {}), *milestones]
    beginning = 1 + (len(ordered) - len(milestones))  # an inferred receipt says nothing, but the first step does
    line = Timeline(moments=[], opened_ms=ordered[0].at_ms, inferred=inferred)
    known: Said = {}
    for number, milestone in enumerate(ordered):
        step, states, at_ms = milestone.step, milestone.said, milestone.at_ms
        contradictory = line.contradictory
        line.unknown += step not in known_steps
        if number:
            if at_ms < line.opened_ms:
                line.contradictory += 1
                at_ms = line.opened_ms
            fits = _fits(line, step, at_ms, steps)
            if line.contradictory > contradictory:
                line.odd.append(milestone.event_id)
            if not fits:
                continue
        known = _known_with(known, states, new_cycle=number > 0 and step in steps.reopened)
        line.moments.append(Moment(at_ms, step, line.cycles - 1, states, known, milestone.event_id))
        if number < beginning:
            line.first = known
    line.known = known
    return line


def _ranked(milestones: list[Milestone], steps: CaseSteps) -> list[Milestone]:
    """Let steps that close or reopen a case in the policy's own words stand where the standard ones do."""
    ranks = {
        step: RANKS[standard]
        for names, standard in ((steps.closed, "closed"), (steps.withdrawn, "withdrawn"), (steps.reopened, "reopened"))
        for step in names
        if step not in RANKS
    }
    if not ranks:
        return milestones
    return sorted(milestones, key=lambda one: (one.at_ms, ranks.get(one.step, one.rank)))


def _held(milestones: list[Milestone], steps: CaseSteps) -> list[Milestone]:
    """Of a pause and a resumption at the same time, the latter comes first when the case was paused before that.

    So a pause that changes its reason within an instant goes on, and one that takes no time is none.
    """
    ordered: list[Milestone] = []
    instant_ms, before, paused = None, False, False
    for milestone in milestones:
        place = len(ordered)
        if milestone.at_ms != instant_ms:
            instant_ms, before = milestone.at_ms, paused
        if milestone.step == "resumed":
            while before and place and (ordered[place - 1].step, ordered[place - 1].at_ms) == ("paused", instant_ms):
                place -= 1
            paused = place < len(ordered)
        elif milestone.step == "paused" or milestone.step in steps.reopened:
            paused = milestone.step == "paused"
        ordered.insert(place, milestone)
    return ordered


def _fits(line: Timeline, step: str, at_ms: int, steps: CaseSteps) -> bool:
    """Let a step change the state of the case; False when it must not move any clock."""
    is_open = line.closed_ms is None
    if step in steps.opened:
        line.contradictory += 1
        return False
    if step in steps.reopened:
        line.contradictory += is_open
        if line.cycles >= MAX_CYCLES:
            return False
        line.cycles += 1
        line.closed_ms, line.withdrawn = None, False
    elif step in steps.closed or step in steps.withdrawn:
        if not is_open:
            line.contradictory += 1
            return False
        line.closed_ms, line.withdrawn = at_ms, step in steps.withdrawn
    elif not is_open and step in _BEFORE_CLOSING:
        line.contradictory += 1
    return True


def _known_with(known: Said, states: Said, *, new_cycle: bool) -> Said:
    if not states and not new_cycle:
        return known
    after = dict(known)
    if new_cycle:
        for name in _OF_A_CYCLE:
            after.pop(name, None)
    for name, value in states.items():
        if name not in _OF_A_STEP and not (name == "channel" and name in after):
            after[name] = value
    return after
