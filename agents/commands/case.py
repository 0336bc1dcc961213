"""`ebbwatch case`: what is known of one complaint case, and what has been told about it."""

import asyncio
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.table import Table

from agents.case_words import (
    amount_share_words,
    asked_verdict,
    said_words,
    share_words,
    steps_table,
    time_words,
    view_zone,
    words_table,
)
from agents.commands.data_directory import data_option
from agents.commands.run import pseudonymiser
from agents.commands.wide import wide_console
from config.settings import Settings
from models import sla
from models.case_alerts import PROCESS_RULE, SLA_RULE, Level, case_alert_id
from models.case_state import Told
from models.case_verdict import CaseVerdict, LateStep
from models.case_view import CaseView, view
from models.events import epoch_ms
from models.sla import ClockRun
from streams.case_lookup import WatchedCase, find_case

_UTC = ZoneInfo("UTC")


@click.group()
def case() -> None:
    """Look into complaint cases."""


@case.command()
@data_option
@click.argument("case_id", metavar="CASE_ID")
@click.option("--customer", "customer_id", metavar="ID", help="Whose case it is; without, every customer is looked at.")
def show(data: Path, case_id: str, customer_id: str | None) -> None:
    """Show the case CASE_ID of an embedded run: its steps, every promise on it, and what has been told.

    A case that has left is shown by its last word. Ids are the bank's own where the pseudonym key is in the
    environment. The live store (Redis) is not looked into; there, consumers of ebbwatch.alerts and ebbwatch.cases know.
    """
    names = pseudonymiser(Settings())
    if names is not None:
        case_id = names.pseudonym("case_id", case_id)
        customer_id = None if customer_id is None else names.pseudonym("customer_id", customer_id)
    found = asyncio.run(find_case(data, case_id, customer_id))
    if not (found.watched or found.left or found.late):
        raise click.ClickException("no case of that id is watched, and none has left")
    for last in found.left:
        _show_last_word(last)
    if found.late:
        _show_late_steps(found.late)
    for held in found.watched:
        _show_watched(held)


def _show_watched(held: WatchedCase) -> None:
    console, seen = wide_console(), view(held.case, held.rules)
    zone, now_ms = view_zone(seen), max(held.clock_ms, held.case.milestones[-1].at_ms)
    line = seen.line
    profiles = ", ".join(f"{one.name} (from {one.policy.valid_from})" for one in seen.profiles)
    console.print(
        f"Case {held.case.case_id} of {held.customer_id}, {held.case.tier}: {line.state}, cycle {line.cycles - 1}"
    )
    console.print(
        f"as of {time_words(now_ms, zone)}, in the time of {zone.key}; policies {held.rules.version};"
        f" profiles: {profiles or 'none, so nothing is promised'}"
    )
    console.print(f"known: {said_words(line.known) or 'nothing'}")
    odd = {"unknown": line.unknown, "contradictory": line.contradictory, "found no room": held.case.dropped}
    told = ", ".join(f"{number} {what}" for what, number in odd.items() if number)
    receipt = "; the receipt is inferred" if line.inferred else ""
    console.print(f"{len(held.case.milestones)} steps{f', {told}' if told else ''}{receipt}\n")
    console.print(steps_table(held.case.milestones, seen, zone, frozenset()))
    if seen.runs:
        console.print()
        console.print(_clocks_table(held, seen, now_ms, zone))
    started = {run.clock.key for _, run in seen.runs}
    waiting = [one.key for profile in seen.profiles for one in profile.clocks if one.key not in started]
    if waiting:
        console.print(f"\nnot started: {', '.join(key.replace('/', ' / ') for key in waiting)}")
    if seen.asked:
        console.print()
        console.print(_requirements_table(held, seen, now_ms, zone))
    for told in _told_of_nothing(held, seen):
        console.print(f"\ntold of what is no more: {told}")
    if held.case.due_ms:
        console.print(f"\nlooked at again at {time_words(held.case.due_ms, zone)}, if nothing is heard before")


def _clocks_table(held: WatchedCase, seen: CaseView, now_ms: int, zone: ZoneInfo) -> Table:
    table = words_table("clock", "cycle", "verdict", "started", "due", "ended", "used", "warnings", "told")
    for _, run in seen.runs:
        told = held.case.told_of(run.key)
        until_ms = now_ms if run.ended_ms is None else run.ended_ms
        table.add_row(
            f"{run.clock.profile} / {run.clock.policy.name}",
            str(run.cycle),
            sla.verdict(run, now_ms).value,
            time_words(run.started_ms, zone),
            time_words(sla.deadline(run), zone),
            time_words(run.ended_ms, zone),
            share_words(run.clock, sla.used(run, until_ms), run.target),
            _warnings_words(run, told, now_ms, zone),
            _told_words(held, SLA_RULE, run.key, told),
        )
    return table


