"""Every alert is tried, says whom it concerns and how bad it is, asks for what is exported, and has its page."""

import re
from collections import defaultdict
from typing import Any

import click
import pytest

from tests.deploy.commands import accept
from tests.deploy.compose_file import load_compose
from tests.deploy.monitoring import RULE_TESTS, RUNBOOKS, alerts, read, rules, run, unknown_names
from tests.support.command_line import ROOT

TEAMS = {"platform", "complaints", "retention"}
NAMES = sorted({rule["alert"] for rule in alerts()})
PAGES = sorted(page for page in RUNBOOKS.glob("*.md") if page.name != "README.md")
PARTS = ("**What it means.**", "**Who is affected.**", "**How to check**", "**What to do**", "**How it ends.**")
EACH = pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")


def cases() -> list[dict[str, Any]]:
    """The promtool tests."""
    return [case for file in RULE_TESTS for case in read(file)["tests"]]


def test_rules_fire_when_they_should_and_only_then() -> None:
    """`promtool test rules`, over made-up series."""
    run("prometheus", "promtool", "test", "rules", *RULE_TESTS)


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_tried(name: str) -> None:
    """It fires, at each of its severities; is silent where nothing is wrong; and begins or ends in some test."""
    fired: set[str] = set()
    quiet = edges = 0
    for case in cases():
        checks = [check for check in case.get("alert_rule_test", ()) if check["alertname"] == name]
        expected = [check.get("exp_alerts") or [] for check in checks]
        fired |= {alert["exp_labels"]["severity"] for found in expected for alert in found}
        quiet += bool(checks) and not any(expected)
        edges += any(expected) and not all(expected)
    assert fired == {rule["labels"]["severity"] for rule in alerts() if rule["alert"] == name}
    assert quiet, "no test in which it stays silent"
    assert edges or name in FROM_THE_FIRST_SCRAPE, "no test in which it begins or ends"


FROM_THE_FIRST_SCRAPE = {"EbbwatchLedgerGap", "EbbwatchFeedGap"}
"""A worker meets a gap before it was ever asked; the count ends with its process."""


@pytest.mark.parametrize("name", sorted({rule["alert"] for rule in alerts() if "for" in rule}))
def test_an_alert_that_waits_is_seen_waiting(name: str) -> None:
    """Some test looks at it while it is pending."""
    looked = [
        sample["labels"]
        for case in cases()
        for test in case.get("promql_expr_test", ())
        for sample in test["exp_samples"]
    ]
    assert any(f'alertname="{name}"' in labels and 'alertstate="pending"' in labels for labels in looked)


@EACH
def test_an_alert_says_how_bad_it_is_and_what_it_means(rule: dict[str, Any]) -> None:
    """Whoever is woken reads what happened and where to read on; labels route it, and name nobody."""
    assert set(rule["labels"]) == {"severity", "team"}
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["labels"]["team"] in TEAMS
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert "{{" not in rule["annotations"]["summary"]


@EACH
def test_a_runbook_says_what_to_do(rule: dict[str, Any]) -> None:
    """The page that an alert names is there, is about that alert, and has its parts in order."""
    page = ROOT / rule["annotations"]["runbook_url"]
    text = page.read_text()
    assert page == RUNBOOKS / f"{rule['alert']}.md"
    assert text.startswith(f"# {rule['alert']}\n")
    places = [text.index(part) for part in PARTS]
    assert places == sorted(places)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_is_about_what_there_is(page: Any) -> None:
    """It belongs to an alert; metrics, pages, alerts and commands that it names exist."""
    text = page.read_text()
    assert page.stem in NAMES
    assert set(re.findall(r"\bEbbwatch[A-Z]\w+", text)) <= set(NAMES)
    assert unknown_names(re.findall(r"`(ebbwatch_[^`]*)`", text)) == set()
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (page.parent / link).is_file(), link
    for words in re.findall(r"`ebbwatch ([^`]*)`", text):
        _assert_command(words.split())


def _assert_command(words: list[str]) -> None:
    """A command that is typed out is accepted; one that is named without its arguments is there."""
    try:
        accept(words)
    except click.MissingParameter:
        pass
    except click.BadParameter:
        assert {"FILE", "DIR", "ID", "TYPE"} & set(words), words


def test_the_index_tells_of_every_alert() -> None:
    """With its severities and its team."""
    rows = re.findall(
        r"^\| \[(\w+)\]\((\w+)\.md\) \| ([a-z, ]+) \| (\w+) \|", (RUNBOOKS / "README.md").read_text(), re.MULTILINE
    )
    expected: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for rule in alerts():
        expected[rule["alert"]].add((rule["labels"]["severity"], rule["labels"]["team"]))
    assert len(rows) == len(expected)
    told = {name: {(severity, team) for severity in severities.split(", ")} for name, _, severities, team in rows}
    assert told == expected
    assert all(name == page for name, page, _, _ in rows)


def test_rules_ask_for_what_is_exported() -> None:
    """A metric that is renamed in the code cannot silence an alert."""
    assert unknown_names([rule["expr"] for rule in rules()]) == set()


@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ("sum(ebbwatch_live_lag)", {"ebbwatch_live_lag"}),
        ("rate(ebbwatch_dead_letters[5m])", {"ebbwatch_dead_letters"}),
        ('ebbwatch_live_lag_records{shard="1"}', {"shard"}),
        ("sum by (rule, why) (ebbwatch_alerts_total)", {"why"}),
        ("ebbwatch_alerts_total unless on (who) ebbwatch_dead_letters_total", {"who"}),
        ('process_uptime_seconds{job="ebbwatch"}', {"process_uptime_seconds"}),
    ],
)
def test_an_unknown_name_is_noticed(expression: str, unknown: set[str]) -> None:
    """Metrics, labels to match and labels to group by are all seen."""
    assert unknown_names([expression]) == unknown


def test_the_rule_knows_how_many_workers_there_are() -> None:
    """The number in `EbbwatchWorkerDown` is that of the replicas."""
    deploy = load_compose().services["worker"].deploy
    assert deploy is not None
    (rule,) = (rule for rule in alerts() if rule["alert"] == "EbbwatchWorkerDown")
    assert rule["expr"].endswith(f"< {deploy.replicas}")
    assert f"of {deploy.replicas} workers" in rule["annotations"]["description"]
