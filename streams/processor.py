"""One micro-batch of one shard: load or cache, fold, one guarded commit.

The store's position is the authority. Records below it are skipped, and a commit that finds the shard moved drops
everything cached of it (`PositionConflict`); the caller goes on from the `position` that the next `open` reports.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from config.policies import Policies
from models.context import ClockEvent, Fate, Output, Reason
from models.customer import Customer, decode_customer, encode_customer
from models.events import LedgerRecord, Tick
from models.pins import UnknownPolicies
from models.scoring_model import Scoring
from models.shard import (
    ShardDocuments,
    ShardFold,
    ShardState,
    decode_documents,
    decode_state,
    encode_documents,
    encode_state,
)
from streams.cloud_events import cloud_event
from streams.codecs import decode_ledger_run
from streams.customer_cache import CustomerCache
from streams.names import DUE_INDEX, STREAM_TOPICS
from streams.promises import Promises, Watched, promises_of
from streams.stores.base import Commit, NewOutput, PositionConflict, Store
from streams.turns import Turns, pieces


class BatchReport(Struct):
    """What one micro-batch did: counts, outputs in order, and seconds spent in each part.

    `clocks`, `used` and `scored` are those of `models.context.Results`, `scoring` is the model in force; `promises` is
    one object until what is promised changes.
    """

    position: int
    records: int
    fates: Counter[Fate]
    decisions: Counter[tuple[str, Reason]]
    outputs: list[Output]
    clocks: Counter[tuple[str, str, ClockEvent]]
    used: list[tuple[str, str, float]]
    promises: Promises
    scored: int
    scoring: Scoring | None
    customers_changed: int
    customers_loaded: int
    load_s: float
    fold_s: float
    commit_s: float


class ShardProcessor:
    """Folds the ledger of one shard into the store, batch by batch."""

    def __init__(
        self,
        store: Store,
        shard: int,
        cache_customers: int = 50_000,
        observe: Callable[[Sequence[LedgerRecord]], None] | None = None,
        turns: Turns | None = None,
    ) -> None:
        """Keep at most about `cache_customers` decoded customers between batches; show each batch to `observe`.

        Shards that share an event loop share `turns`.
        """
        self._store = store
        self._shard = shard
        self._cache = CustomerCache(cache_customers)
        self._observe = observe
        self._turns = turns or Turns()
        self._fold: ShardFold | None = None
        self._position = 0
        self._watched = Watched(Promises(), 0)

    async def open(self) -> int:
        """Take over the shard from the store; the ledger offset to read next.

        What is cached stays where the store has not moved: a position stands for one state, whoever reached it.
        """
        stored = await self._store.open_shard(self._shard)
        if self._fold is not None and stored.position == self._position:
            return self._position
        self._cache.clear()
        self._position = stored.position
        fold = self._fold = ShardFold(
            decode_state(stored.state) if stored.state else ShardState(),
            decode_documents(stored.documents) if stored.documents else ShardDocuments(),
        )
        promises = promises_of(fold.ctx.pins) if fold.ctx is not None else Promises()
        self._watched = Watched(promises, fold.state.clock_ms)
        return self._position

    @property
    def position(self) -> int:
        """The ledger offset to read next."""
        return self._position

    @property
    def clock_ms(self) -> int:
        """The shard's time, as its ticks have told it."""
        return self._fold.state.clock_ms if self._fold is not None else 0

    @property
    def watched(self) -> Watched:
        """What the shard promises, and its time, as last opened or committed: there while a batch is under way too."""
        return self._watched

    @property
    def model_version(self) -> str:
        """The version of the model in force; empty for the cold one."""
        return self._fold.state.model_version if self._fold is not None else ""

    @property
    def policies(self) -> Policies | None:
        """The policies in force; None before the ledger has activated any."""
        ctx = self._fold.ctx if self._fold is not None else None
        return ctx.rules.policies if ctx is not None else None

    @property
    def policy_digest(self) -> str | None:
        """The digest of the policies in force; None before the ledger has activated any."""
        ctx = self._fold.ctx if self._fold is not None else None
        return ctx.rules.digest if ctx is not None else None

    @property
    def is_open(self) -> bool:
        """Whether `process` may be called; after an error `open` must come first."""
        return self._fold is not None

    async def process(self, first_offset: int, bodies: Sequence[bytes], *, over_gap: bool = False) -> BatchReport:
        """Fold consecutive ledger records, the first of which stands at `first_offset`, and commit what changed.

        Records below the position are skipped. Raises `PositionConflict` when another worker has moved the shard, and
        `LookupError` when records between the position and `first_offset` are missing, unless `over_gap` says that
        they are gone for good. Whatever it raises, `open` must come before the next call: nothing was committed, or,
        where a connection broke, the store alone knows.
        """
        fold = self._fold
        if fold is None:
            raise RuntimeError("open the shard first")
        if first_offset > self._position and not over_gap:
            raise LookupError(f"shard {self._shard} expects offset {self._position}, was given {first_offset}")
        if first_offset < self._position:
            bodies = bodies[self._position - first_offset :]
            first_offset = self._position
        self._fold = None  # until committed, the aggregates in memory are ahead of the store
        try:
            report = await self._process(fold, bodies, first_offset + len(bodies))
        except PositionConflict:
            self._cache.clear()
            raise
        self._fold = fold
        return report

    async def _process(self, fold: ShardFold, bodies: Sequence[bytes], next_offset: int) -> BatchReport:
        started_s = time.perf_counter()
        turns = self._turns
        records: list[LedgerRecord] = []
        named: dict[str, None] = {}
        last_tick_ms = 0
        async with turns:
            for piece in pieces(bodies):
                records += decode_ledger_run(piece)
                await turns.pause()
            if self._observe is not None:
                self._observe(records)
            for record in records:
                if record.source:
                    named[record.event.customer_id] = None  # type: ignore[union-attr]
                elif isinstance(record.event, Tick):
                    last_tick_ms = max(last_tick_ms, record.at_ms)
            due = await self._due(last_tick_ms) if last_tick_ms else []
            for _, customer_id in due:
                named[customer_id] = None
            decoded_s = time.perf_counter()
            customers, loaded = await self._load(named)
            loaded_s = time.perf_counter()
            fold.begin(customers, due)
            try:
                for records_piece in pieces(records):
                    for _ in fold.steps(records_piece):
                        await turns.pause()
                    await turns.pause()
            except UnknownPolicies:
                # Customers are read after the shard: another worker may have moved both in between.
                async with turns.away():
                    actual = (await self._store.open_shard(self._shard)).position
                if actual == self._position:
                    raise
                raise PositionConflict(self._shard, self._position, actual) from None
            results = fold.take()
            changed = fold.changed
            encoded = await self._encoded(changed)
            commit = self._commit_of(fold, next_offset, changed, encoded, results.outputs, results.rankings)
        folded_s = time.perf_counter()
        await self._store.commit(self._shard, commit)
        committed_s = time.perf_counter()

        self._position = commit.position
        self._cache.keep(customers)
        promises = self._watched.promises
        if commit.documents is not None and fold.ctx is not None:
            promises = promises_of(fold.ctx.pins)
        self._watched = Watched(promises, fold.state.clock_ms)
        return BatchReport(
            position=commit.position,
            records=len(bodies),
            fates=results.fates,
            decisions=results.decisions,
            outputs=results.outputs,
            clocks=results.clocks,
            used=results.used,
            promises=promises,
            scored=results.scored,
            scoring=fold.ctx.scoring if fold.ctx is not None else None,
            customers_changed=len(commit.customers),
            customers_loaded=loaded,
            load_s=loaded_s - decoded_s,
            fold_s=folded_s - loaded_s + decoded_s - started_s,
            commit_s=committed_s - folded_s,
        )

    async def _due(self, until_ms: int) -> list[tuple[int, str]]:
        async with self._turns.away():
            stored_due = await self._store.due(self._shard, DUE_INDEX, until_ms)
        return [(int(due_ms), customer_id) for due_ms, customer_id in stored_due]

    async def _load(self, named: dict[str, None]) -> tuple[dict[str, Customer], int]:
        customers: dict[str, Customer] = {}
        missing: list[str] = []
        for customer_id in named:
            cached = self._cache.get(customer_id)
            if cached is None:
                missing.append(customer_id)
            else:
                customers[customer_id] = cached
        if missing:
            async with self._turns.away():
                bodies = await self._store.load(self._shard, missing)
            for customer_id, body in zip(missing, bodies, strict=True):
                if body is not None:
                    customers[customer_id] = decode_customer(body)
        return customers, len(missing)

    async def _encoded(self, changed: dict[str, Customer]) -> list[tuple[str, bytes]]:
        encoded: list[tuple[str, bytes]] = []
        for piece in pieces(sorted(changed)):
            encoded += [(customer_id, encode_customer(changed[customer_id])) for customer_id in piece]
            await self._turns.pause()
        return encoded

    def _commit_of(
        self,
        fold: ShardFold,
        next_offset: int,
        changed: dict[str, Customer],
        encoded: list[tuple[str, bytes]],
        outputs: list[Output],
        rankings: dict[tuple[str, str], float | None],
    ) -> Commit:
        due_changes: list[tuple[str, float | None]] = [
            (customer_id, float(customer.due_ms) if customer.due_ms else None)
            for customer_id, customer in changed.items()
            if customer.due_ms != fold.due_before[customer_id]
        ]
        indexes: dict[str, list[tuple[str, float | None]]] = {}
        if due_changes:
            indexes[DUE_INDEX] = due_changes
        for (index, member), score in rankings.items():
            indexes.setdefault(index, []).append((member, score))
        return Commit(
            expected_position=self._position,
            position=next_offset,
            state=encode_state(fold.state),
            documents=encode_documents(fold.documents) if fold.documents_changed else None,
            customers=encoded,
            indexes={**indexes},
            outputs=[_outgoing(output) for output in outputs],
        )


def _outgoing(output: Output) -> NewOutput:
    return NewOutput(
        topic=STREAM_TOPICS[output.stream],
        key=output.key,
        output_id=output.output_id,
        body=msgspec.json.encode(cloud_event(output)),
    )
