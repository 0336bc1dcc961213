"""A stream of observations and their outcomes, made up and seeded, as the fold would put it out."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import exp
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from models.churn_curves import FeatureSchema
from models.churn_records import CLOSED_BY_BANK, LEFT, STAYED, Observed, Settled
from models.feature_schema import Feature, FeatureSet, Group, Transform
from streams.example_codec import OBSERVED_TYPE, SETTLED_TYPE

NAMES = ("outflow", "silence", "logins", "never", "tenure", "noise")
CHOSEN = FeatureSet(
    FeatureSchema("made up", 1, NAMES),
    (
        Feature("outflow", "outflow", Group.OUTFLOW, Transform.LINEAR, 1),
        Feature("silence", "silence", Group.INACTIVITY, Transform.LINEAR, 1),
        Feature("logins", "logins", Group.DISENGAGEMENT, Transform.LINEAR, -1),
        Feature("never", "never", Group.PERSON, Transform.LINEAR),
        Feature("tenure", "tenure", Group.LIFE_STAGE, Transform.LINEAR),
        Feature("noise", "noise", Group.PERSON, Transform.LINEAR),
    ),
)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HORIZON = timedelta(days=20)
TIERS = ("core", "potential", "basic")
Example = Observed | Settled


class Placed(Struct, frozen=True):
    """An example, and where it was put out."""

    shard: int
    sequence: int
    example: Example


def observed(number: int, x: Sequence[float], at: datetime, score: float = 0.2) -> Observed:
    """One observation."""
    return Observed(
        observation_id=f"o{number:05d}",
        at=at,
        due=at + HORIZON,
        schema=CHOSEN.schema.name,
        schema_version=CHOSEN.schema.version,
        features=np.array(x, "<f4").tobytes(),
        score=score,
        model_version="cold",
        tier=TIERS[number % 3],
    )


def settled(seen: Observed, outcome: str, revision: int = 0, after: timedelta = HORIZON) -> Settled:
    """What became of it."""
    return Settled(
        observation_id=seen.observation_id,
        at=seen.at + after,
        observed_at=seen.at,
        outcome=outcome,
        revision=revision,
    )


def stream(count: int, seed: int = 1, corrected: float = 0.02) -> list[Example]:
    """`count` observations, 100 a day, each settled after the horizon, in the order of time; some are corrected."""
    draw = random.Random(seed)
    examples: list[Example] = []
    for number in range(count):
        x = [draw.gauss(place, 1.0 + place) for place in range(len(NAMES))]
        x[3] = 7.5
        x[4] = 0.1 * number  # grows with time, as tenure does
        at = BEGIN + timedelta(minutes=14.4 * number)
        risk = 1.0 / (1.0 + exp(1.5 - 1.2 * x[0] - 0.5 * (x[1] - 1.0)))
        seen = observed(number, x, at, score=round(risk, 3))
        outcome = CLOSED_BY_BANK if draw.random() < 0.01 else LEFT if draw.random() < risk else STAYED
        examples += [seen, settled(seen, outcome)]
        if outcome == STAYED and draw.random() < corrected:
            examples.append(settled(seen, LEFT, 1, HORIZON + timedelta(days=9)))
    return sorted(examples, key=lambda example: (example.at, example.observation_id))


def placed(examples: Sequence[Example], shards: int = 2) -> Iterator[Placed]:
    """Each with its shard, and its number there."""
    sequences = [0] * shards
    for example in examples:
        shard = int(example.observation_id[1:]) % shards
        sequences[shard] += 1
        yield Placed(shard, sequences[shard], example)


def body(example: Example) -> bytes:
    """Its CloudEvent."""
    kind = OBSERVED_TYPE if isinstance(example, Observed) else SETTLED_TYPE
    envelope = {"specversion": "1.0", "id": "x", "source": "ebbwatch/churn", "type": kind, "data": example}
    return msgspec.json.encode(envelope)


def line(one: Placed) -> bytes:
    """Its line in a file of outputs."""
    return b'{"shard":%d,"sequence":%d,' % (one.shard, one.sequence) + body(one.example)[1:] + b"\n"


def write_stream(path: Path, examples: Sequence[Example]) -> Path:
    """A file of outputs that holds `examples`."""
    path.write_bytes(b"".join(map(line, placed(examples))))
    return path
