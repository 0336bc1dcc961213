"""Writes the days of a calendar out: a policy file may name a country, what is made of it is always explicit."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

import msgspec
from msgspec import Meta, field

from config.calendars import WEEKDAYS, CalendarPolicy, DayList, Span, Weekday
from config.sections import Section, Text

Code = Annotated[str, Meta(min_length=1, max_length=32)]
WEEKEND = {5, 6}


class CalendarSource(Section, frozen=True):
    """A calendar as an operator writes it: every key of `CalendarPolicy`, or where to take the days from.

    `hours` given as a list hold on every working weekday. `years` are the first and last year to take. Days written
    beside a country or market are added to the library's, and where the two differ, what is written holds.
    """

    zone: str
    hours: list[Span] | dict[Weekday, list[Span]]
    working_weekdays: list[Weekday] | None = None
    holidays: DayList = field(default_factory=list)
    workdays: DayList = field(default_factory=list)
    first: date | None = None
    until: date | None = None
    source: Text | None = None
    country: Code | None = None
    market: Code | None = None
    subdivision: Code | None = None
    category: Code | list[Code] | None = None
    years: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Days come from one place: a country, a market, or the file itself."""
        if self.country and self.market:
            raise ValueError("market: expected a country or a market, not both")
        if not (self.country or self.market):
            for key in ("subdivision", "category", "years"):
                if getattr(self, key) is not None:
                    raise ValueError(f"{key}: expected a country or a market beside it")
            for key in ("first", "until", "source"):
                if getattr(self, key) is None:
                    raise ValueError(f"{key}: expected, since no country says it")
        elif self.years is None:
            raise ValueError("years: expected the first and last year to take, such as [2024, 2027]")
        elif not 1990 <= self.years[0] <= self.years[1] <= 2200:
            raise ValueError("years: expected the first and then the last year, from 1990 on")


def expand_calendars(document: dict[str, Any]) -> dict[str, Any]:
    """The document with each table of `calendars` written out as `CalendarPolicy` has it; raises `ValueError`."""
    tables = document.get("calendars")
    if not isinstance(tables, dict):
        return document
    return {**document, "calendars": {name: _expanded(name, table) for name, table in tables.items()}}


def _expanded(name: str, table: object) -> dict[str, Any]:
    try:
        return _explicit(msgspec.convert(table, CalendarSource))
    except ValueError as error:  # msgspec.ValidationError is one
        raise ValueError(f"calendars.{name}: {error}") from None


def _explicit(source: CalendarSource) -> dict[str, Any]:
    holidays, workdays = set(source.holidays), set(source.workdays)
    first, until, origin = source.first, source.until, source.source
    weekdays = list(WEEKDAYS[:5]) if source.working_weekdays is None else source.working_weekdays
    if source.years is not None:
        first = first or date(source.years[0], 1, 1)
        taken = _LibraryDays(source, source.years, first)
        until = taken.horizon(source, source.years[1])
        origin = origin or taken.origin
        working = {WEEKDAYS.index(weekday) for weekday in weekdays}
        # Only days that change something: a holiday on a day that nobody works is no news.
        holidays |= {day for day in taken.holidays if day.weekday() in working} - workdays
        workdays |= {day for day in taken.workdays if day.weekday() not in working} - set(source.holidays)
        holidays = {day for day in holidays if first <= day <= until} | set(source.holidays)
        workdays = {day for day in workdays if first <= day <= until} | set(source.workdays)
    hours = source.hours if isinstance(source.hours, dict) else dict.fromkeys(weekdays, source.hours)
    written = {
        "zone": source.zone,
        "hours": hours,
        "working_weekdays": weekdays,
        "holidays": sorted(holidays),
        "workdays": sorted(workdays),
        "first": first,
        "until": until,
        "source": origin,
    }
    return dict(msgspec.to_builtins(msgspec.convert(written, CalendarPolicy)))


class _LibraryDays:
    """What the `holidays` library knows of a country or market, and how far that can be relied on."""

    def __init__(self, source: CalendarSource, years: tuple[int, int], first: date) -> None:
        library, entity = _entity(source, years)
        if set(entity.weekend) - WEEKEND and source.working_weekdays is None:
            raise ValueError("working_weekdays: expected, since the weekend there is not Saturday and Sunday")
        place = source.country or source.market or ""
        last_year = min(years[1], _last_known_year(entity))
        if first.year < years[0]:
            raise ValueError(f"first: expected a day of {years[0]} or later, the first of the years")
        if not entity.start_year <= first.year <= last_year:
            raise ValueError(f"years: {library} knows {place} from {entity.start_year} to {last_year} only")
        self.known_until = date(last_year, 12, 31)
        self.holidays = {day for day in entity if day <= self.known_until}
        self.workdays = {day for day in entity.weekend_workdays if day <= self.known_until}
        self.origin = f"{library}: {' '.join([place, *filter(None, [source.subdivision]), *_categories(source)])}"

    def horizon(self, source: CalendarSource, last_year: int) -> date:
        """The last day known: the library's, or the file's where that writes out each year which the library lacks."""
        if source.until is None:
            return self.known_until
        if source.until.year > last_year:
            raise ValueError(f"until: expected a day of {last_year} or earlier, the last of the years")
        written = {day.year for day in source.holidays}
        for year in range(self.known_until.year + 1, source.until.year + 1):
            if year not in written:
                raise ValueError(f"until: expected {self.known_until}, or the holidays of {year} written out")
        return source.until


def _entity(source: CalendarSource, years: tuple[int, int]) -> tuple[str, Any]:
    # Imported here alone: only reading a policy file needs the library, replaying a ledger never does.
    import holidays
    from holidays.version import __version__

    build = holidays.country_holidays if source.country else holidays.financial_holidays
    try:
        entity = build(
            source.country or source.market or "",
            subdiv=source.subdivision,
            years=range(years[0], years[1] + 1),
            expand=False,
            language="en_US",  # else the machine's, and guesses are told by their names
            categories=tuple(_categories(source)) or None,
        )
    except (NotImplementedError, ValueError) as error:
        raise ValueError(f"{'country' if source.country else 'market'}: {error}") from None
    return f"holidays {__version__}", entity


def _categories(source: CalendarSource) -> list[str]:
    if isinstance(source.category, str):
        return [source.category]
    return source.category or []


def _last_known_year(entity: Any) -> int:
    """The last year of which the library has the days, rather than a guess at them.

    It guesses where it says "estimated" (days by the sight of the moon), and beyond the last notice where a country
    arranges each year's days by one. Its data tell which do: days off against make-up working days in any year, or
    special days in each of five years on end.
    """
    known: list[int] = [entity.end_year]
    known += [day.year - 1 for day, name in entity.items() if "estimated)" in name]
    special: dict[int, Any] = getattr(entity, "special_public_holidays", {})
    swapped = [year for year, days in special.items() if any(_is_swap(day) for day in _entries(days))]
    if swapped:
        known.append(max(swapped))
    elif special and all(max(special) - back in special for back in range(5)):
        known.append(max(special))
    return min(known)


def _entries(days: Any) -> Iterable[Any]:
    return days if days and isinstance(days[0], tuple) else (days,)


def _is_swap(entry: Any) -> bool:
    # (month, day, name) is a holiday; (month, day, from month, from day[, from year]) is one against a working day.
    return len(entry) >= 4
