"""The learner: what is learnt when, what is measured before that, and when a model comes of it."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from models.churn_curves import SnapshotMismatch, probability
from models.churn_records import CLOSED_BY_BANK, LEFT, STAYED, Observed, Settled
from models.events import epoch_ms
from models.expert_prior import prior_share
from models.learner import Learner, Publication
from models.learner_records import CORRECTION, LABEL, UNLEARNT, Fate, JournalEntry, Kept
from models.learner_state import decode_state, encode_state
from models.learner_window import IN_FORCE, LearnerWindow, Settlement
from models.population import Population
from models.promotion import LEAST_EXAMPLES, comparisons, winner
from models.publication import FIRST_OBSERVATIONS, PUBLISH_EVERY_MS
from models.regression_snapshot import HAT_ADAGRAD, HAT_ADAM, LINEAR
from models.scoring_model import ready
from tests.support.churn_stream import BEGIN, CHOSEN, HORIZON, NAMES, Example, observed, settled, stream

RATE = 0.2


class Remembered:
    """A memory of dictionaries, and everything that was noted in it."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.entries: list[JournalEntry] = []

    def find(self, observation_id: str) -> Kept | None:
        return self.kept.get(observation_id)

    def keep(self, kept: Kept) -> None:
        self.kept[kept.observation_id] = kept

    def note(self, entry: JournalEntry) -> None:
        self.entries.append(entry)
        kept = self.kept[entry.observation_id]
        self.kept[entry.observation_id] = msgspec.structs.replace(kept, outcome=entry.outcome, revision=entry.revision)


class Run:
    """A learner with its memory, and what it has published."""

    def __init__(self, examples: Sequence[Example] = (), learner: Learner | None = None) -> None:
        self.learner = learner or Learner(RATE, chosen=CHOSEN)
        self.memory = Remembered()
        self.published: list[Publication] = []
        self.take(examples)

    def take(self, examples: Sequence[Example]) -> "Run":
        for example in examples:
            publication = self.learner.fold(example, self.memory)
            if publication is not None:
                self.published.append(publication)
        return self

    @property
    def weights(self) -> bytes:
        return msgspec.json.encode(msgspec.structs.replace(self.learner.hat_snapshot(), position={}))


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return stream(2_500)


@pytest.fixture(scope="module")
def straight(examples: list[Example]) -> Run:
    return Run(examples)


# --- what is learnt -------------------------------------------------------------------------------


def test_what_is_learnt_predicts(straight: Run) -> None:
    """Scores given before each label was learnt rank those who leave first, and so do the challengers'."""
    for name in (HAT_ADAGRAD, HAT_ADAM, LINEAR):
        assert straight.learner.window.quality(name).auc > 0.7
    assert straight.learner.window.quality(HAT_ADAGRAD).auc < straight.learner.window.quality(IN_FORCE).auc


def test_labels_are_learnt_when_they_are_settled(examples: list[Example]) -> None:
    """Before the first outcome nothing but the scale has moved, and each label is learnt at its own record."""
    first = next(place for place, one in enumerate(examples) if isinstance(one, Settled))
    run = Run(examples[:first])
    assert (run.learner.labels, run.learner.hat_snapshot().weights) == (0, {})
    assert run.learner.hat_snapshot().counts["outflow"] == first
    run.take(examples[first : first + 1])
    assert run.learner.labels == 1


def test_the_future_does_not_reach_a_score(examples: list[Example], straight: Run) -> None:
    """Whatever comes later, and whatever is not settled yet, all that was scored before stays to the bit."""
    half = len(examples) // 2
    turned = {STAYED: LEFT, LEFT: STAYED, CLOSED_BY_BANK: LEFT}
    future = [
        msgspec.structs.replace(one, outcome=turned[one.outcome])
        if isinstance(one, Settled)
        else msgspec.structs.replace(one, features=one.features[::-1])
        for one in examples[half:]
    ]
    other = Run([*examples[:half], *future])
    known = sum(isinstance(one, Settled) for one in examples[:half])
    assert other.memory.entries[:known] == straight.memory.entries[:known]
    assert other.memory.entries[known].scores == straight.memory.entries[known].scores
    assert other.memory.entries[-1].scores != straight.memory.entries[-1].scores


