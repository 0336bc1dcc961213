"""Ticks of event time: every whole step that is reached, never one back."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from models.decay import DAY_MS
from streams.ticking import JUMP_MS, EventClock

MINUTE_MS = 60_000
START_MS = 1_767_578_400_000


def test_the_first_event_sets_the_clock() -> None:
    """Before the first event no time has passed, so there is one tick and not fifty years of them."""
    clock = EventClock(MINUTE_MS, 0)

    assert clock.ticks_until(START_MS + 59_999) == [START_MS]
    assert (clock.clock_ms, clock.next_ms) == (START_MS, START_MS + MINUTE_MS)


def test_a_tick_falls_on_each_whole_step() -> None:
    """A step that an event reaches exactly is ticked before it; one that it does not reach is not."""
    clock = EventClock(MINUTE_MS, START_MS)

    assert clock.ticks_until(START_MS + 59_999) == []
    assert clock.ticks_until(START_MS + 60_000) == [START_MS + 60_000]
    assert clock.ticks_until(START_MS + 240_001) == [START_MS + step * MINUTE_MS for step in (2, 3, 4)]


def test_time_never_moves_back() -> None:
    """A late event brings no tick and leaves the clock."""
    clock = EventClock(MINUTE_MS, START_MS)

    assert clock.ticks_until(START_MS - 1) == []
    assert clock.ticks_until(0) == []
    assert clock.clock_ms == START_MS


def test_a_long_gap_is_spread_evenly() -> None:
    """Sixty steps are ticked one by one; from sixty-one on they are spread, ending where time has come to."""
    assert len(EventClock(MINUTE_MS, START_MS).ticks_until(START_MS + 60 * MINUTE_MS)) == 60
    ticks = EventClock(MINUTE_MS, START_MS).ticks_until(START_MS + 61 * MINUTE_MS)

    assert len(ticks) == 31
    assert {later - earlier for earlier, later in pairwise(ticks)} == {2 * MINUTE_MS}
    assert ticks[-1] == START_MS + 61 * MINUTE_MS


def test_a_year_of_silence_is_bounded() -> None:
    """However long nothing happened, at most sixty ticks are due at once."""
    assert len(EventClock(1000, START_MS).ticks_until(START_MS + 366 * 86_400_000)) <= 60


@settings(deadline=None, derandomize=True, max_examples=100)
@given(
    st.sampled_from([1000, 60_000, 3_600_000]),
    st.integers(0, 10**6),
    st.lists(st.integers(-(10**7), 10**9), min_size=1, max_size=20),
    st.integers(0, 20),
)
def test_ticks_ascend_and_survive_a_restart(every_ms: int, start: int, moves: list[int], restart: int) -> None:
    """Ticks ascend on whole steps, reach every event's step but a jump's, and a resumed clock gives the same ones."""
    times = [START_MS + start + sum(moves[: number + 1]) for number in range(len(moves))]
    clock, resumed = EventClock(every_ms, 0), EventClock(every_ms, 0)
    ticks: list[int] = []
    for number, at_ms in enumerate(times):
        if number == restart:
            resumed = EventClock(every_ms, resumed.clock_ms, resumed.witnesses)
        expected_none = at_ms < clock.next_ms
        doubted = bool(clock.witnesses)
        due = clock.ticks_until(at_ms)
        assert due == [] or not expected_none, "next_ms tells truly that no tick is due"
        assert resumed.ticks_until(at_ms) == due
        ticks += due
        assert at_ms < clock.clock_ms + every_ms or at_ms > clock.clock_ms + JUMP_MS or doubted

    assert all(earlier < later for earlier, later in pairwise(ticks))
    assert all(tick % every_ms == 0 for tick in ticks)


def test_one_wrong_date_does_not_move_time() -> None:
    """A date far ahead is not believed while the events after it are where they should be."""
    clock = EventClock(60_000, START_MS)
    years = 6 * 365 * DAY_MS
    for minute in range(1, 40):
        wrong = clock.ticks_until(START_MS + years)
        assert wrong == []
        assert clock.ticks_until(START_MS + minute * 60_000) == [START_MS + minute * 60_000]
    assert clock.witnesses == ()


def test_a_gap_that_is_real_is_believed_soon() -> None:
    """Five events in a row beyond a jump move time to the earliest of them."""
    clock = EventClock(60_000, START_MS)
    beyond = [START_MS + 300 * DAY_MS + minute * 60_000 for minute in (3, 1, 2, 4, 5)]
    assert [clock.ticks_until(at_ms) for at_ms in beyond[:4]] == [[], [], [], []]
    assert clock.ticks_until(beyond[4])[-1] == beyond[1]
    assert clock.ticks_until(beyond[4]) == [START_MS + 300 * DAY_MS + minute * 60_000 for minute in (2, 3, 4, 5)]
