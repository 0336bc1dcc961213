"""Features of a tick of customers, decoded already: what one customer costs, as one line of JSON.

Customers have 50 events of one month behind them, and most did nothing on the last day, so that the window of
their flows is behind and has to be moved: that costs more than a customer who was active today.
"""

import json
import statistics
import time

from benchmarks.fold_rate import ledger_records
from benchmarks.measure import arguments_on_one_core
from config.policies import load_policies
from models.customer import Customer, decode_customer, encode_customer
from models.feature_list import SENSITIVE_SET
from models.features import feature_matrix
from models.rules import Rules
from models.shard import ShardDocuments, ShardFold, ShardState
from streams.codecs import decode_ledger_run


def main() -> None:
    """Print the median and the best µs a customer, of CPU time: the machine may be shared."""
    arguments = {"customers": 1_000, "events": 50_000, "seed": 1, "rounds": 100} | arguments_on_one_core()
    customers = folded(arguments["customers"], arguments["events"], arguments["seed"])
    rules, at_ms = Rules(load_policies()), max(customer.last_ms for customer in customers) + 1_000
    rounds = []
    for _ in range(arguments["rounds"]):
        started_ns = time.process_time_ns()
        matrix = feature_matrix(customers, at_ms, rules, SENSITIVE_SET)
        rounds.append((time.process_time_ns() - started_ns) / 1000 / len(customers))
    figures = {"median": round(statistics.median(rounds), 2), "best": round(min(rounds), 2)}
    shape = {"customers": len(customers), "features": matrix.shape[1]}
    print(
        json.dumps(
            {"features_us_a_customer": figures["median"], "features_us_a_customer_best": figures["best"], **shape}
        )
    )


def folded(customers: int, events: int, seed: int) -> list[Customer]:
    """Customers as a store returns them once their events have been folded."""
    fold = ShardFold(ShardState(), ShardDocuments())
    fold.begin({}, [])
    fold.apply_run(decode_ledger_run(ledger_records(customers, events, seed)))
    return [decode_customer(encode_customer(customer)) for customer in fold.changed.values()]


if __name__ == "__main__":
    main()
