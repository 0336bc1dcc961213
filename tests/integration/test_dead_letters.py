"""Dead letters from the command line: what the service has refused, on a real broker."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from streams.codecs import encode_json
from streams.ingest import DeadLetter, Ingest
from streams.names import DEAD_LETTERS_TOPIC, FEED_TOPICS
from streams.pseudonyms import Pseudonymiser
from tests.support.feeds import line, login, write
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import fresh_topics, read_topic
from tests.support.live_commands import invoke

CANARY = "customer-canary"
NOT_JSON = b"{not json, and \x1b[31mred " + CANARY.encode()
UNKNOWN_CHANNEL = line("contact", channel="telex", customer_id=CANARY)
TOO_LONG = line("page_view", page="x" * 70_000)
REFUSED = {"not_json": NOT_JSON, "unknown_value": UNKNOWN_CHANNEL, "oversize": TOO_LONG}


def refuse(kafka: KafkaServer, ingest: Ingest | None = None) -> dict[str, DeadLetter]:
    """File what the door refuses of the feed topics, as a worker does and each letter twice; by reason."""
    door = ingest or Ingest()
    letters = {}
    with KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer:
        for topic in FEED_TOPICS.values():
            for partition, records in read_topic(kafka.bootstrap, topic).items():
                for record in records:
                    taken = door.accept(
                        record.value, f"{topic}/{partition}", record.offset, time.time_ns() // 1_000_000
                    )
                    if isinstance(taken, DeadLetter):
                        letters[taken.reason.value] = taken
                        for _ in range(2):
                            producer.send(DEAD_LETTERS_TOPIC, encode_json(taken), taken.dead_letter_id.encode())
        producer.send(DEAD_LETTERS_TOPIC, b"what a stranger wrote")
    return letters


@pytest.fixture
def letters(kafka: KafkaServer, tmp_path: Path) -> dict[str, DeadLetter]:
    """Three lines that are refused, and one that is not, published and judged."""
    fresh_topics(kafka.bootstrap, 2)
    invoke(kafka, "publish", write(tmp_path / "feed.ndjson", [*REFUSED.values(), login(1)]))
    found = refuse(kafka)
    assert set(found) == set(REFUSED)
    return found


def redriven(kafka: KafkaServer) -> list[tuple[str, int, Any]]:
    """Records of the feed topics that carry the header of a dead letter."""
    return [
        (topic, partition, record)
        for topic in FEED_TOPICS.values()
        for partition, records in read_topic(kafka.bootstrap, topic).items()
        for record in records
        if record.headers
    ]


def test_list_shows_each_once_and_nothing_of_a_customer(kafka: KafkaServer, letters: dict[str, DeadLetter]) -> None:
    """A letter that was delivered twice is one letter; its original stays out of the table."""
    output = invoke(kafka, "dead-letters", "list").output
    for letter in letters.values():
        assert output.count(letter.dead_letter_id) == 1
    assert "3 of 3 shown" in output
    assert CANARY not in output
    one = invoke(kafka, "dead-letters", "list", "--reason", "oversize").output
    assert letters["oversize"].dead_letter_id in one
    assert "1 of 1 shown: oversize 1" in one
    assert "1 of 3 shown" in invoke(kafka, "dead-letters", "list", "--limit", 1).output


def test_an_empty_topic_has_no_letters(kafka: KafkaServer) -> None:
    """Nothing refused is said, not shown as an empty table."""
    fresh_topics(kafka.bootstrap, 1)
    assert invoke(kafka, "dead-letters", "list").output == "no dead letters\n"


def test_show_keeps_the_original_back_unless_asked(kafka: KafkaServer, letters: dict[str, DeadLetter]) -> None:
    """Customers' data are shown on demand alone, and never steer the terminal."""
    letter = letters["not_json"]
    output = invoke(kafka, "dead-letters", "show", letter.dead_letter_id).output
    for part in (letter.source, f"source_offset: {letter.source_offset}", "reason: not_json", letter.expected):
        assert part in output
    assert "since it is a customer's data: --original shows it" in output
    assert CANARY not in output
    whole = invoke(kafka, "dead-letters", "show", "--original", letter.dead_letter_id).output
    assert f"\\x1b[31mred {CANARY}" in whole
    assert "\x1b" not in whole


