"""Complaint cases out of feed files, without a ledger or a store: for looking at them, and for nothing else."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct, field

from models.case_state import CaseState, add_milestone
from models.events import Complaint, Event, ProfileChanged
from streams.codecs import Refused, decode_feed_event
from streams.feed_reader import open_feeds


class FeedLine(NamedTuple):
    """One line of a feed: its event and business time, or why it was refused (which names no value)."""

    name: str
    number: int
    event: Event | None
    at_ms: int
    refused: Refused | None


class FeedCase(Struct):
    """One case of a feed: `case` holds its steps, `late` the events that came after steps of a later time."""

    customer_id: str
    case: CaseState
    late: set[str] = field(default_factory=set)
    repeated: int = 0


class CaseFeed(Struct):
    """The cases of a feed in order of their first step, and what did not become a step of one.

    `others` are events that are not about cases, `later` steps from after the time that was asked for.
    """

    cases: dict[tuple[str, str], FeedCase] = field(default_factory=dict)
    refused: list[FeedLine] = field(default_factory=list)
    others: int = 0
    later: int = 0


def feed_lines(paths: list[str], now_ms: int) -> Iterator[FeedLine]:
    """Every line of the feeds but empty ones, file after file in the order given, as they arrive in a run.

    Raises `FeedError` for a file that cannot be read.
    """
    for feed in open_feeds(paths, {}):
        for number, line in enumerate(feed.lines, 1):
            if not line or line.isspace():
                continue
            try:
                event, at_ms = decode_feed_event(line, now_ms)
            except Refused as refused:
                yield FeedLine(feed.name, number, None, 0, refused)
            else:
                yield FeedLine(feed.name, number, event, at_ms, None)


def read_cases(paths: list[str], now_ms: int, until_ms: int | None = None, tier: str = "basic") -> CaseFeed:
    """The cases of the feeds as they stand once every line has arrived, steps from after `until_ms` left out.

    Customers are of `tier` unless the feeds state another before the case begins. Raises `FeedError`.
    """
    found = CaseFeed()
    profiles: dict[str, tuple[str, str | None]] = {}
    for line in feed_lines(paths, now_ms):
        event = line.event
        if event is None:
            found.refused.append(line)
            continue
        of_tier, preferred = profiles.get(event.customer_id, (tier, None))
        if isinstance(event, ProfileChanged):
            profiles[event.customer_id] = (event.tier or of_tier, event.preferred_channel or preferred)
            found.others += 1
        elif not isinstance(event, Complaint):
            found.others += 1
        elif until_ms is not None and line.at_ms > until_ms:
            found.later += 1
        else:
            _take_step(found, event, line.at_ms, of_tier, preferred)
    return found


def _take_step(found: CaseFeed, event: Complaint, at_ms: int, tier: str, preferred: str | None) -> None:
    key = (event.customer_id, event.case_id)
    if key not in found.cases:
        found.cases[key] = FeedCase(event.customer_id, CaseState(event.case_id, "", tier, 1))
    held = found.cases[key]
    latest_ms = held.case.milestones[-1].at_ms if held.case.milestones else at_ms
    dropped = held.case.dropped
    if add_milestone(held.case, event, at_ms, preferred):
        if at_ms < latest_ms:
            held.late.add(event.event_id)
    elif held.case.dropped == dropped:
        held.repeated += 1
