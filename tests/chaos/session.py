"""A session of chaos: rounds, each with a fault, a verdict and a line of history; at the end the counts."""

import json
import logging
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.chaos.bank import Bank
from tests.chaos.faults import FAULTS, dealt
from tests.chaos.load import Load
from tests.chaos.scene import Scene
from tests.chaos.stack import SHARDS, Stack
from tests.chaos.verdict import Verdict
from tests.support.figures import show_table

RATE = 2000
WORKERS = 2
CONFLICTS, REWINDS = "another worker has moved the shard", "store is behind, rewinding"
_WATCHED = {
    CONFLICTS: "conflicts",
    REWINDS: "rewinds",
    "commit not confirmed, opening again": "commits not confirmed",
    "store unavailable, trying again": "store unavailable",
    "delivery failed, trying again": "deliveries failed",
}
_SHOWN = ("conflicts", "rewinds", "deliveries repeated", "ledger: replayed_source", "ledger records", "deliveries")


class Chaos:
    """One session: `run` it; whatever fails names the seed, the round, and the directory with all logs."""

    def __init__(self, directory: Path, seed: int, rounds: int) -> None:
        self._draw = Random(f"chaos/{seed}")
        self._seed = seed
        self._rounds = rounds
        self._directory = directory
        self.clock = self._draw.choice(["event", "wall"])
        self.faults: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self._began_s = time.monotonic()

    def run(self) -> None:
        """All rounds."""
        print(
            f"\n[chaos] seed {self._seed}, {self._rounds} rounds, time by {self.clock} clock, logs: {self._directory}"
        )
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # of this process: that brokers go is no news
        stack = Stack(self._directory, self.clock)
        load = Load(Bank(Random(f"chaos/{self._seed}/bank"), self.clock, SHARDS), stack.client_options, RATE)
        try:
            self._rounds_of(stack, load)
            load.end()
            stack.stop()
        finally:
            load.end()
            stack.close()
            logging.getLogger("aiokafka").setLevel(logging.NOTSET)
        self._sum_up()

    def _rounds_of(self, stack: Stack, load: Load) -> None:
        verdict = Verdict(stack)
        for number, name in enumerate(dealt(self._draw, self._rounds), 1):
            try:
                self._round(number, name, Scene(stack, load, Random(self._draw.random())), verdict)
            except BaseException as error:
                error.add_note(
                    f"chaos: seed {self._seed}, failed in round {number} ({name}); logs in {self._directory}."
                    f" To see it again: make chaos SEED={self._seed} ROUNDS={number}"
                )
                raise

    def _round(self, number: int, name: str, scene: Scene, verdict: Verdict) -> None:
        stack, load = scene.stack, scene.load
        for worker in stack.workers[WORKERS:]:
            stack.stop_worker(worker)
        while len(stack.workers) < WORKERS:
            stack.start_worker()
        stack.until_ready()
        load.go()
        scene.wait(0.5, 1.5)
        began_s = time.monotonic()
        saw = FAULTS[name](scene)
        stack.until_ready()
        struck_s = time.monotonic() - began_s
        load.hold()
        verdict.check(load)
        stack.tidy_redis()
        took_s = time.monotonic() - began_s
        self.faults[name] += 1
        before, self.counts = self.counts, self._counted(verdict, stack)
        news = ", ".join(f"{what} {self.counts[what] - before[what]:,}" for what in _SHOWN)
        at_s = time.monotonic() - self._began_s
        times = f"{at_s:6.0f} s  {name:<22} {struck_s:4.1f} s + {took_s - struck_s:4.1f} s"
        print(f"[chaos] {number:3} {times}  {saw} | {news}", flush=True)

    def _counted(self, verdict: Verdict, stack: Stack) -> Counter[str]:
        logged = stack.news()
        said = Counter({what: self.counts[what] + logged[message] for message, what in _WATCHED.items()})
        said["starts refused"] = stack.starts_refused
        return verdict.counts + said

    def _sum_up(self) -> None:
        counts = {**dict(sorted(self.counts.items())), "differences": 0}
        show_table(f"chaos: rounds by fault, seed {self._seed}", ["fault", "rounds"], sorted(self.faults.items()))
        show_table("chaos: counts", ["what", "count"], counts.items())
        print(
            json.dumps(
                {
                    "chaos": {
                        "seed": self._seed,
                        "rounds": self._rounds,
                        "clock": self.clock,
                        "seconds": round(time.monotonic() - self._began_s),
                        "faults": dict(sorted(self.faults.items())),
                        "counts": counts,
                    }
                }
            )
        )
