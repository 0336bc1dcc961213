"""`ebbwatch learn`: learn from the examples, and announce models to the workers."""

import asyncio
import sqlite3
import sys
from pathlib import Path

import click

from agents.commands.broker import broker_command
from agents.worker import EXIT_BROKEN
from config.policies import PolicyError, load_policies
from config.settings import WEB_HOST, WEB_PORT, Settings
from models.churn_curves import SnapshotMismatch
from streams.embedded import DirectoryInUse
from streams.kafka_connection import aiokafka_options
from streams.logs import start_logging
from streams.names import LEARNER_FILE
from streams.topics import check_topics
from streams.web import AddressTaken

_LIBRARIES = ("aiohttp", "aiokafka", "asyncio", "kafka")


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where what has been learnt is kept; made if it is missing.",
)
@click.option(
    "--forest/--no-forest",
    default=True,
    show_default=True,
    help="Let a forest learn in the champion's shadow, to tell what a model without curves would reach.",
)
@broker_command
def learn(settings: Settings, data: Path, forest: bool) -> None:
    """Learn who leaves from what became of the customers observed, and announce models to the workers.

    One learner runs at a time. SIGTERM ends it after the batch under way; after a kill it goes on where it was, with
    the same weights to the bit. Exit codes: 0 ended as told, 1 refused to start, 70 ended itself because what it has
    learnt could not be kept.
    """
    # Here, not above: River takes a second to load, which no other command should pay for.
    from agents.learner import Broken, LearnerProcess, Parts
    from streams.learner_store import LearnerMismatch

    try:
        churn = load_policies(settings.policies_file).churn
    except PolicyError as error:
        raise click.ClickException(str(error)) from None
    if churn is None:
        raise click.ClickException(
            "the policies have no table [churn]: nobody is scored, and there is nothing to learn"
        )
    start_logging(settings.log_level, _LIBRARIES)
    topics = check_topics(settings.kafka)
    if topics.problems:
        raise click.ClickException("the service cannot run on these topics:\n" + "\n".join(topics.problems))

    async def run() -> None:
        await LearnerProcess(
            Parts(settings, churn.base_rate, topics.partitions, data, aiokafka_options(settings.kafka), forest)
        ).run()

    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        asyncio.run(run())
    except Broken:
        sys.exit(EXIT_BROKEN)
    except sqlite3.Error as error:
        raise click.ClickException(f"{data / LEARNER_FILE}: cannot be used ({error})") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or data}: {error.strerror}") from None
    except (DirectoryInUse, LearnerMismatch) as error:
        raise click.ClickException(str(error)) from None
    except SnapshotMismatch as error:
        raise click.ClickException(f"{data / LEARNER_FILE}: {error}") from None
    except AddressTaken as error:
        raise click.ClickException(f"{error}: see {WEB_HOST}, {WEB_PORT}") from None
