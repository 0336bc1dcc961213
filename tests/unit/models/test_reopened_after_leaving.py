"""Reopenings of a case that has left: what is dated before it left is too late, what is dated after is another case."""

import pytest

from models.alerts import instant
from models.context import Reason
from models.events import epoch_ms
from tests.unit.models.case_builders import at, step, steps
from tests.unit.models.case_watch import Watched, check_alerts, check_waiting, promising

LEFT = "Fri+1 10:00"
"""Ten days after its last closing."""


def departed() -> Watched:
    """A case that was closed, reopened and closed again, and has left."""
    watched = Watched(promising(complaints={"grace_days": 10}))
    for event in steps("received Mon 09:00, closed Mon 10:00, reopened Tue 09:00, closed Tue 10:00"):
        watched.tick(epoch_ms(event.occurred_at)).see(event)
    watched.tick(at("Mon+3 09:00"))
    [verdict] = watched.verdicts
    assert (verdict.cycles, verdict.at) == (2, instant(at(LEFT)))
    watched.customer.recent = b""  # what was heard so long ago is no longer known as an event
    return watched


def test_a_reopening_heard_again_after_its_case_left_opens_nothing() -> None:
    """A feed that is read again tells of one case, once: the reopening is recorded as too late, and then no more."""
    watched = departed()
    told = len(watched.alerts)
    for _ in range(3):
        watched.customer.recent = b""
        watched.hear("reopened Tue 09:00")
    [record] = watched.late_steps
    assert (record.step, record.at) == ("reopened", instant(at("Tue 09:00")))
    assert (watched.decided(Reason.AFTER_LEAVING), watched.decided(Reason.UNCHANGED)) == (1, 2)
    assert (watched.customer.cases, watched.customer.due_ms, len(watched.alerts)) == ([], 0, told)


def test_a_whole_case_heard_again_after_it_left_opens_nothing() -> None:
    """Every step of it is too late, the reopening and what follows it too."""
    watched = departed().hear("received Mon 09:00, closed Mon 10:00, reopened Tue 09:00, closed Tue 10:00")
    watched.tick(at("Mon+9 09:00"))
    assert [record.step for record in watched.late_steps] == ["received", "closed", "reopened", "closed"]
    assert (watched.customer.cases, len(watched.verdicts)) == ([], 1)


@pytest.mark.parametrize("reopened_ms", [at("Wed 09:00"), at(LEFT) - 1, at(LEFT)])
def test_a_reopening_from_before_its_case_left_is_too_late(reopened_ms: int) -> None:
    """Never heard of before, it belongs to the case on which the last word was said."""
    watched = departed().hear([step("reopened", reopened_ms)])
    assert [record.step for record in watched.late_steps] == ["reopened"]
    assert watched.customer.cases == []


@pytest.mark.parametrize("reopened_ms", [at(LEFT) + 1, at("Mon+3 09:00")])
def test_a_reopening_from_after_its_case_left_is_another_case(reopened_ms: int) -> None:
    """It is open, promised anew, and watched."""
    watched = departed().hear([step("reopened", reopened_ms)])
    assert (watched.late_steps, len(watched.customer.cases)) == ([], 1)
    watched.tick(max(reopened_ms, at("Mon+3 09:00")) + 1)
    check_waiting(watched)
    watched.tick(at("Mon+3 18:00"))
    assert [alert.state for alert in watched.sla][:1] == ["raised"]
    check_alerts(watched.alerts)


def test_of_a_case_that_left_twice_the_later_time_counts() -> None:
    """What reopened it the first time does not reopen it again; what comes after it left again does."""
    watched = departed().hear("reopened Mon+3 09:00, closed Mon+3 10:00").tick(at("Mon+5 09:00"))
    assert len(watched.verdicts) == 2
    watched.customer.recent = b""
    watched.hear("reopened Mon+3 09:00")
    assert [record.step for record in watched.late_steps] == ["reopened"]
    assert watched.customer.cases == []
    watched.hear("reopened Mon+5 09:00")
    assert len(watched.customer.cases) == 1
