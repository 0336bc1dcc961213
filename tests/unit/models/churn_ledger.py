"""One shard's ledger with the churn score in it, and what was said of whom."""

from collections import Counter, defaultdict
from copy import deepcopy
from itertools import pairwise
from math import log
from typing import Any, Self

from msgspec import structs

from config.policies import Policies, policy_digest, policy_document
from models.alerts import Alert
from models.churn_records import Observed, ScoreTold, Settled
from models.churn_state import ChurnState
from models.context import Output, Reason
from models.customer import Customer, decode_customer, encode_customer
from models.decay import DAY_MS
from models.events import Event, LedgerRecord, ModelActivated, PolicyActivated, epoch_ms
from models.feature_list import STANDARD_SET
from models.fold import next_due_ms
from models.scoring_model import ScoringModel, cold_model, model_digest, model_document
from models.shard import ShardDocuments, ShardFold, ShardState
from tests.unit.models.build import CHURN, policies, record, tick


def churn_policies(**changes: Any) -> Policies:
    """The shipped policies of the churn score with some keys changed: `churn_policies(bands__high=0.5)`."""
    return policies(churn=deepcopy(CHURN), **{f"churn__{path}": value for path, value in changes.items()})


def activated(using: Policies) -> LedgerRecord:
    """These policies come into force."""
    return record(PolicyActivated(digest=policy_digest(using), document=policy_document(using)))


def model_record(model: ScoringModel) -> LedgerRecord:
    """This model comes into force."""
    return record(ModelActivated(version=model.version, digest=model_digest(model), document=model_document(model)))


def flat_model(p: float, version: str = "1", **slopes: float) -> ScoringModel:
    """Says `p` of everybody, but for the features that are given a slope."""
    cold, names = cold_model(0.5), STANDARD_SET.schema.features
    return structs.replace(
        cold, version=version, intercept=log(p / (1.0 - p)), slopes=[slopes.get(name, 0.0) for name in names]
    )


class ChurnLedger:
    """A shard that keeps everybody in memory, until `restart`."""

    def __init__(self, using: Policies | None = None) -> None:
        """Begin with policies under which customers are scored."""
        self.shard = ShardFold(ShardState(), ShardDocuments())
        self.customers: dict[str, Customer] = {}
        self.outputs: list[Output] = []
        self.decisions: Counter[tuple[str, Reason]] = Counter()
        self.ranked: dict[str, float | None] = {}
        self.scored = 0
        self._offset = 0
        self.put(activated(using or churn_policies()))

    def put(self, *records: LedgerRecord) -> Self:
        """Append records, and fold them in one batch."""
        self.shard.begin(self.customers, [(one.due_ms, name) for name, one in self.customers.items() if one.due_ms])
        self.shard.apply_run(records)
        results = self.shard.take()
        self.outputs += results.outputs
        self.decisions += results.decisions
        self.scored += results.scored
        self.ranked |= {member: score for (index, member), score in results.rankings.items() if index == "churn_risk"}
        return self

    def see(self, *events: Event) -> Self:
        """Append events in the order given."""
        self._offset += len(events)
        first = self._offset - len(events)
        return self.put(*(record(event, "feed", first + place) for place, event in enumerate(events)))

    def tick(self, *times_ms: int) -> Self:
        """Let time reach each of `times_ms`, in one batch."""
        return self.put(*map(tick, times_ms))

    def days(self, first_ms: int, days: float, every_ms: int = DAY_MS) -> Self:
        """Ticks after `first_ms`, for so many days."""
        return self.tick(*range(first_ms + every_ms, first_ms + round(days * DAY_MS) + 1, every_ms))

    def restart(self) -> Self:
        """Go on from what is stored."""
        self.shard = ShardFold(self.shard.state, self.shard.documents)
        self.customers = {name: decode_customer(encode_customer(one)) for name, one in self.customers.items()}
        return self

    def churn(self, who: str = "c") -> ChurnState:
        """What the customer's aggregate keeps for the score."""
        state = self.customers[who].churn
        assert state is not None
        return state

    @property
    def scores(self) -> list[ScoreTold]:
        """Every score that was told, in order."""
        return [output.body for output in self.outputs if isinstance(output.body, ScoreTold)]

    @property
    def observed(self) -> list[Observed]:
        """Every observation, in order."""
        return [output.body for output in self.outputs if isinstance(output.body, Observed)]

    @property
    def settled(self) -> list[Settled]:
        """Every outcome and correction, in order."""
        return [output.body for output in self.outputs if isinstance(output.body, Settled)]

    @property
    def alerts(self) -> list[Alert]:
        """Every report of a churn-risk alert, in order."""
        bodies = [output.body for output in self.outputs]
        return [body for body in bodies if isinstance(body, Alert) and body.rule == "churn_risk"]


def assert_honest(ledger: ChurnLedger) -> None:
    """Nothing is told before its time, everything due is told, corrections count up, and nobody waits for ever."""
    clock_ms = ledger.shard.state.clock_ms
    seen = {body.observation_id: body for body in ledger.observed}
    assert len(seen) == len(ledger.observed)
    told: dict[str, list[Settled]] = defaultdict(list)
    for body in ledger.settled:
        before = seen[body.observation_id]
        assert body.at >= before.due, "told before its time"
        assert body.observed_at == before.at
        told[body.observation_id].append(body)
    for outcomes in told.values():
        assert [body.revision for body in outcomes] == [*range(len(outcomes))]
        assert all(one.outcome != next_one.outcome for one, next_one in pairwise(outcomes))
    for customer in ledger.customers.values():
        assert customer.due_ms == next_due_ms(customer)
        for observation in customer.churn.observations if customer.churn else ():
            assert observation.told or clock_ms < observation.due_ms, "never told"
    ids = [output.output_id for output in ledger.outputs]
    assert len(set(ids)) == len(ids)


def told_until(ledger: ChurnLedger, at_ms: int) -> list[Output]:
    """What had been said by `at_ms`."""
    bodies: list[tuple[Output, Any]] = [(output, output.body) for output in ledger.outputs]
    return [output for output, body in bodies if epoch_ms(body.at) <= at_ms]
