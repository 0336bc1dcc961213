"""`ebbwatch model`: versions looked at, chosen, proved and reported on, while a learner may be at work."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agents.cli import main
from models.churn_records import LEFT, STAYED, Settled
from models.feature_list import STANDARD_SET
from models.learner_window import IN_FORCE
from models.regression_snapshot import HAT_ADAGRAD, LINEAR
from models.report_words import figure_words
from models.scoring_model import ScoringModel, decode_model, encode_model, model_digest
from streams.embedded import lock_directory
from streams.learner_run import LearnerRun
from streams.model_rebuild import rebuild
from streams.names import LEARNER_FILE, LEDGER_FILE
from streams.sqlite import open_database
from tests.support.churn_examples import real_stream
from tests.support.churn_stream import Example, write_stream

COUNT = 260


def examples() -> list[Example]:
    """Some of those who stayed have left after all, as is heard nine days later."""
    found = real_stream(COUNT)
    stayed = [one for one in found if isinstance(one, Settled) and one.outcome == STAYED][::15]
    for one in stayed:
        found.append(
            Settled(
                observation_id=one.observation_id,
                at=one.at + timedelta(days=9),
                observed_at=one.observed_at,
                outcome=LEFT,
                revision=1,
            )
        )
    return found


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learner that has announced its second version and its fourth."""
    directory = tmp_path_factory.mktemp("learner")
    run = LearnerRun(directory, 0.2, publish_every_ms=86_400_000 // 4)
    run.take_file(write_stream(directory / "examples.ndjson", examples()))
    versions = [row.version for row in run.store.versions.rows()]
    assert len(versions) > 8
    run.announced(versions[1])
    run.announced(versions[3])
    run.close()
    return directory


@pytest.fixture
def data(learnt: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(learnt, tmp_path / "data")


def model(*arguments: object, code: int = 0) -> Result:
    """Run `ebbwatch model`; it never ends in a traceback."""
    result = CliRunner().invoke(main, ["model", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.output
    return result


def opened(data: Path) -> LearnerRun:
    return LearnerRun(data, 0.2)


def change(data: Path, *statements: str) -> None:
    """Meddle with the file."""
    database = open_database(data / LEARNER_FILE)
    for statement in statements:
        database.execute(statement)
    database.close()


# --- looking ---------------------------------------------------------------------------------------


def test_versions_are_listed_with_their_standing(data: Path) -> None:
    """Which one scores, which did, which was passed over, and which a pin holds back."""
    run = opened(data)
    rows = run.store.versions.rows()
    shown = model("list", "--data", data, "--limit", 100).output.splitlines()
    standing = {int(line.split()[0]): re.split(r"  +", line.strip())[-1] for line in shown[1:-1]}
    assert list(standing) == [row.number for row in reversed(rows)]
    assert [standing[n] for n in (1, 2, 3, 4, 5)] == [
        "passed over", "was in force", "passed over", "in force", "to be announced",
    ]  # fmt: skip
    assert f"{rows[-1].learnt}  " in shown[1]
    assert f"{rows[-1].quality['auc']:.4f}" in shown[1]
    run.store.versions.pin(rows[1].version)
    shown = model("list", "--data", data, "--limit", 100).output.splitlines()
    assert "pinned, to be announced" in next(line for line in shown if f" {rows[1].version} " in line)
    assert "held back by the pin" in shown[1]
    run.announced(rows[1].version)
    assert "in force, pinned" in model("list", "--data", data, "--limit", 100).output


def test_a_model_is_shown_by_what_it_goes_by(data: Path) -> None:
    """Its figures at publication, and high up, among what the standards say, the feature that decides who leaves."""
    row = opened(data).store.versions.rows()[-1]
    by_number, by_name = (model("show", wanted, "--data", data).output for wanted in (row.number, row.version))
    assert by_number == by_name
    assert f"ROC AUC {row.quality['auc']:.4f}" in by_number
    lines = by_number.splitlines()
    (head,) = (number for number, line in enumerate(lines) if line.startswith("feature "))
    strongest = {cells[0]: cells for cells in map(str.split, lines[head + 1 : head + 7])}
    decides = strongest[STANDARD_SET.schema.features[0]]
    below, above = float(decides[5]), float(decides[6])
    assert below < 0.0 < above, "who is high in it leaves more often"
    cold = model("show", 1, "--data", data).output
    assert "at publication: no outcome was known yet" in cold


def test_an_export_is_what_the_ledger_carries(data: Path, tmp_path: Path) -> None:
    """Byte for byte: its digest is the one that is announced."""
    store = opened(data).store
    stored: ScoringModel = store.versions.model(store.versions.rows()[4].version)
    said = model("export", 5, "--data", data, "-o", tmp_path / "five.json").output
    document = (tmp_path / "five.json").read_bytes()
    assert document == encode_model(stored)
    assert model_digest(decode_model(document)) in said
    assert model("export", 5, "--data", data).stdout_bytes == document + b"\n"


# --- choosing --------------------------------------------------------------------------------------


def test_going_back_and_on_again(data: Path) -> None:
    """While a learner works: it announces what operators want, and goes on with the latest when they want that."""
    run = opened(data)
    versions = [row.version for row in run.store.versions.rows()]
    with lock_directory(data):
        said = model("rollback", "--data", data).output
        assert f"back from {versions[3]} to {versions[1]}" in said
        assert "the learner announces it within seconds" in said
        assert [one.version for one in run.unannounced()] == [versions[1]]
        run.announced(versions[1])
        assert "no version before" in model("rollback", "--data", data, code=1).output
        assert "is not earlier than" in model("rollback", 5, "--data", data, code=1).output
        assert f"to {versions[0]}," in model("rollback", 1, "--data", data).output
        model("promote", 6, "--data", data)
        assert [one.version for one in run.unannounced()] == [versions[5]]
        assert f"the latest is {versions[-1]}" in model("promote", "--latest", "--data", data).output
        assert [one.version for one in run.unannounced()] == [versions[-1]]
        (data / LEDGER_FILE).touch()
        assert "next midnight" in model("promote", 6, "--data", data).output
    assert "the next `ebbwatch run` announces it" in model("promote", "--latest", "--data", data).output
    assert "no version is pinned" in model("promote", "--latest", "--data", data, code=1).output


def test_another_learner_is_asked_for(data: Path) -> None:
    """The next batch finds the question; who is no learner that can be published is refused."""
    model("promote", "--learner", LINEAR, "--data", data)
    run = opened(data)
    run.take("x", 1, [])
    assert run.learner.champion == LINEAR
    assert "one of hat_adagrad" in model("promote", "--learner", "forest", "--data", data, code=2).output
    model("promote", 3, "--latest", "--data", data, code=2)


def test_what_does_not_fit_is_not_pinned(data: Path) -> None:
    """A version of other features could not be scored with: it is refused before it reaches a worker."""
    store = opened(data).store
    name = store.versions.rows()[2].version
    document = encode_model(store.versions.model(name)).replace(b'"churn","version":1', b'"churn","version":9')
    with store.change():
        store._database.execute("UPDATE versions SET document = ? WHERE version = ?", (document, name))
    assert "churn version 9" in model("promote", name, "--data", data, code=1).output
    assert store.versions.pinned() is None


def test_errors_say_what_to_do(data: Path, tmp_path: Path) -> None:
    """No file, no such version, nothing published, a file that is none: one line each."""
    assert f"holds no {LEARNER_FILE}" in model("list", "--data", tmp_path / "nowhere", code=1).output
    for words in (("show", 99), ("promote", "000099-x"), ("rollback", 99), ("export", 99)):
        assert "`ebbwatch model list` names them" in model(*words, "--data", data, code=1).output
    empty = tmp_path / "empty"
    empty.mkdir()
    opened(empty).close()
    assert "nothing has been published yet" in model("list", "--data", empty).output
    assert "has taken no example yet" in model("report", "--data", empty, code=1).output
    assert "nothing to go back from" in model("rollback", "--data", empty, code=1).output
    assert "equal" in model("rebuild", "--data", empty).output
    (empty / LEARNER_FILE).write_bytes(b"no database at all" * 300)
    assert "cannot be used" in model("list", "--data", empty, code=1).output


# --- proving ---------------------------------------------------------------------------------------


def test_everything_is_learnt_again_to_the_bit(data: Path) -> None:
    """Weights, scales, figures and documents of every version, corrections included."""
    run = opened(data)
    state = run.learner.state()
    assert state.counts["corrected"] > 5
    rebuilt = rebuild(run.store)
    assert rebuilt.is_equal
    assert (rebuilt.weights_from, rebuilt.scale_from) == ("", "")
    assert (rebuilt.labels, rebuilt.observations) == (state.labels, COUNT)
    assert rebuilt.versions == state.published.number
    said = model("rebuild", "--data", data).output
    assert said.endswith("learnt again: equal, bit for bit\n")


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE journal SET label = 1 - label WHERE number = 150",
            r"the weights of the hat model: other than stored in 0000\d\d-hat_adagrad, and in \d+ after it",
        ),
        (
            "UPDATE observations SET z = zeroblob(length(z)) WHERE rowid = 7",
            "1 observations are standardised otherwise",
        ),
        (
            "UPDATE observations SET score = 0.9 WHERE rowid = 259",
            "the spread of features and scores: other than stored in",
        ),
        (
            "UPDATE versions SET document = replace(document, '\"learnt\":', '\"learnt\":1') WHERE number = 3",
            "the published curves: other than stored in 000003-hat_adagrad\n",
        ),
        (
            "UPDATE journal SET scores = replace(scores, '0.', '0.0') WHERE number = 150",
            "1 examples are scored otherwise",
        ),
    ],
    ids=["label", "z", "score", "document", "scores"],
)  # fmt: skip
def test_what_was_meddled_with_is_found(data: Path, statement: str, found: str) -> None:
    """One cell is enough, and the exit code says so."""
    change(data, statement)
    said = model("rebuild", "--data", data, code=1).output
    assert re.search(found, said)
    assert "NOT equal" in said


def test_what_is_forgotten_is_started_after(data: Path) -> None:
    """A learner does not keep everything for ever: the proof begins at the first version that all is left after."""
    change(
        data,
        "DELETE FROM journal WHERE number <= 20",
        "DELETE FROM observations WHERE rowid <= 15",
        "UPDATE observations SET x = x'' WHERE rowid <= 230",
    )
    run = opened(data)
    rebuilt = rebuild(run.store)
    assert rebuilt.is_equal
    weights, scale = (run.store.versions.snapshot(name) for name in (rebuilt.weights_from, rebuilt.scale_from))
    assert weights.journal >= 20
    assert scale.counts["observed"] >= 230
    assert 0 < rebuilt.labels < run.learner.labels
    assert "what it was learnt from is forgotten" in model("rebuild", "--data", data).output
    change(data, "DELETE FROM observations WHERE rowid > 20")
    assert "nothing to start from" in model("rebuild", "--data", data, code=1).output


# --- reporting -------------------------------------------------------------------------------------


def test_a_report_holds_the_exact_figures(data: Path, tmp_path: Path) -> None:
    """The same on the terminal and on the page, which needs nothing else; the picture is one."""
    window = opened(data).learner.window
    page, picture = tmp_path / "report.html", tmp_path / "report.png"
    said = model("report", "--data", data, "-o", page).output
    html = page.read_text()
    for quality in (window.quality(IN_FORCE), window.quality(HAT_ADAGRAD), window.quality(IN_FORCE, "core")):
        for measure, value in quality._asdict().items():
            assert figure_words(measure, value) in said
            assert f"<td>{figure_words(measure, value)}</td>" in html
    assert '<img src="data:image/png;base64,iVBOR' in html
    assert not re.search(r"(src|href)=\"(?!data:)", html)
    model("report", "--data", data, "-o", picture)
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "ends in .png or .html" in model("report", "--data", data, "-o", tmp_path / "x.pdf", code=2).output


def test_a_report_may_come_before_any_outcome(tmp_path: Path) -> None:
    """Every panel and table bears that there is nothing to show."""
    run = opened(tmp_path)
    seen: Callable[[Example], bool] = lambda one: not isinstance(one, Settled)  # noqa: E731
    run.take_file(write_stream(tmp_path / "examples.ndjson", list(filter(seen, real_stream(30)))))
    said = model("report", "--data", tmp_path, "-o", tmp_path / "report.html").output
    assert "no outcome is known yet" in said
    assert "outcomes still to come  30" in said


def test_no_command_pays_for_what_it_does_not_use() -> None:
    """River and Matplotlib take seconds to load: only what needs them does."""
    code = "import sys, agents.cli; sys.exit(bool({'river', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
