"""Conditions of policies: which steps they mean, and what those must say."""

from typing import Any

import msgspec
import pytest

from config.complaint_policies import Conditions
from models.case_state import Said
from models.conditions import Steps, asked, hold

BANK: Said = {"responsibility": "bank", "actions": ["compensate", "remediate"], "satisfied": "no"}


@pytest.mark.parametrize(
    ("tests", "holds"),
    [
        ({}, True),
        ({"responsibility": ["bank"]}, True),
        ({"responsibility": ["customer"]}, False),
        ({"responsibility": ["customer", "bank"]}, True),
        ({"responsibility": ["bank"], "satisfied": ["no"]}, True),
        ({"responsibility": ["bank"], "satisfied": ["yes"]}, False),
        # A list has a value when it is among the others.
        ({"actions": ["remediate"]}, True),
        ({"actions": ["explain", "compensate"]}, True),
        ({"actions": ["explain"]}, False),
        # `*`: whatever is stated; `-`: nothing is.
        ({"responsibility": ["*"]}, True),
        ({"actions": ["*"]}, True),
        ({"region": ["*"]}, False),
        ({"region": ["-"]}, True),
        ({"region": ["-", "cn"]}, True),
        ({"region": ["cn"]}, False),
        ({"responsibility": ["-"]}, False),
        ({"actions": ["-"]}, False),
        ({"responsibility": ["-", "*"]}, True),
        ({"region": ["-", "*"]}, True),
    ],
)
def test_tests_of_fields(tests: dict[Any, Any], holds: bool) -> None:
    """Every field must have one of its values: all of the fields, any of the values."""
    assert hold(asked(tests), BANK) is holds


def conditions(*entries: str | dict[str, Any]) -> Steps:
    return Steps(msgspec.convert(entries, Conditions))


@pytest.mark.parametrize(
    ("condition", "step", "matches"),
    [
        (conditions("closed"), "closed", True),
        (conditions("closed"), "responded", False),
        (conditions("responded", "closed"), "closed", True),
        (conditions("*"), "anything", True),
        (conditions({"step": "investigated", "where": {"responsibility": ["bank"]}}), "investigated", True),
        (conditions({"step": "investigated", "where": {"responsibility": ["customer"]}}), "investigated", False),
        (conditions({"step": "*", "where": {"satisfied": ["no"]}}), "called_back", True),
        (conditions({"step": "*", "where": {"satisfied": ["yes"]}}), "called_back", False),
        # Any condition will do: the second of one step, or the one for any step.
        (
            conditions(
                {"step": "closed", "where": {"satisfied": ["yes"]}}, {"step": "closed", "where": {"satisfied": ["no"]}}
            ),
            "closed",
            True,
        ),
        (conditions({"step": "closed", "where": {"satisfied": ["yes"]}}, "*"), "closed", True),
        (conditions({"step": "closed", "where": {"satisfied": ["yes"]}}, "responded"), "closed", False),
        (conditions(), "closed", False),
    ],
)
def test_conditions_over_steps(condition: Steps, step: str, matches: bool) -> None:
    """A step meets a condition by its name and by what it says itself; any of several conditions will do."""
    assert condition.match(step, BANK) is matches


def test_no_condition_is_told_from_one_that_is_never_met() -> None:
    """A clock without pauses is not a clock whose pauses have not come."""
    assert not conditions()
    assert conditions({"step": "closed", "where": {"region": ["nowhere"]}})
    assert conditions("closed", {"step": "*", "where": {}}).names == {"closed", "*"}
