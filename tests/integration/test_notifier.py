"""The notifier and its commands, on a real Kafka and real receivers: what operators do, and what must be nowhere."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from models.context import Stream
from streams.names import STREAM_TOPICS
from streams.offsets import committed_offsets
from streams.sharding import shard_of
from streams.webhooks.outcome import Outcome
from tests.support.alerts import made_alert, publish_alerts, webhook_id
from tests.support.certificates import Certificates
from tests.support.command_line import ebbwatch
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import fresh_topics
from tests.support.notifier import OTHER_SECRET, SECRET, Notifier, webhook, write_endpoints
from tests.support.webhook_receiver import Manners, WebhookReceiver, verified

ALERTS = STREAM_TOPICS[Stream.ALERTS]
PARTITIONS = 2
LONGEST_S = 60.0
CANARY = "canary-5d1e0"
AMOUNT = 7_351_947.31
QUICK: dict[str, Any] = {"backoff_first_s": 0.1, "backoff_most_s": 0.5, "timeout_s": 5.0}


def until(reached: Callable[[], bool]) -> None:
    give_up = time.monotonic() + LONGEST_S
    while not reached():
        assert time.monotonic() < give_up, "it takes too long"
        time.sleep(0.02)


@pytest.fixture
def topics(kafka: KafkaServer) -> KafkaServer:
    """The broker, with our topics, empty."""
    fresh_topics(kafka.bootstrap, PARTITIONS)
    return kafka


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A receiver of plain HTTP."""
    with WebhookReceiver(SECRET) as running:
        yield running


@pytest.fixture
def run(topics: KafkaServer, tmp_path: Path) -> Iterator[Callable[..., Notifier]]:
    """Starts a notifier for some endpoints; it is stopped in the end."""
    started: list[Notifier] = []

    def start(*endpoints: dict[str, Any], **settings: str) -> Notifier:
        path = write_endpoints(tmp_path / "endpoints.toml", *endpoints, link="https://crm.example/{alert_id}")
        notifier = Notifier(topics, tmp_path, path, **settings)
        started.append(notifier)
        notifier.start()
        return notifier

    yield start
    for notifier in started:
        notifier.stop()


def command(notifier: Notifier, *words: str, code: int = 0) -> str:
    done = ebbwatch("webhooks", *words, **notifier.settings)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def on_data(notifier: Notifier, *words: str, code: int = 0) -> str:
    return command(notifier, *words, "--data", str(notifier.data), code=code)


