"""The champion as one JSON document, exact to the bit: it scores the same, and it learns on the same.

A forest would have to be pickled, which runs code when it is read and breaks with the next version of the library. Of
the champion everything is a number with a name, so its document is data, and a person can read it. Reading it takes no
learner's library; `models.churn_restore` makes a learner of it again.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from models.churn_curves import KNOTS, FeatureSchema, SnapshotMismatch
from models.churn_scorer import Shapes

FORMAT: Final = 1
"""Raised when a document of before would be misread; what is older is then refused, or turned into the new one."""


class ChurnSnapshot(Struct, frozen=True, kw_only=True):
    """A model at one moment of its learning.

    `position` says up to where the examples have been learnt: for each source of them, the offset that comes next.
    Cells are named `feature` (the linear term) and `feature#knot`; their order is the one in which they came up, and
    belongs to the state, since sums are taken in it.
    """

    format: int
    schema: FeatureSchema
    position: dict[str, int]
    lr: float
    intercept_lr: float
    knots: tuple[float, ...]
    counts: dict[str, int]
    means: dict[str, float]
    variances: dict[str, float]
    weights: dict[str, float]
    intercept: float
    g2: dict[str, float]
    learnt: int
    mean_weights: dict[str, float]
    mean_intercept: float
    looks: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ChurnSnapshot, strict=True)


def shapes_of(snapshot: ChurnSnapshot) -> Shapes:
    """The curves that a snapshot scores by; a feature that has never varied gets none."""
    names = snapshot.schema.features
    return curves(names, snapshot.means, snapshot.variances, snapshot.mean_weights, snapshot.mean_intercept)


def curves(
    names: Sequence[str],
    means: Mapping[str, float],
    variances: Mapping[str, float],
    weights: Mapping[str, float],
    intercept: float,
) -> Shapes:
    """The curves of a regression over the cells of features, with the scale that those were standardised by."""
    return Shapes(
        intercept=intercept,
        mean=np.array([means.get(name, 0.0) for name in names], np.float64),
        deviation=np.sqrt(np.array([variances.get(name, 0.0) for name in names], np.float64)),
        linear=np.array([weights.get(name, 0.0) for name in names], np.float64),
        heights=np.array(
            [[weights.get(f"{name}#{knot}", 0.0) for knot in range(len(KNOTS))] for name in names], np.float64
        ).reshape(len(names), len(KNOTS)),
    )


def encode_snapshot(snapshot: ChurnSnapshot) -> bytes:
    """The document; equal models have equal bytes."""
    return _encoder.encode(snapshot)


def decode_snapshot(document: bytes) -> ChurnSnapshot:
    """Inverse of `encode_snapshot`; raises `SnapshotMismatch` for anything else."""
    try:
        return _decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotMismatch(f"not a snapshot that this program can read: {error}") from None


def check_snapshot(snapshot: ChurnSnapshot, schema: FeatureSchema) -> None:
    """Raise `SnapshotMismatch` where the snapshot does not fit this program or `schema`, or holds what is no number."""
    if snapshot.format != FORMAT:
        raise SnapshotMismatch(f"the snapshot has format {snapshot.format}, this program reads {FORMAT}")
    if snapshot.knots != KNOTS:
        raise SnapshotMismatch("the snapshot's shapes have other knots than those of this program")
    if snapshot.schema != schema:
        theirs, ours = snapshot.schema, schema
        raise SnapshotMismatch(
            f"the snapshot was learnt from {len(theirs.features)} features, {theirs.name} version {theirs.version},"
            f" and these are {len(ours.features)}, {ours.name} version {ours.version}"
        )
    features = set(schema.features)
    cells = {cell.rpartition("#")[0] or cell for cell in (*snapshot.weights, *snapshot.g2, *snapshot.mean_weights)}
    unknown = (cells | set(snapshot.counts) | set(snapshot.means) | set(snapshot.variances)) - features
    if unknown:
        raise SnapshotMismatch(f"the model knows features that are not in its schema: {', '.join(sorted(unknown))}")
    numbers = (snapshot.means, snapshot.variances, snapshot.weights, snapshot.g2, snapshot.mean_weights)
    if not all(isfinite(number) for numbered in numbers for number in numbered.values()):
        raise SnapshotMismatch("the snapshot holds a number that is not finite")
    if not (isfinite(snapshot.intercept) and isfinite(snapshot.mean_intercept)):
        raise SnapshotMismatch("the snapshot holds an intercept that is not finite")
