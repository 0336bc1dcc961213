"""From a cell's text to a value, and from a row's content to an event id."""

from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from zoneinfo import ZoneInfo

from models.events import MAX_AMOUNT

LONGEST_CODE = 64
LONGEST_NAME = 48
"""Of a customer or a machine in the rows: with our prefixes and suffixes it stays within an event's 128."""
_ID_BYTES = 10
"""80 bits: among a million rows, two unequal ones share an id with a chance of about 4e-13."""


def content_id(prefix: str, *content: str) -> str:
    """An event id that depends on `content` alone, never on where in a file the row stood."""
    digest = blake2b("\x1f".join(content).encode(), digest_size=_ID_BYTES)
    return f"{prefix}-{digest.hexdigest()}"


def parse_name(text: str, longest: int) -> str | None:
    """The text without its surrounding blanks, or None where nothing is left or it is longer than an event allows."""
    name = text.strip()
    return name if 0 < len(name) <= longest else None


def parse_money(text: str) -> Decimal | None:
    """The exact amount in units of its currency, or None where the cell holds no usable amount."""
    text = text.strip()
    if not text.isascii() or "_" in text:  # Decimal reads both, no bank writes either
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) <= Decimal(MAX_AMOUNT) else None


def parse_count(text: str) -> int | None:
    """A non-negative whole number of ASCII digits, or None: what a set writes for unknown is no number."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def parse_moment(text: str, zone: ZoneInfo) -> datetime | None:
    """``YYYY-MM-DD HH:MM:SS`` of local time in `zone`; of a time that occurs twice, the first."""
    text = text.strip()
    # A bare date would read as midnight: a clock time that nobody recorded.
    if len(text) != 19 or (text[4], text[7], text[10]) != ("-", "-", " "):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        return None


def parse_day_of_1900s(text: str) -> date | None:
    """``yymmdd`` of the years 1900..1999."""
    text = text.strip()
    if len(text) != 6 or parse_count(text) is None:
        return None
    try:
        return date(1900 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        return None


def parse_american_day(text: str) -> date | None:
    """``M/D/YYYY``, with or without leading zeros."""
    parts = [parse_count(part) for part in text.split("/")]
    if len(parts) != 3:
        return None
    month, day, year = parts
    if month is None or day is None or year is None or year < 1000:  # a year of two digits belongs to no century
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def parse_clock(text: str) -> time | None:
    """``H:MM:SS`` or ``HH:MM:SS``."""
    parts = [parse_count(part) for part in text.split(":")]
    if len(parts) != 3:
        return None
    hour, minute, second = parts
    if hour is None or minute is None or second is None or hour > 23 or minute > 59 or second > 59:
        return None
    return time(hour, minute, second)
