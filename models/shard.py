"""One shard of the ledger, folded in its one order: events, ticks, and changes of policy.

The state of a shard is its customers plus a little of its own: what changes with every batch (`ShardState`), and what
hardly ever does (`ShardDocuments`). Nothing here knows where a batch begins or ends: `ShardFold.apply` takes one
record, and the same records always leave the same state and the same outputs.
"""

from collections.abc import Iterable, Iterator, MutableMapping
from heapq import heapify, heappop, heappush

import msgspec
from msgspec import Struct, field

from config.policies import policies_from_document, policy_document
from models.churn_curves import SnapshotMismatch
from models.churn_risk import RULE as CHURN_RULE
from models.churn_tick import AT_ONCE, assess
from models.context import Fate, FoldContext, Reason, Results, cold
from models.customer import Customer
from models.events import LedgerRecord, ModelActivated, PolicyActivated, Tick
from models.fold import fold, fold_due, next_due_ms
from models.pins import Pins
from models.rules import ChurnRules, Rules
from models.scoring_model import Scoring, model_document, model_from_document, ready


class ShardState(Struct, kw_only=True):
    """What a shard remembers besides its customers, written at every commit: so it stays small.

    `clock_ms` is the time of its latest tick; `sources` the highest offset folded from each source partition; `cases`
    how many complaint cases pin the policies of a digest.
    """

    clock_ms: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    model_version: str = ""
    cases: dict[str, int] = field(default_factory=dict)


class ShardDocuments(Struct, kw_only=True):
    """What a shard decides by, written only when it has changed: it is too large to be written at every commit.

    `policy` is the document of the policies in force; `pinned` the complaint policies of former ones, by digest, as
    long as a case needs them; `model` the document of the model that scores, empty before the first.
    """

    policy: dict[str, object] = field(default_factory=dict)
    pinned: dict[str, dict[str, object]] = field(default_factory=dict)
    model: dict[str, object] = field(default_factory=dict)


_encoder = msgspec.json.Encoder()
_state_decoder = msgspec.json.Decoder(ShardState)
_documents_decoder = msgspec.json.Decoder(ShardDocuments)


def encode_state(state: ShardState) -> bytes:
    """The stored form; equal states have equal bytes."""
    return _encoder.encode(state)


def decode_state(body: bytes) -> ShardState:
    """Inverse of `encode_state`."""
    return _state_decoder.decode(body)


def encode_documents(documents: ShardDocuments) -> bytes:
    """The stored form; equal documents have equal bytes."""
    return _encoder.encode(documents)


def decode_documents(body: bytes) -> ShardDocuments:
    """Inverse of `encode_documents`."""
    return _documents_decoder.decode(body)


DEADLINES_AT_ONCE = 32
"""Deadlines that one tick lets fire without a stop: at the end of a day there can be thousands."""
_ONE_OF_MANY = DEADLINES_AT_ONCE / AT_ONCE
"""What a customer who is only put aside for scoring counts of them: everybody can be due after a long stop."""
# Bound once: looking a member up in its enum costs more than counting it.
_CONTROL = Fate.CONTROL


class LedgerError(RuntimeError):
    """The ledger breaks an invariant that every writer keeps; folding on would make up a state."""


