"""Times on the command line."""

from datetime import datetime
from zoneinfo import ZoneInfo

import click

from models.events import epoch_ms


def time_ms(text: str, zone: ZoneInfo) -> int:
    """A time such as ``2026-03-10 16:00`` or ``2026-03-10T16:00+01:00`` in ms; without an offset it is of `zone`.

    Raises `click.BadParameter`.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time: expected one such as 2026-03-10T16:00 or 2026-03-10T16:00+01:00"
        ) from None
    return epoch_ms(found if found.tzinfo is not None else found.replace(tzinfo=zone))
