"""`ebbwatch webhooks`: how endpoints stand, what was given up, and beginning anew once the cause is mended."""

import asyncio
import functools
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from yarl import URL

from agents.commands.notify import endpoints_of
from agents.commands.wide import wide_console
from agents.notify import EndpointRefused, open_channel
from config.endpoints import AnyEndpoint, WebhookEndpoint
from config.settings import Settings, SettingsError
from models.alerts import instant
from streams.names import NOTIFIER_FILE
from streams.webhooks.circuit import Standing
from streams.webhooks.outcome import Outcome, Result
from streams.webhooks.payload import trial_body
from streams.webhooks.queue import DeliveryQueue
from streams.webhooks.queue_file import QueueMismatch
from streams.webhooks.wall_clock import Quiet

_data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The notifier's data directory; it may be running.",
)


def _with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def guarded(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, settings=Settings(), **options)
        except (SettingsError, EndpointRefused, QueueMismatch) as error:
            raise click.ClickException(str(error)) from None
        except sqlite3.Error as error:
            raise click.ClickException(f"{NOTIFIER_FILE} cannot be used: {error}") from None

    return guarded


@contextmanager
def _opened(data: Path) -> Iterator[DeliveryQueue]:
    path = data / NOTIFIER_FILE
    if not path.is_file():
        raise click.ClickException(f"{data} holds no {NOTIFIER_FILE}: no notifier has run on it")
    queue = DeliveryQueue(path)
    try:
        yield queue
    finally:
        queue.close()


@click.group()
def webhooks() -> None:
    """Look after the endpoints that the notifier delivers to."""


@webhooks.command("list")
@click.option("--parked", "name", metavar="NAME", help="Show what was given up for this endpoint.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many of it, latest first.")
@_data_option
@_with_settings
def list_endpoints(settings: Settings, data: Path, name: str | None, limit: int) -> None:
    """Show how every endpoint stands, and what waits for it."""
    with _opened(data) as queue:
        if name is None:
            _show_endpoints(queue, {endpoint.name: endpoint for endpoint in endpoints_of(settings).endpoints})
        else:
            _show_parked(queue, name, limit)


def _show_endpoints(queue: DeliveryQueue, configured: dict[str, AnyEndpoint]) -> None:
    columns = ("endpoint", "kind", "host", "state", "waiting", "since (UTC)", "for the list", "parked")
    table = Table(*columns, box=None, pad_edge=False)
    for name in sorted({*configured, *queue.endpoints()}):
        endpoint, depth = configured.get(name), queue.depth(name)
        state = _state(queue.standing(name), endpoint) if endpoint else "not configured"
        since = f"{instant(depth.oldest_ms):%Y-%m-%d %H:%M:%S}" if depth.oldest_ms else "-"
        listed = queue.memory.listed_count(name)
        counts = (f"{depth.waiting:,}", since, f"{listed:,}" if listed else "-", f"{depth.parked:,}")
        table.add_row(name, *_kind(endpoint), state, *counts)
    wide_console().print(table)


def _kind(endpoint: AnyEndpoint | None) -> tuple[str, str]:
    """Of a URL only the host is shown: the rest of it is a secret at some receivers."""
    if isinstance(endpoint, WebhookEndpoint):
        return "webhook", URL(endpoint.url).raw_host or "-"
    return str(endpoint.__struct_config__.tag) if endpoint else "-", "-"


def _state(standing: Standing, endpoint: AnyEndpoint) -> str:
    now_ms = round(time.time() * 1000)
    if standing.disabled:
        return f"disabled since {instant(standing.disabled_ms):%Y-%m-%d %H:%M} (410 Gone)"
    if standing.half_open:
        left_s = max(standing.open_until_ms - now_ms, 0) / 1000
        return f"failing: {standing.failures:,} in a row, next probe in {left_s:.0f} s"
    if standing.paused_until_ms > now_ms:
        return f"asked to wait {(standing.paused_until_ms - now_ms) / 1000:.0f} s"
    if Quiet(endpoint.quiet_hours).breaks(now_ms) is not None:
        return "quiet hours"
    return "ok"


def _show_parked(queue: DeliveryQueue, name: str, limit: int) -> None:
    found = queue.parked(name, limit)
    if not found:
        click.echo(f"nothing is parked for {name}")
        return
    table = Table("id", "attempts", "queued (UTC)", "parked (UTC)", "last attempt", box=None, pad_edge=False)
    for one in found:
        queued, parked = (f"{instant(at_ms):%Y-%m-%d %H:%M:%S}" for at_ms in (one.queued_ms, one.parked_ms))
        table.add_row(one.webhook_id, str(one.attempts), queued, parked, one.last or "-")
    wide_console().print(table)
    click.echo(f"{len(found):,} of {queue.depth(name).parked:,} shown")


@webhooks.command()
@click.argument("name")
@_with_settings
def test(settings: Settings, name: str) -> None:
    """Send a signed event of type ebbwatch.test to the endpoint NAME, once, and say what came of it."""
    named = [endpoint for endpoint in endpoints_of(settings).endpoints if endpoint.name == name]
    if not named:
        raise click.ClickException(f"no endpoint is called {name}")
    result = asyncio.run(_trial(named[0], settings))
    if result.outcome is not Outcome.DELIVERED:
        raise click.ClickException(f"{name}: {result.text}{_HINTS.get(result.outcome, '')}")
    click.echo(f"{name}: {result.text}")


_HINTS = {
    Outcome.REFUSED: ": its address is not of the public internet; see allow_networks",
    Outcome.UNREACHABLE: ": the name, the port, or the certificate (ca_file)",
    Outcome.TIMED_OUT: ": no answer within timeout_s",
}


async def _trial(endpoint: AnyEndpoint, settings: Settings) -> Result:
    channel = open_channel(endpoint, settings)
    await channel.start()
    try:
        now = datetime.now(UTC)
        return await channel.send(f"test.{int(now.timestamp())}", trial_body(now))
    finally:
        await channel.close()


@webhooks.command()
@click.argument("name")
@click.argument("webhook_ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="All that is parked for the endpoint.")
@_data_option
@_with_settings
def replay(settings: Settings, data: Path, name: str, webhook_ids: tuple[str, ...], everything: bool) -> None:
    """Deliver what was given up for the endpoint NAME: the deliveries ID, or all of them.

    They may arrive after later revisions of the same alert: receivers keep the highest revision.
    """
    del settings
    if bool(webhook_ids) == everything:
        raise click.UsageError("say either which deliveries (ID...) or --all")
    with _opened(data) as queue:
        if queue.standing(name).disabled:
            raise click.ClickException(f"{name} is disabled: `ebbwatch webhooks resume {name}` first")
        again = queue.replay(name, None if everything else webhook_ids, round(time.time() * 1000))
    if not again:
        raise click.ClickException("no such delivery is parked")
    click.echo(f"{again:,} deliveries are due again")


@webhooks.command()
@click.argument("name")
@_data_option
@_with_settings
def resume(settings: Settings, data: Path, name: str) -> None:
    """Begin anew with the endpoint NAME, after 410 Gone or many failures; what was parked stays so until `replay`."""
    del settings
    with _opened(data) as queue:
        with queue.change():
            standing = queue.standing(name)
            standing.resume()
            queue.save(standing)
        parked = queue.depth(name).parked
    click.echo(f"{name}: resumed")
    if parked:
        click.echo(f"{parked:,} deliveries are parked: `ebbwatch webhooks replay {name} --all` sends them")
