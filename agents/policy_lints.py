"""What in valid complaint policies is most likely a mistake: words nobody says, promises nobody is given."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from config.complaint_policies import (
    ClockPolicy,
    Complaints,
    Condition,
    Conditions,
    ProfilePolicy,
    Requirement,
    SelectionTests,
    Tests,
)
from config.policies import Policies
from models.conditions import ANY, NONE
from models.events import STANDARD_STEPS

VALUES: Final[dict[str, frozenset[str]]] = {
    "responsibility": frozenset({"bank", "customer", "third_party"}),
    "satisfied": frozenset({"yes", "no"}),
    "callback": frozenset({"preferred", "other"}),
    "tier": frozenset({"core", "potential", "basic"}),
}
"""The values of fields that have no others; the rest is the bank's own vocabulary."""
IMPORTED_STEPS: Final = frozenset({"forwarded"})
"""What `ebbwatch import` writes besides the steps of the standards."""
EXTENSIONS: Final = frozenset({"complex", "special", "exceptional", "in_progress"})
"""The extensions of the shipped statutory profiles."""
_CLOCK_FIELDS: Final = ("start", "stop", "pause", "resume", "reset", "cancel")
_REQUIREMENT_FIELDS: Final = ("at", "given", "needs")


def policy_lints(
    policies: Policies, own_steps: frozenset[str] = frozenset(), own_extensions: frozenset[str] = frozenset()
) -> list[str]:
    """One sentence for each likely mistake, beginning with its key; `own_steps` are known to come, whatever they mean.

    Nothing here is an error: a step may be one that only this bank's systems know, a profile may wait for its day.
    """
    complaints = policies.complaints
    steps = complaints.steps
    known = {ANY, *STANDARD_STEPS, *IMPORTED_STEPS, *own_steps}
    known |= {*steps.opened, *steps.closed, *steps.withdrawn, *steps.reopened}
    lints: list[str] = []
    for profile in complaints.profiles:
        if not profile.clocks and not profile.requirements:
            lints.append(f"profiles.{profile.name}: promises nothing")
        for key, conditions in _conditions(profile):
            lints += _step_lints(key, conditions, known)
        for clock in profile.clocks:
            lints += _clock_lints(f"profiles.{profile.name}.clocks.{clock.name}", clock, EXTENSIONS | own_extensions)
        for requirement in profile.requirements:
            key = f"profiles.{profile.name}.requirements.{requirement.name}"
            lints += _value_lints(f"{key}.when", requirement.when)
    lints += _selection_lints(complaints)
    used = {clock.calendar for profile in complaints.profiles for clock in profile.clocks}
    lints += [f"calendars.{name}: no clock counts by it" for name in sorted(set(policies.calendars) - used)]
    return list(dict.fromkeys(lints))


def _conditions(profile: ProfilePolicy) -> Iterator[tuple[str, Conditions]]:
    parts: list[tuple[str, ClockPolicy | Requirement, tuple[str, ...]]] = [
        *((f"clocks.{clock.name}", clock, _CLOCK_FIELDS) for clock in profile.clocks),
        *((f"requirements.{one.name}", one, _REQUIREMENT_FIELDS) for one in profile.requirements),
    ]
    for name, part, fields in parts:
        for field in fields:
            yield f"profiles.{profile.name}.{name}.{field}", getattr(part, field)


def _step_lints(key: str, conditions: Conditions, known: set[str]) -> Iterator[str]:
    for condition in conditions:
        step = condition.step if isinstance(condition, Condition) else condition
        if step not in known:
            close = get_close_matches(step, sorted(known), 1, 0.8)
            hint = f"did you mean {close[0]}?" if close else "do your systems?"
            known.add(step)  # said once
            yield f"{key}: the bank's standards know no step {step!r}: {hint}"
        if isinstance(condition, Condition):
            yield from _value_lints(f"{key}.where", condition.where)


def _value_lints(key: str, tests: Tests | SelectionTests) -> Iterator[str]:
    for field, values in tests.items():
        if not values:
            yield f"{key}.{field}: has no value, so nothing matches"
        allowed = VALUES.get(field)
        for value in values:
            if allowed and value not in allowed | {ANY, NONE}:
                yield f"{key}.{field}: is never {value!r}, only {', '.join(sorted(allowed))}"


def _clock_lints(key: str, clock: ClockPolicy, extensions: frozenset[str]) -> Iterator[str]:
    for stop in clock.stop:
        if stop in clock.cancel:
            yield f"{key}.stop: never stops by {stop!r}, which cancels it first"
    for one in clock.targets:
        yield from _value_lints(f"{key}.targets.when", one.when)
    lowest = min([clock.target, *(one.target for one in clock.targets)])
    for extension in clock.extensions:
        if extension.name not in extensions:
            yield f"{key}.extensions.{extension.name}: none of the shipped extensions: does anybody grant it?"
        if extension.to is not None and extension.to <= lowest:
            yield f"{key}.extensions.{extension.name}.to: {extension.to:g} extends nothing, the target is {lowest:g}"


def _selection_lints(complaints: Complaints) -> Iterator[str]:
    entries = complaints.selection
    for number, entry in enumerate(entries):
        yield from _value_lints(f"selection[{number}].when", entry.when)
        for earlier, other in enumerate(entries[:number]):
            if _covers(other.when, entry.when):
                yield f"selection[{number}]: never reached, entry {earlier} takes all of its cases"
                break
    if complaints.profiles and not any(not entry.when for entry in entries):
        yield "selection: no last entry without when, so other cases are given no promise at all"
    selected = {name for entry in entries for name in entry.profiles}
    for name in dict.fromkeys(profile.name for profile in complaints.profiles):
        if name not in selected:
            yield f"profiles.{name}: no entry of the selection names it"


def _covers(wide: SelectionTests, narrow: SelectionTests) -> bool:
    """Whether all cases that look like `narrow` look like `wide` too."""
    for field, values in wide.items():
        inner = set(narrow.get(field, (ANY, NONE)))
        any_will_do = ANY in values and not inner & {NONE}
        if not any_will_do and not inner <= set(values):
            return False
    return True
