"""What the environment says; the only reader of it.

A secret may be given as a value or, with `_FILE` behind the name, as the path of a file that holds it. Neither is ever
shown: a `Secret` has no text of its own, and an error names a setting and what was expected, never a value.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
SASL_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
CLOCKS = ("wall", "event")
STORE_SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster", "sqlite")


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it and what was expected, never its value."""


class Setting(Struct, frozen=True):
    """One variable of the environment: what it means, its default (as text), and whether it is a secret."""

    name: str
    meaning: str
    default: str = ""
    secret: bool = False


PSEUDONYM_KEY = "EBBWATCH_PSEUDONYM_KEY"
LOG_LEVEL = "EBBWATCH_LOG_LEVEL"
POLICIES_FILE = "EBBWATCH_POLICIES_FILE"
GROUP = "EBBWATCH_GROUP"
STORE_URL = "EBBWATCH_STORE_URL"
REDIS_USERNAME = "EBBWATCH_REDIS_USERNAME"
REDIS_PASSWORD = "EBBWATCH_REDIS_PASSWORD"  # noqa: S105 - the name of a setting
REDIS_CA_FILE = "EBBWATCH_REDIS_CA_FILE"
REDIS_CERT_FILE = "EBBWATCH_REDIS_CERT_FILE"
REDIS_KEY_FILE = "EBBWATCH_REDIS_KEY_FILE"
KAFKA_BROKERS = "EBBWATCH_KAFKA_BROKERS"
KAFKA_SECURITY_PROTOCOL = "EBBWATCH_KAFKA_SECURITY_PROTOCOL"
KAFKA_SASL_MECHANISM = "EBBWATCH_KAFKA_SASL_MECHANISM"
KAFKA_USERNAME = "EBBWATCH_KAFKA_USERNAME"
KAFKA_PASSWORD = "EBBWATCH_KAFKA_PASSWORD"  # noqa: S105 - the name of a setting
KAFKA_CA_FILE = "EBBWATCH_KAFKA_CA_FILE"
KAFKA_CERT_FILE = "EBBWATCH_KAFKA_CERT_FILE"
KAFKA_KEY_FILE = "EBBWATCH_KAFKA_KEY_FILE"
WEB_HOST = "EBBWATCH_WEB_HOST"
WEB_PORT = "EBBWATCH_WEB_PORT"
CLOCK = "EBBWATCH_CLOCK"
BATCH_RECORDS = "EBBWATCH_BATCH_RECORDS"
CACHE_CUSTOMERS = "EBBWATCH_CACHE_CUSTOMERS"
SESSION_TIMEOUT_S = "EBBWATCH_SESSION_TIMEOUT_S"
STALL_LIMIT_S = "EBBWATCH_STALL_LIMIT_S"
ENDPOINTS = "EBBWATCH_ENDPOINTS"

