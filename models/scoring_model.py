"""The model that scores: one curve for each feature, as the learner publishes it and the ledger carries it.

It is what is left of a learner when it stops learning: whatever learnt it, the score is an intercept and a sum of
curves, so everything that is published can be explained, and scored with by the same few lines.
"""

import hashlib
from math import isfinite
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct, field

from models.churn_curves import KNOTS, FeatureSchema, SnapshotMismatch
from models.churn_scorer import ChurnScorer, Shapes
from models.expert_prior import SignedFeature, expert_prior
from models.feature_list import STANDARD_SET
from models.feature_schema import FeatureSet
from models.nominal_scale import NOMINAL_SCALE

MODEL_FORMAT: Final = 1
"""Raised when a document of before would be misread."""
COLD: Final = "cold"
"""The version of the model that knows no label: what the standards say, on a nominal scale."""


class ScoringModel(Struct, frozen=True, kw_only=True):
    """One published model. Its lists have an entry for each feature of `schema`, in order; `heights` one for each knot.

    `learner` names what learnt it, `learnt` how many labels that was, `until_ms` the time of the latest of them.
    `quality` holds the figures at publication (`models.score_metrics.Quality`), without those that did not exist.
    """

    format: int
    schema: FeatureSchema
    version: str
    learner: str
    learnt: int
    until_ms: int
    knots: tuple[float, ...]
    intercept: float
    means: list[float]
    deviations: list[float]
    slopes: list[float]
    heights: list[list[float]]
    quality: dict[str, float] = field(default_factory=dict)


class Scoring(Struct, frozen=True):
    """A model ready to score: its version, the scorer, and what it has learnt (`ScoringModel`)."""

    version: str
    scorer: ChurnScorer
    intercept: float
    learnt: int
    until_ms: int

    @property
    def number(self) -> int:
        """Which of the learner's versions this is; 0 for the cold one."""
        number, _, _ = self.version.partition("-")
        return int(number) if number.isdecimal() and number.isascii() else 0


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ScoringModel, strict=True)


def scoring_model(
    shapes: Shapes,
    schema: FeatureSchema,
    *,
    version: str,
    learner: str,
    learnt: int,
    until_ms: int,
    quality: dict[str, float] | None = None,
) -> ScoringModel:
    """The document of `shapes`, whose features are those of `schema`."""
    return ScoringModel(
        format=MODEL_FORMAT,
        schema=schema,
        version=version,
        learner=learner,
        learnt=learnt,
        until_ms=until_ms,
        knots=KNOTS,
        intercept=shapes.intercept,
        means=shapes.mean.tolist(),
        deviations=shapes.deviation.tolist(),
        slopes=shapes.linear.tolist(),
        heights=shapes.heights.tolist(),
        quality=quality or {},
    )


def encode_model(model: ScoringModel) -> bytes:
    """The document; equal models have equal bytes."""
    return _encoder.encode(model)


def decode_model(document: bytes) -> ScoringModel:
    """Inverse of `encode_model`; raises `SnapshotMismatch` for anything else."""
    try:
        return _decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotMismatch(f"not a model that this program can read: {error}") from None


def model_from_document(document: dict[str, object]) -> ScoringModel:
    """The model of a document given as JSON types; raises `SnapshotMismatch`."""
    try:
        return msgspec.convert(document, ScoringModel, strict=True)
    except msgspec.ValidationError as error:
        raise SnapshotMismatch(f"not a model that this program can read: {error}") from None


def model_document(model: ScoringModel) -> dict[str, object]:
    """The document as JSON types, such as a `model_activated` record carries."""
    return dict(msgspec.to_builtins(model))


def model_digest(model: ScoringModel) -> str:
    """Identity of the content (16 hex digits)."""
    return hashlib.blake2b(encode_model(model), digest_size=8).hexdigest()


def ready(model: ScoringModel, chosen: FeatureSet = STANDARD_SET) -> Scoring:
    """The model ready to score `chosen`; raises `SnapshotMismatch` when it was learnt from other features."""
    theirs, ours = model.schema, chosen.schema
    if model.format != MODEL_FORMAT:
        raise SnapshotMismatch(f"the model has format {model.format}, this program reads {MODEL_FORMAT}")
    if model.knots != KNOTS:
        raise SnapshotMismatch("the model's curves have other knots than those of this program")
    if theirs != ours:
        raise SnapshotMismatch(
            f"the model was learnt from {len(theirs.features)} features, {theirs.name} version {theirs.version},"
            f" and these are {len(ours.features)}, {ours.name} version {ours.version}"
        )
    count = len(ours.features)
    lists = (model.means, model.deviations, model.slopes, model.heights)
    if any(len(each) != count for each in lists) or any(len(heights) != len(KNOTS) for heights in model.heights):
        raise SnapshotMismatch("the model does not have one curve for each of its features")
    shapes = shapes_of_model(model)
    arrays = (shapes.mean, shapes.deviation, shapes.linear, shapes.heights)
    if not isfinite(model.intercept) or not all(np.isfinite(array).all() for array in arrays):
        raise SnapshotMismatch("the model holds a number that is not finite")
    return Scoring(model.version, ChurnScorer(shapes), model.intercept, model.learnt, model.until_ms)


def shapes_of_model(model: ScoringModel) -> Shapes:
    """The curves of a model."""
    return Shapes(
        intercept=model.intercept,
        mean=np.array(model.means, np.float64),
        deviation=np.array(model.deviations, np.float64),
        linear=np.array(model.slopes, np.float64),
        heights=np.array(model.heights, np.float64).reshape(len(model.means), len(KNOTS)),
    )


def signed_features(chosen: FeatureSet = STANDARD_SET) -> list[SignedFeature]:
    """What the standards say of each feature."""
    return [SignedFeature(feature.name, feature.group.value, feature.sign) for feature in chosen.features]


def cold_model(base_rate: float, chosen: FeatureSet = STANDARD_SET) -> ScoringModel:
    """What is scored with before a learner has published anything: the expert prior, on the nominal scale."""
    names = chosen.schema.features
    prior = expert_prior(signed_features(chosen), base_rate)
    shapes = Shapes(
        intercept=prior.intercept,
        mean=np.array([NOMINAL_SCALE[name][0] for name in names], np.float64),
        deviation=np.array([NOMINAL_SCALE[name][1] for name in names], np.float64),
        linear=prior.slopes,
        heights=np.zeros((len(names), len(KNOTS)), np.float64),
    )
    return scoring_model(shapes, chosen.schema, version=COLD, learner="expert prior", learnt=0, until_ms=0)
