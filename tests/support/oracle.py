"""The straight line that every proof of exactness is held against."""

from config.policies import policies_from_document, policy_document
from models.churn_curves import SnapshotMismatch
from models.churn_risk import RULE as CHURN_RULE
from models.churn_tick import assess
from models.context import Fate, FoldContext, Output, Reason, cold
from models.customer import Customer
from models.events import LedgerRecord, ModelActivated, PolicyActivated, Tick
from models.fold import fold, fold_due, next_due_ms
from models.pins import Pins
from models.rules import Rules
from models.scoring_model import model_document, model_from_document, ready
from models.shard import ShardDocuments, ShardState


class Oracle:
    """The straight line: one dict of customers, one record after the other, no batches and no store."""

    def __init__(self) -> None:
        self.state = ShardState()
        self.documents = ShardDocuments()
        self.customers: dict[str, Customer] = {}
        self.outputs: list[Output] = []
        self.rankings: dict[str, dict[str, float]] = {}
        self._ctx: FoldContext | None = None

    def apply(self, record: LedgerRecord) -> Fate:
        """Fold one record; what became of it."""
        event = record.event
        if isinstance(event, PolicyActivated):
            policies = policies_from_document(event.document)
            self.documents.policy = policy_document(policies)
            rules = Rules(policies)
            if self._ctx is None:
                self._ctx = FoldContext(rules, 0, Pins(rules, self.state.cases, self.documents.pinned))
            else:
                self._ctx.rules = rules
                self._ctx.pins.activate(rules)
                if not self.documents.model:
                    self._ctx.scoring = cold(rules)
            return Fate.CONTROL
        fate = Fate.CONTROL
        ctx = self._ctx
        assert ctx is not None
        if isinstance(event, Tick):
            self._tick(record.at_ms, ctx)
        elif isinstance(event, ModelActivated):
            self._change_model(event, ctx)
        elif record.source_offset > self.state.sources.get(record.source, -1):
            self.state.sources[record.source] = record.source_offset
            changed = fold(self.customers.get(event.customer_id), event, record.at_ms, ctx)
            fate = Fate.DUPLICATE_EVENT
            if changed is not None:
                self.customers[event.customer_id] = changed
                fate = Fate.FOLDED
        else:
            fate = Fate.REPLAYED_SOURCE
        self._keep(ctx)
        return fate

    def _tick(self, now_ms: int, ctx: FoldContext) -> None:
        if now_ms <= self.state.clock_ms:
            return
        self.state.clock_ms = ctx.clock_ms = now_ms
        to_score = set()
        while due := [(one.due_ms, name) for name, one in self.customers.items() if 0 < one.due_ms <= now_ms]:
            due_ms, name = min(due)
            if self.customers[name].churn_due_ms == due_ms:
                to_score.add(name)
            fold_due(self.customers[name], due_ms, ctx)
        if ctx.rules.churn is not None:
            for name in sorted(to_score):  # one by one: a score does not depend on who is scored beside it
                customer = self.customers[name]
                assess([customer], now_ms, ctx.rules.churn, ctx)
                customer.due_ms = next_due_ms(customer)

    def _change_model(self, event: ModelActivated, ctx: FoldContext) -> None:
        try:
            model = model_from_document(event.document)
            ctx.scoring = ready(model)
        except SnapshotMismatch:
            ctx.decide(CHURN_RULE, Reason.MODEL_REFUSED)
        else:
            self.documents.model = model_document(model)
            self.state.model_version = model.version

    def _keep(self, ctx: FoldContext) -> None:
        results = ctx.take()
        self.outputs += results.outputs
        for (index, member), score in results.rankings.items():
            members = self.rankings.setdefault(index, {})
            if score is None:
                members.pop(member, None)
            else:
                members[member] = score

    @property
    def due(self) -> dict[str, float]:
        """Who has a deadline, and when."""
        return {name: float(one.due_ms) for name, one in self.customers.items() if one.due_ms}
