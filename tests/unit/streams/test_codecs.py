"""The door's strictness: what is accepted, what is refused, and in which words."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.events import EVENT_TYPES, PolicyActivated, Tick, epoch_ms
from streams.codecs import (
    EARLIEST_MS,
    MAX_AHEAD_MS,
    MAX_RECORD_BYTES,
    Refusal,
    Refused,
    decode_feed_event,
    decode_ledger_run,
    encode_control_record,
    encode_event_record,
    json_schema,
)
from tests.support.feeds import FULL, NOW_MS, line, record

COMMON = ("event_id", "customer_id", "occurred_at")
CANARY = "CANARY-4929-1234"
CANARY_NUMBER = 73190482  # as a number it stands in no expectation

STRING_FIELDS = {
    "event_id": 128, "customer_id": 128, "account_id": 128, "product_id": 128, "call_id": 128, "case_id": 128,
    "adviser": 128, "product": 64, "page": 64, "reason": 64, "purpose": 64, "business": 64, "cause": 64,
    "priority": 64, "step": 64, "region": 64, "extension": 64, "education": 64, "preferred_channel": 64,
    "rule": 64,
}  # fmt: skip
TIME_FIELDS = ("occurred_at", "opened_at")
BOOLEAN_FIELDS = ("succeeded", "matured", "satisfied")
INTEGER_FIELDS = {
    "csat": (0, 10), "nps": (0, 10), "birth_year": (1880, 2100), "income_band": (1, 10), "risk_rating": (1, 5),
}  # fmt: skip
NUMBER_FIELDS = ("amount", "balance_after", "queued_s", "aum")
OPTIONAL_FIELDS = {
    ("transaction", "balance_after"), ("account_opened", "product"), ("product_opened", "amount"),
    ("product_opened", "currency"), ("product_closed", "product"), ("product_closed", "amount"),
    ("product_closed", "currency"), ("contact", "purpose"), ("contact", "csat"), ("contact", "nps"),
    ("complaint", "business"), ("complaint", "cause"), ("complaint", "channel"), ("complaint", "priority"),
    ("complaint", "responsibility"), ("complaint", "satisfied"), ("complaint", "region"), ("complaint", "actions"),
    ("complaint", "extension"), ("alert_feedback", "outcome"), ("alert_feedback", "rule"),
    *(("profile", field) for field in FULL["profile"]),
}  # fmt: skip
DEFAULTED_FIELDS = {
    ("transaction", "counterparty"), ("account_closed", "initiated_by"), ("product_closed", "matured"),
    ("contact", "queued_s"),
}  # fmt: skip
FREE_CHANNELS = ("login", "complaint")


def refusal(body: bytes, now_ms: int = NOW_MS) -> Refused:
    """The refusal of a record; nothing that it says contains a canary."""
    with pytest.raises(Refused) as refused:
        decode_feed_event(body, now_ms)
    said = " ".join((str(refused.value), refused.value.field, refused.value.expected, refused.value.found))
    assert CANARY not in said
    assert "CANARY" not in said
    assert str(CANARY_NUMBER) not in said
    return refused.value


def kind_of_field(event_type: str, field: str) -> str:
    if field in STRING_FIELDS or (field == "channel" and event_type in FREE_CHANNELS):
        return "string"
    if field in TIME_FIELDS:
        return "time"
    if field in BOOLEAN_FIELDS:
        return "boolean"
    if field in INTEGER_FIELDS:
        return "integer"
    if field in NUMBER_FIELDS:
        return "number"
    return {"currency": "currency", "alert_id": "alert id", "products": "list", "actions": "list"}.get(field, "choice")


def wrong_values(event_type: str, field: str) -> Iterator[tuple[Any, Refusal]]:
    """Every wrong kind of value for a field, and why it is refused."""
    kind = kind_of_field(event_type, field)
    yield {"inside": CANARY}, Refusal.WRONG_KIND
    if kind != "list":
        yield [CANARY], Refusal.WRONG_KIND
    if (event_type, field) not in OPTIONAL_FIELDS:
        yield None, Refusal.WRONG_KIND
    if kind != "boolean":
        yield True, Refusal.WRONG_KIND
    if kind not in ("integer", "number"):
        yield CANARY_NUMBER, Refusal.WRONG_KIND
        yield CANARY_NUMBER + 0.5, Refusal.WRONG_KIND
    if kind in ("boolean", "integer", "number", "list"):
        yield CANARY, Refusal.WRONG_KIND
        yield "", Refusal.WRONG_KIND
    match kind:
        case "string":
            yield "", Refusal.OUT_OF_RANGE
            limit = STRING_FIELDS.get(field, 64)
            yield CANARY + "x" * (limit + 1 - len(CANARY)), Refusal.OUT_OF_RANGE
        case "time":
            for value in (
                CANARY,
                "",
                "2026-01-05T10:00:00",
                "2026-01-05",
                "2026-02-30T00:00:00Z",
                "2026-01-05T24:00:00Z",
            ):
                yield value, Refusal.BAD_TIME
        case "integer":
            low, high = INTEGER_FIELDS[field]
            yield low - 1, Refusal.OUT_OF_RANGE
            yield high + 1, Refusal.OUT_OF_RANGE
            yield CANARY_NUMBER, Refusal.OUT_OF_RANGE
            yield -CANARY_NUMBER, Refusal.OUT_OF_RANGE
            yield int(f"{CANARY_NUMBER}" * 5), Refusal.OUT_OF_RANGE
            yield low + 0.5, Refusal.WRONG_KIND
        case "number":
            yield float(f"-{CANARY_NUMBER}e6"), Refusal.OUT_OF_RANGE
            yield float(f"{CANARY_NUMBER}e6"), Refusal.OUT_OF_RANGE
            yield int(f"{CANARY_NUMBER}" * 5), Refusal.OUT_OF_RANGE
        case "currency":
            for value in ("", "cny", "CN", "CNYX", "人民币", CANARY):
                yield value, Refusal.OUT_OF_RANGE
        case "alert id":
            for value in ("", "5F0C1D2E3A4B5968", "5f0c1d2e3a4b596", "5f0c1d2e3a4b59680", "5f0c1d2e3a4b5968\n", CANARY):
                yield value, Refusal.OUT_OF_RANGE
        case "choice":
            for value in ("", CANARY, CANARY.lower(), "IN"):
                yield value, Refusal.UNKNOWN_VALUE
        case "list":
            yield [CANARY_NUMBER], Refusal.WRONG_KIND
            yield [None], Refusal.WRONG_KIND
            yield [[CANARY]], Refusal.WRONG_KIND
            yield [""], Refusal.OUT_OF_RANGE
            yield ["fine", CANARY + "x" * 64], Refusal.OUT_OF_RANGE
            yield [CANARY] * 65, Refusal.OUT_OF_RANGE


def every_field() -> list[tuple[str, str]]:
    return [(event_type, field) for event_type, fields in FULL.items() for field in (*COMMON, *fields)]


def test_the_samples_are_complete() -> None:
    """Every type and every field of the vocabulary is in these tests; a new one must be added here."""
    assert {name: {*struct.__struct_fields__} for name, struct in EVENT_TYPES.items()} == {
        name: {*COMMON, *fields} for name, fields in FULL.items()
    }


# --- accepted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event_type", sorted(FULL))
def test_every_type_goes_round(event_type: str) -> None:
    """A full record is accepted, keeps every field, and comes back out of the ledger as it went in."""
    event, at_ms = decode_feed_event(line(event_type), NOW_MS)
    body = encode_event_record(event, at_ms, "feed:1", 7)
    (kept,) = decode_ledger_run([body])

    assert at_ms == epoch_ms(datetime(2026, 1, 5, 2, tzinfo=UTC))
    assert (kept.v, kept.at_ms, kept.event, kept.source, kept.source_offset) == (1, at_ms, event, "feed:1", 7)
    expected = record(event_type)
    assert json.loads(body)["event"] == expected
    assert b"\n" not in body


@pytest.mark.parametrize("event_type", sorted(FULL))
def test_the_ledger_form_is_canonical(event_type: str) -> None:
    """Order of fields, white space, escapes, unknown fields and defaults written out change no byte of the ledger."""
    shortest = record(event_type, event_id="é")
    body = encode_event_record(*decode_feed_event(json.dumps(shortest).encode(), NOW_MS), "feed:1", 7)
    padded = {"unknown": {"deep": [1, CANARY]}, **dict(reversed(shortest.items()))}

    assert encode_event_record(*decode_feed_event(json.dumps(padded, indent=3).encode(), NOW_MS), "feed:1", 7) == body
    again = json.dumps(json.loads(body)["event"], ensure_ascii=False).encode()
    assert encode_event_record(*decode_feed_event(again, NOW_MS), "feed:1", 7) == body


def test_a_default_written_out_is_left_out() -> None:
    """A record that states a default and one that leaves it out are the same record."""
    for event_type, field, default in (
        ("contact", "purpose", None),
        ("contact", "csat", None),
        ("transaction", "counterparty", "unknown"),
        ("account_closed", "initiated_by", "customer"),
        ("product_closed", "matured", False),
    ):
        stated = decode_feed_event(line(event_type, **{field: default}), NOW_MS)
        silent = decode_feed_event(line(event_type, **{field: ...}), NOW_MS)

        assert encode_event_record(*stated, "s", 0) == encode_event_record(*silent, "s", 0)


def test_the_bytes_of_a_ledger_record_are_pinned() -> None:
    """A change of the canonical form is a change of the schema version, never an accident."""
    event, at_ms = decode_feed_event(line("login"), NOW_MS)

    assert encode_event_record(event, at_ms, "feed:1", 7) == (
        b'{"v":1,"at_ms":1767578400000,"event":{"type":"login","event_id":"e1","customer_id":"c1",'
        b'"occurred_at":"2026-01-05T10:00:00+08:00","channel":"app","succeeded":true},"source":"feed:1","source_offset":7}'
    )


def test_control_records_go_round() -> None:
    """Control records have a time and no source."""
    tick = Tick(at=datetime(2026, 1, 5, tzinfo=UTC))
    policy = PolicyActivated(digest="d", document={"version": "x", "list": [1, 2.5, None]})
    kept = decode_ledger_run([encode_control_record(tick, 5), encode_control_record(policy, 6)])

    assert [(one.at_ms, one.event, one.source, one.source_offset) for one in kept] == [
        (5, tick, "", -1),
        (6, policy, "", -1),
    ]


def test_a_run_may_be_empty() -> None:
    """No records decode to no records."""
    assert decode_ledger_run([]) == []


@pytest.mark.parametrize(("event_type", "field"), sorted(OPTIONAL_FIELDS | DEFAULTED_FIELDS))
def test_an_optional_field_may_be_absent(event_type: str, field: str) -> None:
    """What may be missing may be missing; a received complaint must name its business and channel."""
    if event_type == "complaint" and field in ("business", "channel"):
        refused = refusal(line(event_type, **{field: ...}))
        assert (refused.reason, refused.field) == (Refusal.MISSING_FIELD, field)
        assert refusal(line(event_type, **{field: None})).reason is Refusal.MISSING_FIELD
        decode_feed_event(line(event_type, step="closed", **{field: ...}), NOW_MS)
    else:
        decode_feed_event(line(event_type, **{field: ...}), NOW_MS)


# --- refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("event_type", "field"), every_field())
def test_every_wrong_value_is_refused_by_field_and_expectation(event_type: str, field: str) -> None:
    """Each wrong kind of value gets its reason and field, says what was expected, and never the value."""
    for value, reason in wrong_values(event_type, field):
        refused = refusal(line(event_type, **{field: value}))

        assert (refused.reason, refused.field) == (reason, field), value
        assert refused.expected != "another value"
        assert str(refused) == f"{field}: expected {refused.expected}, found {refused.found}"


@pytest.mark.parametrize(("event_type", "field"), every_field())
def test_a_missing_field_is_named(event_type: str, field: str) -> None:
    """A required field that is absent is refused with what it should have been."""
    if (event_type, field) in OPTIONAL_FIELDS | DEFAULTED_FIELDS:
        return
    refused = refusal(line(event_type, **{field: ...}))

    assert (refused.reason, refused.field, refused.found) == (Refusal.MISSING_FIELD, field, "nothing")
    assert refused.expected != "another value"


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"amount": 0}, "amount", "expected a number above 0 to 1e+12, found a number that is not"),
        ({"amount": "12"}, "amount", "expected a number above 0 to 1e+12, found a string"),
        ({"balance_after": []}, "balance_after", "expected a number from -1e+12 to 1e+12 or null, found an array"),
        ({"direction": "up"}, "direction", "expected one of in, out, found a string that is none of them"),
        ({"event_id": ""}, "event_id", "expected a string of 1 to 128 characters, found a string that is not"),
        ({"currency": "yuan"}, "currency", "expected a string matching ^[A-Z]{3}$, found a string that is not"),
        ({"occurred_at": {}}, "occurred_at", "expected an RFC 3339 time with an offset, found an object"),
        ({"account_id": None}, "account_id", "expected a string of 1 to 128 characters, found null"),
    ],
)
def test_refusals_are_readable(changes: dict[str, Any], field: str, said: str) -> None:
    """The words that an upstream team reads."""
    assert str(refusal(line("transaction", **changes))) == f"{field}: {said}"


@pytest.mark.parametrize("value", [0, 10**400, "1e400", 1e300, -0.0, -1])
def test_absurd_amounts_are_out_of_range(value: float | str) -> None:
    """Zero, negative and numbers of any size are refused as amounts, not as broken JSON."""
    body = line("transaction", amount="HERE").replace(b'"HERE"', str(value).encode())

    assert (refusal(body).reason, refusal(body).field) == (Refusal.OUT_OF_RANGE, "amount")


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "nan", "1.", ".5", "01", "+1", "1x10", "1_000", "'1'"]
)
def test_what_json_does_not_know_is_not_json(value: str) -> None:
    """Spellings that some parsers let through are refused."""
    body = line("transaction", amount="HERE").replace(b'"HERE"', value.encode())

    assert refusal(body).reason is Refusal.NOT_JSON


WHOLE = line("login", channel=CANARY)
NOT_JSON = {
    "nothing": b"",
    "byte order mark": b"\xef\xbb\xbf" + WHOLE,
    "utf-16": WHOLE.decode().encode("utf-16"),
    "latin-1": line("login", channel="HERE").replace(b"HERE", "CANARYé".encode("latin-1")),
    "overlong utf-8": line("login", channel="HERE").replace(b"HERE", b"\xc0\xaf"),
    "surrogate in utf-8": line("login", channel="HERE").replace(b"HERE", b"\xed\xa0\x80"),
    "lone surrogate": line("login", channel="HERE").replace(b"HERE", rb"\ud800"),
    "surrogates in the wrong order": line("login", channel="HERE").replace(b"HERE", rb"\udc00\ud800"),
    "trailing garbage": WHOLE + b" CANARY",
    "two records": WHOLE + WHOLE,
    "cut short": WHOLE[:-1],
    "trailing comma": WHOLE[:-1] + b",}",
    "single quotes": WHOLE.replace(b'"', b"'"),
    "zero bytes": bytes(100),
    "a raw newline in a string": line("login", channel="HERE").replace(b"HERE", b"a\nb"),
    "deep nesting": WHOLE[:-1] + b',"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "a comment": b"/* CANARY */" + WHOLE,
    "csv": b"CANARY;12.5;CNY",
}


@pytest.mark.parametrize("name", sorted(NOT_JSON))
def test_broken_json_is_refused(name: str) -> None:
    """Bytes that are not one JSON object in UTF-8 are refused in the same plain words."""
    refused = refusal(NOT_JSON[name])

    assert (refused.reason, refused.field) == (Refusal.NOT_JSON, "")
    assert str(refused) == "record: expected one JSON object in UTF-8, found bytes that are not"


@pytest.mark.parametrize("body", [b"[]", b"null", b"true", b'"CANARY"', b"73190482", b"1.5", b"[" * 50_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    """JSON of another kind is no record."""
    refused = refusal(body)

    assert (refused.reason, refused.field, refused.expected) == (Refusal.NOT_AN_OBJECT, "", "a JSON object")


@pytest.mark.parametrize(
    "value", [CANARY, "", None, 7, 1.5, True, ["login"], {"login": 1}, "Login", "tick", "policy_activated"]
)
def test_an_unknown_type_is_refused(value: Any) -> None:
    """Only the types of the vocabulary enter; control records cannot be forged by a feed."""
    refused = refusal(line("login", type=value))

    assert (refused.reason, refused.field) == (Refusal.UNKNOWN_TYPE, "type")
    assert refused.expected == f"one of {', '.join(sorted(EVENT_TYPES))}"


def test_an_empty_object_lacks_its_type() -> None:
    """The type is the first thing missed."""
    refused = refusal(b"{}")

    assert (refused.reason, refused.field) == (Refusal.MISSING_FIELD, "type")


@pytest.mark.parametrize("field", ["direction", "kind", "counterparty", "type"])
@pytest.mark.parametrize(
    "value",
    [
        "Object missing required field `CANARY`",
        "missing required field `CANARY`",
        "x' - at `$.CANARY",
        "x, got `CANARY`",
        "Expected `CANARY`, got `int` - at `$.CANARY`",
        "datetime",
        "Invalid enum value 'CANARY' - at `$.CANARY`",
    ],
)
def test_a_value_cannot_pose_as_a_message(field: str, value: str) -> None:
    """A value worded like the decoder's own messages changes neither the reason nor what is said."""
    refused = refusal(line("transaction", **{field: value}))

    assert refused.field == field
    assert refused.reason is (Refusal.UNKNOWN_TYPE if field == "type" else Refusal.UNKNOWN_VALUE)


