"""`ebbwatch sla explain`: why the promises on a case were kept or broken, in words and as a picture."""

import time
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.text import Text

from agents.case_words import (
    asked_verdict,
    beat_words,
    share_words,
    standing_words,
    steps_table,
    story_name,
    time_words,
    view_zone,
    words_table,
)
from agents.clock_bars import LEGEND, clock_bars
from agents.commands.times import time_ms
from agents.commands.wide import wide_console
from agents.policy_words import counting_words, target_words
from config.policies import PolicyError, load_policies
from models.case_view import CaseView, view
from models.clock_story import ClockStory, clock_stories
from models.complaint_rules import ComplaintRules, pinned_policies
from streams.case_feed import CaseFeed, FeedCase, read_cases
from streams.feed_reader import FeedError
from streams.picture_file import PictureError
from streams.sla_picture import PictureRow, PictureStep, write_picture

_BAR_COLUMNS = 132
_MOST_REFUSED = 5
Tier = click.Choice(["core", "potential", "basic"])


@click.command(context_settings={"show_default": True})
@click.option("--case", "files", multiple=True, required=True, help="Feed file with the steps of a case; - is stdin.")
@click.option("--policies", "policy_file", type=click.Path(path_type=Path, dir_okay=False), help="Policy file."
              "  [default: the policies that are shipped]")  # fmt: skip
@click.option("--at", "at_text", metavar="TIME", help="What was so at TIME.  [default: the time of the latest step]")
@click.option("--only", metavar="CASE_ID", help="This case alone, where the file holds several.")
@click.option("--tier", type=Tier, default="basic", help="The customer's tier, unless the file states it.")
@click.option(
    "--picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw the case into this .svg or .png."
)
def explain(
    files: tuple[str, ...], policy_file: Path | None, at_text: str | None, only: str | None, tier: str,
    picture: Path | None,
) -> None:  # fmt: skip
    """Tell when each clock of a case ran, paused, warned, met or broke, and which rule of the policies says so."""
    try:
        policies = load_policies(policy_file)
        rules = ComplaintRules(pinned_policies(policies))
        at_ms = None if at_text is None else time_ms(at_text, ZoneInfo(policies.bank.zone))
        found = read_cases(list(files), time.time_ns() // 1_000_000, at_ms, tier)
    except (PolicyError, FeedError) as error:
        raise click.ClickException(str(error)) from None
    _tell_what_was_left_out(found)
    cases = [held for (_, case_id), held in found.cases.items() if only in (None, case_id)]
    if not cases:
        raise click.ClickException(f"no step of {'any case' if only is None else 'that case'} is in the file")
    if picture is not None and len(cases) > 1:
        raise click.ClickException(f"a picture shows one case, and the file holds {len(cases)}: choose with --only")
    for number, held in enumerate(cases):
        if number:
            click.echo()
        last_ms = held.case.milestones[-1].at_ms
        told = _Told(held, rules, at_ms if at_ms is not None else last_ms)
        told.print()
        if picture is not None:
            told.draw(picture)


def _tell_what_was_left_out(found: CaseFeed) -> None:
    for line in found.refused[:_MOST_REFUSED]:
        click.echo(f"warning: {line.name}: line {line.number} is refused: {line.refused}", err=True)
    if len(found.refused) > _MOST_REFUSED:
        click.echo(f"warning: {len(found.refused) - _MOST_REFUSED} more lines are refused", err=True)
    if found.later:
        click.echo(f"warning: {found.later} steps after that time are left out", err=True)


class _Told:
    """One case, ready to be told."""

    def __init__(self, held: FeedCase, rules: ComplaintRules, at_ms: int) -> None:
        self.held, self.at_ms = held, at_ms
        self.seen: CaseView = view(held.case, rules)
        self.zone = view_zone(self.seen)
        self.stories: list[ClockStory] = [
            story
            for profile in self.seen.profiles
            for clock in profile.clocks
            for story in clock_stories(clock, self.seen.line.moments, at_ms)
        ]

    def print(self) -> None:
        """Words, then bars."""
        console, line, zone = wide_console(), self.seen.line, self.zone
        profiles = ", ".join(f"{one.name} (from {one.policy.valid_from})" for one in self.seen.profiles)
        console.print(f"Case {self.held.case.case_id} of {self.held.customer_id}, {self.held.case.tier}: {line.state}")
        console.print(
            f"as of {time_words(self.at_ms, zone)}, in the time of {zone.key}; policies {self.seen.rules.version};"
            f" profiles: {profiles or 'none, so nothing is promised'}"
        )
        if self.held.repeated:
            console.print(f"{self.held.repeated} steps were told again, which changes nothing")
        if self.held.case.dropped:
            console.print(f"{self.held.case.dropped} steps found no room, and move no clock")
        console.print()
        console.print(steps_table(self.held.case.milestones, self.seen, zone, frozenset(self.held.late)))
        for story in self.stories:
            self._print_story(story)
        self._print_requirements()
        if self.stories:
            console.print()
            for bar in clock_bars(self.stories, zone, min(console.width, _BAR_COLUMNS)):
                console.print(bar, no_wrap=True, overflow="ignore", crop=False)
            console.print(Text(LEGEND))

    def _print_story(self, story: ClockStory) -> None:
        console, policy = wide_console(), story.run.clock.policy
        counts = counting_words(policy)
        console.print()
        console.print(f"{story_name(story)}: {policy.title} ({policy.title_zh}): {story.verdict.value}")
        console.print(f"  {target_words(policy)}{'' if counts == '-' else f', {counts}'}; source: {policy.source}")
        table = words_table("", "", "")
        table.show_header = False
        for beat in story.beats:
            table.add_row(f"  {time_words(beat.at_ms, self.zone)}", *_with_rule(beat_words(story, beat, self.zone)))
        if not story.run.end:
            table.add_row(f"  {time_words(self.at_ms, self.zone)}", standing_words(story, self.zone), "")
        console.print(table)

    def _print_requirements(self) -> None:
        if not self.seen.asked:
            return
        table = words_table("requirement", "cycle", "asked at", "verdict", "title", "source")
        for profile, asked in self.seen.asked:
            policy = asked.demand.policy
            table.add_row(
                f"{profile.name} / {policy.name}",
                str(asked.cycle),
                time_words(asked.asked_ms, self.zone),
                asked_verdict(asked, self.at_ms),
                f"{policy.title} ({policy.title_zh})",
                policy.source,
            )
        wide_console().print()
        wide_console().print(table)

    def draw(self, path: Path) -> None:
        """The picture."""
        if not self.stories:
            raise click.ClickException("no clock runs on this case: there is nothing to draw")
        line = self.seen.line
        try:
            write_picture(
                path,
                f"Case {self.held.case.case_id}: {line.state}",
                f"as of {time_words(self.at_ms, self.zone)}; policies {self.seen.rules.version};"
                f" profiles {', '.join(one.name for one in self.seen.profiles)}",
                [PictureRow(story_name(story), _standing(story), story) for story in self.stories],
                [PictureStep(moment.at_ms, moment.step) for moment in line.moments],
                self.zone,
            )
        except PictureError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            raise click.ClickException(f"{path}: cannot be written ({error.strerror})") from None
        click.echo(f"\npicture: {path}")


def _standing(story: ClockStory) -> str:
    return f"{story.verdict.value}\n{share_words(story.run.clock, story.used, story.run.target)}"


def _with_rule(words: tuple[str, str]) -> tuple[str, str]:
    return words[0], f"[{words[1]}]"
