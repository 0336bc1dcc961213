"""What is installed is what is in the tree, and the layout rules that no linter holds."""

import ast
import importlib
import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("config", "models", "streams", "agents")
NOT_SHIPPED = {"tests", "benchmarks"}

ENVIRONMENT_READER = "config/settings.py"
ENVIRONMENT_NAMES = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
# click reads the environment itself when it is given one of these.
ENVIRONMENT_KEYWORDS = {"envvar", "auto_envvar_prefix"}


def _included_patterns() -> list[str]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns: list[str] = pyproject["tool"]["setuptools"]["packages"]["find"]["include"]
    return patterns


def _environment_uses(source: str) -> list[int]:
    """Return the lines of `source` that touch the process environment."""
    tree = ast.parse(source)
    os_names = {
        alias.asname or "os"
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "os" or (alias.name.startswith("os.") and alias.asname is None)
    }
    lines = []
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="os", names=names, lineno=line):
                if any(alias.name in ENVIRONMENT_NAMES | {"*"} for alias in names):
                    lines.append(line)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute, lineno=line):
                if name in os_names and attribute in ENVIRONMENT_NAMES:
                    lines.append(line)
            case ast.keyword(arg=str(argument), lineno=line):
                if argument in ENVIRONMENT_KEYWORDS:
                    lines.append(line)
    return sorted(lines)


@pytest.mark.parametrize("name", OURS)
def test_import_finds_our_package(name: str) -> None:
    """Names as common as config and models are ours, not those of some other distribution."""
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve() == ROOT / name / "__init__.py"


def test_every_top_level_package_is_included() -> None:
    """A new top-level package cannot be forgotten in the wheel."""
    found = {path.parent.name for path in ROOT.glob("[!.]*/__init__.py")} - NOT_SHIPPED
    patterns = _included_patterns()
    missing = {name for name in found if not any(fnmatchcase(name, pattern) for pattern in patterns)}
    assert not missing
    assert found >= set(OURS)


def test_every_code_directory_is_a_package() -> None:
    """The wheel takes packages only: a directory without __init__.py would stay behind."""
    missing = {
        str(path.parent.relative_to(ROOT))
        for name in OURS
        for path in (ROOT / name).rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    }
    assert not missing


def test_constraints_are_plain_pins() -> None:
    """Constraints name versions, never an address or a host to fetch them from."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert pins
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==[0-9][\w.!+]*", pin)] == []
    assert "://" not in text
    assert re.findall(r"\b[\w-]+\.(?:org|com|net|io|dev|cn|internal|local|lan)\b", text) == []


def test_constraints_pin_every_direct_dependency() -> None:
    """A dependency added to pyproject.toml alone would float."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = {line.partition("==")[0] for line in text.splitlines() if not line.startswith("#")}
    names = {re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in wanted}
    assert {_normalised(name) for name in names} <= {_normalised(name) for name in pinned}


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_only_settings_read_the_environment() -> None:
    """One file says what the environment can change."""
    uses = {
        f"{path.relative_to(ROOT)}:{line}"
        for name in OURS
        for path in (ROOT / name).rglob("*.py")
        if path.relative_to(ROOT).as_posix() != ENVIRONMENT_READER
        for line in _environment_uses(path.read_text(encoding="utf-8"))
    }
    assert not uses


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['A']",
        "import os\nos.getenv('A')",
        "import os as system\nsystem.environ.get('A')",
        "import os.path\nos.environ",
        "from os import environ",
        "from os import getenv as read",
        "from os import *",
        "click.option('--a', envvar='A')",
    ],
)
def test_environment_use_is_noticed(source: str) -> None:
    """The search above sees every usual spelling."""
    assert _environment_uses(source)


@pytest.mark.parametrize("source", ["import os\nos.getpid()", "settings.environ", "from os import path"])
def test_other_use_is_not_noticed(source: str) -> None:
    """The search above does not cry wolf."""
    assert not _environment_uses(source)
