"""A real Alertmanager for tests: the routes and inhibitions that we ship, on loopback, in a directory of its own."""

import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from tests.support.command_line import ROOT
from tests.support.workers import free_port

SHIPPED = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
Labels = frozenset[tuple[str, str]]
_READY_S = 30.0
_STOP_S = 30.0


class AlertmanagerServer:
    """One server whose receivers post to `receiver`, each to the path of its name.

    What is changed of what we ship: receivers are webhooks, and groups are told `every` so often and at once.
    """

    def __init__(self, directory: Path, receiver: str, every: str = "300ms") -> None:
        """Write the configuration and start; returns when the server answers."""
        command = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        assert command, (
            "the tests need Alertmanager: apt-get install prometheus-alertmanager (tests/support/install-parts)"
        )
        self.port = free_port()
        self._log = directory / "alertmanager.log"
        shipped = msgspec.yaml.decode(SHIPPED.read_bytes())
        _hurry(shipped["route"], every)
        shipped["receivers"] = [
            {"name": one["name"], "webhook_configs": [{"url": f"{receiver}/{one['name']}", "send_resolved": True}]}
            for one in shipped["receivers"]
        ]
        (directory / "alertmanager.yml").write_bytes(msgspec.json.encode(shipped))  # which is YAML as well
        words = [
            command,
            "--config.file=alertmanager.yml",
            "--storage.path=data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(words, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def fire(self, alerts: Iterable[Labels]) -> None:
        """Let alerts fire, as Prometheus would tell it."""
        self._post(alerts, datetime.now(UTC) + timedelta(hours=1))

    def resolve(self, alerts: Iterable[Labels]) -> None:
        """Let alerts end."""
        self._post(alerts, datetime.now(UTC))

    def suppressed(self) -> set[Labels]:
        """The alerts that it holds back."""
        _, body = self._request("GET", "/api/v2/alerts")
        return {
            frozenset(alert["labels"].items()) for alert in json.loads(body) if alert["status"]["state"] == "suppressed"
        }

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

    def _post(self, alerts: Iterable[Labels], ends_at: datetime) -> None:
        told = [{"labels": dict(labels), "endsAt": ends_at.isoformat()} for labels in alerts]
        status, body = self._request("POST", "/api/v2/alerts", json.dumps(told))
        assert status == http.client.OK, body.decode()

    def _wait_until_ready(self) -> None:
        give_up = time.monotonic() + _READY_S
        while not self._is_ready():
            assert self._process.poll() is None, f"Alertmanager has ended:\n{self._log.read_text()[-2000:]}"
            assert time.monotonic() < give_up, f"Alertmanager does not get ready:\n{self._log.read_text()[-2000:]}"
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return self._request("GET", "/-/ready")[0] == http.client.OK
        except OSError:
            return False

    def _request(self, method: str, address: str, body: str | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, address, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _hurry(route: dict[str, Any], every: str) -> None:
    route["group_wait"] = route["group_interval"] = every
    for inner in route.get("routes", ()):
        _hurry(inner, every)
