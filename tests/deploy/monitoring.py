"""What Prometheus, Alertmanager and Grafana are given, read for tests, and the names that we export."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from streams.learner_metrics import LearnerMetrics
from streams.live_metrics import LiveMetrics
from streams.metrics import Metrics
from streams.notifier_metrics import NotifierMetrics
from tests.support.command_line import ROOT

DEPLOY = ROOT / "deploy"
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
RULE_TESTS = sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))
RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
ALERTMANAGER = DEPLOY / "alertmanager" / "alertmanager.yml"
OTHERS = {
    "up",
    "ALERTS",
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
}
"""Metrics that are not ours: Prometheus makes the first two, prometheus_client's ProcessCollector the others."""
TARGET_LABELS = {"job", "instance", "le", "alertname", "alertstate", "severity", "team"}


def run(package: str, *words: str | Path, given: str = "") -> str:
    """Run a tool and return what it says; what it finds wrong is the failure, and so is the tool's absence."""
    command = shutil.which(str(words[0]))
    assert command, f"make check needs {words[0]}: apt-get install {package} (tests/support/install-parts does it)"
    ended = subprocess.run([command, *words[1:]], input=given, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def read(path: Path) -> Any:
    """A YAML file."""
    return msgspec.yaml.decode(path.read_bytes())


def rules() -> list[dict[str, Any]]:
    """Every rule of every file."""
    return [rule for file in RULES for group in read(file)["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """The rules that alert; several may have one name, each with a severity of its own."""
    return [rule for rule in rules() if "alert" in rule]


def dashboard(file: Path) -> dict[str, Any]:
    """A dashboard, as Grafana reads it."""
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def panels(file: Path) -> list[dict[str, Any]]:
    """The panels of a dashboard, without the rows that divide them."""
    return [panel for panel in dashboard(file)["panels"] if panel["type"] != "row"]


def expressions(file: Path, window: str = "1m") -> list[str]:
    """What a dashboard asks for: its panels, with every variable at "All", and the choice that each variable offers."""
    variables = dashboard(file)["templating"]["list"]
    asked = [target["expr"] for panel in panels(file) for target in panel["targets"]]
    offers = [
        re.sub(r"label_values\((\w+), (\w+)\)", r"group by (\2) (\1)", variable["query"]["query"])
        for variable in variables
    ]
    values = {f"${variable['name']}": variable["allValue"] for variable in variables} | {"$__rate_interval": window}
    return [re.sub(r"\$\w+", lambda found: values[found[0]], expression) for expression in (*asked, *offers)]


def dashboard_expressions() -> list[str]:
    """What all dashboards ask for."""
    return [expression for file in DASHBOARDS for expression in expressions(file)]


def exported() -> dict[str, set[str]]:
    """Every series of a live worker, with its labels."""
    metrics = Metrics()
    parts = (metrics, LiveMetrics(metrics.registry), *vars(metrics).values())
    return _series(*(value for part in parts if hasattr(part, "__dict__") for value in vars(part).values()))


def exported_by_notifier() -> dict[str, set[str]]:
    """Every series of a notifier, with its labels."""
    return _series(*vars(NotifierMetrics(["one"])).values())


def exported_by_learner() -> dict[str, set[str]]:
    """Every series of a learner, with its labels."""
    return _series(*vars(LearnerMetrics()).values())


def _series(*objects: object) -> dict[str, set[str]]:
    endings = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_count", "_sum")}
    return {
        metric._name + ending: set(metric._labelnames)
        for metric in objects
        if isinstance(metric, MetricWrapperBase)
        for ending in endings[type(metric)]
    }


def grouped(expression: str) -> set[str]:
    """The labels that an expression groups by or matches on."""
    found = re.findall(r"\b(?:by|on|ignoring|without)\s*\(([^)]*)\)", expression)
    return {label for labels in found for label in re.findall(r"\w+", labels)}


def unknown_names(expressions: list[str]) -> set[str]:
    """Metrics and labels in `expressions` that neither we, nor Prometheus, nor a recording rule has."""
    known = exported() | exported_by_notifier() | exported_by_learner()
    known |= {rule["record"]: grouped(rule["expr"]) for rule in rules() if "record" in rule}
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
