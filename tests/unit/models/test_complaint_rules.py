"""Complaint policies, compiled: which profiles run on a case, and what a case keeps of its version."""

from typing import Any

import msgspec
import pytest

from config.complaint_policies import CaseSteps
from config.policies import load_policies
from models import sla
from models.complaint_rules import (
    ComplaintRules,
    PinnedPolicies,
    pinned_document,
    pinned_from_document,
    pinned_policies,
)
from models.sla import Verdict
from tests.unit.models.case_builders import (
    around_the_clock,
    at,
    calendar,
    clock,
    clock_policy,
    line,
    pinned,
    profile_policy,
    words,
)

SELECTION: list[dict[str, Any]] = [
    {"when": {"region": ["gb"], "business": ["payments"]}, "profiles": ["care", "psd2"]},
    {"when": {"region": ["gb"]}, "profiles": ["care", "fca"]},
    {"when": {"tier": ["core"], "channel": ["-"]}, "profiles": ["crm"]},
    {"when": {"business": ["*"]}, "profiles": ["care"]},
]


def selecting(selection: list[dict[str, Any]]) -> ComplaintRules:
    profiles = [profile_policy(name=name) for name in ("care", "crm", "psd2", "fca")]
    return ComplaintRules(pinned(profiles, selection))


@pytest.mark.parametrize(
    ("first", "tier", "names"),
    [
        ({"region": "gb", "business": "payments"}, "basic", ["care", "psd2"]),
        ({"region": "gb", "business": "loan"}, "core", ["care", "fca"]),
        ({"region": "gb"}, "core", ["care", "fca"]),
        ({"business": "loan"}, "core", ["crm"]),
        ({"business": "loan", "channel": "app"}, "core", ["care"]),
        ({"business": "loan"}, "basic", ["care"]),
        ({"region": "cn"}, "basic", []),
    ],
)
def test_the_first_entry_that_fits_says_which_profiles_run(
    first: dict[str, str | list[str]], tier: str, names: list[str]
) -> None:
    """Selection is read from the top; a case that nothing fits is watched against no promise."""
    assert [profile.name for profile in selecting(SELECTION).profiles(first, tier, at("Mon 09:00"))] == names


def test_an_entry_without_conditions_fits_every_case() -> None:
    """It stands for everything that is left."""
    rules = selecting([*SELECTION, {"profiles": ["crm"]}])
    assert [profile.name for profile in rules.profiles({}, "basic", 0)] == []  # from before any profile
    assert [profile.name for profile in rules.profiles({}, "basic", at("Mon 09:00"))] == ["crm"]


@pytest.mark.parametrize(
    ("received", "hours"),
    [
        ("2025-12-31 23:59", None),
        ("2026-01-01 00:00", 2),
        ("2026-08-31 23:59", 2),
        ("2026-09-01 00:00", 1),
        ("2026-11-30 09:00", 1),
    ],
)
def test_a_case_runs_by_the_version_in_force_when_it_was_received(received: str, hours: float | None) -> None:
    """Two hours until a day, then one: by the bank's local day, and in whatever order the versions are written."""
    new = profile_policy(name="crm", valid_from="2026-09-01", clocks=[_document(target=1)])
    old = profile_policy(name="crm", valid_from="2026-01-01", clocks=[_document(target=2)])
    for versions in ([new, old], [old, new]):
        rules = ComplaintRules(pinned(versions, [{"profiles": ["crm"]}]))
        found = rules.profiles({}, "basic", at(received))
        assert [one.clocks[0].amount(one.clocks[0].target) for one in found] == ([] if hours is None else [hours])


def _document(**changes: Any) -> dict[str, Any]:
    return dict(msgspec.to_builtins(clock_policy(**changes)))


