"""A tick scores who has changed: when it is told, that it is what the learner says, and that batches do not matter."""

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from math import exp

import msgspec
import numpy as np
import pytest
from msgspec import structs

from config.policies import policy_document
from models import churn_tick
from models.churn_curves import FeatureSchema
from models.churn_model import ChurnClassifier
from models.churn_restore import take_snapshot
from models.churn_risk import RULE
from models.churn_scorer import Floats
from models.churn_snapshot import shapes_of
from models.context import FoldContext, Output, Reason
from models.customer import Customer, decode_customer, encode_customer
from models.decay import DAY_MS
from models.events import Event, LedgerRecord, epoch_ms
from models.feature_list import STANDARD_SET
from models.features import feature_matrix
from models.fold import fold
from models.rules import Rules
from models.scoring_model import (
    COLD,
    Scoring,
    ScoringModel,
    cold_model,
    decode_model,
    encode_model,
    model_document,
    ready,
    scoring_model,
)
from models.shard import ShardDocuments, ShardFold, ShardState
from streams.simulator import SimulationParameters, simulate
from tests.unit.models.build import (
    MINUTE_MS,
    SHIPPED,
    account_closed,
    balance,
    complaint,
    contact,
    into,
    login,
    ms,
    out,
    page_view,
    profile,
    record,
    tick,
)
from tests.unit.models.churn_ledger import (
    ChurnLedger,
    activated,
    assert_honest,
    churn_policies,
    flat_model,
    model_record,
)
from tests.unit.models.test_shard import in_batches

NAMES = STANDARD_SET.schema.features
FOLDED_UNTIL = datetime(2026, 3, 6, tzinfo=UTC)


# --- when a score is told ----------------------------------------------------------------------------


def told_at(steps: list[tuple[float, float]]) -> ChurnLedger:
    """A customer who is there, and whose score is `p` from `day` on, for each of `steps`."""
    ledger = ChurnLedger().see(login(ms(0)))
    for day, p in steps:
        ledger.put(model_record(flat_model(p, version=f"{day}"))).see(login(ms(day))).tick(ms(day, 1))
    return ledger


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        pytest.param([(8, 0.02), (8.1, 0.069)], [0.02], id="the first, and one that has moved too little"),
        pytest.param([(8, 0.02), (8.1, 0.07)], [0.02, 0.07], id="moved enough"),
        pytest.param([(8, 0.5), (8.1, 0.51)], [0.5], id="moved too little while an alert is open"),
        pytest.param([(8, 0.08), (8.1, 0.03)], [0.08, 0.03], id="moved down"),
        pytest.param([(8, 0.04), (8.1, 0.08), (8.2, 0.095)], [0.04, 0.095], id="moved since it was told last"),
        pytest.param([(8, 0.099), (8.1, 0.1)], [0.099, 0.1], id="another band"),
        pytest.param([(8, 0.301), (8.1, 0.299)], [0.301, 0.299], id="a lower band"),
        pytest.param([(8, 0.02), (37.9, 0.021), (38.1, 0.022)], [0.02, 0.022], id="grown old"),
        pytest.param([(6.9, 0.5), (7, 0.02)], [0.02], id="not in the first week"),
    ],
)
def test_when_a_score_is_told(steps: list[tuple[float, float]], told: list[float]) -> None:
    """The first, and where it says something new: everything else would only be noise for whoever reads."""
    scores = told_at(steps).scores
    assert [score.score for score in scores] == pytest.approx(told)
    assert [score.band_before for score in scores] == ["", *(score.band for score in scores[:-1])]
    assert {(score.horizon_days, score.tier, score.gone_by) for score in scores} == {(30, "basic", "")}


def test_after_a_week_to_the_millisecond() -> None:
    """From then on there is enough to go by."""
    ledger = ChurnLedger().see(login(ms(0))).tick(ms(7) - 15 * MINUTE_MS).see(login(ms(6, 23)))
    assert ledger.scores == []
    assert len(ledger.tick(ms(7)).scores) == 1


def test_who_has_never_done_anything_is_no_example() -> None:
    """Known from a profile and a complaint alone, nobody is scored or observed, until the first act of theirs."""
    ledger = ChurnLedger().see(profile(ms(0), aum=10_000.0), complaint(ms(1), "received")).days(ms(1), 40)
    assert (ledger.scored, ledger.scores, ledger.observed) == (0, [], [])
    ledger.see(login(ms(42))).days(ms(42), 20)
    assert ledger.scored > 0
    assert ledger.observed


