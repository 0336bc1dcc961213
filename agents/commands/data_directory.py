"""What the commands that look into a data directory share."""

import functools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from streams.embedded import LEDGER_FILE, STATE_FILE
from streams.ledger import LedgerMismatch
from streams.stores.base import StoreError


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--data DIR` of a command that reads what a run has kept; what is wrong with it is said in a line."""

    @functools.wraps(command)
    def guarded(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except (LedgerMismatch, StoreError) as error:
            raise click.ClickException(str(error)) from None
        except sqlite3.Error as error:
            raise click.ClickException(f"the data directory cannot be read: {error}") from None

    directory = click.Path(path_type=Path, file_okay=False)
    return click.option(
        "--data", type=directory, required=True, callback=_holding_a_run, help="Where a run kept its data."
    )(guarded)


def _holding_a_run(_context: click.Context, _parameter: click.Parameter, data: Path) -> Path:
    for name in (LEDGER_FILE, STATE_FILE):
        if not (data / name).is_file():
            raise click.BadParameter(f"{data} holds no {name}: nothing was run on it")
    return data
