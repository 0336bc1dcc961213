"""`ebbwatch model rebuild`: prove that what was learnt is what the labels lead to."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from agents.commands.model_data import model_data_option

if TYPE_CHECKING:
    from streams.model_rebuild import Rebuilt


@click.command()
@model_data_option
def rebuild(data: Path) -> None:
    """Learn everything again that the journal holds, and compare it with what is stored, bit for bit.

    Compared are the scale, the weights of all regressions, what each said of every example, and every published model.
    Nothing is changed, and the learner may be at work. Exit codes: 0 all is equal, 1 something differs.
    """
    from streams.model_reading import opened
    from streams.model_rebuild import rebuild as learn_again

    console = Console(stderr=True)
    with opened(data) as store, Progress(console=console, disable=not console.is_terminal, transient=True) as bars:
        bar = bars.add_task("learning again", total=None)
        rebuilt = learn_again(store, lambda done, of: bars.update(bar, completed=done, total=of))
    _tell(rebuilt)
    sys.exit(0 if rebuilt.is_equal else 1)


def _tell(rebuilt: "Rebuilt") -> None:
    for what, start in (("weights", rebuilt.weights_from), ("scale", rebuilt.scale_from)):
        if start:
            click.echo(f"{what}: from {start} on; what it was learnt from is forgotten")
    places: dict[str, list[str]] = {}
    for one in rebuilt.differences:
        places.setdefault(one.what, []).append(one.where)
    for what, where in places.items():
        # What has gone wrong once is wrong ever after: where it began is what counts.
        click.echo(
            f"{what}: other than stored in {where[0]}" + (f", and in {len(where) - 1:,} after it" if where[1:] else "")
        )
    if rebuilt.scores_differ:
        click.echo(f"{rebuilt.scores_differ:,} examples are scored otherwise than the journal says")
    if rebuilt.z_differ:
        click.echo(f"{rebuilt.z_differ:,} observations are standardised otherwise than they were kept")
    learnt = (
        f"{rebuilt.labels:,} labels, {rebuilt.observations:,} observations and {rebuilt.versions:,} versions"
        " learnt again"
    )
    click.echo(f"{learnt}: {'equal, bit for bit' if rebuilt.is_equal else 'NOT equal to what is stored'}")
