"""What `streams.stores.base.Store` promises, held against every implementation.

To add one: write a `Backing` that opens stores over the same data, and name it in `BACKINGS`.
"""

import math
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar, overload

import pytest

from config.settings import StoreSettings
from streams.stores import sqlite as sqlite_module
from streams.stores.base import Commit, NewOutput, PositionConflict, Store, StoredShard, StoreError
from streams.stores.memory import MemoryStore
from streams.stores.redis import open_redis_store
from streams.stores.sqlite import SqliteStore

T = TypeVar("T")


class Backing(Protocol):
    """Where a store keeps its data."""

    def open(self) -> Store:
        """A store over the data; again and again over the same."""
        ...


class InMemory:
    """The data die with the store: opening it again gives the same one."""

    def __init__(self) -> None:
        self._store = MemoryStore()

    def open(self) -> Store:
        return self._store


class InFile:
    """Each store is another connection to one file."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "state.sqlite3"
        self.opened: list[SqliteStore] = []

    def open(self) -> SqliteStore:
        store = SqliteStore(self.path)
        self.opened.append(store)
        return store


class InRedis:
    """Each store is another client of one Redis."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings

    def open(self) -> Store:
        return open_redis_store(self._settings)


BACKINGS: dict[str, Callable[[pytest.FixtureRequest], Backing]] = {
    "memory": lambda request: InMemory(),
    "sqlite": lambda request: InFile(request.getfixturevalue("tmp_path")),
    "redis": lambda request: InRedis(request.getfixturevalue("redis_server").settings()),
    "redis cluster": lambda request: InRedis(request.getfixturevalue("redis_cluster").settings()),
    "redis with TLS and ACL": lambda request: InRedis(request.getfixturevalue("secure_redis").worker_settings()),
}


class Closing:
    """Closes with the test what was opened in it."""

    def __init__(self, backing: Backing) -> None:
        self._backing = backing
        self._opened: list[Store] = []

    def open(self) -> Store:
        store = self._backing.open()
        self._opened.append(store)
        return store

    async def close(self) -> None:
        for store in self._opened:
            await store.close()


@pytest.fixture(params=sorted(BACKINGS))
async def backing(request: pytest.FixtureRequest) -> AsyncIterator[Backing]:
    backing = Closing(BACKINGS[request.param](request))
    yield backing
    await backing.close()


@pytest.fixture
def store(backing: Backing) -> Store:
    return backing.open()


@pytest.fixture
def file(tmp_path: Path) -> InFile:
    return InFile(tmp_path)


class Struck(RuntimeError):
    """The error that strikes in the middle of a commit."""


class StrikesAfter(Sequence[T]):
    """A sequence whose items end in an error."""

    def __init__(self, *items: T) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items) + 1

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        raise Struck

    def __iter__(self) -> Iterator[T]:
        yield from self._items
        raise Struck


def output(name: str, topic: str = "ebbwatch.alerts") -> NewOutput:
    return NewOutput(topic, f"key-{name}", f"id-{name}", b'{"name":"%s"}' % name.encode())


def full(expected: int = 0, position: int = 10, tag: str = "a") -> Commit:
    """A commit that touches everything there is."""
    return Commit(
        expected_position=expected,
        position=position,
        state=f"state-{tag}".encode(),
        documents=f"documents-{tag}".encode(),
        customers=[("c1", f"one-{tag}".encode()), ("c2", f"two-{tag}".encode())],
        indexes={"due": [("c1", 5.0), ("c2", 7.0)], "rank": [("c1", 1.0)]},
        outputs=[output(f"{tag}1"), output(f"{tag}2")],
    )


async def everything(store: Store, shard: int = 0) -> object:
    """All that a store tells of a shard."""
    return (
        await store.open_shard(shard),
        await store.load(shard, ["c1", "c2", "c3"]),
        await store.due(shard, "due", 1e18),
        await store.due(shard, "rank", 1e18),
        await store.outbox(shard, 1000),
    )


# --- positions --------------------------------------------------------------------------------------


async def test_a_shard_begins_at_nothing(store: Store) -> None:
    """A shard that was never committed stands at 0, without state, documents, customers, deadlines or outputs."""
    assert await store.open_shard(3) == StoredShard(0, b"", b"")
    assert await store.load(3, ["c1"]) == [None]
    assert await store.load(3, []) == []
    assert await store.due(3, "due", 1e18) == []
    assert await store.count(3, "due", math.inf) == 0
    assert await store.top(3, "rank", 5) == []
    assert await store.outbox(3, 5) == []


