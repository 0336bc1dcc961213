"""A real Alertmanager for tests: the routes and inhibitions that we ship, on loopback, in a directory of its own."""

import http.client
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from tests.support.command_line import ROOT
from tests.support.loopback_server import LoopbackServer, program
from tests.support.workers import free_port

SHIPPED = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
Labels = frozenset[tuple[str, str]]


class AlertmanagerServer(LoopbackServer):
    """One server whose receivers post to `receiver`, each to the path of its name.

    What is changed of what we ship: receivers are webhooks, and groups are told `every` so often and at once.
    """

    def __init__(self, directory: Path, receiver: str, every: str = "300ms") -> None:
        """Write the configuration and start; returns when the server answers."""
        command = program("prometheus-alertmanager", "alertmanager", package="prometheus-alertmanager")
        port = free_port()
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
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        super().__init__(directory, port, words)

    def fire(self, alerts: Iterable[Labels]) -> None:
        """Let alerts fire, as Prometheus would tell it."""
        self._post(alerts, datetime.now(UTC) + timedelta(hours=1))

    def resolve(self, alerts: Iterable[Labels]) -> None:
        """Let alerts end."""
        self._post(alerts, datetime.now(UTC))

    def suppressed(self) -> set[Labels]:
        """The alerts that it holds back."""
        _, _, body = self.request("GET", "/api/v2/alerts")
        return {
            frozenset(alert["labels"].items()) for alert in json.loads(body) if alert["status"]["state"] == "suppressed"
        }

    def _post(self, alerts: Iterable[Labels], ends_at: datetime) -> None:
        told = [{"labels": dict(labels), "endsAt": ends_at.isoformat()} for labels in alerts]
        status, _, body = self.request("POST", "/api/v2/alerts", json.dumps(told))
        assert status == http.client.OK, body.decode()


def _hurry(route: dict[str, Any], every: str) -> None:
    route["group_wait"] = route["group_interval"] = every
    for inner in route.get("routes", ()):
        _hurry(inner, every)
