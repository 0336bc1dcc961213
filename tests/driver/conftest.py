"""One small simulated bank, and a process left as it was found."""

import gc
import logging
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.feed_files import write_feed
from streams.simulator import SimulationParameters, simulate

PARAMETERS = SimulationParameters(
    customers=50, days=40, seed=7, attrition_rate=0.5, episode_rate=0.9, newcomer_share=0.0
)


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The events of 50 customers over 40 days, in one feed file."""
    path = tmp_path_factory.mktemp("bank") / "events.ndjson"
    with simulate(PARAMETERS) as simulation:
        write_feed(str(path), simulation.events())
    return path


@pytest.fixture(scope="session")
def feeds(bank: Path) -> list[str]:
    """The same events spread over three feeds, each in time order."""
    lines: list[list[bytes]] = [[], [], []]
    for line in bank.read_bytes().splitlines(keepends=True):
        lines[zlib.crc32(line) % 3].append(line)
    paths = [bank.with_name(f"feed-{number}.ndjson") for number in range(3)]
    for path, part in zip(paths, lines, strict=True):
        path.write_bytes(b"".join(part))
    return [str(path) for path in paths]


@pytest.fixture(autouse=True)
def _process_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands set up logging and the garbage collector of their process, which here is the tests' own."""
    for name in ("PSEUDONYM_KEY", "PSEUDONYM_KEY_FILE", "LOG_LEVEL"):
        monkeypatch.delenv(f"EBBWATCH_{name}", raising=False)
    root = logging.getLogger()
    handlers, level, thresholds = root.handlers, root.level, gc.get_threshold()
    yield
    root.handlers, root.level = handlers, level
    gc.set_threshold(*thresholds)
    gc.unfreeze()
