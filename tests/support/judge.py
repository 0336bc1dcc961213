"""A judge of feed records that shares nothing with the decoder: the json module, and the rules written out by hand.

It knows three answers, since standards leave some things open (a key given twice, half a surrogate pair, a leap
second): only what is malformed by any reading is called so.
"""

import json
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any


class Verdict(Enum):
    VALID = "valid"
    MALFORMED = "malformed"
    UNCLEAR = "unclear"


LARGEST_BYTES = 65_536
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)

ID, CODE, TIME, AMOUNT, BALANCE, AUM, CURRENCY, SECONDS, RATING, FLAG, CODES, FEW_CODES = (
    "id",
    "code",
    "time",
    "amount",
    "balance",
    "aum",
    "currency",
    "seconds",
    "rating",
    "flag",
    "codes",
    "few codes",
)
_Rule = str | tuple[str, ...] | tuple[int, int]
_KINDS = "transfer card cash payroll bill fee interest loan investment insurance other"
_PARTIES = "own_account own_elsewhere person merchant bank unknown"

REQUIRED: dict[str, dict[str, _Rule]] = {
    "transaction": {
        "account_id": ID,
        "amount": AMOUNT,
        "currency": CURRENCY,
        "direction": ("in", "out"),
        "kind": tuple(_KINDS.split()),
    },
    "account_opened": {"account_id": ID},
    "account_closed": {"account_id": ID},
    "product_opened": {"product_id": ID, "product": CODE},
    "product_closed": {"product_id": ID},
    "login": {"channel": CODE, "succeeded": FLAG},
    "page_view": {"page": CODE},
    "contact": {
        "call_id": ID,
        "direction": ("inbound", "outbound"),
        "channel": ("phone", "chat", "branch", "email"),
        "reason": CODE,
        "outcome": ("answered", "abandoned", "voicemail"),
    },
    "complaint": {"case_id": ID, "step": CODE},
    "profile": {},
}
ALWAYS: dict[str, _Rule] = {"event_id": ID, "customer_id": ID, "occurred_at": TIME}
OPTIONAL: dict[str, dict[str, _Rule]] = {
    "transaction": {"counterparty": tuple(_PARTIES.split()), "balance_after": BALANCE},
    "account_opened": {"product": CODE},
    "account_closed": {"initiated_by": ("customer", "bank")},
    "product_opened": {"amount": AMOUNT, "currency": CURRENCY},
    "product_closed": {"product": CODE, "matured": FLAG, "amount": AMOUNT, "currency": CURRENCY},
    "login": {},
    "page_view": {},
    "contact": {"purpose": CODE, "queued_s": SECONDS, "csat": RATING, "nps": RATING},
    "complaint": {
        "business": CODE,
        "cause": CODE,
        "channel": CODE,
        "priority": CODE,
        "responsibility": ("bank", "customer", "third_party"),
        "satisfied": FLAG,
        "region": CODE,
        "actions": FEW_CODES,
        "extension": CODE,
    },
    "profile": {
        "tier": ("core", "potential", "basic"),
        "aum": AUM,
        "currency": CURRENCY,
        "opened_at": TIME,
        "birth_year": (1880, 2100),
        "income_band": (1, 10),
        "education": CODE,
        "risk_rating": (1, 5),
        "products": CODES,
        "preferred_channel": CODE,
        "adviser": ID,
    },
}
_NEVER_NULL = {"counterparty", "initiated_by", "matured", "queued_s"}
"""Optional fields with a default of their own: they may be left out, but null says nothing."""


class _Unclear(Exception):
    """Standards differ on this."""


class _Malformed(Exception):
    """No reading makes sense of this."""


def judge(line: bytes, now: datetime) -> Verdict:
    """What a feed record, without its newline, is."""
    try:
        _judge(line, now)
    except _Malformed:
        return Verdict.MALFORMED
    except (_Unclear, RecursionError):
        return Verdict.UNCLEAR
    return Verdict.VALID


