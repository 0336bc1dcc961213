"""TLS and SASL/SCRAM against a broker that demands them, through both client libraries."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaProducer

from config.settings import KafkaSettings, Settings, SettingsError
from streams.kafka_connection import BrokerError, aiokafka_options, check_brokers, kafka_python_options, open_admin
from tests.support.certificates import Certificates
from tests.support.feeds import login, write
from tests.support.kafka_server import KAFKA_PASSWORD, KAFKA_USER, KafkaServer
from tests.support.kafka_topics import delete_topics, fresh_topics
from tests.support.live_commands import invoke

Connect = Callable[..., KafkaSettings]


@pytest.fixture
def connect(secure_kafka: KafkaServer, certificates: Certificates) -> Connect:
    """Settings for the listener that demands TLS and a user, all of them right unless a test changes one."""

    def settings(**changed: str) -> KafkaSettings:
        right = {
            "BROKERS": secure_kafka.sasl_ssl,
            "SECURITY_PROTOCOL": "SASL_SSL",
            "CA_FILE": str(certificates.ca),
            "USERNAME": KAFKA_USER,
            "PASSWORD": KAFKA_PASSWORD,
        }
        return Settings({f"EBBWATCH_KAFKA_{name}": value for name, value in {**right, **changed}.items()}).kafka

    return settings


async def test_the_right_settings_connect(
    secure_kafka: KafkaServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Both libraries produce over TLS as the user, and not even their debug logs hold the password."""
    caplog.set_level(logging.DEBUG)
    fresh_topics(secure_kafka.bootstrap, 1)
    with KafkaProducer(**kafka_python_options(connect())) as producer:
        assert producer.send("bank.calls", b"one", partition=0).get(30).offset == 0
    async with AIOKafkaProducer(**aiokafka_options(connect())) as client:
        assert (await client.send_and_wait("bank.calls", b"two", partition=0)).offset == 1
    assert "SCRAM-SHA-512" in caplog.text
    assert KAFKA_PASSWORD not in caplog.text


def test_a_password_from_a_file_connects(connect: Connect, tmp_path: Path) -> None:
    """A secret that is mounted as a file is as good as one in the environment."""
    file = tmp_path / "password"
    file.write_text(KAFKA_PASSWORD + "\n")
    admin = open_admin(connect(PASSWORD="", PASSWORD_FILE=str(file)))
    assert admin.describe_cluster()["brokers"]
    admin.close()


def test_a_client_certificate_connects(secure_kafka: KafkaServer, certificates: Certificates, connect: Connect) -> None:
    """A broker that knows its clients by their certificates needs no password."""
    files = {"CERT_FILE": str(certificates.client_cert), "KEY_FILE": str(certificates.client_key)}
    admin = open_admin(connect(BROKERS=secure_kafka.ssl, SECURITY_PROTOCOL="SSL", USERNAME="", PASSWORD="", **files))
    assert admin.describe_cluster()["brokers"]
    admin.close()


def test_commands_work_over_sasl(secure_kafka: KafkaServer, certificates: Certificates, tmp_path: Path) -> None:
    """Every command that talks to the brokers takes the same settings."""
    delete_topics(secure_kafka.bootstrap)
    settings = {
        "EBBWATCH_KAFKA_BROKERS": secure_kafka.sasl_ssl,
        "EBBWATCH_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "EBBWATCH_KAFKA_CA_FILE": str(certificates.ca),
        "EBBWATCH_KAFKA_USERNAME": KAFKA_USER,
        "EBBWATCH_KAFKA_PASSWORD": KAFKA_PASSWORD,
        "EBBWATCH_STORE_URL": "sqlite:no-such-file",
    }
    feed = write(tmp_path / "feed.ndjson", [login(number) for number in range(20)])
    commands: dict[str, list[object]] = {
        "2 shards of the ledger begin": ["topics", "create", "--partitions", 2],
        "with 2 partitions each (ebbwatch.examples: one): ok": ["topics", "check"],
        "published 20 lines": ["publish", feed],
        "no dead letters": ["dead-letters", "list"],
        "22 records behind": ["lag"],
    }
    for sentence, words in commands.items():
        assert sentence in invoke(secure_kafka, *words, settings=settings).output
    for words in commands.values():
        wrong = {**settings, "EBBWATCH_KAFKA_PASSWORD": "not-it-at-all"}
        output = invoke(secure_kafka, *words, code=1, settings=wrong).output
        assert "the user or the password is refused: see EBBWATCH_KAFKA_USERNAME, EBBWATCH_KAFKA_PASSWORD" in output
        assert "not-it-at-all" not in output


