"""Feed records for the tests of the streams layer: valid ones of every type, as JSON and as lines."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from models.events import epoch_ms

START = datetime(2026, 1, 5, tzinfo=UTC)
START_MS = epoch_ms(START)
NOW_MS = epoch_ms(datetime(2026, 6, 1, tzinfo=UTC))
"""The wall clock of tests that need one."""

FULL: dict[str, dict[str, Any]] = {
    "transaction": {
        "account_id": "a1",
        "amount": 12.5,
        "currency": "CNY",
        "direction": "out",
        "kind": "transfer",
        "counterparty": "person",
        "balance_after": -3.25,
    },
    "account_opened": {"account_id": "a1", "product": "current"},
    "account_closed": {"account_id": "a1", "initiated_by": "bank"},
    "product_opened": {"product_id": "p1", "product": "fund", "amount": 10.0, "currency": "CNY"},
    "product_closed": {"product_id": "p1", "product": "fund", "matured": True, "amount": 1.0, "currency": "CNY"},
    "login": {"channel": "app", "succeeded": True},
    "page_view": {"page": "cards"},
    "contact": {
        "call_id": "k1",
        "direction": "inbound",
        "channel": "phone",
        "reason": "fees",
        "outcome": "answered",
        "purpose": "complain",
        "queued_s": 30.5,
        "csat": 3,
        "nps": 10,
    },
    "alert_feedback": {
        "alert_id": "5f0c1d2e3a4b5968",
        "action": "contacted",
        "outcome": "retained",
        "rule": "asset_outflow",
    },
    "complaint": {
        "case_id": "k1",
        "step": "received",
        "business": "cards",
        "cause": "fee",
        "channel": "phone",
        "priority": "high",
        "responsibility": "bank",
        "satisfied": False,
        "region": "cn",
        "actions": ["explain", "assist"],
        "extension": "complex",
    },
    "profile": {
        "tier": "core",
        "aum": 100.5,
        "currency": "CNY",
        "opened_at": "2020-02-29T00:00:00Z",
        "birth_year": 1980,
        "income_band": 10,
        "education": "master",
        "risk_rating": 5,
        "products": ["fund", "card"],
        "preferred_channel": "phone",
        "adviser": "v1",
    },
}
"""Every event type with every field of its own stated, none at its default."""


def record(event_type: str, **changes: Any) -> dict[str, Any]:
    """One record with every field; a change of `...` leaves the field out."""
    whole = {
        "type": event_type,
        "event_id": "e1",
        "customer_id": "c1",
        "occurred_at": "2026-01-05T10:00:00+08:00",
        **FULL[event_type],
        **changes,
    }
    return {field: value for field, value in whole.items() if value is not ...}


def line(event_type: str, **changes: Any) -> bytes:
    """The record as a line of a feed, without its newline."""
    return json.dumps(record(event_type, **changes), ensure_ascii=False).encode()


def login(number: int, minute: float | None = None, customer: str | None = None) -> bytes:
    """A small valid line: event `number`, `minute` minutes after `START`."""
    at = START + timedelta(minutes=number if minute is None else minute)
    name = customer or f"c{number % 5}"
    return (
        f'{{"type":"login","event_id":"e{number}","customer_id":"{name}","occurred_at":"{at.isoformat()}",'
        '"channel":"app","succeeded":true}'
    ).encode()


def write(path: Path, lines: list[bytes]) -> str:
    """Write a feed file and give its path as the readers take it."""
    path.write_bytes(b"".join(one + b"\n" for one in lines))
    return str(path)
