"""What the Redis store promises beyond the contract: nothing half written or sent twice, every refusal explained."""

import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from config.settings import Secret
from streams.stores.base import Commit, NewOutput, PositionConflict, StoreError, StoreUnavailable
from streams.stores.redis import RedisStore
from streams.stores.redis_check import ACL_RULE, ACL_RULE_CLUSTER, check
from tests.support.cutting_relay import CuttingRelay
from tests.support.redis_server import RedisServer

PASSWORD = "hush-7"


def full(expected: int = 0, position: int = 10, tag: str = "a") -> Commit:
    """A commit that touches everything there is."""
    return Commit(
        expected_position=expected,
        position=position,
        state=tag.encode(),
        documents=b"documents of " + tag.encode(),
        customers=[("c1", tag.encode()), ("c2", b"two")],
        indexes={"due": [("c1", 5.0), ("c2", None)], "rank": [("c1", 1.0)]},
        outputs=[NewOutput("topic", "key", f"id-{tag}", b"{}")],
    )


def raw(server: RedisServer) -> dict[Any, Any]:
    """Every key with its value, as Redis would move it elsewhere."""
    with server.admin() as client:
        return {key: client.dump(key) for key in client.keys("*")}


@pytest.fixture
async def store(redis_server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_server.settings(), patience_s=0.2)
    yield store
    await store.close()


async def as_user(server: RedisServer, rule: str) -> RedisStore:
    """A store whose user may do what `rule` says."""
    with server.admin() as client:
        client.execute_command("ACL", "SETUSER", "limited", "reset", "on", f">{PASSWORD}", *rule.split())  # type: ignore[no-untyped-call]
    return RedisStore(server.settings("limited", PASSWORD), patience_s=0.2)


# --- all or nothing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["shard", "customers", "outbox", "index:due", "index:rank"])
async def test_a_key_of_another_kind_leaves_nothing_half_written(
    store: RedisStore, redis_server: RedisServer, key: str
) -> None:
    """Redis takes nothing back that a script wrote before it failed, so the script must fail before it writes."""
    await store.commit(0, full())
    name = f"ebbwatch:{{0}}:{key}"
    redis_server.command("DEL", name)
    redis_server.command("SET", name, "not ours")
    before = raw(redis_server)

    with pytest.raises(StoreError, match="its keys under ebbwatch: are not what this store wrote"):
        await store.commit(0, full(10, 20, "b"))

    assert raw(redis_server) == before


async def test_a_score_that_is_no_number_leaves_nothing_half_written(
    store: RedisStore, redis_server: RedisServer
) -> None:
    """ZADD would refuse it after customers have been written."""
    await store.commit(0, full())
    before = raw(redis_server)
    commit = full(10, 20, "b")
    commit.indexes = {"due": [("c1", 9.0)], "rank": [("c1", 1.0), ("c2", math.nan)]}

    with pytest.raises(StoreError, match="a score is not a number"):
        await store.commit(0, commit)

    assert raw(redis_server) == before


@pytest.mark.parametrize("command", ["hset", "zadd", "zrem"])
async def test_a_missing_right_leaves_nothing_half_written(redis_server: RedisServer, command: str) -> None:
    """What the user may not run is found out before the first write."""
    allowed = await as_user(redis_server, ACL_RULE)
    await allowed.commit(0, full())
    await allowed.close()
    before = raw(redis_server)
    store = await as_user(redis_server, f"{ACL_RULE} -{command}")

    with pytest.raises(StoreError, match="the user may not write: see docs/redis"):
        await store.commit(0, full(10, 20, "b"))

    await store.close()
    assert raw(redis_server) == before


