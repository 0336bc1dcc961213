"""Complaint policies mean what their author wrote, or are refused with the key and what was expected of it."""

import json
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import pytest

from config.complaint_policies import ClockPolicy, Condition, ProfilePolicy
from config.policies import (
    Policies,
    PolicyError,
    document_from_toml,
    load_policies,
    policies_from_document,
    policy_digest,
    policy_document,
    shipped_policies_text,
)
from streams.simulator.courses import ProcessFailure
from tests.support.policy_files import bad_files, good_files, remarks, whole_text

SHIPPED = load_policies()
FAILURES_AS_CLOCKS = {
    "dissatisfied_not_escalated": ("care", "escalated"),
    "second_callback_missing": ("crm", "second_callback"),
}
"""Process failures of the simulated bank that are clocks here, since somebody has to notice that nothing happens."""


def loaded(path: Path) -> Policies:
    return policies_from_document(document_from_toml(whole_text(path)))


def latest(name: str) -> ProfilePolicy:
    return max((one for one in SHIPPED.complaints.profiles if one.name == name), key=lambda one: one.valid_from)


def clock(profile: str, name: str) -> ClockPolicy:
    (found,) = [one for one in latest(profile).clocks if one.name == name]
    return found


@pytest.mark.parametrize("path", good_files(), ids=lambda path: path.stem)
def test_good_files_are_accepted(path: Path) -> None:
    """What an operator may reasonably want is accepted, and is the same policy at the other end of the ledger."""
    policies = loaded(path)
    carried = json.loads(json.dumps(policy_document(policies)))
    assert policies_from_document(carried) == policies
    assert policy_digest(policies_from_document(carried)) == policy_digest(policies)
    written = tomllib.loads(whole_text(path))
    assert [one.name for one in policies.complaints.profiles] == [
        one["name"] for one in written["complaints"].get("profiles", [])
    ]


@pytest.mark.parametrize("path", bad_files(), ids=lambda path: path.stem)
def test_bad_files_are_refused(path: Path, tmp_path: Path) -> None:
    """A refusal names the file, the profile, the clock and the key by their names, and what was expected."""
    file = tmp_path / path.name
    file.write_text(whole_text(path), "utf-8")
    with pytest.raises(PolicyError) as refused:
        load_policies(file)
    (expected,) = remarks(path, "expected")
    assert str(file) in str(refused.value)
    for part in expected.split(" | "):
        assert part in str(refused.value)
    assert "`$" not in str(refused.value)


def test_there_are_enough_files() -> None:
    """No file is lost to a misspelt folder, and the base of the bad ones is not what makes them bad."""
    assert len(good_files()) >= 8
    assert len(bad_files()) >= 20
    assert all(len(remarks(path, "expected")) == 1 for path in bad_files())
    assert {"helpdesk", "smallest"} <= {path.stem for path in good_files()}


