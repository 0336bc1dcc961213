"""`ebbwatch sla check`: can these policy files be used, and do they say what their author means?"""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.table import Table

from agents.commands.wide import wide_console
from agents.policy_lints import policy_lints
from agents.policy_words import (
    conditions_words,
    counting_words,
    pauses_words,
    target_words,
    tests_words,
    warnings_words,
)
from config.complaint_policies import Complaints, ProfilePolicy
from config.policies import Policies, PolicyError, load_policies, policy_digest

HORIZON_DAYS = 60
"""Days before the end of a calendar at which its days should have been brought up to date."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--step", "steps", multiple=True, help="A step of your own that your systems report; may be repeated.")
@click.option("--extension", "extensions", multiple=True, help="An extension that somebody grants; may be repeated.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day from which days left are counted.", show_default="today"
)
def check(files: tuple[Path, ...], steps: tuple[str, ...], extensions: tuple[str, ...], as_of: datetime | None) -> None:
    """Say whether FILES can be used, and print the promises that they make.

    What is valid and yet most likely a mistake is printed as a warning on standard error. The exit status is 1 when a
    file cannot be used.
    """
    refused = 0
    for file in files:
        try:
            policies = load_policies(file)
        except PolicyError as error:
            refused += 1
            click.echo(f"Error: {error}", err=True)
            continue
        click.echo(f"{file}: version {policies.version}, digest {policy_digest(policies)}: ok\n")
        _print_profiles(policies.complaints)
        _print_selection(policies.complaints)
        ending = _print_calendars(policies, (as_of or datetime.now(ZoneInfo(policies.bank.zone))).date())
        for warning in [*ending, *policy_lints(policies, frozenset(steps), frozenset(extensions))]:
            click.echo(f"{file}: warning: {warning}", err=True)
    if refused:
        raise click.exceptions.Exit(1)


def _print_profiles(complaints: Complaints) -> None:
    for profile in complaints.profiles:
        click.echo(f"profile {profile.name} from {profile.valid_from}: {profile.title} ({profile.title_zh})")
        click.echo(f"  {profile.source}; a breach is {_breach_words(profile)}")
        if profile.clocks:
            table = _table("clock", "starts", "stops", "is cancelled", "target", "counts", "pauses", "warns", "source")
            for clock in profile.clocks:
                table.add_row(
                    clock.name,
                    conditions_words(clock.start),
                    conditions_words(clock.stop),
                    conditions_words(clock.cancel),
                    target_words(clock),
                    counting_words(clock),
                    pauses_words(clock),
                    warnings_words(clock),
                    clock.source,
                )
            wide_console().print(table)
        if profile.requirements:
            table = _table("requirement", "is asked at", "of cases with", "needs", "within", "severity", "source")
            for one in profile.requirements:
                when = [tests_words(one.when)] if one.when else []
                given = [f"{conditions_words(one.given, 'and')} before"] if one.given else []
                table.add_row(
                    one.name,
                    conditions_words(one.at),
                    "; ".join([*when, *given]) or "-",
                    conditions_words(one.needs, "and"),
                    f"{one.wait_minutes:g} min",
                    one.severity,
                    one.source,
                )
            wide_console().print(table)
        click.echo()


def _print_selection(complaints: Complaints) -> None:
    if not complaints.selection:
        return
    table = _table("selection", "cases with", "profiles")
    for number, entry in enumerate(complaints.selection):
        when = tests_words(entry.when)
        table.add_row(str(number), when or "anything", ", ".join(entry.profiles))
    wide_console().print(table)
    click.echo()


def _print_calendars(policies: Policies, today: date) -> list[str]:
    """Print how far each calendar reaches; sentences about those that end soon."""
    if not policies.calendars:
        return []
    used = {clock.calendar for profile in policies.complaints.profiles for clock in profile.clocks}
    ending: list[str] = []
    table = _table("calendar", "zone", "first", "until", "days left", "source")
    for name, calendar in policies.calendars.items():
        left = (calendar.until - today).days
        table.add_row(name, calendar.zone, str(calendar.first), str(calendar.until), str(max(left, 0)), calendar.source)
        if left < HORIZON_DAYS and name in used:
            ending.append(f"calendars.{name}: ends on {calendar.until}, {_left_words(left)}")
    wide_console().print(table)
    click.echo()
    return ending


def _left_words(left: int) -> str:
    if left < 0:
        return f"{-left} days ago: no deadline can be told"
    return f"in {left} days: deadlines behind it cannot be told"


def _breach_words(profile: ProfilePolicy) -> str:
    breach = profile.breach
    tiers = {"core": breach.core, "potential": breach.potential, "basic": breach.basic}
    critical = [tier for tier, severity in tiers.items() if severity == "critical"]
    if len(critical) == len(tiers):
        return "critical"
    words = f"critical for {', '.join(critical)}, else a warning" if critical else "a warning"
    return f"{words}, critical when overrun by {profile.overrun_percent:g} %"


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for column in table.columns:
        column.overflow = "fold"
    return table
