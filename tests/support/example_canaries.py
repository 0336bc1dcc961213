"""Examples that speak of customers where they should not, good ones and bad ones, and what a learner makes of them."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from msgspec import Struct, structs

from models.churn_records import Observed, Settled
from models.context import Output, Stream
from models.learner_records import Fate
from streams.cloud_events import cloud_event
from streams.codecs import encode_json
from streams.learner_feed import EXAMPLES_TOPIC
from streams.names import SEQUENCE_HEADER, SHARD_HEADER
from tests.support.canary import AMOUNT, CANARY
from tests.support.churn_stream import body
from tests.unit.models.build import account_closed, balance, complaint, contact, ms, out
from tests.unit.models.churn_ledger import ChurnLedger

SHARDS = 2
CUSTOMERS = 24
DAYS = 10
Headers = list[tuple[str, bytes | None]]
NUMBERED: Headers = [(SHARD_HEADER, b"%d" % SHARDS), (SEQUENCE_HEADER, b"1")]


class Bad(Struct, frozen=True):
    """A record that nobody should have sent, and what becomes of it."""

    body: bytes | None
    fate: Fate
    headers: Headers = []


def life() -> list[Output]:
    """Examples that the fold makes of customers whose every text is a canary: observed, settled and corrected."""
    ledger = ChurnLedger()
    for day in range(DAYS):
        for who in range(CUSTOMERS):
            customer, account = f"{CANARY}-{who}", f"{CANARY}-account-{who}"
            ids = {"customer_id": customer, "account_id": account}
            ledger.see(
                out(ms(day), AMOUNT, event_id=f"{CANARY}-{who}-{day}", **ids),
                balance(ms(day, 1), AMOUNT, **ids),
                contact(ms(day, 2), f"{CANARY}-reason", customer_id=customer, call_id=f"{CANARY}-call"),
            )
            received = complaint(ms(day, 3), "received")
            ledger.see(structs.replace(received, customer_id=customer, case_id=f"{CANARY}-case-{who}-{day}"))
        ledger.tick(ms(day, 4))
    ledger.days(ms(DAYS), 60)
    ledger.see(structs.replace(account_closed(ms(20), f"{CANARY}-account-0"), customer_id=f"{CANARY}-0"))
    ledger.tick(ms(DAYS + 61))
    return [output for output in ledger.outputs if output.stream is Stream.EXAMPLES]


def good(outputs: Iterable[Output], first: int) -> Iterator[tuple[bytes, Headers]]:
    """Records as workers put them out, numbered from `first`, but that somebody has written the customer into each."""
    for number, output in enumerate(outputs, first):
        event: dict[str, Any] = msgspec.json.decode(encode_json(structs.replace(cloud_event(output), subject=CANARY)))
        event = {**event, "bankref": CANARY, "data": {**event["data"], "customer_id": CANARY, "amount": AMOUNT}}
        headers: Headers = [(SHARD_HEADER, b"0"), (SEQUENCE_HEADER, b"%d" % number), ("of", CANARY.encode())]
        yield encode_json(event), headers


def bad(seen: Observed) -> list[Bad]:
    """Whatever can be read of them holds the canary; `seen` has been taken."""
    said, canary = body(structs.replace(seen, observation_id=CANARY)), CANARY.encode()
    outcome = Settled(observation_id=CANARY, at=seen.due, observed_at=seen.at, outcome="left", revision=0)
    known = structs.replace(outcome, observation_id=seen.observation_id)
    strange = structs.replace(seen, observation_id=CANARY, schema=CANARY, tier=CANARY, model_version=CANARY)
    huge = b"9" * 30
    unreadable = [
        None,
        b"\xff" + canary,
        b"no JSON: " + canary,
        b'["%s"]' % canary,
        b"[" * 100_000 + canary,
        b'{"type":"%s","data":{}}' % canary,
        b'{"type":"%s\xff","data":{}}' % canary,
        body(seen).replace(b"example.observed", b"example." + canary),
        said.replace(b'"at":"', b'"at":"' + canary),
        said.replace(b'"score":', b'"score":"%s","was":' % canary),
        said.replace(b'"features":"', b'"features":"!' + canary),
        said.replace(b'"schema_version":1', b'"schema_version":"%s"' % canary),
        said.replace(b'Z","due"', b'","due"'),
        said.replace(b'Z","schema"', b'","schema"'),
        body(known).replace(b'"revision":0', b'"revision":' + huge),
    ]
    repeated = body(seen).replace(b'"data":', b'"of":"%s","data":' % canary)
    misplaced: list[Headers] = [
        [(SHARD_HEADER, canary), (SEQUENCE_HEADER, b"1")],
        [(SHARD_HEADER, b"0"), (SEQUENCE_HEADER, canary)],
        [(SHARD_HEADER, b"\xff" + canary), (canary.decode(), canary)],
        [(SHARD_HEADER, None), (SEQUENCE_HEADER, b"1")],
        [(SHARD_HEADER, b"0"), (SEQUENCE_HEADER, huge)],
        [(SHARD_HEADER, b"-1"), (SEQUENCE_HEADER, huge[:18])],
    ]
    return [
        *(Bad(each, Fate.UNREADABLE) for each in unreadable),
        Bad(said[:-9], Fate.UNREADABLE, NUMBERED),
        Bad(body(strange), Fate.FOREIGN_SCHEMA),
        Bad(body(structs.replace(seen, observation_id=CANARY, features=canary)), Fate.FOREIGN_SCHEMA),
        Bad(body(outcome), Fate.UNKNOWN),
        Bad(body(structs.replace(known, outcome=CANARY)), Fate.REPEATED),
        *(Bad(repeated, Fate.REPEATED, headers) for headers in misplaced),
    ]


def plain(wrong: Iterable[Bad]) -> list[tuple[bytes | None, Headers]]:
    """As they are sent."""
    return [(each.body, each.headers) for each in wrong]


def publish(bootstrap: str, records: Iterable[tuple[bytes | None, Headers]]) -> None:
    """Append in this order, under the canary for a key; returns when the broker has them.

    The client is aiokafka's, which lets a header have no value, as Kafka does.
    """
    asyncio.run(_publish(bootstrap, records))


async def _publish(bootstrap: str, records: Iterable[tuple[bytes | None, Headers]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        for value, headers in records:
            await producer.send(EXAMPLES_TOPIC, value, key=CANARY.encode(), headers=headers, partition=0)
        await producer.flush()


def fates(outputs: Iterable[Output], wrong: Iterable[Bad] = ()) -> Counter[str]:
    """What is to become of all these."""
    found = Counter(str(each.fate) for each in wrong)
    for output in outputs:
        match output.body:
            case Observed():
                found[Fate.OBSERVED.value] += 1
            case Settled(revision=0, outcome=outcome):
                found[outcome] += 1
            case Settled():
                found[Fate.CORRECTED.value] += 1
    return found
