"""`ebbwatch model`: the life of the models that score."""

import click

from agents.commands.model_change import export, promote, rollback
from agents.commands.model_list import list_models, show
from agents.commands.model_rebuild import rebuild
from agents.commands.model_report import report


@click.group()
def model() -> None:
    """Look at the models of the churn score, choose which one scores, and tell how good they are."""


for command in (list_models, show, promote, rollback, rebuild, export, report):
    model.add_command(command)
