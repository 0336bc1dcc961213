"""Complaint policies: which promises run on a case, as clocks and requirements that are configured, not coded.

A *clock* is a promise with a time limit: conditions over the steps of a case start, stop, pause, resume, reset or
cancel it (`models.sla` runs it). A *requirement* is a promise without one: what must have happened by the time a step
is taken. Both belong to *profiles*, several of which run on one case; `selection` says which.
"""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, field

from config.sections import Section, Text

Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_-]{0,31}$", max_length=32)]
"""A profile, clock or requirement: part of alert identities and metric labels, so it never changes its meaning."""
Code = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[^\\x00-\\x1f\\x7f]*$")]
CaseField = Literal[
    "business",
    "cause",
    "channel",
    "priority",
    "region",
    "responsibility",
    "satisfied",
    "actions",
    "extension",
    "callback",
]
"""What a condition may ask of a case or a step; ``callback`` is "preferred" or "other", the rest as events state it."""
SelectionField = Literal["business", "cause", "channel", "priority", "region", "tier"]
Tests = dict[CaseField, tuple[Code, ...]]
SelectionTests = dict[SelectionField, tuple[Code, ...]]
"""Each field must have one of its values; ``*`` stands for any value that is stated, ``-`` for none stated."""

TimeUnit = Literal[
    "seconds",
    "minutes",
    "hours",
    "days",
    "weeks",
    "calendar_days",
    "business_minutes",
    "business_hours",
    "working_days",
]
WALL_UNITS = frozenset({"seconds", "minutes", "hours", "days", "weeks"})
DAY_UNITS = frozenset({"calendar_days", "working_days"})
Amount = Annotated[float, Meta(gt=0, le=100_000)]
Severity = Literal["warning", "critical"]
Counting = Literal["moment", "next_day", "same_day"]
Ends = Literal["moment", "day"]
MAX_PROFILES = 16
MAX_CLOCKS = 16


class Condition(Section, frozen=True):
    """A step of a case (``*``: any), and what the step itself must say."""

    step: Code
    where: Tests = field(default_factory=dict)


ConditionLike = Code | Condition
Conditions = Annotated[tuple[ConditionLike, ...], Meta(max_length=16)]
"""Any of them; a bare step is a condition without further tests."""


class TargetFor(Section, frozen=True):
    """A target for cases that look like this, in the clock's unit."""

    when: Tests
    target: Amount


class Warn(Section, frozen=True):
    """When to warn: at a percentage of the target, or when so much of it remains, in the clock's unit."""

    percent: Annotated[float, Meta(gt=0, lt=100)] | None = None
    remaining: Amount | None = None

    def __post_init__(self) -> None:
        """One of the two."""
        if (self.percent is None) == (self.remaining is None):
            raise ValueError("expected either percent or remaining")


class Extension(Section, frozen=True):
    """What granting the extension `name` does: the target becomes `to`, or grows `by`; in the clock's unit."""

    name: Code
    source: Text
    to: Amount | None = None
    by: Amount | None = None

    def __post_init__(self) -> None:
        """One of the two."""
        if (self.to is None) == (self.by is None):
            raise ValueError("expected either to or by")


class ClockPolicy(Section, frozen=True):
    """One clock; it runs at most once in each cycle of a case (a cycle begins with the receipt and each reopening).

    `counting` says from when days are counted: from the very moment, from the next local day (the day of receipt does
    not count) or from the beginning of that day (it does). `ends` says whether the deadline is at that moment of the
    day or at its end.
    `warn_in_hours` moves a warning that would come outside business hours to the next of them.
    """

    name: Name
    title: Text
    title_zh: Text
    source: Text
    start: Conditions
    stop: Conditions
    target: Amount
    unit: TimeUnit
    pause: Conditions = ()
    resume: Conditions = ()
    reset: Conditions = ()
    cancel: Conditions = ()
    targets: Annotated[tuple[TargetFor, ...], Meta(max_length=16)] = ()
    calendar: str = ""
    counting: Counting = "moment"
    ends: Ends = "moment"
    warnings: Annotated[tuple[Warn, ...], Meta(max_length=4)] = ()
    warn_in_hours: bool = True
    extensions: Annotated[tuple[Extension, ...], Meta(max_length=8)] = ()

    def __post_init__(self) -> None:
        """Refuse what could not run or could not be meant."""
        if not self.start or not self.stop:
            raise ValueError(f"clock {self.name}: expected at least one condition in start and in stop")
        if self.unit not in WALL_UNITS and not self.calendar:
            raise ValueError(f"clock {self.name}: expected a calendar for the unit {self.unit}")
        if self.counting != "moment" and self.unit not in DAY_UNITS:
            raise ValueError(f"clock {self.name}: counting: expected moment for the unit {self.unit}")
        if self.ends != "moment" and self.unit not in DAY_UNITS:
            raise ValueError(f"clock {self.name}: ends: expected moment for the unit {self.unit}")
        if self.pause and not self.resume:
            raise ValueError(f"clock {self.name}: resume: expected a condition, since there is one that pauses")
        lowest = min([self.target, *(one.target for one in self.targets)])
        for warn in self.warnings:
            if warn.remaining is not None and warn.remaining >= lowest:
                raise ValueError(f"clock {self.name}: warnings: expected remaining below the lowest target")
        names = [extension.name for extension in self.extensions]
        if len(set(names)) < len(names):
            raise ValueError(f"clock {self.name}: extensions: expected each name once")


