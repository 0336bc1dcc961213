"""When to try again: exponential back-off with full jitter, and what the receiver asks for by `Retry-After`.

Full jitter (a random time between nothing and the limit) spreads what failed together; without it a receiver that
comes back is met by everything at once.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

from msgspec import Struct

FACTOR = 3.0


class Backoff(Struct, frozen=True):
    """`first_s` limits the first delay; the limit triples with each attempt, up to `most_s`."""

    first_s: float
    most_s: float

    def limit_s(self, attempt: int) -> float:
        """The longest delay after attempt number `attempt`, the first being 1."""
        return float(min(self.first_s * FACTOR ** min(attempt - 1, 60), self.most_s))

    def delay_s(self, attempt: int, draw: Random) -> float:
        """The delay after attempt number `attempt`."""
        return draw.uniform(0.0, self.limit_s(attempt))


def retry_after_s(header: str | None, now: datetime, most_s: float) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or a date, at most `most_s`; None where it asks for nothing."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), most_s)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), most_s)
