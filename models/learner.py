"""The learner: one more fold. It hears of observations and of outcomes, and now and then publishes a model.

Every outcome is measured before it is learnt: what each learner says of the example at that moment, and what had been
told when it was observed, go into an exact window together with the label. It is learnt with the z of its observation,
when it is settled and not before.

A correction is learnt twice, once for itself and once against the step that was wrong: that step cannot be taken back,
since everything learnt after it was learnt from where it led. That is a reweighting, and no undoing; the journal
says which labels it was done to. What the window measures is the corrected label.
"""

from collections import Counter
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from models.churn_curves import SnapshotMismatch
from models.churn_model import pack, unpack
from models.churn_records import LEFT, OUTCOMES, STAYED, Observed, Settled
from models.churn_snapshot import ChurnSnapshot
from models.ensemble import Ensemble
from models.events import epoch_ms
from models.feature_list import STANDARD_SET
from models.feature_schema import FeatureSet
from models.learner_records import CORRECTION, LABEL, UNLEARNT, Fate, JournalEntry, Kept, Memory
from models.learner_state import STATE_FORMAT, LearnerState, Published
from models.learner_window import LearnerWindow, figures, remember
from models.population import Population
from models.promotion import LEAST_EXAMPLES, Promotion, comparisons, winner
from models.publication import PUBLISH_EVERY_MS, is_due, published_model
from models.regression_snapshot import EXPORTABLE, HAT_ADAGRAD
from models.scoring_model import ScoringModel

_TWICE: Final = 2
_LABELS: Final = {STAYED: False, LEFT: True}


class Publication(Struct, frozen=True, kw_only=True):
    """A model, the learner that it is of, and the change of champion that went with it."""

    model: ScoringModel
    number: int
    at_ms: int
    learner: LearnerState
    promotion: Promotion | None