def test_a_leak_would_be_noticed(examples: list[Example], straight: Run) -> None:
    """Outcomes that are told with the observation change the very scores that the test above compares."""
    leaking = sorted(
        (msgspec.structs.replace(one, at=one.observed_at) if isinstance(one, Settled) else one for one in examples),
        key=lambda one: (one.at, isinstance(one, Settled), one.observation_id),
    )
    scores = {entry.observation_id: entry.scores for entry in straight.memory.entries if entry.kind == LABEL}
    leaked = {entry.observation_id: entry.scores for entry in Run(leaking).memory.entries if entry.kind == LABEL}
    early = list(scores)[50:100]
    assert [scores[name] for name in early] != [leaked[name] for name in early]


def test_each_example_is_measured_before_it_is_learnt() -> None:
    """The first label is scored by learners that know nothing: a model that had learnt it would say more."""
    seen = [observed(n, [n, 1, 2, 3, 4, 5], BEGIN + timedelta(minutes=n)) for n in range(10)]
    run = Run([*seen, settled(seen[9], LEFT)])
    assert set(run.memory.entries[0].scores.values()) == {0.5}
    example = run.learner.ensemble.prepare(run.learner.ensemble.hat.standardise(dict.fromkeys(NAMES, 9.0)), None)
    assert run.learner.ensemble.scores(example)[LINEAR] > 0.5


def test_the_spread_is_of_features_as_they_are(straight: Run) -> None:
    """Not of what they are on a scale that has moved since."""
    spread = Population(NAMES)
    for kept in straight.memory.kept.values():
        spread.add(np.frombuffer(kept.x, "<f4"), kept.score)
    assert straight.learner.population.state() == spread.state()


# --- outcomes that are not just a label -----------------------------------------------------------


def a_few() -> tuple[Run, list[Observed]]:
    """Ten observations that were learnt as stayed."""
    seen = [observed(n, [n % 3, n, 2, 3, -n, 5], BEGIN + timedelta(hours=n)) for n in range(10)]
    return Run([*seen, *(settled(one, STAYED) for one in seen)]), seen


def test_a_correction_is_learnt_twice_and_measured_as_it_is_now() -> None:
    """It reverses the step that was wrong; the drift alarm does not hear of it; a repeat changes nothing."""
    run, seen = a_few()
    losses = run.learner.ensemble.losses.seen
    assert run.learner.window.quality(HAT_ADAGRAD).base_rate == 0.0
    corrected = settled(seen[3], LEFT, 1, HORIZON * 2)
    run.take([corrected])
    assert (run.learner.labels, run.learner.counts[Fate.CORRECTED]) == (12, 1)
    entry = run.memory.entries[-1]
    assert (entry.kind, entry.label, entry.times, entry.number) == (CORRECTION, True, 2, 11)
    assert run.learner.ensemble.losses.seen == losses
    quality = run.learner.window.quality(HAT_ADAGRAD)
    assert (quality.examples, quality.base_rate) == (10, 0.1)
    before = run.weights
    run.take([corrected])
    assert (run.weights, run.learner.counts[Fate.REPEATED]) == (before, 1)


def test_a_second_correction_leads_back() -> None:
    """The label that counts is the last one that was told; the same label again is no news."""
    run, seen = a_few()
    run.take([settled(seen[3], LEFT, 1), settled(seen[3], STAYED, 2), settled(seen[3], STAYED, 3)])
    assert run.learner.window.quality(HAT_ADAGRAD).base_rate == 0.0
    assert (run.learner.labels, run.learner.counts[Fate.UNCHANGED]) == (14, 1)
    assert run.learner.state().outcomes == {LEFT: 0, STAYED: 10}


def test_who_the_bank_put_out_is_not_learnt() -> None:
    """It says nothing of who leaves. Told too late, it takes the label out of the figures."""
    run, seen = a_few()
    fresh = observed(10, [1, 2, 3, 4, 5, 6], BEGIN + timedelta(days=1))
    run.take([fresh])
    before = run.weights
    run.take([settled(fresh, CLOSED_BY_BANK)])
    assert (run.weights, run.learner.counts[Fate.CLOSED_BY_BANK]) == (before, 1)
    assert run.memory.entries[-1].kind == UNLEARNT
    run.take([settled(seen[0], CLOSED_BY_BANK, 1)])
    assert (run.weights, run.learner.window.quality(HAT_ADAGRAD).examples) == (before, 9)
    run.take([settled(fresh, LEFT, 1)])
    assert (run.learner.labels, run.learner.window.quality(HAT_ADAGRAD).examples) == (11, 10)


