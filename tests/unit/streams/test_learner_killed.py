"""Exactly-once learning: a learner that is killed again and again learns what one that ran straight through does."""

from pathlib import Path
from random import Random

from streams.learner_run import LearnerRun
from tests.support.churn_stream import CHOSEN, stream, write_stream
from tests.support.killed_learner import RATE, learn, strike, waiting
from tests.unit.streams.test_learner_run import print_of

KILLS = 20


def test_twenty_kills_change_no_bit(tmp_path: Path) -> None:
    """kill -9 in the middle of its work: weights, windows, journal and versions equal those of a straight run."""
    draw = Random(3)
    examples = write_stream(tmp_path / "examples.ndjson", stream(3_000))
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    straight.mkdir()
    killed.mkdir()
    learn(straight, examples)
    kills = 0
    stops = set()
    while kills < KILLS:
        assert strike(killed, examples, draw), f"it was through after {kills} kills"
        kills += 1
        stops.add(waiting(killed))
    learn(killed, examples)
    assert len(stops) > KILLS // 2, "it was hardly ever hit in the middle of its work"
    prints = []
    for directory in (straight, killed):
        run = LearnerRun(directory, RATE, chosen=CHOSEN)
        prints.append((print_of(run), run.store.versions.in_force(), run.unannounced()))
        run.close()
    assert prints[0] == prints[1]
