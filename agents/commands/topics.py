"""`ebbwatch topics`: make the topics, and say whether the service can run on them."""

import click

from agents.commands.broker import broker_command
from config.policies import PolicyError, load_policies
from config.settings import Settings
from streams.kafka_connection import open_admin
from streams.ledger_seed import seed_ledger
from streams.names import ONE_PARTITION_TOPICS
from streams.topic_rules import TopicsCheck, expected
from streams.topics import DEFAULT_PARTITIONS, Plan, check_topics, create_topics

_DAYS = click.IntRange(1, 36_500)


@click.group()
def topics() -> None:
    """Create the topics on the brokers, or check them."""


@topics.command()
@click.option(
    "--partitions",
    type=click.IntRange(1, 1024),
    help=f"Partitions of every topic; fixed for good.  [default: {DEFAULT_PARTITIONS}, or as many as exist]",
)
@click.option(
    "--replication",
    type=click.IntRange(1, 15),
    default=1,
    show_default=True,
    help="Copies of every record; 3 is recommended.",
)
@click.option("--retention-days", type=_DAYS, help="Days that feeds and outputs are kept.  [default: the brokers' own]")
@click.option(
    "--ledger-retention-days", type=_DAYS, help="Days that ledger and examples are kept.  [default: for ever]"
)
@broker_command
def create(
    settings: Settings,
    partitions: int | None,
    replication: int,
    retention_days: int | None,
    ledger_retention_days: int | None,
) -> None:
    """Create what is missing and begin the ledger with the policies; what exists is left as it is."""
    try:
        policies = load_policies(settings.policies_file)
    except PolicyError as error:
        raise click.ClickException(str(error)) from None
    plan = Plan(
        partitions=partitions,
        replication=replication,
        retention_days=retention_days,
        ledger_retention_days=ledger_retention_days,
    )
    admin = open_admin(settings.kafka)
    try:
        made = create_topics(admin, plan)
    finally:
        admin.close()
    for name in made.created:
        count = expected(name, made.partitions)
        click.echo(f"{name}: created with {count} partition{'s' * (count != 1)}")
    for difference in made.differences:
        click.echo(f"{difference} (exists, left as it is)")
    begun = seed_ledger(settings.kafka, policies)
    if begun:
        click.echo(f"{begun} shards of the ledger begin with policies {policies.version}")
    if not (made.created or begun):
        click.echo("nothing to do: all topics exist")
    _conclude(check_topics(settings.kafka), say_warnings=False)


@topics.command()
@broker_command
def check(settings: Settings) -> None:
    """Say whether the service can run on the topics as they are, and if not, what to do."""
    found = check_topics(settings.kafka)
    _conclude(found, say_warnings=True)
    alone = ", ".join(sorted(ONE_PARTITION_TOPICS))
    click.echo(f"all topics are there, with {found.partitions} partitions each ({alone}: one): ok")


def _conclude(found: TopicsCheck, say_warnings: bool) -> None:
    for warning in found.warnings if say_warnings else ():
        click.echo(f"warning: {warning}", err=True)
    if found.problems:
        raise click.ClickException("the service cannot run on these topics:\n" + "\n".join(found.problems))
