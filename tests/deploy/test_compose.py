"""docker-compose.yml says what exists, opens nothing, and tells our service only what it understands."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import get_type_hints

import click
import msgspec
import pytest

from agents.notify import open_channel, open_renderer
from config.endpoints import WebhookEndpoint, load_endpoints
from config.settings import SETTINGS, Settings
from tests.deploy.commands import accept
from tests.deploy.compose_file import FILE, ComposeFile, Service, load_compose
from tests.support.command_line import ROOT

COMPOSE = load_compose()
SERVICES = sorted(COMPOSE.services)
OURS = [name for name in SERVICES if COMPOSE.services[name].build is not None]
VERSION = re.compile(r"^[a-z0-9./-]+:v?[0-9]+\.[0-9]+(\.[0-9]+)?(-[a-z0-9.]+)?$")


def service(name: str) -> Service:
    return COMPOSE.services[name]


def test_the_services_of_the_plan_are_there() -> None:
    """Kafka, Redis, topics, two workers, one notifier, one learner, and what watches them."""
    watching = ["alertmanager", "grafana", "prometheus"]
    assert OURS == ["learner", "notifier", "topics", "worker"]
    assert sorted([*OURS, *watching, "kafka", "redis"]) == SERVICES
    assert service("notifier").deploy is None, "a second one would deliver everything again, and out of order"
    assert service("learner").deploy is None, "a second one would announce every model again"
    deploy = service("worker").deploy
    assert deploy is not None
    assert deploy.replicas == 2


def test_compose_reads_the_file() -> None:
    """Where Compose is installed it agrees that this is a Compose file; it needs no engine for that."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode != 0:
        load_compose()  # our own types are stricter in what may be said, and know nothing of the rest
        return
    read = subprocess.run([docker, "compose", "-f", str(FILE), "config", "-q"], capture_output=True, text=True)
    assert read.returncode == 0, read.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        "helthcheck: {disable: true}",
        "privileged: true",
        "restart: sometimes",
        "environment: {EBBWATCH_WEB_PORT: 9465}",
        "depends_on: {kafka: {condition: healthy}}",
        "healthcheck: {test: [CMD, true], interval: 10}",
    ],
)
def test_a_mistake_is_noticed(tmp_path: Path, wrong: str) -> None:
    """The types above accept neither a key nor a value that ours does not have."""
    text = f"name: a\nservices: {{a: {{image: b, restart: always, networks: []}}}}\n{_EMPTY}"
    file = tmp_path / "compose.yml"
    file.write_text(text)
    load_compose(file)
    key = wrong.partition(":")[0]
    file.write_text(text.replace("restart: always", wrong if key == "restart" else f"restart: always, {wrong}"))
    with pytest.raises(msgspec.ValidationError):
        load_compose(file)


_EMPTY = "secrets: {}\nvolumes: {}\nnetworks: {}\n"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    """A restart on another day starts the same versions."""
    assert VERSION.match(service(name).image)