@pytest.mark.parametrize(
    "body",
    [
        WHOLE[:-1] + b',"channel":73190482}',
        b'{"channel":73190482,' + WHOLE[1:],
        b'{"type":"CANARY",' + WHOLE[1:],
        b'{"event_id":["CANARY"],' + WHOLE[1:],
    ],
)
def test_a_key_given_twice_does_not_hide_a_wrong_value(body: bytes) -> None:
    """Whichever of two values is wrong, the record is refused, by the right field and without a value."""
    assert refusal(body).field in ("channel", "type", "event_id")


def test_of_a_key_given_twice_the_last_counts() -> None:
    """Two good values are no error; what counts is what other JSON readers take."""
    event, _ = decode_feed_event(line("login")[:-1] + b',"channel":"web"}', NOW_MS)

    assert event.channel == "web"  # type: ignore[union-attr]


@pytest.mark.parametrize("extra", [0, 1])
def test_the_size_limit_is_exact(extra: int) -> None:
    """A record of exactly the limit is accepted, one byte more is refused with both sizes."""
    body = line("login")
    body = body[:-1] + b" " * (MAX_RECORD_BYTES + extra - len(body)) + b"}"
    if extra:
        assert str(refusal(body)) == "record: expected at most 65536 bytes, found 65537 bytes"
        assert refusal(body).reason is Refusal.OVERSIZE
    else:
        decode_feed_event(body, NOW_MS)