SETTINGS = (
    Setting(LOG_LEVEL, "`DEBUG`, `INFO`, `WARNING` or `ERROR`", "INFO"),
    Setting(
        PSEUDONYM_KEY,
        "replace every identifier by a keyed pseudonym before anything is stored; at least 16 bytes; never changed",
        secret=True,
    ),
    Setting(POLICIES_FILE, "policy file; the policies that are shipped when empty"),
    Setting(GROUP, "consumer group of the workers", "ebbwatch"),
    Setting(KAFKA_BROKERS, "bootstrap brokers, `host:port`, separated by commas", "127.0.0.1:9092"),
    Setting(KAFKA_SECURITY_PROTOCOL, "`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`", "PLAINTEXT"),
    Setting(KAFKA_SASL_MECHANISM, "`SCRAM-SHA-256` or `SCRAM-SHA-512`", "SCRAM-SHA-512"),
    Setting(KAFKA_USERNAME, "SASL user"),
    Setting(KAFKA_PASSWORD, "SASL password", secret=True),
    Setting(KAFKA_CA_FILE, "certificate authorities (PEM) that sign the brokers; the system's when empty"),
    Setting(KAFKA_CERT_FILE, "client certificate (PEM), where the brokers ask for one"),
    Setting(KAFKA_KEY_FILE, "key of the client certificate (PEM, not encrypted)"),
    Setting(
        STORE_URL,
        "`redis://host:port/db`, `rediss://` for TLS, `redis+cluster://host:port,host:port`, or `sqlite:FILE`",
        "redis://127.0.0.1:6379/0",
    ),
    Setting(REDIS_USERNAME, "ACL user; `default` when empty"),
    Setting(REDIS_PASSWORD, "its password", secret=True),
    Setting(REDIS_CA_FILE, "certificate authorities (PEM) that sign Redis; the system's when empty"),
    Setting(REDIS_CERT_FILE, "client certificate (PEM), where Redis asks for one"),
    Setting(REDIS_KEY_FILE, "key of the client certificate (PEM, not encrypted)"),
    Setting(WEB_HOST, "address of `/metrics`, `/healthz` and `/readyz`", "127.0.0.1"),
    Setting(WEB_PORT, "its port", "9465"),
    Setting(CLOCK, "`wall`, or `event` to let time pass as recorded events say", "wall"),
    Setting(BATCH_RECORDS, "most records in a micro-batch", "32768"),
    Setting(CACHE_CUSTOMERS, "customers kept decoded in memory by each worker", "100000"),
    Setting(SESSION_TIMEOUT_S, "seconds without a heartbeat after which a worker's partitions move on", "10"),
    Setting(STALL_LIMIT_S, "seconds without progress while records wait, after which a worker ends itself", "120"),
    Setting(ENDPOINTS, "file of the endpoints that the notifier delivers alerts to (docs/webhooks.md)"),
)
"""Every setting there is; `ebbwatch config show` prints them, the documentation lists them."""

_BY_NAME = {setting.name: setting for setting in SETTINGS}


