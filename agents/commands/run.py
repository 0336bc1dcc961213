"""`ebbwatch run`: the main job on files or standard input."""

import asyncio
import contextlib
import logging
import signal
import time
from pathlib import Path

import click
from prometheus_client import start_http_server
from rich.console import Console

from agents.live_view import LiveView
from agents.summary import print_summary, warnings
from config.policies import PolicyError, load_policies
from config.settings import Settings, SettingsError
from models.context import Fate
from streams.damage import DAMAGE, what_is_damaged
from streams.embedded import DirectoryInUse, EmbeddedOptions, EmbeddedRun
from streams.feed_reader import STDIN, FeedError
from streams.garbage import tune_garbage_collection
from streams.ledger import LedgerMismatch
from streams.logs import start_logging
from streams.ndjson_sink import OutputFileError
from streams.pseudonyms import Pseudonymiser
from streams.run_report import RunReport
from streams.stores.base import StoreError

logger = logging.getLogger("ebbwatch.run")

DEFAULT_METRICS_PORT = 9464
DIRECTORY = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
_LOG_EVERY_S = 5.0
_USER_ERRORS = (DirectoryInUse, FeedError, LedgerMismatch, PolicyError, SettingsError, StoreError, OutputFileError)


@click.command(context_settings={"show_default": True})
@click.option("--embedded", is_flag=True, help="Run in this process alone: no broker, no server.")
@click.option("--data", type=DIRECTORY, required=True, help="Where the ledger, the state and out/ are kept.")
@click.option("--policies", type=FILE, help="Policy file.  [default: the policies that are shipped]")
@click.option(
    "--clock",
    type=click.Choice(["auto", "event", "wall"]),
    default="auto",
    help="Where ticks come from: event time for recorded input, wall time for live input; auto is wall for `-`.",
)
@click.option("--tick-every", type=click.IntRange(1, 86_400), default=60, help="Seconds of event time between ticks.")
@click.option("--shards", type=click.IntRange(1, 256), help="Shards of a new data directory.  [default: 1]")
@click.option("--batch", type=click.IntRange(1, 1_000_000), default=16_384, help="Most lines in a micro-batch.")
@click.option("--cache", type=click.IntRange(1, 100_000_000), default=100_000, help="Customers kept decoded.")
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_METRICS_PORT,
    help="Prometheus metrics on loopback; 0: none.",
)
@click.option("--plain", is_flag=True, help="Logs instead of the live view, on a terminal too.")
@click.argument("feeds", nargs=-1, required=True, metavar="FILE...")
def run(
    embedded: bool,
    data: Path,
    policies: Path | None,
    clock: str,
    tick_every: int,
    shards: int | None,
    batch: int,
    cache: int,
    metrics_port: int,
    plain: bool,
    feeds: tuple[str, ...],
) -> None:
    """Watch the events of FILE... (NDJSON, plain or .gz; directories; `-` for standard input).

    State, ledger and outputs are kept in --data. Run again with the same --data to go on: what was read before is not
    read again.
    """
    if not embedded:
        raise click.UsageError("say --embedded: there is no other way to run yet")
    try:
        options = EmbeddedOptions(
            data=data,
            feeds=list(feeds),
            policies=load_policies(policies),
            shards=shards,
            batch_records=batch,
            cache_customers=cache,
            tick_every_s=tick_every,
            live=clock == "wall" or (clock == "auto" and STDIN in feeds),
            pseudonymiser=pseudonymiser(settings := Settings()),
        )
        start_logging(settings.log_level)
        report = run_embedded(options, metrics_port, plain)
    except _USER_ERRORS as error:
        raise click.ClickException(str(error)) from None
    except DAMAGE as error:
        raise click.ClickException(what_is_damaged(data, error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or data}: {error.strerror}") from None
    if Console().is_terminal and not plain:
        print_summary(Console(), report, data)


def pseudonymiser(settings: Settings) -> Pseudonymiser | None:
    """The pseudonymiser that the settings ask for, if they do; raises `SettingsError` for a key that is too short."""
    if settings.pseudonym_key is None:
        return None
    try:
        return Pseudonymiser(settings.pseudonym_key)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def run_embedded(options: EmbeddedOptions, metrics_port: int, plain: bool, title: str = "ebbwatch") -> RunReport:
    """Run to the end, with the live view on a terminal and logs elsewhere; SIGINT and SIGTERM end it in good order."""
    tune_garbage_collection()
    job = EmbeddedRun(options)
    console = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        if metrics_port:
            _serve_metrics(job, metrics_port)
        after_batch = _LogProgress(job.report)
        if console.is_terminal and not plain:
            stack.enter_context(LiveView(job.report, console, title))
            after_batch.quiet = True
        report = asyncio.run(_run(job, after_batch))
    after_batch.log("run ended", options.data)
    return report


async def _run(job: EmbeddedRun, after_batch: "_LogProgress") -> RunReport:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, job.stop)
    return await job.run(after_batch)


def _serve_metrics(job: EmbeddedRun, port: int) -> None:
    try:
        start_http_server(port, addr="127.0.0.1", registry=job.metrics.registry)
    except OSError as error:
        logger.warning("metrics are not served", extra={"fields": {"port": port, "why": error.strerror}})


class _LogProgress:
    """Logs how far the run is, every few seconds."""

    def __init__(self, report: RunReport) -> None:
        self._report = report
        self._logged_s = time.monotonic()
        self.quiet = False

    def __call__(self) -> None:
        now_s = time.monotonic()
        if now_s - self._logged_s >= _LOG_EVERY_S:
            self._logged_s = now_s
            self.log("running")

    def log(self, message: str, data: Path | None = None) -> None:
        """One line of counts, unless someone is looking at the live view."""
        if self.quiet:
            return
        report = self._report
        fields = {
            "lines": report.lines,
            "folded": report.fates[Fate.FOLDED],
            "dead_letters": report.refused.total(),
            "refused": {reason.value: count for reason, count in sorted(report.refused.items())},
            "behind_the_clock": report.behind_the_clock,
            "duplicate_events": report.fates[Fate.DUPLICATE_EVENT],
            "lines_read_before": report.skipped_lines,
            "alerts": report.alerts.total(),
            "seconds": round(report.elapsed_s, 1),
        }
        for warning in warnings(report, data) if data is not None else ():
            logger.warning(warning)
        logger.info(message, extra={"fields": fields})
