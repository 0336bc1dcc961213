"""`ebbwatch worker`: one worker of the live service."""

import asyncio
import logging

import click

from agents.commands.broker import broker_command
from agents.commands.run import pseudonymiser
from agents.worker import Parts, Worker
from config.policies import Policies, PolicyError, load_policies
from config.settings import STORE_URL, WEB_HOST, WEB_PORT, Settings
from streams.garbage import tune_garbage_collection
from streams.kafka_connection import aiokafka_options
from streams.ledger_seed import seed_ledger
from streams.logs import start_logging
from streams.stores.base import StoreError, StoreUnavailable
from streams.stores.opening import open_store
from streams.topics import check_topics
from streams.web import AddressTaken

logger = logging.getLogger("ebbwatch.worker")

_LIBRARIES = ("aiokafka", "faust", "kafka", "mode", "streams.app", "streams.transport")


@click.command()
@broker_command
def worker(settings: Settings) -> None:
    """Run one worker of the live service on Kafka and Redis, as the environment says (`ebbwatch config show`).

    Refuses to start on topics or a store that would break a promise, saying what to run. SIGTERM ends it in good order:
    it finishes what is under way, commits, and leaves the group. Exit codes: 0 ended as told, 1 refused to start, 70
    ended itself because going on could have broken a promise; start it again.
    """
    try:
        policies = load_policies(settings.policies_file)
    except PolicyError as error:
        raise click.ClickException(str(error)) from None
    start_logging(settings.log_level, _LIBRARIES)
    found = check_topics(settings.kafka)
    if found.problems:
        raise click.ClickException("the service cannot run on these topics:\n" + "\n".join(found.problems))
    for warning in found.warnings:
        logger.warning(warning)
    begun = seed_ledger(settings.kafka, policies)
    if begun:
        logger.info("shards of the ledger begun", extra={"fields": {"shards": begun}})
    try:
        asyncio.run(_run(settings, policies, found.partitions))
    except StoreUnavailable as error:
        raise click.ClickException(f"{error}: see {STORE_URL}") from None
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    except AddressTaken as error:
        raise click.ClickException(f"{error}: see {WEB_HOST}, {WEB_PORT}") from None


async def _run(settings: Settings, policies: Policies, shards: int) -> None:
    store = open_store(settings.store)
    for warning in await store.check():
        logger.warning(warning)
    tune_garbage_collection()
    parts = Parts(
        settings=settings,
        policies=policies,
        shards=shards,
        store=store,
        client_options=aiokafka_options(settings.kafka),
        pseudonymiser=pseudonymiser(settings),
    )
    await Worker(parts).run()