class Learner:
    """See the module. Not for two threads; what it keeps of single examples is in the `Memory` that it is given."""

    def __init__(
        self,
        base_rate: float,
        *,
        chosen: FeatureSet = STANDARD_SET,
        publish_every_ms: int = PUBLISH_EVERY_MS,
        state: LearnerState | None = None,
    ) -> None:
        """Know nothing, or what `state` says; raises `SnapshotMismatch` when that is of other features.

        `base_rate` is what the prior starts from. `window`, and a forest, are for the journal to give back; nothing
        that is published depends on a forest.
        """
        self.window = LearnerWindow()
        self._chosen = chosen
        self._base_rate = base_rate
        self._every_ms = publish_every_ms
        self._names = chosen.schema.features
        self.signs = {feature.name: feature.sign for feature in chosen.features}
        if state is None:
            self.ensemble = Ensemble()
            self.population = Population(self._names)
            self.counts: Counter[str] = Counter()
            self._outcomes: Counter[str] = Counter()
            self.published = Published()
            self.champion, self._champion_since = HAT_ADAGRAD, 1
            self.journal = self.labels = self.clock_ms = self._until_ms = self._first_ms = 0
        else:
            self._restore(state)

    def _restore(self, state: LearnerState) -> None:
        if state.champion not in EXPORTABLE:
            raise SnapshotMismatch(f"{state.champion} is no learner that this program could publish")
        self.ensemble = Ensemble.restore(state.hat, state.challengers, state.losses, state.alarms, self._chosen.schema)
        self.population = Population.restore(state.population)
        self.counts, self._outcomes = Counter(state.counts), Counter(state.outcomes)
        self.published = msgspec.structs.replace(state.published)
        self.champion, self._champion_since = state.champion, state.champion_since
        self.journal, self.labels = state.journal, state.labels
        self.clock_ms, self._until_ms, self._first_ms = state.clock_ms, state.until_ms, state.first_ms

    def state(self) -> LearnerState:
        """Everything but the window and the forest, both of which the journal gives back."""
        return LearnerState(
            format=STATE_FORMAT,
            hat=self.hat_snapshot(),
            challengers=[one.snapshot() for one in self.ensemble.challengers.values()],
            losses=self.ensemble.losses.copy(),
            population=self.population.state(),
            champion=self.champion,
            champion_since=self._champion_since,
            published=msgspec.structs.replace(self.published),
            journal=self.journal,
            labels=self.labels,
            clock_ms=self.clock_ms,
            first_ms=self._first_ms,
            until_ms=self._until_ms,
            alarms=self.ensemble.alarms,
            outcomes=dict(sorted(self._outcomes.items())),
            counts=dict(sorted(self.counts.items())),
        )

    # --- records ---------------------------------------------------------------------------------

    def fold(self, record: Observed | Settled, memory: Memory) -> Publication | None:
        """Take one record; what was published before it was taken, if that was due by its time."""
        at_ms = epoch_ms(record.at)
        observed = self.counts[Fate.OBSERVED]
        due = is_due(self.published, at_ms, self._first_ms, self.labels, observed, self._every_ms)
        publication = self._publish(at_ms) if due else None
        self.clock_ms = max(self.clock_ms, at_ms)
        self._first_ms = self._first_ms or at_ms
        fate = self._observe(record, at_ms, memory) if isinstance(record, Observed) else self._settle(record, memory)
        self.counts[fate] += 1
        return publication

    def _observe(self, record: Observed, at_ms: int, memory: Memory) -> Fate:
        schema = self._chosen.schema
        if (record.schema, record.schema_version) != (schema.name, schema.version):
            return Fate.FOREIGN_SCHEMA
        if len(record.features) != 4 * len(self._names):
            return Fate.FOREIGN_SCHEMA
        if memory.find(record.observation_id) is not None:
            return Fate.REPEATED
        x = self.features(record.features)
        z = self.ensemble.hat.observe(x)
        self.population.add(list(x.values()), record.score)
        memory.keep(
            Kept(
                observation_id=record.observation_id,
                at_ms=at_ms,
                due_ms=epoch_ms(record.due),
                z=pack(z),
                x=record.features,
                score=record.score,
                model_version=record.model_version,
                tier=record.tier,
            )
        )
        return Fate.OBSERVED

    def _settle(self, record: Settled, memory: Memory) -> Fate:
        kept = memory.find(record.observation_id)
        if kept is None:
            return Fate.UNKNOWN
        if record.revision <= kept.revision or record.outcome not in OUTCOMES:
            return Fate.REPEATED
        self.journal += 1
        before, label = _LABELS.get(kept.outcome), _LABELS.get(record.outcome)
        kind = UNLEARNT if label is None and before is None else LABEL if before is None else CORRECTION
        times = 0 if label is None or label == before else 1 if kind == LABEL else _TWICE
        x = self.features(kept.x) if self.ensemble.forest is not None and kept.x else None
        example = self.ensemble.prepare(unpack(kept.z, self._names), x)
        entry = JournalEntry(
            number=self.journal,
            kind=kind,
            observation_id=kept.observation_id,
            observed_ms=kept.at_ms,
            settled_ms=epoch_ms(record.at),
            tier=kept.tier,
            outcome=record.outcome,
            revision=record.revision,
            label=label,
            times=times,
            score=kept.score,
            scores=self.ensemble.scores(example) if label is not None else {},
        )
        memory.note(entry)
        remember(self.window, entry)
        self._outcomes[record.outcome] += 1
        if kept.outcome:
            self._outcomes[kept.outcome] -= 1
        if label is not None and times:
            self._until_ms = max(self._until_ms, entry.settled_ms)
            self.labels += times
            for _ in range(times):
                self.ensemble.learn(example, label, is_correction=kind == CORRECTION)
        if not kept.outcome:
            return Fate(record.outcome)
        return Fate.UNCHANGED if record.outcome == kept.outcome else Fate.CORRECTED

    def features(self, packed: bytes) -> dict[str, float]:
        """The features of an observation, by name."""
        return dict(zip(self._names, np.frombuffer(packed, "<f4").tolist(), strict=True))

    @property
    def learnt(self) -> int:
        """Labels that the champion has learnt."""
        challenger = self.ensemble.challengers.get(self.champion)
        return self.ensemble.hat.learnt if challenger is None else challenger.learnt

    def hat_snapshot(self) -> ChurnSnapshot:
        """The hat model as it is: what the signs of the standards are checked on."""
        return self.ensemble.snapshot(self._chosen.schema, self.journal)

    # --- publication -----------------------------------------------------------------------------

    def promote(self, name: str) -> Promotion | None:
        """Publish `name` from the next version on, because an operator says so; None where it is the champion."""
        if name not in EXPORTABLE or name == self.champion:
            return None
        promotion = Promotion(at_ms=self.clock_ms, before=self.champion, after=name)
        self._change_champion(promotion)
        return promotion

    def _change_champion(self, promotion: Promotion) -> None:
        self.champion, self._champion_since = promotion.after, self.journal + 1

    def _publish(self, at_ms: int) -> Publication:
        promotion = None
        if self.journal - self._champion_since + 1 >= LEAST_EXAMPLES:
            best = winner(comparisons(self.window, self.champion, self._champion_since))
            if best is not None:
                promotion = Promotion(at_ms=at_ms, before=self.champion, after=best.challenger, evidence=best)
                self._change_champion(promotion)
        last = self.published
        last.number, last.at_ms = last.number + 1, at_ms
        last.labels, last.observed = self.labels, self.counts[Fate.OBSERVED]
        state = self.state()
        model = published_model(
            last.number,
            self.champion,
            state.hat,
            state.challengers,
            self._base_rate,
            state.losses.rarer,
            self._until_ms,
            figures(self.window.quality(self.champion)),
            self._chosen,
        )
        return Publication(model=model, number=last.number, at_ms=at_ms, learner=state, promotion=promotion)
