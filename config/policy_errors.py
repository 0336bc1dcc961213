"""What is wrong with a policy document, in words that its author can follow: keys by name, and what was expected."""

import re
from typing import Any, get_args

from config.calendars import Weekday
from config.complaint_policies import CaseField, Counting, Ends, SelectionField, Severity, TimeUnit

_PLACE = re.compile(r"`\$(\.[^`]*)?`")
_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|(\[\.\.\.\])")
_ALLOWED: tuple[tuple[str, Any], ...] = (
    (r"\.unit$", TimeUnit),
    (r"\.counting$", Counting),
    (r"\.ends$", Ends),
    (r"\.severity$|\.breach\.[a-z]+$", Severity),
    (r"^complaints\.selection.*\.when$", SelectionField),
    (r"\.when$|\.where$", CaseField),
    (r"\.hours$|\.working_weekdays\[", Weekday),
)


def explained(message: str, document: dict[str, Any]) -> str:
    """A validation message about `document` with tables called by their names, not numbers, and the values allowed.

    ``profiles[2]`` says little to whoever wrote ``[[complaints.profiles]]`` and a name below it.
    """
    found = _PLACE.search(message)
    if found is None:
        return message
    path = _path_with_names(found.group(1) or "", document)
    message = message.replace(found.group(), f"`{path}`")
    if message.startswith("Invalid enum value"):
        for pattern, values in _ALLOWED:
            if re.search(pattern, path):
                return f"{message}: expected one of {', '.join(get_args(values))}"
    return message.replace("Invalid RFC3339 encoded date", "Expected a date such as 2026-01-31")


def _path_with_names(path: str, document: dict[str, Any]) -> str:
    place: Any = document
    named = ""
    for key, number, rest in _PART.findall(path):
        try:
            place = place[int(number)] if number else place[key]
        except (KeyError, IndexError, TypeError):
            place = None
        name = place.get("name") if number and isinstance(place, dict) else None
        named += f".{name}" if isinstance(name, str) else f"[{number}]" if number else rest or f".{key}"
    return named[1:] or "the document"
