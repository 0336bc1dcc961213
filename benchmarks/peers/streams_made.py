"""Makes the streams: the full one is a bank's ledger, the reduced one its transactions alone.

Every customer of the full stream begins with an aggregate as a month of events leaves it, for every contender, so that
nobody is measured on aggregates that are still small.
"""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import msgspec

from benchmarks.peers.reduced_work import encode
from benchmarks.peers.stream import PARTITIONS, Stream
from benchmarks.policies import policies_of
from benchmarks.workload import DAYS, events
from models.context import FoldContext
from models.customer import Customer, encode_customer
from models.events import Contact, FeedEvent, Tick, Transaction, epoch_ms
from models.fold import fold
from models.rules import Rules
from models.scoring_model import ScoringModel
from streams.codecs import (
    encode_control_record,
    encode_event_record,
    encode_model_record,
    encode_policies_record,
)

_TEMPLATES = 500
_EVENTS_OF_A_TEMPLATE = 40
TICK_MS = 3_600_000
"""An hour: at the densities used here, a tick to some hundred events of a partition; live it is one to thousands."""
EPISODE_EVERY = 250
"""One in so many events begins an episode of three contacts for one reason, which raises an alert.

The mix by itself alerts once in 2,000 events, too seldom to time anything by; the simulated bank of the demonstration
does once in 300.
"""
_APART = 7
STEADY_RATE = 20_000
"""Events in a second of event time in the part that latency is measured on: about what comes in a real one."""


def _with_episodes(customers: int, count: int, seed: int, episode_every: int) -> Iterator[FeedEvent]:
    """The mix of `benchmarks.workload`, some of whose events are made contacts of an episode."""
    draw = random.Random(seed + 1)
    planted: dict[int, tuple[str, str]] = {}
    for number, event in enumerate(events(customers, count, seed)):
        if number % episode_every == 0:
            episode = (f"C{draw.randrange(customers):07d}", draw.choice(("card", "loan", "fees", "limit")))
            planted |= dict.fromkeys(range(number + 1, number + 1 + 3 * _APART, _APART), episode)
        if (episode_now := planted.pop(number, None)) is None:
            yield event
            continue
        customer_id, reason = episode_now
        yield Contact(
            event_id=event.event_id,
            customer_id=customer_id,
            occurred_at=event.occurred_at,
            call_id=event.event_id,
            direction="inbound",
            channel="phone",
            reason=reason,
            outcome="answered",
        )


def full_stream(
    customers: int, count: int, episode_every: int = EPISODE_EVERY, seed: int = 1, steady_from: int | None = None
) -> Stream:
    """A ledger of `count` events: the policies, then events, with a tick in every partition each hour of their time.

    From event `steady_from` on time passes as it does in life: squeezed into seconds, a month's deadlines would all
    fire while latency is measured.
    """
    stream = Stream()
    stream.append_control(encode_policies_record(policies_of(scores=False), 0))
    clock_ms = 0
    steady: datetime | None = None
    for offset, event in enumerate(_with_episodes(customers, count, seed, episode_every)):
        if steady_from is not None and offset >= steady_from:
            steady = steady or event.occurred_at
            passed = timedelta(seconds=(offset - steady_from) / STEADY_RATE)
            event = msgspec.structs.replace(event, occurred_at=steady + passed)
        at_ms = epoch_ms(event.occurred_at)
        if at_ms // TICK_MS * TICK_MS > clock_ms:
            clock_ms = at_ms // TICK_MS * TICK_MS
            stream.append_control(encode_control_record(Tick(at=event.occurred_at), clock_ms))
        stream.append_event(event.customer_id, encode_event_record(event, at_ms, "feed:bench", offset))  # type: ignore[arg-type]
    return stream


def scored(stream: Stream, model: ScoringModel) -> Stream:
    """The same full stream by policies that score, with `model` in force from the beginning."""
    beginning = [encode_policies_record(policies_of(scores=True), 0), encode_model_record(model, 0)]
    found = Stream()
    for body in beginning:
        found.append_control(body)
    for number, (partition, _, key, body) in enumerate(stream.in_order(len(stream))):
        if number >= PARTITIONS:  # behind the policies that do not
            found.append(partition, key, body)
    return found


def reduced_stream(customers: int, count: int, seed: int = 1) -> Stream:
    """`count` transactions."""
    stream = Stream()
    made = 0
    for event in events(customers, count * 2, seed):
        if isinstance(event, Transaction):
            stream.append_event(event.customer_id, encode(event))
            made += 1
            if made == count:
                break
    return stream


def month_old(customers: int) -> Callable[[bytes], bytes | None]:
    """The aggregate that each customer of a full stream begins with, by key."""
    models = _templates()

    def seed(key: bytes) -> bytes | None:
        if not key.startswith(b"C"):
            return None
        number = int(key[1:])
        if number >= customers:
            return None
        template = models[number % len(models)]
        template.customer_id = key.decode()
        return encode_customer(template)

    return seed


def _templates() -> list[Customer]:
    """Aggregates as a month leaves them, without alerts that would still be open."""
    ctx = FoldContext(Rules(policies_of(scores=False)))
    customers: dict[str, Customer] = {}
    for event in events(_TEMPLATES, _TEMPLATES * _EVENTS_OF_A_TEMPLATE, seed=99):
        earlier = msgspec.structs.replace(
            event, event_id=f"T{event.event_id[1:]}", occurred_at=event.occurred_at - timedelta(days=DAYS)
        )
        customer = fold(customers.get(event.customer_id), earlier, epoch_ms(earlier.occurred_at), ctx)  # type: ignore[arg-type]
        if customer is not None:
            customers[event.customer_id] = customer
    for customer in customers.values():
        customer.alerts, customer.due_ms = [], 0
    return list(customers.values())
