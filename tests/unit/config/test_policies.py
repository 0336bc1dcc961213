"""A policy document is understood completely, or refused with the key and what was expected of it."""

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

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

GONE = object()

Change = tuple[str, Any]
"""A dotted key of the shipped document and its new value, or `GONE`."""


def changed(*changes: Change) -> dict[str, Any]:
    document = document_from_toml(shipped_policies_text())
    for path, value in changes:
        *tables, key = path.split(".")
        table = document
        for name in tables:
            table = table[name]
        if value is GONE:
            del table[key]
        else:
            table[key] = value
    return document


def leaves(table: dict[str, Any], at: str = "") -> list[tuple[str, Any]]:
    found = []
    for key, value in table.items():
        if at + key == "complaints":
            continue  # lists of tables, with defaults: test_complaint_policies.py
        if isinstance(value, dict):
            found += leaves(value, f"{at}{key}.")
        else:
            found.append((at + key, value))
    return found


LEAVES = leaves(document_from_toml(shipped_policies_text()))
TABLES = sorted({path.rpartition(".")[0] for path, _ in LEAVES} - {"", "currencies.rates"})

GOOD: dict[str, tuple[Change, ...]] = {
    "as shipped": (),
    "whole numbers where fractions are allowed": (("tiers.core_assets", 600_000), ("asset_outflow.worse_ratio", 2)),
    "another reporting currency": (("currencies.reporting", "USD"), ("currencies.rates", {"USD": 1.0})),
    "a window as short and as long as can be": (
        ("asset_outflow.window_days", 2),
        ("asset_outflow.sustained_days", 2),
        ("repeated_inquiry.window_days", 90),
    ),
    "the longest window": (("asset_outflow.window_days", 31), ("asset_outflow.sustained_days", 31)),
    "no cooldown": (("asset_outflow.cooldown_days", 0), ("repeated_inquiry.cooldown_days", 0)),
    "critical at once": (("repeated_inquiry.contacts", 4), ("repeated_inquiry.critical_contacts", 4)),
    "ignored reasons": (("repeated_inquiry.ignored_reasons", ["other", "查询"]),),
    "another zone": (("bank.zone", "America/Sao_Paulo"),),
}

BAD: dict[str, tuple[Change, str, str]] = {
    # a key that nobody reads
    "misspelt key": (("asset_outflow.windowdays", 14), "windowdays", "unknown field"),
    "misspelt table": (("asset_outflows", {}), "asset_outflows", "unknown field"),
    "tier that is none": (("asset_outflow.gold", {}), "gold", "unknown field"),
    "rate in small letters": (("currencies.rates", {"CNY": 1.0, "usd": 7.2}), "currencies.rates", "[A-Z]{3}"),
    # a key that is missing
    "no version": (("version", GONE), "version", "missing"),
    "no bank": (("bank", GONE), "bank", "missing"),
    "no tier table": (("asset_outflow.core", GONE), "core", "missing"),
    "no action": (("asset_outflow.basic.action_zh", GONE), "action_zh", "missing"),
    # a value of another type
    "version as a number": (("version", 2026.1), "version", "str"),
    "days as a fraction": (("asset_outflow.window_days", 14.0), "asset_outflow.window_days", "int"),
    "days as text": (("asset_outflow.window_days", "14"), "asset_outflow.window_days", "int"),
    "days as yes": (("asset_outflow.window_days", True), "asset_outflow.window_days", "int"),
    "share as text": (("asset_outflow.core.assets_share", "20%"), "asset_outflow.core.assets_share", "float"),
    "table as a number": (("tiers", 5), "tiers", "object"),
    "reasons as text": (("repeated_inquiry.ignored_reasons", "other"), "repeated_inquiry.ignored_reasons", "array"),
    # a value out of range
    "empty version": (("version", ""), "version", ">= 1"),
    "no window": (("asset_outflow.window_days", 1), "asset_outflow.window_days", ">= 2"),
    "window longer than what is kept": (("asset_outflow.window_days", 32), "asset_outflow.window_days", "<= 31"),
    "share above one": (("asset_outflow.potential.large_share", 1.01), "asset_outflow.potential.large_share", "<= 1"),
    "share of nothing": (("asset_outflow.drain_share", 0), "asset_outflow.drain_share", "> 0"),
    "floor of nothing": (("asset_outflow.basic.floor", 0.0), "asset_outflow.basic.floor", ">= 1"),
    "worse by nothing": (("asset_outflow.worse_ratio", 1.0), "asset_outflow.worse_ratio", "> 1"),
    "resolved when raised": (("asset_outflow.resolve_ratio", 1.0), "asset_outflow.resolve_ratio", "< 1"),
    "negative cooldown": (("asset_outflow.cooldown_days", -1), "asset_outflow.cooldown_days", ">= 0"),
    "one contact": (("repeated_inquiry.contacts", 1), "repeated_inquiry.contacts", ">= 2"),
    "more contacts than are kept": (("repeated_inquiry.critical_contacts", 9), "critical_contacts", "<= 8"),
    "rate of nothing": (("currencies.rates.USD", 0.0), "currencies.rates", "> 0"),
    "money that is no number": (("tiers.core_assets", math.nan), "tiers.core_assets", ">= 0"),
    "endless money": (("asset_outflow.cold_floor", math.inf), "asset_outflow.cold_floor", "<= "),
    "ratio that is no number": (("asset_outflow.worse_ratio", math.nan), "asset_outflow.worse_ratio", "> 1"),
    "text without end": (("repeated_inquiry.actions.core", "x" * 401), "repeated_inquiry.actions.core", "<= 400"),
    # values that do not go together
    "zone that is none": (("bank.zone", "Asia/Shangai"), "zone", "IANA time zone"),
    "zone that is a folder": (("bank.zone", "America"), "zone", "IANA time zone"),
    "zone that leads elsewhere": (("bank.zone", "../../etc/passwd"), "zone", "IANA time zone"),
    "empty zone": (("bank.zone", ""), "zone", "IANA time zone"),
    "reporting currency without rate": (("currencies.reporting", "AUD"), "rates", "reporting currency with rate 1.0"),
    "reporting currency worth two": (("currencies.rates.CNY", 2.0), "rates", "reporting currency with rate 1.0"),
    "core below potential": (("tiers.core_assets", 50_000.0), "core_assets", "more than potential_assets"),
    "decline above growth": (("lifecycle.decline_ratio", 1.25), "decline_ratio", "less than growth_ratio"),
    "sustained beyond the window": (("asset_outflow.sustained_days", 15), "sustained_days", "at most window_days"),
    "critical before an alert": (("repeated_inquiry.critical_contacts", 2), "critical_contacts", "at least contacts"),
}


