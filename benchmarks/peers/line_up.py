"""Everybody who takes part, and how they are started."""

import shutil
from pathlib import Path

from benchmarks.peers.broker import Broker
from benchmarks.peers.contender import Contender
from benchmarks.peers.ours import Ours
from benchmarks.peers.ours_reduced import OursReduced
from benchmarks.peers.peer import Changelog, Peer
from tests.support.command_line import ROOT

PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
KAFKA_STREAMS = ROOT / ".parts" / "kafka-streams"
SESSION_TIMEOUT_S = 10
"""The same for everybody: how long a worker that was killed is waited for."""
SCORED = "ours_redis_scored"
"""Ours on Redis by the policies as they are shipped: beside `ours_redis`, what the churn score costs."""

_TABLE = Changelog(topic=lambda group, _: f"{group}-states-changelog")
_QUIX = Changelog(
    topic=lambda group, source: f"changelog__{group}--{source}--default",
    key=lambda key: key + b'|"s"',
    headers=(("__column_family__", b"default"),),
)


def line_up(broker: Broker, directory: Path) -> list[Contender]:
    """All contenders, slow ones with a smaller share of the stream."""

    def peer(name: str, work: str, share: float, words: tuple[str, ...], variant: str, changelog: Changelog) -> Peer:
        return Peer(
            broker,
            directory,
            name=name,
            work=work,
            share=share,
            words=words,
            variant=variant,
            changelog=changelog,
            session_timeout_s=SESSION_TIMEOUT_S,
        )

    python = (str(PEERS_PYTHON), "-m")
    faust = (*python, "benchmarks.peers.faust_worker")
    quix = (*python, "benchmarks.peers.quix_worker")
    java = (
        shutil.which("java") or "java",
        "-Xmx1g",
        "-cp",
        f"{KAFKA_STREAMS}/classes:{KAFKA_STREAMS}/jars/*",
        "ebbwatch.bench.ReducedWork",
    )
    return [
        Ours(broker, directory, store="redis", share=1.0, session_timeout_s=SESSION_TIMEOUT_S),
        Ours(broker, directory, store="sqlite", share=1.0, session_timeout_s=SESSION_TIMEOUT_S),
        Ours(
            broker,
            directory,
            store="redis",
            share=1.0,
            session_timeout_s=SESSION_TIMEOUT_S,
            name=SCORED,
            scores=True,
        ),
        peer("faust_memory", "full", 0.1, faust, "memory://", _TABLE),
        peer("faust_rocksdb", "full", 0.1, faust, "rocksdb://", _TABLE),
        peer("quix_at_least_once", "full", 1.0, quix, "at-least-once@5", _QUIX),
        peer("quix_exactly_once", "full", 1.0, quix, "exactly-once@5", _QUIX),
        peer("quix_exactly_once_quick", "full", 0.5, quix, "exactly-once@0.1", _QUIX),
        OursReduced(
            broker, directory, store="redis", share=1.0, session_timeout_s=SESSION_TIMEOUT_S, name="ours_redis"
        ),
        peer("kafka_streams", "reduced", 1.0, java, "1", _TABLE),
        peer("quix_exactly_once", "reduced", 0.2, quix, "exactly-once@5", _QUIX),
        peer("faust_memory", "reduced", 0.025, faust, "memory://", _TABLE),
    ]
