"""A real Prometheus for tests: the configuration and the rules that we ship, on loopback, in a directory of its own."""

import http.client
import json
import math
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from tests.support.command_line import ROOT
from tests.support.workers import free_port

SHIPPED = ROOT / "deploy" / "prometheus"
_READY_S = 30.0
_STOP_S = 30.0
_ANSWER_S = 30.0


class PrometheusServer:
    """One server that scrapes `targets`, ports on loopback by job.

    What is changed of what we ship: where a job's targets are, how often it is looked (`every`), and that no
    Alertmanager is told.
    """

    def __init__(self, directory: Path, targets: Mapping[str, Sequence[int]], every: str = "500ms") -> None:
        """Write the configuration and start; returns when the server answers."""
        command = shutil.which("prometheus")
        assert command, "the tests need Prometheus: apt-get install prometheus (tests/support/install-parts does it)"
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.started_s = time.time()
        self._log = directory / "prometheus.log"
        self._configure(directory, targets, every)
        words = [
            command,
            "--config.file=prometheus.yml",  # in the directory that it is started in: its pages show no other path
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(words, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it; nothing is left of it but its directory."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pages(self) -> str:
        """Where its pages for people begin, which depends on the version and on who has built it."""
        return f"http://127.0.0.1:{self.port}{self._request('/')[1].rpartition('/')[0]}"

    def ask(self, what: str, **words: object) -> Any:
        """The data of an answer of the API; an error that Prometheus tells of is the failure."""
        status, _, body = self._request(f"/api/v1/{what}?{urllib.parse.urlencode(words)}")
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

    def _wait_until_ready(self) -> None:
        give_up = time.monotonic() + _READY_S
        while not self._is_ready():
            assert self._process.poll() is None, f"Prometheus has ended:\n{self._log.read_text()[-2000:]}"
            assert time.monotonic() < give_up, f"Prometheus does not get ready:\n{self._log.read_text()[-2000:]}"
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return self._request("/-/ready")[0] == http.client.OK
        except OSError:
            return False

    def _request(self, address: str) -> tuple[int, str, bytes]:
        """Status, where it is sent on to, and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_S)
        try:
            connection.request("GET", address)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Location", ""), answer.read()
        finally:
            connection.close()
