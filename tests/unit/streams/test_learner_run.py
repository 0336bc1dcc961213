"""A learner over its file: the same whatever the batches, and announced as its operators want it."""

from datetime import timedelta
from math import isnan
from pathlib import Path

import msgspec
import pytest
from prometheus_client import generate_latest

from models.churn_records import LEFT, STAYED
from models.learner_records import Fate
from models.learner_state import encode_state
from models.regression_snapshot import FOREST, HAT_ADAGRAD, LINEAR
from models.scoring_model import ScoringModel, ready
from streams.example_codec import ExampleUnreadable, decode_example
from streams.learner_metrics import LearnerMetrics
from streams.learner_run import Arrived, LearnerRun
from streams.learner_store import LearnerMismatch, LearnerStore
from streams.learner_versions import ANNOUNCED, NEW, PASSED_OVER, UnknownVersion
from streams.names import LEARNER_FILE
from streams.sqlite import open_database
from tests.support.churn_stream import BEGIN, CHOSEN, Example, body, line, observed, placed, settled, stream
from tests.support.metric_labels import unbounded

RATE = 0.2


def opened(directory: Path, **options: object) -> LearnerRun:
    """A learner of the made-up features."""
    directory.mkdir(exist_ok=True)
    return LearnerRun(directory, RATE, chosen=CHOSEN, **options)  # type: ignore[arg-type]


def print_of(run: LearnerRun) -> tuple[object, ...]:
    """Everything that a learner has come to."""
    versions = run.store.versions
    rows = versions.rows()
    return (
        encode_state(run.learner.state()),
        run.learner.window.settlements(),
        rows,
        [versions.model(row.version) for row in rows],
        [encode_state(versions.snapshot(row.version)) for row in rows],
        list(run.store.journal()),
        run.standing(),
    )


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return stream(900, corrected=0.05)


@pytest.fixture(scope="module")
def straight(examples: list[Example], tmp_path_factory: pytest.TempPathFactory) -> LearnerRun:
    """All of them in one call."""
    directory = tmp_path_factory.mktemp("straight")
    run = opened(directory)
    (directory / "examples.ndjson").write_bytes(b"".join(map(line, placed(examples))))
    run.take_file(directory / "examples.ndjson")
    return run


def append(path: Path, text: bytes) -> Path:
    """Write on."""
    with path.open("ab") as file:
        file.write(text)
    return path


# --- what comes in --------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_batches_change_nothing(tmp_path: Path, examples: list[Example], straight: LearnerRun, cut: int) -> None:
    """Lines that come one by one, by sevens or by thousands, with restarts in between: all is equal, to the bit."""
    run, published = opened(tmp_path), []
    lines = list(map(line, placed(examples)))
    if cut == 1:
        lines = lines[:60]
        cutting = [b"".join(lines[start : start + cut]) for start in range(0, len(lines), cut)]
        (tmp_path / "short").mkdir()
        straight = opened(tmp_path / "short")
        straight.take_file(append(tmp_path / "short" / "examples.ndjson", b"".join(lines)))
    cutting = [b"".join(lines[start : start + cut]) for start in range(0, len(lines), cut)]
    for number, text in enumerate(cutting):
        published += run.take_file(append(tmp_path / "examples.ndjson", text))
        if number % 20 == 1:
            run.close()
            run = opened(tmp_path)
    assert print_of(run) == print_of(straight)
    assert published == [straight.store.versions.model(row.version) for row in straight.store.versions.rows()]


def test_a_watermark_makes_the_order_that_of_time(
    tmp_path: Path, examples: list[Example], straight: LearnerRun
) -> None:
    """A shard that runs ahead in the file is held back until the others are as far: nothing depends on the calls."""
    run = opened(tmp_path)
    whole = list(placed(examples))
    ahead = [one for one in whole if one.shard == 0]
    path = append(tmp_path / "examples.ndjson", b"".join(map(line, ahead)))
    middle = round((BEGIN + timedelta(days=9)).timestamp() * 1000)
    assert run.take_file(path, round(BEGIN.timestamp() * 1000)) == []
    behind = [one for one in whole if one.shard == 1]
    run.take_file(append(path, b"".join(map(line, behind[:500]))), middle)
    run.close()
    run = opened(tmp_path)
    run.take_file(append(path, b"".join(map(line, behind[500:]))), 1 << 60)
    assert print_of(run) == print_of(straight)


