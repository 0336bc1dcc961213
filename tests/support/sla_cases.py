"""A hand-made case that is paused, made urgent, extended, late and reopened, with policies small enough to reckon by.

Working hours are 09:00 to 17:00 in Berlin, Mondays to Fridays; 2026-03-02 is a Monday.
"""

import json
from pathlib import Path
from typing import Any

from tests.support.policy_files import BASE

POLICY = """
[calendars.desk]
zone = "Europe/Berlin"
hours = ["09:00-17:00"]
holidays = []
first = 2026-01-01
until = 2026-12-31
source = "test"

[[complaints.selection]]
profiles = ["desk"]

[[complaints.profiles]]
name = "desk"
title = "Desk"
title_zh = "柜台"
source = "test: the desk's word"
valid_from = 2026-01-01
action = "Act."
action_zh = "处理。"

[[complaints.profiles.clocks]]
name = "answer"
title = "Answered"
title_zh = "答复"
source = "test: two working days"
start = ["received", "reopened"]
stop = ["closed"]
pause = ["paused"]
resume = ["resumed"]
cancel = ["withdrawn"]
target = 16
targets = [{ when = { priority = ["high"] }, target = 8 }]
unit = "business_hours"
calendar = "desk"
warnings = [{ percent = 75 }]
extensions = [{ name = "complex", to = 24, source = "test: section 7" }]

[[complaints.profiles.requirements]]
name = "unanswered"
title = "Closed without a response"
title_zh = "未响应即关闭"
source = "test"
at = ["closed"]
needs = ["responded"]
"""

OPENED = {"business": "cards", "channel": "phone", "priority": "normal"}
STEPS: list[tuple[str, str, dict[str, Any]]] = [
    ("2026-03-02T09:00", "received", OPENED),
    ("2026-03-02T13:00", "paused", {}),
    ("2026-03-03T11:00", "resumed", {}),
    ("2026-03-03T13:00", "reclassified", {"priority": "high"}),
    ("2026-03-03T14:00", "extension_granted", {"extension": "complex"}),
    ("2026-03-05T16:00", "closed", {}),
    ("2026-03-06T10:00", "reopened", {}),
    ("2026-03-09T09:30", "closed", {}),
]
"""Time of Berlin (an hour ahead of UTC), step, and what it states."""


def step_line(at: str, step: str, said: dict[str, Any], case_id: str = "K-1", customer_id: str = "c-1") -> str:
    """One step as a line of a feed, with an event id of its own."""
    record = {
        "type": "complaint",
        "event_id": f"{case_id}/{step}@{at}",
        "customer_id": customer_id,
        "occurred_at": f"{at}:00+01:00",
        "case_id": case_id,
        "step": step,
        **said,
    }
    return json.dumps(record, ensure_ascii=False)


def login_line(at: str, customer_id: str = "quiet") -> str:
    """Somebody else's login, which lets time pass."""
    record = {
        "type": "login",
        "event_id": f"login@{at}",
        "customer_id": customer_id,
        "occurred_at": f"{at}:00+01:00",
        "channel": "app",
        "succeeded": True,
    }
    return json.dumps(record)


def written(path: Path, lines: list[str]) -> Path:
    """A feed file of these lines."""
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def the_case(directory: Path, case_id: str = "K-1") -> Path:
    """The case above as a feed file, in order of time."""
    return written(directory / "case.ndjson", [step_line(*step, case_id) for step in STEPS])


def policy_file(directory: Path, name: str = "desk.toml", *changes: tuple[str, str]) -> Path:
    """The policies above as a file, each of `changes` made once."""
    text = POLICY
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = directory / name
    path.write_text(f"{BASE.read_text('utf-8')}\n{text}", "utf-8")
    return path
