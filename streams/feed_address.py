"""Where a line of a feed file belongs: the topic of its type, and the customer it is about.

Whether the event is acceptable is not decided here. A worker does that, and files what is not as a dead letter; so a
line that tells too little about itself is still sent, to a topic where a worker will refuse it.
"""

import zlib
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct

from models.events import FEED_TYPES, epoch_ms
from streams.names import FEED_TOPICS

UNKNOWN_TOPIC = FEED_TOPICS["transactions"]
"""Where a line goes whose type cannot be told."""
_TOPICS = {
    str(struct.__struct_config__.tag): FEED_TOPICS[feed] for feed, types in FEED_TYPES.items() for struct in types
}


class Addressed(NamedTuple):
    """A line as it is, with its topic, its key (the customer, None if it names none) and its time (0 if unknown)."""

    line: bytes
    topic: str
    key: bytes | None
    at_ms: int


class _Head(Struct, gc=False):
    type: str
    customer_id: str
    occurred_at: datetime


class _Type(Struct, gc=False):
    type: str


_head = msgspec.json.Decoder(_Head)
_type = msgspec.json.Decoder(_Type)


def address(line: bytes) -> Addressed:
    """The address of a line; never fails, whatever the line holds."""
    try:
        head = _head.decode(line)
        topic = _TOPICS[head.type]
        return Addressed(line, topic, head.customer_id.encode(), epoch_ms(head.occurred_at))
    except (msgspec.DecodeError, UnicodeError, RecursionError, KeyError, TypeError, OverflowError):
        return Addressed(line, _topic_alone(line), None, 0)


def partition_of(addressed: Addressed, partitions: int) -> int:
    """The partition of a line: a customer's events of one feed stay in order, lines without a customer are spread."""
    return zlib.crc32(addressed.line if addressed.key is None else addressed.key) % partitions


def _topic_alone(line: bytes) -> str:
    try:
        return _TOPICS.get(_type.decode(line).type, UNKNOWN_TOPIC)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return UNKNOWN_TOPIC