def test_an_id_that_is_not_there_is_said(kafka: KafkaServer, letters: dict[str, DeadLetter]) -> None:
    """A mistyped id shows and sends nothing."""
    for words in (("show", "feedbeef"), ("redrive", "--yes", "feedbeef", letters["not_json"].dead_letter_id)):
        assert "no dead letter has the id feedbeef" in invoke(kafka, "dead-letters", *words, code=1).output
    assert redriven(kafka) == []


def test_redrive_sends_the_original_back(kafka: KafkaServer, letters: dict[str, DeadLetter]) -> None:
    """The same bytes, in the partition they came from, keyed by their customer, once, naming the dead letter."""
    letter = letters["unknown_value"]
    output = invoke(kafka, "dead-letters", "redrive", "--reason", "unknown_value", stdin="y\n").output
    assert "Send 1 records back to bank.calls?" in output
    assert "sent 1 records back to bank.calls" in output
    ((topic, partition, record),) = redriven(kafka)
    assert f"{topic}/{partition}" == letter.source
    assert (record.key, record.value) == (CANARY.encode(), UNKNOWN_CHANNEL)
    assert dict(record.headers) == {"ebbwatch-redriven-from": letter.dead_letter_id.encode()}


def test_redrive_asks_first(kafka: KafkaServer, letters: dict[str, DeadLetter]) -> None:
    """Without a yes nothing is sent; without a choice nothing is asked."""
    invoke(kafka, "dead-letters", "redrive", letters["not_json"].dead_letter_id, stdin="n\n", code=1)
    invoke(kafka, "dead-letters", "redrive", "--yes", code=2)
    invoke(kafka, "dead-letters", "redrive", "--yes", "--reason", "not_json", "some-id", code=2)
    assert redriven(kafka) == []


def test_what_was_cut_is_not_sent_back(kafka: KafkaServer, letters: dict[str, DeadLetter]) -> None:
    """Half a record would be another record; what can be sent still is."""
    ids = [letter.dead_letter_id for letter in letters.values()]
    output = invoke(kafka, "dead-letters", "redrive", "--yes", *ids, code=1).output
    assert f"{letters['oversize'].dead_letter_id} cannot be sent back: only the first 65536 of its" in output
    assert "sent 2 records back to bank.calls, bank.transactions" in output
    assert sorted(record.value for _, _, record in redriven(kafka)) == sorted([NOT_JSON, UNKNOWN_CHANNEL])


def test_with_pseudonyms_there_is_nothing_to_send_back(kafka: KafkaServer, tmp_path: Path) -> None:
    """A refused record cannot be pseudonymised, so it was not kept, and both commands say so."""
    fresh_topics(kafka.bootstrap, 1)
    invoke(kafka, "publish", write(tmp_path / "feed.ndjson", [UNKNOWN_CHANNEL]))
    (letter,) = refuse(kafka, Ingest(Pseudonymiser(b"a key of sixteen bytes"))).values()
    shown = invoke(kafka, "dead-letters", "show", "--original", letter.dead_letter_id).output
    assert "original: not kept, since pseudonyms are asked for" in shown
    output = invoke(kafka, "dead-letters", "redrive", "--yes", letter.dead_letter_id, code=1).output
    assert "its original was not kept, since pseudonyms are asked for" in output
    assert "nothing to send back" in output
    assert redriven(kafka) == []


def test_a_letter_from_elsewhere_is_not_sent(kafka: KafkaServer, letters: dict[str, DeadLetter]) -> None:
    """A source that is no feed topic, or a partition that is gone, is refused in words."""
    letter = json.loads(encode_json(letters["not_json"]))
    with KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer:
        for number, source in enumerate(("feed:0123456789ab", "bank.calls/7", "ebbwatch.events/0")):
            moved = {**letter, "dead_letter_id": f"moved-{number}", "source": source}
            producer.send(DEAD_LETTERS_TOPIC, json.dumps(moved).encode())
    for number in (0, 2):
        output = invoke(kafka, "dead-letters", "redrive", "--yes", f"moved-{number}", code=1).output
        assert "it did not come from a feed topic" in output
    output = invoke(kafka, "dead-letters", "redrive", "--yes", "moved-1", code=1).output
    assert "bank.calls/7, from where it came, is no longer there" in output
    assert redriven(kafka) == []
