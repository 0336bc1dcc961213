"""A shard folds its ledger to the same state and outputs, wherever batches begin and end."""

import random
from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from config.policies import (
    Policies,
    PolicyError,
    load_policies,
    policies_from_document,
    policy_digest,
    policy_document,
)
from models import churn_risk, repeated_inquiry
from models.alerts import Alert, instant
from models.context import Fate, Reason
from models.customer import Customer, decode_customer, encode_customer
from models.decay import DAY_MS
from models.events import Event, LedgerRecord, ModelActivated, PolicyActivated
from models.scoring_model import cold_model, model_digest, model_document, model_from_document
from models.shard import (
    LedgerError,
    ShardDocuments,
    ShardFold,
    ShardState,
    decode_documents,
    decode_state,
    encode_documents,
    encode_state,
)
from tests.unit.models.build import (
    CHURN,
    HOUR_MS,
    SHIPPED,
    any_event,
    balance,
    contact,
    into,
    login,
    ms,
    out,
    policies,
    profile,
    record,
    tick,
)


def activate(using: Policies | None = None) -> LedgerRecord:
    chosen = using or SHIPPED
    return record(PolicyActivated(digest=policy_digest(chosen), document=policy_document(chosen)))


def drawn(version: str) -> LedgerRecord:
    model = structs.replace(cold_model(0.1), version=version)
    return record(ModelActivated(version=version, digest=model_digest(model), document=model_document(model)))


class Shard:
    """A shard with a store of bytes behind it: nothing decoded survives from one batch to the next."""

    def __init__(self) -> None:
        self.state = encode_state(ShardState())
        self.documents = encode_documents(ShardDocuments())
        self.stored: dict[str, bytes] = {}
        self.due: dict[str, int] = {}
        self.outputs: list[bytes] = []
        self.decisions: Counter[tuple[str, Reason]] = Counter()
        self.fates: Counter[Fate] = Counter()
        self.rankings: dict[tuple[str, str], float] = {}

    def fold(self, batch: list[LedgerRecord]) -> "Shard":
        shard = ShardFold(decode_state(self.state), decode_documents(self.documents))
        horizon_ms = max((entry.at_ms for entry in batch), default=0)
        due = [(due_ms, who) for who, due_ms in self.due.items() if due_ms <= horizon_ms]
        named = {getattr(entry.event, "customer_id", "") for entry in batch} | {who for _, who in due}
        before = {who: self.stored[who] for who in named if who in self.stored}
        shard.begin({who: decode_customer(body) for who, body in before.items()}, due)
        for entry in batch:
            shard.apply(entry)
        self.keep(shard, before)
        return self

    def keep(self, shard: ShardFold, before: dict[str, bytes]) -> None:
        assert shard.changed.keys() == shard.due_before.keys()
        for who, customer in shard.changed.items():
            assert shard.due_before[who] == self.due.get(who, 0)
            self.stored[who] = encode_customer(customer)
            self.due.pop(who, None)
            if customer.due_ms:
                self.due[who] = customer.due_ms
        for who, customer in shard.customers.items():
            if who not in shard.changed:
                assert encode_customer(customer) == before[who], "changed, and nobody was told"
        self.state = encode_state(shard.state)
        documents = encode_documents(shard.documents)
        assert shard.documents_changed or documents == self.documents, "changed, and nobody was told"
        self.documents = documents
        results = shard.take()
        self.outputs += [msgspec.json.encode(output) for output in results.outputs]
        self.decisions += results.decisions
        self.fates += results.fates
        for (index, who), score in results.rankings.items():
            self.rankings.pop((index, who), None)
            if score is not None:
                self.rankings[index, who] = score

    @property
    def alerts(self) -> list[tuple[str, str, str]]:
        """Customer, subject and state of each report."""
        bodies = [msgspec.json.decode(output)["body"] for output in self.outputs]
        return [(body["customer_id"], body["subject"], body["state"]) for body in bodies]

    def customer(self, who: str = "c") -> Customer:
        return decode_customer(self.stored[who])

    def everything(self) -> tuple[object, ...]:
        return (
            self.state,
            self.documents,
            self.stored,
            self.due,
            self.outputs,
            self.decisions,
            self.fates,
            self.rankings,
        )


def in_batches(records: list[LedgerRecord], sizes: list[int]) -> Shard:
    shard, done = Shard(), 0
    for size in sizes:
        shard.fold(records[done : done + size])
        done += size
    return shard.fold(records[done:])


def sourced(events: Sequence[Event]) -> list[LedgerRecord]:
    return [record(event, "feed/0", offset) for offset, event in enumerate(events)]


