"""What Prometheus is shown: a worker, a notifier whose receivers misbehave, a learner, and what a bank gives them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from streams.learner_run import Arrived
from tests.support import bank, feeds
from tests.support.churn_examples import publish_examples, real_stream
from tests.support.churn_stream import body, placed
from tests.support.command_line import command
from tests.support.kafka_server import KafkaServer
from tests.support.live_service import LiveService, until
from tests.support.notifier import SECRET, Notifier, webhook, write_endpoints
from tests.support.prometheus_server import PrometheusServer
from tests.support.redis_server import RedisServer
from tests.support.webhook_receiver import Manners, WebhookReceiver

REFUSED = 3
EXAMPLES = 300
"""Customers whom the learner hears of: more than it takes to publish a model."""
JOBS = ("ebbwatch", "ebbwatch-notifier", "ebbwatch-learner")
_FIRST = 200
_NO_SHARD = 100
_LATER = "2026-03-10T"
"""After all that the simulated bank does."""


class Scene(Struct):
    """What has been started, and what it has been given."""

    prometheus: PrometheusServer
    service: LiveService
    receiver: WebhookReceiver
    published: list[bytes]

    def wait_for(self, expression: str, value: float) -> None:
        """Until Prometheus has seen that an expression is so."""
        ask = self.prometheus.value
        until(lambda: ask(expression) == value, lambda: f"{expression} is {ask(expression)}, not {value}")


@contextmanager
def watched(kafka: KafkaServer, redis: RedisServer, directory: Path, parts: int = 1) -> Iterator[Scene]:
    """Start everything, let a bank's two months pass in so many parts, each seen before the next, and what follows."""
    live = LiveService(kafka, redis, directory, 2, EBBWATCH_CLOCK="event")
    try:
        (worker,) = live.start()
        (learner,) = live.start(1, command("learn", "--no-forest", "--data", directory / "learner"))
        with WebhookReceiver(SECRET) as receiver:
            receiver.manners = {"/gone": Manners(status=410), "/wrong": Manners(status=404)}
            names = ("crm", "gone", "wrong")
            endpoints = [webhook(name, receiver.url(f"/{name}"), attempts=2, backoff_first_s=0.1) for name in names]
            notifier = Notifier(kafka, directory, write_endpoints(directory / "endpoints.toml", *endpoints))
            notifier.start()
            assert notifier.process is not None
            try:
                ports = [process.wait_ready().port for process in (worker, notifier.process, learner)]
                targets = {job: [port] for job, port in zip(JOBS, ports, strict=True)}
                with PrometheusServer(directory / "prometheus", targets) as prometheus:
                    scene = Scene(prometheus, live, receiver, [])
                    _play(scene, parts)
                    yield scene
            finally:
                notifier.stop()
    finally:
        live.stop()


def _play(scene: Scene, parts: int) -> None:
    """Publish little, so that what can be at zero is seen there first; then the rest."""
    months = list(bank.lines(60, 60, 7))
    size = -(-(len(months) - _FIRST) // parts)
    rest = [months[at : at + size] for at in range(_FIRST, len(months), size)]
    for lines in (months[:_FIRST], *rest, _complaints()):
        scene.service.publish(lines)
        scene.service.wait_folded()
        scene.published += lines
        scene.wait_for("sum(ebbwatch_feed_records_accepted_total)", len(scene.published))
    # Outcomes of the two months are not known yet: these are of customers of another time, and of no shard.
    examples = placed(real_stream(EXAMPLES), 1)
    publish_examples(
        scene.service.kafka.bootstrap, (Arrived(_NO_SHARD, one.sequence, body(one.example)) for one in examples)
    )
    scene.service.send(("bank.calls", 0, f"not JSON {number}".encode()) for number in range(REFUSED))
    scene.service.wait_folded()


def _complaints() -> list[bytes]:
    """Cases that are answered within the hour, after a day, and not at all; then it is two days later."""
    lines = []
    for number in range(30):
        ids: dict[str, Any] = {"customer_id": f"case-{number}", "case_id": f"K{number}"}
        at = f"{_LATER}09:{number:02}:00+08:00"
        lines.append(feeds.line("complaint", event_id=f"R{number}", occurred_at=at, **ids))
        if number % 3:
            at = f"2026-03-1{number % 3 - 1}T10:{number:02}:00+08:00"
            lines.append(feeds.line("complaint", event_id=f"A{number}", step="responded", occurred_at=at, **ids))
    last = [
        feeds.line("login", event_id=f"L{n}", customer_id=f"case-{n}", occurred_at="2026-03-12T10:00:00+08:00")
        for n in range(20)
    ]
    return sorted(lines, key=lambda line: str(json.loads(line)["occurred_at"])) + last
