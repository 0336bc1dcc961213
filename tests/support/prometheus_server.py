"""A real Prometheus for tests: the configuration and the rules that we ship, on loopback, in a directory of its own."""

import http.client
import json
import math
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.support.command_line import ROOT
from tests.support.loopback_server import LoopbackServer, program
from tests.support.workers import free_port

SHIPPED = ROOT / "deploy" / "prometheus"


class PrometheusServer(LoopbackServer):
    """One server that scrapes `targets`, ports on loopback by job.

    What is changed of what we ship: where a job's targets are, how often it is looked (`every`), and that no
    Alertmanager is told.
    """

    def __init__(self, directory: Path, targets: Mapping[str, Sequence[int]], every: str = "500ms") -> None:
        """Write the configuration and start; returns when the server answers."""
        command = program("prometheus", package="prometheus")
        directory.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.started_s = time.time()
        self._configure(directory, targets, every)
        words = [
            command,
            "--config.file=prometheus.yml",  # in the directory that it is started in: its pages show no other path
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        super().__init__(directory, port, words)

    @property
    def pages(self) -> str:
        """Where its pages for people begin, which depends on the version and on who has built it."""
        return f"http://127.0.0.1:{self.port}{self.request('GET', '/')[1].rpartition('/')[0]}"

    def ask(self, what: str, **words: object) -> Any:
        """The data of an answer of the API; an error that Prometheus tells of is the failure."""
        status, _, body = self.request("GET", f"/api/v1/{what}?{urllib.parse.urlencode(words)}")
        assert status == http.client.OK, f"{words}: {body.decode()}"
        return json.loads(body)["data"]

    def value(self, expression: str) -> float | None:
        """What an expression that yields one series is now; None when there is no such series."""
        found = self.ask("query", query=expression)["result"]
        assert len(found) <= 1, f"{expression} yields {len(found)} series"
        return float(found[0]["value"][1]) if found else None

    def points(self, expression: str) -> int:
        """How many numbers a graph of an expression shows, from the start until now."""
        found = self.ask("query_range", query=expression, start=self.started_s, end=time.time(), step=1)["result"]
        return sum(not math.isnan(float(value)) for series in found for _, value in series["values"])

    def firing(self) -> set[str]:
        """The names of alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def _configure(self, directory: Path, targets: Mapping[str, Sequence[int]], every: str) -> None:
        shipped = msgspec.yaml.decode((SHIPPED / "prometheus.yml").read_bytes())
        shipped["global"] = {"scrape_interval": every, "evaluation_interval": every}
        del shipped["alerting"]
        for job in shipped["scrape_configs"]:
            del job["dns_sd_configs"]
            job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in targets[job["job_name"]]]}]
        rules = directory / "rules"
        rules.mkdir()
        for file in (SHIPPED / "rules").glob("*.yml"):
            groups = msgspec.yaml.decode(file.read_bytes())
            for group in groups["groups"]:
                group.pop("interval", None)
            (rules / file.name).write_bytes(msgspec.json.encode(groups))  # which is YAML as well
        (directory / "prometheus.yml").write_bytes(msgspec.json.encode(shipped))
