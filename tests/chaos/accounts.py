"""What has to become of every record of the feeds, kept until it has."""

import base64
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from models.context import Fate
from models.events import Event, LedgerRecord
from streams.codecs import MAX_RECORD_BYTES
from streams.ingest import DeadLetter
from streams.names import EVENTS_TOPIC
from streams.sharding import shard_of
from tests.chaos.bank import ACCEPTED, EXPECTED_HEADER

Place = tuple[str, int]
"""A record's source ("topic/partition") and offset."""

_decode_event = msgspec.json.Decoder(Event).decode
_decode_letter = msgspec.json.Decoder(DeadLetter).decode


class Accounts:
    """Valid records wait to be folded, others to be refused; each exactly once, whatever is repeated on the way."""

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self._valid: dict[Place, bytes] = {}
        self._invalid: dict[Place, tuple[str, bytes]] = {}
        self._in_ledger: set[Place] = set()
        self._letters: dict[Place, tuple[str, str]] = {}
        self.counts: Counter[str] = Counter()

    def published(self, topic: str, partition: int, records: Iterable[Any]) -> None:
        """Records that are on a feed."""
        for record in records:
            (expected,) = [value.decode() for name, value in record.headers if name == EXPECTED_HEADER]
            place = (f"{topic}/{partition}", record.offset)
            if expected == ACCEPTED:
                self._valid[place] = record.value
            else:
                self._invalid[place] = (expected, record.value or b"")
            self.counts["feed records"] += 1

    def appended(self, records: Iterable[LedgerRecord]) -> None:
        """Records that are in the ledger."""
        for record in records:
            if record.source:
                self._in_ledger.add((record.source, record.source_offset))

    def refused(self, bodies: Iterable[bytes]) -> None:
        """Dead letters: each for a record that is wrong, with the right reason; a repeat is the same again."""
        for body in bodies:
            letter = _decode_letter(body)
            place = (letter.source, letter.source_offset)
            said = (letter.dead_letter_id, letter.reason.value)
            before = self._letters.get(place)
            if before is not None:
                assert said == before, f"{place}: a repeated dead letter is another one"
                self.counts["dead letters repeated"] += 1
                continue
            assert place in self._invalid, f"{place}: a dead letter for a record that is none of the wrong ones"
            expected, value = self._invalid.pop(place)
            assert letter.reason.value == expected, f"{place}: refused as {letter.reason}, not as {expected}"
            assert base64.b64decode(letter.original) == value[:MAX_RECORD_BYTES], f"{place}: not the record's bytes"
            self._letters[place] = said
            self.counts["dead letters"] += 1

    @property
    def waiting(self) -> int:
        """Records of the feeds that are neither in the ledger nor among the dead letters."""
        return len(self._invalid) + len(self._valid.keys() - self._in_ledger)

    def folded(self, shard: int, record: LedgerRecord, fate: Fate) -> None:
        """One record of the ledger, and what the straight line made of it."""
        self.counts["ledger records"] += 1
        self.counts[f"ledger: {fate.value}"] += 1
        if fate is Fate.CONTROL:
            return
        place = (record.source, record.source_offset)
        self._in_ledger.discard(place)
        value = self._valid.pop(place, None)
        if fate is Fate.REPLAYED_SOURCE:
            # Dropped as a replay: right only if it had its turn before. One that never had is lost.
            assert value is None, f"{EVENTS_TOPIC}/{shard}: {place} was dropped as a replay, and never folded"
            return
        assert value is not None, f"{EVENTS_TOPIC}/{shard}: {place} is folded twice, or was never published"
        assert _decode_event(value) == record.event, f"{EVENTS_TOPIC}/{shard}: {place} is not what was published"
        assert shard_of(record.event.customer_id, self._shards) == shard, f"{place}: in the wrong shard"  # type: ignore[union-attr]

    def close(self) -> None:
        """Everything on the feeds has had its turn."""
        assert not self._valid, f"{len(self._valid)} valid records were never folded, such as {next(iter(self._valid))}"
        assert not self._invalid, f"{len(self._invalid)} wrong records are not among the dead letters"
