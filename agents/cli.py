"""The command line: `ebbwatch COMMAND`."""

import click

from agents.commands.recorded import import_recorded
from agents.commands.run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="ebbwatch")
def main() -> None:
    """Watch a bank's customers ebb away while it can still be stopped."""


main.add_command(run)
main.add_command(import_recorded)