async def test_a_commit_moves_everything(store: Store) -> None:
    """Position, state, documents, customers, indexes and outbox are all there after a commit."""
    await store.commit(0, full())

    assert await store.open_shard(0) == StoredShard(10, b"state-a", b"documents-a")
    assert await store.load(0, ["c1", "c2"]) == [b"one-a", b"two-a"]
    assert await store.due(0, "due", 1e18) == [(5.0, "c1"), (7.0, "c2")]
    assert await store.top(0, "rank", 5) == [(1.0, "c1")]
    assert [
        (entry.sequence, entry.topic, entry.key, entry.output_id, entry.body) for entry in await store.outbox(0, 5)
    ] == [
        (1, "ebbwatch.alerts", "key-a1", "id-a1", b'{"name":"a1"}'),
        (2, "ebbwatch.alerts", "key-a2", "id-a2", b'{"name":"a2"}'),
    ]


async def test_commits_follow_each_other(store: Store) -> None:
    """A later commit overwrites what it names and leaves the rest."""
    await store.commit(0, full())
    await store.commit(0, Commit(expected_position=10, position=11, state=b"later", customers=[("c2", b"new")]))

    assert await store.open_shard(0) == StoredShard(11, b"later", b"documents-a")
    assert await store.load(0, ["c1", "c2"]) == [b"one-a", b"new"]
    assert await store.due(0, "due", 1e18) == [(5.0, "c1"), (7.0, "c2")]
    assert len(await store.outbox(0, 5)) == 2


async def test_an_empty_commit_moves_the_position(store: Store) -> None:
    """A batch that changed nobody still moves the shard."""
    await store.commit(0, Commit(expected_position=0, position=4, state=b""))

    assert await store.open_shard(0) == StoredShard(4, b"", b"")


async def test_a_commit_may_stand_still(store: Store) -> None:
    """A batch without records commits at the position it found."""
    await store.commit(0, full())
    await store.commit(0, Commit(expected_position=10, position=10, state=b"same"))

    assert await store.open_shard(0) == StoredShard(10, b"same", b"documents-a")


@pytest.mark.parametrize("expected", [0, 9, 11])
async def test_a_conflict_changes_nothing(store: Store, expected: int) -> None:
    """A commit that believed in another position is refused, names both, and leaves everything as it was."""
    await store.commit(0, full())
    before = await everything(store)

    with pytest.raises(PositionConflict) as conflict:
        await store.commit(0, full(expected, 99, "b"))

    assert (conflict.value.shard, conflict.value.expected, conflict.value.actual) == (0, expected, 10)
    assert await everything(store) == before
    await store.commit(0, full(10, 20, "c"))
    assert [entry.sequence for entry in await store.outbox(0, 9)] == [1, 2, 3, 4]


async def test_a_shard_never_committed_refuses_another_position(store: Store) -> None:
    """Whoever believes that a new shard stands elsewhere is refused too."""
    with pytest.raises(PositionConflict):
        await store.commit(0, full(expected=1))

    assert await store.open_shard(0) == StoredShard(0, b"", b"")


async def test_of_two_workers_only_one_commits(backing: Backing) -> None:
    """Two stores over the same data: the second commit from the same position is refused."""
    ours, theirs = backing.open(), backing.open()
    assert await ours.open_shard(0) == await theirs.open_shard(0)

    await ours.commit(0, full(tag="ours"))
    with pytest.raises(PositionConflict):
        await theirs.commit(0, full(tag="theirs"))

    assert await theirs.load(0, ["c1"]) == [b"one-ours"]


# --- documents ------------------------------------------------------------------------------------------


def moving(position: int, documents: bytes | None) -> Commit:
    """A commit one further than `position`, with `documents` or without."""
    return Commit(expected_position=position, position=position + 1, state=b"s%d" % position, documents=documents)


async def test_documents_stay_until_they_are_replaced(backing: Backing) -> None:
    """A commit without documents leaves them as they are, one with others replaces them, in every store over the data.

    Documents may come with any commit, also later than the first, and may become empty again.
    """
    store = backing.open()
    seen = []
    large = bytes(range(256)) * 100
    for position, documents in enumerate([None, large, None, None, b"\0other", None, b"", None]):
        await store.commit(0, moving(position, documents))
        stored = await backing.open().open_shard(0)
        assert (stored.position, stored.state) == (position + 1, b"s%d" % position)
        seen.append(stored.documents)

    assert seen == [b"", large, large, large, b"\0other", b"\0other", b"", b""]


