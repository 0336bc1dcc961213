"""The closing summary of a run: what was seen, what was raised, where to look next."""

import os
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.alerts import ALERT_STATES
from models.context import ClockEvent, Fate
from streams.run_report import RunReport


def print_summary(console: Console, report: RunReport, data: Path) -> None:
    """Print the summary of a finished run over the directory `data`."""
    folded = report.fates[Fate.FOLDED]
    console.print()
    console.print(
        f"[bold]{folded:,}[/] events folded in {report.elapsed_s:,.1f} s"
        f" ([bold]{folded / max(report.elapsed_s, 1e-9):,.0f}[/] a second)."
    )
    if report.skipped_lines:
        console.print(f"{report.skipped_lines:,} lines had been read before and were not read again.")
    if report.fates[Fate.DUPLICATE_EVENT]:
        console.print(f"{report.fates[Fate.DUPLICATE_EVENT]:,} events had an id seen before and changed nothing.")
    if report.refused:
        refused = ", ".join(f"{count:,} {reason.value}" for reason, count in report.refused.most_common())
        console.print(f"Refused: {refused}.")
    for warning in warnings(report, data):
        console.print(f"[yellow]{escape(warning)}[/]")
    _print_alerts(console, report)
    _print_promises(console, report)
    out = data / "out"
    command = _command()
    console.print("\nWhere to look next:")
    console.print(f"  {out / 'alerts.ndjson'}  every alert with its figures and evidence")
    if report.refused:
        console.print(f"  {out / 'dead-letters.ndjson'}  what was refused, and why")
    console.print(f"  {command} status --data {data}  the shards, and who is losing most right now")
    console.print(f"  {command} verify --data {data}  replay the ledger and compare")


def warnings(report: RunReport, data: Path) -> list[str]:
    """What whoever started a run should know about how it ended."""
    found = []
    if report.refused:
        letters = data / "out" / "dead-letters.ndjson"
        found.append(f"{report.refused.total():,} records were refused; {letters} says why")
    if report.unfinished_lines:
        found.append(f"{report.unfinished_lines} unfinished last lines were left for the next run")
    if report.behind_the_clock > 0.01 * report.accepted:
        found.append(
            f"{report.behind_the_clock:,} events were days older than the clock, so they hardly raised anything:"
            " recorded input wants --clock event, feeds in time order, and a --data of its own"
        )
    if report.outputs_missing:
        found.append(
            f"{data / 'out'} holds less than was delivered to it; alerts can be written again: move alerts.ndjson away,"
            " delete state.sqlite3 and run again"
        )
    return found


def _command() -> str:
    """How to call this program from where the user stands."""
    return "ebbwatch" if shutil.which("ebbwatch") else os.path.relpath(sys.argv[0])


def _print_alerts(console: Console, report: RunReport) -> None:
    rules = sorted({rule for rule, _ in report.alerts})
    if not rules:
        console.print("No alerts.")
        return
    table = Table(title="Alerts", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("rule")
    for state in ALERT_STATES:
        table.add_column(state, justify="right")
    for rule in rules:
        table.add_row(rule, *(f"{report.alerts[rule, state]:,}" for state in ALERT_STATES))
    console.print(table)
    for alert in list(report.latest)[-3:]:
        what = f"{alert.rule} {alert.state}: {alert.customer_id}: {alert.summary}"
        console.print(f"  [dim]{alert.at:%Y-%m-%d %H:%M}[/] {escape(what)}")


def _print_promises(console: Console, report: RunReport) -> None:
    """What became of complaint clocks in this run; what is open and overdue is so whenever it began."""
    names = sorted({(profile, clock) for profile, clock, _ in report.clocks} | set(report.overdue))
    if not report.clocks and not any(report.overdue.values()):
        return
    table = Table(title="\nPromises to complaining customers", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("profile")
    table.add_column("clock")
    for column in ("met", "late", "breached, open", "retracted"):
        table.add_column(column, justify="right")
    for name in names:
        met, late, retracted = (
            report.clocks[*name, event] for event in (ClockEvent.MET, ClockEvent.LATE, ClockEvent.RETRACTED)
        )
        counts = (met, late, report.overdue.get(name, 0), retracted)
        if any(counts):
            table.add_row(*name, *(f"{count:,}" for count in counts))
    console.print(table)
