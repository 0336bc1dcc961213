"""The Redis that docker-compose.yml starts, started for real: its users, its durability, its refusals."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from streams.stores.base import Commit
from streams.stores.redis_check import ACL_RULE
from tests.deploy.redis_service import RedisService, words

PASSWORD = "a pass'phrase $of \"tests"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[RedisService]:
    """A server whose password has been made."""
    (tmp_path / "redis_password").write_text(PASSWORD + "\n")
    with RedisService(tmp_path) as server:
        yield server


async def test_it_is_what_the_store_needs(started: RedisService) -> None:
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


def test_nobody_else_gets_in(started: RedisService) -> None:
    """Without a user nothing is answered; the user of the health check may ask whether it answers."""
    with redis.Redis(port=started.port, protocol=2) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    with redis.Redis(port=started.port, username="health", password="health", protocol=2) as client:
        assert client.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command("INFO")


def test_the_password_is_not_shown(started: RedisService) -> None:
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
