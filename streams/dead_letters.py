"""The dead letters that the live service has filed: read, and sent back to where they came from."""

import base64
import binascii
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from config.settings import KafkaSettings
from streams.feed_address import address
from streams.ingest import DeadLetter
from streams.kafka_connection import BrokerError, kafka_python_options, open_admin
from streams.names import DEAD_LETTERS_TOPIC, FEED_TOPICS, REDRIVEN_HEADER
from streams.offsets import end_offsets, first_offsets, partitions_of

_POLL_MS = 500
_SILENT_POLLS = 60
_DELIVERY_S = 60
_UNDER_WAY = 1000


class CannotRedrive(ValueError):
    """A dead letter that cannot be sent back; the message says why."""


class ReadingStalled(BrokerError):
    """The brokers stopped handing out records that they say they have."""


class DeadLetterLog:
    """The dead letters that were there when it was opened; it can be gone through several times.

    Each id comes once, however often it was delivered, and what is no dead letter of ours is passed over.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        """Note where the topic begins and ends; raises `BrokerError`."""
        self._kafka = kafka
        admin = open_admin(kafka)
        try:
            partitions = partitions_of(admin, DEAD_LETTERS_TOPIC)
            self._first, self._ends = first_offsets(admin, partitions), end_offsets(admin, partitions)
        finally:
            admin.close()

    def __iter__(self) -> Iterator[DeadLetter]:
        """Read them; raises `ReadingStalled`."""
        seen: set[str] = set()
        decode = msgspec.json.Decoder(DeadLetter).decode
        for record in self._records():
            try:
                letter = decode(record.value or b"")
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if letter.dead_letter_id not in seen:
                seen.add(letter.dead_letter_id)
                yield letter

    def _records(self) -> Iterator[Any]:
        ends = self._ends
        left = {place for place, end in ends.items() if self._first[place] < end}
        if not left:
            return
        with KafkaConsumer(**kafka_python_options(self._kafka), enable_auto_commit=False) as consumer:
            consumer.assign(sorted(left))
            for place in left:
                consumer.seek(place, self._first[place])
            silent = 0
            while left:
                fetched = consumer.poll(_POLL_MS)
                silent = 0 if fetched else silent + 1
                if silent > _SILENT_POLLS:
                    raise ReadingStalled(f"{DEAD_LETTERS_TOPIC}: the brokers hand out no more records")
                for place, run in fetched.items():
                    yield from (record for record in run if record.offset < ends[place])
                left = {place for place in left if consumer.position(place) < ends[place]}


def original_of(letter: DeadLetter) -> bytes:
    """The refused record, whole; raises `CannotRedrive` where it was not kept whole."""
    if not letter.original and letter.size_bytes:
        raise CannotRedrive("its original was not kept, since pseudonyms are asked for: the source must send it again")
    try:
        original = base64.b64decode(letter.original, validate=True)
    except binascii.Error:
        raise CannotRedrive("its original cannot be read") from None
    if len(original) < letter.size_bytes:
        raise CannotRedrive(f"only the first {len(original)} of its {letter.size_bytes} bytes were kept")
    return original


def origin_of(letter: DeadLetter) -> TopicPartition:
    """The feed partition that the record came from; raises `CannotRedrive` where that is none."""
    topic, _, partition = letter.source.rpartition("/")
    if topic not in FEED_TOPICS.values() or not partition.isdecimal():
        raise CannotRedrive("it did not come from a feed topic")
    return TopicPartition(topic, int(partition))


def whether_sendable(letter: DeadLetter) -> str:
    """Why a dead letter cannot be sent back; empty where it can."""
    try:
        origin_of(letter)
        original_of(letter)
    except CannotRedrive as error:
        return str(error)
    return ""


def redrive(kafka: KafkaSettings, letters: Iterable[DeadLetter]) -> int:
    """Send the originals of `letters` back to where they came from, and return how many the brokers confirmed.

    A header names the dead letter. Raises `CannotRedrive` before anything of that letter is sent, `KafkaError`,
    `BrokerError`; what was sent before stays sent.
    """
    there = _feed_partitions(kafka)
    confirmed = 0
    options = kafka_python_options(kafka)
    with KafkaProducer(**options, acks="all", allow_auto_create_topics=False) as producer:
        under_way: deque[Any] = deque()
        for letter in letters:
            origin, original = origin_of(letter), original_of(letter)
            if origin not in there:
                raise CannotRedrive(f"{origin.topic}/{origin.partition}, from where it came, is no longer there")
            header = (REDRIVEN_HEADER, letter.dead_letter_id.encode())
            under_way.append(
                producer.send(
                    origin.topic, original, address(original).key, partition=origin.partition, headers=[header]
                )
            )
            while len(under_way) > _UNDER_WAY:
                under_way.popleft().get(_DELIVERY_S)
                confirmed += 1
        for delivery in under_way:
            delivery.get(_DELIVERY_S)
            confirmed += 1
    return confirmed


def _feed_partitions(kafka: KafkaSettings) -> set[TopicPartition]:
    admin = open_admin(kafka)
    try:
        return {place for topic in FEED_TOPICS.values() for place in partitions_of(admin, topic)}
    finally:
        admin.close()
