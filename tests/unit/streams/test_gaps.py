"""A run that begins too late: what is gone for good is passed over, and everything else is read again."""

import pytest

from streams.gaps import back_to


@pytest.mark.parametrize(
    ("due", "begins", "earliest", "expected"),
    [
        (5, 9, 9, None),  # 5 to 8 are gone
        (5, 9, 12, None),  # retention has gone on meanwhile
        (5, 9, 7, 7),  # 7 and 8 are there, and were skipped
        (5, 9, 5, 5),
        (5, 9, 0, 5),
    ],
)
def test_only_what_is_gone_is_passed_over(due: int, begins: int, earliest: int, expected: int | None) -> None:
    """By hand, around each limit."""
    assert back_to(due, begins, earliest) == expected
