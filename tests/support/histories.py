"""Random histories of one shard: what a bank, its replays and its operators might put into a ledger."""

from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Any, Literal, get_args

from msgspec import structs

from config.policies import Policies, load_policies, policies_from_document, policy_digest, policy_document
from models.events import (
    AccountClosed,
    AccountOpened,
    Complaint,
    ComplaintStep,
    Contact,
    Counterparty,
    Event,
    Login,
    ModelActivated,
    PageView,
    PolicyActivated,
    ProductClosed,
    ProductOpened,
    ProfileChanged,
    Tick,
    Transaction,
    TransactionKind,
    epoch_ms,
)
from models.scoring_model import cold_model, model_digest, model_document
from streams.codecs import encode_control_record, encode_event_record

START_MS = epoch_ms(datetime(2026, 3, 27, tzinfo=UTC))
"""Two days before the clocks change in Europe."""
DAY_MS = 86_400_000
SHIPPED = load_policies()
_STEPS = (*get_args(ComplaintStep), "something_else")
_KINDS: tuple[TransactionKind, ...] = get_args(TransactionKind)
_PARTIES: tuple[Counterparty, ...] = get_args(Counterparty)


def policies(draw: Random) -> Policies:
    """A policy document under which short histories raise, worsen, resolve and cool down alerts."""
    document: dict[str, Any] = policy_document(SHIPPED)
    window = draw.randrange(2, 6)
    document["version"] = f"drawn-{draw.randrange(1000)}"
    document["bank"] = {"zone": draw.choice(["Asia/Shanghai", "Europe/Prague", "America/New_York", "UTC"])}
    document["complaints"] |= {"grace_days": draw.randrange(3), "abandoned_days": draw.randrange(1, 6)}
    document["asset_outflow"] |= {
        "window_days": window,
        "history_days": draw.randrange(1, 5),
        "sustained_days": draw.randrange(1, window),
        "cold_floor": float(draw.choice([0, 100, 5000])),
        "cooldown_days": draw.randrange(3),
        "aum_valid_days": draw.randrange(1, 10),
    }
    for tier in ("core", "potential", "basic"):
        document["asset_outflow"][tier] |= {"floor": float(draw.randrange(1, 300))}
    if draw.random() < 0.2:
        document["churn"] = None
    else:
        document["churn"] |= {
            "horizon_days": draw.randrange(1, 4),
            "observe_every_days": draw.randrange(1, 3),
            "late_days": draw.randrange(4),
            "score_every_s": draw.choice([1, 900, 7200]),
            "base_rate": draw.choice([0.02, 0.2]),
            "stale_days": draw.randrange(1, 5),
            "bands": {"medium": 0.1, "high": draw.choice([0.15, 0.3])},
        }
        document["churn"]["attrition"] |= {
            "silence_days": draw.randrange(1, 5),
            "balance_share": draw.choice([0.1, 0.9]),
            "balance_hold_days": draw.randrange(1, 3),
            "balance_floor": float(draw.randrange(100)),
        }
        document["churn"]["alert"] |= {"cooldown_days": draw.randrange(3)}
    contacts = draw.randrange(2, 5)
    document["repeated_inquiry"] |= {
        "contacts": contacts,
        "window_days": draw.randrange(1, 4),
        "critical_contacts": draw.randrange(contacts, 9),
        "cooldown_days": draw.randrange(3),
        "ignored_reasons": draw.choice([[], ["r1"], ["r2", "r3"]]),
    }
    return policies_from_document(document)


def drawn_model(draw: Random) -> ModelActivated:
    """A model with curves drawn at random; now and then one that does not fit."""
    if draw.random() < 0.2:
        return ModelActivated(version="unfit", digest="d", document={"format": 1})
    cold = cold_model(0.3)
    model = structs.replace(
        cold,
        version=f"m{draw.randrange(100)}",
        slopes=[draw.gauss(0.0, 0.3) for _ in cold.slopes],
        heights=[[draw.gauss(0.0, 0.3) for _ in row] for row in cold.heights],
    )
    return ModelActivated(version=model.version, digest=model_digest(model), document=model_document(model))