async def test_a_full_memory_leaves_nothing_half_written(store: RedisStore, redis_server: RedisServer) -> None:
    """Out of memory, a commit is refused before it starts, and the next goes through when there is room."""
    await store.commit(0, full())
    before = raw(redis_server)
    redis_server.command("CONFIG SET", "maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable, match="out of memory: raise maxmemory"):
            await store.commit(0, full(10, 20, "b"))
        assert raw(redis_server) == before
    finally:
        redis_server.command("CONFIG SET", "maxmemory", 0)

    await store.commit(0, full(10, 20, "b"))
    assert (await store.open_shard(0)).position == 20


async def test_a_commit_that_redis_would_cut_off_is_not_sent(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond 1 GB Redis would close the connection, again and again; the message says what to change."""
    monkeypatch.setattr("streams.stores.redis.MOST_BYTES", 1000)

    with pytest.raises(StoreError, match="lower EBBWATCH_BATCH_RECORDS"):
        await store.commit(0, Commit(expected_position=0, position=1, state=b"", customers=[("c", bytes(1000))]))

    assert (await store.open_shard(0)).position == 0


@pytest.mark.parametrize("what", ["commit", "open"])
@pytest.mark.parametrize("other", ["1", "3"])
async def test_another_format_is_not_touched(
    store: RedisStore, redis_server: RedisServer, other: str, what: str
) -> None:
    """A shard that another version wrote is neither read nor written, also by a worker that opened it before."""
    await store.commit(0, full())
    redis_server.command("HSET", "ebbwatch:{0}:shard", "format", other)
    before = raw(redis_server)

    with pytest.raises(
        StoreError, match=f"store format {other}, this version reads 2: delete ebbwatch:\\* to rebuild it"
    ):
        await (store.commit(0, full(10, 20, "b")) if what == "commit" else store.open_shard(0))

    assert raw(redis_server) == before


# --- sent once ------------------------------------------------------------------------------------------


def calls(server: RedisServer) -> int:
    """How many scripts have been asked for since the statistics were last reset."""
    stats = server.command("INFO", "commandstats")
    return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval"))


async def through(relay: CuttingRelay, server: RedisServer) -> RedisStore:
    settings = msgspec.structs.replace(server.settings(), address=f"127.0.0.1:{relay.port}/0")
    return RedisStore(settings, patience_s=2)


async def test_a_commit_whose_answer_is_lost_is_not_sent_again(store: RedisStore, redis_server: RedisServer) -> None:
    """The outcome is unknown, so the caller is told, and the position that Redis reports afterwards is the answer."""
    await store.commit(0, full())
    async with CuttingRelay(redis_server.port) as relay:
        cut = await through(relay, redis_server)
        assert (await cut.open_shard(0)).position == 10
        redis_server.command("CONFIG RESETSTAT")

        relay.cut_after()
        with pytest.raises(StoreUnavailable):
            await cut.commit(0, full(10, 20, "b"))

        assert calls(redis_server) == 1
        assert (await cut.open_shard(0)).position == 20
        await cut.commit(0, full(20, 30, "c"))
        await cut.close()
    assert [entry.output_id for entry in await store.outbox(0, 9)] == ["id-a", "id-b", "id-c"]


async def test_a_commit_that_never_arrives_is_not_sent_again(store: RedisStore, redis_server: RedisServer) -> None:
    """It looks the same from here; the position tells that it must be folded again."""
    await store.commit(0, full())
    async with CuttingRelay(redis_server.port) as relay:
        cut = await through(relay, redis_server)
        assert (await cut.open_shard(0)).position == 10
        redis_server.command("CONFIG RESETSTAT")

        relay.cut_before()
        with pytest.raises(StoreUnavailable):
            await cut.commit(0, full(10, 20, "b"))

        assert calls(redis_server) == 0
        assert (await cut.open_shard(0)).position == 10
        await cut.close()


async def test_a_read_whose_answer_is_lost_is_repeated(store: RedisStore, redis_server: RedisServer) -> None:
    """A broken connection is nothing that a reader need know of, nor a relay that clears what it delivered."""
    await store.commit(0, full())
    async with CuttingRelay(redis_server.port) as relay:
        cut = await through(relay, redis_server)
        answers: list[Any] = []
        for attempt in (
            lambda: cut.load(0, ["c1"]),
            lambda: cut.top(0, "rank", 1),
            lambda: cut.count(0, "rank", math.inf),
            lambda: cut.outbox(0, 1),
            lambda: cut.clear_outbox(0, 1),
            lambda: cut.outbox(0, 1),
            lambda: cut.counts(0, [("rank", math.inf), ("rank", 0.5), ("due", math.inf)]),
            lambda: cut.outbox_depth(0),
        ):
            relay.cut_after()
            answers.append(await attempt())
        await cut.close()
    assert answers[:3] == [[b"a"], [(1.0, "c1")], 1]
    assert [entry.output_id for entry in answers[3]] == ["id-a"]
    assert answers[4:] == [None, [], [1, 0, 1], 0]


async def test_redis_may_forget_its_scripts(store: RedisStore, redis_server: RedisServer) -> None:
    """Scripts live in the memory of Redis alone; what it does not know is sent in full."""
    for position in range(3):
        redis_server.command("SCRIPT FLUSH")
        await store.commit(0, Commit(expected_position=position, position=position + 1, state=b""))
        redis_server.command("SCRIPT FLUSH")
        assert await store.top(0, "rank", 1) == []
        redis_server.command("SCRIPT FLUSH")
        assert await store.counts(0, [("rank", math.inf)]) == [0]

    redis_server.command("SCRIPT FLUSH")
    with pytest.raises(PositionConflict):
        await store.commit(0, full())


# --- what commands and checks read ------------------------------------------------------------------------


async def test_every_customer_of_a_shard(store: RedisStore) -> None:
    """Whoever compares a shard with its ledger finds every customer, and how many there are."""
    customers = [(f"客户-{number}", b"%d" % number) for number in range(5000)]
    await store.commit(3, Commit(expected_position=0, position=1, state=b"", customers=customers))

    assert {pair async for pair in store.customers_of(3)} == set(customers)
    assert await store.customer_count(3) == 5000
    assert [pair async for pair in store.customers_of(4)] == []
    assert await store.customer_count(4) == 0


async def test_what_has_been_delivered(store: RedisStore) -> None:
    """The highest number that was cleared, whether or not others wait."""
    assert await store.delivered(0) == 0
    await store.commit(0, full())
    assert await store.delivered(0) == 0
    await store.commit(0, full(10, 20, "b"))
    await store.clear_outbox(0, 1)
    assert await store.delivered(0) == 1
    await store.clear_outbox(0, 2)
    assert await store.delivered(0) == 2


# --- what Redis must be -------------------------------------------------------------------------------------


async def test_a_good_redis_passes(redis_server: RedisServer) -> None:
    """Redis as it should be, and a user with no right too many, leave nothing to say."""
    store = await as_user(redis_server, ACL_RULE)
    assert await store.check() == []
    await store.commit(0, full())
    assert await store.customer_count(0) == 2
    assert await store.count(0, "due", math.inf) == 1
    assert [customer_id async for customer_id, _ in store.customers_of(0)] == ["c1", "c2"]
    await store.clear_outbox(0, await store.delivered(0) + 1)
    await store.close()


def test_the_documented_rights_are_those_that_are_tested() -> None:
    """An operator copies the rule from the documentation."""
    text = (Path(__file__).parents[2] / "docs/redis.md").read_text()
    assert f"user ebbwatch on >PASSWORD {ACL_RULE}\n" in text
    assert f"On a cluster add `{ACL_RULE_CLUSTER.removeprefix(ACL_RULE).strip()}`" in text


async def test_another_database(redis_server: RedisServer) -> None:
    """The number in the address is the database, which needs one more right."""
    limited = await as_user(redis_server, f"{ACL_RULE} +select")
    await limited.close()
    elsewhere = msgspec.structs.replace(
        redis_server.settings("limited", PASSWORD), address=f"127.0.0.1:{redis_server.port}/3"
    )
    store = RedisStore(elsewhere)
    await store.commit(0, full())
    await store.close()
    assert raw(redis_server) == {}
    assert redis_server.command("INFO", "keyspace")["db3"]["keys"] == 5


async def test_a_policy_that_evicts_is_refused(store: RedisStore, redis_server: RedisServer) -> None:
    """Redis would throw customers away when memory is short."""
    redis_server.command("CONFIG SET", "maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(StoreError, match="maxmemory-policy allkeys-lru would throw customers away"):
            await store.check()
    finally:
        redis_server.command("CONFIG SET", "maxmemory-policy", "noeviction")


def test_as_deployed_it_does_not_rewrite_its_file_all_the_time(redis_server: RedisServer) -> None:
    """As Redis has it by itself, full load means a rewrite every second, and alerts wait for each."""
    assert redis_server.command("CONFIG GET", "auto-aof-rewrite-*") == {
        "auto-aof-rewrite-min-size": str(1 << 30),
        "auto-aof-rewrite-percentage": "300",
    }


async def test_without_an_append_only_file_it_warns(store: RedisStore, redis_server: RedisServer) -> None:
    """A cache would forget every commit with its process."""
    redis_server.command("CONFIG SET", "appendonly", "no")
    try:
        assert [line.partition(": ")[2] for line in await store.check()] == [
            "appendonly is no: what was committed is lost with the server"
        ]
    finally:
        redis_server.command("CONFIG SET", "appendonly", "yes")


async def test_a_replica_is_refused(store: RedisStore, redis_server: RedisServer) -> None:
    """What is written must be written to the primary; found at the start, and after a fail-over too."""
    redis_server.command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(StoreError, match="is a replica: name the primary in EBBWATCH_STORE_URL"):
            await store.check()
        with pytest.raises(StoreUnavailable, match="is a replica"):
            await store.commit(0, full())
    finally:
        redis_server.command("REPLICAOF", "NO", "ONE")


async def test_a_redis_that_tells_nothing_is_used_with_a_warning(redis_server: RedisServer) -> None:
    """A managed Redis may refuse INFO: nobody has looked then, and that is said."""
    store = await as_user(redis_server, f"{ACL_RULE} -info")
    (warning,) = await store.check()
    assert "INFO is refused" in warning
    await store.close()


async def test_a_default_user_without_rights_is_refused(redis_server: RedisServer) -> None:
    """Redis reads its file back with that user's rights: after a restart every commit would be gone."""
    store = await as_user(redis_server, ACL_RULE)
    redis_server.command("ACL", "SETUSER", "default", "-hset")
    try:
        with pytest.raises(StoreError, match="the user default may not write, so a restart would forget"):
            await store.check()
    finally:
        redis_server.command("ACL", "SETUSER", "default", "+@all")
        await store.close()


async def test_a_redis_that_does_not_tell_of_others_is_used_with_a_warning(redis_server: RedisServer) -> None:
    """Without the right to ask, nobody has looked at what `default` may do, and that is said."""
    store = await as_user(redis_server, f"{ACL_RULE} -acl|dryrun")
    (warning,) = await store.check()
    assert "ACL DRYRUN is refused" in warning
    await store.close()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("-evalsha", "EVALSHA"),
        ("-eval", "EVAL"),
        ("-hscan -zremrangebyscore", "HSCAN, ZREMRANGEBYSCORE"),
        (
            "resetkeys ~other:*",
            "EVALSHA, HLEN, HMGET, HSCAN, HSET, ZADD, ZCARD, ZCOUNT, ZRANGE, ZREM, ZREMRANGEBYSCORE",
        ),
    ],
)
async def test_a_missing_right_is_named(redis_server: RedisServer, change: str, named: str) -> None:
    """An operator reads which right is missing, at the start, and nothing secret."""
    store = await as_user(redis_server, f"{ACL_RULE} {change}")

    with pytest.raises(StoreError, match=f"the user may not run {named}[ :].*docs/redis.md") as refused:
        await store.check()

    await store.close()
    assert PASSWORD not in str(refused.value)
    assert "limited" not in str(refused.value)


