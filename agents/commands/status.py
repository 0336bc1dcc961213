"""`ebbwatch status`: where the shards of a data directory stand, how far calendars reach, and who is losing most."""

import asyncio
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agents.commands.data_directory import data_option
from config.policies import policies_from_document
from models import asset_outflow
from models.alerts import instant
from models.complaint_rules import pinned_policies
from models.customer import decode_customer
from models.shard import decode_documents, decode_state
from streams.calendar_horizon import HORIZON_DAYS, days_left, is_near
from streams.ledger import EmbeddedLedger
from streams.names import LEDGER_FILE, STATE_FILE
from streams.promises import Horizon, horizons_of
from streams.stores.sqlite import SqliteStore


@click.command()
@data_option
@click.option("--top", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many customers to list.")
def status(data: Path, top: int) -> None:
    """Show where the shards stand, how far calendars reach, and the customers with the largest outflow still open."""
    asyncio.run(_show(data, top))


async def _show(data: Path, top: int) -> None:
    ledger, store = EmbeddedLedger(data / LEDGER_FILE), SqliteStore(data / STATE_FILE)
    console = Console()
    shards = Table("shard", "position", "ledger end", "customers", "time (UTC)", "policies", box=None)
    leaders: list[tuple[float, int, str]] = []
    horizons: dict[str, Horizon] = {}
    clock_ms = 0
    for shard in range(ledger.shards):
        stored = await store.open_shard(shard)
        state = decode_state(stored.state) if stored.state else None
        clock_ms = max(clock_ms, state.clock_ms if state else 0)
        clock = f"{instant(state.clock_ms):%Y-%m-%d %H:%M:%S}" if state and state.clock_ms else "-"
        policy = decode_documents(stored.documents).policy if stored.documents else {}
        version = str(policy.get("version", "-"))
        if policy:
            horizons |= horizons_of(pinned_policies(policies_from_document(policy)))
        customers = store.customer_count(shard)
        shards.add_row(str(shard), f"{stored.position:,}", f"{ledger.ends[shard]:,}", f"{customers:,}", clock, version)
        leaders += [(score, shard, member) for score, member in await store.top(shard, asset_outflow.INDEX, top)]
    console.print(shards)
    _show_horizons(console, horizons, clock_ms)
    leaders = sorted(leaders, key=lambda leader: (-leader[0], leader[2]))[:top]
    if leaders:
        table = Table("customer", "tier", "net outflow", "raised (UTC)", "alert", box=None)
        for column in table.columns:
            column.overflow = "fold"
        for score, shard, customer_id in leaders:
            (body,) = await store.load(shard, [customer_id])
            if body is None:
                continue
            customer = decode_customer(body)
            state_of = next(alert for alert in customer.alerts if alert.rule == asset_outflow.RULE)
            raised = f"{instant(state_of.raised_ms):%Y-%m-%d %H:%M}"
            table.add_row(escape(customer_id), customer.tier, f"{score / 100:,.2f}", raised, state_of.alert_id)
        console.print("\nLargest outflow when last reported, alerts still open:")
        console.print(table)
    await store.close()
    ledger.close()


def _show_horizons(console: Console, horizons: dict[str, Horizon], clock_ms: int) -> None:
    if not horizons:
        return
    table = Table("calendar", "last day", "days left", box=None)
    for name, horizon in horizons.items():
        left = f"{days_left(horizon, clock_ms):,}" if clock_ms else "-"
        near = is_near(horizon, clock_ms)
        table.add_row(name, f"{horizon.until}", left, style="yellow" if near else None)
    console.print("\nCalendars that complaint clocks count by:")
    console.print(table)
    if any(is_near(horizon, clock_ms) for horizon in horizons.values()):
        console.print(f"[yellow]Less than {HORIZON_DAYS} days are left: docs/calendars.md says how to extend one.[/]")
