"""Whether a command line of ours could be run: command, subcommand and options as click knows them."""

from collections.abc import Sequence

import click

from agents.cli import main


def accept(words: Sequence[str]) -> None:
    """Parse `words` (without `ebbwatch`) and run nothing; raises `click.UsageError` for what would be refused."""
    command: click.Command = main
    context = click.Context(main, info_name="ebbwatch")
    rest = list(words)
    while isinstance(command, click.Group):
        if not rest:
            raise click.UsageError("a command is missing", context)
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, name
        command = found
        if isinstance(command, click.Group):
            context = click.Context(command, parent=context, info_name=name)
    command.make_context(command.name, rest, parent=context)
