"""What can be wrong with a data directory, each with what to do about it."""

import sqlite3
from pathlib import Path

import msgspec

from models.shard import LedgerError
from streams.names import LEDGER_FILE, STATE_FILE
from streams.sqlite import is_sound

DAMAGE = (sqlite3.DatabaseError, msgspec.MsgspecError, LedgerError)
"""What reading a damaged ledger or state raises."""


def what_is_damaged(data: Path, error: Exception) -> str:
    """Which file of `data` made `error`, and the cure; no word of what the file holds."""
    if isinstance(error, sqlite3.OperationalError):
        return f"{data}: cannot be used: {error}"
    if not is_sound(data / LEDGER_FILE) or isinstance(error, LedgerError):
        return f"{data / LEDGER_FILE} is damaged: restore {data} from a backup, or use another directory"
    return (
        f"{data / STATE_FILE} is damaged ({type(error).__name__}): delete it, and the next run makes it again from the"
        f" ledger; if that does not help, {LEDGER_FILE} is damaged: restore {data} from a backup"
    )
