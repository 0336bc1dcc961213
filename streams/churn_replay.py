"""One customer's life, lived again from the ledger of an embedded run: what was told, and the score in between.

Of the shard's records those that can matter to one customer are folded: the customer's own, changes of policies and of
models, and of the ticks those that a deadline waits for, with the latest before each event. The others would move the
clock alone. So it costs what reading the ledger costs, and leaves the aggregate that folding everything leaves.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct, field

from models.alerts import Alert
from models.case_alerts import SLA_RULE, TRIGGERS, Level
from models.churn_explained import score_at
from models.churn_marks import Kind, Mark, marks_of
from models.churn_moves import Held
from models.churn_records import Observed, ScoreTold, Settled
from models.churn_tick import grouped, is_known
from models.customer import Customer
from models.events import LedgerRecord, ModelActivated, Tick, epoch_ms
from models.features import feature_matrix
from models.scoring_model import Scoring, ScoringModel, cold_model, model_from_document
from models.shard import ShardDocuments, ShardFold, ShardState
from streams.codecs import decode_ledger_run
from streams.ledger import EmbeddedLedger

_AT_ONCE: Final = 65_536
_CONTROL: Final = (b'tick"', b'policy_activated"', b'model_activated"')
_TYPE: Final = b'"type":"'
_BROKEN: Final = TRIGGERS[Level.BREACHED]


class Point(Struct, frozen=True):
    """The score at a time, told or not; None for who is gone."""

    at_ms: int
    score: float | None


class Life(Struct):
    """What was told of the customer and what happened, in order; `curve` has a point each day, and where it was told.

    `held` has an entry for each of `told`. `models` are the versions in force, each with the time from which it was.
    """

    told: list[ScoreTold] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    observed: list[Observed] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    curve: list[Point] = field(default_factory=list)
    models: list[tuple[int, str]] = field(default_factory=list)


class Replay:
    """Folds one customer; `life` fills while `take` is fed with the records that `records_of` finds."""

    def __init__(self, customer_id: str) -> None:
        """Begin before the first record."""
        self._customer_id = customer_id
        self._fold = ShardFold(ShardState(), ShardDocuments())
        self._customers: dict[str, Customer] = {}
        self._fold.begin(self._customers, [])
        self._waiting: LedgerRecord | None = None
        self._point_ms = 0
        self._told_by: Scoring | None = None
        self.life = Life()

    @property
    def customer(self) -> Customer | None:
        """The customer as the records taken so far have left them."""
        return self._customers.get(self._customer_id)

    @property
    def fold(self) -> ShardFold:
        """The shard as it would be if it had this customer alone."""
        return self._fold

    def take(self, records: Iterable[LedgerRecord]) -> None:
        """Fold records in the order of the ledger; those of other customers are passed over."""
        for record in records:
            if isinstance(record.event, Tick):
                self._tick(record)
            elif not record.source or record.event.customer_id == self._customer_id:  # type: ignore[union-attr]
                self._apply_waiting()
                self._apply(record)

    def finish(self) -> None:
        """The latest tick counts, whatever it brings about."""
        self._apply_waiting()
        self.life.curve.sort(key=lambda point: point.at_ms)

    def _tick(self, record: LedgerRecord) -> None:
        self._waiting = record
        customer, ctx = self.customer, self._fold.ctx
        if customer is None or ctx is None:
            return
        if record.at_ms >= self._point_ms:
            self._apply_waiting()
            days = ctx.rules.days
            self._point_ms = days.start_ms(days.day_of(record.at_ms) + 1)
            self._sample(customer, record.at_ms)
        elif 0 < customer.due_ms <= record.at_ms:
            self._apply_waiting()

    def _apply_waiting(self) -> None:
        if self._waiting is not None:
            record, self._waiting = self._waiting, None
            self._apply(record)

    def _apply(self, record: LedgerRecord) -> None:
        before = customer.events if (customer := self.customer) is not None else 0
        self._fold.apply(record)
        ctx = self._fold.ctx
        if ctx is None:
            return
        if isinstance(record.event, ModelActivated) and ctx.scoring.version == record.event.version:
            self.life.models.append((record.at_ms, ctx.scoring.version))
        customer = self.customer
        if record.source and customer is not None and customer.events > before:
            self.life.marks += marks_of(record.event, record.at_ms, ctx.rules)  # type: ignore[arg-type]
        for output in ctx.take().outputs:
            self._hear(output.body)

    def _hear(self, body: Struct) -> None:
        life = self.life
        match body:
            case ScoreTold():
                life.told.append(body)
                life.held.append(self._held(body))
                life.curve.append(Point(epoch_ms(body.at), body.score))
            case Alert():
                life.alerts.append(body)
                if body.rule == SLA_RULE and body.state in ("raised", "updated") and _BROKEN in body.triggers:
                    life.marks.append(Mark(epoch_ms(body.at), Kind.BROKEN, body.subject.rsplit("/", 1)[0]))
            case Observed():
                life.observed.append(body)
            case Settled():
                life.settled.append(body)

    def _held(self, told: ScoreTold) -> Held:
        """The score that has just been told, by the model of the one before."""
        ctx, customer, by = self._fold.ctx, self.customer, self._told_by
        if ctx is None or customer is None or told.score is None:
            return Held(told.logit, {})
        self._told_by = ctx.scoring
        reasons = told.reasons
        if by is None or by is ctx.scoring:
            return Held(told.logit, {reason.code: reason.contribution for reason in reasons})
        scores = by.scorer.score(feature_matrix([customer], epoch_ms(told.at), ctx.rules))
        reasons = grouped(scores.contributions[:, 0])
        return Held(float(scores.logits[0]), {reason.code: reason.contribution for reason in reasons})

    def _sample(self, customer: Customer, at_ms: int) -> None:
        ctx = self._fold.ctx
        if ctx is None or ctx.rules.churn is None or not is_known(customer, at_ms, ctx.rules.churn):
            return
        if customer.churn is not None and not customer.churn.gone_ms:
            self.life.curve.append(Point(at_ms, score_at(customer, at_ms, ctx.rules, ctx.scoring)))


def records_of(ledger: EmbeddedLedger, shard: int, customer_id: str, until: int) -> Iterator[list[LedgerRecord]]:
    """The records of a shard below position `until` that can matter to a customer, decoded, run by run."""
    wanted = msgspec.json.encode(customer_id)
    position = 0
    while position < until and (bodies := ledger.read(shard, position, min(_AT_ONCE, until - position))):
        position += len(bodies)
        yield decode_ledger_run([body for body in bodies if wanted in body or _is_control(body)])


def _is_control(body: bytes) -> bool:
    """Whether a record is no customer's: the type of its event is the first thing called that in it."""
    return body.startswith(_CONTROL, body.find(_TYPE) + len(_TYPE))


def model_in_force(fold: ShardFold) -> ScoringModel:
    """The document of the model that a shard scores with; the cold one where none has come."""
    document = fold.documents.model
    if document and fold.ctx is not None and fold.state.model_version == fold.ctx.scoring.version:
        return model_from_document(document)
    churn = fold.ctx.rules.churn if fold.ctx is not None else None
    return cold_model(churn.base_rate if churn is not None else 0.5)


def sorted_marks(marks: Sequence[Mark]) -> list[Mark]:
    """By business time: news can come late."""
    return sorted(marks, key=lambda mark: mark.at_ms)
