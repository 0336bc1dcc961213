"""Requirements of the process: what must have happened by the time a step is taken."""

from typing import Any

import pytest

from tests.unit.models.case_builders import asked, at, demand, words

CLASSIFIED = {"at": ["investigated"], "needs": [{"step": "*", "where": {"responsibility": ["*"]}}]}
APPROVED = {"at": ["closed"], "given": ["compensation_proposed"], "needs": ["compensation_approved"]}
REMEDIED = {
    "at": ["closed"],
    "when": {"responsibility": ["bank"]},
    "needs": ["remedied", {"step": "plan_proposed", "where": {"actions": ["compensate"]}}],
}
CONFIRMED = {"at": ["closed"], "needs": ["plan_confirmed"], "wait_minutes": 0}
PREFERRED = {"at": ["called_back"], "needs": [{"step": "called_back", "where": {"callback": ["preferred", "-"]}}]}
ESCALATED = {
    "at": [{"step": "called_back", "where": {"satisfied": ["no"]}}],
    "needs": ["escalated"],
    "wait_minutes": 60,
}

NOT_ASKED = "not asked"
MET = "met"
MISSING = "missing"

BANK = "received Mon 08:00, investigated{responsibility=bank} Mon 09:00"
PLAN = "plan_proposed{actions=compensate+remediate} Mon 10:00"


@pytest.mark.parametrize(
    ("requirement", "steps", "says"),
    [
        # The responsibility class by the end of the investigation, whoever states it.
        (CLASSIFIED, "received Mon 08:00", NOT_ASKED),
        (CLASSIFIED, "received Mon 08:00, investigated{responsibility=bank} Mon 09:00", MET),
        (CLASSIFIED, "received Mon 08:00, investigated Mon 09:00", MISSING),
        (CLASSIFIED, "received{responsibility=bank} Mon 08:00, investigated Mon 09:00", MET),
        (CLASSIFIED, "received Mon 08:00, investigated Mon 09:00, reclassified{responsibility=bank} Mon 09:10", MET),
        (
            CLASSIFIED,
            "received Mon 08:00, investigated Mon 09:00, reclassified{responsibility=bank} Mon 09:11",
            "made good Mon 09:11",
        ),
        # Compensation needs approval, but only where there is one.
        (APPROVED, "received Mon 08:00, closed Mon 12:00", NOT_ASKED),
        (APPROVED, "received Mon 08:00, compensation_proposed Mon 09:00, closed Mon 12:00", MISSING),
        (
            APPROVED,
            "received Mon 08:00, compensation_proposed Mon 09:00, compensation_approved Mon 10:00, closed Mon 12:00",
            MET,
        ),
        (APPROVED, "received Mon 08:00, closed Mon 12:00, compensation_proposed Mon 13:00", NOT_ASKED),
        # Several needs: all of them, and by the class that is known at the closing.
        (REMEDIED, f"{BANK}, {PLAN}, remedied Mon 11:00, closed Mon 12:00", MET),
        (REMEDIED, f"{BANK}, remedied Mon 11:00, closed Mon 12:00", MISSING),
        (REMEDIED, f"{BANK}, {PLAN}, closed Mon 12:00", MISSING),
        (REMEDIED, f"{BANK}, {PLAN}, closed Mon 12:00, remedied Tue 12:00", "made good Tue 12:00"),
        (REMEDIED, "received Mon 08:00, investigated{responsibility=customer} Mon 09:00, closed Mon 12:00", NOT_ASKED),
        (REMEDIED, f"{BANK}, reclassified{{responsibility=customer}} Mon 10:00, closed Mon 12:00", NOT_ASKED),
        # Without a wait it is the step itself that decides, and its own instant still counts.
        (CONFIRMED, "received Mon 08:00, plan_confirmed Mon 12:00, closed Mon 12:00", MET),
        (CONFIRMED, "received Mon 08:00, closed Mon 12:00, plan_confirmed Mon 12:01", "made good Mon 12:01"),
        # Dissatisfied: to the supervisor within the hour.
        (ESCALATED, "received Mon 08:00, closed Mon 09:00, called_back{satisfied=yes} Mon 12:00", NOT_ASKED),
        (ESCALATED, "received Mon 08:00, closed Mon 09:00, called_back{satisfied=no} Mon 12:00", MISSING),
        (
            ESCALATED,
            "received Mon 08:00, closed Mon 09:00, called_back{satisfied=no} Mon 12:00, escalated Mon 13:00",
            MET,
        ),
    ],
)  # fmt: skip
def test_requirements(requirement: dict[str, Any], steps: str, says: str) -> None:
    """A requirement is asked for by a step, and met by what happened in time."""
    found = asked(demand(**requirement), steps)
    if says == NOT_ASKED:
        assert found == []
        return
    [one] = found
    good = "" if one.made_good_ms is None else f"made good {words(one.made_good_ms)}"
    assert (MET if one.met else good or MISSING) == says


