"""The straight line that every proof of exactness is held against."""

from config.policies import policies_from_document, policy_document
from models.context import Fate, FoldContext, Output
from models.customer import Customer
from models.events import LedgerRecord, ModelActivated, PolicyActivated, Tick
from models.fold import fold, fold_due
from models.pins import Pins
from models.rules import Rules
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
            return Fate.CONTROL
        fate = Fate.CONTROL
        ctx = self._ctx
        assert ctx is not None
        if isinstance(event, Tick):
            self._tick(record.at_ms, ctx)
        elif isinstance(event, ModelActivated):
            self.state.model_version = event.version
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
        while due := [(one.due_ms, name) for name, one in self.customers.items() if 0 < one.due_ms <= now_ms]:
            due_ms, name = min(due)
            fold_due(self.customers[name], due_ms, ctx)

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