def test_size_is_bytes_not_characters() -> None:
    """Chinese text takes three bytes a character."""
    body = line("login")[:-1] + b',"note":"' + "客".encode() * (MAX_RECORD_BYTES // 3) + b'"}'

    assert refusal(body).reason is Refusal.OVERSIZE


# --- times ------------------------------------------------------------------------------------------------------


def at(instant_ms: int, offset_hours: float = 0) -> str:
    zone = timedelta(hours=offset_hours)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant_ms) + zone
    sign = "-" if offset_hours < 0 else "+"
    minutes = round(abs(offset_hours) * 60)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}{sign}{minutes // 60:02}:{minutes % 60:02}"


@pytest.mark.parametrize("offset_hours", [0, 14, -12, 5.75])
def test_the_bounds_of_time_are_exact(offset_hours: float) -> None:
    """1990 and an hour ahead are accepted to the millisecond, in every zone; beyond them is a bad time."""
    for edge_ms in (EARLIEST_MS, NOW_MS + MAX_AHEAD_MS):
        assert decode_feed_event(line("login", occurred_at=at(edge_ms, offset_hours)), NOW_MS)[1] == edge_ms
    early = refusal(line("login", occurred_at=at(EARLIEST_MS - 1, offset_hours)))
    late = refusal(line("login", occurred_at=at(NOW_MS + MAX_AHEAD_MS + 1, offset_hours)))

    for refused, found in ((early, "a time before 1990"), (late, "a time in the future")):
        assert (refused.reason, refused.field, refused.found) == (Refusal.BAD_TIME, "occurred_at", found)


@pytest.mark.parametrize(
    "value",
    ["0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999999Z"],
)
def test_the_ends_of_the_calendar_are_bad_times(value: str) -> None:
    """Times at which arithmetic overflows are refused like any other absurd one."""
    assert refusal(line("login", occurred_at=value)).reason is Refusal.BAD_TIME


@pytest.mark.parametrize(
    "value",
    ["2026-01-05T10:00:00Z", "2026-01-05t10:00:00z", "2026-01-05T15:30:00+05:30", "2026-01-05T10:00:00.000000Z"],
)
def test_one_instant_in_many_spellings(value: str) -> None:
    """Spellings and offsets that RFC 3339 allows mean the same instant."""
    assert decode_feed_event(line("login", occurred_at=value), NOW_MS)[1] == epoch_ms(
        datetime(2026, 1, 5, 10, tzinfo=UTC)
    )


# --- nothing else can happen ----------------------------------------------------------------------------------------


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=150, derandomize=True)
@given(st.sampled_from(sorted(FULL)), st.data())
def test_any_value_anywhere_is_accepted_or_refused(event_type: str, data: st.DataObject) -> None:
    """Whatever stands in a field, the answer is an event that goes round or a refusal, and never another error."""
    field = data.draw(st.sampled_from(["type", *COMMON, *FULL[event_type]]))
    body = json.dumps(record(event_type, **{field: data.draw(json_values)})).encode()
    try:
        event, at_ms = decode_feed_event(body, NOW_MS)
    except Refused as refused:
        assert refused.field in (field, "", "event_id", "customer_id", *FULL[event_type])  # noqa: PT017
    else:
        assert decode_ledger_run([encode_event_record(event, at_ms, "s", 0)])[0].event == event