class History:
    """Writes one shard's ledger: `bodies`, and how many records of what kind they are (`counts`)."""

    def __init__(self, draw: Random, records: int) -> None:
        self._draw = draw
        self.bodies: list[bytes] = []
        self.counts: Counter[str] = Counter()
        self._now_ms = START_MS
        self._offsets: Counter[str] = Counter()
        self._written: list[bytes] = []
        self._events: list[tuple[Event, int]] = []
        self._customers = [f"c{number}" for number in range(draw.randrange(1, 9))]
        self._reasons = [f"r{number}" for number in range(draw.choice([2, 4, 16]))]
        self._pace_ms = draw.choice([60_000, 1_800_000, 6 * 3_600_000])
        self._policy()
        while len(self.bodies) < records:
            self._next()

    def _next(self) -> None:
        draw = self._draw
        self._now_ms += int(draw.expovariate(1 / self._pace_ms))
        what = draw.choices(
            [self._event, self._tick, self._late, self._duplicate, self._replay, self._policy, self._model],
            [60, 20, 8, 6, 4, 1, 0.5],
        )[0]
        what()

    def _policy(self) -> None:
        found = policies(self._draw)
        record = PolicyActivated(digest=policy_digest(found), document=policy_document(found))
        self._append("policy changes", encode_control_record(record, self._now_ms))

    def _model(self) -> None:
        record = drawn_model(self._draw)
        self._append("models", encode_control_record(record, self._now_ms))

    def _tick(self) -> None:
        back_ms = self._draw.choice([0, 0, 0, 0, self._draw.randrange(3 * DAY_MS)])
        at_ms = self._now_ms - back_ms
        record = Tick(at=datetime.fromtimestamp(at_ms / 1000, UTC))
        self._append("ticks that go back" if back_ms else "ticks", encode_control_record(record, at_ms))

    def _event(self) -> None:
        self._fresh("events", self._now_ms)

    def _late(self) -> None:
        self._fresh("late events", self._now_ms - self._draw.randrange(self._draw.choice([3_600_000, 8 * DAY_MS])))

    def _fresh(self, name: str, at_ms: int) -> None:
        event = self._draw_event(at_ms)
        self._events.append((event, at_ms))
        self._from_source(name, event, at_ms)

    def _duplicate(self) -> None:
        if self._events:
            recent = self._events[-self._draw.choice([5, 500]) :]
            self._from_source("events told again", *self._draw.choice(recent))

    def _replay(self) -> None:
        for body in self._written[-self._draw.randrange(1, 20) :]:
            self._append("records replayed", body)

    def _from_source(self, name: str, event: Event, at_ms: int) -> None:
        source = f"feed{self._draw.randrange(3)}"
        body = encode_event_record(event, at_ms, source, self._offsets[source])
        self._offsets[source] += self._draw.choice([1, 1, 1, 5])
        self._written.append(body)
        self._append(name, body)

    def _append(self, name: str, body: bytes) -> None:
        self.counts[name] += 1
        self.bodies.append(body)

    def _draw_event(self, at_ms: int) -> Event:
        draw = self._draw
        who: dict[str, Any] = {
            "event_id": f"e{len(self._events)}",
            "customer_id": draw.choice(self._customers),
            "occurred_at": datetime.fromtimestamp(at_ms / 1000, UTC),
        }
        account = f"{who['customer_id']}-{draw.randrange(draw.choice([2, 20]))}"
        kind = draw.choices(
            ["transaction", "contact", "profile", "login", "view", "complaint", "account", "product"],
            [45, 25, 4, 5, 5, 12, 6, 4],
        )[0]
        match kind:
            case "transaction":
                return self._transaction(who, account)
            case "contact":
                direction: Literal["inbound", "outbound"] = "inbound" if draw.random() < 0.9 else "outbound"
                return Contact(
                    **who,
                    call_id="call",
                    direction=direction,
                    channel="phone",
                    reason=draw.choice(self._reasons),
                    outcome=draw.choice(["answered", "abandoned"]),
                )
            case "profile":
                return ProfileChanged(
                    **who,
                    tier=draw.choice([None, "core", "potential", "basic"]),
                    aum=draw.choice([None, None, 0.0, 1000.0, 600_000.0]),
                    products=draw.choice([None, [], ["p1", "p2"]]),
                )
            case "login":
                return Login(**who, channel="app", succeeded=draw.random() < 0.8)
            case "view":
                return PageView(**who, page="home")
            case "complaint":
                return self._complaint(who)
            case "account":
                return (
                    AccountOpened(**who, account_id=account)
                    if draw.random() < 0.5
                    else AccountClosed(**who, account_id=account)
                )
            case _:
                product: dict[str, Any] = {"product_id": "p", "product": f"p{draw.randrange(40)}"}
                return ProductOpened(**who, **product) if draw.random() < 0.6 else ProductClosed(**who, **product)

    def _complaint(self, who: dict[str, Any]) -> Complaint:
        draw = self._draw
        step = "received" if draw.random() < 0.3 else draw.choice(_STEPS)
        return Complaint(
            **who,
            case_id=f"case{draw.randrange(draw.choice([2, 12]))}",
            step=step,
            business="cards" if step == "received" else draw.choice([None, "loans"]),
            channel="phone" if step == "received" else draw.choice([None, "email"]),
            priority=draw.choice([None, "urgent"]),
            responsibility=draw.choice([None, None, "bank", "customer", "third_party"]),
            satisfied=draw.choice([None, True, False]),
            region=draw.choice([None, None, "UK", "EU", "US"]),
            actions=draw.choice([None, ["explain"], ["compensate", "remediate"]]),
            extension=draw.choice([None, "complex", "approved"]),
        )

    def _transaction(self, who: dict[str, Any], account: str) -> Transaction:
        draw = self._draw
        return Transaction(
            **who,
            account_id=account,
            amount=max(round(draw.lognormvariate(5, 2), 2), 0.01),
            currency=draw.choice(["CNY", "CNY", "USD", "XXX"]),
            direction=draw.choice(["in", "out", "out"]),
            kind=draw.choice(_KINDS),
            counterparty=draw.choice(_PARTIES),
            balance_after=draw.choice([None, None, 0.0, -5.0, 900.0, 80_000.0, 700_000.0]),
        )
