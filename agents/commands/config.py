"""`ebbwatch config`: the settings as this process would take them."""

import click
from rich.table import Table

from agents.commands.wide import wide_console
from config.settings import Settings, SettingsError


@click.group("config")
def config_() -> None:
    """Look at the settings, which come from the environment."""


@config_.command()
def show() -> None:
    """Show every setting, its value and its meaning; of a secret only whether it is set."""
    try:
        settings = Settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    table = Table("setting", "value", "meaning", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    table.columns[1].overflow = "fold"
    for setting, shown in settings.shown():
        table.add_row(setting.name, shown or "-", setting.meaning)
    wide_console().print(table)
    unknown = settings.unknown()
    if unknown:
        click.echo(f"warning: no setting is called {', '.join(unknown)}: misspelt?", err=True)
