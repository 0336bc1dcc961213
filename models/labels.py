"""The label ledger: who is observed when, and what is said of it once its horizon is over.

- Both outcomes wait for the horizon: positives that are told early make those who leave fast look like more than they
  are.
- Who is gone already is not observed, and nobody who is not yet due is told anything of.
- News can come late. What has been told is held against what is known now as long as the policy keeps the observation,
  and a difference is told under the same id: a correction.
"""

from models import attrition
from models.alerts import instant
from models.churn_records import CLOSED_BY_BANK, LEFT, STAYED, Observed, Settled
from models.churn_state import MAX_OBSERVATIONS, ChurnState, Departure, Observation
from models.context import FoldContext, Output, Reason, Stream
from models.customer import Customer
from models.feature_list import STANDARD_SET
from models.identity import digest_of
from models.rules import ChurnRules

RULE = "churn_label"
"""The rule under which observations and their outcomes are counted."""
_SCHEMA = STANDARD_SET.schema
_REASONS = {
    STAYED: Reason.OUTCOME_STAYED,
    LEFT: Reason.OUTCOME_LEFT,
    CLOSED_BY_BANK: Reason.OUTCOME_CLOSED_BY_BANK,
}


def observation_id(customer_id: str, at_ms: int) -> str:
    """16 hex digits: the customer cannot be read from them, but found by whoever has a list of ids to try.

    The digest has no key. Only where ids are pseudonyms already does trying them take the pseudonym key.
    """
    return digest_of("observation", customer_id, str(at_ms)).hex()


def next_look_ms(customer_id: str, now_ms: int, churn: ChurnRules) -> int:
    """The customer's next moment after `now_ms`: customers are spread evenly over the period."""
    period_ms = churn.observe_every_ms
    offset_ms = int.from_bytes(digest_of("observed", customer_id)) % period_ms
    return now_ms + period_ms - (now_ms - offset_ms) % period_ms


def settle(customer: Customer, state: ChurnState, now_ms: int, churn: ChurnRules, ctx: FoldContext) -> None:
    """Tell what has become known of the customer's observations, and forget those that are old."""
    kept: list[Observation] = []
    for observation in state.observations:
        if now_ms >= observation.due_ms:
            outcome = outcome_of(observation, state.departures)
            if outcome != observation.outcome:
                _tell(customer, observation, outcome, now_ms, ctx)
        if now_ms < observation.due_ms + churn.late_ms:
            kept.append(observation)
    state.observations = kept


def outcome_of(observation: Observation, departures: list[Departure]) -> str:
    """What became of a customer within the horizon, as far as `departures` know.

    Who was gone already when observed, and nobody had heard of it, has left: that is what they were about to be found.
    """
    for departure in departures:
        if observation.at_ms < departure.found_ms and departure.at_ms <= observation.due_ms:
            return CLOSED_BY_BANK if departure.by == attrition.CLOSED_BY_BANK else LEFT
    return STAYED


def _tell(customer: Customer, observation: Observation, outcome: str, now_ms: int, ctx: FoldContext) -> None:
    name = observation_id(customer.customer_id, observation.at_ms)
    body = Settled(
        observation_id=name,
        at=instant(now_ms),
        observed_at=instant(observation.at_ms),
        outcome=outcome,
        revision=observation.told,
    )
    ctx.decide(RULE, Reason.CORRECTED if observation.told else _REASONS[outcome])
    ctx.outputs.append(Output(Stream.EXAMPLES, name, f"{name}.{observation.told + 1}", body))
    observation.outcome = outcome
    observation.told += 1


def observe(
    customer: Customer,
    state: ChurnState,
    features: bytes,
    score: float,
    now_ms: int,
    churn: ChurnRules,
    ctx: FoldContext,
) -> None:
    """Observe a customer who is there; `features` are little-endian float32 in the order of the standard set."""
    name = observation_id(customer.customer_id, now_ms)
    due_ms = now_ms + churn.horizon_ms
    body = Observed(
        observation_id=name,
        at=instant(now_ms),
        due=instant(due_ms),
        schema=_SCHEMA.name,
        schema_version=_SCHEMA.version,
        features=features,
        score=score,
        model_version=ctx.scoring.version,
        tier=customer.tier,
    )
    ctx.decide(RULE, Reason.OBSERVED)
    ctx.outputs.append(Output(Stream.EXAMPLES, name, f"{name}.0", body))
    state.observations = [*state.observations[1 - MAX_OBSERVATIONS :], Observation(now_ms, due_ms)]


def next_due_ms(state: ChurnState) -> int:
    """When the customer is to be looked at next even if nothing happens."""
    due_ms = state.look_ms
    for observation in state.observations:  # a change of policy can make a later one due first
        if not observation.told and observation.due_ms < due_ms:
            due_ms = observation.due_ms
    return due_ms
