"""From a learner to its snapshot and back, exact to the bit; what it takes is what River keeps inside."""

from river.preprocessing import StandardScaler
from river.utils import VectorDict

from models.churn_curves import KNOTS, FeatureSchema
from models.churn_model import ChurnClassifier
from models.churn_snapshot import FORMAT, ChurnSnapshot, check_snapshot


def take_snapshot(model: ChurnClassifier, schema: FeatureSchema, position: dict[str, int]) -> ChurnSnapshot:
    """The model as it is now; raises `SnapshotMismatch` when it has learnt from a feature that is not in `schema`."""
    regression, scaler = model.regression, model.scaler
    snapshot = ChurnSnapshot(
        format=FORMAT,
        schema=schema,
        position=dict(position),
        lr=model.lr,
        intercept_lr=model.intercept_lr,
        knots=KNOTS,
        counts=dict(scaler.counts),
        means=dict(scaler.means),
        variances=dict(scaler.vars),
        weights={cell: float(weight) for cell, weight in regression.weights.items()},
        intercept=float(regression.intercept),
        g2=dict(regression.optimizer.g2),
        learnt=model.learnt,
        mean_weights=dict(model.mean_weights),
        mean_intercept=model.mean_intercept,
        looks=model.looks,
    )
    check_snapshot(snapshot, schema)
    return snapshot


def restore(snapshot: ChurnSnapshot, schema: FeatureSchema) -> ChurnClassifier:
    """The model of a snapshot; raises `SnapshotMismatch` when it was learnt from other features than `schema` has."""
    check_snapshot(snapshot, schema)
    model = ChurnClassifier(lr=snapshot.lr, intercept_lr=snapshot.intercept_lr)
    model.scaler = StandardScaler._from_state(snapshot.counts, snapshot.means, snapshot.variances)
    regression = model.regression
    regression._weights = VectorDict(dict(snapshot.weights))  # it keeps the very dict that it is given
    regression.intercept = snapshot.intercept
    regression.optimizer.g2.update(snapshot.g2)
    regression.optimizer.n_iterations = snapshot.learnt
    model.mean_weights = dict(snapshot.mean_weights)
    model.mean_intercept = snapshot.mean_intercept
    model.looks = snapshot.looks
    return model
