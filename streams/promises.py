"""Which promises a shard watches: what labels of metrics may hold, and how far the calendars behind them reach.

Names come from validated policies (at most 16 profiles, 16 clocks in each version of one), so a label is never data.
"""

from datetime import date

from msgspec import Struct

from models.complaint_rules import PinnedPolicies
from models.pins import Pins
from models.working_time import compiled


class Horizon(Struct, frozen=True):
    """The last day that a calendar knows, and when that day ends."""

    until: date
    until_ms: int


class Promises(Struct, frozen=True):
    """Profiles and (profile, clock) of the policies in force and of former ones that cases pin, by name.

    `horizons` are those of the calendars that clocks of the policies in force use; a former version is judged by the
    days of these as well.
    """

    profiles: frozenset[str] = frozenset()
    clocks: frozenset[tuple[str, str]] = frozenset()
    horizons: dict[str, Horizon] = {}


class Watched(Struct, frozen=True):
    """A shard as it was last opened or committed: what it promises, and its time."""

    promises: Promises
    clock_ms: int


def promises_of(pins: Pins) -> Promises:
    """What is promised as far as `pins` tell."""
    profiles = [profile for rules in pins.held for profile in rules.policy.profiles]
    return Promises(
        frozenset(profile.name for profile in profiles),
        frozenset((profile.name, clock.name) for profile in profiles for clock in profile.clocks),
        horizons_of(pins.current.pinned),
    )


def horizons_of(pinned: PinnedPolicies) -> dict[str, Horizon]:
    """The horizon of each calendar that a clock uses."""
    return {
        name: Horizon(calendar.until, compiled(calendar, name).until_ms)
        for name, calendar in sorted(pinned.calendars.items())
    }
