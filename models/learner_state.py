"""Everything that a learner is, as one JSON document: restored, it learns and publishes on to the bit.

What it has been told, example by example, is not in it: that is the journal's (`models.learner_records`).
"""

from typing import Final

import msgspec
from msgspec import Struct, field

from models.churn_curves import SnapshotMismatch
from models.churn_drift import LossWatch
from models.churn_snapshot import ChurnSnapshot
from models.population import PopulationState
from models.regression_snapshot import RegressionSnapshot

STATE_FORMAT: Final = 1
"""Raised when a document of before would be misread."""


class Published(Struct, kw_only=True):
    """How far publication has come: versions so far, and where the learner stood at the latest of them."""

    number: int = 0
    at_ms: int = 0
    labels: int = 0
    observed: int = 0


class LearnerState(Struct, kw_only=True):
    """See the module.

    `champion` names the learner that is published, since the journal entry `champion_since`. `outcomes` says how many
    examples came to which outcome, as far as is known now, `counts` how many records came to which end
    (`models.learner_records.Fate`).
    """

    format: int
    hat: ChurnSnapshot
    challengers: list[RegressionSnapshot]
    losses: LossWatch
    population: PopulationState
    champion: str
    champion_since: int
    published: Published
    journal: int
    labels: int
    clock_ms: int
    first_ms: int
    until_ms: int
    alarms: int
    outcomes: dict[str, int]
    counts: dict[str, int] = field(default_factory=dict)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(LearnerState, strict=True)


def encode_state(state: LearnerState) -> bytes:
    """The document; equal learners have equal bytes."""
    return _encoder.encode(state)


def decode_state(document: bytes) -> LearnerState:
    """Inverse of `encode_state`; raises `SnapshotMismatch` for anything else."""
    try:
        state = _decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotMismatch(f"not a learner that this program can read: {error}") from None
    if state.format != STATE_FORMAT:
        raise SnapshotMismatch(f"the learner has format {state.format}, this program reads {STATE_FORMAT}")
    return state
