"""The health check of the image asks the worker's own page."""

import asyncio
import os
import subprocess
import sys

from prometheus_client import CollectorRegistry

from config.settings import WEB_HOST, WEB_PORT
from streams.watchdog import Health
from streams.web import WebServer
from tests.support.command_line import ROOT
from tests.support.redis_server import free_port

ALL = "0.0.0.0"  # noqa: S104 - told to what asks, not bound


def ask(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "deploy" / "healthcheck.py"],
        env={**os.environ, WEB_HOST: ALL, WEB_PORT: str(port)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


async def test_a_worker_that_is_not_ready_is_healthy() -> None:
    """Waiting for Kafka is no reason to be replaced."""
    port = free_port()
    server = WebServer("127.0.0.1", port, CollectorRegistry(), lambda: Health(["starting"], 0, 0))
    await server.start()
    try:
        asked = await asyncio.to_thread(ask, port)
    finally:
        await server.stop()
    assert (asked.returncode, asked.stderr) == (0, "")


def test_where_nobody_answers_it_is_not() -> None:
    """A process that does not turn is found out, with a reason."""
    asked = ask(free_port())
    assert asked.returncode == 1
    assert asked.stderr.startswith("/healthz does not answer: ")
