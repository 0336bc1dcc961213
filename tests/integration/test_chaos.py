"""Chaos: the live service, on a real Kafka and a real Redis, stays effectively once whatever happens to its parts.

`make chaos ROUNDS=100 SEED=7` goes on for longer; a failure names the seed, the round and the logs.
"""

from pathlib import Path

import pytest

from tests.chaos.session import Chaos
from tests.support import settings

pytestmark = pytest.mark.proof


def test_chaos(tmp_path: Path) -> None:
    """After each fault, states, indexes and outputs equal the straight line's, and nothing is lost or done twice."""
    chaos = Chaos(tmp_path / "chaos", settings.seed(), settings.chaos_rounds())
    chaos.run()
    if chaos.faults["zombie"]:
        assert chaos.counts["conflicts"], "zombies woke, and no commit was refused"
    if chaos.faults["roll redis back"]:
        assert chaos.counts["rewinds"], "Redis was rolled back, and nobody had to read again"
    for state in ("raised", "updated", "resolved"):
        for rule in ("asset_outflow", "repeated_inquiry"):
            assert chaos.counts[f"{rule} {state}"], f"no alert of {rule} was {state}: the proof is thin"
