"""Prometheus, Alertmanager and Grafana read what they are given, and ask for nothing that we do not export."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from config.settings import WEB_PORT
from streams.live_metrics import LiveMetrics
from streams.metrics import Metrics
from tests.deploy.compose_file import load_compose
from tests.support.command_line import ROOT

DEPLOY = ROOT / "deploy"
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
RULE_TESTS = sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
OTHERS = {"up", "ALERTS", "process_start_time_seconds", "process_resident_memory_bytes"}
"""Metrics that are not ours: Prometheus makes the first two, prometheus_client's ProcessCollector the others."""
TARGET_LABELS = {"job", "instance", "le", "alertname", "alertstate"}


def run(package: str, *words: str | Path, given: str = "") -> None:
    """Run a tool; what it finds wrong is the failure, and so is the tool's absence."""
    command = shutil.which(str(words[0]))
    assert command, f"make check needs {words[0]}: apt-get install {package} (tests/support/install-parts does it)"
    ended = subprocess.run([command, *words[1:]], input=given, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def read(path: Path) -> Any:
    return msgspec.yaml.decode(path.read_bytes())


def rules() -> list[dict[str, Any]]:
    return [rule for file in RULES for group in read(file)["groups"] for rule in group["rules"]]


def panels(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_text())["panels"]
    return found


def dashboard_expressions() -> list[str]:
    return [
        target["expr"].replace("$__rate_interval", "1m")
        for file in DASHBOARDS
        for panel in panels(file)
        for target in panel["targets"]
    ]


def exported() -> dict[str, set[str]]:
    """Every series of a live worker, with its labels."""
    metrics = Metrics()
    live = LiveMetrics(metrics.registry)
    endings = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_count", "_sum")}
    found: dict[str, set[str]] = {}
    for metric in (*vars(metrics).values(), *vars(metrics.complaints).values(), *vars(live).values()):
        if isinstance(metric, MetricWrapperBase):
            for ending in endings[type(metric)]:
                found[metric._name + ending] = set(metric._labelnames)
    return found


def grouped(expression: str) -> set[str]:
    """The labels that an expression groups by."""
    return {label for by in re.findall(r"\bby\s*\(([^)]*)\)", expression) for label in re.findall(r"\w+", by)}


def unknown_names(expressions: list[str]) -> set[str]:
    """Metrics and labels in `expressions` that neither we, nor Prometheus, nor a recording rule has."""
    known = exported() | {rule["record"]: grouped(rule["expr"]) for rule in rules() if "record" in rule}
    names: set[str] = set()
    for expression in expressions:
        bare = re.sub(r'"[^"]*"|\[[^]]*\]', "", expression)
        asked = set(re.findall(r"\bebbwatch[\w:]*|\bprocess_\w+|\bup\b|\bALERTS\b", bare))
        names |= asked - OTHERS - set(known)
        used = set(known) & set(re.findall(r"\bebbwatch[\w:]*", bare))
        labels = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)(?!=)", " ".join(re.findall(r"{[^}]*}", bare))))
        labels |= grouped(bare)
        names |= labels - TARGET_LABELS - {label for name in used for label in known[name]}
    return names


def test_prometheus_reads_its_configuration() -> None:
    """`promtool check config`, which reads the files of rules too."""
    run("prometheus", "promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yml")


def test_prometheus_reads_our_pages() -> None:
    """`promtool check metrics`: format, names, units and help of everything a worker exports."""
    metrics = Metrics()
    LiveMetrics(metrics.registry)
    run("prometheus", "promtool", "check", "metrics", given=generate_latest(metrics.registry).decode())


def test_rules_fire_when_they_should_and_only_then() -> None:
    """`promtool test rules` over made-up series, and no alert is without such a test, firing and silent."""
    run("prometheus", "promtool", "test", "rules", *RULE_TESTS)
    fired: set[str] = set()
    silent: set[str] = set()
    for file in RULE_TESTS:
        for case in read(file)["tests"]:
            for expected in case.get("alert_rule_test", ()):
                (fired if expected.get("exp_alerts") else silent).add(expected["alertname"])
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    assert alerts
    assert fired == alerts
    assert silent == alerts


@pytest.mark.parametrize("rule", [rule for rule in rules() if "alert" in rule], ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_what_it_means(rule: dict[str, Any]) -> None:
    """Whoever is woken reads what happened and what follows from it."""
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) - {"runbook"} == {"summary", "description"}


@pytest.mark.parametrize(
    "rule", [rule for rule in rules() if "runbook" in rule.get("annotations", {})], ids=lambda rule: rule["alert"]
)
def test_a_runbook_says_what_to_do(rule: dict[str, Any]) -> None:
    """The page that an alert names is there, is about that alert, and has its three parts."""
    page = ROOT / rule["annotations"]["runbook"]
    text = page.read_text()
    assert page.name == f"{rule['alert']}.md"
    assert text.startswith(f"# {rule['alert']}\n")
    for part in ("**What it means.**", "**How to check**", "**What to do**"):
        assert part in text


