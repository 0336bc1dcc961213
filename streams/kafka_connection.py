"""How every client of ours reaches the brokers, from the settings: one place for TLS, SASL and what can go wrong.

The two client libraries word the same faults differently, and retry a wrong password for half a minute before they say
that they cannot connect. So a connection is tried once beforehand, and a fault is told by the setting to look at.
"""

import asyncio
import ssl
from typing import Any

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from config.settings import (
    KAFKA_BROKERS,
    KAFKA_CA_FILE,
    KAFKA_CERT_FILE,
    KAFKA_KEY_FILE,
    KAFKA_PASSWORD,
    KAFKA_SASL_MECHANISM,
    KAFKA_SECURITY_PROTOCOL,
    KAFKA_USERNAME,
    KafkaSettings,
    Secret,
    SettingsError,
)

CLIENT_ID = "ebbwatch"
_TRY_S = 10.0
_BOOTSTRAP_MS = 15_000


class BrokerError(RuntimeError):
    """The brokers cannot be used; the message says why and which setting to look at, and holds no secret."""


class _Hidden(str):
    """A password as the client libraries want it, a string; they log their configuration, where it must not show."""

    __slots__ = ()

    def __str__(self) -> str:
        return "Secret(...)"

    def __repr__(self) -> str:
        return "Secret(...)"

    def __format__(self, _spec: str) -> str:
        return "Secret(...)"


def kafka_python_options(kafka: KafkaSettings) -> dict[str, Any]:
    """Arguments for any client of kafka-python; raises `SettingsError` for a certificate file that is none."""
    return {"bootstrap_servers": list(kafka.brokers), "client_id": CLIENT_ID, **_security(kafka)}


def aiokafka_options(kafka: KafkaSettings) -> dict[str, Any]:
    """Arguments for any client of aiokafka; raises `SettingsError` for a certificate file that is none."""
    return {"bootstrap_servers": list(kafka.brokers), **_security(kafka)}


def open_admin(kafka: KafkaSettings) -> KafkaAdminClient:
    """A client for administration, connected; raises `BrokerError`. Not to be called where an event loop runs."""
    asyncio.run(check_brokers(kafka))
    try:
        return KafkaAdminClient(**kafka_python_options(kafka), bootstrap_timeout_ms=_BOOTSTRAP_MS)
    except KafkaError as error:
        raise BrokerError(f"the brokers do not answer ({type(error).__name__}): see {KAFKA_BROKERS}") from None


async def check_brokers(kafka: KafkaSettings) -> None:
    """Return when one broker can be used as the settings say; else raise `BrokerError` with what is wrong."""
    faults: list[str] = []
    options = _security(kafka)
    for broker in kafka.brokers:
        try:
            await asyncio.wait_for(_try(broker, options), _TRY_S)
        except Exception as error:
            fault = _fault(error, kafka)
            if fault is None:
                raise
            faults.append(f"{broker}: {fault}")
        else:
            return
    raise BrokerError("\n".join(dict.fromkeys(faults)))


async def _try(broker: str, options: dict[str, Any]) -> None:
    host, _, port = broker.rpartition(":")
    opened: list[bool] = []
    connection = AIOKafkaConnection(
        host.strip("[]"),
        int(port),
        request_timeout_ms=int(_TRY_S * 1000),
        on_close=lambda *_: opened.append(True),
        **options,
    )
    try:
        await connection.connect()
        await connection.send(MetadataRequest([]))  # a listener that wants SASL closes the connection only here
    finally:
        closed = connection.close()
        if opened:
            await closed


def _fault(error: Exception, kafka: KafkaSettings) -> str | None:
    """What is wrong, in words that name a setting; None for what is no fault of a connection."""
    if isinstance(error, errors.KafkaConnectionError) and isinstance(error.__cause__, ssl.SSLError):
        error = error.__cause__  # a certificate of ours that is refused, or missed, is said after the handshake
    match error:
        case ssl.SSLCertVerificationError():
            return f"the broker's certificate is refused ({error.verify_message}): see {KAFKA_CA_FILE}"
        case ssl.SSLError():
            return f"TLS failed ({error.reason}): see {KAFKA_SECURITY_PROTOCOL}, {KAFKA_CERT_FILE}, {KAFKA_KEY_FILE}"
        case errors.SaslAuthenticationFailed() | errors.AuthenticationFailedError():
            return (
                f"the user or the password is refused: see {KAFKA_USERNAME}, {KAFKA_PASSWORD} or {KAFKA_PASSWORD}_FILE"
            )
        case errors.UnsupportedSaslMechanismError():
            return f"{kafka.sasl_mechanism} is not offered: see {KAFKA_SASL_MECHANISM}"
        case errors.IllegalSaslStateError():
            return f"this listener does not use SASL: see {KAFKA_SECURITY_PROTOCOL}"
        case TimeoutError() | asyncio.TimeoutError():
            return f"no answer within {_TRY_S:.0f} s: see {KAFKA_BROKERS} and {KAFKA_SECURITY_PROTOCOL}"
        case errors.KafkaConnectionError() | ConnectionResetError() | BrokenPipeError():
            return f"the other side closes the connection: see {KAFKA_SECURITY_PROTOCOL} ({kafka.security_protocol})"
        case OSError():
            return f"cannot be reached ({error.strerror or type(error).__name__}): see {KAFKA_BROKERS}"
        case errors.KafkaError():
            return f"{type(error).__name__}: see {KAFKA_BROKERS}, {KAFKA_SECURITY_PROTOCOL}"
    return None


def _security(kafka: KafkaSettings) -> dict[str, Any]:
    options: dict[str, Any] = {"security_protocol": kafka.security_protocol}
    if kafka.tls:
        options["ssl_context"] = _tls(kafka)
    if kafka.sasl:
        assert isinstance(kafka.password, Secret)  # noqa: S101 - the settings insist on it
        options["sasl_mechanism"] = kafka.sasl_mechanism
        options["sasl_plain_username"] = kafka.username
        options["sasl_plain_password"] = _Hidden(kafka.password.reveal())
    return options


def _tls(kafka: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.ca_file or None)
    except (ssl.SSLError, OSError):
        raise SettingsError(f"{KAFKA_CA_FILE}: holds no certificates in PEM") from None
    if kafka.cert_file:
        try:
            # A password that is never right, or openssl would ask for one on the terminal.
            context.load_cert_chain(kafka.cert_file, kafka.key_file or None, password="")
        except (ssl.SSLError, OSError):
            raise SettingsError(
                f"{KAFKA_CERT_FILE}, {KAFKA_KEY_FILE}: expected a certificate in PEM and its key, not encrypted"
            ) from None
    elif kafka.key_file:
        raise SettingsError(f"{KAFKA_KEY_FILE}: is of no use without {KAFKA_CERT_FILE}")
    return context
