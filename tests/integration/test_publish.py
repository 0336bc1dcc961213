"""Feed files into the feed topics of a real broker."""

import gzip
import signal
import subprocess
import time
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from models.events import FEED_TYPES
from streams.feed_address import UNKNOWN_TOPIC
from streams.names import FEED_TOPICS
from tests.support.command_line import ROOT, command, environment
from tests.support.feeds import FULL, line, login, write
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import alter_topic, delete_topics, fresh_topics, read_topic
from tests.support.live_commands import invoke

INTERRUPTED = 130


def values(kafka: KafkaServer, topic: str) -> list[bytes]:
    """The records of a topic, partition by partition."""
    return [record.value for records in read_topic(kafka.bootstrap, topic).values() for record in records]


def counts(kafka: KafkaServer) -> dict[str, int]:
    """How many records each feed topic holds, those without any left out."""
    found = {topic: len(values(kafka, topic)) for topic in FEED_TOPICS.values()}
    return {topic: count for topic, count in found.items() if count}


def test_each_line_goes_to_its_feed(kafka: KafkaServer, tmp_path: Path) -> None:
    """Lines arrive byte for byte, keyed by their customer, in the topic of their type."""
    fresh_topics(kafka.bootstrap, 3)
    lines = {event_type: line(event_type) for event_type in FULL}
    output = invoke(kafka, "publish", write(tmp_path / "feed.ndjson", list(lines.values()))).output
    assert f"published {len(lines)} lines" in output
    for feed, types in FEED_TYPES.items():
        records = [one for run in read_topic(kafka.bootstrap, FEED_TOPICS[feed]).values() for one in run]
        assert sorted(one.value for one in records) == sorted(lines[str(each.__struct_config__.tag)] for each in types)
        assert {one.key for one in records} == {b"c1"}


def test_what_is_no_event_is_sent_too(kafka: KafkaServer, tmp_path: Path) -> None:
    """Nothing is dropped silently but blank lines: a worker files the rest as dead letters."""
    fresh_topics(kafka.bootstrap, 2)
    odd = [b"no json", b"\xff", b'{"type":"unheard_of"}', b"x" * 200_000]
    output = invoke(kafka, "publish", write(tmp_path / "feed.ndjson", [*odd, b"", b"  ", login(1)])).output
    assert "published 5 lines" in output
    assert "4 of them are no events, and will be filed as dead letters" in output
    assert counts(kafka) == {UNKNOWN_TOPIC: 4, "bank.logins": 1}
    arrived = values(kafka, UNKNOWN_TOPIC)
    assert set(odd[:3]) < set(arrived)
    assert max(map(len, arrived)) == 131_072  # enough of it to tell that it is too long


def test_all_kinds_of_feeds_are_read(kafka: KafkaServer, tmp_path: Path) -> None:
    """Plain and gzipped files, directories and standard input are merged by time."""
    fresh_topics(kafka.bootstrap, 1)
    lines = [login(number) for number in range(300)]
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "a.ndjson.gz").write_bytes(gzip.compress(b"\n".join(lines[0::3])))
    write(tmp_path / "feeds" / "b.ndjson", lines[1::3])
    stdin = b"\n".join(lines[2::3]).decode()
    done = subprocess.run(
        command("publish", tmp_path / "feeds", "-"),
        cwd=ROOT,
        env=environment(EBBWATCH_KAFKA_BROKERS=kafka.bootstrap),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "published 300 lines" in done.stdout
    assert values(kafka, "bank.logins") == lines


def test_a_limit_is_kept(kafka: KafkaServer, tmp_path: Path) -> None:
    """The first lines and no more."""
    fresh_topics(kafka.bootstrap, 1)
    lines = [login(number) for number in range(50)]
    invoke(kafka, "publish", "--limit", 20, write(tmp_path / "feed.ndjson", lines))
    assert values(kafka, "bank.logins") == lines[:20]


def test_a_pace_is_kept_to_the_end(kafka: KafkaServer, tmp_path: Path) -> None:
    """At a speed, everything arrives, in order."""
    fresh_topics(kafka.bootstrap, 1)
    lines = [login(number) for number in range(120)]  # two hours
    started_s = time.monotonic()
    invoke(kafka, "publish", "--speed", 7200, write(tmp_path / "feed.ndjson", lines))
    assert time.monotonic() - started_s >= 119 / 120
    assert values(kafka, "bank.logins") == lines


def test_a_broker_that_is_killed_costs_nothing(kafka: KafkaServer, tmp_path: Path) -> None:
    """While the broker is away the publisher waits; then it goes on, and each line is there once, in order."""
    fresh_topics(kafka.bootstrap, 1)
    lines = [login(number) for number in range(4000)]
    process = subprocess.Popen(
        command("publish", "--rate", 1000, write(tmp_path / "feed.ndjson", lines)),
        cwd=ROOT,
        env=environment(EBBWATCH_KAFKA_BROKERS=kafka.bootstrap),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    give_up = time.monotonic() + 30
    while not values(kafka, "bank.logins"):
        assert time.monotonic() < give_up, "nothing arrives"
    kafka.kill()
    kafka.start()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "published 4,000 lines" in output
    assert values(kafka, "bank.logins") == lines


def test_missing_topics_name_the_command(kafka: KafkaServer, tmp_path: Path) -> None:
    """Nothing is sent to topics that a broker would make up by itself."""
    delete_topics(kafka.bootstrap)
    output = invoke(kafka, "publish", write(tmp_path / "feed.ndjson", [login(1)]), code=1).output
    assert "there is no topic bank.transactions" in output
    assert "run `ebbwatch topics create`" in output


def test_a_refused_delivery_ends_it(kafka: KafkaServer, tmp_path: Path) -> None:
    """What the brokers do not take is an error, and what is counted is what they confirmed."""
    fresh_topics(kafka.bootstrap, 1)
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        alter_topic(admin, "bank.logins", max_message_bytes="300")
    feed = write(tmp_path / "feed.ndjson", [login(number) for number in range(1000)])
    output = invoke(kafka, "publish", feed, code=1).output
    assert "published 0 lines" in output
    assert "Error: the brokers did not take a batch (MessageSizeTooLargeError)" in output
    assert counts(kafka) == {}


def test_a_damaged_file_ends_it_behind_what_is_whole(kafka: KafkaServer, tmp_path: Path) -> None:
    """Everything before the damage arrives, and the damage is said."""
    fresh_topics(kafka.bootstrap, 1)
    packed = gzip.compress(b"\n".join(login(number) for number in range(20_000)))
    feed = tmp_path / "feed.ndjson.gz"
    feed.write_bytes(packed[: len(packed) // 2])
    output = invoke(kafka, "publish", feed, code=1).output
    assert "the compressed data are damaged or cut short" in output
    arrived = len(values(kafka, "bank.logins"))
    assert 0 < arrived < 20_000
    assert f"published {arrived:,} lines" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_in_good_order(kafka: KafkaServer, tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C tells how many lines were sent, and exactly those are there."""
    fresh_topics(kafka.bootstrap, 1)
    feed = write(tmp_path / "feed.ndjson", [login(number) for number in range(5000)])
    process = subprocess.Popen(
        command("publish", "--rate", 200, feed),
        cwd=ROOT,
        env=environment(EBBWATCH_KAFKA_BROKERS=kafka.bootstrap),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    give_up = time.monotonic() + 30
    while not values(kafka, "bank.logins"):
        assert time.monotonic() < give_up, "nothing arrives"
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED, errors
    assert "interrupted: not all of the feeds was sent" in output
    assert f"published {len(values(kafka, 'bank.logins')):,} lines" in output