def test_a_deadline_that_fires_is_a_change() -> None:
    """Whose alert ends by time alone is scored soon after, as whoever has done something."""
    ledger = ChurnLedger().see(login(ms(0)), *(contact(ms(8, n)) for n in range(3))).tick(ms(8, 12))
    due_ms = min(state.due_ms for state in ledger.customers["c"].alerts if state.due_ms)
    ledger.tick(*range(ms(9), due_ms, DAY_MS), due_ms - 1, due_ms)
    assert ledger.customers["c"].churn_due_ms - due_ms <= 15 * MINUTE_MS


def test_bands() -> None:
    """Each begins where the policy says."""
    steps = [(8 + n / 10, p) for n, p in enumerate((0.09, 0.11, 0.29, 0.31, 0.99))]
    assert [score.band for score in told_at(steps).scores] == ["low", "medium", "medium", "high", "high"]


def test_many_changes_are_scored_once() -> None:
    """At the first tick after the next quarter of an hour, however much has happened; who did nothing is left alone."""
    ledger = ChurnLedger().see(login(ms(0)), login(ms(0), customer_id="d")).tick(ms(8))
    before = ledger.scored
    for minute in range(1, 15):
        ledger.see(page_view(ms(8) + minute * MINUTE_MS)).tick(ms(8) + minute * MINUTE_MS)
    assert ledger.scored == before
    ledger.tick(ms(8) + 15 * MINUTE_MS)
    assert ledger.scored == before + 1
    ledger.tick(ms(8) + 16 * MINUTE_MS, ms(8) + 30 * MINUTE_MS)
    assert ledger.scored == before + 1


def test_who_is_gone_has_no_score() -> None:
    """They are told of once, and leave the index; back again, they are told of as if for the first time."""
    ledger = told_at([(8, 0.2)])
    assert ledger.ranked == {"c": pytest.approx(0.2)}
    ledger.see(account_closed(ms(9))).tick(ms(9, 1)).see(login(ms(9, 2))).tick(ms(9, 3))
    gone = ledger.scores[-1]
    assert (gone.band, gone.band_before, gone.score, gone.gone_by) == ("gone", "medium", None, "closed")
    assert (len(ledger.scores), ledger.ranked) == (2, {"c": None})
    ledger.see(balance(ms(10), 5)).tick(ms(10, 1))
    assert (ledger.scores[-1].band, ledger.scores[-1].band_before) == ("medium", "gone")
    assert ledger.ranked == {"c": pytest.approx(0.2)}


def test_a_clock_that_jumps_loses_nobody() -> None:
    """A tick years ahead finds everybody gone once, and what was observed is settled; nothing is due in the past."""
    ledger = ChurnLedger()
    for n in range(300):
        ledger.see(login(ms(0, n / 300), customer_id=f"c{n}"))
    ledger.tick(ms(15)).tick(ms(22)).tick(ms(4_000))
    assert len([score for score in ledger.scores if score.band == "gone"]) == 300
    assert len(ledger.settled) == len(ledger.observed) == 300
    assert {one.outcome for one in ledger.settled} == {"stayed"}  # silent later than that
    assert all(one.due_ms > ms(4_000) for one in ledger.customers.values())
    ledger.tick(ms(4_001)).see(login(ms(17), customer_id="c1")).tick(ms(4_001, 1))
    assert_honest(ledger)


def test_many_customers_are_scored_with_stops() -> None:
    """A tick that everybody is due at lets others have their turn, while they are put aside and scored."""
    ledger = ChurnLedger()
    for n in range(3 * churn_tick.AT_ONCE):
        ledger.see(login(ms(0), customer_id=f"c{n}"))
    ledger.shard.begin(ledger.customers, [(one.due_ms, name) for name, one in ledger.customers.items()])
    assert len(list(ledger.shard.steps([tick(ms(8))]))) == 6
    assert ledger.shard.take().scored == 3 * churn_tick.AT_ONCE


# --- what a score is ---------------------------------------------------------------------------------


@cache
def simulated() -> list[Customer]:
    """Customers of a simulated bank, after two months."""
    rules = Rules(churn_policies())
    ctx = FoldContext(rules)
    known: dict[str, Customer] = {}
    for event in simulate(SimulationParameters(customers=250, days=60, seed=7)).events():
        at_ms = epoch_ms(event.occurred_at)
        if (customer := fold(known.get(event.customer_id), event, at_ms, ctx)) is not None:  # type: ignore[arg-type]
            known[event.customer_id] = customer
    return list(known.values())


@cache
def matrix_of(times: int) -> Floats:
    """Features of each of them at so many moments of the following months."""
    rules, first_ms = Rules(SHIPPED), epoch_ms(FOLDED_UNTIL)
    return np.concatenate([feature_matrix(simulated(), first_ms + n * 2 * DAY_MS, rules) for n in range(times)])


