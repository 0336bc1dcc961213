"""`ebbwatch verify`: replay the ledger from its beginning, and compare."""

import asyncio
from pathlib import Path

import click

from agents.commands.data_directory import data_option
from streams.embedded import OUTPUT_DIRECTORY, DirectoryInUse, lock_directory
from streams.garbage import tune_garbage_collection
from streams.ledger import EmbeddedLedger
from streams.names import LEDGER_FILE, STATE_FILE
from streams.replay import compare, replay
from streams.stores.sqlite import SqliteStore

_MOST_SHOWN = 20


@click.command(context_settings={"show_default": True})
@data_option
@click.option("--batch", type=click.IntRange(1, 1_000_000), default=16_384, help="Records in a batch.")
def verify(data: Path, batch: int) -> None:
    """Replay the ledger in memory and compare states and outputs, byte for byte, with those that are kept."""
    tune_garbage_collection()
    try:
        with lock_directory(data):
            differences = asyncio.run(_verify(data, batch))
    except DirectoryInUse as error:
        raise click.ClickException(str(error)) from None
    for difference in differences[:_MOST_SHOWN]:
        click.echo(difference, err=True)
    if differences:
        raise click.ClickException(
            f"{len(differences)} differences between the replay and what is kept; to have it made again from the"
            f" ledger, move {data / OUTPUT_DIRECTORY / 'alerts.ndjson'} away, delete {data / STATE_FILE} and run again"
        )


async def _verify(data: Path, batch: int) -> list[str]:
    ledger, store = EmbeddedLedger(data / LEDGER_FILE), SqliteStore(data / STATE_FILE)
    try:
        differences: list[str] = []
        for shard in range(ledger.shards):
            replayed = await replay(ledger, shard, (await store.open_shard(shard)).position, batch)
            found = await compare(replayed, store, shard, data / OUTPUT_DIRECTORY)
            behind = ledger.ends[shard] - replayed.position
            waiting = f"; {behind:,} records wait for the next run" if behind else ""
            click.echo(
                f"shard {shard}: {replayed.position:,} records replayed, {len(replayed.customers):,} customers and"
                f" {len(replayed.outputs):,} outputs compared: {'different' if found else 'identical'}{waiting}"
            )
            differences += found
        return differences
    finally:
        await store.close()
        ledger.close()
