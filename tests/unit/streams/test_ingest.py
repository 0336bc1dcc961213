"""The door: accepted or dead letter, under pseudonyms if asked."""

import base64
import json
from datetime import UTC, datetime

import msgspec
import pytest

from models.events import FEED_TYPES
from streams.codecs import MAX_RECORD_BYTES, Refusal, decode_ledger_run
from streams.ingest import Accepted, DeadLetter, Ingest
from streams.pseudonyms import MIN_KEY_BYTES, Pseudonymiser
from tests.support.feeds import NOW_MS, line

KEY = b"0123456789abcdef"


def accepted(ingest: Ingest, body: bytes) -> Accepted:
    result = ingest.accept(body, "feed:1", 7, NOW_MS)
    assert isinstance(result, Accepted)
    return result


def refused(body: bytes, source: str = "feed:1", offset: int = 7, ingest: Ingest | None = None) -> DeadLetter:
    result = (ingest or Ingest()).accept(body, source, offset, NOW_MS)
    assert isinstance(result, DeadLetter)
    return result


def test_an_accepted_record_knows_whose_and_when() -> None:
    """What the ledger needs is beside the bytes that it keeps."""
    result = accepted(Ingest(), line("login"))
    (record,) = decode_ledger_run([result.body])

    assert (result.customer_id, result.at_ms) == ("c1", record.at_ms)
    assert (record.source, record.source_offset) == ("feed:1", 7)


def test_pseudonyms_replace_every_identifier_of_people() -> None:
    """Customer, account and adviser are replaced everywhere in the ledger record."""
    ingest = Ingest(Pseudonymiser(KEY))
    for event_type in ("transaction", "profile", "login"):
        changes = {"customer_id": "CUSTOMER-1"}
        if event_type == "transaction":
            changes["account_id"] = "ACCOUNT-1"
        if event_type == "profile":
            changes["adviser"] = "ADVISER-1"
        result = accepted(ingest, line(event_type, **changes))

        assert b"-1" not in result.body.replace(b'"source_offset":-1', b"")
        assert result.customer_id == Pseudonymiser(KEY).pseudonym("customer_id", "CUSTOMER-1")


def test_pseudonyms_are_stable_and_keyed() -> None:
    """The same key gives the same pseudonym, for ever; another key another one."""
    one, same, other = Pseudonymiser(KEY), Pseudonymiser(KEY), Pseudonymiser(KEY[::-1])

    assert one.pseudonym("customer_id", "c1") == same.pseudonym("customer_id", "c1") == "iksxrqnovkivkgbktrw4oshfhu"
    assert one.pseudonym("customer_id", "c1") != other.pseudonym("customer_id", "c1")


def test_pseudonyms_keep_kinds_apart() -> None:
    """A customer and an account of the same id have nothing in common."""
    kinds = ("customer_id", "account_id", "adviser")
    names = {Pseudonymiser(KEY).pseudonym(kind, "1") for kind in kinds}

    assert len(names) == 3
    assert all(len(name) == 26 and name.isalnum() and name == name.lower() for name in names)


def test_an_absent_identifier_stays_absent() -> None:
    """A profile without an adviser does not get one."""
    result = accepted(Ingest(Pseudonymiser(KEY)), line("profile", adviser=...))

    assert b"adviser" not in result.body


def test_a_short_key_is_refused_unseen() -> None:
    """A key that could be guessed is refused by its length; its content is not shown."""
    Pseudonymiser(b"k" * MIN_KEY_BYTES)
    with pytest.raises(ValueError, match="expected at least 16 bytes, found 15") as error:
        Pseudonymiser(b"SECRET-" + b"k" * 8)
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize("feed", sorted(FEED_TYPES))
def test_a_feed_carries_its_own_types_alone(feed: str) -> None:
    """A valid record on the wrong feed is refused as that."""
    ingest = Ingest(types=FEED_TYPES[feed])
    types = {str(struct.__struct_config__.tag) for struct in FEED_TYPES[feed]}
    for event_type in (
        "transaction",
        "account_closed",
        "login",
        "page_view",
        "contact",
        "alert_feedback",
        "complaint",
        "profile",
    ):
        if event_type in types:
            accepted(ingest, line(event_type))
        else:
            letter = refused(line(event_type), ingest=ingest)
            assert (letter.reason, letter.field, letter.found) == (Refusal.WRONG_FEED, "type", "another")


def test_a_dead_letter_tells_everything() -> None:
    """Reason, field, expectation, place and time; and the original bytes, whatever they were."""
    body = b'{"type":"login",\xff\x00'
    letter = refused(body)

    assert (letter.reason, letter.field) == (Refusal.NOT_JSON, "")
    assert (letter.source, letter.source_offset, letter.size_bytes) == ("feed:1", 7, len(body))
    assert letter.refused_at == datetime.fromtimestamp(NOW_MS / 1000, UTC)
    assert base64.b64decode(letter.original) == body
    assert json.loads(msgspec.json.encode(letter))["reason"] == "not_json"


def test_under_pseudonyms_a_dead_letter_keeps_no_original() -> None:
    """What was refused cannot be pseudonymised, so only its place and size are kept."""
    letter = refused(b"CANARY", ingest=Ingest(Pseudonymiser(b"0123456789abcdef")))
    assert (letter.original, letter.size_bytes) == ("", 6)


@pytest.mark.parametrize("character", ["\n", "\x1b", "\x00", "\x9b", "\u202e"])
@pytest.mark.parametrize("field", ["customer_id", "event_id", "channel"])
def test_control_characters_are_refused(field: str, character: str) -> None:
    """Ids and codes end up on terminals and in keys: what cannot be printed is refused, and other scripts are not."""
    letter = refused(line("login", **{field: f"a{character}b"}))
    assert (letter.reason, letter.field) == (Refusal.OUT_OF_RANGE, field)
    accepted(Ingest(), line("login", **{field: "客户　-é"}))


def test_the_id_of_a_dead_letter_is_its_place() -> None:
    """The same place gives the same id, whatever stands there and whenever; another place another one."""
    first = refused(b"x")
    assert refused(b"y").dead_letter_id == first.dead_letter_id

    others = {
        refused(b"x", source, offset).dead_letter_id
        for source, offset in (("feed:1", 8), ("feed:2", 7), ("feed:17", 0), ("feed:1", 70))
    }
    assert len(others | {first.dead_letter_id}) == 5


def test_the_original_of_an_oversize_record_is_cut() -> None:
    """A dead letter is bounded too; its beginning can be recovered."""
    body = b"ab" * MAX_RECORD_BYTES
    letter = refused(body)

    assert letter.reason is Refusal.OVERSIZE
    assert letter.size_bytes == len(body)
    assert base64.b64decode(letter.original) == body[:MAX_RECORD_BYTES]


def test_the_words_of_a_dead_letter_hold_no_data() -> None:
    """Apart from the original, nothing of the record is in it."""
    letter = refused(line("transaction", customer_id="CANARY", amount=-73190482, direction="CANARY"))

    assert "CANARY" not in msgspec.json.encode(msgspec.structs.replace(letter, original="")).decode()
    assert "73190482" not in str(msgspec.structs.replace(letter, original=""))
