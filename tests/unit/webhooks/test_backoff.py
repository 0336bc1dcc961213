"""When the next attempt is due."""

from datetime import UTC, datetime
from random import Random

import pytest

from streams.webhooks.backoff import Backoff, retry_after_s

NOW = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)
BACKOFF = Backoff(5.0, 21_600.0)


def test_the_limit_triples_up_to_the_most() -> None:
    """5, 15, 45 seconds and so on, then six hours for ever."""
    assert [BACKOFF.limit_s(attempt) for attempt in range(1, 5)] == [5.0, 15.0, 45.0, 135.0]
    assert BACKOFF.limit_s(9) == 21_600.0
    assert BACKOFF.limit_s(10_000) == 21_600.0


def test_a_delay_is_anywhere_below_the_limit() -> None:
    """Full jitter: what failed together comes back spread over the whole time."""
    draw = Random(7)
    delays = [BACKOFF.delay_s(3, draw) for _ in range(2000)]
    assert 0 <= min(delays) < 1
    assert 44 < max(delays) <= 45
    assert 21 < sum(delays) / len(delays) < 24


def test_equal_seeds_give_equal_delays() -> None:
    """What a test or a simulation saw can be seen again."""
    one, other = Random(7), Random(7)
    assert [BACKOFF.delay_s(n, one) for n in range(1, 9)] == [BACKOFF.delay_s(n, other) for n in range(1, 9)]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("120", 120.0),
        (" 0 ", 0.0),
        ("99999999999999999999", 3600.0),
        ("Mon, 05 Jan 2026 12:01:30 GMT", 90.0),
        ("Monday, 05-Jan-26 12:01:30 GMT", 90.0),
        ("Mon Jan  5 12:01:30 2026", 90.0),
        ("Mon, 05 Jan 2026 11:00:00 GMT", 0.0),
        ("Tue, 06 Jan 2026 12:00:00 GMT", 3600.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_what_retry_after_asks_for(header: str | None, expected: float | None) -> None:
    """Seconds or a date in any of HTTP's forms, at most an hour; nonsense asks for nothing."""
    assert retry_after_s(header, NOW, 3600.0) == expected