async def test_documents_of_a_refused_commit_are_not_kept(store: Store) -> None:
    """The documents that a worker brought too late are not those that another one decides by."""
    await store.commit(0, moving(0, b"in force"))
    for expected in (0, 2):
        with pytest.raises(PositionConflict):
            await store.commit(0, moving(expected, b"too late"))
        assert await store.open_shard(0) == StoredShard(1, b"s0", b"in force")

    await store.commit(0, moving(1, None))
    assert (await store.open_shard(0)).documents == b"in force"


async def test_each_shard_has_its_documents(store: Store) -> None:
    """Policies are activated shard by shard."""
    await store.commit(0, moving(0, b"zero"))
    await store.commit(7, moving(0, b"seven"))
    await store.commit(7, moving(1, b"seven's new"))

    assert [(await store.open_shard(shard)).documents for shard in (0, 1, 7)] == [b"zero", b"", b"seven's new"]


# --- all or nothing -----------------------------------------------------------------------------------


def struck_commits() -> dict[str, Commit]:
    """Commits into each part of which an error strikes, after its first item."""
    in_customers = full(10, 20, "b")
    in_customers.customers = StrikesAfter(("c1", b"half"))
    in_indexes = full(10, 20, "b")
    in_indexes.indexes = {"due": [("c1", 99.0)], "rank": StrikesAfter(("c2", 2.0))}
    in_outputs = full(10, 20, "b")
    in_outputs.outputs = StrikesAfter(output("half"))
    return {"customers": in_customers, "indexes": in_indexes, "outputs": in_outputs}


@pytest.mark.parametrize("part", sorted(struck_commits()))
async def test_an_error_in_the_middle_of_a_commit_leaves_nothing_behind(store: Store, part: str) -> None:
    """Whatever part of a commit fails, none of it is kept, and the store goes on working."""
    await store.commit(0, full())
    before = await everything(store)

    with pytest.raises(Struck):
        await store.commit(0, struck_commits()[part])

    assert await everything(store) == before
    await store.commit(0, full(10, 20, "c"))
    assert [entry.output_id for entry in await store.outbox(0, 9)] == ["id-a1", "id-a2", "id-c1", "id-c2"]


async def test_a_store_that_is_as_it_should_be(store: Store) -> None:
    """Nothing is wrong with any of these, and there is nothing to be said about them."""
    assert await store.check() == []


# --- customers ------------------------------------------------------------------------------------------


async def test_customers_come_in_the_order_asked_for(store: Store) -> None:
    """Loading keeps the order, tells unknown ids apart, and answers twice for an id asked twice."""
    await store.commit(0, full())

    assert await store.load(0, ["c2", "nobody", "c1", "c2", ""]) == [b"two-a", None, b"one-a", b"two-a", None]


async def test_the_last_of_two_bodies_counts(store: Store) -> None:
    """A customer that a commit names twice is what it was named last."""
    await store.commit(0, Commit(expected_position=0, position=1, state=b"", customers=[("c", b"1"), ("c", b"2")]))

    assert await store.load(0, ["c"]) == [b"2"]


async def test_bodies_are_bytes(store: Store) -> None:
    """Any bytes come back, also none and zeros."""
    bodies = [b"", b"\0", bytes(range(256)) * 20]
    customers = [(str(number), body) for number, body in enumerate(bodies)]
    await store.commit(0, Commit(expected_position=0, position=1, state=b"\0\xff", customers=customers))

    assert await store.load(0, ["0", "1", "2"]) == bodies
    assert (await store.open_shard(0)).state == b"\0\xff"


ODD_IDS = [
    "客户-7",
    "é",
    "e\u0301",  # looks the same, is another
    "E",
    "e",
    "🏦" * 32,
    "x" * 128,
    "x" * 127 + "y",
    " ",
    " a",
    "a ",
    "'; DROP TABLE customers; --",
    '"quoted\\',
    "line\nbreak",
    "nul\0inside",
    "nul\0other",
    "nul",
    "\\u0000",
    "\x7f\x1b[31m",
    "1",
    "01",
    "1.0",
    "null",
]


