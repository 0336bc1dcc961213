"""`ebbwatch explain`: why a customer has the churn score that they have, and how it came about."""

import asyncio
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from agents.churn_report import print_story
from agents.commands.data_directory import data_option
from agents.commands.run import pseudonymiser
from agents.commands.wide import wide_console
from config.settings import Settings
from streams.churn_picture import write_churn_picture
from streams.churn_story import churn_story
from streams.picture_file import PictureError


@click.command()
@data_option
@click.argument("customer_id", metavar="CUSTOMER")
@click.option(
    "-o", "--picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw the history into this .png or .svg."
)
@click.option("--all", "everything", is_flag=True, help="Every feature and every move, not the strongest alone.")
def explain(data: Path, customer_id: str, picture: Path | None, everything: bool) -> None:
    """Tell why CUSTOMER has the churn score that they have, and what moved it over time.

    CUSTOMER is the bank's own id, where the pseudonym key is in the environment. The history is folded again from the
    ledger of an embedded run, and checked against the state that the run has left. The live store (Redis) is not looked
    into; there, consumers of ebbwatch.scores know.
    """
    names = pseudonymiser(Settings())
    if names is not None:
        customer_id = names.pseudonym("customer_id", customer_id)
    story = asyncio.run(churn_story(data, customer_id))
    if story is None:
        raise click.ClickException("no customer of that id has been seen")
    print_story(wide_console(), story, ZoneInfo(story.rules.policies.bank.zone), everything=everything)
    if picture is None:
        return
    try:
        write_churn_picture(picture, story)
    except PictureError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{picture}: cannot be written ({error.strerror})") from None
    click.echo(f"\npicture: {picture}")
