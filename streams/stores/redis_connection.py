"""The way to Redis: one server or a cluster, TLS, an ACL user, and every failure as a clear `StoreError`.

The client's own retries are off. It cannot know what may be sent twice: a read may, a commit whose answer was lost may
not, for it would find the shard moved by itself. `again` is for what may.

No error carries the text of another: clients and servers quote commands, and commands carry customers' data.
"""

import asyncio
import ssl
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterCrossSlotError,
    ClusterDownError,
    ClusterError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from config.settings import (
    REDIS_CA_FILE,
    REDIS_CERT_FILE,
    REDIS_PASSWORD,
    REDIS_USERNAME,
    STORE_URL,
    StoreSettings,
)
from streams.stores.base import StoreError, StoreUnavailable

CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 20.0
"""Longer than the largest commit takes, and than an fsync that the disk holds up."""
PATIENCE_S: Final = 5.0
LOADING_PATIENCE_S: Final = 300.0
"""How long `again` tries: against a server that cannot be reached, and against one that is reading its data."""
_LONGEST_NAP_S = 1.0

_STATES: Final = {
    "OOM": "out of memory: raise maxmemory",
    "MISCONF": "refuses writes because it could not write to its disk: see its log",
    "READONLY": "is a replica: name the primary",
    "MASTERDOWN": "has lost its primary",
    "NOREPLICAS": "refuses writes because too few replicas are connected (min-replicas-to-write)",
    "CLUSTERDOWN": "the cluster is down: see CLUSTER INFO",
    "TRYAGAIN": "a slot of the cluster is being moved",
    "BUSY": "busy with another script",
    "UNKILLABLE": "busy with another script",
}
"""What may pass by itself or by an operator's hand, by the first word of Redis's error."""
_FAULTS: Final = {
    "WRONGTYPE": "its keys under ebbwatch: are not what this store wrote: another application's, or damaged",
    "CROSSSLOT": "a cluster: use redis+cluster:// or rediss+cluster://",
    "MOVED": "a cluster: use redis+cluster:// or rediss+cluster://",
}
"""What does not."""

_CODES: Final[dict[type[BaseException], str]] = {
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
    ClusterDownError: "CLUSTERDOWN",
    MasterDownError: "MASTERDOWN",
    TryAgainError: "TRYAGAIN",
    ClusterCrossSlotError: "CROSSSLOT",
    MovedError: "MOVED",
}
"""Whose first word the client takes away."""
FAILURES: Final = (RedisError, RedisClusterException, OSError)
"""What the client raises."""

T = TypeVar("T")


class StillLoading(StoreUnavailable):
    """The server is there, and reads its data from the disk."""


class NotPermitted(StoreError):
    """The user's ACL rule does not allow a command."""


class ScriptMissing(StoreError):
    """The server does not know a script yet, or no longer: nothing was run, so it may be sent in full."""


class Server(Protocol):
    """A client of one server, of a cluster, or of one node of it."""

    async def execute_command(self, *arguments: Any) -> Any:
        """Send one command, and its answer."""
        ...


def place_of(settings: StoreSettings) -> str:
    """What to call the server in an error. A refused client certificate looks like any closed connection."""
    if not settings.scheme.startswith("rediss"):
        return f"Redis at {settings.address}"
    return f"Redis at {settings.address} (TLS, {'with a' if settings.cert_file else 'no'} client certificate)"


def connect(settings: StoreSettings) -> "Redis | RedisCluster":
    """A client for `settings`; it connects when it is first used. Raises `StoreError` for an address it cannot read."""
    secret = settings.password
    options: dict[str, Any] = {
        "username": settings.username or None,
        "password": secret.reveal() if secret is not None else None,
        "protocol": 2,  # the same answers from every version of the client
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": ANSWER_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_keepalive": True,
    }
    if settings.scheme.startswith("rediss"):
        options |= {
            "ssl": True,
            "ssl_ca_certs": settings.ca_file or None,
            "ssl_certfile": settings.cert_file or None,
            "ssl_keyfile": settings.key_file or None,
        }
    if settings.scheme.endswith("+cluster"):
        nodes = [ClusterNode(url.hostname, url.port or 6379) for url in _addresses(settings)]  # type: ignore[arg-type]
        return RedisCluster(startup_nodes=nodes, **options)
    url, *others = _addresses(settings)
    database = url.path.strip("/") or "0"
    if others or not database.isdigit():
        raise StoreError(f"{STORE_URL}: expected host:port, or host:port/number of the database")
    return Redis(host=url.hostname or "", port=url.port or 6379, db=int(database), **options)


