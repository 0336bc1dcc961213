"""docs/deployment.md says what is true: settings, commands, exit codes, alerts, volumes."""

import re
import shlex

import click
import pytest

from agents.worker import EXIT_BROKEN
from config.settings import SETTINGS
from tests.deploy.commands import accept
from tests.deploy.compose_file import load_compose
from tests.deploy.monitoring import exported, rules
from tests.support.command_line import ROOT

PAGE = (ROOT / "docs" / "deployment.md").read_text()
CONSOLE = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]


def table() -> str:
    """The settings, as the page must show them."""
    rows = ["| setting | meaning | default |", "| --- | --- | --- |"]
    for setting in SETTINGS:
        name = f"`{setting.name}`" + (f", `{setting.name}_FILE`" if setting.secret else "")
        rows.append(f"| {name} | {setting.meaning} | {f'`{setting.default}`' if setting.default else ''} |")
    return "\n".join(rows)


def words_of_ours(line: str) -> list[str] | None:
    """What of a command line is ours to understand: after `ebbwatch`, or after the service that is run."""
    words = re.split(r" [<>|#] ?", line)[0]
    before, ours, after = words.partition("ebbwatch ")
    if ours and not before.endswith("/"):
        return shlex.split(after)
    services = "|".join(name for name, service in load_compose().services.items() if service.build)
    found = re.search(rf"docker compose run .*?\b(?:{services}) (.*)", words)
    return shlex.split(found[1]) if found else None


def test_every_setting_is_in_the_table() -> None:
    """With its meaning and default, in the order of config/settings.py; the failure shows the table to paste."""
    assert table() in PAGE, f"docs/deployment.md should hold:\n{table()}"


def test_commands_are_found() -> None:
    """The next test has something to test, of every form."""
    ours = [words for line in CONSOLE if (words := words_of_ours(line))]
    assert ["lag"] in ours
    assert ["publish", "-"] in ours
    assert len(ours) >= 5


@pytest.mark.parametrize("line", CONSOLE)
def test_what_can_be_typed_exists(line: str) -> None:
    """Our commands with their options, files of the repository, services."""
    words = words_of_ours(line)
    if words is not None:
        accept(words)
    first = line.split()[0]
    if "/" in first:
        assert (ROOT / first).is_file()
    service = re.search(r"\b(?:exec|logs --follow|--detach) ([a-z]+)\b", line)
    if service:
        assert service[1] in load_compose().services


def test_options_in_the_text_exist() -> None:
    """`topics create --...` in a sentence is a command as well."""
    for option in re.findall(r"topics create (--[a-z-]+)", PAGE):
        accept(["topics", "create", option, "3"])
    with pytest.raises(click.UsageError):
        accept(["topics", "create", "--ledger-days", "3"])


def test_exit_codes_are_those_of_the_worker() -> None:
    """70 is what the code says."""
    assert f"| {EXIT_BROKEN} | ended itself" in PAGE


def test_alerts_and_volumes_are_named_as_they_are() -> None:
    """A reader finds by that name what the page speaks of; every volume is explained."""
    names = {rule["alert"] for rule in rules() if "alert" in rule}
    assert set(re.findall(r"`(Ebbwatch\w+)`", PAGE)) <= names
    compose = load_compose()
    assert set(re.findall(r"^\| `([a-z]+-data)` \|", PAGE, re.MULTILINE)) == set(compose.volumes)
    for port in re.findall(r"127\.0\.0\.1:([0-9]+)`", PAGE):
        assert any(f"127.0.0.1:{port}:" in published for one in compose.services.values() for published in one.ports)


def test_every_metric_is_in_the_table() -> None:
    """With its labels, neither more nor less; a histogram once, without its endings."""
    rows = re.findall(r"^\| `(ebbwatch_\w+)` \| ([^|]*) \|", PAGE, re.MULTILINE)
    told = {name: set(re.findall(r"\w+", labels)) for name, labels in rows}
    there = exported()
    histograms = {name.removesuffix("_bucket") for name in there if name.endswith("_bucket")}
    parts = {f"{name}{ending}" for name in histograms for ending in ("_bucket", "_count", "_sum")}

    assert len(told) == len(rows)
    assert told == {name: there[name] for name in there.keys() - parts} | {
        name: there[f"{name}_count"] for name in histograms
    }


def test_the_index_of_runbooks_is_linked() -> None:
    """An operator gets from the page to all of them."""
    assert "(runbooks/README.md)" in PAGE
    assert (ROOT / "docs" / "runbooks" / "README.md").is_file()
