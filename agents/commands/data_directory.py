"""What the commands that look into a data directory share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from streams.damage import DAMAGE, what_is_damaged
from streams.ledger import LedgerMismatch
from streams.names import LEDGER_FILE, STATE_FILE
from streams.ndjson_sink import OutputFileError
from streams.stores.base import StoreError


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--data DIR` of a command that reads what a run has kept; what is wrong with it is said in a line."""

    @functools.wraps(command)
    def guarded(*arguments: Any, data: Path, **options: Any) -> Any:
        try:
            return command(*arguments, data=data, **options)
        except (LedgerMismatch, OutputFileError, StoreError) as error:
            raise click.ClickException(str(error)) from None
        except DAMAGE as error:
            raise click.ClickException(what_is_damaged(data, error)) from None
        except OSError as error:
            raise click.ClickException(f"{error.filename or data}: {error.strerror}") from None

    directory = click.Path(path_type=Path, file_okay=False)
    return click.option(
        "--data", type=directory, required=True, callback=_holding_a_run, help="Where a run kept its data."
    )(guarded)


def _holding_a_run(_context: click.Context, _parameter: click.Parameter, data: Path) -> Path:
    ledger, state = (data / LEDGER_FILE).is_file(), (data / STATE_FILE).is_file()
    if not ledger:
        raise click.BadParameter(f"{data} holds no {LEDGER_FILE}: nothing was run on it, or the ledger is gone")
    if not state:
        raise click.BadParameter(f"{data} holds no {STATE_FILE}: the next run on it makes it again from the ledger")
    return data
