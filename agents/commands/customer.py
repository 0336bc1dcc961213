"""`ebbwatch customer`: everything that is remembered of one customer."""

import asyncio
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agents.commands.data_directory import data_option
from agents.commands.run import pseudonymiser
from config.settings import Settings
from models import counters
from models.alerts import instant
from models.customer import Customer, decode_customer
from models.decay import HALF_LIVES_DAYS, value
from models.inquiries import inquiries_of
from streams.ledger import EmbeddedLedger
from streams.names import LEDGER_FILE, STATE_FILE
from streams.stores.sqlite import SqliteStore


@click.command()
@data_option
@click.argument("customer_id", metavar="ID")
def customer(data: Path, customer_id: str) -> None:
    """Show what is remembered of the customer ID (the bank's own, where the pseudonym key is in the environment)."""
    names = pseudonymiser(Settings())
    if names is not None:
        customer_id = names.pseudonym("customer_id", customer_id)
    body = asyncio.run(_find(data, customer_id))
    if body is None:
        raise click.ClickException("no customer of that id has been seen")
    _show(Console(), decode_customer(body), len(body))


async def _find(data: Path, customer_id: str) -> bytes | None:
    ledger, store = EmbeddedLedger(data / LEDGER_FILE), SqliteStore(data / STATE_FILE)
    try:
        for shard in range(ledger.shards):
            (body,) = await store.load(shard, [customer_id])
            if body is not None:
                return body
        return None
    finally:
        await store.close()
        ledger.close()


def _show(console: Console, found: Customer, size: int) -> None:
    console.print(
        f"[bold]{escape(found.customer_id)}[/]: {found.tier}, {found.stage}; {found.events:,} events, {size:,} bytes"
    )
    console.print(
        f"first seen {instant(found.first_ms):%Y-%m-%d %H:%M} UTC, last {instant(found.last_ms):%Y-%m-%d %H:%M}"
    )
    balances = [account.balance_cents for account in found.accounts if account.balance_cents is not None]
    if balances:
        console.print(f"{len(found.accounts)} accounts, balances known {sum(balances) / 100:,.2f}")
    if found.profile.aum_cents is not None:
        console.print(f"assets under management stated {found.profile.aum_cents / 100:,.2f}")
    if found.payroll is not None and found.payroll.interval_days is not None:
        last = f"{instant(found.payroll.last_ms):%Y-%m-%d}"
        console.print(f"paid about every {found.payroll.interval_days:.0f} days, last on {last}")
    table = Table("counter", *(f"{days} days" for days in HALF_LIVES_DAYS), title="Decayed to the last event", box=None)
    for name, code in counters.NAMES.items():
        cell = counters.cell(found, code)
        if cell is not None:
            scale = 100 if code in counters.MONEY else 1
            worth = value(cell, found.last_ms, found.landmark_ms)
            table.add_row(name, *(f"{figure / scale:,.2f}" for figure in worth))
    console.print(table)
    for reason, inquiry in inquiries_of(found).items():
        times = ", ".join(f"{instant(at_ms):%m-%d %H:%M}" for at_ms in inquiry.times_ms)
        console.print(f"contacts about {escape(reason)}: {times}")
    for alert in found.alerts:
        life = (
            "open"
            if alert.cooling_until_ms is None
            else f"quiet until {instant(alert.cooling_until_ms):%Y-%m-%d %H:%M}"
        )
        subject = f" ({escape(alert.subject)})" if alert.subject else ""
        console.print(
            f"alert {alert.alert_id} {alert.rule}{subject}: {alert.severity}, revision {alert.revision}, {life}"
        )
