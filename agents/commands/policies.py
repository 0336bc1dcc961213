"""`ebbwatch policies`: start from the shipped policies, and check what was made of them."""

from pathlib import Path

import click

from config.policies import PolicyError, load_policies, policy_digest, shipped_policies_text


@click.group()
def policies() -> None:
    """Show or check policy files."""


@policies.command()
def show() -> None:
    """Print the shipped policies, comments and sources included."""
    click.echo(shipped_policies_text(), nl=False)


@policies.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def check(file: Path) -> None:
    """Say whether FILE can be used, and if not, what is wrong with it."""
    try:
        found = load_policies(file)
    except PolicyError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{file}: version {found.version}, digest {policy_digest(found)}: ok")
