"""`ebbwatch notify`: deliver alerts to the endpoints."""

import asyncio
import sqlite3
import sys
from pathlib import Path

import click

from agents.commands.broker import broker_command
from agents.notify import Broken, EndpointRefused, Notifier, Parts
from agents.worker import EXIT_BROKEN
from config.endpoints import Endpoints, EndpointsError, load_endpoints
from config.settings import ENDPOINTS, WEB_HOST, WEB_PORT, Settings
from streams.embedded import DirectoryInUse
from streams.kafka_connection import aiokafka_options, open_admin
from streams.logs import start_logging
from streams.names import NOTIFIER_FILE
from streams.offsets import partitions_of
from streams.topic_rules import CREATE
from streams.web import AddressTaken
from streams.webhooks.intake import ALERTS_TOPIC
from streams.webhooks.queue_file import QueueMismatch

_LIBRARIES = ("aiohttp", "aiokafka", "asyncio", "kafka")


def endpoints_of(settings: Settings) -> Endpoints:
    """The endpoints file that the settings name; a `ClickException` says what is wrong with it."""
    if settings.endpoints_file is None:
        raise click.ClickException(f"{ENDPOINTS}: expected the path of an endpoints file (docs/webhooks.md)")
    try:
        return load_endpoints(settings.endpoints_file)
    except EndpointsError as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where what is still to be delivered is kept; made if it is missing.",
)
@click.option(
    "--from",
    "begin",
    type=click.Choice(["beginning", "end"]),
    default="beginning",
    show_default=True,
    help="Where to begin when no notifier has read the alerts before.",
)
@broker_command
def notify(settings: Settings, data: Path, begin: str) -> None:
    """Deliver alerts to webhooks, files and standard output, as the file at EBBWATCH_ENDPOINTS says.

    One notifier runs at a time. SIGTERM ends it once the attempts under way have ended; after a kill it goes on where
    it was, and repeats at most what was under way. Exit codes: 0 ended as told, 1 refused to start, 70 ended itself
    because the queue could not be kept.
    """
    endpoints = endpoints_of(settings)
    start_logging(settings.log_level, _LIBRARIES)
    admin = open_admin(settings.kafka)
    try:
        partitions = len(partitions_of(admin, ALERTS_TOPIC))
    finally:
        admin.close()
    if not partitions:
        raise click.ClickException(f"{ALERTS_TOPIC}: there is no such topic: run `{CREATE}`")
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = aiokafka_options(settings.kafka)
        asyncio.run(_run(Parts(settings, endpoints, partitions, data, options, begin == "end")))
    except Broken:
        sys.exit(EXIT_BROKEN)
    except sqlite3.Error as error:
        raise click.ClickException(f"{data / NOTIFIER_FILE}: cannot be used ({error})") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or data}: {error.strerror}") from None
    except (EndpointRefused, DirectoryInUse, QueueMismatch) as error:
        raise click.ClickException(str(error)) from None
    except AddressTaken as error:
        raise click.ClickException(f"{error}: see {WEB_HOST}, {WEB_PORT}") from None


async def _run(parts: Parts) -> None:
    await Notifier(parts).run()
