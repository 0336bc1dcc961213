"""Observations and outcomes on their way to the learner, read back from their envelopes."""

from typing import Final

import msgspec
from msgspec import Struct

from models.churn_records import Observed, Settled

OBSERVED_TYPE: Final = "ebbwatch.example.observed"
SETTLED_TYPE: Final = "ebbwatch.example.settled"
"""Types of the CloudEvents."""


class ExampleUnreadable(ValueError):
    """A record that is no example; the message holds nothing of it."""


class _Envelope(Struct):
    type: str
    data: msgspec.Raw


class _Line(Struct):
    shard: int
    sequence: int


_envelopes = msgspec.json.Decoder(_Envelope)
_lines = msgspec.json.Decoder(_Line)
_bodies: Final[dict[str, msgspec.json.Decoder[Observed] | msgspec.json.Decoder[Settled]]] = {
    OBSERVED_TYPE: msgspec.json.Decoder(Observed),
    SETTLED_TYPE: msgspec.json.Decoder(Settled),
}


def decode_example(body: bytes) -> Observed | Settled:
    """The example in a CloudEvent; raises `ExampleUnreadable`."""
    try:
        envelope = _envelopes.decode(body)
        decoder = _bodies.get(envelope.type)
        example = decoder.decode(envelope.data) if decoder is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ExampleUnreadable("expected the CloudEvent of an observation or an outcome") from None
    if example is None:
        raise ExampleUnreadable("a CloudEvent of a type that is not an example's")
    return example


def decode_place(line: bytes) -> tuple[int, int]:
    """Shard and sequence of a line of `streams.ndjson_sink`; raises `ExampleUnreadable`."""
    try:
        place = _lines.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ExampleUnreadable("expected a line with a shard and a sequence") from None
    return place.shard, place.sequence
