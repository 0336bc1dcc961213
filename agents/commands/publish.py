"""`ebbwatch publish`: feed files into the feed topics, as fast as it goes or at the speed of a film."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from agents.commands.broker import broker_command
from config.settings import KafkaSettings, Settings
from models.alerts import instant
from streams.feed_reader import FeedError
from streams.feed_source import FeedSource
from streams.kafka_connection import aiokafka_options, open_admin
from streams.names import FEED_TOPICS
from streams.offsets import partitions_of
from streams.pace import Pace
from streams.publisher import DeliveryFailed, Published, Publisher
from streams.topic_rules import CREATE

_INTERRUPTED = 130
_POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command(short_help="Send feed files to the feed topics, as fast as it goes or at a pace.")
@click.option("--speed", type=_POSITIVE, help="Seconds of event time in a second: 86400 is a day a second.")
@click.option("--rate", type=_POSITIVE, help="Most lines a second.")
@click.option("--limit", type=click.IntRange(1), help="Stop after this many lines.")
@click.argument("feeds", nargs=-1, required=True, metavar="FILE...")
@broker_command
@click.pass_context
def publish(
    context: click.Context,
    settings: Settings,
    speed: float | None,
    rate: float | None,
    limit: int | None,
    feeds: tuple[str, ...],
) -> None:
    """Send the lines of FILE... (NDJSON, plain or .gz; directories; `-` for standard input) to the feed topics.

    Each line goes as it is to the topic of its type, keyed by its customer; several files are merged by time. A line
    that is no event goes too, to be filed as a dead letter. Everything is confirmed by the brokers; Ctrl-C stops.
    """
    partitions = _feed_partitions(settings.kafka)
    publisher = Publisher(aiokafka_options(settings.kafka), partitions, Pace(speed, rate), limit)
    try:
        source = FeedSource(list(feeds))
        asyncio.run(_run(publisher, source))
    except (DeliveryFailed, FeedError) as error:
        click.echo(_summary(publisher.report), err=True)
        raise click.ClickException(f"{error}; the lines counted above are confirmed") from None
    click.echo(_summary(publisher.report))
    if publisher.report.interrupted:
        context.exit(_INTERRUPTED)


def _feed_partitions(kafka: KafkaSettings) -> dict[str, int]:
    admin = open_admin(kafka)
    try:
        partitions = {topic: len(partitions_of(admin, topic)) for topic in FEED_TOPICS.values()}
    finally:
        admin.close()
    missing = [topic for topic, count in partitions.items() if not count]
    if missing:
        raise click.ClickException(f"there is no topic {', '.join(missing)}: run `{CREATE}`")
    return partitions


async def _run(publisher: Publisher, source: FeedSource) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, publisher.stop)
    with _bar(publisher.report, source) as show:
        await publisher.run(source, show)


class _Show:
    """Moves the bar; on anything but a terminal it does nothing."""

    def __init__(self, bars: Progress, report: Published, source: FeedSource) -> None:
        self._bars, self._report, self._source = bars, report, source
        self._task = bars.add_task("", total=None if source.share_read is None else 1.0, lines="", clock="")

    def __call__(self) -> None:
        report, share = self._report, self._source.share_read
        clock = f"{instant(report.clock_ms):%Y-%m-%d %H:%M} UTC" if report.clock_ms else ""
        self._bars.update(
            self._task,
            total=None if share is None else 1.0,
            completed=share,
            lines=f"{report.lines:,} lines",
            clock=clock,
        )


@contextlib.contextmanager
def _bar(report: Published, source: FeedSource) -> Iterator[_Show]:
    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TaskProgressColumn(show_speed=False),
        TextColumn("{task.fields[lines]}"),
        TextColumn("{task.fields[clock]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        yield _Show(bars, report, source)


def _summary(report: Published) -> str:
    rate = report.lines / report.seconds if report.seconds else 0.0
    lines = [f"published {report.lines:,} lines in {report.seconds:.1f} s ({rate:,.0f} a second)"]
    lines += [f"  {topic} {count:,}" for topic, count in sorted(report.by_topic.items())]
    if report.without_customer:
        lines.append(f"  {report.without_customer:,} of them are no events, and will be filed as dead letters")
    if report.interrupted:
        lines.append("  interrupted: not all of the feeds was sent")
    return "\n".join(lines)
