"""What a tick does for the churn score: customers who have changed, or are due, are looked at, scored and told of.

Each is scored as of the tick, in one vectorised batch whose results do not depend on who else is in it; so a replay
repeats every score to the bit, however its batches are cut.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from models import attrition, churn_risk, labels
from models.alerts import instant
from models.churn_records import GONE, HIGH, LOW, MEDIUM, ScoreReason, ScoreTold
from models.churn_scorer import Floats
from models.churn_state import NEVER_TOLD, ChurnState
from models.context import FoldContext, Output, Stream
from models.customer import Customer
from models.feature_list import STANDARD_SET
from models.features import feature_matrix
from models.identity import digest_of
from models.rules import ChurnRules

RISK_INDEX: Final = "churn_risk"
"""Sorted index of customers by the score that was told last; who is gone is not in it."""
AT_ONCE: Final = 256
"""Customers in one batch: others wait while it is under way."""
_NAMES: Final = STANDARD_SET.schema.features
_GROUPS: Final = {
    group: [place for place, feature in enumerate(STANDARD_SET.features) if feature.group == group]
    for group in dict.fromkeys(feature.group for feature in STANDARD_SET.features)
}


class Scored(NamedTuple):
    """One customer's score, its logit, and what each feature adds to it."""

    score: float
    logit: float
    contributions: Floats


def assess(customers: Sequence[Customer], now_ms: int, churn: ChurnRules, ctx: FoldContext) -> None:
    """Look at `customers` at the tick `now_ms`, and tell of each in order; each gets a new `churn_due_ms`."""
    there: list[Customer] = []
    for customer in customers:
        state = customer.churn
        if state is None:
            state = customer.churn = ChurnState(look_ms=labels.next_look_ms(customer.customer_id, now_ms, churn))
        attrition.look(customer, state, now_ms, ctx.rules, churn)
        if not state.gone_ms and is_known(customer, now_ms, churn):
            there.append(customer)
    matrix = feature_matrix(there, now_ms, ctx.rules)
    scores = ctx.scoring.scorer.score(matrix)
    ctx.scored += len(there)
    place = 0
    for customer in customers:
        state = customer.churn
        assert state is not None, "it was made above"
        if state.observations:
            labels.settle(customer, state, now_ms, churn, ctx)
        is_due = now_ms >= state.look_ms
        if is_due:
            state.look_ms = labels.next_look_ms(customer.customer_id, now_ms, churn)
        if state.gone_ms:
            if state.band != GONE:
                churn_risk.gone(customer, now_ms, churn, ctx)
                _tell(customer, state, GONE, None, now_ms, churn, ctx)
        elif is_known(customer, now_ms, churn):
            found = Scored(scores.probabilities[place], float(scores.logits[place]), scores.contributions[:, place])
            _say(customer, state, found, now_ms, churn, ctx)
            if is_due:
                row = matrix[place].astype("<f4").tobytes()
                labels.observe(customer, state, row, found.score, now_ms, churn, ctx)
            place += 1
        due_ms = labels.next_due_ms(state)
        if not state.gone_ms:
            due_ms = min(due_ms, attrition.next_ms(customer, state, churn))
        customer.churn_due_ms = churn.score_due_ms(due_ms - 1)  # together with those who have changed


def is_known(customer: Customer, now_ms: int, churn: ChurnRules) -> bool:
    """Whether there is enough to go by: a while, and a sign of life.

    Who has only just come is no example, and nothing can be said of them. Nor of who has never done anything: to a bank
    that loads its profiles they would be most of what is learnt from, and all alike.
    """
    return customer.last_active_ms > 0 and now_ms - customer.first_ms >= churn.observe_every_ms


def _say(
    customer: Customer, state: ChurnState, found: Scored, now_ms: int, churn: ChurnRules, ctx: FoldContext
) -> None:
    """Tell the score where it is worth telling, and let the alert follow it."""
    score = found.score
    band = band_of(score, churn)
    worth_telling = (
        band != state.band or abs(score - state.score) >= churn.told_delta or now_ms - state.told_ms >= churn.stale_ms
    )
    if worth_telling or churn_risk.may_decide(customer, score, churn):
        reasons = grouped(found.contributions)
        churn_risk.decide(customer, score, reasons, now_ms, churn, ctx)
        if worth_telling:
            _tell(customer, state, band, found, now_ms, churn, ctx, reasons)


def band_of(score: float, churn: ChurnRules) -> str:
    """The band of the score of a customer who is there."""
    return HIGH if score >= churn.high else MEDIUM if score >= churn.medium else LOW


def grouped(contributions: Floats) -> list[ScoreReason]:
    """What each group of features adds to the logit, the most first; `feature` is the one that moves it most."""
    reasons = []
    values = contributions.tolist()
    for group, places in _GROUPS.items():
        total, most, top = 0.0, 0.0, places[0]
        for place in places:
            value = values[place]
            total += value
            if value > most or -value > most:
                most, top = abs(value), place
        if total:
            reasons.append(ScoreReason(group.value, total, _NAMES[top]))
    return sorted(reasons, key=lambda reason: (-reason.contribution, reason.code))


def _tell(
    customer: Customer,
    state: ChurnState,
    band: str,
    found: Scored | None,
    now_ms: int,
    churn: ChurnRules,
    ctx: FoldContext,
    reasons: Sequence[ScoreReason] = (),
) -> None:
    score = found.score if found is not None else None
    body = ScoreTold(
        customer_id=customer.customer_id,
        at=instant(now_ms),
        score=score,
        band=band,
        band_before=state.band,
        horizon_days=churn.horizon_days,
        logit=found.logit if found is not None else 0.0,
        intercept=ctx.scoring.intercept,
        reasons=[*reasons],
        model_version=ctx.scoring.version,
        tier=customer.tier,
        stage=customer.stage,
        gone_by=state.gone_by,
    )
    name = digest_of("score", customer.customer_id, str(now_ms)).hex()
    ctx.outputs.append(Output(Stream.SCORES, customer.customer_id, name, body))
    ctx.rank(RISK_INDEX, customer.customer_id, score)
    state.score, state.band, state.told_ms = NEVER_TOLD if score is None else score, band, now_ms
