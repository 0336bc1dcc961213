"""The domain is a function of its arguments: no clock, no randomness, no environment, no IO."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3] / "models"
ALLOWED_MODULES = {
    "bisect",
    "collections",
    "collections.abc",
    "config.calendars",
    "config.churn_policies",
    "config.complaint_policies",
    "config.policies",
    "config.sections",
    "datetime",
    "enum",
    "hashlib",
    "heapq",
    "math",
    "msgspec",
    "numpy",
    "numpy.typing",
    "river",
    "river.preprocessing",
    "river.utils",
    "struct",
    "typing",
    "zoneinfo",
}
"""Whatever is not here has to be argued for, not slipped in.

numpy scores a tick's customers at once and river learns: both are functions of their arguments here, without seeds."""
FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "hash", "id", "globals", "vars"}
"""`hash` and `id` differ from one process to the next."""
FORBIDDEN_METHODS = {"now", "utcnow", "today", "tzlocal", "getenv", "urandom"}


def impurities(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [alias.name for alias in names if not _allowed(alias.name)]
            case ast.ImportFrom(module=str(module), level=0) if not _allowed(module):
                found.append(module)
            case ast.Call(func=ast.Name(id=name)) if name in FORBIDDEN_CALLS:
                found.append(name)
            case ast.Call(func=ast.Attribute(attr=name)) if name in FORBIDDEN_METHODS:
                found.append(name)
            case ast.Call(func=ast.Attribute(attr="fromtimestamp" | "astimezone" as name), args=args):
                # Without a zone these take the machine's.
                if len(args) < (2 if name == "fromtimestamp" else 1):
                    found.append(name)
            case ast.Global() | ast.Nonlocal():
                found.append("global")
    return found


def _allowed(module: str) -> bool:
    return module in ALLOWED_MODULES or module == "models" or module.startswith("models.")


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_models_are_pure(path: Path) -> None:
    """Nothing in the domain can tell one run from the next."""
    assert impurities(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import random",
        "from os import environ",
        "from pathlib import Path",
        "from config.settings import Settings",
        "from streams.names import X",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import date\ndate.today()",
        "from datetime import datetime\ndatetime.fromtimestamp(0)",
        "x.astimezone()",
        "open('x')",
        "hash('x')",
        "def f():\n    global x",
    ],
)
def test_impurity_is_noticed(source: str) -> None:
    """The search above sees the usual ways out."""
    assert impurities(source)
