"""The complaint policies of one version, compiled: clocks bound to their calendars, conditions ready to be asked.

A case keeps the version that it began with. Of calendars it also gets the days that only a later version knows
(`config.calendars.extend_calendar`), for days do not come into being by being arranged.
"""

from datetime import date
from typing import Any

import msgspec
from msgspec import Struct

from config.calendars import CalendarPolicy, extend_calendar
from config.complaint_policies import ClockPolicy, Complaints, ProfilePolicy, Requirement
from config.policies import Policies
from config.sections import content_digest
from models.case_state import Said
from models.conditions import ANY, Asked, Steps, asked, hold
from models.events import STANDARD_STEPS
from models.local_days import LocalDays
from models.measures import Measure, WallTime
from models.working_time import WorkingTime, compiled, parts

_MINUTE_MS = 60_000


class PinnedPolicies(Struct, frozen=True, kw_only=True):
    """What of a policy document decides about a case: enough to judge it again, whatever is in force by then."""

    version: str
    zone: str
    complaints: Complaints
    calendars: dict[str, CalendarPolicy]


def pinned_policies(policies: Policies) -> PinnedPolicies:
    """The part of `policies` that cases keep, with the calendars that its clocks use."""
    used = {clock.calendar for profile in policies.complaints.profiles for clock in profile.clocks}
    return PinnedPolicies(
        version=policies.version,
        zone=policies.bank.zone,
        complaints=policies.complaints,
        calendars={name: calendar for name, calendar in policies.calendars.items() if name in used},
    )


def pinned_document(pinned: PinnedPolicies) -> dict[str, object]:
    """The stored form, as JSON types."""
    return dict(msgspec.to_builtins(pinned))


def pinned_from_document(document: dict[str, Any]) -> PinnedPolicies:
    """Inverse of `pinned_document`."""
    return msgspec.convert(document, PinnedPolicies)


class Clock:
    """One clock of one profile, ready to run; parts are what its measure counts in.

    A running clock looks at the steps that it has `heeded` (or `heeds_all`), and, where its target `moves`, at whatever
    states anything. The others it may pass over.
    """

    __slots__ = (
        "_thresholds",
        "calendar",
        "cancel",
        "extensions",
        "heeded",
        "heeds_all",
        "key",
        "measure",
        "moves",
        "overrun",
        "parts_per_unit",
        "pause",
        "policy",
        "profile",
        "reset",
        "resume",
        "start",
        "stop",
        "target",
        "targets",
        "warnings",
        "warns_in_hours",
    )

    def __init__(self, profile: ProfilePolicy, policy: ClockPolicy, calendars: dict[str, WorkingTime]) -> None:
        """Compile `policy`; its calendar, if it names one, is among `calendars`."""
        self.profile = profile.name
        self.policy = policy
        self.key = f"{profile.name}/{policy.name}"
        unit, self.parts_per_unit = parts(1, policy.unit)
        self.calendar = calendars.get(policy.calendar)
        self.measure: Measure = WallTime() if self.calendar is None else self.calendar.measure(unit)
        self.warns_in_hours = self.calendar is not None and policy.warn_in_hours
        self.start = Steps(policy.start)
        self.stop = Steps(policy.stop)
        self.pause = Steps(policy.pause)
        self.resume = Steps(policy.resume)
        self.reset = Steps(policy.reset)
        self.cancel = Steps(policy.cancel)
        self.heeded = frozenset().union(
            *(steps.names for steps in (self.stop, self.pause, self.resume, self.reset, self.cancel))
        )
        self.heeds_all = ANY in self.heeded
        self.moves = bool(policy.targets or policy.extensions)
        self.target = self.parts(policy.target)
        self.targets = [(asked(one.when), self.parts(one.target)) for one in policy.targets]
        self.extensions = {
            one.name: (
                self.parts(one.to) if one.to is not None else None,
                self.parts(one.by) if one.by is not None else 0,
            )
            for one in policy.extensions
        }
        self.warnings = policy.warnings
        self._thresholds: dict[int, list[int]] = {}
        self.overrun = 1.0 + profile.overrun_percent / 100.0

    def parts(self, amount: float) -> int:
        """An amount in the clock's unit, in parts."""
        return round(amount * self.parts_per_unit)

    def amount(self, parts: int) -> float:
        """Parts in the clock's unit."""
        return parts / self.parts_per_unit

    def base_target(self, known: Said) -> int:
        """The target, before extensions, of a case of which this is known."""
        for when, target in self.targets:
            if hold(when, known):
                return target
        return self.target

    def thresholds(self, target: int) -> list[int]:
        """Used parts at which to warn, ascending; kept, for a policy names few targets."""
        found = self._thresholds.get(target)
        if found is None:
            found = self._thresholds[target] = sorted(
                round(target * one.percent / 100)
                if one.percent is not None
                else target - self.parts(one.remaining or 0)
                for one in self.warnings
            )
        return found


