"""The stack of docker-compose.yml, without an engine: the same programs, told the same, on loopback."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.compose_file import load_compose
from tests.deploy.redis_service import RedisService
from tests.support.command_line import ROOT, command, environment
from tests.support.kafka_server import JARS, KafkaServer
from tests.support.workers import WorkerProcess

COMPOSE = load_compose(environment={"EBBWATCH_CLOCK": "event"})
EVENTS = """\
{"type":"contact","event_id":"K-1","customer_id":"C-7","occurred_at":"2026-03-01T09:30:00+08:00",\
"call_id":"1","direction":"inbound","channel":"phone","reason":"card_issue","outcome":"abandoned"}
{"type":"contact","event_id":"K-2","customer_id":"C-7","occurred_at":"2026-03-02T10:10:00+08:00",\
"call_id":"2","direction":"inbound","channel":"chat","reason":"card_issue","outcome":"answered"}
{"type":"contact","event_id":"K-3","customer_id":"C-7","occurred_at":"2026-03-04T18:45:00+08:00",\
"call_id":"3","direction":"inbound","channel":"phone","reason":"card_issue","outcome":"answered"}
"""
_WAIT_S = 60.0


class KafkaService(KafkaServer):
    """A broker whose configuration the image's own start-up program makes of the service's environment.

    `bootstrap` is the listener for the machine, `ssl` (which no TLS is spoken on here) the one for other containers.
    """

    def _configuration(self, controller: str) -> str:
        addresses = {"kafka:19092": self.ssl, "kafka:29093": controller, "127.0.0.1:9092": self.bootstrap}
        bound = {"//:19092": f"//{self.ssl}", "//:9092": f"//{self.bootstrap}", "//:29093": f"//{controller}"}
        told = {"/var/lib/kafka/data": str(self._directory / "data"), **addresses, **bound}
        variables = dict(COMPOSE.services["kafka"].environment)
        for name, value in variables.items():
            for ours, here in told.items():
                value = value.replace(ours, here)
            variables[name] = value
        defaults, made, mounted = (self._directory / name for name in ("defaults", "made", "mounted"))
        for directory in (defaults, made, mounted):
            directory.mkdir()
        # What the image brings along; its text does not matter here.
        (defaults / "server.properties").write_text("")
        for name in ("log4j2.yaml", "tools-log4j2.yaml"):
            (defaults / name).write_text("Configuration: {Loggers: {Root: {level: WARN}}}\n")
        places = [
            *("--default-configs-dir", str(defaults)),
            *("--mounted-configs-dir", str(mounted)),
            *("--final-configs-dir", str(made)),
        ]
        subprocess.run(
            [self._java, "-cp", str(JARS / "*"), "kafka.docker.KafkaDockerWrapper", "setup", *places],
            env={"PATH": os.environ["PATH"], **variables},
            capture_output=True,
            check=True,
        )
        return (made / "server.properties").read_text()

    def _format(self) -> None:
        """The start-up program has done so."""


class Stack:
    """The services that keep something, and the environment of ours, with addresses of this machine in it."""

    def __init__(self, directory: Path, kafka: KafkaService, redis: RedisService) -> None:
        self.directory = directory
        self._told = {
            "kafka:19092": kafka.ssl,
            "redis:6379": f"127.0.0.1:{redis.port}",
            "/run/secrets": str(redis.directory),
            "/etc/ebbwatch-notifier": str(directory),
            "/var/lib/ebbwatch": str(directory),
            "0.0.0.0": "127.0.0.1",  # noqa: S104 - of a container, not of this machine
        }

    def here(self, text: str) -> str:
        """What is told to a container, with addresses and places of this machine."""
        for inside, here in self._told.items():
            text = text.replace(inside, here)
        return text

    def environment(self, service: str) -> dict[str, str]:
        """As the file has it; the port of the pages is left out, since several processes share this machine."""
        variables = dict(COMPOSE.services[service].environment)
        variables.pop("EBBWATCH_WEB_PORT", None)
        return {name: self.here(value) for name, value in variables.items()}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command with the environment of the service `topics`."""
        variables = environment(**self.environment("topics"))
        return subprocess.run(command(*words), env=variables, cwd=ROOT, capture_output=True, text=True, check=False)

    def worker(self, number: int) -> WorkerProcess:
        """One replica."""
        service = COMPOSE.services["worker"]
        return WorkerProcess(
            self.directory / f"worker-{number}.log", command(*service.command), **self.environment("worker")
        )

    def notifier(self) -> WorkerProcess:
        """With the endpoints that are shipped."""
        shipped = (ROOT / "deploy" / "notifier" / "endpoints.toml").read_text()
        (self.directory / "endpoints.toml").write_text(self.here(shipped))
        words = [self.here(word) for word in COMPOSE.services["notifier"].command]
        return WorkerProcess(self.directory / "notifier.log", command(*words), **self.environment("notifier"))

    def learner(self) -> WorkerProcess:
        """With its data where the volume would be."""
        words = [self.here(word) for word in COMPOSE.services["learner"].command]
        return WorkerProcess(self.directory / "learner.log", command(*words), **self.environment("learner"))


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    for secret in COMPOSE.secrets:
        (tmp_path / secret).write_text(f"{secret} of the tests alone\n")
    with KafkaService(tmp_path / "kafka") as kafka, RedisService(tmp_path) as redis:
        yield Stack(tmp_path, kafka, redis)


def test_it_raises_an_alert_and_ends_in_good_order(stack: Stack) -> None:
    """Topics are made, workers and a learner get healthy, events become an alert that is told, SIGTERM ends all."""
    made = stack.run(*COMPOSE.services["topics"].command)
    assert made.returncode == 0, made.stderr
    again = stack.run(*COMPOSE.services["topics"].command)
    assert again.returncode == 0, again.stderr
    workers = [*(stack.worker(number) for number in (1, 2)), stack.learner()]
    try:
        for worker in workers:
            worker.wait_ready()
        for worker in workers:
            asked = subprocess.run(
                [sys.executable, "deploy/healthcheck.py"],
                env={**environment(**stack.environment("worker")), "EBBWATCH_WEB_PORT": str(worker.port)},
                cwd=ROOT,
                check=False,
            )
            assert asked.returncode == 0

        feed = stack.directory / "events.ndjson"
        feed.write_text(EVENTS)
        published = stack.run("publish", str(feed))
        assert published.returncode == 0, published.stderr
        notifier = stack.notifier()
        workers.append(notifier)
        notifier.wait_ready()
        told = 'ebbwatch_webhook_attempts_total{endpoint="console",outcome="delivered"}'
        give_up = time.monotonic() + _WAIT_S
        while notifier.metric(told) == 0:
            assert time.monotonic() < give_up, "".join(worker.last_lines() for worker in workers)
            time.sleep(0.2)

        assert [worker.stop() for worker in workers] == [0, 0, 0, 0]
        lines = [json.loads(line) for line in notifier.log.read_text().splitlines()]
        (alert,) = [line for line in lines if line.get("type") == "ebbwatch.alert.raised"]
        assert alert["data"]["rule"] == "repeated_inquiry"
        assert "C-7" not in notifier.log.read_text()
    finally:
        for worker in workers:
            worker.kill()
