"""When a record may leave."""

from streams.pace import Pace

START_MS = 1_767_574_800_000
DAY_MS = 86_400_000


def test_without_a_pace_nothing_waits() -> None:
    """As fast as it goes is the default."""
    pace = Pace()
    assert [pace.due_s(START_MS), pace.due_s(START_MS + DAY_MS), pace.due_s(0)] == [0, 0, 0]


def test_speed_follows_event_time() -> None:
    """At 3600, an hour of event time takes a second; what is late or has no time leaves at once."""
    pace = Pace(speed=3600)
    assert pace.due_s(START_MS) == 0
    assert pace.due_s(START_MS + 3_600_000) == 1
    assert pace.due_s(START_MS + 1_800_000) == 1
    assert pace.due_s(0) == 1
    assert pace.due_s(START_MS + 7_200_000) == 2
    assert pace.clock_ms == START_MS + 7_200_000


def test_one_wrong_date_holds_nothing_up() -> None:
    """A single record from far ahead does not stop the others."""
    pace = Pace(speed=86_400)
    pace.due_s(START_MS)
    assert pace.due_s(START_MS + 300 * DAY_MS) == 0
    assert pace.due_s(START_MS + DAY_MS) == 1


def test_a_long_silence_is_skipped() -> None:
    """Nobody watches a screen on which nothing happens; after the gap the pace is as before."""
    pace = Pace(speed=86_400)
    pace.due_s(START_MS)
    dues = [pace.due_s(START_MS + 300 * DAY_MS) for _ in range(5)]
    assert dues[-1] == 0
    assert pace.due_s(START_MS + 301 * DAY_MS) == 1


def test_rate_counts_records() -> None:
    """At ten a second the 21st leaves after two seconds, and the slower of both paces wins."""
    pace = Pace(rate=10)
    assert [pace.due_s(0) for _ in range(21)][-1] == 2
    both = Pace(speed=3600, rate=10)
    assert [both.due_s(START_MS), both.due_s(START_MS + 3_600_000)] == [0, 1]