def _requirements_table(held: WatchedCase, seen: CaseView, now_ms: int, zone: ZoneInfo) -> Table:
    table = words_table("requirement", "cycle", "asked at", "judged at", "verdict", "told")
    for profile, asked in seen.asked:
        table.add_row(
            f"{profile.name} / {asked.demand.policy.name}",
            str(asked.cycle),
            time_words(asked.asked_ms, zone),
            time_words(asked.judged_ms, zone),
            asked_verdict(asked, now_ms),
            _told_words(held, PROCESS_RULE, asked.key, held.case.told_of(asked.key)),
        )
    return table


def _told_of_nothing(held: WatchedCase, seen: CaseView) -> list[str]:
    """What was told of clocks and requirements that a step heard since has undone."""
    there = {run.key for _, run in seen.runs} | {asked.key for _, asked in seen.asked}
    clocks = {f"{profile.name}/{one.name}" for profile in seen.rules.policy.profiles for one in profile.clocks}
    found = []
    for told in held.case.told:
        if told.key not in there and told.revision:
            rule = SLA_RULE if told.key.rsplit("/", 1)[0] in clocks else PROCESS_RULE
            found.append(f"{told.key}: {_told_words(held, rule, told.key, told)}")
    return found


def _warnings_words(run: ClockRun, told: Told | None, now_ms: int, zone: ZoneInfo) -> str:
    given = told.warned if told is not None else 0
    words = [f"{given} given"] if given else []
    if not run.end and run.broken_ms is None:
        to_come = [at_ms for at_ms in sla.warning_times(run) if at_ms > now_ms]
        words += [f"next {time_words(to_come[0], zone)}"] if to_come else []
    return ", ".join(words) or "-"


def _told_words(held: WatchedCase, rule: str, key: str, told: Told | None) -> str:
    if told is None or not told.revision:
        return "-"
    identity = case_alert_id(rule, held.customer_id, held.case, key)
    level = Level(told.level)
    words = "open" if told.open else "closed"
    if level is not Level.NONE:
        words = f"{words}, {level.name.lower().replace('_', ' ')}"
    return f"alert {identity} revision {told.revision}: {words}"


def _show_last_word(last: CaseVerdict) -> None:
    console = wide_console()
    console.print(
        f"Case {last.case_id} of {last.customer_id}, {last.tier}: left {time_words(epoch_ms(last.at), _UTC)} UTC as"
        f" {last.ended}; policies {last.policy_version} ({last.policy_digest})"
    )
    closed = "" if last.closed_at is None else f", closed {time_words(epoch_ms(last.closed_at), _UTC)}"
    inferred = " (inferred)" if last.inferred else ""
    console.print(f"opened {time_words(epoch_ms(last.opened_at), _UTC)}{inferred}{closed}; {last.cycles} cycles")
    odd = {"unknown": last.unknown, "contradictory": last.contradictory, "found no room": last.dropped}
    told = ", ".join(f"{number} {what}" for what, number in odd.items() if number)
    console.print(f"{last.steps} steps{f', {told}' if told else ''}; times are UTC\n")
    table = words_table("clock", "cycle", "verdict", "started", "due", "ended", "used", "extensions")
    for one in last.clocks:
        due, ended = one.due_at, one.ended_at
        table.add_row(
            f"{one.profile} / {one.clock}",
            str(one.cycle),
            one.verdict,
            time_words(epoch_ms(one.started_at), _UTC),
            time_words(None if due is None else epoch_ms(due), _UTC),
            time_words(None if ended is None else epoch_ms(ended), _UTC),
            amount_share_words(one.used, one.target, one.unit),
            ", ".join(one.extensions) or "-",
        )
    if last.clocks:
        console.print(table)
    if last.requirements:
        table = words_table("requirement", "cycle", "asked at", "verdict")
        for asked in last.requirements:
            name = f"{asked.profile} / {asked.requirement}"
            table.add_row(name, str(asked.cycle), time_words(epoch_ms(asked.asked_at), _UTC), asked.verdict)
        console.print()
        console.print(table)
    console.print()


def _show_late_steps(late: list[LateStep]) -> None:
    console = wide_console()
    table = words_table("step", "at (UTC)", "customer")
    for one in late:
        table.add_row(one.step, time_words(epoch_ms(one.at), _UTC), one.customer_id)
    console.print("Heard after the case had left, and judged by nobody:")
    console.print(table)
    console.print()
