"""``ebbwatch simulate``: a seeded bank as a feed file, with the ground truth beside it."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from streams.simulator import SimulationParameters, Truth
from streams.simulator import simulate as live_all

Item = TypeVar("Item")
Command = TypeVar("Command", bound=Callable[..., object])
_DEFAULTS = SimulationParameters()
_REPORT_EVERY = 1_000
_SHARE = click.FloatRange(0.0, 1.0)


def _share(name: str, meaning: str) -> Callable[[Command], Command]:
    default = getattr(_DEFAULTS, name.replace("-", "_"))
    return click.option(f"--{name}", type=_SHARE, default=default, show_default=True, help=meaning)


@click.command(short_help="Write the events of a simulated bank, and what is true about them.")
@click.option(
    "--customers",
    type=click.IntRange(min=1),
    default=_DEFAULTS.customers,
    show_default=True,
    help="How many customers.",
)
@click.option("--days", type=click.IntRange(min=1), default=_DEFAULTS.days, show_default=True, help="How many days.")
@click.option("--seed", type=int, default=_DEFAULTS.seed, show_default=True, help="Another seed, another bank.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default=_DEFAULTS.start.isoformat(),
    show_default=True,
    help="First local day (Asia/Shanghai).",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where the events go (NDJSON): gzipped when the name ends in .gz; standard output when left out or '-'.",
)
@click.option(
    "--truth",
    "truth_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the ground truth goes (JSON): who leaves, decoys, repeated inquiries, complaint clocks.",
)
@_share("attrition-rate", "Share of average customers who begin to leave within 90 days.")
@_share("decoy-rate", "Share of customers who look like leaving within 90 days, and stay.")
@_share("complaint-rate", "Spontaneous complaints within 90 days, per customer.")
@_share("episode-rate", "Repeated inquiries within 90 days, per customer who does not leave over them.")
@_share("late-share", "Share of complaint steps that are late.")
@_share("process-failure-share", "Share of cases with a breach of the complaint process.")
@_share("newcomer-share", "Share of customers who join within the simulated time.")
@_share("core-share", "Share of customers in the tier 'core'.")
@_share("potential-share", "Share of customers in the tier 'potential'; the rest is 'basic'.")
@click.option(
    "--activity",
    type=click.FloatRange(0.0, 10.0, min_open=True),
    default=_DEFAULTS.activity,
    show_default=True,
    help="Factor on what every customer does.",
)
@click.option(
    "--drift-day",
    type=click.IntRange(min=0),
    help="From this day on (0 = first) customers leave for other reasons, and some signals mean their opposite.",
)
def simulate(start: datetime, output: str | None, truth_path: Path | None, **settings: float | None) -> None:
    """Write the events of a simulated bank, and what is true about them.

    The same options give the same bytes on every machine. The events of all feeds come in time order in one file.
    """
    if output is None and sys.stdout.isatty():
        raise click.UsageError("Say where the events go: '-o FILE', or '-o -' for this terminal.")
    try:
        parameters = msgspec.convert({**settings, "start": start.date()}, SimulationParameters)
    except msgspec.ValidationError as error:
        raise click.UsageError(str(error)) from error
    try:
        truth = _write(parameters, output or "-", truth_path)
    except BrokenPipeError:
        raise  # the reader of our standard output has seen enough; click ends quietly
    except OSError as error:
        raise click.ClickException(f"{error.filename or output}: {error.strerror}") from error
    for line in summary(truth):
        click.echo(line, err=True)


def _write(parameters: SimulationParameters, output: str, truth_path: Path | None) -> Truth:
    from streams.feed_files import write_feed

    with _progress() as bars:
        lives = bars.add_task("lives", total=parameters.customers)
        with live_all(parameters, progress=lambda done: bars.update(lives, completed=done)) as simulation:
            writing = bars.add_task("events", total=simulation.event_count)
            write_feed(output, _counted(simulation.events(), lambda done: bars.update(writing, completed=done)))
            if truth_path is not None:
                truth_path.write_bytes(msgspec.json.format(msgspec.json.encode(simulation.truth), indent=1) + b"\n")
            return simulation.truth


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars on a terminal's standard error; nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        yield bars


def _counted(items: Iterable[Item], report: Callable[[int], None]) -> Iterator[Item]:
    for done, item in enumerate(items, 1):
        yield item
        if done % _REPORT_EVERY == 0:
            report(done)


def summary(truth: Truth) -> list[str]:
    """What the simulation holds, a line for each kind of thing."""
    events = truth.events_by_type
    gone = [attriter for attriter in truth.attriters if attriter.attrited_at is not None]
    late = sum(1 for case in truth.cases if case.late or case.planted_late_steps)
    return [
        f"events         {sum(events.values()):>9,}  {_listed(events)}",
        f"customers      {truth.parameters.customers:>9,}  "
        f"{len(truth.newcomers):,} joined within {truth.parameters.days} days",
        f"leaving        {len(truth.attriters):>9,}  {len(gone):,} gone before the end: "
        f"{_listed(Counter(attriter.kind for attriter in gone))}",
        f"decoys         {len(truth.decoys):>9,}  {_listed(Counter(decoy.kind for decoy in truth.decoys))}",
        f"inquiries      {len(truth.episodes):>9,}  planted episodes, led to: "
        f"{_listed(Counter(episode.led_to for episode in truth.episodes))}",
        f"complaints     {len(truth.cases):>9,}  {late:,} of them late in something",
    ]


def _listed(counts: dict[str, int] | Counter[str]) -> str:
    return ", ".join(
        f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