async def test_one_broker_that_answers_is_enough(secure_kafka: KafkaServer, connect: Connect) -> None:
    """Of several bootstrap brokers the first may be down."""
    await check_brokers(connect(BROKERS=f"127.0.0.1:1,{secure_kafka.sasl_ssl}"))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"PASSWORD": "not-it-at-all"},
            "the user or the password is refused: see EBBWATCH_KAFKA_USERNAME, EBBWATCH_KAFKA_PASSWORD",
        ),
        ({"USERNAME": "nobody"}, "the user or the password is refused"),
        ({"SASL_MECHANISM": "SCRAM-SHA-256"}, "SCRAM-SHA-256 is not offered: see EBBWATCH_KAFKA_SASL_MECHANISM"),
        (
            {"CA_FILE": "other_ca"},
            "certificate is refused (self-signed certificate in certificate chain): see EBBWATCH_KAFKA_CA_FILE",
        ),
        ({"CA_FILE": ""}, "certificate is refused"),
        ({"SECURITY_PROTOCOL": "SSL"}, "the other side closes the connection: see EBBWATCH_KAFKA_SECURITY_PROTOCOL"),
        (
            {"SECURITY_PROTOCOL": "PLAINTEXT"},
            "the other side closes the connection: see EBBWATCH_KAFKA_SECURITY_PROTOCOL",
        ),
        (
            {"BROKERS": "ssl", "SECURITY_PROTOCOL": "SSL"},
            "_CERTIFICATE): see EBBWATCH_KAFKA_SECURITY_PROTOCOL, EBBWATCH_KAFKA_CERT_FILE",
        ),
        (
            {"BROKERS": "ssl", "CERT_FILE": "client_cert", "KEY_FILE": "client_key"},
            "this listener does not use SASL: see EBBWATCH_KAFKA_SECURITY_PROTOCOL",
        ),
        ({"BROKERS": "bootstrap"}, "see EBBWATCH_KAFKA_SECURITY_PROTOCOL"),
        (
            {"BROKERS": "127.0.0.1:1"},
            "127.0.0.1:1: cannot be reached (Connect call failed ('127.0.0.1', 1)): see EBBWATCH_KAFKA_BROKERS",
        ),
    ],
)
def test_a_wrong_setting_is_named(
    secure_kafka: KafkaServer,
    certificates: Certificates,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    changed: dict[str, str],
    sentence: str,
) -> None:
    """What is wrong is said by the setting to look at, without the password."""
    caplog.set_level(logging.DEBUG)
    values = {
        "other_ca": str(certificates.other_ca),
        "client_cert": str(certificates.client_cert),
        "client_key": str(certificates.client_key),
        "ssl": secure_kafka.ssl,
        "bootstrap": secure_kafka.bootstrap,
    }
    with pytest.raises(BrokerError) as raised:
        open_admin(connect(**{name: values.get(value, value) for name, value in changed.items()}))
    assert sentence in str(raised.value)
    said = str(raised.value) + caplog.text
    assert KAFKA_PASSWORD not in said
    assert "not-it-at-all" not in said


@pytest.mark.parametrize("name", ["CA_FILE", "CERT_FILE"])
def test_a_file_that_is_no_certificate_is_named(connect: Connect, tmp_path: Path, name: str) -> None:
    """A certificate file that holds something else is refused before anything is connected."""
    file = tmp_path / "no.pem"
    file.write_text("no certificate")
    with pytest.raises(SettingsError, match=f"EBBWATCH_KAFKA_{name}.*PEM"):
        kafka_python_options(connect(**{name: str(file)}))