@pytest.mark.parametrize("version", [b"", b"6.2.14"])
async def test_an_old_redis_is_refused(version: bytes) -> None:
    """Before 7.0 a script cannot ask for rights, and Redis does not even tell scripts its version."""

    class Old(Redis):
        async def execute_command(self, *arguments: Any, **options: Any) -> Any:
            return [version]

    with pytest.raises(StoreError, match=r"is older than Redis 7\.0"):
        await check(Old(), "Redis", 0)


@pytest.mark.parametrize(("user", "password"), [("limited", "wrong-9"), ("nobody", PASSWORD)])
async def test_a_wrong_password_is_no_outage(redis_server: RedisServer, user: str, password: str) -> None:
    """Trying again would not help: it is an error in the settings, told at once and without what was wrong."""
    await (await as_user(redis_server, ACL_RULE)).close()
    store = RedisStore(redis_server.settings(user, password))

    with pytest.raises(StoreError, match="user or password not accepted: see EBBWATCH_REDIS_USERNAME") as refused:
        await store.open_shard(0)

    await store.close()
    assert not isinstance(refused.value, StoreUnavailable)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert password not in str(refused.value)


async def test_a_password_that_is_missing_is_no_outage(secure_redis: RedisServer) -> None:
    """A Redis that asks for a user says so at the first command."""
    store = RedisStore(secure_redis.settings())
    with pytest.raises(StoreError, match="user or password not accepted"):
        await store.check()
    await store.close()


async def test_a_single_server_is_no_cluster(redis_server: RedisServer) -> None:
    """The wrong scheme is named."""
    settings = msgspec.structs.replace(
        redis_server.settings(), scheme="redis+cluster", address=f"127.0.0.1:{redis_server.port}"
    )
    store = RedisStore(settings, patience_s=0)
    with pytest.raises(StoreError, match="is no cluster: use redis:// or rediss://"):
        await store.check()
    await store.close()


@pytest.mark.parametrize("address", ["host:port", "127.0.0.1:0", ":6379", "h:1,h:2", "h:1/x", "h:1/0?ssl=no", "[::1"])
def test_an_address_that_cannot_be_read_is_refused(redis_server: RedisServer, address: str) -> None:
    """A misspelt address is no outage."""
    settings = msgspec.structs.replace(redis_server.settings(), address=address, password=Secret(b"hush"))
    with pytest.raises(StoreError, match="EBBWATCH_STORE_URL: expected host:port"):
        RedisStore(settings)
