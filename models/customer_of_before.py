"""Aggregates as an earlier release has stored them, brought to the form of this one.

Version 1 kept decayed sums and the days of flows as lists of numbers, contacts and the largest outflows in the open;
version 2 the ids of the largest outflows as an encoded list.
"""

from struct import pack
from typing import Any

import msgspec

_VERSION, _CELLS, _FLOWS, _INQUIRIES = 4, 12, 16, 18
"""Where in the array they are."""
_DAYS, _LARGEST = 3, 4
"""Where in the flows."""


def upgraded(body: bytes) -> bytes | None:
    """The aggregate in the form of version 3; None where it is of neither version."""
    try:
        found = msgspec.msgpack.decode(body)
    except msgspec.DecodeError:
        return None
    if not isinstance(found, list) or len(found) <= _INQUIRIES or found[_VERSION] not in (1, 2):
        return None
    if found[_VERSION] == 1:
        _pack(found)
    _put_ids_on_lines(found[_FLOWS])
    found[_VERSION] = 3
    return msgspec.msgpack.encode(found)


def _pack(found: list[Any]) -> None:
    """From version 1 to 2."""
    cells, flows, inquiries = found[_CELLS], found[_FLOWS], found[_INQUIRIES]
    found[_CELLS] = pack(f"<{len(cells)}d", *cells)
    found[_INQUIRIES] = msgspec.msgpack.encode(inquiries) if inquiries else b""
    if flows is not None:
        flows[_DAYS], flows[_LARGEST] = _days(flows[_DAYS], flows[_LARGEST])


def _days(days: list[int], largest: list[list[Any]]) -> tuple[bytes, bytes]:
    of_day = {day: (cents, event_id) for cents, day, event_id in largest}
    packed, ids = b"", []
    for day, into, out in zip(days[::3], days[1::3], days[2::3], strict=True):
        cents, event_id = of_day.get(day, (0, ""))
        packed += pack("<4q", day, into, out, cents)
        ids.append(event_id)
    return packed, msgspec.msgpack.encode(ids) if ids else b""


def _put_ids_on_lines(flows: list[Any] | None) -> None:
    """From version 2 to 3."""
    if flows is not None:
        ids = msgspec.msgpack.decode(flows[_LARGEST]) if flows[_LARGEST] else []
        flows[_LARGEST] = "".join(f"{event_id}\n" for event_id in ids)
