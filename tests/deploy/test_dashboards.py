"""Grafana shows what is exported, from the source that is provisioned."""

import json
from pathlib import Path

import pytest

from tests.deploy.monitoring import DASHBOARDS, DEPLOY, dashboard_expressions, panels, read, run, unknown_names

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
    covered: set[tuple[int, int]] = set()
    for panel in panels(file):
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": source["uid"]}
        place = panel["gridPos"]
        assert panel["title"]
        assert panel["description"]
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
