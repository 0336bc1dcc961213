"""`ebbwatch lag`: how far the workers are behind, feed by feed and shard by shard."""

import asyncio
from pathlib import Path

import click
from kafka import TopicPartition
from rich.table import Table

from agents.commands.broker import broker_command
from agents.commands.wide import wide_console
from config.settings import KafkaSettings, Settings, StoreSettings
from streams.kafka_connection import open_admin
from streams.names import EVENTS_TOPIC, FEED_TOPICS
from streams.offsets import committed_offsets, end_offsets, first_offsets, partitions_of
from streams.stores.base import StoreError
from streams.stores.opening import open_store
from streams.topic_rules import CREATE

_STORE_ANSWERS_S = 10.0


@click.command(short_help="Show how far the workers are behind.")
@broker_command
def lag(settings: Settings) -> None:
    """Show where each feed and each shard of the ledger ends, and how much of it is still to be done.

    Of the ledger the store's position counts; what the group has committed to Kafka only follows it.
    """
    table = Table("topic", "partition", "end", "committed", "position", "lag", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    ends, first, committed = _offsets(settings.kafka, settings.group)
    shards = [place.partition for place in ends if place.topic == EVENTS_TOPIC]
    positions, fault = _positions(settings.store, shards)
    total = 0
    for place, end in ends.items():
        of_group = committed.get(place)
        position = positions.get(place.partition) if place.topic == EVENTS_TOPIC else None
        done = position if position is not None else of_group
        behind = max(end - max(done if done is not None else 0, first[place]), 0)
        total += behind
        table.add_row(
            place.topic, str(place.partition), f"{end:,}", _number(of_group), _number(position), f"{behind:,}"
        )
    console = wide_console()
    console.print(table)
    console.print(f"\n{total:,} records behind, by the group {settings.group}")
    if fault:
        click.echo(f"warning: the store's positions are unknown, so the committed offsets count: {fault}", err=True)


def _offsets(
    kafka: KafkaSettings, group: str
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int], dict[TopicPartition, int]]:
    """End, first and committed offsets of all feeds and of the ledger, in this order."""
    admin = open_admin(kafka)
    try:
        places = [place for topic in (*FEED_TOPICS.values(), EVENTS_TOPIC) for place in partitions_of(admin, topic)]
        if not places:
            raise click.ClickException(f"there are no topics: run `{CREATE}`")
        ends, first = end_offsets(admin, places), first_offsets(admin, places)
        return {place: ends[place] for place in places}, first, committed_offsets(admin, group)
    finally:
        admin.close()


def _positions(settings: StoreSettings, shards: list[int]) -> tuple[dict[int, int], str]:
    """The store's position of each shard; none, and why, where it cannot be asked."""
    if settings.scheme == "sqlite" and not Path(settings.address).is_file():
        return {}, "there is no such file"
    try:
        return asyncio.run(asyncio.wait_for(_ask(settings, shards), _STORE_ANSWERS_S)), ""
    except TimeoutError:
        return {}, "it does not answer"
    except StoreError as error:
        return {}, str(error)


async def _ask(settings: StoreSettings, shards: list[int]) -> dict[int, int]:
    store = open_store(settings)
    try:
        return {shard: (await store.open_shard(shard)).position for shard in shards}
    finally:
        await store.close()


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
