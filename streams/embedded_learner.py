"""The learner of an embedded run: it learns from the run's own output file, at each whole day of the events' time.

What it does depends on that time alone: records from before the latest midnight (UTC) are learnt, in the order of time,
and a model that comes of it goes into the ledger before anything that happens on the new day. So it makes no difference
where batches end, how many shards there are, or how often the run was killed: a run that was interrupted between two of
these steps finds at its start what was left to do.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from models.decay import DAY_MS
from models.events import epoch_ms
from models.scoring_model import ScoringModel
from streams.example_codec import ExampleUnreadable, decode_example
from streams.learner_store import EXAMPLES_FILE, LearnerStore
from streams.names import LEARNER_FILE

if TYPE_CHECKING:
    from streams.learner_run import LearnerRun

LEARN_EVERY_MS: Final = DAY_MS
NEVER_MS: Final = 1 << 62
"""When a run that does not score has something to learn: its batches need not end with a day."""


def boundary_after(clock_ms: int) -> int:
    """The time at which there is something to learn again; 0 before the first tick, when there is no time yet."""
    return clock_ms - clock_ms % LEARN_EVERY_MS + LEARN_EVERY_MS if clock_ms else 0


class EmbeddedLearner:
    """Opened when there is something to learn: its library takes a second to load."""

    def __init__(self, directory: Path, examples: Path, base_rate: float) -> None:
        """Learn from the file `examples`, and keep what was learnt in `directory`."""
        self._directory = directory
        self._examples = examples
        self._base_rate = base_rate
        self._run: LearnerRun | None = None

    def learn(self, clock_ms: int) -> ScoringModel | None:
        """Learn what came before the midnight that `clock_ms` is the latest after; the model to score with from now on.

        It is given again until `announced` is called.
        """
        midnight_ms = clock_ms - clock_ms % LEARN_EVERY_MS
        if self._run is None:
            if not self._has_work(midnight_ms):
                return None
            from streams.learner_run import LearnerRun

            self._run = LearnerRun(self._directory, self._base_rate)
        self._run.take_file(self._examples, until_ms=midnight_ms)
        unannounced = self._run.unannounced()
        return unannounced[-1] if unannounced else None

    def _has_work(self, until_ms: int) -> bool:
        """Whether a learner would do anything: a run that is started again seldom finds something left to do."""
        if not self._examples.exists() or not self._examples.stat().st_size:
            return False
        if not (self._directory / LEARNER_FILE).is_file():
            return True
        store = LearnerStore(self._directory / LEARNER_FILE)
        try:
            if store.versions.unannounced() or store.held(until_ms, 1):
                return True
            position = store.position(EXAMPLES_FILE) or 0
        finally:
            store.close()
        return _holds_earlier(self._examples, position, until_ms)

    def announced(self, model: ScoringModel) -> None:
        """The ledger has `model`."""
        if self._run is not None:
            self._run.announced(model.version)

    def close(self) -> None:
        """Close its file."""
        if self._run is not None:
            self._run.close()


def _holds_earlier(examples: Path, position: int, until_ms: int) -> bool:
    """Whether the file holds, from `position` on, an example of before `until_ms`, or what is none."""
    if examples.stat().st_size < position:
        return True  # made anew
    with examples.open("rb") as lines:
        lines.seek(position)
        for line in lines:
            if not line.endswith(b"\n"):
                break
            try:
                if epoch_ms(decode_example(line).at) < until_ms:
                    return True
            except ExampleUnreadable:
                return True
    return False