# --- what a record does ----------------------------------------------------------------------------


def test_a_ledger_begins_with_its_policy() -> None:
    """Without a policy nothing can be decided, and nothing is made up."""
    for first in (tick(ms(0)), record(login(ms(0)), "feed/0", 0), record(ModelActivated(version="1", digest="d"))):
        with pytest.raises(LedgerError, match="policy_activated"):
            Shard().fold([first])


def test_an_event_without_a_source_is_refused() -> None:
    """Every event of the ledger says where it came from; one that does not is no control record either."""
    with pytest.raises(LedgerError, match="Login names no source"):
        Shard().fold([activate(), record(login(ms(0)))])


def test_a_policy_that_cannot_be_used_is_refused() -> None:
    """A document that this version does not understand stops the shard rather than bending the rules."""
    document = policy_document(load_policies()) | {"unheard_of": 1}
    with pytest.raises(PolicyError, match="unheard_of"):
        Shard().fold([record(PolicyActivated(digest="d", document=document))])


def test_replayed_offsets_are_dropped_and_counted() -> None:
    """Each source offset is folded at most once, for each source by itself."""
    first, second = record(login(ms(0)), "feed/0", 5), record(login(ms(1)), "feed/1", 5)
    again = record(login(ms(2)), "feed/0", 5)
    older = record(login(ms(2)), "feed/0", 4)
    shard = Shard().fold([activate(), first, second]).fold([first, again, older])
    assert shard.fates == {Fate.CONTROL: 1, Fate.FOLDED: 2, Fate.REPLAYED_SOURCE: 3}
    assert shard.customer().events == 2
    assert decode_state(shard.state).sources == {"feed/0": 5, "feed/1": 5}


def test_an_event_sent_twice_is_folded_once() -> None:
    """The same event id at another offset is the bank's own duplicate; its offset counts as seen."""
    one, two = record(login(ms(0), event_id="e"), "feed/0", 1), record(login(ms(0), event_id="e"), "feed/0", 2)
    shard = Shard().fold([activate(), one]).fold([two]).fold([two])
    assert shard.fates == {Fate.CONTROL: 1, Fate.FOLDED: 1, Fate.DUPLICATE_EVENT: 1, Fate.REPLAYED_SOURCE: 1}
    assert shard.customer().events == 1


def test_a_tick_never_moves_time_back() -> None:
    """The clock of a shard only goes forward, and what has fired does not fire again."""
    asks = sourced([contact(ms(day)) for day in range(3)])
    shard = Shard().fold([activate(), *asks, tick(ms(7)), tick(ms(3)), tick(ms(7))])
    assert decode_state(shard.state).clock_ms == ms(7)
    assert [state for _, _, state in shard.alerts] == ["raised", "resolved"]
    shard.fold([tick(ms(6))])
    assert decode_state(shard.state).clock_ms == ms(7)
    assert len(shard.alerts) == 2
    assert shard.fates[Fate.CONTROL] == 5


def test_deadlines_fire_in_order_of_time_then_customer() -> None:
    """One tick that reaches many deadlines fires the earliest first, and of one time the first customer's."""
    events: list[Event] = [contact(ms(day), customer_id=who) for day in range(3) for who in ("b", "a")]
    events += [contact(ms(day, 1), customer_id="z") for day in (-2, -1, 0)]
    events += [contact(ms(day, 2), "loan", customer_id="a") for day in range(3)]
    shard = Shard().fold([activate(), *sourced(events), tick(ms(30))])
    reports = [msgspec.json.decode(output)["body"] for output in shard.outputs]
    resolved = [(body["at"], body["customer_id"], body["subject"]) for body in reports if body["state"] == "resolved"]
    times = [instant(at_ms).isoformat().replace("+00:00", "Z") for at_ms in (ms(5, 1), ms(7), ms(7), ms(7, 2))]
    assert resolved == list(zip(times, "zaba", ("card", "card", "card", "loan"), strict=True))


def test_a_deadline_that_no_longer_holds_is_ignored() -> None:
    """A stale entry of the due index fires nothing and changes nothing."""
    shard = Shard().fold([activate(), *sourced([contact(ms(day)) for day in range(3)])])
    folding = ShardFold(decode_state(shard.state), decode_documents(shard.documents))
    folding.begin({"c": shard.customer()}, [(ms(6), "c"), (ms(5), "nobody")])  # the aggregate says day 7
    folding.apply(tick(ms(6)))
    assert (folding.changed, folding.due_before, folding.take().outputs) == ({}, {}, [])


