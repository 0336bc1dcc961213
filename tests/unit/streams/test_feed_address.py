"""Where a line belongs: by its type and its customer, and somewhere in any case."""

import pytest

from models.events import EVENT_TYPES, FEED_TYPES
from streams.feed_address import UNKNOWN_TOPIC, address, partition_of
from streams.names import FEED_TOPICS

AT = "2026-01-05T09:00:00+08:00"
AT_MS = 1_767_574_800_000


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_every_type_goes_to_its_feed(event_type: str) -> None:
    """The topic is the one of the feed that carries the type, the key is the customer."""
    line = f'{{"type":"{event_type}","customer_id":"c-张","occurred_at":"{AT}","more":1}}'.encode()
    (feed,) = [feed for feed, types in FEED_TYPES.items() if EVENT_TYPES[event_type] in types]
    addressed = address(line)
    assert addressed == (line, FEED_TOPICS[feed], "c-张".encode(), AT_MS)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b"[1, 2]",
        b'"login"',
        b"[" * 100_000,
        b'{"type":"unheard_of","customer_id":"c","occurred_at":"' + AT.encode() + b'"}',
        b'{"type":7,"customer_id":"c"}',
        b'{"customer_id":"c"}',
    ],
)
def test_a_line_of_no_known_type_is_sent_all_the_same(line: bytes) -> None:
    """What cannot be told apart goes where a worker will refuse it."""
    assert address(line) == (line, UNKNOWN_TOPIC, None, 0)


@pytest.mark.parametrize(
    "rest",
    [
        b"}",
        b',"customer_id":7,"occurred_at":"' + AT.encode() + b'"}',
        b',"customer_id":"c"}',
        b',"customer_id":"c","occurred_at":"yesterday"}',
        b',"customer_id":"c","occurred_at":"2026-01-05T09:00:00"}',
    ],
)
def test_a_line_of_a_known_type_goes_to_its_feed(rest: bytes) -> None:
    """So that a dead letter, mended, can go back to where it came from."""
    addressed = address(b'{"type":"contact"' + rest)
    assert (addressed.topic, addressed.key, addressed.at_ms) == ("bank.calls", None, 0)


def test_a_customer_stays_in_one_partition() -> None:
    """A customer's events of a feed keep their order, whatever else they say; lines of nobody are spread."""
    lines = [f'{{"type":"login","customer_id":"c-1","occurred_at":"{AT}","n":{n}}}'.encode() for n in range(50)]
    assert len({partition_of(address(line), 8) for line in lines}) == 1
    assert len({partition_of(address(b"no json %d" % n), 8) for n in range(50)}) > 1
