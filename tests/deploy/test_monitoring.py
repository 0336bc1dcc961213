"""Prometheus reads what it is given and what we export, and everyone finds the others."""

from prometheus_client import generate_latest

from config.settings import WEB_PORT
from streams.learner_metrics import LearnerMetrics
from streams.live_metrics import LiveMetrics
from streams.metrics import Metrics
from streams.notifier_metrics import NotifierMetrics
from tests.deploy.compose_file import load_compose
from tests.deploy.monitoring import DEPLOY, read, run
from tests.deploy.test_dashboards import SOURCES


def test_prometheus_reads_its_configuration() -> None:
    """`promtool check config`, which reads the files of rules too."""
    run("prometheus", "promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yml")


def test_prometheus_reads_our_pages() -> None:
    """`promtool check metrics`: format, names, units and help of all that a worker, a notifier and a learner export."""
    metrics = Metrics()
    LiveMetrics(metrics.registry)
    for registry in (metrics.registry, NotifierMetrics(["one"]).registry, LearnerMetrics().registry):
        run("prometheus", "promtool", "check", "metrics", given=generate_latest(registry).decode())


def test_everyone_finds_the_others() -> None:
    """Names and ports in the configurations are those of docker-compose.yml, and both ends share a network."""
    services = load_compose().services
    prometheus = read(DEPLOY / "prometheus" / "prometheus.yml")
    jobs = {job["job_name"]: job["dns_sd_configs"] for job in prometheus["scrape_configs"]}
    (workers,) = jobs["ebbwatch"]
    (notifiers,) = jobs["ebbwatch-notifier"]
    (learners,) = jobs["ebbwatch-learner"]
    (manager,) = prometheus["alerting"]["alertmanagers"]
    (source,) = read(SOURCES)["datasources"]
    (provider,) = read(DEPLOY / "grafana" / "provisioning" / "dashboards" / "ebbwatch.yml")["providers"]

    assert workers["names"] == ["worker"]
    assert notifiers["names"] == ["notifier"]
    assert learners["names"] == ["learner"]
    for found in (workers, notifiers, learners):
        (name,) = found["names"]
        assert str(found["port"]) == services[name].environment[WEB_PORT]
        assert set(services[name].networks) & set(services["prometheus"].networks)
    assert manager["static_configs"] == [{"targets": ["alertmanager:9093"]}]
    assert set(services["alertmanager"].networks) & set(services["prometheus"].networks)
    assert source["url"] == "http://prometheus:9090"
    assert set(services["grafana"].networks) & set(services["prometheus"].networks)
    dashboards = provider["options"]["path"]
    assert f"./deploy/grafana/dashboards:{dashboards}:ro" in services["grafana"].volumes
    home = services["grafana"].environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(dashboards)
    assert (DEPLOY / "grafana" / "dashboards" / home.rpartition("/")[2]).is_file()
