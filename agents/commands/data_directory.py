"""What the commands that look into a data directory share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from streams.embedded import LEDGER_FILE, STATE_FILE


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--data DIR` of a command that reads what a run has kept."""
    directory = click.Path(path_type=Path, file_okay=False)
    return click.option(
        "--data", type=directory, required=True, callback=_holding_a_run, help="Where a run kept its data."
    )(command)


def _holding_a_run(_context: click.Context, _parameter: click.Parameter, data: Path) -> Path:
    for name in (LEDGER_FILE, STATE_FILE):
        if not (data / name).is_file():
            raise click.BadParameter(f"{data} holds no {name}: nothing was run on it")
    return data
