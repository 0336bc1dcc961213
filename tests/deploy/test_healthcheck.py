"""The health check of the image asks the worker's own page."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from config.settings import WEB_HOST, WEB_PORT
from streams.watchdog import Health
from streams.web import WebServer
from tests.support.command_line import ROOT
from tests.support.redis_server import free_port

ALL = "0.0.0.0"  # noqa: S104 - told to what asks, not bound


def asked_at(port: int, *page: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "deploy" / "healthcheck.py", *page],
        env={**os.environ, WEB_HOST: ALL, WEB_PORT: str(port)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


async def ask(port: int, *page: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(asked_at, port, *page)


@pytest.fixture
async def waiting() -> AsyncIterator[int]:
    """The port of a worker that turns, and waits for its partitions."""
    port = free_port()
    server = WebServer("127.0.0.1", port, CollectorRegistry(), lambda: Health(["no partitions assigned yet"], 0, 0))
    await server.start()
    yield port
    await server.stop()


async def test_a_worker_that_is_not_ready_is_healthy(waiting: int) -> None:
    """Waiting for Kafka is no reason to be replaced."""
    asked = await ask(waiting)
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "ok\n", "")


async def test_it_says_why_a_worker_is_not_ready(waiting: int) -> None:
    """An operator reads the reasons without a port being published."""
    asked = await ask(waiting, "/readyz")
    assert (asked.returncode, asked.stderr) == (1, "")
    assert json.loads(asked.stdout)["reasons"] == ["no partitions assigned yet"]


async def test_where_nobody_answers_it_is_not_healthy() -> None:
    """A process that does not turn is found out, with a reason."""
    asked = await ask(free_port())
    assert asked.returncode == 1
    assert asked.stderr.startswith("/healthz does not answer: ")
