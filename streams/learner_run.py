"""A learner over its file, without Kafka: records come in, published models come out, each exactly once.

The embedded run calls it between its batches; the learner's process (`agents.learner`) feeds it from Kafka.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct

from models.challengers import Forest
from models.churn_records import OUTCOMES, Observed, Settled
from models.events import epoch_ms
from models.feature_list import STANDARD_SET
from models.feature_schema import FeatureSet
from models.learner import Learner
from models.learner_records import Fate
from models.learner_window import WINDOW, remember
from models.publication import PUBLISH_EVERY_MS
from models.scoring_model import ScoringModel
from streams.example_codec import ExampleUnreadable, decode_example, decode_place
from streams.learner_store import EXAMPLES_FILE, LearnerStore
from streams.names import LEARNER_FILE

KEEP_DAYS: Final = 400
"""How long an observation waits for its outcome, and for corrections of it."""
AT_ONCE: Final = 2_000
_DAY_MS: Final = 86_400_000
_ALL: Final = 1 << 62


class Arrived(NamedTuple):
    """A record as it came: where it was put out, which tells a repeat, and its CloudEvent."""

    shard: int
    sequence: int
    body: bytes


class Standing(Struct, frozen=True):
    """Observations without an outcome, those of them whose outcome is due, and all that have one."""

    pending: int
    overdue: int
    settled: int

    @property
    def matured_fraction(self) -> float:
        """Share of what is due that has an outcome; 1 while nothing is due."""
        due = self.settled + self.overdue
        return self.settled / due if due else 1.0


def name_of(example: Observed | Settled) -> str:
    """The id under which an example was put out: a digest, so that the order of names is as good as drawn by lot."""
    told = example.revision + 1 if isinstance(example, Settled) else 0
    return f"{example.observation_id}.{told}"


class LearnerRun:
    """One learner over one directory. After an exception it is of no use any more: open it again."""

    def __init__(
        self,
        directory: Path,
        base_rate: float,
        *,
        chosen: FeatureSet = STANDARD_SET,
        publish_every_ms: int = PUBLISH_EVERY_MS,
        keep_days: int = KEEP_DAYS,
        forest: bool = False,
        at_once: int = AT_ONCE,
    ) -> None:
        """Go on where it was left; raises `LearnerMismatch`, `SnapshotMismatch`.

        With a `forest` call `grow_forest` before the first record; it takes about as long as all others together.
        """
        self.store = LearnerStore(directory / LEARNER_FILE)
        self._keep_ms = keep_days * _DAY_MS
        self._forest = forest
        self._at_once = at_once
        try:
            self.learner = Learner(
                base_rate, chosen=chosen, publish_every_ms=publish_every_ms, state=self.store.state()
            )
            for entry in self.store.journal(self.store.window_start(WINDOW)):
                remember(self.learner.window, entry)
        except BaseException:
            self.store.close()
            raise

    def close(self) -> None:
        """Close the file; nothing is lost by not calling it."""
        self.store.close()

    def grow_forest(self) -> None:
        """Make the forest again, where there is to be one, from the latest examples of the journal."""
        if not self._forest:
            return
        forest = Forest()
        for _, x, label, times in self.store.learnt():
            for _ in range(times if x else 0):
                forest.learn(self.learner.features(x), label)
        self.learner.ensemble.forest = forest

    # --- what comes in ---------------------------------------------------------------------------

    def take_file(self, examples: Path, until_ms: int | None = None) -> list[ScoringModel]:
        """Take what a file of outputs holds that has not been taken yet; the models published by that.

        With `until_ms`, records from that time on wait for a later call: if by then nothing earlier can come, the order
        (by time and name) does not depend on when this is called, nor on shards. Without, it is the order within a call
        alone, also of one that was cut off. A file is read in one of the two ways.
        """
        published: list[ScoringModel] = []
        if until_ms is None:
            published += self._fold_held(_ALL)  # of a call that was cut off
        self._hold(examples)
        return published + self._fold_held(_ALL if until_ms is None else until_ms)

    def _hold(self, examples: Path) -> None:
        position = self.store.position(EXAMPLES_FILE) or 0
        if not examples.exists() or examples.stat().st_size == position:
            return
        with examples.open("rb") as file, self.store.change():
            if examples.stat().st_size < position:
                position = 0  # made anew: repeats are known by their numbers
            file.seek(position)
            arrived, unreadable = [], 0
            for line in file:
                if not line.endswith(b"\n"):
                    break
                position += len(line)
                try:
                    arrived.append(Arrived(*decode_place(line), line))
                except ExampleUnreadable:
                    unreadable += 1
            rows = []
            for one in self._fresh(arrived):
                try:
                    example = decode_example(one.body)
                    rows.append((epoch_ms(example.at), name_of(example), one.body))
                except ExampleUnreadable:
                    unreadable += 1
            self.store.hold(rows)
            self.store.move(EXAMPLES_FILE, position)
            if unreadable:
                self.learner.counts[Fate.UNREADABLE] += unreadable
                self.store.save(self.learner.state())

    def _fold_held(self, until_ms: int) -> list[ScoringModel]:
        published: list[ScoringModel] = []
        while rows := self.store.held(until_ms, self._at_once):
            with self.store.change():
                published += self._fold(body for _, _, body in rows)
                self.store.release(rows)
        return published

    def take(self, source: str, position: int, arrived: Iterable[Arrived]) -> list[ScoringModel]:
        """Take records of a source in the order given; `position` is what is to be read next of it."""
        with self.store.change():
            published = self._fold(one.body for one in self._fresh(arrived))
            self.store.move(source, position)
        return published

    def _fresh(self, arrived: Iterable[Arrived]) -> list[Arrived]:
        """Without what a shard has sent before."""
        highest, fresh = self.store.sequences(), []
        for one in arrived:
            if one.sequence > highest.get(one.shard, 0):
                highest[one.shard] = one.sequence
                fresh.append(one)
        self.store.saw_sequences(highest)
        return fresh

    def _fold(self, bodies: Iterable[bytes]) -> list[ScoringModel]:
        learner, versions = self.learner, self.store.versions
        published: list[ScoringModel] = []
        wanted = versions.asked_for()
        asked = learner.promote(wanted) if wanted is not None else None
        if asked is not None:
            versions.promoted(asked)
        for body in bodies:
            try:
                record = decode_example(body)
            except ExampleUnreadable:
                learner.counts[Fate.UNREADABLE] += 1
                continue
            publication = learner.fold(record, self.store)
            if publication is not None:
                published.append(publication.model)
                versions.add(publication)
                self.store.forget(publication.at_ms - self._keep_ms, learner.journal)
        self.store.save(learner.state())
        return published

    def standing(self) -> Standing:
        """How many outcomes are known, by the time of the latest example."""
        learner = self.learner
        settled = sum(learner.counts[outcome] for outcome in OUTCOMES)
        return Standing(learner.counts[Fate.OBSERVED] - settled, self.store.overdue(learner.clock_ms), settled)

    # --- what goes out ---------------------------------------------------------------------------

    def unannounced(self) -> list[ScoringModel]:
        """Models that scoring has not heard of, the oldest first; while one is pinned, that one alone."""
        return self.store.versions.unannounced()

    def announced(self, version: str) -> None:
        """Scoring has heard of `version`, for good."""
        with self.store.change():
            self.store.versions.announced(version)
