"""What `ebbwatch explain` prints: the score and its parts, the alert, the observations, and what moved it."""

from zoneinfo import ZoneInfo

from rich.console import Console

from agents.case_words import time_words, words_table
from agents.churn_words import (
    GONE_WORDS,
    GROUP_WORDS,
    figure_words,
    instant_words,
    score_words,
    share_words,
    told_words,
)
from models import churn_risk
from models.alerts import find
from models.churn_explained import Explained
from models.churn_moves import Move
from models.feature_list import STANDARD_SET
from models.feature_schema import Group
from models.rules import ChurnRules
from streams.churn_story import Story

_SHOWN = 3
_LEAST = 0.005
"""A feature that adds less is not shown among the strongest."""
_MOST_MOVES = 12
_MOST_WHAT_IF = 3


def print_story(console: Console, story: Story, zone: ZoneInfo, *, everything: bool) -> None:
    """Print everything about one customer's score; `everything`: with the features and moves that hardly count."""
    customer, churn, explained = story.customer, story.rules.churn, story.explained
    console.print(
        f"Customer {customer.customer_id}: {customer.tier}, {customer.stage}; {_standing(story, churn, zone)}"
    )
    learnt = f"{story.model.learnt:,} labels" if story.model.learnt else "no label yet: it knows what the standards say"
    console.print(f"as of {time_words(story.clock_ms, zone)}, in the time of {zone.key}")
    if churn is not None:
        console.print(f"model {story.model.version}, which has learnt from {learnt}")
    if story.life.told:
        console.print(f"told last: {told_words(story.life.told[-1], zone)}")
    if churn is not None:
        _print_alert(console, story, zone)
        _print_observations(console, story, zone)
    if explained is not None:
        _print_parts(console, explained, story.rules.reporting_currency, everything=everything)
        _print_what_if(console, story, explained)
    _print_moves(console, story, zone, everything=everything)
    if not story.is_same:
        console.print(
            "\nwarning: folding the ledger does not give the state that is stored, which may be another version's:"
        )
        console.print("  `ebbwatch verify` tells more")


def _standing(story: Story, churn: ChurnRules | None, zone: ZoneInfo) -> str:
    if churn is None:
        return "not scored, the policies have no table [churn]"
    if story.explained is not None:
        one = story.explained
        return f"{score_words(one.score)} ({one.band}) to be gone within {churn.horizon_days} days"
    state = story.customer.churn
    if state is not None and state.gone_ms:
        return f"gone since {time_words(state.gone_ms, zone)} ({state.gone_by}): {GONE_WORDS[state.gone_by]}"
    known_ms = story.customer.first_ms + churn.observe_every_ms
    return f"not scored before {time_words(known_ms, zone)}, since too little is known yet"


def _print_alert(console: Console, story: Story, zone: ZoneInfo) -> None:
    state = find(story.customer, churn_risk.RULE, "")
    if state is None:
        return
    if state.cooling_until_ms is not None:
        console.print(f"alert {state.alert_id}: resolved, no other before {time_words(state.cooling_until_ms, zone)}")
        return
    latest = [alert for alert in story.life.alerts if alert.alert_id == state.alert_id][-1]
    console.print(
        f"alert {state.alert_id} is open: {state.severity}, raised {time_words(state.raised_ms, zone)},"
        f" revision {state.revision} of {time_words(state.updated_ms, zone)}"
    )
    console.print(f"  {latest.summary}")
    console.print(f"  {latest.action} {latest.action_zh}")


def _print_observations(console: Console, story: Story, zone: ZoneInfo) -> None:
    state, life = story.customer.churn, story.life
    waiting = [one for one in state.observations if not one.told] if state is not None else []
    outcomes = {one.observation_id: one.outcome for one in life.settled}
    counts = {outcome: list(outcomes.values()).count(outcome) for outcome in sorted(set(outcomes.values()))}
    corrected = sum(one.revision > 0 for one in life.settled)
    words = [f"{number} {outcome}" for outcome, number in counts.items()]
    words += [f"{corrected} of them corrected"] if corrected else []
    words += [f"{len(waiting)} waiting, the next until {time_words(waiting[0].due_ms, zone)}"] if waiting else []
    console.print(f"observed {_times(len(life.observed))}{': ' if words else ''}{', '.join(words)}")


def _print_parts(console: Console, explained: Explained, currency: str, *, everything: bool) -> None:
    table = words_table("adds", "what it says of the customer", "usual at this bank")
    table.columns[0].justify = "right"
    table.add_row(f"{explained.intercept:+.3f}", "whoever it is", "")
    for group in explained.groups:
        table.add_row(f"{group.contribution:+.3f}", f"{group.code}: {GROUP_WORDS[Group(group.code)]}", "")
        strong = [share for share in group.shares if abs(share.contribution) >= _LEAST][:_SHOWN]
        shown = group.shares if everything else strong
        for share in shown:
            usual = figure_words(share, share.usual, currency)
            table.add_row("", f"  {share.contribution:+.3f}  {share_words(share, currency)}", usual)
        rest = group.shares[len(shown) :]
        if rest:
            total = sum(share.contribution for share in rest)
            table.add_row("", f"  {total:+.3f}  {len(rest)} {'others' if shown else 'features, none of them much'}", "")
    console.print()
    console.print(table)
    holds = "to the bit" if explained.is_whole else "NOT exactly: this is a fault of the program"
    groups = sum(group.contribution for group in explained.groups)
    console.print(
        f"{explained.intercept:+.3f} and {groups:+.3f} make a logit of {explained.logit:+.3f}, which is a score of"
        f" {score_words(explained.score)}; checked over {len(STANDARD_SET.features)} features: {holds}"
    )


def _print_what_if(console: Console, story: Story, explained: Explained) -> None:
    console.print("\nWhat would lower it most, by this model:")
    for one in story.what_if[:_MOST_WHAT_IF]:
        console.print(f"  {one.words}: {score_words(explained.score)} -> {score_words(one.score)}")
    if not story.what_if:
        console.print("  nothing that was tried")


def _print_moves(console: Console, story: Story, zone: ZoneInfo, *, everything: bool) -> None:
    told, moves = story.life.told, story.moves
    if not told:
        console.print("\nNo score has been told yet.")
        return
    console.print(f"\nTold {_times(len(told))}; the larger moves, and what happened meanwhile:")
    if not moves:
        console.print("  none: it has stayed about where it began")
    strongest = sorted(moves, key=lambda move: -abs(move.size))[: None if everything else _MOST_MOVES]
    for move in moves:
        if move in strongest:
            _print_move(console, move, zone)
    if len(moves) > len(strongest):
        console.print(f"  {len(moves) - len(strongest)} smaller ones are left out")
    for last in told[-1:]:
        if last.score is None:
            console.print(f"  {instant_words(last.at, zone)}: gone ({last.gone_by}): {GONE_WORDS[last.gone_by]}")


def _print_move(console: Console, move: Move, zone: ZoneInfo) -> None:
    before, after = move.before, move.after
    band = f" ({before.band} -> {after.band})" if before.band != after.band else f" ({after.band})"
    console.print(
        f"  {instant_words(before.at, zone)} to {instant_words(after.at, zone)}:"
        f" {score_words(before.score or 0.0)} -> {score_words(after.score or 0.0)}{band}"
    )
    for part in move.parts:
        console.print(f"    {part.change:+.2f} {part.code}: {part.words or 'time passed'}")


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
