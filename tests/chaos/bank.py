"""A small bank that never rests: what it puts on its feeds, and what has to become of each record."""

import json
from collections import deque
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from models.events import (
    FEED_TYPES,
    STANDARD_STEPS,
    AccountClosed,
    AccountOpened,
    Complaint,
    Contact,
    Event,
    Login,
    PageView,
    ProfileChanged,
    Transaction,
)
from streams.codecs import MAX_RECORD_BYTES
from streams.kafka_producer import Outgoing
from streams.names import FEED_TOPICS
from tests.support.command_line import ROOT

EXPECTED_HEADER: Final = "expected"
ACCEPTED: Final = "accepted"
"""Every record carries what must become of it: this, or the reason why it has to be refused."""
_DAY_MS: Final = 86_400_000
_STEPS: Final = sorted(STANDARD_STEPS - {"received"})
_TOPIC_OF: Final = {kind: FEED_TOPICS[feed] for feed, kinds in FEED_TYPES.items() for kind in kinds}
_CHANGED: Final = {
    "window_days = 14": "window_days = 2",
    "history_days = 28": "history_days = 1",
    "sustained_days = 3": "sustained_days = 1",
    "cold_floor = 50_000.0": "cold_floor = 2_000.0",
    "cooldown_days = 7": "cooldown_days = 0",
    "\nfloor = 20_000.0": "\nfloor = 2_000.0",
    "\nfloor = 5_000.0": "\nfloor = 2_000.0",
    "window_days = 7": "window_days = 1",
    "cooldown_days = 3": "cooldown_days = 0",
    "grace_days = 30": "grace_days = 1",
    "abandoned_days = 400": "abandoned_days = 3",
}


def hasty_policies() -> str:
    """The shipped policy file with windows of a day or two: alerts come, worsen and go within minutes."""
    text = (ROOT / "config" / "policies.toml").read_text()
    for shipped, changed in _CHANGED.items():
        assert text.count(shipped) == 1, f"the shipped policies do not say {shipped!r} once"
        text = text.replace(shipped, changed)
    return text


class Published(NamedTuple):
    """One record and where it goes."""

    topic: str
    partition: int
    record: Outgoing


