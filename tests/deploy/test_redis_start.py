"""The Redis that docker-compose.yml starts, started for real: its users, its durability, its refusals."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from config.settings import REDIS_PASSWORD, REDIS_USERNAME, STORE_URL, Settings
from streams.stores.base import Commit
from streams.stores.redis import RedisStore, open_redis_store
from streams.stores.redis_check import ACL_RULE
from tests.deploy.compose_file import load_compose
from tests.support.command_line import ROOT
from tests.support.redis_server import free_port

PASSWORD = "a pass'phrase $of \"tests"


def words(directory: Path, *more: str) -> list[str]:
    """As the file has it, its paths being those of the test."""
    redis_service = load_compose().services["redis"]
    mounted = f"{redis_service.entrypoint[1].rpartition('/')[0]}:ro"
    assert f"./deploy/redis:{mounted}" in redis_service.volumes
    places = {
        "/etc/ebbwatch-redis": str(ROOT / "deploy" / "redis"),
        "/run/secrets": str(directory),
        "/tmp": str(directory),
        "/data": str(directory),
    }
    line = []
    for word in (*redis_service.entrypoint, *redis_service.command):
        inside = next((place for place in places if word == place or word.startswith(f"{place}/")), "")
        line.append(places.get(inside, "") + word.removeprefix(inside))
    return [*line, *more]


class Started:
    """One server, as the file starts it, on loopback and in a directory of the test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        assert shutil.which("redis-server"), "the tests need Redis 7 or later: apt-get install redis-server"

    def __enter__(self) -> "Started":
        line = words(self.directory, "--port", str(self.port), "--bind", "127.0.0.1")
        log = self.directory / "redis.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(line, stdout=output, stderr=output)
        deadline_s = time.monotonic() + 30
        while not self.is_healthy():
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < deadline_s, "redis-server does not get healthy"
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    def is_healthy(self) -> bool:
        """What the health check of the file says."""
        check = load_compose().services["redis"].healthcheck
        assert check is not None
        kind, command = check.test
        assert kind == "CMD-SHELL"
        command = command.replace("redis-cli ", f"redis-cli -p {self.port} ")
        return subprocess.run(["sh", "-c", command], capture_output=True).returncode == 0

    def store(self) -> RedisStore:
        """The store, as a worker with the environment of the file opens it."""
        worker = load_compose().services["worker"].environment
        url = worker[STORE_URL].replace("redis:6379", f"127.0.0.1:{self.port}")
        environment = {
            STORE_URL: url,
            REDIS_USERNAME: worker[REDIS_USERNAME],
            f"{REDIS_PASSWORD}_FILE": str(self.directory / "redis_password"),
        }
        return open_redis_store(Settings(environment).store)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """A server whose password has been made."""
    (tmp_path / "redis_password").write_text(PASSWORD + "\n")
    with Started(tmp_path) as server:
        yield server


async def test_it_is_what_the_store_needs(started: Started) -> None:
    """The worker's check finds nothing to refuse and nothing to warn of, and what it commits survives the server."""
    store = started.store()
    assert await store.check() == []
    await store.commit(3, Commit(expected_position=0, position=7, state=b"state", customers=[("C-1", b"body")]))
    await store.close()
    started.__exit__()
    started.__enter__()
    store = started.store()
    assert (await store.open_shard(3)).position == 7
    assert await store.load(3, ["C-1"]) == [b"body"]
    await store.close()


def test_nobody_else_gets_in(started: Started) -> None:
    """Without a user nothing is answered; the user of the health check may ask whether it answers."""
    with redis.Redis(port=started.port, protocol=2) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    with redis.Redis(port=started.port, username="health", password="health", protocol=2) as client:
        assert client.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command("INFO")


def test_the_password_is_not_shown(started: Started) -> None:
    """The file of users holds a digest, and nobody else may read even that."""
    file = started.directory / "users.acl"
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text()
    assert ACL_RULE in file.read_text()


@pytest.mark.parametrize("password", [None, "", "\n"])
def test_without_a_password_it_does_not_start(tmp_path: Path, password: str | None) -> None:
    """An empty or a missing secret must not become an open server."""
    if password is not None:
        (tmp_path / "redis_password").write_text(password)
    ended = subprocess.run(words(tmp_path), capture_output=True, text=True, timeout=30)
    assert ended.returncode != 0
    assert "run deploy/make-secrets" in ended.stderr
    assert not (tmp_path / "users.acl").exists()
