"""Sorted indexes of cases: what an assessment writes to them, and what it spares the store."""

from tests.unit.models.case_builders import HOUR_MS, at
from tests.unit.models.case_watch import Watched, promising

OPEN = "cases:care"
DEADLINE = "sla:care:closing"


def watched() -> Watched:
    """A case received on Monday at nine, to be closed within four hours; what that wrote has been taken."""
    watch = Watched(promising()).hear("received Mon 09:00")
    assert watch.indexes == {OPEN: at("Mon 09:00"), DEADLINE: at("Mon 09:00") + 4 * HOUR_MS}
    watch.ctx.take()
    return watch


def test_what_has_not_moved_is_not_written_again() -> None:
    """A step that moves neither the case nor a deadline costs no index a write."""
    assert watched().hear("responded Mon 09:30").indexes == {}


def test_time_alone_writes_nothing() -> None:
    """A breach is told, and the case stands where it stood."""
    watch = watched().tick(at("Mon 14:00"))
    assert watch.told == ["raised"]
    assert watch.indexes == {}


def test_a_deadline_that_moves_is_written_alone() -> None:
    """A pause takes the deadline out, a resumption puts the new one in; the open case is left where it is."""
    watch = watched().hear("paused Mon 10:00")
    assert watch.indexes == {DEADLINE: None}
    watch.ctx.take()
    assert watch.hear("resumed Mon 12:00").indexes == {DEADLINE: at("Mon 09:00") + 6 * HOUR_MS}


def test_a_closed_case_stands_nowhere() -> None:
    """Closing takes it out of both, once."""
    watch = watched().hear("closed Mon 10:00")
    assert watch.indexes == {OPEN: None, DEADLINE: None}
    watch.ctx.take()
    assert watch.hear("called_back Mon 11:00").indexes == {}
