"""Grafana shows what is exported, from the source that is provisioned."""

import json
import re
from pathlib import Path

import pytest

from tests.deploy.monitoring import (
    DASHBOARDS,
    DEPLOY,
    dashboard,
    dashboard_expressions,
    panels,
    read,
    run,
    unknown_names,
)
from tests.support.command_line import ROOT

SOURCES = DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml"


def test_dashboards_ask_for_what_is_exported() -> None:
    """A metric that is renamed in the code cannot empty a panel."""
    assert dashboard_expressions()
    assert unknown_names(dashboard_expressions()) == set()


def test_dashboards_are_in_the_language_of_prometheus(tmp_path: Path) -> None:
    """Every expression parses: promtool reads them as if they were rules."""
    made = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate(dashboard_expressions())]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": made}]}))
    run("prometheus", "promtool", "check", "rules", file)


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_dashboards_show_from_the_provisioned_source(file: Path) -> None:
    """Panels name the data source that is provisioned, have an id each, say what they show, and do not overlap."""
    (source,) = read(SOURCES)["datasources"]
    variables = dashboard(file)["templating"]["list"]
    for part in (*panels(file), *(target for panel in panels(file) for target in panel["targets"]), *variables):
        assert part["datasource"] == {"type": "prometheus", "uid": source["uid"]}
    assert all(panel["description"] for panel in panels(file))
    covered: set[tuple[int, int]] = set()
    everything = dashboard(file)["panels"]
    for panel in everything:
        place = panel["gridPos"]
        assert panel["title"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not covered & cells
        covered |= cells
    ids = [panel["id"] for panel in everything]
    assert len(ids) == len(set(ids))


def test_dashboards_have_an_identity_each() -> None:
    """Grafana keeps one of two that share a uid."""
    uids = [dashboard(file)["uid"] for file in DASHBOARDS]
    assert len(uids) == len(set(uids)) == len(DASHBOARDS)


def test_documents_send_readers_to_what_is_there() -> None:
    """A dashboard that a runbook names has that title, and a panel of its that is named is on it."""
    panels_of = {dashboard(file)["title"]: {panel["title"] for panel in panels(file)} for file in DASHBOARDS}
    pages = [re.sub(r"\s+", " ", page.read_text()) for page in sorted((ROOT / "docs").rglob("*.md"))]
    named = [name for page in pages for name in re.findall(r'dashboard "([^"]+)"', page)]
    assert named
    assert set(named) <= set(panels_of)
    for page in pages:
        pairs = re.findall(r'panel "([^"]+)" of the dashboard "([^"]+)"', page)
        pairs += [(panel, board) for board, panel in re.findall(r'dashboard "([^"]+)", panel "([^"]+)"', page)]
        assert all(panel in panels_of[board] for panel, board in pairs)
