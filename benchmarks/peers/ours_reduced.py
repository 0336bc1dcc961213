"""Ourselves on the reduced work: the program in `reduced_worker`, on Redis."""

import sys

from benchmarks.peers.ours import Ours

INPUT_TOPIC = "bench.reduced.in"
OUTPUT_TOPIC = "bench.reduced.out"


class OursReduced(Ours):
    """As `Ours`, with topics of its own and a program of its own."""

    knows_ticks = False
    work = "reduced"

    @property
    def input_topic(self) -> str:
        """Its transactions."""
        return INPUT_TOPIC

    @property
    def output_topic(self) -> str:
        """Its milestones."""
        return OUTPUT_TOPIC

    def _fresh_topics(self) -> None:
        self._broker.create(INPUT_TOPIC, OUTPUT_TOPIC)

    def words(self) -> list[str]:
        """What starts a worker."""
        return [sys.executable, "-m", "benchmarks.peers.reduced_worker", INPUT_TOPIC, OUTPUT_TOPIC]