def test_runbooks_are_about_what_there_is() -> None:
    """Each page belongs to an alert; metrics, other pages and alerts that it names exist."""
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    for page in RUNBOOKS:
        text = page.read_text()
        assert page.stem in alerts
        assert set(re.findall(r"\bEbbwatch[A-Z]\w+", text)) <= alerts
        assert unknown_names(re.findall(r"`(ebbwatch_[^`]*)`", text)) == set()
        for link in re.findall(r"\]\(([^)]+)\)", text):
            assert (page.parent / link).is_file(), link


def test_rules_ask_for_what_is_exported() -> None:
    """A metric that is renamed in the code cannot silence an alert."""
    assert unknown_names([rule["expr"] for rule in rules()]) == set()


def test_dashboards_ask_for_what_is_exported() -> None:
    """Nor can it empty a panel."""
    assert dashboard_expressions()
    assert unknown_names(dashboard_expressions()) == set()


@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ("sum(ebbwatch_live_lag)", {"ebbwatch_live_lag"}),
        ("rate(ebbwatch_dead_letters[5m])", {"ebbwatch_dead_letters"}),
        ('ebbwatch_live_lag_records{shard="1"}', {"shard"}),
        ("sum by (rule, why) (ebbwatch_alerts_total)", {"why"}),
        ('process_uptime_seconds{job="ebbwatch"}', {"process_uptime_seconds"}),
    ],
)
def test_an_unknown_name_is_noticed(expression: str, unknown: set[str]) -> None:
    """The two tests above see metrics, labels to match and labels to group by."""
    assert unknown_names([expression]) == unknown


def test_dashboards_are_in_the_language_of_prometheus(tmp_path: Path) -> None:
    """Every expression parses: promtool reads them as if they were rules."""
    made = [{"record": "a", "expr": expression} for expression in dashboard_expressions()]
    for number, rule in enumerate(made):
        rule["record"] = f"panel:{number}"
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": made}]}))
    run("prometheus", "promtool", "check", "rules", file)


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_dashboards_show_from_the_provisioned_source(file: Path) -> None:
    """Panels name the data source that is provisioned, have an id each, and do not lie on each other."""
    (source,) = read(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    covered: set[tuple[int, int]] = set()
    for panel in panels(file):
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": source["uid"]}
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not covered & cells
        covered |= cells
    ids = [panel["id"] for panel in panels(file)]
    assert len(ids) == len(set(ids))


def test_dashboards_have_an_identity_each() -> None:
    """Grafana keeps one of two that share a uid."""
    uids = [json.loads(file.read_text())["uid"] for file in DASHBOARDS]
    assert len(uids) == len(set(uids)) == len(DASHBOARDS)


def test_alertmanager_reads_its_configuration() -> None:
    """`amtool check-config`; and what it inhibits are alerts that there are."""
    file = DEPLOY / "alertmanager" / "alertmanager.yml"
    run("prometheus-alertmanager", "amtool", "check-config", file)
    named = set(re.findall(r"Ebbwatch\w+", " ".join(json.dumps(rule) for rule in read(file)["inhibit_rules"])))
    assert named <= {rule["alert"] for rule in rules() if "alert" in rule}


def test_everyone_finds_the_others() -> None:
    """Names and ports in the configurations are those of docker-compose.yml, and both ends share a network."""
    services = load_compose().services
    prometheus = read(DEPLOY / "prometheus" / "prometheus.yml")
    (job,) = prometheus["scrape_configs"]
    (workers,) = job["dns_sd_configs"]
    (manager,) = prometheus["alerting"]["alertmanagers"]
    (source,) = read(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    (provider,) = read(DEPLOY / "grafana" / "provisioning" / "dashboards" / "ebbwatch.yml")["providers"]

    assert workers["names"] == ["worker"]
    assert str(workers["port"]) == services["worker"].environment[WEB_PORT]
    assert set(services["worker"].networks) & set(services["prometheus"].networks)
    assert manager["static_configs"] == [{"targets": ["alertmanager:9093"]}]
    assert set(services["alertmanager"].networks) & set(services["prometheus"].networks)
    assert source["url"] == "http://prometheus:9090"
    assert set(services["grafana"].networks) & set(services["prometheus"].networks)
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in services["grafana"].volumes


def test_the_rule_knows_how_many_workers_there_are() -> None:
    """The number in `EbbwatchWorkerDown` is that of the replicas."""
    deploy = load_compose().services["worker"].deploy
    assert deploy is not None
    (rule,) = (rule for rule in rules() if rule.get("alert") == "EbbwatchWorkerDown")
    assert rule["expr"].endswith(f"< {deploy.replicas}")
    assert f"of {deploy.replicas} workers" in rule["annotations"]["description"]
