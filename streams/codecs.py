"""Bytes to events and back: strict on the way in, canonical on the way into the ledger.

`decode_feed_event` either returns an event or raises `Refused`, whose parts name the field, what was expected and the
kind of value that was found, and never a value: what a customer's record holds must not reach a log line.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

import msgspec

from config.policies import Policies, policy_digest, policy_document
from models.events import (
    EVENT_TYPES,
    SCHEMA_VERSION,
    Complaint,
    Control,
    Event,
    FeedEvent,
    LedgerRecord,
    ModelActivated,
    PolicyActivated,
    epoch_ms,
)
from models.scoring_model import ScoringModel, model_digest, model_document

MAX_RECORD_BYTES: Final = 65_536
"""A feed record larger than this is refused."""
EARLIEST_MS: Final = epoch_ms(datetime(1990, 1, 1, tzinfo=UTC))
"""An event from before this is refused: nobody's core banking reports it, but broken clocks do."""
MAX_AHEAD_MS: Final = 3_600_000
"""How far ahead of now an event may claim to be: clock skew, but no more."""


class Refusal(StrEnum):
    """Why a record is refused; the values are metric labels, so the set stays small and closed."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_TYPE = "unknown_type"
    WRONG_FEED = "wrong_feed"
    MISSING_FIELD = "missing_field"
    WRONG_KIND = "wrong_kind"
    UNKNOWN_VALUE = "unknown_value"
    OUT_OF_RANGE = "out_of_range"
    BAD_TIME = "bad_time"
    OVERSIZE = "oversize"


class Refused(ValueError):
    """A record that cannot be accepted: `field` (empty for the record as a whole), `expected`, `found` (a kind)."""

    def __init__(self, reason: Refusal, field: str, expected: str, found: str) -> None:
        """Word the message from the parts."""
        super().__init__(f"{field or 'record'}: expected {expected}, found {found}")
        self.reason = reason
        self.field = field
        self.expected = expected
        self.found = found


_feed_decoder = msgspec.json.Decoder(Event)
_ledger_decoder = msgspec.json.Decoder(LedgerRecord)
_encoder = msgspec.json.Encoder()


def decode_feed_event(line: bytes, now_ms: int) -> tuple[Event, int]:
    """One feed record as an event and its business time in ms; raises `Refused`.

    `now_ms` is the wall clock: an event may not claim to come from further ahead than `MAX_AHEAD_MS`.
    """
    if len(line) > MAX_RECORD_BYTES:
        raise Refused(Refusal.OVERSIZE, "", f"at most {MAX_RECORD_BYTES} bytes", f"{len(line)} bytes")
    try:
        event: Event = _feed_decoder.decode(line)
        if not line.isascii():
            line.decode()  # the decoder does not look into fields that it does not know
    except msgspec.ValidationError as error:
        raise _explained(str(error), line) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(Refusal.NOT_JSON, "", "one JSON object in UTF-8", "bytes that are not") from None
    if b"\\" in line or b"\x7f" in line or not line.isascii():  # elsewhere JSON allows no control character
        _refuse_control_characters(event)
    currency = getattr(event, "currency", None)
    if currency is not None and not (currency.isascii() and currency.isalpha() and currency.isupper()):
        expected = _expectations(type(event))["currency"]
        raise Refused(Refusal.OUT_OF_RANGE, "currency", expected, "a string that is not")
    at_ms = epoch_ms(event.occurred_at)
    if not EARLIEST_MS <= at_ms <= now_ms + MAX_AHEAD_MS:
        found = "a time in the future" if at_ms > now_ms else "a time before 1990"
        raise Refused(Refusal.BAD_TIME, "occurred_at", "a time between 1990 and now", found)
    if type(event) is Complaint and event.step == "received":
        for field in ("business", "channel"):
            if getattr(event, field) is None:
                raise Refused(Refusal.MISSING_FIELD, field, "a code, since the step is received", "nothing")
    return event, at_ms


def encode_event_record(event: Event, at_ms: int, source: str, source_offset: int) -> bytes:
    """The ledger record of an accepted event, canonical: one event, one place, one sequence of bytes."""
    return _encoder.encode(
        LedgerRecord(v=SCHEMA_VERSION, at_ms=at_ms, event=event, source=source, source_offset=source_offset)
    )


def encode_control_record(event: Control, at_ms: int) -> bytes:
    """The ledger record of a control event that was written at `at_ms`; it has no source."""
    return _encoder.encode(LedgerRecord(v=SCHEMA_VERSION, at_ms=at_ms, event=event))


def encode_policies_record(policies: Policies, at_ms: int) -> bytes:
    """The ledger record that brings `policies` into force, written at `at_ms`; it holds the whole document."""
    return encode_control_record(
        PolicyActivated(digest=policy_digest(policies), document=policy_document(policies)), at_ms
    )


def encode_model_record(model: ScoringModel, at_ms: int) -> bytes:
    """The ledger record that brings `model` into force, written at `at_ms`; it holds the whole document."""
    return encode_control_record(
        ModelActivated(version=model.version, digest=model_digest(model), document=model_document(model)), at_ms
    )


def decode_ledger_run(bodies: Sequence[bytes]) -> list[LedgerRecord]:
    """Inverse of the two above, for a run of records at once; a canonical record holds no newline.

    Raises `msgspec.ValidationError`, which only a foreign writer can cause.
    """
    return _ledger_decoder.decode_lines(b"\n".join(bodies))


def encode_json(body: Any) -> bytes:
    """Canonical JSON of any struct of ours: field order as declared, no white space."""
    return _encoder.encode(body)


def json_schema(event_type: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one event type, for upstream teams; raises KeyError for an unknown type."""
    struct = EVENT_TYPES[event_type]
    schema = msgspec.json.schema(struct)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Ebbwatch feed event: {event_type}",
        "x-ebbwatch-schema-version": SCHEMA_VERSION,
        **schema,
    }