async def test_every_id_is_its_own(store: Store) -> None:
    """Ids of any script, length and content are kept apart: as customers, as members and as keys."""
    customers = [(name, str(number).encode()) for number, name in enumerate(ODD_IDS)]
    members = [(name, float(number)) for number, name in enumerate(ODD_IDS)]
    outputs = [NewOutput("t", name, name, b"{}") for name in ODD_IDS]
    await store.commit(
        0,
        Commit(
            expected_position=0,
            position=1,
            state=b"",
            customers=customers,
            indexes={"due": members},
            outputs=outputs,
        ),
    )

    assert await store.load(0, ODD_IDS) == [body for _, body in customers]
    assert await store.due(0, "due", 1e9) == [(score, member) for member, score in members]
    assert [entry.key for entry in await store.outbox(0, 100)] == ODD_IDS
    await store.commit(0, Commit(expected_position=1, position=2, state=b"", customers=[("nul\0inside", b"new")]))
    assert await store.load(0, ["nul\0inside", "nul\0other", "nul"]) == [b"new", b"15", b"16"]


async def test_large_batches(store: Store) -> None:
    """20,000 customers go and come in one commit and one load, and again when they change."""
    ids = [f"customer-{number:05d}" for number in range(20_000)]
    await store.commit(
        0,
        Commit(
            expected_position=0,
            position=1,
            state=b"",
            customers=[(customer_id, customer_id.encode()) for customer_id in ids],
            indexes={"due": [(customer_id, float(number)) for number, customer_id in enumerate(ids)]},
            outputs=[NewOutput("t", customer_id, customer_id, b"{}") for customer_id in ids],
        ),
    )
    assert await store.load(0, ids) == [customer_id.encode() for customer_id in ids]
    assert len(await store.due(0, "due", 9_999.0)) == 10_000

    await store.commit(
        0,
        Commit(
            expected_position=1,
            position=2,
            state=b"",
            customers=[(customer_id, b"changed") for customer_id in reversed(ids)],
            indexes={"due": [(customer_id, None) for customer_id in ids[:-1]]},
        ),
    )
    assert set(await store.load(0, ids)) == {b"changed"}
    assert await store.due(0, "due", 1e9) == [(19_999.0, ids[-1])]
    assert [entry.sequence for entry in await store.outbox(0, 20_001)] == list(range(1, 20_001))


# --- sorted indexes ---------------------------------------------------------------------------------------


async def indexed(store: Store, *members: tuple[str, float | None], expected: int = 0, name: str = "due") -> None:
    await store.commit(
        0, Commit(expected_position=expected, position=expected + 1, state=b"", indexes={name: list(members)})
    )


async def test_due_is_up_to_and_including(store: Store) -> None:
    """A member whose score is exactly the limit is due, one a millisecond later is not."""
    await indexed(store, ("at", 1_770_000_000_000.0), ("after", 1_770_000_000_001.0))

    assert await store.due(0, "due", 1_769_999_999_999) == []
    assert await store.due(0, "due", 1_770_000_000_000) == [(1_770_000_000_000.0, "at")]


async def test_due_is_in_order(store: Store) -> None:
    """Members come by score, and by name where scores are equal."""
    await indexed(store, ("c", 2.0), ("b", 2.0), ("z", 1.0), ("a", 3.0), ("B", 2.0), ("é", 2.0))

    assert await store.due(0, "due", 3.0) == [(1.0, "z"), (2.0, "B"), (2.0, "b"), (2.0, "c"), (2.0, "é"), (3.0, "a")]


async def test_a_member_has_one_score(store: Store) -> None:
    """A new score takes the place of the old one."""
    await indexed(store, ("a", 1.0), ("b", 2.0))
    await indexed(store, ("a", 3.0), expected=1)

    assert await store.due(0, "due", 9.0) == [(2.0, "b"), (3.0, "a")]


async def test_none_removes(store: Store) -> None:
    """A score of None takes a member out; taking out whom nobody knows is no error."""
    await indexed(store, ("a", 1.0), ("b", 2.0))
    await indexed(store, ("a", None), ("nobody", None), expected=1)

    assert await store.due(0, "due", 9.0) == [(2.0, "b")]
    await indexed(store, ("a", 4.0), expected=2)
    assert await store.due(0, "due", 9.0) == [(2.0, "b"), (4.0, "a")]


