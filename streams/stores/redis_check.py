"""What a Redis must be before state is entrusted to it."""

import sys
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from config.settings import STORE_URL
from streams.names import REDIS_CUSTOMERS_KEY, REDIS_INDEX_KEY, REDIS_OUTBOX_KEY, REDIS_SHARD_KEY
from streams.stores.base import StoreError, StoreUnavailable
from streams.stores.redis_connection import FAILURES, NotPermitted, Server, again, explained, send

LEAST_VERSION: Final = (7, 0)

ACL_RULE: Final = (
    "~ebbwatch:* resetchannels -@all +eval +evalsha +hmget +hset +hlen +hscan"
    " +zadd +zrem +zcard +zcount +zrange +zremrangebyscore +info +acl|dryrun"
)
"""The least that the store's user must be allowed on one server, in its database 0."""
ACL_RULE_CLUSTER: Final = f"{ACL_RULE} +cluster|slots +cluster|info +command"
"""The same on a cluster, whose map the client reads."""

_SHARD, _CUSTOMERS, _OUTBOX = REDIS_SHARD_KEY % 0, REDIS_CUSTOMERS_KEY % 0, REDIS_OUTBOX_KEY % 0
_INDEX = REDIS_INDEX_KEY % (0, "due")
_NEEDED: Final = (
    f"EVALSHA 0 1 {_SHARD}",
    f"HMGET {_SHARD} position",
    f"HSET {_SHARD} position 0",
    f"HMGET {_CUSTOMERS} id",
    f"HSET {_CUSTOMERS} id body",
    f"HLEN {_CUSTOMERS}",
    f"HSCAN {_CUSTOMERS} 0",
    f"ZADD {_OUTBOX} 0 output",
    f"ZRANGE {_OUTBOX} 0 0",
    f"ZREMRANGEBYSCORE {_OUTBOX} 0 0",
    f"ZADD {_INDEX} 0 member",
    f"ZREM {_INDEX} member",
    f"ZCARD {_INDEX}",
    f"ZCOUNT {_INDEX} 0 0",
    f"ZRANGE {_INDEX} 0 0",
)
# Asks about rights without using them. Before Redis 7 there is neither a version to see here nor a way to ask.
_PROBE: Final = """
local answer = { redis.REDIS_VERSION or '' }
if not redis.REDIS_VERSION then return answer end
for _, command in ipairs(ARGV) do
    local words = {}
    for word in string.gmatch(command, '%S+') do words[#words + 1] = word end
    if not redis.acl_check_cmd(unpack(words)) then answer[#answer + 1] = words[1] end
end
return answer
"""


async def check(client: "Redis | RedisCluster", place: str, patience_s: float) -> list[str]:
    """Raise `StoreError` for what must not be; return what should not be. Waits for a server that is loading."""

    async def attempt() -> list[str]:
        if not isinstance(client, RedisCluster):
            return await _check_server(client, place, in_cluster=False)
        handled = sys.exception()
        try:
            await client.initialize()
        except FAILURES as error:
            raise explained(error, place, "CLUSTER SLOTS", handled) from None
        warnings: list[str] = []
        for node in client.get_primaries():
            where = f"Redis at {node.name}"
            state = await send(node, where, "CLUSTER INFO")
            if state["cluster_state"] != "ok":
                raise StoreUnavailable(f"{where}: the cluster is down: see CLUSTER INFO")
            warnings += await _check_server(node, where, in_cluster=True)
        return warnings

    return await again(attempt, patience_s)


async def _check_server(server: Server, where: str, *, in_cluster: bool) -> list[str]:
    version, *denied = await send(server, where, "EVAL", _PROBE, 0, *_NEEDED)
    if _number(version.decode()) < LEAST_VERSION:
        raise StoreError(f"{where}: is older than Redis 7.0, whose scripts ask before they write: install a later one")
    if denied:
        commands = ", ".join(sorted({command.decode() for command in denied}))
        raise StoreError(f"{where}: the user may not run {commands} on ebbwatch:*: see docs/redis.md for its ACL rule")
    rights = await _rights_of_default(server, where)
    try:
        info = await send(server, where, "INFO")
    except NotPermitted:
        unseen = f"{where}: INFO is refused, so nobody has looked at maxmemory-policy (noeviction) and appendonly (yes)"
        return [*rights, unseen]
    if info.get("cluster_enabled") and not in_cluster:
        raise StoreError(f"{where}: belongs to a cluster: use redis+cluster:// or rediss+cluster:// in {STORE_URL}")
    return [*rights, *_judge(info, where)]


async def _rights_of_default(server: Server, where: str) -> list[str]:
    """Redis reads its append-only file back with the rights of `default`, and leaves out what they do not allow."""
    try:
        answer = await send(server, where, "ACL DRYRUN", "default", "HSET", _SHARD, "position", "0")
    except StoreUnavailable:
        raise
    except StoreError:
        return [f"{where}: ACL DRYRUN is refused, so nobody has looked at the rights of `default`: see docs/redis.md"]
    if answer not in (b"OK", "OK", True):
        raise StoreError(
            f"{where}: the user default may not write, so a restart would forget what was committed: see docs/redis.md"
        )
    return []


def _judge(info: dict[str, Any], where: str) -> list[str]:
    if info.get("role") == "slave":
        raise StoreError(f"{where}: is a replica: name the primary in {STORE_URL}")
    policy = info.get("maxmemory_policy", "")
    if policy not in ("", "noeviction"):
        raise StoreError(f"{where}: maxmemory-policy {policy} would throw customers away: set it to noeviction")
    warnings = []
    if not policy:
        warnings.append(f"{where}: does not tell its maxmemory-policy: it must be noeviction")
    if "aof_enabled" not in info:
        warnings.append(f"{where}: does not tell whether appendonly is on: it must be yes")
    elif not info["aof_enabled"]:
        warnings.append(f"{where}: appendonly is no: what was committed is lost with the server")
    elif info.get("aof_last_write_status", "ok") != "ok":
        warnings.append(f"{where}: the last write to the append-only file failed: see its log")
    return warnings


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