def _refuse_control_characters(event: Event) -> None:
    """Identifiers and codes end up on terminals, in keys and in messages: what steers them has no business there."""
    for field in event.__struct_fields__:
        value = getattr(event, field)
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and _CONTROL_CHARACTERS.search(text) for text in texts):
            raise Refused(Refusal.OUT_OF_RANGE, field, "no control characters", "a string with some")


# C0, DEL, C1, line and paragraph separators, and what turns the direction of writing.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

# --- wording of refusals --------------------------------------------------------------------------

_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_GOT = re.compile(r", got `(?P<kind>\w+)`")
_UNREADABLE: Final = object()
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`")


def _explained(message: str, line: bytes) -> Refused:
    """Turn the decoder's message, which may quote a value, into one that never does."""
    match = _AT.match(message)
    assert match is not None  # noqa: S101 - the pattern matches any text
    what, path = match["what"], match["path"] or ""
    field = re.sub(r"\[.*\]$", "", path)
    if not path and (got := _GOT.search(what)):
        if not _is_json(line):
            return Refused(Refusal.NOT_JSON, "", "one JSON object in UTF-8", "bytes that are not")
        return Refused(Refusal.NOT_AN_OBJECT, "", "a JSON object", f"JSON of kind {got['kind']}")
    raw = _as_plain_json(line)
    event_type = raw.get("type")
    # The beginning alone is the decoder's own: behind it may stand a value that is made to look like another message.
    if missing := _MISSING.match(what):
        field = missing["field"]
        return Refused(Refusal.MISSING_FIELD, field, _expected(event_type, field), "nothing")
    found = _kind(raw.get(field, _UNREADABLE))
    expected = _expected(event_type, field)
    if field == "type":
        return Refused(Refusal.UNKNOWN_TYPE, field, expected, found)
    if what.startswith("Expected") and ", got `" in what:
        return Refused(Refusal.WRONG_KIND, field, expected, found)
    if what.startswith("Invalid enum value"):
        return Refused(Refusal.UNKNOWN_VALUE, field, expected, f"{found} that is none of them")
    if "datetime" in what:
        return Refused(Refusal.BAD_TIME, field, expected, f"{found} that is not one")
    return Refused(Refusal.OUT_OF_RANGE, field, expected, f"{found} that is not")


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except RecursionError:
        return True  # too deep for this reader, and for any use
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _as_plain_json(line: bytes) -> dict[str, Any]:
    """The record without its schema; empty where only the schema's reader could make sense of it."""
    try:
        raw = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return "a value" if value is _UNREADABLE else kinds.get(type(value), "a number")


def _expected(event_type: object, field: str) -> str:
    if field == "type":
        return f"one of {', '.join(sorted(EVENT_TYPES))}"
    struct = EVENT_TYPES.get(event_type) if isinstance(event_type, str) else None
    return _expectations(struct).get(field, "another value") if struct else "another value"


@cache
def _expectations(struct: type[FeedEvent]) -> dict[str, str]:
    """What each field of an event expects, in words, from the same types that the decoder goes by."""
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)  # noqa: S101 - events are structs
    return {field.encode_name: _wording(field.type) for field in info.fields}


def _wording(kind: msgspec.inspect.Type) -> str:
    inspect = msgspec.inspect
    match kind:
        case inspect.UnionType():
            return " or ".join(_wording(part) for part in kind.types)
        case inspect.NoneType():
            return "null"
        case inspect.LiteralType():
            return f"one of {', '.join(str(value) for value in kind.values)}"
        case inspect.DateTimeType():
            return "an RFC 3339 time with an offset"
        case inspect.BoolType():
            return "a boolean"
        case inspect.StrType(pattern=str(pattern)) | inspect.Metadata(extra_json_schema={"pattern": pattern}):
            return f"a string matching {pattern}"
        case inspect.StrType():
            return f"a string of {kind.min_length or 0} to {kind.max_length} characters"
        case inspect.ListType():
            return f"an array of {_wording(kind.item_type)}"
        case inspect.IntType():
            return f"an integer {_range(kind)}"
        case inspect.FloatType():
            return f"a number {_range(kind)}"
    return "a value of another kind"


def _range(kind: msgspec.inspect.IntType | msgspec.inspect.FloatType) -> str:
    low = f"above {kind.gt:g}" if kind.gt is not None else f"from {kind.ge:g}"
    return f"{low} to {kind.le:g}"
