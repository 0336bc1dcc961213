"""The Redis of docker-compose.yml, started for real with the command line that the file has."""

import shutil
import subprocess
import time
from pathlib import Path

from config.settings import REDIS_PASSWORD, REDIS_USERNAME, STORE_URL, Settings
from streams.stores.redis import RedisStore, open_redis_store
from tests.deploy.compose_file import load_compose
from tests.support.command_line import ROOT
from tests.support.redis_server import free_port


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


class RedisService:
    """One server on loopback, with its data, its secret and its ACL file in a directory of the test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        assert shutil.which("redis-server"), "the tests need Redis 7 or later: apt-get install redis-server"

    def __enter__(self) -> "RedisService":
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
