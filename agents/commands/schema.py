"""`ebbwatch schema`: what upstream teams send, as JSON Schema."""

import json

import click

from models.events import EVENT_TYPES
from streams.codecs import json_schema


@click.command()
@click.argument("event_type", metavar="TYPE", type=click.Choice(sorted(EVENT_TYPES)), required=False)
def schema(event_type: str | None) -> None:
    """Print the JSON Schema of one event TYPE; without one, list the types."""
    if event_type is None:
        click.echo("\n".join(sorted(EVENT_TYPES)))
    else:
        click.echo(json.dumps(json_schema(event_type), indent=2))
