"""A snapshot is the model: restored, it scores the same bits and goes on learning the same bits."""

import subprocess
import sys
from math import sqrt
from pathlib import Path

import msgspec
import pytest

from models.churn_curves import FeatureSchema, SnapshotMismatch, probability
from models.churn_model import EPS, ChurnClassifier
from models.churn_restore import restore, take_snapshot
from models.churn_snapshot import FORMAT, decode_snapshot, encode_snapshot
from tests.unit.models.churn_examples import FEATURES, SCHEMA, examples, learnt_model


def _again(model: ChurnClassifier) -> ChurnClassifier:
    return restore(decode_snapshot(encode_snapshot(take_snapshot(model, SCHEMA, {}))), SCHEMA)


@pytest.mark.parametrize("learnt", [0, 5, 2_000])
def test_a_restored_model_is_the_same_for_ever(learnt: int) -> None:
    """Scores are equal to the bit, and so is everything after 3,000 further labels, a loosening among them."""
    model = learnt_model(learnt)
    restored = _again(model)
    for x, _ in examples(300, seed=8):
        assert restored.predict_proba_one(x) == model.predict_proba_one(x)
    for number, (x, y) in enumerate(examples(3_000, seed=9)):
        for one in (model, restored):
            one.learn_one(x, y)
            if number == 1_500:
                one.loosen()
    documents = [encode_snapshot(take_snapshot(one, SCHEMA, {"a": 7})) for one in (model, restored)]
    assert documents[0] == documents[1]
    assert decode_snapshot(documents[0]).position == {"a": 7}


def test_a_snapshot_stays_as_it_was() -> None:
    """What the model learns later does not reach into a snapshot, nor what a restored one learns."""
    model = learnt_model(100)
    snapshot = take_snapshot(model, SCHEMA, {})
    before = encode_snapshot(snapshot)
    restored = restore(snapshot, SCHEMA)
    for x, y in examples(50, seed=10):
        model.learn_one(x, y)
        restored.learn_one(x, y)
    assert encode_snapshot(snapshot) == before


@pytest.mark.parametrize(
    "other",
    [
        FeatureSchema("made up", 2, FEATURES),
        FeatureSchema("others", 1, FEATURES),
        FeatureSchema("made up", 1, FEATURES[::-1]),
        FeatureSchema("made up", 1, FEATURES[:-1]),
    ],
)
def test_another_schema_is_refused(other: FeatureSchema) -> None:
    """Another name, version, order or number of features: none of them may be scored with."""
    snapshot = take_snapshot(learnt_model(50), SCHEMA, {})
    with pytest.raises(SnapshotMismatch, match="features"):
        restore(snapshot, other)


def test_a_model_is_not_saved_under_a_schema_that_it_breaks() -> None:
    """A feature without a place in the schema would be lost by the scorer, so there is no such snapshot."""
    with pytest.raises(SnapshotMismatch, match=FEATURES[-1]):
        take_snapshot(learnt_model(50), FeatureSchema("made up", 1, FEATURES[:-1]), {})


@pytest.mark.parametrize("changed", [{"format": FORMAT + 1}, {"knots": (0.0, 1.0)}])
def test_what_another_program_wrote_is_refused(changed: dict[str, object]) -> None:
    """Another format, or curves with other knots, would be misread."""
    snapshot = msgspec.structs.replace(take_snapshot(learnt_model(50), SCHEMA, {}), **changed)
    with pytest.raises(SnapshotMismatch):
        restore(snapshot, SCHEMA)


def test_numbers_are_finite() -> None:
    """One weight that is no number would make every score of its feature none."""
    model = learnt_model(50)
    model.regression.optimizer.g2[FEATURES[0]] = float("nan")
    with pytest.raises(SnapshotMismatch, match="finite"):
        take_snapshot(model, SCHEMA, {})
    model = learnt_model(50)
    model.regression.intercept = float("inf")
    with pytest.raises(SnapshotMismatch, match="finite"):
        take_snapshot(model, SCHEMA, {})


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b'{"format": 1}', b"\xff\xfe"])
def test_damage_is_refused(document: bytes) -> None:
    """What is no snapshot is refused by name, not by some later error."""
    with pytest.raises(SnapshotMismatch):
        decode_snapshot(document)


def test_an_old_snapshot_still_scores_and_learns() -> None:
    """Format 1, written out: what a release has stored, the next one must restore to these very figures."""
    document = msgspec.json.encode(
        {
            "format": 1,
            "schema": {"name": "two", "version": 3, "features": ["a", "b"]},
            "position": {"labels/0": 12},
            "lr": 0.05,
            "intercept_lr": 0.01,
            "knots": [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0],
            "counts": {"a": 4, "b": 4},
            "means": {"a": 1.0, "b": -2.0},
            "variances": {"a": 4.0, "b": 0.0},
            "weights": {"a": 0.5, "a#3": 0.25, "a#4": -0.5},
            "intercept": -1.0,
            "g2": {"a": 3.0, "a#3": 1.0, "a#4": 0.5},
            "learnt": 16,
            "mean_weights": {"a": 0.25, "a#3": 0.5, "a#4": -0.25},
            "mean_intercept": -1.5,
            "looks": 1,
        }
    )
    schema = FeatureSchema("two", 3, ("a", "b"))
    model = restore(decode_snapshot(document), schema)
    z = model.standardise({"a": 1.5, "b": 9.0})
    assert z == {"a": 0.25, "b": 0.0}
    assert model.contributions(z) == {"a": 0.25 * 0.25 + 0.5 * 0.5 - 0.25 * 0.5, "b": 0.0}
    assert model.logit(z) == -1.5 + 0.1875
    model.learn_z(z, True)
    assert (model.learnt, model.looks) == (17, 2)
    # The weights themselves have the logit -1 + 0.125 + 0.125 - 0.25, and the gradient is for "a", whose z is 0.25.
    gradient = 0.25 * (probability(-1.0) - 1.0)
    assert model.regression.weights["a"] == pytest.approx(
        0.5 - 0.05 * gradient / sqrt(3.0 + gradient**2 + EPS), abs=1e-12
    )


_LEARN_AND_PRINT = """
import hashlib
from models.churn_restore import take_snapshot
from models.churn_snapshot import encode_snapshot
from tests.unit.models.churn_examples import SCHEMA, learnt_model
print(hashlib.sha256(encode_snapshot(take_snapshot(learnt_model(400), SCHEMA, {}))).hexdigest())
"""


def test_no_process_learns_differently() -> None:
    """River keeps weights in a hash map: whatever the seed of hashes, what is learnt is the same to the bit."""
    root = Path(__file__).resolve().parents[3]
    digests = {
        subprocess.run(
            [sys.executable, "-c", _LEARN_AND_PRINT],
            check=True,
            cwd=root,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64
