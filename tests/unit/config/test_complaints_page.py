"""docs/complaints.md says what is shipped: no promise is missing from its tables, and none is made up."""

import re
import tomllib
from pathlib import Path

from agents.policy_lints import EXTENSIONS
from config.policies import load_policies
from tests.support.policy_files import POLICIES

PAGE = (Path(__file__).parents[3] / "docs" / "complaints.md").read_text("utf-8")
COMPLAINTS = load_policies().complaints


def rows(pattern: str) -> list[re.Match[str]]:
    return [found for line in PAGE.splitlines() if (found := re.match(pattern, line))]


def test_every_clock_is_in_the_table_with_its_limit() -> None:
    """The table has the clocks of the policy file and the numbers that they have there."""
    table = {(row[1], row[2]): row[3] for row in rows(r"\| `([a-z0-9-]+)` / `(\w+)`[^|]*\|[^|]*\| ([^|]*) \|")}
    latest = {one.name: one for one in sorted(COMPLAINTS.profiles, key=lambda one: one.valid_from)}
    assert set(table) == {(name, clock.name) for name, profile in latest.items() for clock in profile.clocks}
    for name, profile in latest.items():
        for clock in profile.clocks:
            said = table[name, clock.name]
            hours = {"minutes": 60.0}.get(clock.unit, 1.0)
            ordinal = "third" if clock.name == "resolved" else f"{clock.target / hours:g} "
            assert ordinal in said
            assert all(f"`{extension.name}`" in said for extension in clock.extensions)


def test_every_requirement_is_in_the_table() -> None:
    """So has the table of requirements."""
    table = {row[1] for row in rows(r"\| `(\w+_(?:missing|confirmed|approved|channel))`")}
    assert table == {one.name for profile in COMPLAINTS.profiles for one in profile.requirements}


def test_the_selection_is_in_the_table() -> None:
    """Who gets which profiles is said in the order in which it is decided."""
    table = rows(r"\| (?:`(?:uk|eu|us)`.*|all others) \| ((?:`[a-z0-9-]+`(?:, )?)+) \|")
    said = [tuple(re.findall(r"`([a-z0-9-]+)`", row[1])) for row in table]
    assert said == [entry.profiles for entry in COMPLAINTS.selection]
    assert all(f"`{name}`" in PAGE for name in EXTENSIONS)


def test_what_is_quoted_of_the_help_desk_is_in_its_file() -> None:
    """Who copies from the page gets what was tested, and every other piece of TOML can be read."""
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 5
    assert all(tomllib.loads(block) for block in blocks)
    helpdesk = (POLICIES / "good" / "helpdesk.toml").read_text("utf-8")
    assert [block in helpdesk for block in blocks] == [False, False, True, True, True]
    log = (POLICIES.parent / "helpdesk.ndjson").read_text("utf-8")
    records = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(records) == 1
    assert all(line in log.splitlines() for line in records[0].splitlines())
