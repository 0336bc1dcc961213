"""The features are named once and for all, signed only where something says so, and listed in docs/features.md."""

import re
from pathlib import Path
from typing import get_args

import pytest

from models.counters import MONEY
from models.feature_list import FEATURES, QUANTITIES, SCHEMA_VERSION, SENSITIVE_SET, STANDARD_SET
from models.feature_schema import CHURN_INDICATORS, OURS, REPEATED_INQUIRY, Feature, Group, Sign

PAGE = (Path(__file__).parents[3] / "docs" / "features.md").read_text("utf-8")
SIGNS = {1: "+", -1: "-", 0: ""}


def test_names_are_unique_and_fit_a_snapshot() -> None:
    """A snapshot puts '#' and a number behind a name, and explanations show it to people."""
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert len({feature.sentence for feature in FEATURES}) == len(names)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_sign_has_a_source(feature: Feature) -> None:
    """No expectation without somebody who holds it, and nobody named without one."""
    assert feature.sign in get_args(Sign)
    assert (feature.source in (CHURN_INDICATORS, REPEATED_INQUIRY, OURS)) == (feature.sign != 0)
    assert feature.source or not feature.sign


def test_the_standards_are_followed() -> None:
    """What the standards call riskier or safer stands with that sign; inquiries count both ways, apart."""
    signs = {
        feature.name: feature.sign for feature in FEATURES if feature.source in (CHURN_INDICATORS, REPEATED_INQUIRY)
    }
    riskier = {"net_outflow", "net_outflow_to_assets", "own_elsewhere_30d", "same_reason_30d"}
    safer = {
        "transactions_30d",
        "transactions_7d_to_30d",
        "inquiries_30d_to_90d",
        "products",
        "assets",
        "age",
        "income_band",
    }
    assert {name: signs[name] for name in riskier | safer} == dict.fromkeys(riskier, 1) | dict.fromkeys(safer, -1)


def test_every_group_has_features() -> None:
    """A reason that nothing can give is no reason."""
    assert {feature.group for feature in FEATURES} == set(Group)


def test_a_quantity_is_money_or_events() -> None:
    """Cents and counts are never added up."""
    assert all(set(quantity.codes) <= MONEY or not MONEY & set(quantity.codes) for quantity in QUANTITIES)
    assert all(quantity.levels == (0, 1, 2) for quantity in QUANTITIES if quantity.changes)


def test_sensitive_features_are_off_by_default() -> None:
    """The standard set is all but those that say who the customer is, and the two cannot be taken for each other."""
    assert {feature.name for feature in FEATURES if feature.sensitive} == {
        "age",
        "age_unknown",
        "income_band",
        "income_unknown",
    }
    assert STANDARD_SET.features == tuple(feature for feature in FEATURES if not feature.sensitive)
    assert SENSITIVE_SET.features == FEATURES
    assert STANDARD_SET.schema.name != SENSITIVE_SET.schema.name
    for chosen in (STANDARD_SET, SENSITIVE_SET):
        assert chosen.schema.features == tuple(feature.name for feature in chosen.features)
        assert chosen.schema.version == SCHEMA_VERSION


def test_the_page_lists_every_feature() -> None:
    """The table has every feature with its group, sign and source, in order, and none besides."""
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.*) \| (.*) \| ([+-]?) ?([a-z ]*) \|$", PAGE, re.MULTILINE)
    said = [tuple(cell.strip() for cell in row) for row in rows]
    assert said == [
        (one.name, one.group.value, one.sentence, one.transform.value, SIGNS[one.sign], one.source) for one in FEATURES
    ]
    groups = re.findall(r"^\| `(\w+)` \| [^`|]* \|$", PAGE, re.MULTILINE)
    assert groups == [group.value for group in Group]
    assert f"version {SCHEMA_VERSION} " in PAGE
    assert f"{len(STANDARD_SET.features)} features, {len(SENSITIVE_SET.features)} with the sensitive ones" in PAGE