def test_by_https_with_the_banks_own_authority(
    run: Callable[..., Notifier], topics: KafkaServer, certificates: Certificates
) -> None:
    """Verified against `ca_file`; a receiver whose certificate another authority signed hears nothing."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificates.server_cert, certificates.server_key)
    with WebhookReceiver(SECRET, tls=tls) as receiver:
        secure = {**QUICK, "allow_http": False}
        notifier = run(
            webhook("right", receiver.url("/right"), ca_file=str(certificates.ca), **secure),
            webhook("wrong", receiver.url("/wrong"), ca_file=str(certificates.other_ca), **secure),
        )
        alert = made_alert()
        publish_alerts(topics.bootstrap, [alert], PARTITIONS)
        until(lambda: receiver.accepted("/right") == {webhook_id(alert)})
        unreachable = 'ebbwatch_webhook_attempts_total{endpoint="wrong",outcome="unreachable"}'
        until(lambda: notifier.process is not None and notifier.process.metric(unreachable) >= 1)
        notifier.stop()
        assert receiver.at("/wrong") == []
        assert all(arrival.verified for arrival in receiver.arrivals)


def test_two_secrets_while_one_is_changed(
    run: Callable[..., Notifier], topics: KafkaServer, receiver: WebhookReceiver
) -> None:
    """A receiver with the new secret and one with the old both believe it."""
    secrets = ["env:TEST_WEBHOOK_SECRET", "env:TEST_WEBHOOK_OTHER_SECRET"]
    run(webhook("crm", receiver.url("/crm"), secrets=secrets))
    publish_alerts(topics.bootstrap, [made_alert()], PARTITIONS)
    until(lambda: len(receiver.at("/crm")) == 1)
    (arrival,) = receiver.at("/crm")
    for secret in (SECRET, OTHER_SECRET):
        assert verified(secret, arrival.headers, arrival.body, arrival.at_s)


def test_filters_and_the_other_sinks(
    run: Callable[..., Notifier], topics: KafkaServer, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    """Each endpoint gets what it asks for; files and standard output get lines with the id in front."""
    alerts = [made_alert(f"C{n}", severity="critical" if n % 2 else "warning") for n in range(6)]
    archive = tmp_path / "alerts.ndjson"
    notifier = run(
        webhook("pager", receiver.url("/pager"), severities=["critical"]),
        {"kind": "ndjson", "name": "archive", "path": str(archive), "payload": "full", "customer": "id"},
        {"kind": "stdout", "name": "console", "severities": ["warning"]},
    )
    publish_alerts(topics.bootstrap, alerts, PARTITIONS)
    critical = {webhook_id(alert) for alert in alerts if alert.severity == "critical"}
    warning = {webhook_id(alert) for alert in alerts if alert.severity == "warning"}
    until(lambda: receiver.accepted("/pager") == critical)
    until(lambda: archive.exists() and len(archive.read_bytes().splitlines()) == 6)
    until(lambda: len(console_lines(notifier)) == 3)
    lines = [json.loads(line) for line in archive.read_bytes().splitlines()]
    assert {line["id"] for line in lines} == critical | warning
    assert {line["data"]["customer_id"] for line in lines} == {alert.customer_id for alert in alerts}
    assert {line["id"] for line in console_lines(notifier)} == warning
    assert receiver.accepted("/pager") == critical


def console_lines(notifier: Notifier) -> list[dict[str, Any]]:
    """What the standard output, which shares a file with the log here, holds of alerts."""
    lines = (json.loads(line) for line in notifier.log.read_text().splitlines() if line.startswith("{"))
    return [line for line in lines if "id" in line]


def test_gone_resumed_and_replayed(
    run: Callable[..., Notifier], topics: KafkaServer, receiver: WebhookReceiver
) -> None:
    """410 parks all there is and all that comes; resumed and replayed, while the notifier runs, everything arrives."""
    receiver.manners["/crm"] = Manners(gone_after=3)
    alerts = [made_alert("C1", revision) for revision in range(1, 11)]
    notifier = run(webhook("crm", receiver.url("/crm"), max_in_flight=1, **QUICK))
    publish_alerts(topics.bootstrap, alerts[:8], PARTITIONS)
    until(lambda: "disabled" in on_data(notifier, "list"))
    publish_alerts(topics.bootstrap, alerts[8:], PARTITIONS)
    until(lambda: "7 of 7 shown" in on_data(notifier, "list", "--parked", "crm"))
    assert "resume crm" in on_data(notifier, "replay", "crm", "--all", code=1)

    receiver.manners["/crm"] = Manners()
    assert "7 deliveries are parked" in on_data(notifier, "resume", "crm")
    one = webhook_id(alerts[4])
    assert "1 deliveries" in on_data(notifier, "replay", "crm", one)
    until(lambda: one in receiver.accepted("/crm"))
    assert "6 deliveries" in on_data(notifier, "replay", "crm", "--all")
    until(lambda: receiver.accepted("/crm") == {webhook_id(alert) for alert in alerts})
    assert sum(arrival.status == 410 for arrival in receiver.at("/crm")) == 1
    until(lambda: "ok" in on_data(notifier, "list"))
    assert "nothing is parked" in on_data(notifier, "list", "--parked", "crm")
    assert "no such delivery" in on_data(notifier, "replay", "crm", "--all", code=1)


def test_parked_after_the_last_attempt(
    run: Callable[..., Notifier], topics: KafkaServer, receiver: WebhookReceiver
) -> None:
    """Given up with what was answered; the next revision goes, and the metric says so."""
    receiver.manners["/crm"] = Manners(status=404)
    notifier = run(webhook("crm", receiver.url("/crm"), attempts=3, **QUICK))
    first, second = made_alert("C1", 1), made_alert("C1", 2)
    publish_alerts(topics.bootstrap, [first], PARTITIONS)
    until(lambda: "1 of 1 shown" in on_data(notifier, "list", "--parked", "crm"))
    assert "rejected 404" in on_data(notifier, "list", "--parked", "crm")
    assert len(receiver.at("/crm")) == 3
    receiver.manners["/crm"] = Manners()
    publish_alerts(topics.bootstrap, [second], PARTITIONS)
    until(lambda: receiver.accepted("/crm") == {webhook_id(second)})
    assert notifier.process is not None
    parked = 'ebbwatch_webhook_parked_total{endpoint="crm",reason="attempts"}'
    assert notifier.process.metric(parked) == 1


def test_trying_an_endpoint(run: Callable[..., Notifier], receiver: WebhookReceiver) -> None:
    """`webhooks test` sends one signed event that is no alert, and says what came of it."""
    refused = webhook("refused", receiver.url("/refused").replace("127.0.0.1", "localhost"), allow_networks=[])
    notifier = run(webhook("crm", receiver.url("/crm")), refused)
    assert "crm: delivered 204" in command(notifier, "test", "crm")
    (arrival,) = receiver.at("/crm")
    assert arrival.verified
    assert json.loads(arrival.body)["type"] == "ebbwatch.test"
    receiver.manners["/crm"] = Manners(status=500)
    assert "crm: failed 500" in command(notifier, "test", "crm", code=1)
    assert "allow_networks" in command(notifier, "test", "refused", code=1)
    assert receiver.at("/refused") == []
    assert "no endpoint is called" in command(notifier, "test", "nobody", code=1)


def test_a_second_notifier_on_the_directory_is_refused(run: Callable[..., Notifier], receiver: WebhookReceiver) -> None:
    """Two that deliver the same queue would deliver twice and out of order."""
    notifier = run(webhook("crm", receiver.url("/crm")))
    done = ebbwatch("notify", "--data", notifier.data, EBBWATCH_WEB_PORT="1", **notifier.settings)
    assert done.returncode == 1
    assert "another ebbwatch is running" in done.stderr


def test_a_lost_directory_begins_where_the_group_was(
    run: Callable[..., Notifier], topics: KafkaServer, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    """What had been taken is not sent all over again."""
    notifier = run(webhook("crm", receiver.url("/crm")))
    publish_alerts(topics.bootstrap, [made_alert(f"C{n}") for n in range(10)], PARTITIONS)
    until(lambda: len(receiver.accepted("/crm")) == 10)
    until(lambda: group_position(topics) == 10)
    notifier.stop()
    notifier.data.rename(tmp_path / "lost")
    notifier.start()
    publish_alerts(topics.bootstrap, [made_alert("C1", 2)], PARTITIONS)
    until(lambda: len(receiver.accepted("/crm")) == 11)
    assert len(receiver.at("/crm")) == 11


def group_position(kafka: KafkaServer) -> int:
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        return sum(committed_offsets(admin, "ebbwatch-notifier").values())


def test_repeats_in_the_topic_are_delivered_once(
    run: Callable[..., Notifier], topics: KafkaServer, receiver: WebhookReceiver
) -> None:
    """A relay that repeats itself, or a store made again from the ledger, brings the same ids under new offsets."""
    alerts = [made_alert(f"C{n}") for n in range(5)]
    notifier = run(webhook("crm", receiver.url("/crm")))
    publish_alerts(topics.bootstrap, [*alerts, *alerts], PARTITIONS)
    publish_alerts(topics.bootstrap, [*alerts, made_alert("last")], PARTITIONS)
    until(lambda: len(receiver.accepted("/crm")) == 6)
    assert len(receiver.at("/crm")) == 6
    assert notifier.process is not None
    assert notifier.process.metric('ebbwatch_notifier_alerts_total{fate="repeated"}') == 10


def test_alerts_that_retention_deleted_are_missed_loudly(
    run: Callable[..., Notifier], topics: KafkaServer, receiver: WebhookReceiver
) -> None:
    """Nobody can send them; the log and a metric say how many those were, and the rest arrives."""
    notifier = run(webhook("crm", receiver.url("/crm")))
    publish_alerts(topics.bootstrap, [made_alert("C1", revision) for revision in range(1, 4)], PARTITIONS)
    until(lambda: len(receiver.accepted("/crm")) == 3)
    notifier.stop()
    publish_alerts(topics.bootstrap, [made_alert("C1", revision) for revision in range(4, 9)], PARTITIONS)
    place = TopicPartition(ALERTS, shard_of("C1", PARTITIONS))
    with KafkaAdminClient(bootstrap_servers=topics.bootstrap) as admin:
        admin.delete_records({place: 5})
    process = notifier.start()
    until(lambda: len(receiver.accepted("/crm")) == 6)
    assert process.metric("ebbwatch_notifier_gap_records_total") == 2
    assert "alerts gap: retention has deleted alerts that were not taken" in notifier.log.read_text()


def test_a_topic_made_anew_is_read_from_its_beginning(
    run: Callable[..., Notifier], topics: KafkaServer, receiver: WebhookReceiver
) -> None:
    """Its offsets begin anew; the ids tell what was delivered before."""
    notifier = run(webhook("crm", receiver.url("/crm")))
    publish_alerts(topics.bootstrap, [made_alert("C1", revision) for revision in range(1, 6)], PARTITIONS)
    until(lambda: len(receiver.accepted("/crm")) == 5)
    notifier.stop()
    fresh_topics(topics.bootstrap, PARTITIONS)
    publish_alerts(topics.bootstrap, [made_alert("C1", 5), made_alert("C1", 6)], PARTITIONS)
    notifier.start()
    until(lambda: len(receiver.accepted("/crm")) == 6)
    assert len(receiver.at("/crm")) == 6
    assert "the topic ends before what was taken" in notifier.log.read_text()


def test_without_the_broker_what_is_queued_is_delivered(
    run: Callable[..., Notifier], topics: KafkaServer, receiver: WebhookReceiver
) -> None:
    """The queue needs no Kafka; when the broker is back, the rest comes by itself."""
    receiver.manners["/crm"] = Manners(fails=1.0)
    notifier = run(webhook("crm", receiver.url("/crm"), circuit_failures=1000, attempts=100, **QUICK))
    publish_alerts(topics.bootstrap, [made_alert(f"C{n}") for n in range(20)], PARTITIONS)
    until(lambda: len({arrival.webhook_id for arrival in receiver.at("/crm")}) == 20)
    topics.stop()
    try:
        receiver.manners["/crm"] = Manners()
        until(lambda: len(receiver.accepted("/crm")) == 20)
    finally:
        topics.start()
    publish_alerts(topics.bootstrap, [made_alert("C1", 2)], PARTITIONS)
    until(lambda: len(receiver.accepted("/crm")) == 21)
    assert notifier.process is not None
    assert notifier.process.exit_code is None


def test_nothing_of_a_customer_is_said(
    run: Callable[..., Notifier], topics: KafkaServer, receiver: WebhookReceiver
) -> None:
    """Not in the most talkative log, not in a metric, not in a thin body, not in a command's answer."""
    receiver.manners["/flaky"] = Manners(fails=0.5)
    receiver.manners["/gone"] = Manners(gone_after=2)
    notifier = run(
        webhook("flaky", receiver.url("/flaky"), attempts=2, **QUICK),
        webhook("gone", receiver.url("/gone"), **QUICK),
        webhook("down", receiver.url("/down").replace(str(receiver.port), "1"), **QUICK),
        EBBWATCH_LOG_LEVEL="DEBUG",
    )
    alerts = [
        made_alert(
            f"{CANARY}-customer-{n}",
            subject=f"{CANARY}-case-{n}",
            figures={"net_outflow": AMOUNT, "account": f"{CANARY}-account"},
            evidence=[f"{CANARY}-event-{n}"],
            summary=f"{AMOUNT:,.2f} of {CANARY} has left.",
        )
        for n in range(40)
    ]
    publish_alerts(topics.bootstrap, alerts, PARTITIONS)
    publish_raw(topics, f'{{"id": "{CANARY}", "amount": {AMOUNT}}}'.encode())
    assert notifier.process is not None
    until(lambda: metric_sum(notifier, "ebbwatch_webhook_queue_deliveries", "flaky") == 0)
    until(lambda: len({arrival.webhook_id for arrival in receiver.at("/flaky")}) == 40)
    until(lambda: metric_sum(notifier, "ebbwatch_webhook_disabled", "gone") == 1)
    page = notifier.process.ask("/metrics")[1].decode()
    said = [page, on_data(notifier, "list"), on_data(notifier, "list", "--parked", "flaky")]
    notifier.stop()
    log = notifier.log.read_text()
    assert "a record of the alerts topic is no alert" in log
    assert "a delivery is given up" in log
    assert "410 Gone" in log
    bodies = [arrival.body.decode() for arrival in receiver.arrivals]
    headers = [json.dumps(arrival.headers) for arrival in receiver.arrivals]
    for text in [*said, log, *bodies, *headers]:
        for secret in (CANARY, "7351947", "7,351,947", SECRET, "a secret that only tests know"):
            assert secret not in text


