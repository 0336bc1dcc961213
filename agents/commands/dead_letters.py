"""`ebbwatch dead-letters`: what was refused and why, and sending it back once the cause is mended."""

from collections import Counter
from collections.abc import Callable, Iterator
from heapq import nlargest
from typing import Any

import click
from rich.table import Table

from agents.commands.broker import broker_command
from agents.commands.wide import wide_console
from config.settings import Settings
from streams.codecs import Refusal
from streams.dead_letters import CannotRedrive, DeadLetterLog, origin_of, original_of, redrive, whether_sendable
from streams.ingest import DeadLetter

_NOT_SHOWN = "not shown, since it is a customer's data: --original shows it"


def _reason_option(meaning: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option("--reason", type=click.Choice([reason.value for reason in Refusal]), help=meaning)


@click.group("dead-letters")
def dead_letters() -> None:
    """List, show and send back what the service has refused."""


@dead_letters.command("list")
@_reason_option("Only what was refused for this reason.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, latest first.")
@broker_command
def list_letters(settings: Settings, reason: str | None, limit: int) -> None:
    """Show the latest dead letters, without anything of what they hold."""
    counts: Counter[str] = Counter()

    def counted(letter: DeadLetter) -> DeadLetter:
        counts[letter.reason.value] += 1
        return letter

    letters = (counted(letter) for letter in DeadLetterLog(settings.kafka) if reason in (None, letter.reason.value))
    latest = nlargest(limit, letters, key=lambda letter: (letter.refused_at, letter.source, letter.source_offset))
    if not latest:
        click.echo("no dead letters")
        return
    table = Table("id", "refused (UTC)", "reason", "field", "expected", "found", "source", "offset", "bytes", box=None)
    for column in table.columns:
        column.overflow = "fold"
    for letter in latest:
        table.add_row(
            letter.dead_letter_id,
            f"{letter.refused_at:%Y-%m-%d %H:%M:%S}",
            letter.reason.value,
            letter.field or "-",
            letter.expected,
            letter.found,
            letter.source,
            str(letter.source_offset),
            f"{letter.size_bytes:,}",
        )
    console = wide_console()
    console.print(table)
    by_reason = ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
    console.print(f"\n{len(latest):,} of {counts.total():,} shown: {by_reason}")


@dead_letters.command()
@click.option("--original", is_flag=True, help="Show the refused record too; it is a customer's data.")
@click.argument("letter_id", metavar="ID")
@broker_command
def show(settings: Settings, original: bool, letter_id: str) -> None:
    """Show everything about the dead letter ID, but for the record itself."""
    (letter,) = _named(DeadLetterLog(settings.kafka), {letter_id})
    for name in letter.__struct_fields__:
        if name != "original":
            click.echo(f"{name}: {_plain(str(getattr(letter, name)))}")
    if not letter.original and letter.size_bytes:
        click.echo("original: not kept, since pseudonyms are asked for; look it up at its source")
    elif original:
        click.echo(f"original: {_shown(letter)}")
    else:
        click.echo(f"original: {_NOT_SHOWN}")


@dead_letters.command("redrive")
@_reason_option("All that were refused for this reason.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("letter_ids", nargs=-1, metavar="[ID]...")
@broker_command
def redrive_letters(settings: Settings, reason: str | None, yes: bool, letter_ids: tuple[str, ...]) -> None:
    """Send refused records back to the feed they came from, to be judged again.

    For use once the cause is mended. Nothing is removed: a record that is sent back twice is recognised by its
    event_id, as far as the customer's latest events go.
    """
    if bool(letter_ids) == (reason is not None):
        raise click.UsageError("say either which dead letters (ID...) or --reason")
    log = DeadLetterLog(settings.kafka)
    wanted = set(letter_ids)
    if wanted:
        _named(log, wanted)

    def chosen() -> Iterator[DeadLetter]:
        return (letter for letter in log if letter.dead_letter_id in wanted or letter.reason.value == reason)

    ready, kept_back, topics = 0, 0, set()
    for letter in chosen():
        why = whether_sendable(letter)
        if why:
            kept_back += 1
            click.echo(f"{letter.dead_letter_id} cannot be sent back: {why}", err=True)
        else:
            ready += 1
            topics.add(origin_of(letter).topic)
    if not ready:
        raise click.ClickException("nothing to send back")
    to = ", ".join(sorted(topics))
    if not yes:
        click.confirm(f"Send {ready:,} records back to {to}?", abort=True)
    try:
        sent = redrive(settings.kafka, (letter for letter in chosen() if not whether_sendable(letter)))
    except CannotRedrive as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"sent {sent:,} records back to {to}")
    if kept_back:
        raise click.ClickException(f"{kept_back:,} cannot be sent back")


def _named(log: DeadLetterLog, wanted: set[str]) -> list[DeadLetter]:
    """The dead letters of these ids, each once, in the order in which they were filed."""
    letters = [letter for letter in log if letter.dead_letter_id in wanted]
    missing = wanted - {letter.dead_letter_id for letter in letters}
    if missing:
        raise click.ClickException(f"no dead letter has the id {', '.join(sorted(missing))}")
    return letters


def _shown(letter: DeadLetter) -> str:
    try:
        return _plain(original_of(letter).decode(errors="backslashreplace"))
    except CannotRedrive as error:
        return f"not shown: {error}"


def _plain(text: str) -> str:
    """What steers a terminal is shown, not done."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