def test_our_image_has_our_version() -> None:
    """The image of one version does not carry the number of another."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {service(name).image for name in OURS} == {f"ebbwatch:{version}"}


@pytest.mark.parametrize("name", SERVICES)
def test_containers_have_no_rights_to_lose(name: str) -> None:
    """No root, no capabilities, no way to get them; our image names its user itself."""
    this = service(name)
    assert this.cap_drop == ["ALL"]
    assert this.security_opt == ["no-new-privileges:true"]
    if name not in OURS:
        assert this.user is not None
        assert this.user.partition(":")[0] not in ("", "0", "root")
    if name != "kafka":  # its image writes the configuration it makes beside its program
        assert this.read_only


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    """Nothing here asks for a password on the way in, so nothing is open to the network."""
    assert [port for port in service(name).ports if not port.startswith("127.0.0.1:")] == []
    if name in ("redis", *OURS):
        assert service(name).ports == []


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_asked_whether_it_is_well(name: str) -> None:
    """By its own healthcheck or that of our image; what runs once is judged by its exit code."""
    this = service(name)
    if this.healthcheck is None:
        assert name in OURS
    elif this.healthcheck.disable:
        assert this.restart == "no"
    else:
        assert this.healthcheck.test[0] in ("CMD", "CMD-SHELL")
        assert None not in (this.healthcheck.interval, this.healthcheck.timeout, this.healthcheck.start_period)
    assert this.logging is not None
    assert set(this.logging.options) == {"max-size", "max-file"}


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_referred_to_exists(name: str) -> None:
    """Volumes, networks, secrets, services, and files of this repository."""
    this = service(name)
    assert set(this.secrets) <= set(COMPOSE.secrets)
    assert set(this.networks) <= set(COMPOSE.networks)
    for mount in this.volumes:
        source, target, *options = mount.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (ROOT / source).exists(), mount
            assert options == ["ro"], mount
        else:
            assert source in COMPOSE.volumes
    for other, needed in this.depends_on.items():
        there = COMPOSE.services[other]
        if needed.condition == "service_completed_successfully":
            assert there.restart == "no"
        elif needed.condition == "service_healthy":
            assert there.healthcheck is not None
            assert not there.healthcheck.disable
        assert set(this.networks) & set(there.networks), f"{name} does not reach {other}"
    if this.build is not None:
        assert (ROOT / this.build.context / this.build.dockerfile).is_file()


def test_nothing_is_declared_in_vain() -> None:
    """Every volume, network and secret is used."""
    services = COMPOSE.services.values()
    assert {name for one in services for name in one.secrets} == set(COMPOSE.secrets)
    assert {name for one in services for name in one.networks} == set(COMPOSE.networks)
    named = {mount.partition(":")[0] for one in services for mount in one.volumes}
    assert {name for name in named if not name.startswith(".")} == set(COMPOSE.volumes)


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_is_in_the_file(name: str) -> None:
    """What is called a password is the path of a mounted secret."""
    this = service(name)
    for variable, value in this.environment.items():
        if re.search("PASSWORD|SECRET|TOKEN|PSEUDONYM", variable):
            assert variable.endswith("_FILE")
            assert value.removeprefix("/run/secrets/") in this.secrets


def test_secrets_are_made_and_never_committed(tmp_path: Path) -> None:
    """`deploy/make-secrets` makes every secret of the file, keeps those that exist, and git takes none of them."""
    directory = tmp_path / "secrets"
    names = {Path(secret.file).name for secret in COMPOSE.secrets.values()}
    assert {Path(secret.file).parent for secret in COMPOSE.secrets.values()} == {Path("deploy/secrets")}
    made: list[dict[str, bytes]] = []
    for _ in range(2):
        subprocess.run([ROOT / "deploy/make-secrets", directory], check=True, capture_output=True)
        made.append({file.name: file.read_bytes() for file in directory.iterdir()})
    assert set(made[0]) == names
    assert made[0] == made[1]
    assert all(re.fullmatch(b"[0-9a-f]{64}", secret) for secret in made[0].values())
    assert len(set(made[0].values())) == len(names)
    assert directory.stat().st_mode & 0o777 == 0o700
    for name in names:
        ignored = subprocess.run(["git", "check-ignore", "-q", f"deploy/secrets/{name}"], cwd=ROOT)
        assert ignored.returncode == 0, name


@pytest.mark.parametrize("name", OURS)
def test_commands_exist(name: str) -> None:
    """Each of our services runs a command that there is, with options that it has."""
    accept(service(name).command)


def test_a_command_that_there_is_not_is_noticed() -> None:
    """The check above refuses what click would refuse."""
    for words in (["wurker"], ["topics"], ["topics", "make"], ["topics", "create", "--partition", "8"], []):
        with pytest.raises(click.UsageError):
            accept(words)


def bound(this: Service) -> dict[str, str]:
    """Where a service finds each volume, and each directory of the repository that it is given."""
    return {source: target for source, target, *_ in (mount.split(":") for mount in this.volumes)}


def settings_of(name: str, compose: ComposeFile, tmp_path: Path) -> Settings:
    """The settings as the container reads them: secrets are files of the test, what is mounted is in the repository."""
    environment = dict(compose.services[name].environment)
    mounts = {target: source for source, target in bound(compose.services[name]).items() if source[0] == "."}
    for variable, value in environment.items():
        if (place := value.rpartition("/")[0]) in mounts:
            environment[variable] = str(ROOT / mounts[place] / value.rpartition("/")[2])
        if value.startswith("/run/secrets/"):
            file = tmp_path / value.rpartition("/")[2]
            file.write_text("a secret of tests")
            environment[variable] = str(file)
    return Settings(environment)


@pytest.mark.parametrize("name", OURS)
def test_the_environment_is_understood(name: str, tmp_path: Path) -> None:
    """Every variable is one of ours, and its value is accepted."""
    settings = settings_of(name, COMPOSE, tmp_path)
    assert settings.unknown() == []
    assert settings.kafka.brokers == ("kafka:19092",)


def test_workers_reach_the_redis_that_the_file_starts(tmp_path: Path) -> None:
    """Address, user and password are those of the service redis, and the pages are where Prometheus asks."""
    settings = settings_of("worker", COMPOSE, tmp_path)
    assert (settings.store.scheme, settings.store.address) == ("redis", "redis:6379/0")
    assert settings.store.username == "ebbwatch"
    assert settings.store.password is not None
    assert settings.store.password.reveal() == "a secret of tests"
    assert (settings.web_host, settings.web_port) == ("0.0.0.0", 9465)  # noqa: S104 - compared


def test_settings_pass_through(tmp_path: Path) -> None:
    """What is set where Compose runs reaches the worker under the same name; what is not keeps its default."""
    changed = {
        "EBBWATCH_GROUP": "another",
        "EBBWATCH_LOG_LEVEL": "DEBUG",
        "EBBWATCH_CLOCK": "event",
        "EBBWATCH_BATCH_RECORDS": "77",
        "EBBWATCH_CACHE_CUSTOMERS": "78",
        "EBBWATCH_SESSION_TIMEOUT_S": "79",
        "EBBWATCH_STALL_LIMIT_S": "80",
        "EBBWATCH_POLICIES_FILE": "/etc/policies.toml",
    }
    shown = _shown(settings_of("worker", load_compose(environment=changed), tmp_path))
    assert {name: shown[name] for name in changed} == changed
    defaults = _shown(settings_of("worker", COMPOSE, tmp_path))
    assert {name: defaults[name] for name in changed} == {
        setting.name: setting.default for setting in SETTINGS if setting.name in changed
    }


def _shown(settings: Settings) -> dict[str, str]:
    return {setting.name: value for setting, value in settings.shown()}


def test_there_is_time_to_end_in_good_order() -> None:
    """Nobody is killed while finishing what is under way: a worker 30 s, a learner 20 s, a notifier an attempt."""
    assert service("worker").stop_grace_period == "60s"
    (longest_s,) = (
        constraint.le for constraint in get_type_hints(WebhookEndpoint, include_extras=True)["timeout_s"].__metadata__
    )
    assert int(str(service("notifier").stop_grace_period).removesuffix("s")) > longest_s
    assert service("learner").stop_grace_period == "60s"
    assert all(service(name).init for name in OURS)


def test_the_notifier_delivers_as_shipped(tmp_path: Path) -> None:
    """Its endpoints can be opened with its secrets, its pages are where Prometheus asks, its data are on a volume."""
    this = service("notifier")
    settings = settings_of("notifier", COMPOSE, tmp_path)
    assert (settings.web_host, settings.web_port) == ("0.0.0.0", 9465)  # noqa: S104 - compared
    assert settings.endpoints_file == ROOT / "deploy" / "notifier" / "endpoints.toml"
    shipped = settings.endpoints_file.read_text()
    secrets = re.findall(r'^[^#].*"file:/run/secrets/(.*)"', shipped, re.MULTILINE)
    assert secrets == this.secrets
    for secret in secrets:
        (tmp_path / secret).write_text("a secret of tests, not too short")
    (tmp_path / "endpoints.toml").write_text(shipped.replace("/run/secrets", str(tmp_path)))
    endpoints = load_endpoints(tmp_path / "endpoints.toml")
    open_renderer(endpoints, settings)
    for endpoint in endpoints.endpoints:
        open_channel(endpoint, settings)
    data = Path(this.command[this.command.index("--data") + 1])
    assert bound(this)["notifier-data"] == str(data.parent)


def test_the_learner_is_seen_and_keeps_what_it_learns(tmp_path: Path) -> None:
    """Its pages are where Prometheus asks, its data are on a volume, and it reads the policies of the workers."""
    this = service("learner")
    settings = settings_of("learner", COMPOSE, tmp_path)
    assert (settings.web_host, settings.web_port) == ("0.0.0.0", 9465)  # noqa: S104 - compared
    data = Path(this.command[this.command.index("--data") + 1])
    assert bound(this)["learner-data"] == str(data.parent)
    changed = load_compose(environment={"EBBWATCH_POLICIES_FILE": "/etc/policies.toml"})
    for name in ("learner", "worker"):
        assert _shown(settings_of(name, changed, tmp_path))["EBBWATCH_POLICIES_FILE"] == "/etc/policies.toml"


def test_the_example_of_a_webhook_is_one(tmp_path: Path) -> None:
    """What is in comments in the shipped file is accepted once it is not."""
    shipped = (ROOT / "deploy" / "notifier" / "endpoints.toml").read_text()
    shown = re.sub(r"^# (?=\[\[|[a-z]+ = )", "", shipped, flags=re.MULTILINE)
    (tmp_path / "endpoints.toml").write_text(shown)
    console, webhook = load_endpoints(tmp_path / "endpoints.toml").endpoints
    assert (console.name, webhook.name) == ("console", "crm")
    assert isinstance(webhook, WebhookEndpoint)