def metric_sum(notifier: Notifier, name: str, endpoint: str) -> float:
    assert notifier.process is not None
    return notifier.process.metric(f'{name}{{endpoint="{endpoint}"}}')


def publish_raw(kafka: KafkaServer, value: bytes) -> None:
    """A record that is no alert."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    producer.send(ALERTS, value=value, partition=0)
    producer.flush()
    producer.close()


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ({"url": "https://127.0.0.1/hook"}, "crm.url: its address is not of the public internet"),
        ({"url": "http://receiver.example/hook", "allow_http": False}, "crm.url: expected https://"),
        ({"secrets": ["env:NOT_SET_ANYWHERE"]}, "env:NOT_SET_ANYWHERE: holds no secret"),
        ({"secrets": ["env:TEST_WEBHOOK_REFERENCE_KEY"]}, "crm.secrets: expected whsec_"),
        ({"rules": ["misspelt"]}, "crm.rules: expected some of"),
    ],
)
def test_what_cannot_be_delivered_to_refuses_to_start(
    topics: KafkaServer, tmp_path: Path, endpoint: dict[str, Any], expected: str
) -> None:
    """One line that names the endpoint and the key; exit code 1."""
    base = {**webhook("crm", "https://receiver.example:443/hook"), "allow_networks": []}
    notifier = Notifier(topics, tmp_path, write_endpoints(tmp_path / "endpoints.toml", {**base, **endpoint}))
    done = ebbwatch("notify", "--data", notifier.data, **notifier.settings)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_without_an_endpoints_file(topics: KafkaServer, tmp_path: Path) -> None:
    """The message names the setting."""
    done = ebbwatch("notify", "--data", tmp_path / "data", EBBWATCH_KAFKA_BROKERS=topics.bootstrap)
    assert done.returncode == 1
    assert "EBBWATCH_ENDPOINTS: expected the path of an endpoints file" in done.stderr


def test_a_data_directory_that_is_none(topics: KafkaServer, tmp_path: Path) -> None:
    """A file in its place, or a queue that is no database: one line, and nothing is overwritten."""
    endpoints = write_endpoints(tmp_path / "endpoints.toml", {"kind": "stdout", "name": "console"})
    notifier = Notifier(topics, tmp_path, endpoints)
    notifier.data.write_text("a file")
    refused = ebbwatch("notify", "--data", notifier.data, **notifier.settings)
    assert refused.returncode in (1, 2)
    assert "Traceback" not in refused.stderr
    other = tmp_path / "other"
    other.mkdir()
    (other / "notifier.sqlite3").write_bytes(b"no database at all" * 1000)
    refused = ebbwatch("notify", "--data", other, **notifier.settings)
    assert refused.returncode == 1
    assert "notifier.sqlite3: cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (other / "notifier.sqlite3").read_bytes().startswith(b"no database")


def test_outcomes_are_a_closed_set() -> None:
    """They are metric labels."""
    assert {outcome.value for outcome in Outcome} == {
        "delivered", "gone", "throttled", "rejected", "failed", "timed_out", "unreachable", "refused",
    }  # fmt: skip