class ShardFold:
    """Folds the records of one shard over a mapping of customers.

    `begin` a batch, `apply` its records, then read `changed`, `due_before` (the deadline that each changed customer had
    when the batch began), `documents_changed` (since then) and `ctx`. The caller has loaded everyone whom the records
    and the deadlines name, as far as they exist; entries of `due` that no longer hold are ignored.
    """

    def __init__(self, state: ShardState, documents: ShardDocuments) -> None:
        """Continue from `state` and `documents`, with nobody loaded."""
        self.state = state
        self.documents = documents
        self._documents_changed = False
        self.customers: MutableMapping[str, Customer] = {}
        self.due_before: dict[str, int] = {}
        self.due: list[tuple[int, str]] = []
        self.ctx: FoldContext | None = None
        if documents.policy:
            self.ctx = self._context(Rules(policies_from_document(documents.policy)))

    def begin(self, customers: MutableMapping[str, Customer], due: list[tuple[int, str]]) -> None:
        """Start a batch: who is loaded, and the stored deadlines that its ticks may reach."""
        self.customers = customers
        self.due_before = {}
        self._documents_changed = False
        if self.ctx is not None:
            self.ctx.pins.changed = False
        self.due = due
        heapify(self.due)

    @property
    def documents_changed(self) -> bool:
        """Whether the batch has changed the documents."""
        return self._documents_changed or (self.ctx is not None and self.ctx.pins.changed)

    def apply(self, record: LedgerRecord) -> None:
        """Fold one record."""
        self.apply_run((record,))

    def apply_run(self, records: Iterable[LedgerRecord]) -> None:
        """Fold records, one after another."""
        for _ in self.steps(records):
            pass

    def steps(self, records: Iterable[LedgerRecord]) -> Iterator[None]:
        """Fold records, one after another, and stop for a moment wherever a tick has let many deadlines fire.

        To be gone through to the end: what has been folded up to a stop is no state that anybody may see.
        """
        customers, due_before, sources = self.customers, self.due_before, self.state.sources
        folded = 0
        ctx = self.ctx
        for record in records:
            event, source = record.event, record.source
            if not source or ctx is None:
                if isinstance(event, Tick) and ctx is not None:
                    yield from self._tick(record.at_ms, ctx)
                else:
                    self._control(event)
                    ctx = self.ctx
                continue
            if record.source_offset <= sources.get(source, -1):
                ctx.fates[Fate.REPLAYED_SOURCE] += 1
                continue
            sources[source] = record.source_offset
            customer_id = event.customer_id  # type: ignore[union-attr]
            before = customers.get(customer_id)
            due_before_ms = before.due_ms if before is not None else 0
            customer = fold(before, event, record.at_ms, ctx)  # type: ignore[arg-type]
            if customer is None:
                ctx.fates[Fate.DUPLICATE_EVENT] += 1
                continue
            folded += 1
            if customer_id not in due_before:
                due_before[customer_id] = due_before_ms
                if before is None:
                    customers[customer_id] = customer
            if customer.due_ms != due_before_ms and customer.due_ms:
                heappush(self.due, (customer.due_ms, customer_id))
        if folded and self.ctx is not None:
            self.ctx.fates[Fate.FOLDED] += folded

    @property
    def changed(self) -> dict[str, Customer]:
        """The customers that the batch has changed so far, by id."""
        return {customer_id: self.customers[customer_id] for customer_id in self.due_before}

    def take(self) -> Results:
        """What folding has said since it was last asked; empty when no policy has been activated yet."""
        return self.ctx.take() if self.ctx is not None else Results()

    def _control(self, event: object) -> None:
        ctx = self.ctx
        if isinstance(event, PolicyActivated):
            policies = policies_from_document(event.document)
            self.documents.policy = policy_document(policies)
            self._documents_changed = True
            if ctx is None:
                ctx = self.ctx = self._context(Rules(policies))
            else:
                ctx.rules = Rules(policies)
                ctx.pins.activate(ctx.rules)
                ctx.scoring = _stored_scoring(self.documents) or cold(ctx.rules)
        elif ctx is None:
            raise LedgerError("the ledger of a shard begins with a policy_activated record, and this one does not")
        elif isinstance(event, ModelActivated):
            self._change_model(event, ctx)
        else:
            raise LedgerError(f"a ledger record of type {type(event).__name__} names no source")
        ctx.fates[_CONTROL] += 1

    def _change_model(self, event: ModelActivated, ctx: FoldContext) -> None:
        """Score with another model from here on; one that does not fit is refused, and counted."""
        try:
            model = model_from_document(event.document)
            ctx.scoring = ready(model)
        except SnapshotMismatch:
            ctx.decide(CHURN_RULE, Reason.MODEL_REFUSED)
            return
        self.documents.model = model_document(model)
        self.state.model_version = model.version
        self._documents_changed = True

    def _context(self, rules: Rules) -> FoldContext:
        pins = Pins(rules, self.state.cases, self.documents.pinned)
        return FoldContext(rules, self.state.clock_ms, pins, _stored_scoring(self.documents))

    def _tick(self, now_ms: int, ctx: FoldContext) -> Iterator[None]:
        ctx.fates[_CONTROL] += 1
        if now_ms <= ctx.clock_ms:
            return
        fired = 0.0
        self.state.clock_ms = ctx.clock_ms = now_ms
        due = self.due
        to_score: dict[str, Customer] = {}
        while due and due[0][0] <= now_ms:
            due_ms, customer_id = heappop(due)
            customer = self.customers.get(customer_id)
            if customer is None or customer.due_ms != due_ms:
                continue
            self.due_before.setdefault(customer_id, due_ms)
            if customer.churn_due_ms == due_ms:
                to_score[customer_id] = customer
                fired += _ONE_OF_MANY
            else:
                fired += 1
            fold_due(customer, due_ms, ctx)
            if customer.due_ms:
                heappush(due, (customer.due_ms, customer_id))
            if fired >= DEADLINES_AT_ONCE:
                fired = 0.0
                yield
        if ctx.rules.churn is not None:
            yield from self._score(to_score, now_ms, ctx.rules.churn, ctx)

    def _score(self, to_score: dict[str, Customer], now_ms: int, churn: ChurnRules, ctx: FoldContext) -> Iterator[None]:
        """Score who has changed, or is due to be looked at."""
        ids = sorted(to_score)
        for first in range(0, len(ids), AT_ONCE):
            some = ids[first : first + AT_ONCE]
            assess([to_score[customer_id] for customer_id in some], now_ms, churn, ctx)
            for customer_id in some:
                customer = to_score[customer_id]
                if (due_ms := next_due_ms(customer)) != customer.due_ms:
                    customer.due_ms = due_ms
                    if due_ms:
                        heappush(self.due, (due_ms, customer_id))
            yield


def _stored_scoring(documents: ShardDocuments) -> Scoring | None:
    """The model that was in force; None for the cold one, also where a release with other features has taken over."""
    if not documents.model:
        return None
    try:
        return ready(model_from_document(documents.model))
    except SnapshotMismatch:
        return None
