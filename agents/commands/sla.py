"""`ebbwatch sla`: promises on complaints, looked at and tried out."""

import click

from agents.commands.sla_check import check
from agents.commands.sla_explain import explain
from agents.commands.sla_replay import replay


@click.group()
def sla() -> None:
    """Look at the promises on complaints, and try them out."""


sla.add_command(check)
sla.add_command(explain)
sla.add_command(replay)