@settings(deadline=None, max_examples=150, derandomize=True)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused(body: bytes) -> None:
    """Random bytes are no record."""
    with pytest.raises(Refused):
        decode_feed_event(body, NOW_MS)


# --- JSON Schemas -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event_type", sorted(FULL))
def test_schemas_say_what_the_decoder_does(event_type: str) -> None:
    """Each schema is plain JSON, names the type, requires what the decoder requires and knows every field."""
    schema = json.loads(json.dumps(json_schema(event_type)))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["x-ebbwatch-schema-version"] == 1
    (body,) = schema["$defs"].values()
    assert schema["$ref"].endswith(body["title"])
    properties = body["properties"]

    assert set(properties) == {"type", *record(event_type)}
    assert properties["type"]["enum"] == [event_type]
    assert body.get("additionalProperties", True) is True, "an upstream team may add fields"
    required = {field for field in record(event_type) if (event_type, field) not in OPTIONAL_FIELDS | DEFAULTED_FIELDS}
    assert set(body["required"]) == required
    for field in COMMON[:2]:
        assert (properties[field]["minLength"], properties[field]["maxLength"]) == (1, 128)
    assert properties["occurred_at"]["format"] == "date-time"


def test_schemas_carry_limits() -> None:
    """Bounds, choices and patterns are in the schema, in JSON Schema's own words."""
    properties = next(iter(json_schema("transaction")["$defs"].values()))["properties"]

    assert properties["amount"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 1e12}
    assert set(properties["direction"]["enum"]) == {"in", "out"}
    assert properties["currency"]["pattern"] == "^[A-Z]{3}$"


def test_an_unknown_schema_is_a_key_error() -> None:
    """There is no schema of a type that does not exist, nor of a control record."""
    for name in ("tick", "nothing"):
        with pytest.raises(KeyError):
            json_schema(name)


def test_a_foreign_ledger_record_is_an_error() -> None:
    """What no writer of ours has written is not folded."""
    with pytest.raises(msgspec.ValidationError):
        decode_ledger_run([b'{"v":1,"at_ms":1,"event":{"type":"unheard_of"}}'])