def test_steps_that_any_policy_names_have_a_meaning() -> None:
    """Standard steps, those of the case itself, and those of clocks and requirements; no others."""
    profile = profile_policy(
        clocks=[_document(pause=["with_customer"], resume=[{"step": "answered", "where": {"channel": ["app"]}}])],
        requirements=[
            {
                "name": "need", "title": "Need", "title_zh": "需要", "source": "test",
                "at": ["signed"], "given": ["drafted"], "needs": ["checked"],
            }
        ],
    )  # fmt: skip
    rules = ComplaintRules(pinned([profile], steps=CaseSteps(closed=("solved",))))
    named = {"with_customer", "answered", "signed", "drafted", "checked", "solved", "received", "called_back"}
    assert named <= rules.known_steps
    assert "consulted" not in rules.known_steps


# --- what a case keeps -----------------------------------------------------------------------------


def test_what_a_case_keeps_can_be_stored_and_judges_alike() -> None:
    """Policies come back from their stored form with the same digest."""
    kept = pinned_policies(load_policies())
    again = pinned_from_document(msgspec.json.decode(msgspec.json.encode(pinned_document(kept))))
    assert again == kept
    assert ComplaintRules(again).digest == ComplaintRules(kept).digest


def _with_days(until: str, **changes: Any) -> PinnedPolicies:
    document = _document(target=3, unit="working_days", calendar="days")
    return pinned(
        [profile_policy(clocks=[document])],
        [{"profiles": ["care"]}],
        {"days": around_the_clock(until=until, **changes)},
    )


def test_a_case_pinned_to_a_short_calendar_gets_the_days_of_a_later_one() -> None:
    """A deadline beyond the pinned horizon is recovered, and what the later calendar says of earlier days is not."""
    kept = _with_days("2026-09-18")
    later = around_the_clock(holidays=["2026-09-17", "2026-09-22"], hours={**around_the_clock().hours, "fri": []})
    moments = line("received Thu 12:00").moments
    alone, extended = (
        sla.run_clock(rules.profiles({}, "basic", at("Thu 12:00"))[0].clocks[0], moments)[0]
        for rules in (ComplaintRules(kept), ComplaintRules(kept, {"days": later, "other": calendar()}))
    )
    assert sla.verdict(alone, at("Thu 13:00")) is Verdict.UNKNOWN
    # Thursday afternoon, Friday and Monday as pinned and added; the added Tuesday is off; Wednesday until noon.
    assert (sla.verdict(extended, at("Thu 13:00")), words(sla.deadline(extended))) == (Verdict.RUNNING, "Wed+1 12:00")


def test_later_days_do_not_change_the_identity_of_what_is_pinned() -> None:
    """The digest that a case names is that of its own version, whatever calendar is current."""
    kept = _with_days("2026-09-18")
    assert ComplaintRules(kept, {"days": around_the_clock()}).digest == ComplaintRules(kept).digest
    assert ComplaintRules(_with_days("2026-09-19")).digest != ComplaintRules(kept).digest


# --- clocks ----------------------------------------------------------------------------------------


def test_amounts_and_parts_of_a_clock_are_inverse() -> None:
    """A clock says in its own unit what its measure counts in parts."""
    for unit in ("seconds", "minutes", "hours", "days", "weeks", "business_minutes", "business_hours", "working_days"):
        using = clock(unit=unit, target=2.5)
        assert using.amount(using.target) == 2.5
        assert using.parts(using.amount(7)) == 7


def test_thresholds_follow_the_target_in_force() -> None:
    """A share moves with the target, what remains is counted from its end; the earlier comes first."""
    using = clock(target=10, unit="hours", warnings=[{"remaining": 2}, {"percent": 50}, {"percent": 90}])
    assert [using.amount(parts) for parts in using.thresholds(using.target)] == [5, 8, 9]
    assert [using.amount(parts) for parts in using.thresholds(using.parts(40))] == [20, 36, 38]


def test_severity_of_a_breach_is_by_tier() -> None:
    """A profile says how bad a breach is for each tier."""
    rules = ComplaintRules(pinned([profile_policy(breach={"basic": "warning"})], [{"profiles": ["care"]}]))
    [profile] = rules.profiles({}, "core", at("Mon 09:00"))
    assert profile.severity_by_tier == {"core": "critical", "potential": "critical", "basic": "warning"}
