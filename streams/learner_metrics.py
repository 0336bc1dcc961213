"""The metrics of a learner: how good its scores are, exactly, over the latest outcomes, and how it stands."""

from collections import Counter as Tally
from math import nan
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from models.alerts import TIERS
from models.learner_records import Fate
from models.learner_window import IN_FORCE
from models.recalibration import recalibrated
from models.regression_snapshot import FOREST, LEARNERS
from models.score_metrics import Quality
from models.sign_check import sign_conflicts
from streams.learner_run import LearnerRun

MEASURES: Final = Quality._fields
FOREST_PLATT: Final = "forest_platt"
"""The forest by Platt's curve, over the newer half of the window; without figures where the curve does not win."""
MEASURED: Final = (IN_FORCE, *LEARNERS, FOREST_PLATT)
"""Whose scores are measured: the model that was in force at each observation, and each learner before it learnt it."""


class LearnerMetrics:
    """The metrics of one process, in a registry of their own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Export what can be named beforehand at zero; a figure that does not exist yet is NaN."""
        if registry is None:
            registry = CollectorRegistry()
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)
        self.registry = registry
        # Figures of scores over the latest outcomes (models.score_metrics.Quality).
        self.quality = Gauge(
            "ebbwatch_model_quality", "Figures over the latest outcomes", ["measure", "learner"], registry=registry
        )
        # The same of the model in force, by the customer's tier at the observation.
        self.tier_quality = Gauge(
            "ebbwatch_model_tier_quality", "Figures of a tier's outcomes", ["measure", "tier"], registry=registry
        )
        # Records by what became of them, models.learner_records.Fate.
        self.examples = Counter("ebbwatch_model_examples", "Examples taken", ["outcome"], registry=registry)
        # 1 for the learner whose curves are published.
        self.champion = Gauge("ebbwatch_model_champion", "The learner in charge", ["learner"], registry=registry)
        # Labels that the champion has learnt.
        self.learnt = Gauge("ebbwatch_model_learnt", "Labels learnt", registry=registry)
        # Observations without an outcome; of those that are due, the share that has one; mean time until it came.
        self.pending = Gauge("ebbwatch_model_labels_pending", "Observations without an outcome", registry=registry)
        self.matured = Gauge("ebbwatch_model_matured_fraction", "Due outcomes that are known", registry=registry)
        self.age = Gauge("ebbwatch_model_label_age_seconds", "Mean age of a label when it comes", registry=registry)
        # Alarms of ADWIN: losses have risen, and the champion was made to learn fast again.
        self.alarms = Counter("ebbwatch_model_drift_alarms", "Alarms that losses have risen", registry=registry)
        # Population stability index, lately against before: of the feature that has changed most, and of scores.
        self.feature_psi = Gauge("ebbwatch_model_feature_psi_max", "Index of the worst feature", registry=registry)
        self.score_psi = Gauge("ebbwatch_model_score_psi", "Index of scores", registry=registry)
        # Example time of the latest publication (0: none), of the latest example, and versions so far.
        self.published = Gauge(
            "ebbwatch_model_published_timestamp_seconds", "Latest publication, by example time", registry=registry
        )
        self.clock = Gauge("ebbwatch_model_clock_timestamp_seconds", "Time of the latest example", registry=registry)
        self.versions = Gauge("ebbwatch_model_versions", "Models published", registry=registry)
        # 1 while an operator holds scoring to one version.
        self.pinned = Gauge("ebbwatch_model_pinned", "Whether a version is pinned", registry=registry)
        # Features that count the other way than the standards say, beyond chance.
        self.sign_conflicts = Gauge("ebbwatch_model_sign_conflicts", "Contradicted signs", registry=registry)
        # Records of the examples topic that wait, and those that retention deleted before they were taken.
        self.lag = Gauge("ebbwatch_model_lag_records", "Examples waiting in Kafka", registry=registry)
        self.gap_records = Counter("ebbwatch_model_gap_records", "Examples lost to retention", registry=registry)
        self._told: Tally[str] = Tally()
        self._alarms = 0
        for fate in Fate:
            self.examples.labels(fate.value)
        for measure in MEASURES:
            for name in MEASURED:
                self.quality.labels(measure, name).set(0 if measure == "examples" else nan)
            for tier in TIERS:
                self.tier_quality.labels(measure, tier).set(0 if measure == "examples" else nan)
        for name in LEARNERS:
            self.champion.labels(name)

    def began_at(self, run: LearnerRun) -> None:
        """Count from here on: what an earlier process took was counted by that."""
        self._told = Tally(run.learner.counts)
        self._alarms = run.learner.ensemble.alarms

    def saw(self, run: LearnerRun) -> None:
        """Take over how the learner stands; exact figures of 10,000 outcomes take some 50 ms."""
        learner, window = run.learner, run.learner.window
        for fate, count in (learner.counts - self._told).items():
            self.examples.labels(str(fate)).inc(count)
        self._told = Tally(learner.counts)
        self.alarms.inc(learner.ensemble.alarms - self._alarms)
        self._alarms = learner.ensemble.alarms
        for name in (IN_FORCE, *LEARNERS):
            for measure, value in window.quality(name)._asdict().items():
                self.quality.labels(measure, name).set(value)
        for name in LEARNERS:
            self.champion.labels(name).set(name == learner.champion)
        self._saw_platt(run)
        for tier in TIERS:
            for measure, value in window.quality(IN_FORCE, tier)._asdict().items():
                self.tier_quality.labels(measure, tier).set(value)
        standing = run.standing()
        self.learnt.set(learner.learnt)
        self.pending.set(standing.pending)
        self.matured.set(standing.matured_fraction)
        self.age.set(window.label_age_ms() / 1000)
        self.feature_psi.set(max(learner.population.feature_psi(), default=0.0))
        self.score_psi.set(learner.population.score_psi())
        self.published.set(learner.published.at_ms / 1000)
        self.clock.set(learner.clock_ms / 1000)
        self.versions.set(learner.published.number)
        self.pinned.set(run.store.versions.pinned() is not None)
        self.sign_conflicts.set(len(sign_conflicts(learner.hat_snapshot(), learner.signs)))

    def _saw_platt(self, run: LearnerRun) -> None:
        found = recalibrated(*run.learner.window.scored(FOREST))
        values = {"examples": float(found.examples) if found else 0.0}
        if found is not None and found.wins:
            values.update(ece=found.ece_recalibrated, log_loss=found.log_loss_recalibrated)
        for measure in MEASURES:
            self.quality.labels(measure, FOREST_PLATT).set(values.get(measure, nan))
