"""Events whose identifiers and amounts are recognisable, bad records too, and a search for what is left of them."""

import base64
import json
from typing import Any

from tests.support import feeds

CANARY = "canary-7h3"
"""Stands in every identifier; nothing else holds it."""
AMOUNT = 7_391_548.37
"""An amount that is nobody else's."""
_IDENTIFIERS = ("customer_id", "account_id", "event_id", "product_id", "call_id", "case_id", "adviser")
_FORMS = (
    CANARY,
    *(base64.b64encode(b"_" * shift + CANARY.encode())[4 if shift else 0 : -4].decode() for shift in range(3)),
    "7391548",
    "7,391,548",
)
"""As it stands, within base64 at any place, and the amount as a number, in cents, and as people write it."""


def with_canaries(line: bytes) -> bytes:
    """The same event with every identifier and every amount made recognisable: amounts begin with 73915."""
    event: dict[str, Any] = json.loads(line)
    for name in _IDENTIFIERS:
        if name in event:
            event[name] = f"{CANARY}-{name}-{event[name]}"
    for name in ("amount", "balance_after", "aum"):
        if name in event:
            event[name] = float(f"73915{abs(event[name]):.2f}")
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def traces(text: str) -> list[str]:
    """What of a canary is in `text`."""
    return [form for form in _FORMS if form in text]


def poison() -> list[tuple[str, bytes | None, str]]:
    """Topic, value, and why it is refused; whatever can be read of them holds the canary."""
    ids = {"customer_id": CANARY, "event_id": CANARY}
    padding = b'{"padding":"' + CANARY.encode() * 8000
    return [
        ("bank.calls", f"not JSON: {CANARY}".encode(), "not_json"),
        ("bank.calls", None, "not_json"),
        ("bank.logins", b"", "not_json"),
        ("bank.logins", b"\xff" + CANARY.encode(), "not_json"),
        ("bank.complaints", f'["{CANARY}"]'.encode(), "not_an_object"),
        ("bank.complaints", feeds.line("login", **ids), "wrong_feed"),
        ("bank.customers", json.dumps({"type": CANARY}).encode(), "unknown_type"),
        ("bank.customers", feeds.line("profile", tier=CANARY, **ids), "unknown_value"),
        ("bank.transactions", feeds.line("transaction", amount=CANARY, **ids), "wrong_kind"),
        ("bank.transactions", feeds.line("transaction", amount=-AMOUNT, **ids), "out_of_range"),
        ("bank.transactions", feeds.line("transaction", account_id=..., **ids), "missing_field"),
        ("bank.transactions", feeds.line("transaction", occurred_at="1889-01-05T10:00:00Z", **ids), "bad_time"),
        ("bank.calls", feeds.line("contact", occurred_at=f"{CANARY}", **ids), "bad_time"),
        ("bank.calls", padding + b'"}', "oversize"),
        ("bank.logins", (padding * 13)[:1_040_000], "oversize"),
    ]