def _judge(line: bytes, now: datetime) -> None:
    if len(line) > LARGEST_BYTES:
        raise _Malformed
    if not line.strip(b" \t\r\x0b\x0c") or b"\n" in line:
        raise _Unclear  # a blank line is no record, and a newline makes two of one
    try:
        event = json.loads(line.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_key_twice)
    except ValueError:
        raise _Malformed from None
    if not isinstance(event, dict):
        raise _Malformed
    _look_for_halves(event)
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in REQUIRED:
        raise _Malformed
    required = ALWAYS | REQUIRED[kind]
    if kind == "complaint" and event.get("step") == "received":
        required = required | {"business": CODE, "channel": CODE}
    unclear = False
    for name, rule in (required | OPTIONAL[kind] | required).items():
        if name not in event:
            if name in required:
                raise _Malformed
            continue
        if event[name] is None:
            if name in required or name in _NEVER_NULL:
                raise _Malformed
            continue
        try:
            _check(event[name], rule)
        except _Unclear:
            unclear = True
    if unclear:
        raise _Unclear
    at = _time(event["occurred_at"])
    if at < _EARLIEST or at > now + timedelta(hours=2):
        raise _Malformed
    if at > now:
        raise _Unclear


def _check(value: Any, rule: _Rule) -> None:
    if rule == TIME:
        _time(value)
    elif rule in (ID, CODE):
        _text(value, 128 if rule == ID else 64)
    elif rule == CURRENCY:
        if not isinstance(value, str) or not re.fullmatch("[A-Z]{3}", value):
            raise _Malformed
    elif rule == FLAG:
        if not isinstance(value, bool):
            raise _Malformed
    elif rule in (CODES, FEW_CODES):
        if not isinstance(value, list) or len(value) > (64 if rule == CODES else 8):
            raise _Malformed
        for each in value:
            _text(each, 64)
            if not each.isprintable():
                raise _Unclear
    elif rule == RATING:
        _whole(value, 0, 10)
    elif isinstance(rule, str):
        _number(value, rule)
    elif isinstance(rule[0], int) and isinstance(rule[1], int):
        _whole(value, rule[0], rule[1])
    elif not isinstance(value, str) or value not in rule:
        raise _Malformed


def _text(value: Any, longest: int) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise _Malformed
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise _Malformed
    if not value.isprintable():
        raise _Unclear  # blanks of other scripts, private and unassigned characters


def _number(value: Any, rule: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Malformed
    low, high = {AMOUNT: (0, 1e12), BALANCE: (-1e12, 1e12), AUM: (0, 1e12), SECONDS: (0, 604_800)}[rule]
    if not low <= value <= high or (rule == AMOUNT and value == 0):
        raise _Malformed


def _whole(value: Any, low: int, high: int) -> None:
    if isinstance(value, float) and value.is_integer():
        raise _Unclear  # is 5.0 a whole number?
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _Malformed


_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:[0-5]\d)", re.ASCII)
_LEAP = re.compile(r":60(\.\d+)?([Zz]|[+-])")


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise _Malformed
    match = _RFC_3339.fullmatch(value)
    try:
        if match:
            if _LEAP.search(value):
                raise _Unclear
            zone = "+00:00" if match[4] == "Z" else match[4]
            return datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}")
        loosely = datetime.fromisoformat(value)
        if re.search(r"[+-]\d\d:[6-9]\d$", value):
            raise _Malformed
    except ValueError:
        if _LEAP.search(value) or re.search(r"[tz ]", value):
            raise _Unclear from None
        raise _Malformed from None
    if loosely.tzinfo is None:
        raise _Malformed
    raise _Unclear


def _no_constant(_: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unclear
    return found


def _look_for_halves(value: Any) -> None:
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise _Unclear
    elif isinstance(value, list):
        for each in value:
            _look_for_halves(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            _look_for_halves(name)
            _look_for_halves(each)
    elif isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise _Unclear  # JSON knows no limit, but no reader of it is without one