@pytest.mark.parametrize(("preferred", "met"), [("phone", True), ("app", False), (None, True)])
def test_callback_by_the_preferred_channel(preferred: str | None, met: bool) -> None:
    """Where no channel is known to be preferred, none can be missed."""
    steps = "received Mon 08:00, closed Mon 09:00, called_back{channel=phone} Mon 10:00"
    [one] = asked(demand(**PREFERRED), steps, preferred)
    assert one.met is met


def test_it_says_when_it_was_asked_and_when_it_is_judged() -> None:
    """Waiting is counted from the step that asked, which is named."""
    [one] = asked(demand(**ESCALATED), "received Mon 08:00, called_back{satisfied=no} Mon 12:00")
    assert (words(one.asked_ms), words(one.judged_ms)) == ("Mon 12:00", "Mon 13:00")
    assert one.asked_by == f"called_back{{satisfied=no}}@{at('Mon 12:00')}"
    assert one.key == "care/need/0"


def test_it_is_asked_once_in_a_cycle() -> None:
    """The first step that asks decides; a second one asks nothing more."""
    steps = "received Mon 08:00, investigated Mon 09:00, investigated{responsibility=bank} Mon 12:00"
    [one] = asked(demand(**CLASSIFIED), steps)
    assert (words(one.asked_ms), one.met, words(one.made_good_ms)) == ("Mon 09:00", False, "Mon 12:00")


def test_a_step_that_does_not_look_so_does_not_ask() -> None:
    """Where the first closing was of no bank fault, the next may be."""
    requirement = {**REMEDIED, "at": ["responded", "closed"]}
    steps = "received Mon 08:00, responded Mon 08:30, investigated{responsibility=bank} Mon 09:00, closed Mon 12:00"
    [one] = asked(demand(**requirement), steps)
    assert words(one.asked_ms) == "Mon 12:00"


def test_each_cycle_is_judged_by_its_own_steps() -> None:
    """What was done before the reopening does not excuse what is missing after it, nor the other way round."""
    steps = (
        "received Mon 08:00, plan_confirmed Mon 09:00, closed Mon 10:00, reopened Tue 08:00, closed Tue 10:00, "
        "reopened Wed 08:00, plan_confirmed Wed 09:00, closed Wed 10:00"
    )
    assert [(one.cycle, one.met, one.made_good_ms) for one in asked(demand(**CONFIRMED), steps)] == [
        (0, True, None),
        (1, False, None),
        (2, True, None),
    ]


def test_what_arrives_late_counts_by_when_it_happened() -> None:
    """An approval that was given in time and heard of late is an approval in time."""
    in_order = "received Mon 08:00, compensation_proposed Mon 09:00, compensation_approved Mon 10:00, closed Mon 12:00"
    arrived = "received Mon 08:00, closed Mon 12:00, compensation_approved Mon 10:00, compensation_proposed Mon 09:00"
    requirement = demand(**APPROVED)
    assert asked(requirement, arrived) == asked(requirement, in_order)
    assert [one.met for one in asked(requirement, arrived)] == [True]
