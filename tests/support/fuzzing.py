"""Malformed feed records, made from valid ones."""

import json
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

from tests.support.judge import ALWAYS, OPTIONAL, REQUIRED, Verdict, judge

Fields = dict[str, Any]
_ANY: tuple[Any, ...] = (None, True, False, 0, -1, 3.5, "", "x", "1", [], ["x"], {}, {"x": 1}, [[["x"]]])
_TIMES = (
    "2026-01-05T09:00:00",
    "2026-01-05 09:00:00",
    "2026-01-05",
    "09:00:00+08:00",
    "1989-12-31T23:59:59Z",
    "0001-01-01T00:00:00+08:00",
    "2126-01-05T09:00:00+08:00",
    "9999-12-31T23:59:59-08:00",
    "2026-02-30T09:00:00+08:00",
    "2026-13-01T09:00:00+08:00",
    "2026-01-05T24:30:00+08:00",
    "2026-01-05T09:61:00+08:00",
    "2026-01-05T09:00:00+99:00",
    "yesterday",
    "",
    1767574800,
    1767574800000,
    -1,
    None,
)
_NUMBERS = (0, -0.0, -1, -0.01, 1e13, 1e308, -1e308, 10**30, 1e-400)
_ENUMS = ("Out", "OUT", "in ", "", "both", "转账", "transfer\u0000", "unknown_kind", "unknownn")


def flipped_bytes(line: bytes, draw: Random) -> bytes:
    found = bytearray(line)
    for _ in range(draw.randrange(1, 6)):
        found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)
    return bytes(found)


def cut_short(line: bytes, draw: Random) -> bytes:
    return line[: draw.randrange(1, len(line))]


def inserted_bytes(line: bytes, draw: Random) -> bytes:
    at = draw.randrange(len(line))
    return line[:at] + draw.randbytes(draw.randrange(1, 9)) + line[at:]


def not_utf_8(line: bytes, draw: Random) -> bytes:
    at = draw.randrange(len(line))
    return (
        line[:at] + draw.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88", b"\x80", b"\xe4\xb8"]) + line[at:]
    )


def two_in_one(line: bytes, draw: Random) -> bytes:
    return line + draw.choice([b"", b",", b" ", b"\r"]) + line[: draw.randrange(1, len(line) + 1)]


def nested_garbage(line: bytes, draw: Random) -> bytes:
    deep = draw.randrange(1, 3000)
    return draw.choice(
        [
            b"[" + line + b"]",
            b"[" * deep + b"]" * draw.randrange(deep + 1),
            b'{"type":' * deep + line,
            b'{"type":' + line + b"}",
            json.dumps(line.decode()).encode(),
            b"null",
            b"true",
            b"12",
            b'"transaction"',
            b"NaN",
            b"{}",
            b"[]",
        ]
    )


def oversize(line: bytes, draw: Random) -> bytes:
    padding = b'{"padding":"' + b"x" * draw.randrange(65_536, 200_000) + b'",'
    return padding + line[1:]


def _of_fields(change: Callable[[Fields, str, Random], None]) -> Callable[[bytes, Random], bytes]:
    def mutation(line: bytes, draw: Random) -> bytes:
        event = json.loads(line)
        change(event, event["type"], draw)
        return json.dumps(event, ensure_ascii=draw.random() < 0.5).encode()

    mutation.__name__ = change.__name__
    return mutation


def _dropped_field(event: Fields, kind: str, draw: Random) -> None:
    del event[draw.choice(["type", *ALWAYS, *REQUIRED[kind]])]


def _wrong_kind(event: Fields, kind: str, draw: Random) -> None:
    event[draw.choice(["type", *ALWAYS, *REQUIRED[kind], *OPTIONAL[kind]])] = draw.choice(_ANY)


def _out_of_range(event: Fields, kind: str, draw: Random) -> None:
    rules = ALWAYS | REQUIRED[kind] | OPTIONAL[kind]
    name = draw.choice(list(rules))
    if rules[name] in ("id", "code"):
        event[name] = draw.choice(["", "y" * 129, "长" * 200])
    elif rules[name] == "codes":
        event[name] = draw.choice([["p"] * 65, [""], ["p" * 65]])
    elif rules[name] == "currency":
        event[name] = draw.choice(["", "cny", "CNYX", "CN", "¥", "CNY\n", "C1Y", "\uff23\uff2e\uff39"])
    else:
        event[name] = draw.choice(_NUMBERS)


def _unknown_value(event: Fields, kind: str, draw: Random) -> None:
    rules = REQUIRED[kind] | OPTIONAL[kind]
    enums = [name for name, rule in rules.items() if isinstance(rule, tuple) and isinstance(rule[0], str)]
    event[draw.choice(enums or ["type"])] = draw.choice(_ENUMS)


def _bad_time(event: Fields, kind: str, draw: Random) -> None:
    name = draw.choice([name for name, rule in (ALWAYS | OPTIONAL[kind]).items() if rule == "time"])
    event[name] = draw.choice(_TIMES)


def _unknown_type(event: Fields, kind: str, draw: Random) -> None:
    event["type"] = draw.choice(
        [
            "",
            "Transaction",
            "transactions",
            "tick",
            "policy_activated",
            "model_activated",
            "deposit",
            kind + " ",
            kind[:-1],
        ]
    )


MUTATIONS: dict[str, tuple[Callable[[bytes, Random], bytes], int]] = {
    "flipped bytes": (flipped_bytes, 18),
    "cut short": (cut_short, 12),
    "inserted bytes": (inserted_bytes, 12),
    "not UTF-8": (not_utf_8, 8),
    "two in one": (two_in_one, 4),
    "nested garbage": (nested_garbage, 8),
    "oversize": (oversize, 1),
    "field dropped": (_of_fields(_dropped_field), 10),
    "wrong kind": (_of_fields(_wrong_kind), 12),
    "out of range": (_of_fields(_out_of_range), 12),
    "unknown value": (_of_fields(_unknown_value), 8),
    "bad time": (_of_fields(_bad_time), 10),
    "unknown type": (_of_fields(_unknown_type), 5),
}
"""Every mutation with its weight."""


def malformed(valid: bytes, draw: Random, now: datetime) -> tuple[str, bytes, int]:
    """A malformed record made from a valid one: how, its bytes, and how many attempts the judge let pass."""
    spared = 0
    while True:
        name = draw.choices(list(MUTATIONS), [weight for _, weight in MUTATIONS.values()])[0]
        record = MUTATIONS[name][0](valid, draw)
        if b"\n" not in record and judge(record, now) is Verdict.MALFORMED:
            return name, record, spared
        spared += 1