class Requirement(Section, frozen=True):
    """What must have happened by the time a step is taken.

    When a step matches `at`, the case looks like `when`, and each of `given` has happened in the same cycle, then each
    of `needs` must have happened in that cycle too, `wait_minutes` after the step at the latest.
    """

    name: Name
    title: Text
    title_zh: Text
    source: Text
    at: Conditions
    needs: Conditions
    when: Tests = field(default_factory=dict)
    given: Conditions = ()
    wait_minutes: Annotated[float, Meta(ge=0, le=100_000)] = 10.0
    severity: Severity = "warning"

    def __post_init__(self) -> None:
        """A requirement that is never asked, or asks for nothing, is a mistake."""
        if not self.at or not self.needs:
            raise ValueError(f"requirement {self.name}: expected at least one condition in at and in needs")


class BreachSeverity(Section, frozen=True):
    """How bad a breach is, by the customer's tier."""

    core: Severity = "critical"
    potential: Severity = "critical"
    basic: Severity = "critical"


class ProfilePolicy(Section, frozen=True):
    """One set of promises, as it is in force for cases received from `valid_from` (a local day) on.

    Of several profiles with one name, the latest that was in force when a case was received runs on it.
    """

    name: Name
    title: Text
    title_zh: Text
    source: Text
    valid_from: date
    action: Text
    action_zh: Text
    breach: BreachSeverity = BreachSeverity()
    overrun_percent: Annotated[float, Meta(ge=0, le=10_000)] = 100.0
    clocks: Annotated[tuple[ClockPolicy, ...], Meta(max_length=MAX_CLOCKS)] = ()
    requirements: Annotated[tuple[Requirement, ...], Meta(max_length=MAX_CLOCKS)] = ()

    def __post_init__(self) -> None:
        """Names identify clocks and requirements within a profile."""
        names = [clock.name for clock in self.clocks] + [requirement.name for requirement in self.requirements]
        if len(set(names)) < len(names):
            raise ValueError(f"profile {self.name}: expected each name of a clock or requirement once")


class Selection(Section, frozen=True):
    """The profiles of cases that look like this when they are received; without `when`, of every case."""

    profiles: Annotated[tuple[Name, ...], Meta(max_length=MAX_PROFILES)]
    when: SelectionTests = field(default_factory=dict)


class CaseSteps(Section, frozen=True):
    """Which steps open, close, withdraw and reopen a case, whatever the bank's systems call them."""

    opened: Annotated[tuple[Code, ...], Meta(min_length=1)] = ("received",)
    closed: tuple[Code, ...] = ("closed",)
    withdrawn: tuple[Code, ...] = ("withdrawn",)
    reopened: tuple[Code, ...] = ("reopened",)


class Complaints(Section, frozen=True):
    """Complaint handling: profiles, which of them run on which case, and how long cases are kept.

    `selection` is read from the top, and the first entry that matches says which profiles run. `grace_days` after it
    was closed a case leaves the aggregate, `abandoned_days` after the last news of it one that was never closed.
    """

    steps: CaseSteps = CaseSteps()
    grace_days: Annotated[int, Meta(ge=0, le=366)] = 30
    abandoned_days: Annotated[int, Meta(ge=1, le=3660)] = 400
    profiles: Annotated[tuple[ProfilePolicy, ...], Meta(max_length=64)] = ()
    selection: Annotated[tuple[Selection, ...], Meta(max_length=64)] = ()

    def __post_init__(self) -> None:
        """Selected profiles exist, and each version of a profile has a day of its own."""
        versions = [(profile.name, profile.valid_from) for profile in self.profiles]
        if len(set(versions)) < len(versions):
            raise ValueError("profiles: expected each name once for each valid_from")
        known = {profile.name for profile in self.profiles}
        if len(known) > MAX_PROFILES:
            raise ValueError(f"profiles: expected at most {MAX_PROFILES} names")
        for number, selection in enumerate(self.selection):
            for name in selection.profiles:
                if name not in known:
                    raise ValueError(f"selection[{number}].profiles: expected the name of a profile, not {name!r}")
