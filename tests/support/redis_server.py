"""A real redis-server for tests: configured as it is deployed, on a random loopback port, in a directory of its own.

It is stopped and killed as a test likes.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import redis

from config.settings import REDIS_CA_FILE, REDIS_PASSWORD, REDIS_USERNAME, STORE_URL, Settings, StoreSettings
from streams.stores.redis_check import ACL_RULE
from tests.support.certificates import Certificates
from tests.support.command_line import ROOT

READY_S = 30.0
SHIPPED = ROOT / "deploy" / "redis" / "redis.conf"
ADMIN = "admin"
ADMIN_PASSWORD = "admin's, of the tests alone"
WORKER = "ebbwatch-worker"
WORKER_PASSWORD = "worker's, of the tests alone"


class RedisServer:
    """One server over one directory; `restart` goes on with the data and the port that it had."""

    def __init__(
        self,
        directory: Path,
        *,
        appendfsync: str = "everysec",
        config: Mapping[str, str] | None = None,
        acl: tuple[str, ...] = (),
        tls: Certificates | None = None,
        client_certificate: bool = False,
    ) -> None:
        """As it is deployed, but for what `config` overrides.

        With `acl` rules nobody enters without a user; with `tls` nothing is plain.
        """
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = 0
        self._tls = tls
        self._client_certificate = client_certificate
        self._acl = acl
        self._config = {
            "bind": "127.0.0.1",
            "dir": f'"{directory}"',
            "logfile": "redis.log",
            "daemonize": "no",
            "appendfsync": appendfsync,
            **(config or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def secure(cls, directory: Path, certificates: Certificates, rule: str = ACL_RULE) -> "RedisServer":
        """One that speaks TLS alone, and lets in a worker that may do what `rule` says."""
        return cls(directory, acl=(f'{WORKER} on ">{WORKER_PASSWORD}" {rule}',), tls=certificates)

    def start(self, wait: bool = True) -> "RedisServer":
        """Start, and come back when it answers; says what the server said when it cannot start."""
        command = shutil.which("redis-server")
        if command is None:
            raise RuntimeError("the tests need Redis 7 or later: apt-get install redis-server")
        first = self.port == 0
        for attempt in range(5):
            if first:
                self.port = free_port()
            file = self.directory / "redis.conf"
            file.write_text("".join(f"{name} {value}\n" for name, value in self._directives()))
            self._process = subprocess.Popen(
                [command, str(file)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
            )
            if not wait or self._is_ready():
                return self
            if not first or attempt == 4:  # else another process may have been faster to take the port
                break
        self.kill()
        log = self.directory / "redis.log"
        raise RuntimeError(f"redis-server did not start:\n{log.read_text()[-2000:] if log.exists() else ''}")

    def stop(self) -> None:
        """Ask it to end until it has: while it writes a first append-only file, it refuses, and forgets the request."""
        if self._process is None:
            return
        give_up = time.monotonic() + READY_S
        while self._process.poll() is None:
            assert time.monotonic() < give_up, "redis-server does not stop"
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        self._process = None

    def kill(self) -> None:
        """End it as a power cut would, as far as a process can tell."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def restart(self) -> None:
        """Stop, unless it is gone already, and start over the same data on the same port."""
        self.stop()
        self.start()

    @property
    def pid(self) -> int:
        """Its process id, for signals."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """What `EBBWATCH_STORE_URL` says to reach it."""
        return f"{'rediss' if self._tls else 'redis'}://127.0.0.1:{self.port}/0"

    def environment(self, user: str = "", password: str = "") -> dict[str, str]:
        """The settings, as variables, of a worker that uses it."""
        variables = {STORE_URL: self.url, REDIS_USERNAME: user, REDIS_PASSWORD: password}
        if self._tls is not None:
            variables[REDIS_CA_FILE] = str(self._tls.ca)
        return {name: value for name, value in variables.items() if value}

    def settings(self, user: str = "", password: str = "") -> StoreSettings:
        """The settings of a store in it."""
        return Settings(self.environment(user, password)).store

    def worker_settings(self) -> StoreSettings:
        """The settings of a store whose user is the worker of `secure`."""
        return self.settings(WORKER, WORKER_PASSWORD)

    @contextmanager
    def admin(self) -> Iterator["redis.Redis"]:
        """A client that may do everything."""
        options: dict[str, Any] = {"protocol": 2, "socket_timeout": 10}
        if self._acl:
            options |= {"username": ADMIN, "password": ADMIN_PASSWORD}
        if self._tls is not None:
            options |= {"ssl": True, "ssl_ca_certs": str(self._tls.ca)}
            if self._client_certificate:
                options |= {"ssl_certfile": str(self._tls.client_cert), "ssl_keyfile": str(self._tls.client_key)}
        client = redis.Redis(host="127.0.0.1", port=self.port, **options)
        try:
            yield client
        finally:
            client.close()

    def command(self, *arguments: str | int) -> Any:
        """Run one command as the administrator."""
        with self.admin() as client:
            return client.execute_command(*arguments)  # type: ignore[no-untyped-call]

    def flush(self) -> None:
        """Forget all data, and the scripts."""
        with self.admin() as client:
            client.flushall()
            client.script_flush()

    def _directives(self) -> Iterator[tuple[str, str]]:
        yield "include", f'"{SHIPPED}"'  # first: of a directive that comes twice, Redis takes the later one
        yield from self._config.items()
        if self._tls is None:
            yield "port", str(self.port)
        else:
            yield "port", "0"
            yield "tls-port", str(self.port)
            yield "tls-cert-file", f'"{self._tls.server_cert}"'
            yield "tls-key-file", f'"{self._tls.server_key}"'
            yield "tls-ca-cert-file", f'"{self._tls.ca}"'
            yield "tls-auth-clients", "yes" if self._client_certificate else "no"
        if self._acl:
            yield "user", "default reset off ~* &* +@all"
            yield "user", f'{ADMIN} on ~* &* +@all ">{ADMIN_PASSWORD}"'
            for rule in self._acl:
                yield "user", rule

    def _is_ready(self) -> bool:
        assert self._process is not None
        until = time.monotonic() + READY_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                with self.admin() as client:
                    client.ping()
                    return True
            except redis.RedisError:  # not listening yet, or still loading
                time.sleep(0.02)
        return False


class RedisCluster:
    """Three servers that share the slots between them, each with its data."""

    def __init__(self, directory: Path) -> None:
        """Keep the nodes' data in `directory`."""
        self.nodes = [
            RedisServer(
                directory / f"node-{number}",
                config={"cluster-enabled": "yes", "cluster-node-timeout": "2000", "cluster-port": str(free_port())},
            )
            for number in range(3)
        ]

    def start(self) -> "RedisCluster":
        """Start the nodes, share out the slots, and come back when each of them says that all is well."""
        for node in self.nodes:
            node.start()
        first = self.nodes[0]
        for number, node in enumerate(self.nodes):
            node.command("CLUSTER ADDSLOTSRANGE", 16384 * number // 3, 16384 * (number + 1) // 3 - 1)
            node.command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            bus = first._config["cluster-port"]
            if node is not first:
                node.command("CLUSTER MEET", "127.0.0.1", first.port, bus)
        self.wait()
        return self

    def wait(self) -> None:
        """Until every node sees the other two and every slot served."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            if all(self._is_well(node) for node in self.nodes):
                return
            time.sleep(0.05)
        raise RuntimeError("the Redis cluster did not come together")

    def stop(self) -> None:
        """Stop every node."""
        for node in self.nodes:
            node.stop()

    def settings(self, user: str = "", password: str = "") -> StoreSettings:
        """The settings of a store in the cluster."""
        addresses = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return msgspec.structs.replace(
            self.nodes[0].settings(user, password), scheme="redis+cluster", address=addresses
        )

    def flush(self) -> None:
        """Forget all data, and the scripts."""
        for node in self.nodes:
            node.flush()

    def _is_well(self, node: RedisServer) -> bool:
        state = node.command("CLUSTER INFO")
        return bool(state["cluster_state"] == "ok" and state["cluster_known_nodes"] == "3")


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