def test_a_policy_counts_from_where_it_stands() -> None:
    """The same contacts before and after a change of policy are judged by the policy in force at each."""
    strict = policies(version="strict", repeated_inquiry__contacts=2)
    asks = [contact(ms(0, hour), customer_id=who) for who in ("before", "after") for hour in range(2)]
    first, second = sourced(asks)[:2], sourced(asks)[2:]
    shard = Shard().fold([activate(), *first, activate(strict), *second])
    assert shard.alerts == [("after", "card", "raised")]
    body = msgspec.json.decode(shard.outputs[0])["body"]
    assert (body["policy_version"], body["policy_digest"]) == ("strict", policy_digest(strict))
    assert policies_from_document(decode_documents(shard.documents).policy) == strict


def test_the_policy_survives_a_restart() -> None:
    """What was activated in an earlier batch is in force in a later one, digest and all."""
    strict = policies(repeated_inquiry__contacts=2)
    shard = Shard().fold([activate(strict)]).fold(sourced([contact(ms(0)), contact(ms(1))]))
    assert msgspec.json.decode(shard.outputs[0])["body"]["policy_digest"] == policy_digest(strict)


def test_the_model_in_use_is_remembered() -> None:
    """A model activation is part of the shard's state."""
    shard = Shard().fold([activate(), drawn("7")]).fold([tick(ms(0))])
    assert decode_state(shard.state).model_version == "7"
    assert model_from_document(decode_documents(shard.documents).model).version == "7"


def test_a_model_that_does_not_fit_is_refused() -> None:
    """Scores of a model for other features would mean nothing: the one before stays in force, and it is counted."""
    unfit = record(ModelActivated(version="8", digest="d", document={"format": 1}))
    shard = Shard().fold([activate(), drawn("7"), unfit])
    assert decode_state(shard.state).model_version == "7"
    assert shard.decisions[churn_risk.RULE, Reason.MODEL_REFUSED] == 1


def test_documents_change_with_policy_and_model_alone() -> None:
    """Documents are large: whoever stores them is told of a change, and of none in a batch without one."""
    shard = ShardFold(ShardState(), ShardDocuments())
    told = []
    refused = record(ModelActivated(version="7", digest="d"))
    for batch in ([activate()], [tick(ms(0)), refused], [], [activate()], [drawn("7")]):
        shard.begin({}, [])
        shard.apply_run(batch)
        told.append(shard.documents_changed)
    assert told == [True, False, False, True, True]


def test_the_state_is_stored_byte_for_byte() -> None:
    """Decoding and encoding the shard's state and documents gives the same bytes."""
    shard = Shard().fold([activate(), *sourced([login(ms(0))]), tick(ms(1))])
    assert encode_state(decode_state(shard.state)) == shard.state
    assert encode_documents(decode_documents(shard.documents)) == shard.documents


def test_the_state_holds_no_documents() -> None:
    """The state is written at every commit: what it takes does not depend on the size of the policies."""
    rates = {"CNY": 1.0} | {f"A{chr(65 + n // 26)}{chr(65 + n % 26)}": 1.0 for n in range(600)}
    large = policies(currencies={"reporting": "CNY", "rates": rates})
    entries = [*sourced([login(ms(0))]), tick(ms(1))]
    with_large = Shard().fold([activate(large), *entries])
    assert with_large.state == Shard().fold([activate(), *entries]).state
    assert len(with_large.documents) > 6_000


def test_results_are_taken_once() -> None:
    """Whoever drives the fold gets each output once; before any policy there are none."""
    shard = ShardFold(ShardState(), ShardDocuments())
    assert shard.take().outputs == []
    shard.begin({}, [])
    for entry in [activate(), *sourced([contact(ms(day)) for day in range(3)])]:
        shard.apply(entry)
    results = shard.take()
    assert isinstance(results.outputs[0].body, Alert)
    assert results.decisions[repeated_inquiry.RULE, Reason.RAISED] == 1
    assert (shard.take().outputs, shard.take().fates) == ([], {})