async def test_the_last_move_of_a_member_counts(store: Store) -> None:
    """A member that one commit moves twice stands where it was moved last."""
    await indexed(store, ("a", 1.0), ("a", 2.0), ("b", 1.0), ("b", None), ("c", None), ("c", 3.0))

    assert await store.due(0, "due", 9.0) == [(2.0, "a"), (3.0, "c")]


async def test_top_is_highest_first(store: Store) -> None:
    """The highest scores come first, ties by name, cut within a tie too."""
    await indexed(store, ("b", 2.0), ("a", 2.0), ("c", 3.0), ("low", -1.0), ("d", 2.0), name="rank")

    assert await store.top(0, "rank", 3) == [(3.0, "c"), (2.0, "a"), (2.0, "b")]
    assert await store.top(0, "rank", 99) == [(3.0, "c"), (2.0, "a"), (2.0, "b"), (2.0, "d"), (-1.0, "low")]
    assert await store.top(0, "rank", 0) == []


async def test_indexes_know_nothing_of_each_other(store: Store) -> None:
    """The same member may stand in many indexes."""
    await store.commit(
        0,
        Commit(expected_position=0, position=1, state=b"", indexes={"due": [("a", 1.0)], "rank": [("a", 2.0)]}),
    )
    await indexed(store, ("a", None), expected=1)

    assert await store.due(0, "due", 9.0) == []
    assert await store.due(0, "rank", 9.0) == [(2.0, "a")]


async def test_scores_keep_their_precision(store: Store) -> None:
    """Fractions, negatives and the largest whole numbers that a float holds come back as they were."""
    scores = [-0.5, 0.1 + 0.2, 1.5, float(2**53 - 1), float(2**53)]
    await indexed(store, *((str(number), score) for number, score in enumerate(scores)))

    assert [score for score, _ in await store.due(0, "due", 1e17)] == scores


ODD_NAMES = [
    "due",
    "sla:care:response",
    "sla:care",
    "sla",
    "sla:care:response:",
    "SLA:care",
    "客户",
    "{1}",
    "%s",
    "a b",
    ":",
]


async def test_every_index_is_its_own(store: Store) -> None:
    """Whatever an index is called, and whatever its members are called, it is kept apart from every other."""
    members = {name: [(f"c1/{name}", float(number)), ("c2/case:7", -1.0)] for number, name in enumerate(ODD_NAMES)}
    await store.commit(0, Commit(expected_position=0, position=1, state=b"", indexes={**members}))
    await indexed(store, ("c2/case:7", None), expected=1, name="sla:care:response")

    for number, name in enumerate(ODD_NAMES):
        left = [(float(number), f"c1/{name}")]
        assert await store.due(0, name, 1e9) == (left if name == "sla:care:response" else [(-1.0, "c2/case:7"), *left])
        assert await store.top(0, name, 1) == left
        assert await store.count(0, name, 1e9) == (1 if name == "sla:care:response" else 2)


async def test_counting_is_up_to_and_including(store: Store) -> None:
    """As many are counted as are due at the limit; without a limit, as many as there are; in this shard alone."""
    due_ms = 1_770_000_000_000
    members = [(f"c{number}", float(due_ms + number)) for number in range(5)]
    await indexed(store, *members, ("early", -3.5), ("late", 1e18), name="sla:care:response")
    await store.commit(1, Commit(expected_position=0, position=1, state=b"", indexes={"sla:care:response": members}))

    limits = (-math.inf, -4.0, -3.5, due_ms - 1, due_ms, due_ms + 2, 1e18, math.inf)
    assert [await store.count(0, "sla:care:response", until) for until in limits] == [0, 0, 1, 1, 2, 4, 7, 7]
    assert [len(await store.due(0, "sla:care:response", until)) for until in limits] == [0, 0, 1, 1, 2, 4, 7, 7]
    assert await store.count(1, "sla:care:response", math.inf) == 5
    assert await store.count(0, "sla:care", math.inf) == 0
    await indexed(store, ("late", None), ("c0", None), ("c0", 1e18), expected=1, name="sla:care:response")
    assert await store.count(0, "sla:care:response", math.inf) == 6


