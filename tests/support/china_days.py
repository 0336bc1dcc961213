"""The State Council's holiday notices of 2023 to 2026, copied by hand: the third list beside the two libraries'."""

from datetime import date, timedelta

DAYS_OFF: dict[int, tuple[tuple[str, str], ...]] = {
    2023: (
        ("2023-01-01", "2023-01-02"),  # 元旦, from 2022-12-31 on
        ("2023-01-21", "2023-01-27"),  # 春节
        ("2023-04-05", "2023-04-05"),  # 清明节
        ("2023-04-29", "2023-05-03"),  # 劳动节
        ("2023-06-22", "2023-06-24"),  # 端午节
        ("2023-09-29", "2023-10-06"),  # 中秋节、国庆节
    ),
    2024: (
        ("2024-01-01", "2024-01-01"),
        ("2024-02-10", "2024-02-17"),
        ("2024-04-04", "2024-04-06"),
        ("2024-05-01", "2024-05-05"),
        ("2024-06-10", "2024-06-10"),
        ("2024-09-15", "2024-09-17"),  # 中秋节
        ("2024-10-01", "2024-10-07"),  # 国庆节
    ),
    2025: (
        ("2025-01-01", "2025-01-01"),
        ("2025-01-28", "2025-02-04"),
        ("2025-04-04", "2025-04-06"),
        ("2025-05-01", "2025-05-05"),
        ("2025-05-31", "2025-06-02"),
        ("2025-10-01", "2025-10-08"),  # 国庆节、中秋节
    ),
    2026: (
        ("2026-01-01", "2026-01-03"),
        ("2026-02-15", "2026-02-23"),
        ("2026-04-04", "2026-04-06"),
        ("2026-05-01", "2026-05-05"),
        ("2026-06-19", "2026-06-21"),
        ("2026-09-25", "2026-09-27"),
        ("2026-10-01", "2026-10-07"),
    ),
}
"""First and last day of each holiday, weekends within included."""

MADE_UP: dict[int, tuple[str, ...]] = {
    2023: ("2023-01-28", "2023-01-29", "2023-04-23", "2023-05-06", "2023-06-25", "2023-10-07", "2023-10-08"),
    2024: (
        *("2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11"),
        *("2024-09-14", "2024-09-29", "2024-10-12"),
    ),
    2025: ("2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"),
    2026: ("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"),
}
"""Saturdays and Sundays that are worked (调休)."""

FIRST, LAST = date(2023, 1, 1), date(2026, 12, 31)
DAY = timedelta(days=1)


def days_between(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`, both included."""
    return [first + DAY * number for number in range((last - first).days + 1)]


def worked_days() -> set[date]:
    """Every working day of 2023 to 2026 by the notices."""
    off = {
        day
        for periods in DAYS_OFF.values()
        for begin, end in periods
        for day in days_between(date.fromisoformat(begin), date.fromisoformat(end))
    }
    made_up = {date.fromisoformat(day) for days in MADE_UP.values() for day in days}
    return {day for day in days_between(FIRST, LAST) if day in made_up or (day.weekday() < 5 and day not in off)}