def test_shipped_defaults_load() -> None:
    """What is shipped is valid, and says so itself: each number names its source."""
    assert load_policies() == policies_from_document(changed())
    for line in shipped_policies_text().splitlines():
        if line.startswith(("window_days", "contacts")):
            assert "# ours" in line or "# standard" in line


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD.keys())
def test_good_documents_are_accepted(changes: tuple[Change, ...]) -> None:
    """What an operator may reasonably want is accepted, and comes back as it was given."""
    policies = policies_from_document(changed(*changes))
    document = policy_document(policies)
    assert dict(leaves(changed(*changes))).items() <= dict(leaves(document)).items()
    assert policies_from_document(document) == policies


@pytest.mark.parametrize(("change", "key", "expected"), BAD.values(), ids=BAD.keys())
def test_bad_documents_are_refused(change: Change, key: str, expected: str, tmp_path: Path) -> None:
    """A refusal names the key and what was expected of it."""
    with pytest.raises(PolicyError) as refused:
        policies_from_document(changed(change))
    assert key.rpartition(".")[2] in str(refused.value)
    assert all(part in str(refused.value) for part in key.split("."))
    assert expected in str(refused.value)


@pytest.mark.parametrize("path", [path for path, _ in LEAVES if not path.startswith("currencies.rates")])
def test_no_key_has_a_default(path: str) -> None:
    """A key that is left out is refused: a document says everything that it decides by."""
    with pytest.raises(PolicyError, match=path.rpartition(".")[2]):
        policies_from_document(changed((path, GONE)))


@pytest.mark.parametrize("table", TABLES)
def test_every_table_refuses_unknown_keys(table: str) -> None:
    """A misspelt key cannot pass for a changed one, in whichever table."""
    with pytest.raises(PolicyError, match="misspelt"):
        policies_from_document(changed((f"{table}.misspelt", 1)))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"version = ", "not valid TOML"),
        (b"[bank]\n[bank]\n", "not valid TOML"),
        (b"\xff\xfe", "cannot be read as text"),
        (b"version = '1'\n", "missing required field `bank`"),
        (None, "cannot be read as text"),
    ],
)
def test_a_bad_file_is_named(content: bytes | None, expected: str, tmp_path: Path) -> None:
    """An operator with several files is told which one to look at."""
    path = tmp_path / "ours.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyError) as refused:
        load_policies(path)
    assert str(path) in str(refused.value)
    assert expected in str(refused.value)


def test_a_copied_file_is_the_same_policy(tmp_path: Path) -> None:
    """The shipped text is a file to start from: unedited, it decides as the defaults do."""
    path = tmp_path / "ours.toml"
    path.write_text(shipped_policies_text(), "utf-8")
    assert policy_digest(load_policies(path)) == policy_digest(load_policies())


def backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return value


def test_the_digest_knows_no_layout() -> None:
    """Key order, comments and the way a number is written leave the digest alone."""
    digest = policy_digest(load_policies())
    assert policy_digest(policies_from_document(backwards(changed()))) == digest
    whole = changed(("tiers.core_assets", 500_000), ("currencies.rates.CNY", 1))
    assert policy_digest(policies_from_document(whole)) == digest
    assert len(digest) == 16
    assert int(digest, 16) >= 0


@pytest.mark.parametrize(("path", "value"), LEAVES, ids=[path for path, _ in LEAVES])
def test_the_digest_knows_every_value(path: str, value: Any) -> None:
    """Whatever is changed, it is another policy; what is equal has an equal digest."""
    others = [value + 1, value * 0.9, value - 1] if not isinstance(value, str | list) else []
    if isinstance(value, str):
        others = ["Asia/Tokyo", "2023-12-31", "2029-01-01", value + "!"]
    if isinstance(value, list):
        others = [["other"], ["2025-01-05"], ["09:00-10:00"], ["mon"]]
    for other in others:
        try:
            policies = policies_from_document(changed((path, other)))
        except PolicyError:
            continue
        assert policy_digest(policies) != policy_digest(load_policies())
        return
    assert path in ("currencies.reporting", "currencies.rates.CNY")


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD.keys())
def test_a_document_survives_the_ledger(changes: tuple[Change, ...]) -> None:
    """What a policy_activated record carries is the same policy at the other end, digest and all."""
    policies = policies_from_document(changed(*changes))
    carried: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(policy_document(policies)))
    received = policies_from_document(carried)
    assert received == policies
    assert policy_digest(received) == policy_digest(policies)
    assert policies_from_document(json.loads(json.dumps(carried))) == policies


def test_policies_cannot_be_edited() -> None:
    """A policy in force does not change under the rules that read it."""
    policies: Policies = load_policies()
    with pytest.raises(AttributeError):
        policies.version = "other"  # type: ignore[misc]
