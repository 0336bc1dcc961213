"""The policies: what operators change about the rules, frozen and validated.

A policy document is TOML (`load_policies`) or, inside the ledger, the same content as JSON types
(`policies_from_document`). Either way it passes through the same types and checks, and has the same digest.
Only TOML may say less than it means: calendars named by country are written out when a file is read.
"""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, field

from config.calendar_sources import expand_calendars
from config.calendars import CalendarName, known_zone
from config.calendars import CalendarPolicy as CalendarPolicy
from config.churn_policies import ChurnPolicy
from config.complaint_policies import Complaints
from config.policy_errors import explained
from config.sections import Section, Text, content_digest

Days = Annotated[int, Meta(ge=1, le=366)]
Share = Annotated[float, Meta(gt=0, le=1)]
CurrencyCode = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3)]
Ratio = Annotated[float, Meta(gt=0, le=1000)]
Money = Annotated[float, Meta(ge=0, le=1e12)]


class PolicyError(ValueError):
    """A policy document that cannot be used; the message names the key and what was expected."""


class Bank(Section, frozen=True):
    """Where the bank keeps its days."""

    zone: str

    def __post_init__(self) -> None:
        """Refuse a zone that this machine's time zone data do not know."""
        if not known_zone(self.zone):
            raise ValueError("zone: expected an IANA time zone such as Asia/Shanghai")


class Currencies(Section, frozen=True):
    """The reporting currency and what one unit of each currency is worth in it."""

    reporting: CurrencyCode
    rates: dict[CurrencyCode, Annotated[float, Meta(gt=0, le=1e6)]]

    def __post_init__(self) -> None:
        """The reporting currency is its own measure."""
        if self.rates.get(self.reporting) != 1.0:
            raise ValueError("rates: expected the reporting currency with rate 1.0")


class Tiers(Section, frozen=True):
    """Assets, in the reporting currency, from which a customer belongs to a tier."""

    core_assets: Money
    potential_assets: Money

    def __post_init__(self) -> None:
        """Core stands above potential."""
        if self.core_assets <= self.potential_assets:
            raise ValueError("core_assets: expected more than potential_assets")


class Lifecycle(Section, frozen=True):
    """When a relationship counts as new, growing or declining."""

    acquisition_days: Days
    growth_ratio: Ratio
    decline_ratio: Ratio

    def __post_init__(self) -> None:
        """Decline stands below growth."""
        if self.decline_ratio >= self.growth_ratio:
            raise ValueError("decline_ratio: expected less than growth_ratio")


class OutflowTier(Section, frozen=True):
    """Asset-outflow thresholds and the recommended action for one tier."""

    assets_share: Share
    habit_multiple: Ratio
    large_share: Share
    large_multiple: Ratio
    floor: Annotated[float, Meta(ge=1, le=1e12)]
    action: Text
    action_zh: Text


class AssetOutflow(Section, frozen=True):
    """The asset-outflow rule (see `models.asset_outflow`)."""

    window_days: Annotated[int, Meta(ge=2, le=31)]
    history_days: Days
    sustained_days: Days
    aum_valid_days: Days
    usual_multiple: Ratio
    cold_floor: Money
    drain_share: Share
    drain_multiple: Ratio
    worse_ratio: Annotated[float, Meta(gt=1, le=100)]
    critical_ratio: Annotated[float, Meta(ge=1, le=100)]
    resolve_ratio: Annotated[float, Meta(gt=0, lt=1)]
    cooldown_days: Annotated[int, Meta(ge=0, le=366)]
    core: OutflowTier
    potential: OutflowTier
    basic: OutflowTier

    def __post_init__(self) -> None:
        """A window can hold its sustained days."""
        if self.sustained_days > self.window_days:
            raise ValueError("sustained_days: expected at most window_days")


class TierTexts(Section, frozen=True):
    """One sentence for each tier."""

    core: Text
    potential: Text
    basic: Text


class RepeatedInquiry(Section, frozen=True):
    """The repeated-inquiry rule (see `models.repeated_inquiry`)."""

    contacts: Annotated[int, Meta(ge=2, le=8)]
    window_days: Annotated[int, Meta(ge=1, le=90)]
    critical_contacts: Annotated[int, Meta(ge=2, le=8)]
    cooldown_days: Annotated[int, Meta(ge=0, le=366)]
    ignored_reasons: list[str]
    actions: TierTexts
    actions_zh: TierTexts

    def __post_init__(self) -> None:
        """Critical takes at least as many contacts as an alert does."""
        if self.critical_contacts < self.contacts:
            raise ValueError("critical_contacts: expected at least contacts")


class Policies(Section, frozen=True):
    """Everything that the rules read; one document, one version, one digest."""

    version: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[^\\x00-\\x1f\\x7f]*$")]
    bank: Bank
    currencies: Currencies
    tiers: Tiers
    lifecycle: Lifecycle
    asset_outflow: AssetOutflow
    repeated_inquiry: RepeatedInquiry
    complaints: Complaints = Complaints()
    churn: ChurnPolicy | None = None
    calendars: Annotated[dict[CalendarName, CalendarPolicy], Meta(max_length=16)] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Every calendar that a clock counts by is there."""
        for profile in self.complaints.profiles:
            for clock in profile.clocks:
                if clock.calendar and clock.calendar not in self.calendars:
                    key = f"complaints.profiles.{profile.name}.clocks.{clock.name}.calendar"
                    known = ", ".join(sorted(self.calendars)) or "none is there"
                    raise ValueError(f"{key}: expected the name of a calendar ({known}), not {clock.calendar!r}")


def load_policies(path: Path | None = None) -> Policies:
    """Read a policy file, or the shipped defaults when `path` is None.

    Raises `PolicyError` naming the file, and the key and what was expected of it.
    """
    name = str(path) if path else "policies.toml"
    try:
        text = path.read_text("utf-8") if path else shipped_policies_text()
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{name}: cannot be read as text ({type(error).__name__})") from None
    try:
        return policies_from_document(document_from_toml(text))
    except PolicyError as error:
        raise PolicyError(f"{name}: {error}") from None


def document_from_toml(text: str) -> dict[str, Any]:
    """What the text of a policy file means, calendars written out day by day; raises `PolicyError`."""
    try:
        return expand_calendars(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"not valid TOML: {error}") from None
    except ValueError as error:
        raise PolicyError(str(error)) from None


def shipped_policies_text() -> str:
    """The commented defaults, as a file an operator can start from."""
    return resources.files("config").joinpath("policies.toml").read_text("utf-8")


def policies_from_document(document: dict[str, Any]) -> Policies:
    """Validate a policy document given as JSON types; raises `PolicyError`."""
    try:
        return msgspec.convert(document, Policies)
    except msgspec.ValidationError as error:
        raise PolicyError(explained(str(error), document)) from None


def policy_document(policies: Policies) -> dict[str, Any]:
    """The document as JSON types, such as a `policy_activated` record carries."""
    return dict(msgspec.to_builtins(policies))


def policy_digest(policies: Policies) -> str:
    """Identity of the content (16 hex digits): equal documents have equal digests whatever their layout."""
    return content_digest(policies)
