"""`ebbwatch demo`: simulate a bank, run the main job on it, and say what there is to see."""

import shutil
from pathlib import Path

import click
from rich.console import Console

from agents.commands.run import run_embedded
from agents.demo_truth import print_truth
from agents.summary import print_summary
from config.policies import load_policies
from streams.embedded import EmbeddedOptions
from streams.feed_files import write_feed
from streams.logs import start_logging
from streams.simulator import SimulationParameters, simulate


@click.command()
@click.option(
    "--customers", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="Customers simulated."
)
@click.option("--days", type=click.IntRange(7, 3650), default=120, show_default=True, help="Days simulated.")
@click.option("--seed", type=int, default=7, show_default=True, help="Seed of the simulation.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-data"),
    show_default=True,
    help="Where everything is written; made anew.",
)
def demo(customers: int, days: int, seed: int, data: Path) -> None:
    """Run the main job on a simulated bank, as fast as it goes."""
    console = Console()
    mark = data / ".ebbwatch-demo"
    if data.is_symlink() or (data.exists() and not mark.exists() and any(data.iterdir())):
        raise click.ClickException(f"{data} holds something that no demo has written; choose another --data")
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    mark.touch()
    feed = data / "events.ndjson.gz"
    console.print(f"Simulating a bank: {customers:,} customers, {days} days, seed {seed} ...")
    with simulate(SimulationParameters(customers=customers, days=days, seed=seed)) as bank:
        written = write_feed(str(feed), bank.events())
        truth = bank.truth
    console.print(f"{written:,} events written to {feed}.")
    console.print(f"Running: ebbwatch run --embedded --data {data / 'run'} {feed}")
    start_logging("WARNING")
    options = EmbeddedOptions(data=data / "run", feeds=[str(feed)], policies=load_policies())
    report = run_embedded(options, metrics_port=0, plain=False, title=f"ebbwatch demo: {customers:,} customers")
    print_summary(console, report, data / "run")
    print_truth(console, data / "run", truth)