def tables(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, inner in items:
        yield from tables(inner, (*path, key))


def test_every_table_refuses_unknown_keys() -> None:
    """A misspelt key cannot pass for a changed one, in whichever table of whichever clock."""
    document = document_from_toml(shipped_policies_text())
    found = [path for path in tables(document["complaints"]) if path[-1:] not in (("where",), ("when",))]
    assert len(found) > 60
    for path in found:
        changed = deepcopy(document)
        table = changed["complaints"]
        for key in path:
            table = table[key]
        table["misspelt"] = 1
        with pytest.raises(PolicyError, match="misspelt"):
            policies_from_document(changed)


def test_the_digest_knows_every_number() -> None:
    """Whichever target, warning or extension is changed, it is another policy."""
    document = policy_document(SHIPPED)
    digests = {policy_digest(SHIPPED)}
    changes = 0
    for path in tables(document["complaints"]):
        for key in ("target", "remaining", "to", "by", "wait_minutes", "overrun_percent", "grace_days"):
            changed = deepcopy(document)
            table = changed["complaints"]
            for step in path:
                table = table[step]
            value = table.get(key)
            if isinstance(value, float | int):
                table[key] = type(value)(value * 0.9)
                digests.add(policy_digest(policies_from_document(changed)))
                changes += 1
    assert changes > 50
    assert len(digests) == 1 + changes


def test_every_shipped_number_has_a_source() -> None:
    """A promise says who made it: one of the bank's standards, a rule of law with its place, or this project."""
    ours = ("standard", "ours")
    law = (
        "CBIRC Order 2020 No. 3",
        "DISP 1.",
        "FCA Handbook, DISP 1.",
        "Directive (EU) 2015/2366, article 101",
        "CFPB, ",
    )
    for profile in SHIPPED.complaints.profiles:
        begin = ours if profile.name in ("care", "crm") else law
        for source in (
            profile.source,
            *(one.source for one in profile.clocks),
            *(one.source for one in profile.requirements),
            *(extension.source for one in profile.clocks for extension in one.extensions),
        ):
            assert source.startswith(begin)
            assert "http" not in source


@pytest.mark.parametrize(
    ("profile", "name", "target", "unit", "calendar"),
    [
        ("care", "responded", 30, "seconds", ""),
        ("care", "progress_reported", 24, "hours", ""),
        ("care", "investigated", 3, "working_days", "cn"),
        ("care", "plan_confirmed", 5, "working_days", "cn"),
        ("care", "called_back", 3, "working_days", "cn"),
        ("care", "escalated", 24, "hours", ""),
        ("crm", "responded", 60, "minutes", ""),
        ("crm", "progress_reported", 24, "hours", ""),
        ("crm", "closed", 3, "working_days", "cn"),
        ("crm", "second_callback", 7, "calendar_days", "cn"),
        ("cn-2020", "decision", 15, "calendar_days", "cn"),
        ("fca-disp", "acknowledged", 5, "working_days", "uk"),
        ("fca-disp", "final_response", 56, "calendar_days", "uk"),
        ("fca-summary", "resolved", 3, "working_days", "uk"),
        ("fca-psd", "final_response", 15, "working_days", "uk"),
        ("psd2", "reply", 15, "working_days", "eu"),
        ("cfpb", "response", 15, "calendar_days", "us"),
        ("cfpb", "final_response", 60, "calendar_days", "us"),
    ],
)
def test_shipped_promises(profile: str, name: str, target: float, unit: str, calendar: str) -> None:
    """The promises are the ones of the standards and statutes; days begin to count on the next one and end as days."""
    found = clock(profile, name)
    assert (found.target, found.unit, found.calendar) == (target, unit, calendar)
    in_days = unit in ("working_days", "calendar_days")
    assert (found.counting, found.ends) == (("next_day", "day") if in_days else ("moment", "moment"))


def test_statutory_clocks_know_their_extensions_and_no_pauses() -> None:
    """Waiting for papers does not stop the law; only what it grants itself moves the date."""
    internal = ("care", "crm")
    statutory = [one for one in SHIPPED.complaints.profiles if one.name not in internal]
    assert not any(clock.pause for profile in statutory for clock in profile.clocks)
    assert any(clock.pause for profile in SHIPPED.complaints.profiles for clock in profile.clocks)
    extensions = {
        (profile.name, extension.name): (extension.to, extension.by)
        for profile in statutory
        for clock in profile.clocks
        for extension in clock.extensions
    }
    assert extensions == {
        ("cn-2020", "complex"): (30, None),
        ("cn-2020", "special"): (None, 30),
        ("fca-psd", "exceptional"): (35, None),
        ("psd2", "exceptional"): (35, None),
    }


def test_crm_has_two_versions_that_differ_in_the_response_alone() -> None:
    """A shorter promise holds for cases from its day on, and nothing else slips in with it."""
    before, after = sorted(
        (one for one in SHIPPED.complaints.profiles if one.name == "crm"), key=lambda one: one.valid_from
    )
    assert (before.clocks[0].name, before.clocks[0].target, after.clocks[0].target) == ("responded", 120, 60)
    assert before.clocks[1:] == after.clocks[1:]
    assert (before.breach, before.overrun_percent, before.action) == (after.breach, after.overrun_percent, after.action)


def test_every_process_failure_of_the_simulated_bank_has_a_promise() -> None:
    """What the simulator plants can be found, under its own name or as one of two clocks."""
    requirements = {one.name for one in latest("care").requirements}
    for failure in get_args(ProcessFailure):
        if failure in FAILURES_AS_CLOCKS:
            profile, name = FAILURES_AS_CLOCKS[failure]
            assert name in [one.name for one in latest(profile).clocks]
        else:
            assert failure in requirements
    (dissatisfied,) = clock("care", "escalated").start
    assert dissatisfied == Condition(step="called_back", where={"satisfied": ("no",)})


def test_the_shipped_document_stays_small() -> None:
    """It goes into the ledger as a whole, with each activation, and a shard keeps a copy for each version in use."""
    assert len(json.dumps(policy_document(SHIPPED), ensure_ascii=False).encode()) < 32_768