def test_what_cannot_be_learnt_is_counted() -> None:
    """An outcome without its observation, features of another schema, an observation that comes again."""
    run, seen = a_few()
    before = run.weights
    strange = observed(77, [1, 2, 3, 4, 5, 6], BEGIN)
    run.take(
        [
            settled(strange, LEFT),
            msgspec.structs.replace(strange, schema="another"),
            msgspec.structs.replace(strange, schema_version=2),
            msgspec.structs.replace(strange, features=strange.features[4:]),
            seen[2],
        ]
    )
    counts = run.learner.counts
    assert (counts[Fate.UNKNOWN], counts[Fate.FOREIGN_SCHEMA], counts[Fate.REPEATED]) == (1, 3, 1)
    assert (run.weights, run.learner.window.quality(IN_FORCE).examples) == (before, 10)


# --- the state ------------------------------------------------------------------------------------


def test_a_restored_learner_is_the_same_for_ever(examples: list[Example], straight: Run) -> None:
    """Cut anywhere and restored from its document: the same weights, publications and alarms, to the bit."""
    half = len(examples) // 2
    run = Run(examples[:half])
    state = decode_state(encode_state(run.learner.state()))
    restored = Learner(RATE, chosen=CHOSEN, state=state)
    restored.window = run.learner.window  # the journal's to give back (streams.learner_run)
    first = run.published
    run.learner, run.published = restored, []
    run.take(examples[half:])
    assert encode_state(restored.state()) == encode_state(straight.learner.state())
    assert [one.model for one in first + run.published] == [one.model for one in straight.published]


@pytest.mark.parametrize("changed", [{"format": 2}, {"champion": "forest"}, {"challengers": []}])
def test_a_learner_of_another_program_is_refused(straight: Run, changed: dict[str, object]) -> None:
    """Its numbers would mean something else."""
    document = encode_state(msgspec.structs.replace(straight.learner.state(), **changed))
    with pytest.raises(SnapshotMismatch):
        Learner(RATE, chosen=CHOSEN, state=decode_state(document))


# --- publication ----------------------------------------------------------------------------------


def test_the_first_model_brings_a_scale(examples: list[Example]) -> None:
    """After some observations, without any label: what it says is the prior's, on the scale that was seen."""
    published = Run(examples[: FIRST_OBSERVATIONS + 1]).published
    assert len(published) == 1
    model = published[0].model
    assert (model.version, model.learnt, model.until_ms) == ("000001-hat_adagrad", 0, 0)
    assert model.slopes[:3] == [0.5, 0.5, -0.5]
    assert model.means[1] == pytest.approx(1.0, abs=0.3)


def test_models_are_published_once_a_day_and_only_for_news(straight: Run) -> None:
    """By the times of the examples; without labels, when there are twice as many observations."""
    times = [one.at_ms for one in straight.published]
    labelled = [one for one in straight.published if one.model.learnt]
    assert all(after - before >= PUBLISH_EVERY_MS for before, after in pairwise(times))
    assert len(straight.published) - len(labelled) == 4  # 200, 400, 800 and 1,600 observations
    run, seen = a_few()
    run.take([observed(n, [1, 2, 3, 4, 5, 6], BEGIN + timedelta(days=n)) for n in (90, 120, 150)])
    assert [one.model.learnt for one in run.published] == [1, 10]  # the second outcome finds the first one learnt
    assert run.published[1].model.until_ms == epoch_ms(seen[9].due)


def test_what_is_published_scores_as_the_learner_does(straight: Run) -> None:
    """The curves are those of both regressions at that moment and the prior's, by their shares."""
    publication = straight.published[-1]
    learner = Learner(RATE, chosen=CHOSEN, state=publication.learner)
    rarer = publication.learner.losses.rarer
    assert 0.9 * publication.learner.outcomes[LEFT] < rarer <= publication.learner.outcomes[LEFT]  # corrections
    share, curves = prior_share(rarer), rarer**2 / (rarer**2 + 200**2)
    assert 0.1 < curves < 0.95
    scorer = ready(publication.model, CHOSEN).scorer
    for x in ([0.5, 2, 1, 7.5, 20, 3], [-1, 0, 2, 7.5, 100, 3]):
        z = learner.ensemble.hat.standardise(dict(zip(NAMES, map(float, x), strict=True)))
        prior = np.log(RATE / (1 - RATE)) + 0.5 * (z["outflow"] + z["silence"] - z["logins"])
        lines = learner.ensemble.challengers[LINEAR].logit(z)
        learnt = curves * learner.ensemble.hat.logit(z) + (1 - curves) * lines
        logit = share * prior + (1 - share) * learnt
        assert scorer.score(np.array([x], np.float64)).logits[0] == pytest.approx(logit, abs=1e-12)