@cache
def learnt() -> tuple[ChurnClassifier, Scoring]:
    """A learner of the service's own features, and what it publishes, as a worker reads it."""
    draw, model = random.Random(3), ChurnClassifier()
    for row in matrix_of(6).tolist():
        x = dict(zip(NAMES, row, strict=True))
        model.learn_one(x, draw.random() < (0.4 if x["silence"] > 1.5 else 0.1))
    shapes = shapes_of(take_snapshot(model, STANDARD_SET.schema, {}))
    published = scoring_model(shapes, STANDARD_SET.schema, version="1", learner="champion", learnt=9, until_ms=9)
    return model, ready(decode_model(encode_model(published)))


def test_contributions_sum_to_the_logit() -> None:
    """What the reasons of 10,000 customers add to the intercept is the logit, and the score its logistic."""
    _, scoring = learnt()
    scores = scoring.scorer.score(matrix_of(40)[:10_000])
    assert len(scores.logits) == 10_000
    for place in range(10_000):
        reasons = churn_tick.grouped(scores.contributions[:, place])
        total = scoring.intercept + sum(reason.contribution for reason in reasons)
        assert abs(total - scores.logits[place]) < 1e-9
        assert abs(1.0 / (1.0 + exp(-total)) - scores.probabilities[place]) < 1e-12
        assert [reason.contribution for reason in reasons] == sorted(
            (reason.contribution for reason in reasons), reverse=True
        )


def test_scores_are_those_of_the_learner() -> None:
    """A published model says what River's classifier says, within 1e-12."""
    model, scoring = learnt()
    assert model.learnt > 1_000
    rows = matrix_of(40)[::7]
    for row, p in zip(rows.tolist(), scoring.scorer.score(rows).probabilities, strict=True):
        assert abs(model.predict_proba_one(dict(zip(NAMES, row, strict=True)))[True] - p) < 1e-12


def test_a_reason_names_what_moves_it_most() -> None:
    """Of a group it is the feature with the largest part, whichever way; groups without any part are no reason."""
    column = np.zeros(len(NAMES))
    for name, value in (("money_in_7d", 0.5), ("money_in_30d", -0.75), ("silence", 1.0), ("tier", -2.0)):
        column[NAMES.index(name)] = value
    reasons = [(one.code, one.contribution, one.feature) for one in churn_tick.grouped(column)]
    assert reasons == [
        ("inactivity", 1.0, "silence"),
        ("inflow", -0.25, "money_in_30d"),
        ("relationship", -2.0, "tier"),
    ]


@pytest.mark.parametrize("size", [1, 7, 256, 1_000])
def test_the_company_does_not_matter(size: int) -> None:
    """What is said of each customer, and kept of them, is the same alone and in a tick of a thousand, byte for byte."""
    _, scoring = learnt()
    rules = Rules(churn_policies(observe_every_days=1, late_days=20))
    churn = rules.churn
    assert churn is not None

    def assessed(at_once: int) -> tuple[list[Output], list[bytes]]:
        ctx = FoldContext(rules, scoring=scoring)
        customers = [decode_customer(encode_customer(one)) for one in simulated()]
        for days in (1, 2):
            now_ms = epoch_ms(FOLDED_UNTIL + timedelta(days=days))
            for start in range(0, len(customers), at_once):
                churn_tick.assess(customers[start : start + at_once], now_ms, churn, ctx)
        return ctx.take().outputs, [encode_customer(one) for one in customers]

    outputs, kept = assessed(size)
    whole_outputs, whole = assessed(len(simulated()))
    assert kept == whole
    assert sorted(map(msgspec.json.encode, outputs)) == sorted(map(msgspec.json.encode, whole_outputs))
    assert len(outputs) > 400


# --- which model -------------------------------------------------------------------------------------


def of_other_features(version: str = "9") -> ScoringModel:
    """A model that a former release has published."""
    model, schema = flat_model(0.9, version), STANDARD_SET.schema
    return structs.replace(model, schema=FeatureSchema(schema.name, schema.version - 1, schema.features))


def test_a_model_counts_from_where_it_stands() -> None:
    """Nobody is scored again because of it alone, and what is told names the model that said so."""
    ledger = told_at([(8, 0.02)]).put(model_record(flat_model(0.2, "7"))).tick(ms(8, 2))
    assert [score.model_version for score in ledger.scores] == ["8"]
    ledger.restart().see(login(ms(8, 3))).tick(ms(8, 4))
    assert [score.model_version for score in ledger.scores] == ["8", "7"]
    assert ledger.scores[-1].intercept == pytest.approx(ledger.scores[-1].logit)


