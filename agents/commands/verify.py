"""`ebbwatch verify`: replay the ledger from its beginning, and compare."""

import asyncio
from pathlib import Path

import click

from agents.commands.data_directory import data_option
from streams.embedded import LEDGER_FILE, OUTPUT_DIRECTORY, STATE_FILE, DirectoryInUse, lock_directory
from streams.garbage import tune_garbage_collection
from streams.ledger import EmbeddedLedger
from streams.replay import compare, replay
from streams.stores.sqlite import SqliteStore


@click.command()
@data_option
@click.option(
    "--batch", type=click.IntRange(1, 1_000_000), default=16_384, show_default=True, help="Records in a batch."
)
def verify(data: Path, batch: int) -> None:
    """Replay the ledger in memory and compare states and outputs, byte for byte, with those that are kept."""
    tune_garbage_collection()
    try:
        with lock_directory(data):
            differences = asyncio.run(_verify(data, batch))
    except DirectoryInUse as error:
        raise click.ClickException(str(error)) from None
    if differences:
        for difference in differences[:20]:
            click.echo(difference, err=True)
        raise click.ClickException(f"{len(differences)} differences between the replay and what is kept")


async def _verify(data: Path, batch: int) -> list[str]:
    ledger, store = EmbeddedLedger(data / LEDGER_FILE), SqliteStore(data / STATE_FILE)
    try:
        differences: list[str] = []
        for shard in range(ledger.shards):
            replayed = await replay(ledger, shard, (await store.open_shard(shard)).position, batch)
            differences += await compare(replayed, store, shard, data / OUTPUT_DIRECTORY)
            click.echo(
                f"shard {shard}: {replayed.position:,} records replayed,"
                f" {len(replayed.customers):,} customers and {len(replayed.outputs):,} outputs compared"
            )
        return differences
    finally:
        await store.close()
        ledger.close()
