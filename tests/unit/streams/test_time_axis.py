"""Marks on an axis of time: few enough to be read, at even local times, on the days of a change of clocks too."""

from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest

from streams.time_axis import MOST_MARKS, axis_times
from tests.support import settings

BERLIN = ZoneInfo("Europe/Berlin")


def between(low: str, high: str) -> list[str]:
    low_s, high_s = (round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()) for text in (low, high))
    return [f"{at:%m-%d %H:%M}" for at in axis_times(low_s, high_s, BERLIN)]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (
            "2026-03-02T09:00",
            "2026-03-02T09:05",
            ["03-02 09:00", "03-02 09:01", "03-02 09:02", "03-02 09:03", "03-02 09:04", "03-02 09:05"],
        ),
        ("2026-03-02T22:30", "2026-03-03T01:30", ["03-02 23:00", "03-03 00:00", "03-03 01:00"]),
        (
            "2026-03-02T12:00",
            "2026-03-06T12:00",
            [
                "03-02 12:00",
                "03-03 00:00",
                "03-03 12:00",
                "03-04 00:00",
                "03-04 12:00",
                "03-05 00:00",
                "03-05 12:00",
                "03-06 00:00",
                "03-06 12:00",
            ],
        ),
        (
            "2026-03-27T12:00",
            "2026-03-31T12:00",
            [
                "03-27 12:00",
                "03-28 00:00",
                "03-28 12:00",
                "03-29 00:00",
                "03-29 12:00",
                "03-30 00:00",
                "03-30 12:00",
                "03-31 00:00",
                "03-31 12:00",
            ],
        ),
        (
            "2026-03-29T00:00",
            "2026-03-29T06:00",
            ["03-29 00:00", "03-29 01:00", "03-29 03:00", "03-29 04:00", "03-29 05:00", "03-29 06:00"],
        ),
    ],
)
def test_marks_stand_at_even_local_times(low: str, high: str, expected: list[str]) -> None:
    """Minutes, hours and half days; summer time begins on 29 March, and the hour that it leaves out has no mark."""
    assert between(low, high) == expected


def test_there_are_some_and_never_too_many() -> None:
    """From two minutes to twenty years, in order and without a repeat."""
    draw = Random(settings.seed())
    for _ in range(300):
        low_s = draw.randrange(1_700_000_000, 1_800_000_000)
        high_s = low_s + round(10 ** draw.uniform(2.1, 8.8))
        times = [at.timestamp() for at in axis_times(low_s, high_s, BERLIN)]
        assert times == sorted(set(times))
        assert 1 <= len(times) <= MOST_MARKS + 2