def _addresses(settings: StoreSettings) -> list[SplitResult]:
    urls: list[SplitResult] = []
    try:
        urls = [urlsplit(f"//{address.strip()}") for address in settings.address.split(",")]
        readable = all(url.hostname and url.port != 0 and not url.query for url in urls)
    except ValueError:
        readable = False
    if not readable:
        raise StoreError(f"{STORE_URL}: expected host:port")
    return urls


async def send(server: Server, place: str, *command: Any) -> Any:
    """Send `command` once, and its answer; raises `StoreError`."""
    handled = sys.exception()
    try:
        return await server.execute_command(*command)
    except FAILURES as error:
        raise explained(error, place, command[0], handled) from None


async def again(attempt: Callable[[], Awaitable[T]], patience_s: float = PATIENCE_S) -> T:
    """Await `attempt()` until it succeeds or patience ends; only for what may happen twice."""
    now = asyncio.get_running_loop().time
    began, nap_s = now(), 0.02
    while True:
        try:
            return await attempt()
        except StoreUnavailable as error:
            limit_s = LOADING_PATIENCE_S if isinstance(error, StillLoading) else patience_s
            if now() - began + nap_s > limit_s:
                raise
        await asyncio.sleep(nap_s)
        nap_s = min(2 * nap_s, _LONGEST_NAP_S)


def explained(error: Exception, place: str, command: str, handled: BaseException | None) -> StoreError:
    """`error`, which `command` met, as one of ours; `handled` is what was being handled when the command was sent."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause is not handled:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    for one in reversed(chain):  # a cluster's client wraps what its nodes said
        known = _explained(one, place, command)
        if known is not None:
            return known
    if isinstance(error, (RedisConnectionError, RedisTimeoutError, RedisClusterException, ClusterError, OSError)):
        return StoreUnavailable(f"{place}: cannot be reached ({type(error).__name__})")
    return StoreError(f"{place}: refused {command} ({_code(error)})")


def _explained(error: BaseException, place: str, command: str) -> StoreError | None:
    match error:
        case ssl.SSLCertVerificationError():
            reason = error.verify_message
            return StoreError(f"{place}: its certificate is not accepted ({reason}): see {REDIS_CA_FILE}")
        case ssl.SSLError():
            return StoreUnavailable(
                f"{place}: no TLS connection ({error.reason}): see {REDIS_CA_FILE}, {REDIS_CERT_FILE}"
            )
        case NoPermissionError():
            return NotPermitted(f"{place}: the user may not run {command}: see docs/redis.md for its ACL rule")
        case AuthenticationError() | AuthorizationError():
            return StoreError(f"{place}: user or password not accepted: see {REDIS_USERNAME}, {REDIS_PASSWORD}")
        case ResponseError() if "unauthenticated" in str(error):  # how long commands are refused before AUTH
            return StoreError(f"{place}: user or password not accepted: see {REDIS_USERNAME}, {REDIS_PASSWORD}")
        case BusyLoadingError():
            return StillLoading(f"{place}: still loading its data")
        case NoScriptError():
            return ScriptMissing(f"{place}: script not known")
        case ResponseError() if (code := _code(error)) in _STATES:
            return StoreUnavailable(f"{place}: {_STATES[code]}")
        case ResponseError() if (code := _code(error)) in _FAULTS:
            return StoreError(f"{place}: {_FAULTS[code]}")
        case RedisClusterException() if "not enabled" in str(error):
            return StoreError(f"{place}: is no cluster: use redis:// or rediss:// in {STORE_URL}")
    return None


def _code(error: BaseException) -> str:
    """The first word of an error of Redis, which names its kind and quotes nothing."""
    if type(error) in _CODES:
        return _CODES[type(error)]
    code = str(error).split(" ", 1)[0]
    return code if code.isupper() and code.isascii() else type(error).__name__
