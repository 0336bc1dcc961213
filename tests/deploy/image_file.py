"""The Dockerfile and .dockerignore, read as far as the tests ask."""

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from tests.support.command_line import ROOT


def instructions() -> list[tuple[str, str]]:
    """Every instruction of deploy/Dockerfile with its arguments; continued lines are joined, comments dropped."""
    found: list[tuple[str, str]] = []
    open_line = ""
    for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines():
        if line.lstrip().startswith("#") or not line.strip():
            continue
        open_line += line.strip()
        if open_line.endswith("\\"):
            open_line = open_line[:-1]
            continue
        name, _, arguments = open_line.partition(" ")
        found.append((name, arguments.strip()))
        open_line = ""
    assert not open_line, "the last line goes on"
    return found


def is_ignored(path: str) -> bool:
    """Whether .dockerignore keeps `path` out of the build: the last line that matches it, or what it is in, decides."""
    ignored = False
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    for line in (line.strip() for line in lines if line.strip() and not line.startswith("#")):
        pattern = line.removeprefix("!")
        ways = [str(way) for way in (PurePosixPath(path), *PurePosixPath(path).parents)][:-1]
        if any(_matches(way, pattern) for way in ways):
            ignored = line == pattern
    return ignored


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatchcase(path.rpartition("/")[2], pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)