async def test_many_counts_are_the_single_ones(store: Store) -> None:
    """Each question gets the answer that `count` gives, in the order asked, however often an index is asked about."""
    members = [(f"c{number}", float(number)) for number in range(9)]
    await store.commit(
        0,
        Commit(
            expected_position=0, position=1, state=b"", indexes={"sla:care:response": members, "cases:{1}": members}
        ),
    )
    await store.commit(1, Commit(expected_position=0, position=1, state=b"", indexes={"cases:crm": members[:2]}))
    asked = [
        (index, until)
        for until in (math.inf, 3.0, -1.5, -math.inf)
        for index in ("sla:care:response", "cases:{1}", "cases:crm", "never written")
    ]

    assert await store.counts(0, asked) == [await store.count(0, index, until) for index, until in asked]
    assert await store.counts(0, asked) == [9, 9, 0, 0, 4, 4, 0, 0, *[0] * 8]
    assert await store.counts(1, asked[:3]) == [0, 0, 2]
    assert await store.counts(0, []) == []
    assert await store.counts(0, [("cases:{1}", 4.0)] * 2000) == [5] * 2000


# --- outbox ---------------------------------------------------------------------------------------------------


async def test_sequences_are_consecutive(store: Store) -> None:
    """Outputs count from 1, in the order given, over commits."""
    for start in range(0, 9, 3):
        outputs = [output(str(number), topic=f"topic-{number % 2}") for number in range(start, start + 3)]
        await store.commit(0, Commit(expected_position=start, position=start + 3, state=b"", outputs=outputs))

    waiting = await store.outbox(0, 100)
    assert [entry.sequence for entry in waiting] == list(range(1, 10))
    assert [entry.output_id for entry in waiting] == [f"id-{number}" for number in range(9)]


async def test_the_outbox_gives_the_oldest(store: Store) -> None:
    """A limit cuts off the youngest, and reading forgets nothing."""
    await store.commit(0, full())

    assert [entry.sequence for entry in await store.outbox(0, 1)] == [1]
    assert [entry.sequence for entry in await store.outbox(0, 1)] == [1]
    assert await store.outbox(0, 0) == []


async def test_clearing_is_up_to_and_including(store: Store) -> None:
    """What stands behind the cleared sequence stays."""
    await store.commit(0, full())
    await store.commit(0, full(10, 20, "b"))

    await store.clear_outbox(0, 3)
    assert [entry.sequence for entry in await store.outbox(0, 9)] == [4]
    await store.clear_outbox(0, 1)
    assert [entry.sequence for entry in await store.outbox(0, 9)] == [4]


async def test_the_depth_of_an_outbox_is_what_waits_in_it(store: Store) -> None:
    """Each shard for itself: grown by commits, shrunk by clearing, none where nothing was ever committed."""
    assert await store.outbox_depth(0) == 0
    await store.commit(0, full())
    await store.commit(0, full(10, 20, "b"))
    assert [await store.outbox_depth(shard) for shard in (0, 1)] == [4, 0]
    await store.clear_outbox(0, 3)
    assert await store.outbox_depth(0) == 1
    await store.clear_outbox(0, 4)
    assert await store.outbox_depth(0) == 0


async def test_sequences_go_on_after_clearing(backing: Backing) -> None:
    """A number is never given twice, also when all is delivered and the store was opened anew."""
    store = backing.open()
    await store.commit(0, full())
    await store.clear_outbox(0, 2)
    await store.commit(0, full(10, 20, "b"))
    await store.clear_outbox(0, 4)
    await store.close()

    store = backing.open()
    assert await store.outbox(0, 9) == []
    await store.commit(0, full(20, 30, "c"))
    assert [entry.sequence for entry in await store.outbox(0, 9)] == [5, 6]


# --- shards ----------------------------------------------------------------------------------------------------


async def test_shards_know_nothing_of_each_other(store: Store) -> None:
    """The same customers, members and sequences live in every shard by themselves."""
    await store.commit(0, full(tag="zero"))
    before = await everything(store, 0)
    await store.commit(7, full(tag="seven"))
    await store.commit(
        7, Commit(expected_position=10, position=11, state=b"", indexes={"due": [("c1", None), ("c2", 1.0)]})
    )
    await store.clear_outbox(7, 99)

    assert await everything(store, 0) == before
    assert await store.load(7, ["c1"]) == [b"one-seven"]
    assert await store.due(7, "due", 9.0) == [(1.0, "c2")]
    assert await store.outbox(7, 9) == []
    assert await store.load(1, ["c1"]) == [None]


# --- the file alone ------------------------------------------------------------------------------------------------