class Demand:
    """One requirement of one profile, ready to be asked."""

    __slots__ = ("at", "given", "key", "needs", "policy", "profile", "wait_ms", "when")

    def __init__(self, profile: ProfilePolicy, policy: Requirement) -> None:
        """Compile `policy`."""
        self.profile = profile.name
        self.policy = policy
        self.key = f"{profile.name}/{policy.name}"
        self.at = Steps(policy.at)
        self.needs = [Steps((condition,)) for condition in policy.needs]
        self.given = [Steps((condition,)) for condition in policy.given]
        self.when = asked(policy.when)
        self.wait_ms = round(policy.wait_minutes * _MINUTE_MS)


class Profile:
    """One version of a profile: what it promises."""

    __slots__ = ("clocks", "demands", "from_ms", "name", "policy", "severity_by_tier")

    def __init__(self, policy: ProfilePolicy, calendars: dict[str, WorkingTime], days: LocalDays) -> None:
        """Compile `policy`, which is in force from the beginning of a local day."""
        self.name = policy.name
        self.policy = policy
        self.from_ms = days.start_ms((policy.valid_from - date(1970, 1, 1)).days)
        self.clocks = [Clock(policy, clock, calendars) for clock in policy.clocks]
        self.demands = [Demand(policy, requirement) for requirement in policy.requirements]
        self.severity_by_tier: dict[str, str] = {
            "core": policy.breach.core,
            "potential": policy.breach.potential,
            "basic": policy.breach.basic,
        }


class ComplaintRules:
    """The complaint policies of one version; `digest` is its identity."""

    def __init__(self, pinned: PinnedPolicies, current: dict[str, CalendarPolicy] | None = None) -> None:
        """Compile `pinned`, whose calendars get the later days of those that are `current`."""
        self.pinned = pinned
        self.version = pinned.version
        self.digest = content_digest(pinned)
        self.policy = pinned.complaints
        calendars = {
            name: compiled(extend_calendar(calendar, current[name]) if current and name in current else calendar, name)
            for name, calendar in pinned.calendars.items()
        }
        self.days = LocalDays(pinned.zone)
        by_name: dict[str, list[Profile]] = {}
        for policy in sorted(self.policy.profiles, key=lambda one: one.valid_from, reverse=True):
            by_name.setdefault(policy.name, []).append(Profile(policy, calendars, self.days))
        self._by_name = by_name
        self._selection: list[tuple[tuple[Asked, ...], tuple[str, ...]]] = [
            (asked(entry.when), entry.profiles) for entry in self.policy.selection
        ]
        steps = self.policy.steps
        named = {*STANDARD_STEPS, *steps.opened, *steps.closed, *steps.withdrawn, *steps.reopened}
        for versions in by_name.values():
            for profile in versions:
                for clock in profile.clocks:
                    for condition in (clock.start, clock.stop, clock.pause, clock.resume, clock.reset, clock.cancel):
                        named |= condition.names
                for demand in profile.demands:
                    for condition in (demand.at, *demand.needs, *demand.given):
                        named |= condition.names
        self.known_steps = frozenset(named)

    def profiles(self, first: Said, tier: str, received_ms: int) -> list[Profile]:
        """The profiles that run on a case of which `first` was known when it was received."""
        look: Said = {**first, "tier": tier}
        for when, names in self._selection:
            if hold(when, look):
                found = [self._in_force(name, received_ms) for name in names]
                return [profile for profile in found if profile is not None]
        return []

    def _in_force(self, name: str, received_ms: int) -> Profile | None:
        for profile in self._by_name[name]:
            if profile.from_ms <= received_ms:
                return profile
        return None