def test_a_model_of_other_features_is_refused() -> None:
    """The one before stays in force, after a restart as well."""
    ledger = told_at([(8, 0.2)]).put(model_record(of_other_features())).restart()
    ledger.see(login(ms(8, 3))).tick(ms(8, 4), ms(40))
    assert {score.model_version for score in ledger.scores} == {"8"}
    assert ledger.decisions[RULE, Reason.MODEL_REFUSED] == 1


def test_a_release_with_other_features_scores_cold() -> None:
    """A stored model that does not fit is not used; and a restart makes no difference to what is said then."""
    scores = []
    for restarts in (False, True):
        documents = ShardDocuments(policy=policy_document(churn_policies()), model=model_document(of_other_features()))
        ledger = told_at([])
        ledger.shard = ShardFold(ShardState(model_version="9"), documents)
        ledger.put(activated(churn_policies(base_rate=0.5)))
        if restarts:
            ledger.restart()
        ledger.tick(ms(8))
        [told] = ledger.scores
        scores.append((told.model_version, told.score))
        assert told.intercept == pytest.approx(cold_model(0.5).intercept)
    assert scores[0] == scores[1]
    assert scores[0][0] == COLD


def test_the_cold_model_follows_the_base_rate() -> None:
    """Until there is a model, a change of the policies' base rate changes every score."""
    ledger = ChurnLedger().see(login(ms(0))).tick(ms(8))
    ledger.put(activated(churn_policies(base_rate=0.4))).see(login(ms(9))).tick(ms(9, 1))
    first, second = ledger.scores
    assert first.score is not None
    assert second.score is not None
    assert second.score > 5 * first.score


# --- batches -----------------------------------------------------------------------------------------


def busy_ledger(seed: int, days: int) -> list[LedgerRecord]:
    """A few customers who come, go silent and close; models and policies change in the middle, and news come late."""
    draw = random.Random(seed)
    short = {"horizon_days": 6, "observe_every_days": 2, "late_days": 9, "attrition__silence_days": 5}
    first, second = churn_policies(**short), churn_policies(**short, told_delta=0.01, score_every_s=1)
    records, offset = [activated(first)], 0
    for day in range(days):
        for hour in (9, 21):
            for _ in range(draw.randrange(6)):
                at_ms = ms(day, hour - draw.random() * 9) - (draw.random() < 0.1) * draw.randrange(6 * DAY_MS)
                who = f"c{draw.randrange(12)}"
                event: Event = draw.choice(
                    (
                        login(at_ms, customer_id=who),
                        contact(at_ms, customer_id=who),
                        out(at_ms, draw.lognormvariate(6, 2), customer_id=who),
                        into(at_ms, draw.lognormvariate(6, 2), customer_id=who),
                        balance(at_ms, draw.lognormvariate(9, 3), customer_id=who),
                        structs.replace(account_closed(at_ms), customer_id=who),
                    )
                )
                offset += 1
                records.append(record(event, "feed/0", offset))
            records.append(tick(ms(day, hour)))
        if day % 9 == 4:
            model = flat_model(draw.uniform(0.05, 0.5), f"{day}", silence=0.7, logins_7d=-0.5)
            records.append(model_record(model if day % 2 else of_other_features(f"{day}")))
        if day % 17 == 8:
            records.append(activated(second if day < days / 2 else SHIPPED if day % 2 else first))
    return [*records, tick(ms(days + 20))]


def test_batches_make_no_difference() -> None:
    """Batches of 1, 7 and 1000 records leave the same bytes, with changes of model and policies in the middle."""
    records = busy_ledger(seed=5, days=70)
    whole = in_batches(records, [1_000])
    said = b"".join(whole.outputs)
    for word in (b'"gone"', b'"high"', b'"left"', b'"stayed"', b'"revision":1', b'"raised"', b'"resolved"', b'"cold"'):
        assert word in said, word
    assert whole.decisions[RULE, Reason.MODEL_REFUSED] > 1
    assert (
        len(
            {
                score["body"]["model_version"]
                for score in map(msgspec.json.decode, whole.outputs)
                if "band" in score["body"]
            }
        )
        > 2
    )
    for size in (1, 7):
        assert in_batches(records, [size] * (len(records) // size)).everything() == whole.everything()


def test_at_each_second_if_the_policy_says_so() -> None:
    """With `score_every_s` of 1 each tick scores who has changed."""
    ledger = ChurnLedger(churn_policies(score_every_s=1)).see(login(ms(0))).tick(ms(8))
    before = ledger.scored
    for second in range(1, 5):
        ledger.see(page_view(ms(8) + second * 1000 - 500)).tick(ms(8) + second * 1000)
    assert ledger.scored == before + 4
