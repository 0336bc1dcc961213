"""Redis servers that stop, die, load, lose their tail, demand TLS, or share a cluster: what the store makes of it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import msgspec
import pytest
from redis.crc import key_slot

from streams.stores.base import Commit, NewOutput, PositionConflict, StoreError, StoreUnavailable
from streams.stores.redis import RedisStore
from streams.stores.redis_check import ACL_RULE_CLUSTER
from tests.support import settings
from tests.support.certificates import Certificates
from tests.support.redis_server import WORKER, WORKER_PASSWORD, RedisCluster, RedisServer

Starter = Callable[..., RedisServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts a server of the test's own."""
    started: list[RedisServer] = []

    def start(**options: object) -> RedisServer:
        server = RedisServer(tmp_path / f"redis-{len(started)}", **options)  # type: ignore[arg-type]
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.kill()


@pytest.fixture
async def stores() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


def opened(stores: AsyncExitStack, store: RedisStore) -> RedisStore:
    stores.push_async_callback(store.close)
    return store


def step(position: int) -> Commit:
    """The commit that takes a shard from `position` one further, with traces everywhere; each third has documents."""
    name = f"c{position:06d}"
    return Commit(
        expected_position=position,
        position=position + 1,
        state=str(position + 1).encode(),
        documents=str(position).encode() if position % 3 == 0 else None,
        customers=[(name, b"x" * 300), ("last", str(position + 1).encode())],
        indexes={"due": [(name, float(position))]},
        outputs=[NewOutput("topic", name, name, b"{}")],
    )


