"""`ebbwatch model promote`, `rollback` and `export`: which model scores, and its document."""

from pathlib import Path

import click

from agents.commands.model_data import model_data_option

_STAYS = "the learner goes on learning, and no other version scores until `ebbwatch model promote --latest`"


@click.command()
@click.argument("version", required=False)
@click.option("--latest", is_flag=True, help="Score with the latest version, and those after it, again.")
@click.option("--learner", metavar="NAME", help="Publish this learner from the next version on, without the gate.")
@model_data_option
def promote(data: Path, version: str | None, latest: bool, learner: str | None) -> None:
    """Score with VERSION and no other; or with the latest again; or publish another learner.

    The gate promotes a challenger by itself when it is better by a margin; --learner is for those who know better.
    """
    if (version is not None) + latest + (learner is not None) != 1:
        raise click.UsageError("say either VERSION, or --latest, or --learner NAME")
    from models.regression_snapshot import EXPORTABLE
    from streams.model_changes import ask_for, effect, follow_latest
    from streams.model_changes import promote as promote_version
    from streams.model_reading import opened

    if learner is not None and learner not in EXPORTABLE:
        raise click.UsageError(f"--learner is one of {', '.join(EXPORTABLE)}")
    with opened(data) as store:
        if version is not None:
            row = promote_version(store, version)
            click.echo(f"{row.version} is pinned: {_STAYS}")
        elif learner is not None:
            ask_for(store, learner)
            click.echo(f"{learner} is published from the next version on, which comes with the examples of a new day")
            return
        else:
            click.echo(f"{follow_latest(store)} is pinned no more; the latest is {store.versions.latest()}")
    click.echo(effect(data).value)


@click.command()
@click.argument("version", required=False)
@model_data_option
def rollback(data: Path, version: str | None) -> None:
    """Score with VERSION again, or with the one that was in force before.

    The learner goes on learning; only the pinned version scores, until `ebbwatch model promote --latest`.
    """
    from streams.model_changes import effect, roll_back
    from streams.model_reading import opened

    with opened(data) as store:
        before, row = roll_back(store, version)
    click.echo(f"back from {before.version} to {row.version}, which is pinned: {_STAYS}")
    click.echo(effect(data).value)


@click.command()
@click.argument("version")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default="-",
    help="Where it goes.  [default: standard output]",
)  # fmt: skip
@model_data_option
def export(data: Path, version: str, output: Path) -> None:
    """Write the JSON document of VERSION, as the ledger carries it."""
    from models.scoring_model import encode_model, model_digest
    from streams.model_reading import find_version, opened

    with opened(data) as store:
        model = store.versions.model(find_version(store.versions.rows(), version).version)
    document = encode_model(model)
    if str(output) == "-":
        click.get_binary_stream("stdout").write(document + b"\n")
        return
    output.write_bytes(document)
    click.echo(f"{output}: {model.version}, {len(document):,} bytes, digest {model_digest(model)}")
