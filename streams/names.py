"""Durable names in one place: topics, stored keys and feeds. None is ever reused for something else."""

from typing import Final

from models.context import Stream

EVENTS_TOPIC: Final = "ebbwatch.events"
"""The ledger: every accepted event and every control record, keyed by customer id."""
DEAD_LETTERS_TOPIC: Final = "ebbwatch.dead-letters"
"""What was refused, with the reason, the original bytes and where it came from."""

STREAM_TOPICS: Final[dict[Stream, str]] = {
    Stream.ALERTS: "ebbwatch.alerts",
    Stream.CASES: "ebbwatch.cases",
    Stream.SCORES: "ebbwatch.scores",
    Stream.EXAMPLES: "ebbwatch.examples",
}
"""The topic of each stream of outputs."""

ONE_PARTITION_TOPICS: Final = frozenset({STREAM_TOPICS[Stream.EXAMPLES]})
"""Topics whose records have one order, whichever shard they come from: what is learnt depends on it."""

SEQUENCE_HEADER: Final = "ebbwatch-sequence"
"""Kafka header of every output: its number within its shard, which is the partition where there are several."""
SHARD_HEADER: Final = "ebbwatch-shard"
"""Kafka header of outputs in topics of one partition: the shard that they are of."""

REDRIVEN_HEADER: Final = "ebbwatch-redriven-from"
"""Kafka header of a feed record that was a dead letter before: the id of that."""

FEED_TOPICS: Final[dict[str, str]] = {
    "transactions": "bank.transactions",
    "logins": "bank.logins",
    "calls": "bank.calls",
    "complaints": "bank.complaints",
    "customers": "bank.customers",
}
"""The topic of each feed of the bank."""

DUE_INDEX: Final = "due"
"""Sorted index of a shard: customers by the time, in ms, at which they next need a tick."""

REDIS_SHARD_KEY: Final = "ebbwatch:{%d}:shard"
REDIS_CUSTOMERS_KEY: Final = "ebbwatch:{%d}:customers"
REDIS_OUTBOX_KEY: Final = "ebbwatch:{%d}:outbox"
REDIS_INDEX_KEY: Final = "ebbwatch:{%d}:index:%s"
"""Keys of one shard; a cluster keeps in one place what has the same number between braces."""

LEDGER_FILE: Final = "ledger.sqlite3"
STATE_FILE: Final = "state.sqlite3"
"""The files of an embedded run's data directory."""

NOTIFIER_FILE: Final = "notifier.sqlite3"
"""The file of a notifier's data directory: what is still to be delivered, and how far the alerts have been taken."""
NOTIFIER_GROUP: Final = "%s-notifier"
"""Consumer group under which a notifier says how far it has come; `%s` is the group of the workers."""

LEARNER_FILE: Final = "learner.sqlite3"
"""The file of a learner: what has been learnt and published, and how far the examples have been taken."""
