"""Pictures of Prometheus's own pages, by a browser without a screen: what a person would see who opens them.

`make pictures DIRECTORY=pictures`, or `python -m tests.support.pictures DIRECTORY`: of a service that a bank's two
months pass through in half a minute. Of every dashboard there are the queries, as graphs of Prometheus.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from tests.deploy.monitoring import DASHBOARDS, expressions
from tests.support.kafka_server import KafkaServer
from tests.support.live_service import until
from tests.support.prometheus_server import PrometheusServer
from tests.support.redis_server import RedisServer
from tests.support.watched_service import watched

_PARTS = 30
_WINDOW = "10s"
_PAGES = {"targets": 720, "rules": 12000, "alerts": 2400}
"""How high each is."""
_GRAPHS_A_PAGE = 3
_GRAPH_HEIGHT = 1040
"""With a legend of some twenty lines."""
_WIDTH = 1400
_AFTERWARDS_S = 10.0
"""A single point is no line."""
_LONGEST_S = 60.0
_SETTLE_MS = 15_000
"""Of the page's own time, which runs faster than ours while nothing is under way."""


def main(directory: Path) -> None:
    """Start everything, keep the pictures in `directory`, and stop everything."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        redis = RedisServer(Path(temporary) / "redis").start()
        try:
            with (
                KafkaServer(Path(temporary) / "kafka") as kafka,
                watched(kafka, redis, Path(temporary), _PARTS) as scene,
            ):
                _look(scene.prometheus, directory)
        finally:
            redis.stop()


def _look(prometheus: PrometheusServer, directory: Path) -> None:
    asked = {file.stem: expressions(file, _WINDOW) for file in DASHBOARDS}
    everything = [expression for each in asked.values() for expression in each]
    until(lambda: all(map(prometheus.points, everything)), "there are queries without data")
    time.sleep(_AFTERWARDS_S)
    for page, height in _PAGES.items():
        _take(f"{prometheus.pages}/{page}", directory / f"{page}.png", height)
    end_s = time.time()
    until_now = {
        "range_input": f"{int(end_s - prometheus.started_s)}s",
        "end_input": f"{datetime.fromtimestamp(end_s, UTC):%F %T}",
    }
    for name, each in asked.items():
        for number, at in enumerate(range(0, len(each), _GRAPHS_A_PAGE), 1):
            graphs = _graphs(each[at : at + _GRAPHS_A_PAGE], until_now)
            _take(
                f"{prometheus.pages}/graph?{graphs}", directory / f"{name}-{number}.png", _GRAPHS_A_PAGE * _GRAPH_HEIGHT
            )


def _graphs(expressions: list[str], options: dict[str, str]) -> str:
    """The words of an address that shows some expressions as graphs."""
    words: dict[str, str] = {}
    for number, expression in enumerate(expressions):
        asked = {"expr": expression, "tab": "0", **options}
        words |= {f"g{number}.{name}": value for name, value in asked.items()}
    return urlencode(words)


def _take(address: str, file: Path, height: int) -> None:
    """Keep a picture of a page; a browser that is missing, or that takes none, is the failure."""
    command = shutil.which("chromium") or shutil.which("google-chrome")
    assert command, "pictures need a browser: apt-get install chromium"
    file.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        words = [
            command,
            "--headless",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            f"--window-size={_WIDTH},{height}",
            f"--virtual-time-budget={_SETTLE_MS}",
            f"--screenshot={file.absolute()}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),  # which it refuses to have as root
            address,
        ]
        done = subprocess.run(words, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    assert file.exists(), done.stderr
    print(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
