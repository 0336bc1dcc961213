"""Policy files as test data: what each of them is expected to come to is said in its own first lines."""

from pathlib import Path

POLICIES = Path(__file__).parents[1] / "data" / "policies"
BASE = POLICIES / "base.toml"


def good_files() -> list[Path]:
    """Files that can be used."""
    return sorted((POLICIES / "good").glob("*.toml"))


def bad_files() -> list[Path]:
    """Files that cannot be used."""
    return sorted((POLICIES / "bad").glob("*.toml"))


def whole_text(path: Path) -> str:
    """The text of a policy file; calendars and complaints alone are put behind `BASE`."""
    text = path.read_text("utf-8")
    return text if "\nversion = " in text else f"{BASE.read_text('utf-8')}\n{text}"


def remarks(path: Path, word: str) -> list[str]:
    """What the lines ``# word: ...`` of a file say."""
    begin = f"# {word}: "
    return [line.removeprefix(begin) for line in path.read_text("utf-8").splitlines() if line.startswith(begin)]
