"""What is kept of a complaint case: its milestones, and what has been said about it. Everything else is derived.

A case is the set of its milestones by business time, so it does not matter in which order they arrived.
"""

from bisect import insort
from collections import Counter
from typing import Final

from msgspec import Struct, field

from models.events import Complaint

MAX_CASES: Final = 8
"""Cases of one customer kept at a time; beyond it the one that matters least leaves, with a record that says so."""
MAX_MILESTONES: Final = 40
"""Milestones of one case; what comes beyond is in the ledger and counted, but moves no clock."""
TOLD_OFTEN: Final = 4
"""A step told so often makes room for others in a case that is full."""
DEPARTED: Final = 32
"""Cases that have left, and steps that came for them since: so many of the latest are remembered."""
DIGEST_BYTES: Final = 8
DEPARTED_BYTES: Final = 2 * DIGEST_BYTES
"""A digest, and when the case left, in ms."""

Said = dict[str, str | list[str]]
"""What a step states, by field of `config.complaint_policies.CaseField`; what it leaves open is not in it."""

_ORDER: Final = (
    "received",
    "reclassified",
    "extension_granted",
    "paused",
    "resumed",
    "responded",
    "progress_reported",
    "investigated",
    "plan_proposed",
    "plan_confirmed",
    "compensation_proposed",
    "compensation_approved",
    "remedied",
    "*",
    "closed",
    "called_back",
    "escalated",
    "withdrawn",
    "reopened",
)
RANKS: Final = {step: rank for rank, step in enumerate(_ORDER)}
"""How steps of one instant usually follow each other; ``*`` is any other."""


class Milestone(Struct, array_like=True, gc=False):
    """One step of a case at its business time; `rank` orders steps that have the same time as they usually follow."""

    at_ms: int
    rank: int
    step: str
    event_id: str
    said: Said


class Told(Struct, array_like=True, gc=False):
    """What has been said about one clock or requirement in one cycle of a case.

    `key` is "profile/name/cycle". `level` is how bad it was when last told (`models.case_alerts.Level`), `open` whether
    that alert is open, `warned` how many warnings were given, `breach_ms` the breach that the customer's counters hold
    (0: none), `ended` how it was counted to have ended ("": not yet).
    """

    key: str
    level: int = 0
    open: bool = False
    warned: int = 0
    revision: int = 0
    raised_ms: int = 0
    breach_ms: int = 0
    ended: str = ""


class CaseState(Struct, array_like=True, gc=False):
    """One case. `policy` is the digest of the complaint policies that it began with, `tier` the customer's then.

    `number` counts the customer's cases: one that comes back after it has left is another case. `due_ms` is when the
    passage of time alone could change something; `dropped` counts milestones beyond the bound, `unknown` and
    `contradictory` those that have been counted as such; `listed` are the sorted indexes that the case stands in, with
    its scores.
    """

    case_id: str
    policy: str
    tier: str
    number: int
    milestones: list[Milestone] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    due_ms: int = 0
    dropped: int = 0
    unknown: int = 0
    contradictory: int = 0
    listed: dict[str, int] = field(default_factory=dict)

    def told_of(self, key: str) -> Told | None:
        """What was said of this clock or requirement, if anything."""
        for one in self.told:
            if one.key == key:
                return one
        return None


def add_milestone(case: CaseState, event: Complaint, at_ms: int, preferred_channel: str | None) -> bool:
    """Put a step into its place; False when it was there already, or there is no room for it."""
    milestone = Milestone(at_ms, RANKS.get(event.step, RANKS["*"]), event.step, event.event_id, said(event))
    if event.step == "called_back" and event.channel is not None and preferred_channel is not None:
        milestone.said["callback"] = "preferred" if event.channel == preferred_channel else "other"
    for known in case.milestones:
        if known.at_ms == at_ms and known.step == milestone.step and known.said == milestone.said:
            if milestone.event_id < known.event_id:  # which of the two is kept is not up to their arrival
                case.milestones.remove(known)
                insort(case.milestones, milestone, key=_place)
            return False
    if len(case.milestones) >= MAX_MILESTONES:
        case.dropped += 1
        if not _make_room(case.milestones, milestone.step):
            return False
    insort(case.milestones, milestone, key=_place)
    return True


def _make_room(milestones: list[Milestone], step: str) -> bool:
    """Let the latest go of a step that has been told again and again, unless it is `step` itself: it moves no clock.

    Else a case that everybody writes into would never hear that it has been closed.
    """
    told = Counter(one.step for one in milestones)
    often, times = max(told.items(), key=lambda one: (one[1], one[0]))
    if often == step or times < TOLD_OFTEN:
        return False
    place = max(place for place, one in enumerate(milestones) if one.step == often)
    del milestones[place]
    return True


def said(event: Complaint) -> Said:
    """The fields that a step states."""
    fields: Said = {}
    for name in ("business", "cause", "channel", "priority", "region", "responsibility", "extension"):
        value = getattr(event, name)
        if value is not None:
            fields[name] = value
    if event.satisfied is not None:
        fields["satisfied"] = "yes" if event.satisfied else "no"
    if event.actions:
        fields["actions"] = list(event.actions)
    return fields


def _place(milestone: Milestone) -> tuple[int, int, str, str]:
    return milestone.at_ms, milestone.rank, milestone.step, milestone.event_id
