"""What an earlier release wrote is read by this one, whatever has become of River: a learner that was kept goes on.

The file was written by the release that it names, with `python -m tests.unit.models.test_learner_of_before FILE`.
A release that changes the state on purpose adds a file, and reads the old one still, or refuses it by its format.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
import river

from models.churn_model import unpack
from models.churn_records import Observed
from models.learner import Learner
from models.learner_state import decode_state, encode_state
from models.population import Population, PopulationState
from models.scoring_model import decode_model, encode_model, ready
from tests.support.churn_stream import CHOSEN, stream
from tests.unit.models.test_learner import Run

DATA = Path(__file__).resolve().parents[2] / "data" / "learners"
RATE = 0.2
COUNT, LATER = 900, 1_300
PROBES = ((0.5, 2.0, 1.0, 7.5, 20.0, 3.0), (-1.0, 0.0, 2.0, 7.5, 90.0, 9.0), (2.0, 4.0, -3.0, 7.5, 50.0, 0.0))


class Written(msgspec.Struct):
    """A learner, the model that it published last, and what both say of some customers, then and some labels later."""

    release: str
    river: str
    state: msgspec.Raw
    model: msgspec.Raw
    scores: list[dict[str, float]]
    scores_later: list[dict[str, float]]
    model_scores: list[float]


def scores_of(learner: Learner) -> list[dict[str, float]]:
    """What each regression says of the probes."""
    ensemble, names = learner.ensemble, CHOSEN.schema.features
    return [
        ensemble.scores(ensemble.prepare(ensemble.hat.standardise(dict(zip(names, x, strict=True))), None))
        for x in PROBES
    ]


def later(learner: Learner) -> Learner:
    """It after some more labels."""
    kept = Run(stream(LATER), Learner(RATE, chosen=CHOSEN)).memory  # for their z alone
    names = CHOSEN.schema.features
    for entry in kept.entries[-200:]:
        z = unpack(kept.kept[entry.observation_id].z, names)
        if entry.label is not None:
            learner.ensemble.learn(learner.ensemble.prepare(z, None), entry.label, is_correction=False)
    return learner


def close(found: Sequence[dict[str, float]], written: Sequence[dict[str, float]]) -> bool:
    """To nine digits: the last bit of an exponential is the machine's."""
    return all(one == pytest.approx(other, rel=1e-9) for one, other in zip(found, written, strict=True))


def counted_again(spread: PopulationState) -> bool:
    """Whether the same observations fall into the same bins, those that are stored."""
    empty = {
        name: (0.0 * np.array(getattr(spread, name))).tolist()
        for name in ("features_lately", "features_before", "scores_lately", "scores_before")
    }
    again = Population.restore(msgspec.structs.replace(spread, seen=0, **empty))
    for one in stream(COUNT):
        if isinstance(one, Observed):
            again.add(np.frombuffer(one.features, "<f4"), one.score)
    state = again.state()
    return state.seen == spread.seen and all(
        np.allclose(getattr(state, name), getattr(spread, name), rtol=1e-9) for name in empty
    )


@pytest.mark.parametrize("path", sorted(DATA.glob("*.json")), ids=lambda path: path.stem)
def test_a_learner_of_before_goes_on(path: Path) -> None:
    """It scores as it did, learns on as it would have, and its model is still fit for scoring."""
    written = msgspec.json.decode(path.read_bytes(), type=Written)
    learner = Learner(RATE, chosen=CHOSEN, state=decode_state(bytes(written.state)))
    assert close(scores_of(learner), written.scores)
    assert close(scores_of(later(learner)), written.scores_later)
    assert counted_again(learner.population.state())
    model = ready(decode_model(bytes(written.model)), CHOSEN)
    assert model.scorer.score(np.array(PROBES)).probabilities == pytest.approx(written.model_scores, rel=1e-12)


def test_there_is_one_of_this_format() -> None:
    """Else the test above would say nothing."""
    assert "0.1.0" in {path.stem for path in DATA.glob("*.json")}


def main() -> None:
    """Write the file of the present release."""
    run = Run(stream(COUNT), Learner(RATE, chosen=CHOSEN))
    state, model = encode_state(run.learner.state()), run.published[-1].model
    scores = scores_of(run.learner)
    written = Written(
        release="0.1.0",
        river=river.__version__,
        state=msgspec.Raw(state),
        model=msgspec.Raw(encode_model(model)),
        scores=scores,
        scores_later=scores_of(later(run.learner)),
        model_scores=ready(model, CHOSEN).scorer.score(np.array(PROBES)).probabilities,
    )
    Path(sys.argv[1]).write_bytes(msgspec.json.format(msgspec.json.encode(written), indent=1) + b"\n")


if __name__ == "__main__":
    main()