class Bank:
    """Draws events of every type, repeats, and records that must be refused; the same from the same `draw`.

    By the clock "event" its time begins 300 days ago and runs two hours a second at 3,000 records a second; by "wall"
    events are from now, or from so long ago that their deadlines come within minutes.
    """

    def __init__(self, draw: Random, clock: str, partitions: int, customers: int = 600) -> None:
        self._draw = draw
        self._clock = clock
        self._partitions = partitions
        self._customers = customers
        self._number = 0
        self._recent: deque[Published] = deque(maxlen=3000)
        self._at_ms = 0

    def records(self, count: int, wall_ms: int) -> list[Published]:
        """The next `count` records; `wall_ms` is the time by the wall clock."""
        if not self._at_ms:
            self._at_ms = wall_ms - 300 * _DAY_MS
        made = []
        for _ in range(count):
            chance = self._draw.random()
            if chance < 0.03 and self._recent:
                made.append(self._again(self._draw.choice(self._recent)))
            elif chance < 0.05:
                made.append(self._garbage(wall_ms))
            else:
                published = self._fresh(wall_ms)
                self._recent.append(published)
                made.append(published)
        return made

    def _again(self, before: Published) -> Published:
        """The bank says it twice, in the same place or from another one."""
        if self._draw.random() < 0.6:
            return before
        return before._replace(partition=self._draw.randrange(self._partitions))

    def _fresh(self, wall_ms: int) -> Published:
        event = self._event(wall_ms)
        place = hash_of(event.customer_id) % self._partitions
        return Published(_TOPIC_OF[type(event)], place, _outgoing(event.customer_id, msgspec.json.encode(event)))

    def _event(self, wall_ms: int) -> Event:
        draw = self._draw
        kind = draw.random()
        self._number += 1
        at_ms = self._time(wall_ms, contact=0.55 < kind < 0.75)
        customer = f"c{draw.randrange(self._customers)}"
        who: dict[str, Any] = {
            "event_id": f"e{self._number}",
            "customer_id": customer,
            "occurred_at": datetime.fromtimestamp(at_ms / 1000, UTC),
        }
        account = f"{customer}-{draw.randrange(2)}"
        if kind < 0.55:
            comes_in = draw.random() < 0.3
            return Transaction(
                **who,
                account_id=account,
                amount=max(round(draw.lognormvariate(5.6 if comes_in else 4.8, 1.5), 2), 0.01),
                currency=draw.choice(["CNY", "CNY", "CNY", "USD", "XXX"]),
                direction="in" if comes_in else "out",
                kind="transfer" if draw.random() < 0.7 else "card",
                counterparty=draw.choice(["person", "merchant", "own_account"]),
                balance_after=draw.choice([None, None, None, 900.0, 80_000.0]),
            )
        if kind < 0.75:
            return Contact(
                **who,
                call_id=f"k{self._number}",
                direction="inbound",
                channel="phone",
                reason=f"r{draw.randrange(12)}",
                outcome=draw.choice(["answered", "abandoned"]),
            )
        if kind < 0.83:
            return Login(**who, channel="app", succeeded=draw.random() < 0.9)
        if kind < 0.88:
            return PageView(**who, page="home")
        if kind < 0.94:
            return self._complaint(who)
        if kind < 0.96:
            return AccountOpened(**who, account_id=account)
        if kind < 0.97:
            return AccountClosed(**who, account_id=account)
        return ProfileChanged(**who, tier=draw.choice([None, "core", "basic"]), aum=draw.choice([None, 9000.0, 7e5]))

    def _complaint(self, who: dict[str, Any]) -> Complaint:
        draw = self._draw
        received = draw.random() < 0.3
        return Complaint(
            **who,
            case_id=f"{who['customer_id']}-{draw.randrange(4)}",
            step="received" if received else draw.choice(_STEPS),
            business="cards" if received else None,
            channel="phone" if received else None,
            responsibility=draw.choice([None, "bank", "customer"]),
            satisfied=draw.choice([None, True, False]),
            region=draw.choice([None, None, "uk"]),
        )

    def _time(self, wall_ms: int, contact: bool) -> int:
        draw = self._draw
        if self._clock == "event":
            self._at_ms = min(self._at_ms + int(draw.expovariate(1 / 2400)), wall_ms)
            late = draw.random()
            back = 0 if late < 0.9 else draw.randrange(3_600_000) if late < 0.98 else draw.randrange(3 * _DAY_MS)
            return self._at_ms - back
        if contact:
            return wall_ms - _DAY_MS + int(draw.expovariate(1 / 60_000))
        return wall_ms - (draw.randrange(5000) if draw.random() < 0.95 else draw.randrange(3 * _DAY_MS))

    def _garbage(self, wall_ms: int) -> Published:
        draw = self._draw
        event = self._event(wall_ms)
        topic, whole = _TOPIC_OF[type(event)], json.loads(msgspec.json.encode(event))
        value: bytes | None
        match draw.choices(range(9), [4, 4, 4, 4, 4, 4, 4, 4, 1])[0]:
            case 0:
                value, reason = b'{"type":"login",', "not_json"
            case 1:
                value, reason = None, "not_json"
            case 2:
                value, reason = b"[1,2]", "not_an_object"
            case 3:
                value, reason = _json(whole | {"type": "deposit"}), "unknown_type"
            case 4:
                del whole["customer_id"]
                value, reason = _json(whole), "missing_field"
            case 5:
                value, reason = _json(whole | {"event_id": 7}), "wrong_kind"
            case 6:
                ahead = datetime.fromtimestamp(wall_ms / 1000 + 30 * 86_400, UTC)
                value, reason = _json(whole | {"occurred_at": ahead.isoformat()}), "bad_time"
            case 7:
                topic = draw.choice([other for other in FEED_TOPICS.values() if other != topic])
                value, reason = _json(whole), "wrong_feed"
            case _:
                padding = "x" * draw.randrange(MAX_RECORD_BYTES, MAX_RECORD_BYTES + 20_000)
                value, reason = _json(whole | {"padding": padding}), "oversize"
        return Published(topic, draw.randrange(self._partitions), _outgoing("", value, reason))


def hash_of(text: str) -> int:
    """A number for a text, the same in every process."""
    return int.from_bytes(text.encode(), "big") % 1_000_003


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()


def _outgoing(key: str, value: bytes | None, expected: str = ACCEPTED) -> Outgoing:
    # A tombstone has no value; nothing but a test makes one.
    return Outgoing(key.encode() or None, value, [(EXPECTED_HEADER, expected.encode())])  # type: ignore[arg-type]
