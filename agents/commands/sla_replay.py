"""`ebbwatch sla replay`: what other policies would make of a recorded feed, beside what was told at the time."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from msgspec import Struct

from agents.case_words import time_words, words_table
from agents.commands.times import time_ms
from agents.commands.wide import wide_console
from config.policies import Policies, PolicyError, load_policies, policy_digest
from models.alerts import instant
from models.case_replay import OPEN, CaseReplay, ClockKey
from models.complaint_rules import ComplaintRules, pinned_policies
from models.sla import Verdict, deadline
from models.verdict_diff import Difference, Judged, counts, differences, judge
from streams.case_feed import feed_lines
from streams.feed_reader import FeedError
from streams.ticking import EventClock

_TICK_MS = 60_000
_FILE = click.Path(path_type=Path, dir_okay=False)
_COLUMNS = ("met", "late", "breached", "cancelled", "superseded", "unknown", "open")


class _Replayed(Struct):
    """A feed as it was told, and as it is judged now."""

    replay: CaseReplay
    new: dict[ClockKey, Judged]
    found: list[Difference]
    lines: int
    refused: int


@click.command(context_settings={"show_default": True})
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--policies", "new_file", type=_FILE, required=True, help="The policies to try out.")
@click.option(
    "--against", "old_file", type=_FILE, help="The policies of the time.  [default: the policies that are shipped]"
)
@click.option("--until", "until_text", metavar="TIME", help="Let time pass until TIME.  [default: the latest event]")
@click.option("--diff", is_flag=True, help="List each clock whose verdict differs, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def replay(
    files: tuple[str, ...], new_file: Path, old_file: Path | None, until_text: str | None, diff: bool, as_json: bool
) -> None:
    """Judge the complaints of feed FILEs twice: as known then, and as now.

    As known then: the feed is folded in its order of arrival by the policies of the time, as a run would, and the first
    verdict on each clock counts. As now: everything is known, and the new policies hold. Nothing is written.
    """
    try:
        old, new = load_policies(old_file), load_policies(new_file)
        zone = ZoneInfo(old.bank.zone)
        until_ms = 0 if until_text is None else time_ms(until_text, zone)
        replayed = _replayed(list(files), old, new, until_ms)
    except (PolicyError, FeedError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(_document(replayed, old, new, diff=diff), ensure_ascii=False))
    else:
        _print(replayed, old, new, zone, diff=diff)


def _replayed(files: list[str], old: Policies, new: Policies, until_ms: int) -> _Replayed:
    told, clock = CaseReplay(old), EventClock(_TICK_MS, 0)
    lines = refused = latest_ms = 0
    for line in feed_lines(files, time.time_ns() // 1_000_000):
        lines += 1
        if line.event is None:
            refused += 1
            continue
        latest_ms = max(latest_ms, line.at_ms)
        if line.at_ms >= clock.next_ms:
            for tick_ms in clock.ticks_until(line.at_ms):
                told.tick(tick_ms)
        told.take(line.event, line.at_ms)
    told.tick(max(until_ms, latest_ms))
    told.end()
    judged = [judge(told.cases, ComplaintRules(pinned_policies(one)), told.clock_ms) for one in (old, new)]
    return _Replayed(told, judged[1], differences(told.first, *judged), lines, refused)


def _tallies(replayed: _Replayed) -> dict[tuple[str, str], dict[str, dict[str, int]]]:
    """By profile and clock, then and now, how many clocks stand how."""
    then = counts((key, word.verdict) for key, word in replayed.replay.first.items())
    now = counts((key, one.verdict) for key, one in replayed.new.items())
    return {
        name: {"then": _tally(then.get(name, Counter())), "now": _tally(now.get(name, Counter()))}
        for name in sorted({*then, *now})
    }


def _tally(found: Counter[Verdict]) -> dict[str, int]:
    stands = dict.fromkeys(_COLUMNS, 0)
    for verdict, number in found.items():
        stands["open" if verdict in OPEN else verdict.value] += number
    return stands


def _reasons(found: list[Difference]) -> Counter[str]:
    return Counter(" + ".join(one.reasons) for one in found)


def _print(replayed: _Replayed, old: Policies, new: Policies, zone: ZoneInfo, *, diff: bool) -> None:
    console = wide_console()
    if replayed.refused:
        click.echo(f"warning: {replayed.refused} of {replayed.lines} lines are refused", err=True)
    console.print(
        f"{len(replayed.replay.cases)} cases until {time_words(replayed.replay.clock_ms, zone)} ({zone.key});"
        f" then: policies {old.version} ({policy_digest(old)}), now: {new.version} ({policy_digest(new)})\n"
    )
    table = words_table("clock", "", *_COLUMNS)
    for column in table.columns[2:]:
        column.justify = "right"
    for (profile, clock), tallies in _tallies(replayed).items():
        for when, tally in tallies.items():
            name = f"{profile} / {clock}" if when == "then" else ""
            table.add_row(name, when, *(str(tally[column]) for column in _COLUMNS))
    console.print(table)
    reasons = ", ".join(f"{reason} {number}" for reason, number in _reasons(replayed.found).most_common())
    console.print(f"\n{len(replayed.found)} clocks are judged otherwise{f': {reasons}' if reasons else ''}")
    if replayed.found and diff:
        console.print()
        table = words_table("case", "customer", "clock", "cycle", "then", "told at", "now", "due", "reason")
        for one in replayed.found:
            table.add_row(
                one.key.case_id,
                one.key.customer_id,
                f"{one.key.profile} / {one.key.clock}",
                str(one.key.cycle),
                "-" if one.then is None else one.then.verdict.value,
                "-" if one.then is None else time_words(one.then.at_ms, zone),
                "-" if one.now is None else one.now.verdict.value,
                "-" if one.now is None else time_words(deadline(one.now.run), zone),
                " + ".join(one.reasons),
            )
        console.print(table)


def _document(replayed: _Replayed, old: Policies, new: Policies, *, diff: bool) -> dict[str, Any]:
    found = {
        "until": _iso(replayed.replay.clock_ms),
        "lines": replayed.lines,
        "refused": replayed.refused,
        "cases": len(replayed.replay.cases),
        "then": {"version": old.version, "digest": policy_digest(old)},
        "now": {"version": new.version, "digest": policy_digest(new)},
        "clocks": [
            {"profile": profile, "clock": clock, **tallies} for (profile, clock), tallies in _tallies(replayed).items()
        ],
        "different": len(replayed.found),
        "reasons": dict(_reasons(replayed.found)),
    }
    if diff:
        found["differences"] = [_difference(one) for one in replayed.found]
    return found


def _difference(one: Difference) -> dict[str, Any]:
    due_ms = None if one.now is None else deadline(one.now.run)
    return {
        **one.key._asdict(),
        "then": None if one.then is None else one.then.verdict.value,
        "told_at": None if one.then is None else _iso(one.then.at_ms),
        "now": None if one.now is None else one.now.verdict.value,
        "due_at": None if due_ms is None else _iso(due_ms),
        "reasons": list(one.reasons),
    }


def _iso(at_ms: int) -> str:
    return instant(at_ms).isoformat()