async def test_reopening_keeps_everything(file: InFile) -> None:
    """What was committed is there after the store was closed, and after it was not."""
    store = file.open()
    await store.commit(0, full())
    before = await everything(store)
    assert await everything(file.open()) == before

    await store.close()
    assert await everything(file.open()) == before


async def test_one_reads_while_another_writes(file: InFile) -> None:
    """A reader in the middle of a read neither blocks a commit nor sees half of one."""
    store, other = file.open(), file.open()
    await store.commit(0, full())
    reading = store.customers_of(0)
    first = next(reading)

    await other.commit(0, full(10, 20, "b"))

    assert sorted([first, *reading]) == [("c1", b"one-a"), ("c2", b"two-a")]
    assert await store.load(0, ["c1"]) == [b"one-b"]
    assert store.customer_count(0) == 2


@pytest.mark.parametrize("other", [1, sqlite_module.FORMAT + 1])
async def test_another_format_is_refused(file: InFile, other: int) -> None:
    """A file that an earlier or a later version wrote is not touched, and the message says what to do."""
    store = file.open()
    await store.commit(0, full())
    await store.close()
    with sqlite3.connect(file.path) as database:
        database.execute(f"PRAGMA user_version = {other}")
    database.close()

    with pytest.raises(StoreError, match=f"store format {other}, this version reads 2: delete it to rebuild it"):
        file.open()


async def test_only_the_owner_may_read(file: InFile) -> None:
    """The store and its write-ahead log hold customers' data."""
    await file.open().commit(0, full())

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.path.parent.iterdir()}
    assert modes == {"state.sqlite3": 0o600, "state.sqlite3-wal": 0o600, "state.sqlite3-shm": 0o600}


def wal_bytes(file: InFile) -> int:
    return file.path.with_name(file.path.name + "-wal").stat().st_size


async def test_the_write_ahead_log_is_bounded(file: InFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is emptied once it has grown to its bound, so it never holds more than that and one commit."""
    monkeypatch.setattr(sqlite_module, "CHECKPOINT_WAL_BYTES", 100_000)
    store = file.open()
    sizes = []
    for position in range(30):
        customers = [(f"c{number}", bytes([position]) * 1000) for number in range(20)]
        await store.commit(0, Commit(expected_position=position, position=position + 1, state=b"", customers=customers))
        sizes.append(wal_bytes(file))

    assert max(sizes) < 200_000
    assert sizes.count(0) > 2


async def test_a_reader_that_blocks_the_checkpoint_fails_nothing(file: InFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """While someone reads, commits go through at once, and the log is emptied when the reader has left."""
    monkeypatch.setattr(sqlite_module, "CHECKPOINT_WAL_BYTES", 10_000)
    waits: list[str] = []
    store, reader = file.open(), file.open()
    await store.commit(0, full(0, 1))
    reading = reader.customers_of(0)
    next(reading)
    store._db.set_trace_callback(waits.append)

    for position in range(1, 4):
        body = bytes(20_000)
        await store.commit(
            0, Commit(expected_position=position, position=position + 1, state=b"", customers=[("big", body)])
        )
    assert wal_bytes(file) > 10_000
    checkpoint = next(number for number, statement in enumerate(waits) if "wal_checkpoint" in statement)
    assert waits[checkpoint - 1] == "PRAGMA busy_timeout = 0", "a commit waits for no reader"
    assert waits[checkpoint + 1] == "PRAGMA busy_timeout = 10000", "but it waits for another writer"

    reading.close()  # type: ignore[attr-defined]
    await store.commit(0, full(4, 5, "b"))
    assert wal_bytes(file) == 0
    assert (await store.open_shard(0)).position == 5


async def test_a_full_disk_leaves_nothing_behind(file: InFile) -> None:
    """A commit that the disk has no room for says so, is not kept, and the store goes on when there is room."""
    store = file.open()
    await store.commit(0, full())
    before = await everything(store)
    store._db.execute("PRAGMA max_page_count = 1")  # no page more than there are

    with pytest.raises(sqlite3.OperationalError, match="full"):
        await store.commit(0, Commit(expected_position=10, position=11, state=b"", customers=[("c3", bytes(10**6))]))

    assert await everything(store) == before
    store._db.execute("PRAGMA max_page_count = 1000000")
    await store.commit(0, full(10, 20, "b"))
    assert (await store.open_shard(0)).position == 20
