"""The door: a feed record becomes a ledger record, or a dead letter. Nothing else can happen to it."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import Struct

from models.events import FeedEvent
from streams.codecs import MAX_RECORD_BYTES, Refusal, Refused, decode_feed_event, encode_event_record
from streams.pseudonyms import Pseudonymiser


class Accepted(NamedTuple):
    """A record for the ledger: whose it is, its business time in ms, and its canonical bytes."""

    customer_id: str
    at_ms: int
    body: bytes


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A refused record: why, what was expected of which field, where it came from, and the original bytes.

    `original` is base64, cut after `MAX_RECORD_BYTES`, and empty where pseudonyms are asked for: a refused record
    cannot be pseudonymised, so it must be looked up at its source. `size_bytes` is the record's size; a feed file's
    lines are cut at twice `MAX_RECORD_BYTES`, so a larger one says that.
    """

    dead_letter_id: str
    reason: Refusal
    field: str
    expected: str
    found: str
    source: str
    source_offset: int
    refused_at: datetime
    size_bytes: int
    original: str


class Ingest:
    """Validates, pseudonymises if it was given a key, and encodes; `types` are those that the feed may carry."""

    def __init__(
        self, pseudonymiser: Pseudonymiser | None = None, types: tuple[type[FeedEvent], ...] | None = None
    ) -> None:
        """Accept every event type unless `types` says otherwise."""
        self._pseudonymiser = pseudonymiser
        self._types = types

    def accept(self, line: bytes, source: str, source_offset: int, now_ms: int) -> Accepted | DeadLetter:
        """One feed record from its place in its source; `now_ms` is the wall clock."""
        try:
            event, at_ms = decode_feed_event(line, now_ms)
            if self._types is not None and not isinstance(event, self._types):
                raise Refused(Refusal.WRONG_FEED, "type", "a type that this feed carries", "another")
            if self._pseudonymiser is not None:
                event = self._pseudonymiser.applied_to(event)
            return Accepted(event.customer_id, at_ms, encode_event_record(event, at_ms, source, source_offset))
        except Refused as refused:
            kept = line if self._pseudonymiser is None else b""
            return dead_letter(kept, source, source_offset, refused, now_ms, len(line))


def dead_letter(
    original: bytes, source: str, source_offset: int, refused: Refused, now_ms: int, size_bytes: int
) -> DeadLetter:
    """The dead letter of one record; its id comes from the record's place, so a repeat has the same."""
    place = f"{source}\x1f{source_offset}"
    return DeadLetter(
        dead_letter_id=hashlib.blake2b(place.encode(), digest_size=8).hexdigest(),
        reason=refused.reason,
        field=refused.field,
        expected=refused.expected,
        found=refused.found,
        source=source,
        source_offset=source_offset,
        refused_at=datetime.fromtimestamp(now_ms / 1000, UTC),
        size_bytes=size_bytes,
        original=base64.b64encode(original[:MAX_RECORD_BYTES]).decode("ascii"),
    )