class Secret:
    """A secret that no message, log line or traceback can show by accident; ask for it with `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        """Keep `value`."""
        self._value = value

    def reveal(self) -> str:
        """The secret itself."""
        return self._value.decode()

    def __repr__(self) -> str:
        return "Secret(...)"


class KafkaSettings(Struct, frozen=True, kw_only=True):
    """How to reach the brokers."""

    brokers: tuple[str, ...]
    security_protocol: str
    sasl_mechanism: str
    username: str
    password: Secret | None
    ca_file: str
    cert_file: str
    key_file: str

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.security_protocol.endswith("SSL")

    @property
    def sasl(self) -> bool:
        """Whether the connection is authenticated by a user and password."""
        return self.security_protocol.startswith("SASL")


class StoreSettings(Struct, frozen=True, kw_only=True):
    """Where the state is: `scheme` is one of `STORE_SCHEMES`, `address` what follows it in the URL."""

    scheme: str
    address: str
    username: str
    password: Secret | None
    ca_file: str
    cert_file: str
    key_file: str


class Settings:
    """Settings read once, when the process starts."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Read `environment`, by default the process's own; raises `SettingsError`."""
        self._environment = os.environ if environment is None else environment
        self.pseudonym_key = self._secret(PSEUDONYM_KEY)
        self.log_level = self._one_of(LOG_LEVEL, LOG_LEVELS, str.upper)
        policies = self._text(POLICIES_FILE)
        self.policies_file = Path(policies) if policies else None
        self.group = self._text(GROUP)
        self.kafka = self._kafka()
        self.store = self._store()
        self.web_host = self._text(WEB_HOST)
        self.web_port = self._number(WEB_PORT, 1, 65_535)
        self.clock = self._one_of(CLOCK, CLOCKS, str.lower)
        self.batch_records = self._number(BATCH_RECORDS, 1, 1_000_000)
        self.cache_customers = self._number(CACHE_CUSTOMERS, 1, 100_000_000)
        self.session_timeout_s = self._number(SESSION_TIMEOUT_S, 6, 1800)
        self.stall_limit_s = self._number(STALL_LIMIT_S, 5, 86_400)
        endpoints = self._file(ENDPOINTS)
        self.endpoints_file = Path(endpoints) if endpoints else None

    def secret_at(self, reference: str) -> Secret:
        """The secret that `env:NAME` or `file:PATH` refers to; raises `SettingsError`, which names the place alone."""
        kind, _, place = reference.partition(":")
        value = self._environment.get(place, "").encode() if kind == "env" else self._content(place, reference)
        if not value:
            raise SettingsError(f"{reference}: holds no secret")
        return Secret(value)

    def shown(self) -> list[tuple[Setting, str]]:
        """Every setting with what is shown of its value: of a secret, whether it is set."""
        shown = []
        for setting in SETTINGS:
            given = self._environment.get(setting.name) or self._environment.get(f"{setting.name}_FILE")
            if setting.secret:
                shown.append((setting, "set, not shown" if given else "not set"))
            else:
                shown.append((setting, self._text(setting.name)))
        return shown

    def unknown(self) -> list[str]:
        """Variables that begin like ours and are none: most likely misspelt."""
        known = set(_BY_NAME) | {f"{setting.name}_FILE" for setting in SETTINGS if setting.secret}
        return sorted(name for name in self._environment if name.startswith("EBBWATCH_") and name not in known)

    def _kafka(self) -> KafkaSettings:
        brokers = tuple(part.strip() for part in self._text(KAFKA_BROKERS).split(","))
        for broker in brokers:
            host, _, port = broker.rpartition(":")
            if not host or not port.isdigit():
                raise SettingsError(f"{KAFKA_BROKERS}: expected host:port, separated by commas")
        kafka = KafkaSettings(
            brokers=brokers,
            security_protocol=self._one_of(KAFKA_SECURITY_PROTOCOL, SECURITY_PROTOCOLS, str.upper),
            sasl_mechanism=self._one_of(KAFKA_SASL_MECHANISM, SASL_MECHANISMS, str.upper),
            username=self._text(KAFKA_USERNAME),
            password=_wrapped(self._secret(KAFKA_PASSWORD)),
            ca_file=self._file(KAFKA_CA_FILE),
            cert_file=self._file(KAFKA_CERT_FILE),
            key_file=self._file(KAFKA_KEY_FILE),
        )
        if kafka.sasl and not (kafka.username and kafka.password):
            raise SettingsError(
                f"{KAFKA_SECURITY_PROTOCOL}: SASL needs {KAFKA_USERNAME} and {KAFKA_PASSWORD} or {KAFKA_PASSWORD}_FILE"
            )
        return kafka

    def _store(self) -> StoreSettings:
        scheme, separator, address = self._text(STORE_URL).partition(":")
        if not separator or scheme not in STORE_SCHEMES:
            raise SettingsError(f"{STORE_URL}: expected a URL that begins with one of {', '.join(STORE_SCHEMES)}")
        if "@" in address and scheme != "sqlite":
            raise SettingsError(f"{STORE_URL}: expected no user or password in it: {REDIS_USERNAME}, {REDIS_PASSWORD}")
        address = address.removeprefix("//")
        if not address:
            raise SettingsError(f"{STORE_URL}: expected an address behind {scheme}:")
        return StoreSettings(
            scheme=scheme,
            address=address,
            username=self._text(REDIS_USERNAME),
            password=_wrapped(self._secret(REDIS_PASSWORD)),
            ca_file=self._file(REDIS_CA_FILE),
            cert_file=self._file(REDIS_CERT_FILE),
            key_file=self._file(REDIS_KEY_FILE),
        )

    def _text(self, name: str) -> str:
        return self._environment.get(name) or _BY_NAME[name].default

    def _one_of(self, name: str, values: tuple[str, ...], folded: Callable[[str], str]) -> str:
        value = folded(self._text(name))
        if value not in values:
            raise SettingsError(f"{name}: expected one of {', '.join(values)}")
        return value

    def _number(self, name: str, least: int, most: int) -> int:
        text = self._text(name)
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise SettingsError(f"{name}: expected a whole number from {least} to {most}")
        return int(text)

    def _file(self, name: str) -> str:
        path = self._text(name)
        if path and not Path(path).is_file():
            raise SettingsError(f"{name}: there is no such file")
        return path

    def _secret(self, name: str) -> bytes | None:
        value, path = self._environment.get(name), self._environment.get(f"{name}_FILE")
        if value and path:
            raise SettingsError(f"{name}: expected either {name} or {name}_FILE, found both")
        if path:
            return self._content(path, f"{name}_FILE")
        return value.encode() if value else None

    @staticmethod
    def _content(path: str, name: str) -> bytes:
        try:
            return Path(path).read_bytes().strip()
        except OSError as error:
            raise SettingsError(f"{name}: cannot be read ({error.strerror})") from None


def _wrapped(value: bytes | None) -> Secret | None:
    return None if value is None else Secret(value)