def test_repeats_are_dropped(tmp_path: Path, examples: list[Example]) -> None:
    """A file made anew, a line cut short, and lines that are none: each counted, nothing learnt twice."""
    run = opened(tmp_path)
    lines = list(map(line, placed(examples[:300])))
    path = append(tmp_path / "examples.ndjson", b"".join([*lines, b"no line\n", lines[-1][:40]]))
    run.take_file(path)
    assert run.learner.counts[Fate.UNREADABLE] == 1
    before = msgspec.json.encode(run.learner.hat_snapshot())
    path.write_bytes(b"".join(lines[:200]))
    run.take_file(path)
    append(path, b"".join(lines[200:]))
    run.take_file(path)
    assert msgspec.json.encode(run.learner.hat_snapshot()) == before
    foreign = b'{"shard":0,"sequence":99999,"type":"ebbwatch.alert.open","data":{}}\n'
    run.take_file(append(path, foreign))
    assert run.learner.counts[Fate.UNREADABLE] == 2


def test_a_source_is_taken_in_its_own_order(tmp_path: Path, examples: list[Example], straight: LearnerRun) -> None:
    """As from Kafka: position and learner move together, and what was sent twice is taken once."""
    run = opened(tmp_path)
    arrived = [Arrived(one.shard, one.sequence, body(one.example)) for one in placed(examples)]
    run.take("topic", 400, arrived[:400])
    run.close()
    run = opened(tmp_path)
    assert run.store.position("topic") == 400
    run.take("topic", len(arrived), arrived[300:])
    assert print_of(run) == print_of(straight)


def test_an_example_is_read_strictly() -> None:
    """Another type, no time zone, no JSON: refused, in words that hold nothing of it."""
    good = body(observed(1, [1, 2, 3, 4, 5, 6], BEGIN))
    assert decode_example(good) == observed(1, [1, 2, 3, 4, 5, 6], BEGIN)
    naive = good.replace(b"2026-01-01T00:00:00Z", b"2026-01-01T00:00:00")
    for bad in (good[:-1], good.replace(b"example.observed", b"score.told"), naive, b"[]", b"\xff"):
        with pytest.raises(ExampleUnreadable) as refused:
            decode_example(bad)
        assert "o00001" not in str(refused.value)


# --- what is kept ---------------------------------------------------------------------------------


def test_old_observations_are_forgotten(tmp_path: Path) -> None:
    """After `keep_days`: an outcome that comes later is counted, and not learnt."""
    run = opened(tmp_path, keep_days=21)
    examples = stream(900, corrected=0.0)
    run.take_file(append(tmp_path / "examples.ndjson", b"".join(map(line, placed(examples)))))
    assert run.store.find("o00000") is None
    assert run.store.find("o00899") is not None
    assert run.learner.counts[Fate.UNKNOWN] == 0
    late = settled(observed(0, [0] * 6, BEGIN), LEFT, 5)
    run.take("late", 1, [Arrived(7, 1, body(late))])
    assert run.learner.counts[Fate.UNKNOWN] == 1


def test_a_forest_grows_again_from_the_journal(tmp_path: Path, examples: list[Example]) -> None:
    """It is never written down; made again it scores the same, and nothing else depends on it."""
    run = opened(tmp_path, forest=True)
    run.grow_forest()
    path = append(tmp_path / "examples.ndjson", b"".join(map(line, placed(examples))))
    published = run.take_file(path)
    again = opened(tmp_path, forest=True)
    again.grow_forest()
    assert run.learner.ensemble.forest is not None
    assert again.learner.ensemble.forest is not None
    probes = [run.learner.features(x) for _, x, _, _ in run.store.learnt(50)]
    scores = [[one.learner.ensemble.forest.predict(x) for x in probes] for one in (run, again)]  # type: ignore[union-attr]
    assert scores[0] == scores[1]
    assert len(set(scores[0])) > 5
    assert again.learner.window.quality(FOREST).auc > 0.55
    without = opened(tmp_path / "without")
    assert without.take_file(path) == published


def test_another_format_is_refused(tmp_path: Path) -> None:
    """A file of another version of the program is not guessed at."""
    database = open_database(tmp_path / LEARNER_FILE)
    database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(LearnerMismatch, match="format 9"):
        opened(tmp_path)


# --- what goes out --------------------------------------------------------------------------------


def versions_of(models: list[ScoringModel]) -> list[str]:
    return [model.version for model in models]


def test_models_are_announced_once_and_in_order(tmp_path: Path, examples: list[Example]) -> None:
    """What was published and not announced is announced after a crash; what was overtaken is not."""
    run = opened(tmp_path)
    lines = list(map(line, placed(examples)))
    path = append(tmp_path / "examples.ndjson", b"".join(lines[:1500]))
    published = run.take_file(path)
    assert len(published) > 5
    run.close()
    run = opened(tmp_path)
    assert run.unannounced() == published
    run.announced(published[2].version)
    assert run.unannounced() == published[3:]
    run.announced(published[-1].version)
    assert run.unannounced() == []
    states = [row.state for row in run.store.versions.rows()]
    assert states[:4] == [PASSED_OVER, PASSED_OVER, ANNOUNCED, PASSED_OVER]
    assert all(ready(model, CHOSEN).version == model.version for model in published)


