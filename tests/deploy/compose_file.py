"""docker-compose.yml as types: what the file may say, so that a key that is misspelt or misplaced is an error.

A subset of the Compose specification: what our file uses. A key that is missing here is added when it is needed.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from tests.support.command_line import ROOT

FILE = ROOT / "docker-compose.yml"

Duration = Annotated[str, Meta(pattern=r"^[1-9][0-9]*(s|m)$")]
Secret = Annotated[str, Meta(pattern=r"^[a-z0-9_]+$")]


class Build(Struct, forbid_unknown_fields=True):
    """How an image is built."""

    context: str
    dockerfile: str


class Healthcheck(Struct, forbid_unknown_fields=True):
    """How a container is asked whether it is well."""

    test: list[str] = []
    interval: Duration | None = None
    timeout: Duration | None = None
    start_period: Duration | None = None
    retries: int | None = None
    disable: bool = False


class DependsOn(Struct, forbid_unknown_fields=True):
    """What must be true of another service before this one starts."""

    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]


class Deploy(Struct, forbid_unknown_fields=True):
    """How many containers."""

    replicas: Annotated[int, Meta(ge=1)]


class Logging(Struct, forbid_unknown_fields=True):
    """Where the output goes, and how much of it is kept."""

    driver: str
    options: dict[str, str]


class Service(Struct, forbid_unknown_fields=True, kw_only=True):
    """One service."""

    image: str
    build: Build | None = None
    entrypoint: list[str] = []
    command: list[str] = []
    user: str | None = None
    hostname: str | None = None
    init: bool = False
    read_only: bool = False
    restart: Literal["no", "always", "on-failure", "unless-stopped"]
    stop_grace_period: Duration | None = None
    environment: dict[str, str] = {}
    secrets: list[Secret] = []
    volumes: list[str] = []
    tmpfs: list[str] = []
    ports: list[str] = []
    networks: list[str]
    depends_on: dict[str, DependsOn] = {}
    deploy: Deploy | None = None
    healthcheck: Healthcheck | None = None
    cap_drop: list[str] = []
    security_opt: list[str] = []
    logging: Logging | None = None


class SecretFile(Struct, forbid_unknown_fields=True):
    """Where a secret is read from."""

    file: str


class Network(Struct, forbid_unknown_fields=True):
    """A network; nothing leads out of an internal one."""

    internal: bool = False


class ComposeFile(Struct, forbid_unknown_fields=True):
    """The whole file, without its `x-` parts, which only serve as anchors."""

    name: str
    services: dict[str, Service]
    secrets: dict[Secret, SecretFile]
    volumes: dict[str, None]
    networks: dict[str, Network | None]


def load_compose(path: Path = FILE, environment: Mapping[str, str] | None = None) -> ComposeFile:
    """Read a file as Compose does where its environment is `environment`; raises `msgspec.ValidationError`."""
    parts: dict[str, Any] = msgspec.yaml.decode(path.read_bytes())
    parts = {name: part for name, part in parts.items() if not name.startswith("x-")}
    return msgspec.convert(_interpolated(parts, environment or {}), ComposeFile)


_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Z0-9_]+):-(?P<default>[^}]*)\}|(?P<other>.?))")


def _interpolated(part: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(part, dict):
        return {name: _interpolated(value, environment) for name, value in part.items()}
    if isinstance(part, list):
        return [_interpolated(value, environment) for value in part]
    if isinstance(part, str):
        return _VARIABLE.sub(lambda found: _value(found, environment), part)
    return part


def _value(found: re.Match[str], environment: Mapping[str, str]) -> str:
    if found["escaped"]:
        return "$"
    if not found["name"]:
        raise ValueError(f"{found.string!r}: write ${{NAME:-default}}, or $$ for a dollar")
    return environment.get(found["name"]) or found["default"]