async def assert_whole(store: RedisStore, shard: int = 0) -> int:
    """Everything that a shard holds stems from the commits up to its position; the position."""
    stored = await store.open_shard(shard)
    names = [f"c{number:06d}" for number in range(stored.position)]
    assert stored.state == (str(stored.position).encode() if names else b"")
    assert stored.documents == (str((stored.position - 1) // 3 * 3).encode() if names else b"")
    customers = {customer_id: body async for customer_id, body in store.customers_of(shard)}
    last = {"last": str(stored.position).encode()} if names else {}
    assert customers == {**dict.fromkeys(names, b"x" * 300), **last}
    assert await store.due(shard, "due", 1e9) == [(float(number), name) for number, name in enumerate(names)]
    assert await store.count(shard, "due", float("inf")) == stored.position
    assert [(entry.sequence, entry.key) for entry in await store.outbox(shard, 1_000_000)] == [
        (number, name) for number, name in enumerate(names, 1)
    ]
    return stored.position


# --- one server that stops and starts --------------------------------------------------------------------


async def test_a_restart_keeps_everything(start: Starter, stores: AsyncExitStack) -> None:
    """The same store goes on after a restart of Redis, though Redis has forgotten the scripts."""
    server = start()
    store = opened(stores, RedisStore(server.settings()))
    for position in range(6):
        await store.commit(0, step(position))
        if position % 2:
            server.restart()
            assert await assert_whole(store) == position + 1


async def test_a_redis_that_is_gone_is_unavailable_until_it_is_back(start: Starter, stores: AsyncExitStack) -> None:
    """Reads are tried again for a while, then the caller is told; nothing has to be made anew when Redis is back."""
    server = start()
    store = opened(stores, RedisStore(server.settings(), patience_s=0.1))
    await store.commit(0, step(0))
    server.stop()
    for attempt in (store.open_shard(0), store.load(0, ["last"]), store.commit(0, step(1)), store.check()):
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await attempt
    server.start()
    assert await assert_whole(store) == 1
    await store.commit(0, step(1))

    server.stop()
    patient = opened(stores, RedisStore(server.settings(), patience_s=30))
    waiting = asyncio.create_task(patient.open_shard(0))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await asyncio.to_thread(server.start)
    assert (await waiting).position == 2


async def test_a_commit_that_arrives_late_is_applied_once(
    start: Starter, stores: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that hangs is given up; what it then does with the commit decides, and the other attempt is refused."""
    monkeypatch.setattr("streams.stores.redis_connection.ANSWER_TIMEOUT_S", 0.3)
    server = start()
    store = opened(stores, RedisStore(server.settings()))
    await store.commit(0, step(0))
    os.kill(server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await store.commit(0, step(1))
    finally:
        os.kill(server.pid, signal.SIGCONT)

    while await assert_whole(store) == 1:
        await asyncio.sleep(0.01)
    with pytest.raises(PositionConflict):
        await store.commit(0, step(1))
    assert await assert_whole(store) == 2


async def test_a_redis_that_loads_is_waited_for(start: Starter, stores: AsyncExitStack) -> None:
    """Loading a large state takes longer than any patience with a server that is gone."""
    server = start(config={"key-load-delay": "5000", "loading-process-events-interval-bytes": "1024"})
    store = opened(stores, RedisStore(server.settings(), patience_s=0))
    for shard in range(50):
        await store.commit(shard, step(0))
    server.command("BGREWRITEAOF")
    while server.command("INFO", "persistence")["aof_rewrite_in_progress"]:
        await asyncio.sleep(0.01)
    server.stop()
    server.start(wait=False)

    said: set[str] = set()
    while said != {"still loading its data"}:  # until it listens, a commit finds nobody
        with pytest.raises(StoreUnavailable) as refused:
            await store.commit(0, step(1))
        said = {str(refused.value).partition(": ")[2]}
    assert await store.check() == []
    assert await assert_whole(store, 49) == 1


async def test_kill_9_loses_nothing_that_was_acknowledged(start: Starter, stores: AsyncExitStack) -> None:
    """Redis dies in the middle of commits, again and again: what was acknowledged is there, and nothing in part."""
    server = start(appendfsync="always")
    draw = Random(settings.seed())
    store = opened(stores, RedisStore(server.settings(), patience_s=5))
    acknowledged = 0

    async def commits() -> None:
        nonlocal acknowledged
        while True:
            await store.commit(0, step(acknowledged))
            acknowledged += 1

    for _ in range(5):
        before = acknowledged
        working = asyncio.create_task(commits())
        while acknowledged < before + 5:
            await asyncio.sleep(0)
        await asyncio.sleep(draw.uniform(0, 0.05))
        server.kill()
        with pytest.raises(StoreUnavailable):
            await working
        server.start()
        position = await assert_whole(store)
        assert position in (acknowledged, acknowledged + 1)
        acknowledged = position


async def test_a_torn_append_only_file_drops_whole_commits(start: Starter, stores: AsyncExitStack) -> None:
    """Wherever the file ends, the store stands where some commit left it: older, and whole."""
    server = start()
    store = opened(stores, RedisStore(server.settings()))
    for position in range(8):
        await store.commit(0, step(position))
    (file,) = (server.directory / "appendonlydir").glob("*.incr.aof")
    reached = {8}
    for _ in range(6):
        server.stop()
        with file.open("r+b") as torn:
            torn.truncate(file.stat().st_size - 350)
        server.start()
        reached.add(await assert_whole(store))
    assert len(reached) > 3
    await store.commit(0, step(min(reached)))  # the worker folds again what the store has lost
    await assert_whole(store)


# --- TLS ----------------------------------------------------------------------------------------------------


async def test_another_authority_is_refused(
    secure_redis: RedisServer, certificates: Certificates, stores: AsyncExitStack
) -> None:
    """A server that the named authority did not sign is not spoken to, and no retry hides that."""
    wrong = msgspec.structs.replace(secure_redis.worker_settings(), ca_file=str(certificates.other_ca))
    store = opened(stores, RedisStore(wrong))
    with pytest.raises(StoreError, match=r"certificate is not accepted \(.*\): see EBBWATCH_REDIS_CA_FILE") as refused:
        await store.open_shard(0)
    assert not isinstance(refused.value, StoreUnavailable)
    assert WORKER_PASSWORD not in str(refused.value)


async def test_a_client_certificate_where_redis_asks_for_one(
    start: Starter, certificates: Certificates, stores: AsyncExitStack
) -> None:
    """With the certificate in the settings the store works; without it the error says that none was sent."""
    server = start(tls=certificates, client_certificate=True)
    bare = server.settings()
    named = msgspec.structs.replace(
        bare, cert_file=str(certificates.client_cert), key_file=str(certificates.client_key)
    )
    store = opened(stores, RedisStore(named))
    assert await store.check() == []
    await store.commit(0, step(0))
    assert await assert_whole(store) == 1

    with pytest.raises(StoreUnavailable, match="no client certificate"):
        await opened(stores, RedisStore(bare, patience_s=0)).open_shard(0)


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
async def test_tls_on_one_side_only_is_said(
    redis_server: RedisServer,
    secure_redis: RedisServer,
    stores: AsyncExitStack,
    scheme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plain client and a TLS server, or the other way round, wait for each other no longer than a connection may."""
    monkeypatch.setattr("streams.stores.redis_connection.CONNECT_TIMEOUT_S", 0.5)
    server = secure_redis if scheme == "redis" else redis_server
    mixed = msgspec.structs.replace(server.settings(), scheme=scheme)
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await opened(stores, RedisStore(mixed, patience_s=0)).open_shard(0)


# --- a cluster -----------------------------------------------------------------------------------------------


def owner(cluster: RedisCluster, shard: int) -> RedisServer:
    """The node that holds the keys of a shard."""
    key = f"ebbwatch:{{{shard}}}:shard"
    (holder,) = [node for node in cluster.nodes if key.encode() in node.command("KEYS", "*")]
    return holder


async def test_shards_live_on_every_node(redis_cluster: RedisCluster, stores: AsyncExitStack) -> None:
    """Shards spread over the nodes, each whole on one of them."""
    store = opened(stores, RedisStore(redis_cluster.settings()))
    assert await store.check() == []
    for shard in range(24):
        for position in range(2):
            await store.commit(shard, step(position))

    for shard in range(24):
        assert await assert_whole(store, shard) == 2
    assert {owner(redis_cluster, shard).port for shard in range(24)} == {node.port for node in redis_cluster.nodes}


async def test_a_slot_that_moves_takes_its_shard_along(redis_cluster: RedisCluster, stores: AsyncExitStack) -> None:
    """While half of a shard is elsewhere nothing is written; then the store follows, and changes nothing twice."""
    store = opened(stores, RedisStore(redis_cluster.settings(), patience_s=0))
    await store.commit(5, step(0))
    old = owner(redis_cluster, 5)
    new = next(node for node in redis_cluster.nodes if node is not old)
    ids = {node.port: node.command("CLUSTER MYID").decode() for node in redis_cluster.nodes}
    slot = key_slot(b"5")
    new.command("CLUSTER SETSLOT", slot, "IMPORTING", ids[old.port])
    old.command("CLUSTER SETSLOT", slot, "MIGRATING", ids[new.port])
    first, *rest = old.command("CLUSTER GETKEYSINSLOT", slot, 100)
    old.command("MIGRATE", "127.0.0.1", new.port, first, 0, 5000)

    with pytest.raises(StoreUnavailable):
        await store.commit(5, step(1))

    for key in rest:
        old.command("MIGRATE", "127.0.0.1", new.port, key, 0, 5000)
    for node in (new, old, *redis_cluster.nodes):
        node.command("CLUSTER SETSLOT", slot, "NODE", ids[new.port])
    assert owner(redis_cluster, 5) is new
    assert await assert_whole(store, 5) == 1
    await store.commit(5, step(1))
    assert await assert_whole(store, 5) == 2


async def test_a_node_that_dies_and_returns(redis_cluster: RedisCluster, stores: AsyncExitStack) -> None:
    """Its shards are unavailable, the store says so, and goes on when the node is back."""
    store = opened(stores, RedisStore(redis_cluster.settings(), patience_s=0.2))
    shards = range(12)
    for shard in shards:
        await store.commit(shard, step(0))
    node = owner(redis_cluster, 0)
    node.kill()
    with pytest.raises(StoreUnavailable):
        await store.commit(0, step(1))
    with pytest.raises(StoreUnavailable):
        await store.open_shard(0)
    node.start()
    redis_cluster.wait()

    patient = opened(stores, RedisStore(redis_cluster.settings(), patience_s=20))
    for shard in shards:
        assert await assert_whole(patient, shard) == 1
        assert await assert_whole(store, shard) == 1
        await store.commit(shard, step(1))


async def test_the_least_rights_on_a_cluster(redis_cluster: RedisCluster, stores: AsyncExitStack) -> None:
    """The documented rule is enough, and a node that is addressed as a single server is refused."""
    rule = ACL_RULE_CLUSTER.split()
    for node in redis_cluster.nodes:
        node.command("ACL", "SETUSER", WORKER, "reset", "on", f">{WORKER_PASSWORD}", *rule)
    limited = redis_cluster.settings(WORKER, WORKER_PASSWORD)
    store = opened(stores, RedisStore(limited))
    assert await store.check() == []
    for shard in range(6):
        await store.commit(shard, step(0))
        assert await assert_whole(store, shard) == 1

    for node in redis_cluster.nodes:
        node.command("ACL", "SETUSER", WORKER, "-cluster|slots")
    blind = opened(stores, RedisStore(limited, patience_s=0))
    with pytest.raises(StoreError, match="the user may not run CLUSTER SLOTS"):
        await blind.check()

    alone = opened(stores, RedisStore(redis_cluster.nodes[0].settings()))
    with pytest.raises(StoreError, match="belongs to a cluster: use redis\\+cluster://"):
        await alone.check()
    elsewhere = next(shard for shard in range(6) if owner(redis_cluster, shard) is not redis_cluster.nodes[0])
    with pytest.raises(StoreError, match="a cluster: use redis\\+cluster://"):
        await alone.open_shard(elsewhere)
