"""Open complaint cases as a busy bank has them: received on the latest working days, and all on their way."""

import math
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from benchmarks.policies import policies_of
from config.policies import load_policies
from models.complaints import deadlines_index, open_cases_index
from models.events import Complaint, Tick, epoch_ms
from models.working_time import compiled
from streams.codecs import encode_control_record, encode_event_record, encode_policies_record
from streams.names import DUE_INDEX
from streams.processor import ShardProcessor
from streams.sharding import shard_of
from streams.stores.base import Commit, Store
from streams.stores.sqlite import SqliteStore

SHARDS = 8
"""What one worker owns."""
WORKING_DAYS = 10
_AT_ONCE = 16_384
_PROFILES = ("care", "crm", "cn-2020")


def customer_of(number: int) -> str:
    """The customer who has the case of this number, and no other."""
    return f"C{number:07d}"


def step(number: int, name: str, at_ms: int, **said: object) -> Complaint:
    """One step of a case."""
    return Complaint(
        event_id=f"{name}-{number:07d}",
        customer_id=customer_of(number),
        occurred_at=datetime.fromtimestamp(at_ms / 1000, UTC),
        case_id=f"K{number:07d}",
        step=name,
        **said,  # type: ignore[arg-type]
    )


def steps(cases: int, now_ms: int, seed: int) -> list[Complaint]:
    """What has happened by `now_ms`, in time order: nine to five on `WORKING_DAYS` days, and never closed.

    Everybody is answered within 30 s; 60 % get a progress report within 20 h, and half of the cases are investigated
    within 60 h.
    """
    draw = random.Random(seed)
    days = _working_days_before(now_ms)
    found: list[Complaint] = []
    for number in range(cases):
        received_ms = days[number % len(days)] + draw.randrange(8 * 3_600_000)
        told = [
            (
                "received",
                received_ms,
                {"business": draw.choice(("cards", "loans", "payments")), "channel": draw.choice(("app", "phone"))},
            ),
            ("responded", received_ms + draw.randrange(5_000, 25_000), {}),
        ]
        if draw.random() < 0.6:
            told.append(("progress_reported", received_ms + draw.randrange(3_600_000, 20 * 3_600_000), {}))
        if draw.random() < 0.5:
            who = draw.choice(("bank", "customer", "third_party"))
            investigated_ms = received_ms + draw.randrange(20 * 3_600_000, 60 * 3_600_000)
            told.append(("investigated", investigated_ms, {"responsibility": who}))
        found += [step(number, name, at_ms, **said) for name, at_ms, said in told if at_ms <= now_ms]
    return sorted(found, key=lambda event: event.occurred_at)


async def load(store: Store, cases: int, now_ms: int, seed: int, *, scores: bool) -> None:
    """Fold them all into an empty store, and let time pass until `now_ms`: whatever is due by then has been told."""
    bodies: dict[int, list[bytes]] = {
        shard: [encode_policies_record(policies_of(scores=scores), 0)] for shard in range(SHARDS)
    }
    for offset, event in enumerate(steps(cases, now_ms, seed)):
        body = encode_event_record(event, epoch_ms(event.occurred_at), "feed:bench", offset)
        bodies[shard_of(event.customer_id, SHARDS)].append(body)
    for shard, records in bodies.items():
        processor = ShardProcessor(store, shard)
        await processor.open()
        for start in range(0, len(records), _AT_ONCE):
            await processor.process(start, records[start : start + _AT_ONCE])
        await processor.process(len(records), [tick_record(now_ms)])
        await store.clear_outbox(shard, 1 << 62)


def tick_record(at_ms: int) -> bytes:
    """A tick, as the ledger has it."""
    return encode_control_record(Tick(at=datetime.fromtimestamp(at_ms / 1000, UTC)), at_ms)


def case_indexes() -> list[str]:
    """Every sorted index that the cases can stand in."""
    profiles = {profile.name: profile for profile in load_policies().complaints.profiles if profile.name in _PROFILES}
    return [
        *(open_cases_index(name) for name in profiles),
        *(deadlines_index(name, clock.name) for name, profile in profiles.items() for clock in profile.clocks),
    ]


async def copy(source: SqliteStore, target: Store, *, beginning: bool = False) -> None:
    """Put the same shards into an empty store; at the `beginning` of a ledger, where no record has been read yet."""
    for shard in range(SHARDS):
        stored = await source.open_shard(shard)
        customers = list(source.customers_of(shard))
        position = 0 if beginning else stored.position
        for start in range(0, len(customers), _AT_ONCE):
            at = 0 if start == 0 else position
            some = customers[start : start + _AT_ONCE]
            await target.commit(
                shard, Commit(expected_position=at, position=position, state=stored.state, customers=some)
            )
        indexes = {
            name: [(member, score) for score, member in await source.due(shard, name, math.inf)]
            for name in (DUE_INDEX, *case_indexes())
        }
        await target.commit(
            shard,
            Commit(
                expected_position=position,
                position=position,
                state=stored.state,
                documents=stored.documents,
                indexes={**indexes},
            ),
        )


def _working_days_before(now_ms: int) -> list[int]:
    """Nine o'clock, in ms, of the latest working days that were over by `now_ms`."""
    policies = load_policies()
    zone = ZoneInfo(policies.bank.zone)
    calendar = compiled(policies.calendars["cn"], "cn")
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    worked = (day for day in _days_back(today) if calendar.is_working_day(day))
    return [epoch_ms(datetime(day.year, day.month, day.day, 9, tzinfo=zone)) for day in islice(worked, WORKING_DAYS)]


def _days_back(day: date) -> Iterator[date]:
    while True:
        day -= timedelta(days=1)
        yield day