# --- batches ---------------------------------------------------------------------------------------


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerRecord]:
    """A ledger of a few customers: events in any order, replays, ticks, and changes of policy."""
    eager = policies(
        version="eager",
        asset_outflow__cold_floor=100.0,
        asset_outflow__history_days=3,
        asset_outflow__sustained_days=1,
        asset_outflow__window_days=5,
        asset_outflow__cooldown_days=1,
        repeated_inquiry__contacts=2,
        repeated_inquiry__cooldown_days=0,
        repeated_inquiry__ignored_reasons=["r1"],
        bank__zone="America/Sao_Paulo",
    )
    others = [
        SHIPPED,
        eager,
        policies(churn=CHURN),
        policies(repeated_inquiry__contacts=5, repeated_inquiry__window_days=2),
    ]
    records = [activate(draw(st.sampled_from(others)))]
    steps = draw(st.lists(st.one_of(any_event(customers=3, days=30), st.integers(0, 60 * 24)), max_size=50))
    for offset, step in enumerate(steps):
        if not isinstance(step, int):
            source = f"feed/{offset % 2}"
            records.append(record(step, source, offset if offset % 11 else max(0, offset - 6)))
        elif step % 7 == 0:
            records.append(activate(others[step % 3]))
        else:
            records.append(tick(ms(0, step)))
    return [*records, tick(ms(90))]


@settings(max_examples=60)
@given(ledgers(), st.data())
def test_batches_make_no_difference(records: list[LedgerRecord], data: st.DataObject) -> None:
    """One record a batch, all in one, or any other partition: byte-identical states and outputs."""
    sizes = data.draw(st.lists(st.integers(0, 9), max_size=20))
    whole = in_batches(records, [len(records)]).everything()
    assert in_batches(records, [1] * len(records)).everything() == whole
    assert in_batches(records, sizes).everything() == whole


def busy_ledger(seed: int, count: int) -> list[LedgerRecord]:
    """Forty customers over four months, with a tick an hour, a replay now and then and two changes of policy."""
    draw = random.Random(seed)
    strict = policies(version="strict", repeated_inquiry__contacts=2, asset_outflow__window_days=7)
    records, day, offset = [activate()], 0.0, 0
    next_tick_ms = ms(0)
    for i in range(count):
        day += draw.expovariate(count / 120)
        at_ms = ms(day)
        while next_tick_ms <= at_ms:
            records.append(tick(next_tick_ms))
            next_tick_ms += 6 * HOUR_MS
        if i in (count // 3, count * 2 // 3):
            records.append(activate(strict if i < count // 2 else SHIPPED))
        if draw.random() < 0.05:
            at_ms -= round(draw.expovariate(1 / 4) * DAY_MS)
        who = f"c{int(40 * draw.random() ** 2)}"
        amount = draw.lognormvariate(6, 2)
        event: Event
        match draw.randrange(10):
            case 0 | 1 | 2 | 3:
                event = out(at_ms, amount, customer_id=who, event_id=f"e{i}")
            case 4:
                event = into(at_ms, amount * 3, customer_id=who, event_id=f"e{i}")
            case 5:
                event = balance(at_ms, amount * 20, customer_id=who, event_id=f"e{i}")
            case 6 | 7:
                event = contact(at_ms, draw.choice(("card", "loan")), customer_id=who, event_id=f"e{i}")
            case 8:
                event = login(at_ms, customer_id=who, event_id=f"e{i}")
            case _:
                event = profile(at_ms, customer_id=who, aum=amount * 50)
        offset += 0 if draw.random() < 0.02 else 1
        records.append(record(event, "feed/0", offset))
    return [*records, tick(ms(200))]


def test_large_and_small_batches_agree() -> None:
    """Batches of 1, 7 and 1000 records leave byte-identical states and outputs, and everything ends in silence."""
    records = busy_ledger(seed=7, count=3_000)
    by_thousand = in_batches(records, [1_000] * (len(records) // 1_000))
    for size in (1, 7):
        assert in_batches(records, [size] * (len(records) // size)).everything() == by_thousand.everything()
    assert by_thousand.fates[Fate.REPLAYED_SOURCE] > 0
    raised = {(rule, reason) for rule, reason in by_thousand.decisions if reason is Reason.RAISED}
    assert len(raised) == 2
    assert by_thousand.due == {}
    assert by_thousand.rankings == {}
    states = Counter(state for _, _, state in by_thousand.alerts)
    assert states["raised"] == states["resolved"] > 50


def test_a_replay_is_the_same_again() -> None:
    """Folding the same ledger a second time, from nothing, gives the same bytes and the same alert ids."""
    records = busy_ledger(seed=8, count=500)
    assert in_batches(records, [100] * 5).everything() == in_batches(records, [100] * 5).everything()


def test_no_output_id_is_used_twice() -> None:
    """Every report has an identity of its own, whatever happens around it."""
    outputs = in_batches(busy_ledger(seed=9, count=2_000), [500] * 4).outputs
    ids = [msgspec.json.decode(output)["output_id"] for output in outputs]
    assert len(set(ids)) == len(ids) > 100
