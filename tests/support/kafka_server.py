"""A real Apache Kafka for tests: one node (KRaft, broker and controller), on loopback, in a directory of its own.

What is proved against it holds for Kafka as it is, not for an imitation. Java and the jars are needed; where they are
missing the error says how to get them.
"""

import base64
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from msgspec import Struct

from tests.support.command_line import ROOT

JARS = ROOT / ".parts" / "kafka" / "jars"
JAVA_OPTIONS = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Quick to start and small; a benchmark of throughput should pass its own."""
KAFKA_USER = "ebbwatch-worker"
KAFKA_PASSWORD = "a Pass'phrase: of-tests"
"""The user of brokers under test that demand one."""
_START_S = 90.0
_STOP_S = 30.0


class KafkaMissing(RuntimeError):
    """Java or the jars are not there; the message says how to get them."""


class BrokerSecurity(Struct, frozen=True):
    """What a broker with the listeners `SSL` and `SASL_SSL` needs.

    `keystore` is a PEM file with the server's key (PKCS 8, not encrypted) and its certificate; clients of `SSL` need a
    certificate that `client_ca` signed; `users` are passwords by name.
    """

    keystore: Path
    client_ca: Path
    users: dict[str, str]
    mechanism: str = "SCRAM-SHA-512"


class KafkaServer:
    """One broker; `bootstrap` is its address in plain text, `ssl` and `sasl_ssl` those that `security` adds."""

    def __init__(
        self, directory: Path, security: BrokerSecurity | None = None, java_options: Sequence[str] = JAVA_OPTIONS
    ) -> None:
        """Format a data directory below `directory` and start; returns when the broker answers."""
        self._java = _java()
        self._java_options = java_options
        self._security = security
        self._directory = directory.absolute()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        plain, controller, ssl, sasl_ssl = _free_ports(4)
        self.bootstrap = f"127.0.0.1:{plain}"
        self.ssl = f"127.0.0.1:{ssl}"
        self.sasl_ssl = f"127.0.0.1:{sasl_ssl}"
        self._properties = self._directory / "server.properties"
        self._properties.write_text(self._configuration(f"127.0.0.1:{controller}"))
        self._logging = self._directory / "log4j2.properties"
        self._logging.write_text(_LOGGING.format(file=self._directory / "server.log"))
        self._format()
        self.start()

    @property
    def version(self) -> str:
        """The version of the broker's jars."""
        (jar,) = JARS.glob("kafka_2.13-*.jar")
        return jar.stem.removeprefix("kafka_2.13-")

    @property
    def pid(self) -> int:
        """The process, for tests that send it signals."""
        assert self._process is not None, "the broker is not running"
        return self._process.pid

    def start(self) -> None:
        """Start on the same ports and data; returns when the broker answers."""
        assert self._process is None, "the broker is running"
        with (self._directory / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                self._words("kafka.Kafka", str(self._properties)), cwd=self._directory, stdout=console, stderr=console
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Shut down in good order; nothing happens where the broker is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill -9, as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Shut down, or go on from where a kill left it, and start again on the same ports and data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)  # a test may have stopped it
        process.send_signal(number)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _words(self, main: str, *words: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._logging}"
        return [self._java, *self._java_options, logging, "-cp", str(JARS / "*"), main, *words]

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        words = ["format", "--cluster-id", cluster, "--config", str(self._properties)]
        if self._security is not None:
            for name, password in self._security.users.items():
                words += ["--add-scram", f"{self._security.mechanism}=[name={name},password={password}]"]
        done = subprocess.run(self._words("kafka.tools.StorageTool", *words), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"Kafka's data directory cannot be made:\n{(done.stdout + done.stderr).decode()}")

    def _configuration(self, controller: str) -> str:
        listeners = {"PLAINTEXT": self.bootstrap}
        extra = ""
        if self._security is not None:
            listeners |= {"SSL": self.ssl, "SASL_SSL": self.sasl_ssl}
            mechanism = self._security.mechanism
            extra = _SECURITY.format(
                keystore=self._security.keystore.absolute(),
                client_ca=self._security.client_ca.absolute(),
                mechanism=mechanism,
                mechanism_lower=mechanism.lower(),
            )
        advertised = ",".join(f"{name}://{address}" for name, address in listeners.items())
        return (
            _PROPERTIES.format(
                data=self._directory / "data",
                controller=controller,
                listeners=f"{advertised},CONTROLLER://{controller}",
                advertised=advertised,
                protocols=",".join(f"{name}:{name}" for name in listeners),
            )
            + extra
        )

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        give_up = time.monotonic() + _START_S
        while not self._answers():
            if process.poll() is not None:
                raise RuntimeError(f"Kafka ended by itself with exit code {process.returncode}:\n{self._said()}")
            if time.monotonic() > give_up:
                raise RuntimeError(f"Kafka is not ready after {_START_S:.0f} s:\n{self._said()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        """Whether the broker accepts requests and has a controller to make topics with."""
        host, _, port = self.bootstrap.partition(":")
        try:
            socket.create_connection((host, int(port)), 1).close()
            admin = KafkaAdminClient(
                bootstrap_servers=self.bootstrap, request_timeout_ms=2000, bootstrap_timeout_ms=2000
            )
        except (OSError, KafkaError):
            return False
        try:
            return bool(admin.describe_cluster()["brokers"])
        except KafkaError:
            return False
        finally:
            admin.close()

    def _said(self) -> str:
        logs = [self._directory / name for name in ("console.log", "server.log")]
        return "".join(log.read_text(errors="replace")[-4000:] for log in logs if log.exists())


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise KafkaMissing("no java: install Java 17 or later: apt-get install default-jre-headless")
    if not JARS.is_dir():
        raise KafkaMissing("no Kafka jars: run `make kafka`, which fetches them with Maven")
    return java


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; a broker keeps its own over a restart, so it cannot ask for any."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{controller}
controller.listener.names=CONTROLLER
listeners={listeners}
advertised.listeners={advertised}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,{protocols}
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=3000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
file.delete.delay.ms=1000
num.network.threads=2
num.io.threads=4
background.threads=2
"""

_SECURITY = """\
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={client_ca}
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms={mechanism}
listener.name.sasl_ssl.sasl.enabled.mechanisms={mechanism}
listener.name.sasl_ssl.{mechanism_lower}.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
"""

_LOGGING = """\
status = error
appender.file.type = File
appender.file.name = file
appender.file.fileName = {file}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
"""