def test_a_pinned_version_is_the_only_one_announced(tmp_path: Path, examples: list[Example]) -> None:
    """Learning and publishing go on; once it is unpinned, the latest version follows, and those between do not."""
    run = opened(tmp_path)
    lines = list(map(line, placed(examples)))
    path = append(tmp_path / "examples.ndjson", b"".join(lines[:1200]))
    first = run.take_file(path)
    run.announced(first[-1].version)
    operator = LearnerStore(tmp_path / LEARNER_FILE)  # a command, while the learner runs
    with pytest.raises(UnknownVersion):
        operator.versions.pin("000999-hat_adagrad")
    operator.versions.pin(first[1].version)
    assert versions_of(run.unannounced()) == [first[1].version]
    run.announced(first[1].version)
    later = run.take_file(append(path, b"".join(lines[1200:])))
    assert len(later) > 2
    assert run.unannounced() == []
    assert [row.state for row in run.store.versions.rows()][-1] == NEW
    operator.versions.unpin()
    assert versions_of(run.unannounced()) == [later[-1].version]
    run.announced(later[-1].version)
    assert run.unannounced() == []
    operator.versions.pin(first[1].version)
    run.announced(first[1].version)
    operator.versions.unpin()
    assert versions_of(run.unannounced()) == [later[-1].version]
    operator.close()


def test_an_operator_promotes(tmp_path: Path, examples: list[Example]) -> None:
    """The learner that is asked for is published from the next version on, and that is written down."""
    run = opened(tmp_path)
    lines = list(map(line, placed(examples)))
    path = append(tmp_path / "examples.ndjson", b"".join(lines[:1200]))
    assert {model.learner for model in run.take_file(path)} == {HAT_ADAGRAD}
    operator = LearnerStore(tmp_path / LEARNER_FILE)
    operator.versions.ask_for(LINEAR)
    operator.close()
    later = run.take_file(append(path, b"".join(lines[1200:])))
    assert {model.learner for model in later} == {LINEAR}
    (promotion,) = run.store.versions.promotions()
    assert (promotion.before, promotion.after, promotion.evidence) == (HAT_ADAGRAD, LINEAR, None)


# --- metrics --------------------------------------------------------------------------------------


def test_metrics_tell_how_the_learner_stands(tmp_path: Path, straight: LearnerRun) -> None:
    """Exact figures, counts from this process on, labels from closed sets; nothing before there is something."""
    metrics = LearnerMetrics()
    assert unbounded(generate_latest(metrics.registry).decode()) == []
    assert isnan(metrics.quality.labels("auc", HAT_ADAGRAD)._value.get())
    metrics.saw(straight)
    window = straight.learner.window
    assert metrics.quality.labels("auc", LINEAR)._value.get() == window.quality(LINEAR).auc
    assert metrics.tier_quality.labels("base_rate", "core")._value.get() == window.quality("in_force", "core").base_rate
    assert metrics.examples.labels(STAYED)._value.get() == straight.learner.counts[Fate.STAYED]
    assert metrics.examples.labels("corrected")._value.get() == straight.learner.counts[Fate.CORRECTED] > 0
    assert metrics.pending._value.get() == 0
    assert metrics.matured._value.get() == 1.0
    assert metrics.age._value.get() == pytest.approx(20 * 86_400)
    assert metrics.learnt._value.get() == straight.learner.labels
    assert metrics.published._value.get() * 1000 == straight.store.versions.rows()[-1].published_ms
    page = generate_latest(metrics.registry).decode()
    assert unbounded(page) == []
    metrics.saw(straight)
    assert metrics.examples.labels(STAYED)._value.get() == straight.learner.counts[Fate.STAYED]


def test_outcomes_that_are_due_and_unknown_show(tmp_path: Path) -> None:
    """The matured fraction falls when the labels of observations fail to come."""
    run = opened(tmp_path)
    seen = [observed(n, [n, 1, 2, 3, 4, 5], BEGIN + timedelta(days=n)) for n in range(40)]
    records: list[Example] = [*seen, *(settled(one, STAYED) for one in seen[:5])]
    run.take("x", 1, [Arrived(0, n, body(one)) for n, one in enumerate(records, 1)])
    standing = run.standing()
    assert (standing.settled, standing.pending, standing.overdue) == (5, 35, 15)
    assert standing.matured_fraction == 0.25
