"""Forward decay is the textbook decayed sum, in whatever order the events come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.counters import MONEY_OUT, count, move_landmark
from models.decay import DAY_MS, HALF_LIVES_DAYS, REBASE_AFTER_MS, daily_rates, rebased, value, weights
from models.fold import new_customer
from tests.unit.models.build import HOUR_MS, cells, ms

Happened = list[tuple[int, float]]

happened = st.lists(
    st.tuples(st.integers(-400 * DAY_MS, REBASE_AFTER_MS), st.floats(0.01, 1e12)), min_size=1, max_size=30
)


def folded(events: Happened, landmark_ms: int) -> list[float]:
    cell = [0.0, 0.0, 0.0]
    for at_ms, amount in events:
        for i, weight in enumerate(weights(at_ms, landmark_ms)):
            cell[i] += amount * weight
    return cell


def textbook(events: Happened, at_ms: int) -> tuple[float, ...]:
    return tuple(
        sum(amount * 0.5 ** ((at_ms - then) / (half_life * DAY_MS)) for then, amount in events)
        for half_life in HALF_LIVES_DAYS
    )


@given(happened, st.integers(0, 400 * DAY_MS))
def test_equals_the_textbook_sum(events: Happened, later_ms: int) -> None:
    """What a cell is worth is the sum of what happened, each halved once a half-life."""
    at_ms = max(at for at, _ in events) + later_ms
    assert value(folded(events, 0), at_ms, 0) == pytest.approx(textbook(events, at_ms), rel=1e-9)


@given(happened, st.data())
def test_order_does_not_matter(events: Happened, data: st.DataObject) -> None:
    """A late event adds what it would have added in time."""
    shuffled = data.draw(st.permutations(events))
    assert folded(shuffled, 0) == pytest.approx(folded(events, 0), rel=1e-9)


@given(happened, st.integers(1, REBASE_AFTER_MS + 400 * DAY_MS), st.integers(0, 100 * DAY_MS))
def test_rebasing_changes_nothing(events: Happened, landmark_ms: int, later_ms: int) -> None:
    """A moved landmark is bookkeeping: every figure stays what it was."""
    cell = folded(events, 0)
    at_ms = max(*(at for at, _ in events), landmark_ms) + later_ms
    moved = rebased(cell, 0, landmark_ms)
    assert value(moved, at_ms, landmark_ms) == pytest.approx(value(cell, at_ms, 0), rel=1e-9)


@pytest.mark.parametrize("days", [1, 2, 10, 60, 400])
def test_daily_rates_have_no_bias(days: int) -> None:
    """A steady 24 a day reads as 24 a day, from the first day on and for every half-life."""
    steady = [(i * HOUR_MS + HOUR_MS // 2, 1.0) for i in range(days * 24)]
    rates = daily_rates(folded(steady, 0), days * DAY_MS, 0, 0)
    assert rates == pytest.approx((24.0, 24.0, 24.0), rel=1e-3)


def test_the_first_moment_is_taken_for_a_day() -> None:
    """One event at the very beginning reads as about one a day, not as infinitely many."""
    rates = daily_rates([1.0, 1.0, 1.0], 0, 0, 0)
    assert all(0.9 < rate < 1.1 for rate in rates)


@pytest.mark.parametrize("years", [5, 19, 20, 36, 136])
def test_decades_of_silence_leave_nothing(years: int) -> None:
    """A customer who comes back after a lifetime is no overflow."""
    gap_ms = years * 366 * DAY_MS
    worth = value([1e20, 1e20, 1e20], gap_ms, 0)
    assert rebased([1e20, 1e20, 1e20], 0, gap_ms) == list(worth)
    assert all(0 <= figure < 1e20 for figure in worth)


def test_the_landmark_moves_before_a_float_overflows() -> None:
    """Thirty years of events, one a month, never leave the range of a float, and the sum stays right."""
    customer = new_customer("c", ms(0))
    events = [(ms(0) + i * 30 * DAY_MS, 1e14) for i in range(12 * 30)]
    for at_ms, amount in events:
        if at_ms - customer.landmark_ms > REBASE_AFTER_MS:
            move_landmark(customer, at_ms)
        count(customer, MONEY_OUT, weights(at_ms, customer.landmark_ms), amount)
    assert customer.landmark_ms > ms(0)
    last_ms = events[-1][0]
    worth = value(cells(customer)[MONEY_OUT], last_ms, customer.landmark_ms)
    assert worth == pytest.approx(textbook(events, last_ms), rel=1e-9)
