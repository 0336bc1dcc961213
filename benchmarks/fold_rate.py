"""Decode + fold of ledger records, with both rules, from memory to memory; nobody is scored."""

import json
import time

from benchmarks.measure import arguments_on_one_core
from benchmarks.policies import policies_of
from benchmarks.workload import events
from models.customer import Customer
from models.events import Tick, epoch_ms
from models.shard import ShardDocuments, ShardFold, ShardState
from streams.codecs import decode_ledger_run, encode_control_record, encode_event_record, encode_policies_record
from streams.garbage import tune_garbage_collection

_TICK_MS = 60_000


def ledger_records(customers: int, count: int, seed: int) -> list[bytes]:
    """A shard's ledger: the policies, without the score, then events with a tick each minute of their time."""
    records = [encode_policies_record(policies_of(scores=False), 0)]
    clock_ms = 0
    for offset, event in enumerate(events(customers, count, seed)):
        at_ms = epoch_ms(event.occurred_at)
        if at_ms // _TICK_MS * _TICK_MS > clock_ms:
            clock_ms = at_ms // _TICK_MS * _TICK_MS
            records.append(encode_control_record(Tick(at=event.occurred_at), clock_ms))
        records.append(encode_event_record(event, at_ms, "feed:bench", offset))  # type: ignore[arg-type]
    return records


def main() -> None:
    """Print the seconds that each round took."""
    arguments = arguments_on_one_core()
    count = arguments["events"]
    records = ledger_records(arguments["customers"], count, arguments["seed"])
    tune_garbage_collection()
    rounds = []
    alerts = 0
    for _ in range(arguments["rounds"]):
        customers: dict[str, Customer] = {}
        fold = ShardFold(ShardState(), ShardDocuments())
        due: dict[str, int] = {}
        alerts = 0
        started_s = time.perf_counter()
        for start in range(0, len(records), arguments["batch"]):
            for name, customer in fold.changed.items():
                due[name] = customer.due_ms
            fold.begin(customers, [(due_ms, name) for name, due_ms in due.items() if due_ms])
            fold.apply_run(decode_ledger_run(records[start : start + arguments["batch"]]))
            alerts += len(fold.take().outputs)
        rounds.append(time.perf_counter() - started_s)
    print(json.dumps({"seconds": rounds, "alerts": alerts, "records": len(records)}))


if __name__ == "__main__":
    main()
