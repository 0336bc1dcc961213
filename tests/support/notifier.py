"""A notifier under test: a process of its own, its endpoints file and its data directory."""

import base64
from pathlib import Path
from typing import Any

from tests.support.command_line import command
from tests.support.kafka_server import KafkaServer
from tests.support.workers import WorkerProcess

SECRET = "whsec_" + base64.b64encode(b"a secret that only tests know..").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"the one that came before it....").decode()
REFERENCE_KEY = "the key of customers' references"
LOOPBACK: dict[str, Any] = {"allow_http": True, "allow_networks": ["127.0.0.0/8"]}
SECRETS = {
    "TEST_WEBHOOK_SECRET": SECRET,
    "TEST_WEBHOOK_OTHER_SECRET": OTHER_SECRET,
    "TEST_WEBHOOK_REFERENCE_KEY": REFERENCE_KEY,
}
"""What the environment of a notifier, or of a command, must hold."""


def toml(value: Any) -> str:
    """A value as TOML; all that an endpoints file is made of."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case dict():
            return "{" + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case _:
            return str(value)


def webhook(name: str, url: str, **options: Any) -> dict[str, Any]:
    """A webhook on loopback."""
    port = int(url.rpartition(":")[2].partition("/")[0])
    base = {"kind": "webhook", "name": name, "url": url, "secrets": ["env:TEST_WEBHOOK_SECRET"], "allow_ports": [port]}
    return {**base, **LOOPBACK, **options}


def write_endpoints(path: Path, *endpoints: dict[str, Any], **top: Any) -> Path:
    """Write an endpoints file."""
    top = {"reference_key": "env:TEST_WEBHOOK_REFERENCE_KEY", **top}
    lines = [f"{key} = {toml(value)}" for key, value in top.items() if value is not None]
    for endpoint in endpoints:
        lines += ["", "[[endpoints]]", *(f"{key} = {toml(value)}" for key, value in endpoint.items())]
    path.write_text("\n".join(lines) + "\n")
    return path


class Notifier:
    """Starts, kills and stops notifiers one after the other on one data directory."""

    def __init__(self, kafka: KafkaServer, directory: Path, endpoints: Path, **settings: str) -> None:
        """Nothing runs yet."""
        self.data = directory / "notifier"
        self.log = directory / "notifier.log"
        self.settings = {
            "EBBWATCH_KAFKA_BROKERS": kafka.bootstrap,
            "EBBWATCH_ENDPOINTS": str(endpoints),
            **SECRETS,
            **settings,
        }
        self.process: WorkerProcess | None = None

    def start(self) -> WorkerProcess:
        """Start one, and wait until it is ready."""
        self.process = WorkerProcess(self.log, command("notify", "--data", self.data), **self.settings)
        return self.process.wait_ready()

    def stop(self) -> None:
        """End it in good order, where it runs; it must say that all went well."""
        process, self.process = self.process, None
        if process is not None:
            assert process.stop() == 0, process.last_lines()

    def kill(self) -> None:
        """Kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process = None