def test_a_challenger_in_charge_is_what_is_published(examples: list[Example]) -> None:
    """An operator's word counts from the next version on, and the version says so."""
    run = Run(examples[:4_000])
    promotion = run.learner.promote(LINEAR)
    assert promotion is not None
    assert (promotion.before, promotion.after) == (HAT_ADAGRAD, LINEAR)
    assert run.learner.promote("forest") is None
    run.take(examples[4_000:])
    model = run.published[-1].model
    assert model.version.endswith("-linear_adagrad")
    assert run.published[-1].learner.champion == LINEAR
    learner = Learner(RATE, chosen=CHOSEN, state=run.published[-1].learner)
    x = {"outflow": 0.5, "silence": 2.0, "logins": 1.0, "never": 7.5, "tenure": 20.0, "noise": 3.0}
    z = learner.ensemble.hat.standardise(x)
    share = prior_share(run.published[-1].learner.losses.rarer)
    theirs = learner.ensemble.scores(learner.ensemble.prepare(z, None))[LINEAR]
    prior = np.log(RATE / (1 - RATE)) + 0.5 * (z["outflow"] + z["silence"] - z["logins"])
    logit = share * prior + (1 - share) * np.log(theirs / (1 - theirs))
    assert ready(model, CHOSEN).scorer.score(np.array([list(x.values())])).probabilities[0] == pytest.approx(
        probability(logit), abs=1e-9
    )


# --- the gate -------------------------------------------------------------------------------------


def judged(better: float, count: int = LEAST_EXAMPLES, shift: float = 0.0) -> LearnerWindow:
    """A window in which the linear model ranks better by `better`, and is `shift` off in its calibration."""
    draw = np.random.default_rng(4)
    window = LearnerWindow()
    for number in range(1, count + 1):
        p = float(draw.uniform(0.02, 0.6))
        label = bool(draw.random() < p)
        blurred = p + (1 - better) * (0.31 - p)
        scores = {HAT_ADAGRAD: 0.31, HAT_ADAM: 0.31, LINEAR: min(blurred + shift, 0.99)}
        window.add(
            Settlement(
                number=number,
                observation_id=str(number),
                observed_ms=0,
                settled_ms=1,
                tier="core",
                label=label,
                score=0.3,
                scores=scores,
            )
        )
    return window


def test_the_gate_opens_to_who_is_better_and_calibrated() -> None:
    """Not for too few examples, not for a hair's breadth, not for scores that are right in rank alone."""
    best = winner(comparisons(judged(1.0), HAT_ADAGRAD, 1))
    assert best is not None
    assert best.challenger == LINEAR
    assert winner(comparisons(judged(1.0, LEAST_EXAMPLES - 1), HAT_ADAGRAD, 1)) is None
    assert winner(comparisons(judged(1.0), HAT_ADAGRAD, 2)) is None
    assert winner(comparisons(judged(0.0), HAT_ADAGRAD, 1)) is None
    assert winner(comparisons(judged(1.0, shift=0.1), HAT_ADAGRAD, 1)) is None


def test_the_gate_promotes_at_a_publication(examples: list[Example]) -> None:
    """With its evidence; after that it takes as many examples again before anybody else is let through."""
    run = Run(examples[:3_000])
    learner = run.learner
    learner.window = judged(1.0)
    learner.journal = LEAST_EXAMPLES
    before = len(run.published)
    run.take(examples[3_000:3_500])
    promotion = run.published[before].promotion
    assert promotion is not None
    assert promotion.evidence is not None
    assert (learner.champion, promotion.evidence.examples) == (LINEAR, LEAST_EXAMPLES)
    assert run.published[before].model.learner == LINEAR
    assert all(one.promotion is None for one in run.published[before + 1 :])
